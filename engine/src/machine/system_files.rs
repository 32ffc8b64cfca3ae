//! Owns reading the small files of /proc, /sys and /etc below a root, which tests replace by a
//! temporary folder. Never writes, and never opens a path that a file contains.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Most bytes read of one file; the files read here are much smaller.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// The system's files below a root folder.
#[derive(Clone, Debug)]
pub(crate) struct SystemFiles {
    root: PathBuf,
}

impl SystemFiles {
    /// The files below `root`, which is `/` on a real machine.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A file's text; `None` if it cannot be read.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.read(path).ok()
    }

    /// A file's text, or the system's error.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        File::open(self.root.join(path))?
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The value of a file that holds only one.
    pub(crate) fn value<T: FromStr>(&self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.trim().parse().ok()
    }

    /// The first `N` values of a file, separated by spaces.
    pub(crate) fn values<const N: usize>(&self, path: impl AsRef<Path>) -> Option<[u64; N]> {
        let text = self.text(path)?;
        let mut words = text.split_whitespace().map(str::parse);
        let mut values = [0; N];
        for value in &mut values {
            *value = words.next()?.ok()?;
        }
        Some(values)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::SystemFiles;

    /// A root with these files. The folder is removed when it is dropped.
    pub(crate) fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, SystemFiles) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = SystemFiles::at(folder.path());
        (folder, tree)
    }
}
