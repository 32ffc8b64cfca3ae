//! Owns the fingerprint of a list, by which a resumed run knows it again. Never opens a file.

use std::path::Path;

use ring::digest;

use super::object::ObjectFile;

/// What identifies the input of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputIdentity {
    /// Hex digest of the files' names without their folder, sizes, and first and last bytes, for which the
    /// version of an object stands, or of a pipe's first bytes. It does not depend on the folder. A resumed
    /// run compares it.
    pub fingerprint: String,
    /// Rows of the dataset, if they are known.
    pub rows: Option<u64>,
}

/// The digest over all files.
pub(super) struct Identity(digest::Context);

impl Identity {
    pub(super) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(super) fn file(&mut self, path: &Path, bytes: u64, ends: &[u8]) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.0.update(format!("{name}\0{bytes}\0").as_bytes());
        self.0.update(ends);
    }

    pub(super) fn object(&mut self, object: &ObjectFile, head: &[u8]) {
        let Some(bytes) = object.bytes() else {
            return self.pipe(head);
        };
        self.file(object.path(), bytes, &object.distinction(head));
    }

    pub(super) fn pipe(&mut self, head: &[u8]) {
        self.0.update(b"\0pipe\0");
        self.0.update(head);
    }

    pub(super) fn finish(self) -> String {
        let digest = self.0.finish();
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
