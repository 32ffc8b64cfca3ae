//! Owns reading the small files of /proc, /sys and /etc below a root, which tests replace by a folder
//! of their own. Never writes, never follows what a file names.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most bytes read of one file; none of those read here is near it.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// A root, and what is below it.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Everything below `root`; `/` on a real machine.
    pub(in crate::doctor) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A file's text; `None` where there is none or it cannot be read.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.read(path).ok()
    }

    /// A file's text, or the system's reason why there is none.
    pub(super) fn read(&self, path: impl AsRef<Path>) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        File::open(self.root.join(path))?
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file that holds one value.
    pub(super) fn one<T: FromStr>(&self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.trim().parse().ok()
    }

    /// A file that holds so many values between spaces, or more.
    pub(super) fn several<const N: usize>(&self, path: impl AsRef<Path>) -> Option<[u64; N]> {
        let text = self.text(path)?;
        let mut words = text.split_whitespace().map(str::parse);
        let mut values = [0; N];
        for value in &mut values {
            *value = words.next()?.ok()?;
        }
        Some(values)
    }
}
