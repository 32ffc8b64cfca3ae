//! Owns what happens between a complete body and its image: the compute threads, the processing of one body,
//! the cap on decode memory, and the decoding processes. Never touches a file or a connection to a host.

mod decode_budget;
pub mod isolate;
mod pool;
mod work;

pub use pool::{Done, DoneResult, Finished, Job, Pool, Task, start};
pub use work::ImageWork;
