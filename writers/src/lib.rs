//! Samples to shards: webdataset, files, parquet, tfrecord and dummy, with the metadata parquet,
//! per-sample JSON and stats. Owns every output byte's layout. Never opens a file, never renames,
//! never reads a clock: bytes leave through a [`Sink`] that the caller supplies. Equal input in
//! equal order gives equal bytes.
#![forbid(unsafe_code)]

mod error;
mod images;
mod json;
mod layout;
mod metadata;
mod records;
mod shard;
mod stats;
mod tarball;
mod tfrecord;
mod value;

pub use error::WriterError;
pub use layout::{Layout, RowOutcome, row_digits, sample_key, shard_name};
pub use records::{RecordError, Records, SampleFeatures};
pub use shard::ShardWriter;
pub use stats::ShardStats;

/// Kind of shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// A folder of single files per shard.
    Files,
    /// A tar per shard.
    Webdataset,
    /// One parquet with the image in a binary column.
    Parquet,
    /// Masked-CRC records of tf.train.Example.
    Tfrecord,
    /// No data, stats only.
    Dummy,
}

/// Where a shard's bytes go. Paths are relative to the dataset's folder and carry final names; the
/// caller writes under temporary names and commits.
pub trait Sink {
    /// Appends to the shard's one stream file (`00000.tar`, `00000.tfrecord`, `00000.parquet`).
    fn append(&mut self, bytes: &[u8]);

    /// Adds a whole small file beside the stream (`00000/000000000.jpg`, `00000.parquet`).
    fn file(&mut self, path: String, bytes: Vec<u8>);
}
