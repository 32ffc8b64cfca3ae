//! Writes samples to shards: webdataset, files, parquet, tfrecord and dummy, with metadata parquet, JSON per
//! sample and stats. Owns the layout of every output byte. Never opens or renames a file and never reads a
//! clock: bytes go to a [`Sink`] that the caller supplies. The same input in the same order gives the same
//! bytes.
#![forbid(unsafe_code)]
#![deny(unreachable_pub)]

mod columns;
mod error;
mod files;
mod images;
mod json;
mod layout;
mod metadata;
mod outcome;
mod records;
mod rewrite;
mod shard;
mod sink;
mod stats;
mod tarball;
#[cfg(test)]
mod testing;
mod tfrecord;
mod value;

pub use columns::Column;
pub use error::WriterError;
pub use files::{CAPTION_EXT, JSON_EXT, OutputFormat, Part, ShardFile, sample_parts, shard_name};
pub use layout::{Layout, row_digits, sample_key};
pub use outcome::{RowFailure, RowOutcome, SampleFacts, Stage, Status};
pub use records::{RecordError, Records, SampleFeatures};
pub use rewrite::{RewriteError, Tombstone, parquet_without, tar_without, tfrecord_without};
pub use shard::ShardWriter;
pub use sink::Sink;
pub use stats::{FileDigest, ShardStats};
