//! Owns the types that shards, compute threads and the commit thread exchange. Never writes and never renames.

use std::io;
use std::path::PathBuf;

use arrow_array::StringArray;
use turbo2ds_writers::Sink;

use super::remote::Uploaded;

/// A reactor's name for one of its open shards.
pub(crate) type ShardSlot = u64;

/// A path and the file system's error for it.
pub(crate) type Broken = (PathBuf, io::Error);

/// Something written under its temporary name.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Where it is.
    pub temporary: PathBuf,
    /// Its final path.
    pub target: PathBuf,
    /// It is the shard's stream, padded for direct I/O.
    pub stream: bool,
    /// It is a folder of files.
    pub folder: bool,
}

/// Everything that one try of a shard has written, in the form of its store.
pub(crate) enum Written {
    /// Files under temporary names.
    Files(Vec<Placed>),
    /// Uploads that are not completed.
    Objects(Uploaded),
}

impl Written {
    /// Files under temporary names; none if the store has no such thing.
    pub(crate) fn files(&self) -> &[Placed] {
        match self {
            Self::Files(placed) => placed,
            Self::Objects(_) => &[],
        }
    }
}

/// A shard whose bytes are all written, and not yet part of the dataset.
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
    /// Their keys, if the list gives them.
    pub keys: Option<StringArray>,
    /// What was written.
    pub written: Written,
    /// The stream's length without padding.
    pub stream_bytes: u64,
    /// Name and bytes of the mark.
    pub stats: (String, Vec<u8>),
}

/// Result of a commit, for the reactor that waits.
pub(crate) struct CommitDone {
    /// The shard among the reactor's open ones.
    pub slot: ShardSlot,
    /// Whose shard was published, or the error.
    pub result: Result<Committed, Broken>,
}

/// Whose shard was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// This run's.
    Here,
    /// Another worker's, which was first.
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
