//! Owns one output shard from its plan to its last byte: outcomes per row, the writer, and the
//! files under temporary names. Never renames: [`crate::commit`] does, on its own thread.

mod block;
mod collected;
mod open;
mod stream;

pub use block::{ALIGN_BYTES, Block};
pub use collected::Collected;
pub use open::{OpenShard, Tally};
pub use stream::{Dirty, ShardFiles, pump};
