//! Owns the file system's own steps: the reactor's ring for what reactors write, plain calls for the
//! rest. Never knows what a file is for.

use std::fs::{self, FileType, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use futures_util::future::{FutureExt, LocalBoxFuture};
use monoio::fs::File;
use rustix::fs::{
    CWD, FlockOperation, OFlags, RenameFlags, StatVfsMountFlags, flock, renameat_with, statvfs,
};
use rustix::io::Errno;

use super::{Disk, Files, Kind, Lock, Locked, OpenFolder, RandomAccess, Stamp, Stream};
use crate::dataset::disk::Block;

pub(super) struct Real;

impl Files for Real {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn stream(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(fs::File::open(path)?))
    }

    fn random(&self, path: &Path) -> io::Result<RandomAccess> {
        RandomAccess::of_file(fs::File::open(path)?)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        match fs::symlink_metadata(path) {
            Ok(there) => Ok(Some(there.file_type().into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type() {
                Ok(kind) => {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    entries.push((name, kind.into()));
                }
                // Gone since it was listed, where the listing does not tell kinds.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }
}

impl Disk for Real {
    fn create(&self, path: &Path, direct: bool) -> io::Result<Box<dyn Stream>> {
        let file = if direct {
            match create(path, OFlags::DIRECT) {
                // The file system has no direct I/O.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::INVAL) => {
                    create(path, OFlags::empty())
                }
                other => other,
            }
        } else {
            create(path, OFlags::empty())
        };
        Ok(Box::new(file?))
    }

    fn write_small<'a>(
        &'a self,
        path: &'a Path,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, io::Result<()>> {
        async {
            let file = create(path, OFlags::empty())?;
            let (result, _) = file.write_all_at(bytes, 0).await;
            result?;
            file.close().await
        }
        .boxed_local()
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::write(path, bytes)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(path)?;
        file.write_all(bytes)
    }

    fn sync(&self, path: &Path, length: Option<u64>) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        if let Some(length) = length {
            file.set_len(length)?;
        }
        file.sync_all()
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        fs::File::open(folder)?.sync_all()
    }

    fn sync_all(&self, folder: &Path) -> io::Result<()> {
        rustix::fs::syncfs(fs::File::open(folder)?).map_err(io::Error::from)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let renamed = renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE);
        rename_unless_there(renamed, from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_empty(&self, folder: &Path) -> io::Result<bool> {
        match fs::remove_dir(folder) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn create_new(&self, path: &Path) -> io::Result<()> {
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        made.map(drop)
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        match fs::symlink_metadata(path) {
            Ok(found) => Ok(Some(Stamp {
                inode: found.ino(),
                modified: found.modified()?,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open_folder(&self, folder: &Path) -> io::Result<Box<dyn OpenFolder>> {
        Ok(Box::new(RealFolder {
            file: fs::File::open(folder)?,
            name: folder.to_owned(),
        }))
    }
}

struct RealFolder {
    file: fs::File,
    name: PathBuf,
}

impl OpenFolder for RealFolder {
    fn lock(&self, lock: Lock) -> Locked {
        let operation = match lock {
            Lock::Exclusive => FlockOperation::NonBlockingLockExclusive,
            Lock::Shared => FlockOperation::NonBlockingLockShared,
        };
        match flock(&self.file, operation) {
            Ok(()) => Locked::Held,
            Err(Errno::WOULDBLOCK) => Locked::Refused,
            Err(_) => Locked::Unsupported,
        }
    }

    fn check(&self) -> io::Result<()> {
        let (opened, named) = (self.file.metadata()?, fs::metadata(&self.name)?);
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let flags = statvfs(&self.name)?.f_flag;
        if flags.contains(StatVfsMountFlags::RDONLY) {
            return Err(Errno::ROFS.into());
        }
        Ok(())
    }
}

impl From<FileType> for Kind {
    fn from(kind: FileType) -> Self {
        if kind.is_file() {
            Self::File
        } else if kind.is_dir() {
            Self::Folder
        } else {
            Self::Other
        }
    }
}

/// What became of a rename that replaces nothing: file systems that cannot promise it (FUSE's and NFS'
/// among them) are asked in two steps, between which another process may still come.
fn rename_unless_there(renamed: rustix::io::Result<()>, from: &Path, to: &Path) -> io::Result<()> {
    match renamed {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        other => return Ok(other?),
    }
    match fs::symlink_metadata(to) {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
        Err(error) => Err(error),
    }
}

impl Stream for File {
    fn write(&mut self, block: Block, offset: u64) -> LocalBoxFuture<'_, io::Result<()>> {
        async move { self.write_all_at(block, offset).await.0 }.boxed_local()
    }
}

fn create(path: &Path, flags: OFlags) -> io::Result<File> {
    // OFlags are the kernel's own bits, which fit the C int they are passed as.
    let flags = flags.bits() as i32;
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(flags)
        .open(path)?;
    File::from_std(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A file and a folder to be renamed, and the names of what is there.
    fn folder() -> (tempfile::TempDir, [PathBuf; 2], [PathBuf; 4]) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("new"), b"new").expect("a file");
        fs::create_dir(path("new-folder")).expect("a folder");
        fs::write(path("file"), b"mine").expect("a file");
        fs::create_dir(path("folder")).expect("an empty folder");
        symlink("nowhere", path("dangling")).expect("a link");
        symlink("folder", path("link")).expect("a link");
        let there = ["file", "folder", "dangling", "link"].map(path);
        let ours = ["new", "new-folder"].map(path);
        (folder, ours, there)
    }

    #[test]
    fn a_rename_to_a_new_name_replaces_nothing_on_any_file_system() {
        type Rename = fn(&Path, &Path) -> io::Result<()>;
        let ways: [Rename; 4] = [
            |from, to| Real.rename_new(from, to),
            |from, to| rename_unless_there(Err(Errno::INVAL), from, to),
            |from, to| rename_unless_there(Err(Errno::NOSYS), from, to),
            |from, to| rename_unless_there(Err(Errno::OPNOTSUPP), from, to),
        ];
        for way in ways {
            let (folder, ours, there) = folder();
            for from in &ours {
                for to in &there {
                    let error = way(from, to).expect_err("something has the name");
                    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                }
                assert!(from.exists(), "nothing was changed");
                way(from, &from.with_extension("done")).expect("a new name");
                assert!(!from.exists() && from.with_extension("done").exists());
            }
            assert_eq!(fs::read(&there[0]).expect("the file"), b"mine");
            assert!(there[1].is_dir() && there[2].is_symlink());
            drop(folder);
        }
        let io_error = rename_unless_there(Err(Errno::IO), Path::new("a"), Path::new("b"));
        assert_eq!(
            Errno::from_io_error(&io_error.expect_err("EIO")),
            Some(Errno::IO)
        );
    }

    #[test]
    fn a_link_is_told_from_what_it_leads_to() {
        let (folder, _, there) = folder();
        let kinds = there.map(|path| Real.kind(&path).expect("a look"));
        let expected = [Kind::File, Kind::Folder, Kind::Other, Kind::Other];
        assert_eq!(kinds, expected.map(Some));
        assert_eq!(
            Real.kind(&folder.path().join("none")).expect("a look"),
            None
        );
        let entries = Real.entries(folder.path()).expect("a list");
        assert!(entries.contains(&("link".to_owned(), Kind::Other)));
        assert!(entries.contains(&("folder".to_owned(), Kind::Folder)));
    }

    #[test]
    fn only_an_empty_folder_is_removed_as_one() {
        let (folder, [file, empty], _) = folder();
        assert!(!Real.remove_empty(folder.path()).expect("an answer"));
        assert!(Real.remove_empty(&empty).expect("an answer"));
        assert!(Real.remove_empty(&file).is_err() && file.exists());
    }
}
