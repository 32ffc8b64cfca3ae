//! Owns what can be wrong with a shard: a closed set of faults whose messages never contain bytes of the
//! dataset.

use std::io;

use turbo2ds_writers::RecordError;

/// One thing that is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is missing")]
    Missing,
    #[error("is empty, broken, or does not add up")]
    Mark,
    #[error("is no whole parquet file")]
    Parquet,
    #[error("lacks the column {0}")]
    Column(&'static str),
    #[error("has {found} rows, its stats say {wanted}")]
    RowCount { found: u64, wanted: u64 },
    #[error("counts its rows' ends otherwise than its stats")]
    Counts,
    #[error("row {0} has a key that is not this shard's, or one that comes twice")]
    RowKey(u64),
    #[error("row {0} has a key that no sample may have, one that comes twice, or none")]
    GivenKey(u64),
    #[error("row {0} failed for its key and has one")]
    FailedKey(u64),
    #[error("row {0} has a status that is none")]
    Status(u64),
    #[error("is no whole tar")]
    Tar,
    #[error("ends before the two blocks of zeroes that end a tar, or goes on after them")]
    TarEnd,
    #[error("a member's name is not KEY.EXTENSION, or it is no plain file")]
    Member,
    #[error("a sample's members are not next to each other, or one comes twice")]
    MemberOrder,
    #[error("{0}")]
    Record(RecordError),
    #[error("a sample's key is no row of this shard")]
    UnknownKey,
    #[error("row {0} has two samples")]
    SampleTwice(u64),
    #[error("row {0} has a sample and no success")]
    SampleOfFailure(u64),
    #[error("{0} successes have no sample")]
    SamplesMissing(u64),
    #[error("row {0} has no image")]
    NoImage(u64),
    #[error("row {0} has bytes that are no image of its format")]
    Image(u64),
    #[error("row {0} has an image of another size than its metadata say")]
    ImageSize(u64),
    #[error("row {0} has other bytes than its hash says")]
    Hash(u64),
    #[error("row {0} has a json that is none or tells of another sample")]
    Json(u64),
    #[error("row {0} has a member too long to be read")]
    TooLong(u64),
    #[error("is not what version {0} has")]
    Version(String),
    #[error("makes its reader fail")]
    Reader,
}

impl From<RecordError> for Fault {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Io(error) => Self::Io(error),
            other => Self::Record(other),
        }
    }
}

/// A fault and the file it is in, by the file's name in the folder.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: String,
    pub(super) fault: Fault,
}
