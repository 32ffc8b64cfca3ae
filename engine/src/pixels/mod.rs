//! Owns what happens to a body from its last byte to its image: the compute threads, the work on one body, the
//! memory that decoding may take, and the decoding processes. Never touches a socket of a host or a file.

mod decode_budget;
pub mod isolate;
mod pool;
mod work;

pub use pool::{Done, DoneResult, Finished, Job, Pool, Task, start};
pub use work::ImageWork;
