//! Owns the sink of tests: what a shard writes, in memory.

use std::collections::BTreeMap;

use crate::sink::Sink;

/// A sink in memory.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Memory {
    pub(crate) stream: Vec<u8>,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

impl Sink for Memory {
    fn append(&mut self, bytes: &[u8]) {
        self.stream.extend_from_slice(bytes);
    }

    fn file(&mut self, path: String, bytes: Vec<u8>) {
        assert!(
            self.files.insert(path, bytes).is_none(),
            "a file was written twice"
        );
    }
}
