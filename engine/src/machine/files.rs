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
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Everything below `root`; `/` on a real machine.
    pub(crate) fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A file's text; `None` where there is none or it cannot be read.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        self.read(path).ok()
    }

    /// A file's text, or the system's reason why there is none.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        File::open(self.root.join(path))?
            .take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file that holds one value.
    pub(crate) fn one<T: FromStr>(&self, path: impl AsRef<Path>) -> Option<T> {
        self.text(path)?.trim().parse().ok()
    }

    /// A file that holds so many values between spaces, or more.
    pub(crate) fn several<const N: usize>(&self, path: impl AsRef<Path>) -> Option<[u64; N]> {
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
    use super::Tree;

    /// A root with these files in it. The folder goes when it is dropped.
    pub(crate) fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let tree = Tree::at(folder.path());
        (folder, tree)
    }
}
