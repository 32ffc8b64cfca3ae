//! Owns the diagnosis of file system errors on a path: some error codes name only half of the problem. Changes
//! nothing.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

/// The problem and its remedy; `None` if there is nothing to add to the error itself.
pub(crate) fn why(path: &Path, error: &io::Error) -> Option<(String, &'static str)> {
    match error.kind() {
        io::ErrorKind::NotADirectory => in_the_way(path),
        io::ErrorKind::StorageFull => no_inodes(path),
        _ => None,
    }
}

/// The nearest existing part of the path, if it is not a folder.
fn in_the_way(path: &Path) -> Option<(String, &'static str)> {
    let there = path
        .ancestors()
        .find_map(|part| Some((part, part.metadata().ok()?)));
    let (part, _) = there.filter(|(_, metadata)| !metadata.is_dir())?;
    Some((
        format!("{} is a file and no folder", part.display()),
        "give an output_folder that is a folder or is not there yet; the file was not touched",
    ))
}

/// A file system that may have free blocks but has run out of inodes. File systems that allocate inodes
/// dynamically report a total of none.
fn no_inodes(path: &Path) -> Option<(String, &'static str)> {
    let there = path.ancestors().find(|part| part.exists());
    let there = there.unwrap_or(Path::new("."));
    let disk = statvfs(there).ok()?;
    (disk.f_files > 0 && disk.f_favail == 0).then(|| {
        (
            format!("{}: the file system has no free inodes", path.display()),
            "remove files there (df -i counts them), or write fewer: a larger --number_sample_per_shard, or \
             webdataset instead of files, in a new output_folder; the same command then goes on",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_in_the_way_is_named_and_a_folder_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "mine").expect("a file");
        let error = io::Error::from(io::ErrorKind::NotADirectory);
        for below in ["", "sub", "sub/sub"] {
            let path = if below.is_empty() {
                file.clone()
            } else {
                file.join(below)
            };
            let (what, _) = why(&path, &error).expect("it is in the way");
            assert_eq!(what, format!("{} is a file and no folder", file.display()));
        }
        assert!(why(&folder.path().join("new"), &error).is_none());
    }
}
