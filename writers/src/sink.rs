//! Owns the interface that a shard is written through. Never opens, names temporarily or commits a file.

/// Receives the bytes of a shard. Paths are relative to the dataset folder and final; the caller writes under
/// temporary names and commits.
pub trait Sink {
    /// Appends to the stream file of the shard (`00000.tar`, `00000.tfrecord`, `00000.parquet`).
    fn append(&mut self, bytes: &[u8]);

    /// Adds a complete small file beside the stream (`00000/000000000.jpg`, `00000.parquet`).
    fn file(&mut self, path: String, bytes: Vec<u8>);
}
