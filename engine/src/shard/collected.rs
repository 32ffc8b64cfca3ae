//! A sink in memory: what a compute thread lays out for the reactor to write.

use turbo2ds_writers::Sink;

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
