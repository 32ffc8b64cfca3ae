//! Owns a new file of a change while it is written: its bytes go to the disk piece by piece and are digested. Never
//! renames.

use std::io;
use std::path::PathBuf;

use ring::digest::{Context, SHA256};
use turbo2ds_writers::{FileDigest, Sink};

use crate::dataset::digest::hex;
use crate::dataset::disk::Disk;

/// Bytes that are written at a time.
const STEP_BYTES: usize = 1 << 20;

/// A file that grows.
pub(super) struct NewFile<'a> {
    disk: &'a dyn Disk,
    path: PathBuf,
    buffer: Vec<u8>,
    bytes: u64,
    sum: Context,
    /// The first error: a sink gives none back.
    failed: Option<io::Error>,
}

impl<'a> NewFile<'a> {
    /// An empty file.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn create(disk: &'a dyn Disk, path: PathBuf) -> io::Result<Self> {
        disk.write(&path, &[])?;
        Ok(Self {
            disk,
            path,
            buffer: Vec::new(),
            bytes: 0,
            sum: Context::new(&SHA256),
            failed: None,
        })
    }

    fn flush(&mut self) {
        if self.failed.is_none() {
            self.failed = self.disk.append(&self.path, &self.buffer).err();
        }
        self.buffer.clear();
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The file system's, of any write before too.
    pub(super) fn finish(mut self) -> io::Result<FileDigest> {
        if !self.buffer.is_empty() {
            self.flush();
        }
        match self.failed {
            Some(error) => Err(error),
            None => Ok(FileDigest {
                files: None,
                bytes: self.bytes,
                sha256: hex(self.sum.finish().as_ref()),
            }),
        }
    }
}

impl Sink for NewFile<'_> {
    fn append(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
        self.bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= STEP_BYTES {
            self.flush();
        }
    }

    fn file(&mut self, path: String, _: Vec<u8>) {
        self.failed = Some(io::Error::other(format!("{path} is no part of a stream")));
    }
}
