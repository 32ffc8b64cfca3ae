//! Owns one output shard from its plan to its last byte: outcomes per row, the writer, and the
//! files under temporary names. Never renames: [`crate::dataset::commit`] does, on its own thread.

mod digests;
mod open;
mod stream;

pub(crate) use digests::{digest_of_file, digest_of_folder};
pub(crate) use open::OpenShard;
pub(crate) use stream::{Dirty, ShardFiles, pump};
