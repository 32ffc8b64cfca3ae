//! Owns the set of output formats. Never lays out a byte.

/// The format of shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// A folder of files per shard.
    Files,
    /// A tar per shard.
    Webdataset,
    /// A parquet file with the images in a binary column.
    Parquet,
    /// A TFRecord file of tf.train.Example messages.
    Tfrecord,
    /// No data, only stats.
    Dummy,
}
