//! Owns the types that a shard, the compute threads and the commit thread hand to each other. Never writes
//! and never renames.

use std::io;
use std::path::PathBuf;

use arrow_array::StringArray;
use turbo2ds_writers::Sink;

/// A reactor's name for one of its open shards.
pub(crate) type ShardSlot = u64;

/// The path that could not be dealt with, and what the file system said.
pub(crate) type Broken = (PathBuf, io::Error);

/// Something written under its temporary name.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Where it is.
    pub temporary: PathBuf,
    /// Where it belongs.
    pub target: PathBuf,
    /// It is the shard's stream, padded for direct I/O.
    pub stream: bool,
    /// It is a folder of files.
    pub folder: bool,
}

/// A shard whose every byte is written, not yet under its names.
pub(crate) struct SealedShard {
    /// The reactor that waits.
    pub owner: usize,
    /// The shard among that reactor's open ones.
    pub slot: ShardSlot,
    /// Its number in the dataset.
    pub shard_id: u64,
    /// Tries before this one.
    pub attempt: u32,
    /// Its rows.
    pub rows: u64,
    /// Their keys, where the list gives them.
    pub keys: Option<StringArray>,
    /// Its files.
    pub placed: Vec<Placed>,
    /// The stream's length without padding.
    pub stream_bytes: u64,
    /// Name and bytes of the mark.
    pub stats: (String, Vec<u8>),
}

/// The end of a commit, for the reactor that waits.
pub(crate) struct CommitDone {
    /// The shard among the reactor's open ones.
    pub slot: ShardSlot,
    /// Done, or the path and what the file system said.
    pub result: Result<Committed, Broken>,
}

/// Whose shard it is that stands under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// This run's.
    Here,
    /// Another worker's, who was first.
    Elsewhere,
}

/// A stream's tail and whole files.
#[derive(Default)]
pub struct Collected {
    /// Bytes to append to the shard's stream.
    pub stream: Vec<u8>,
    /// Whole files by final path.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Sink for Collected {
    fn append(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
    }

    fn file(&mut self, path: String, bytes: Vec<u8>) {
        self.files.push((path, bytes));
    }
}
