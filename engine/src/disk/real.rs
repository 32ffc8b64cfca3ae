//! Owns the file system's own steps: the reactor's ring for what reactors write, plain calls for the
//! rest. Never knows what a file is for.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use futures_util::future::{FutureExt, LocalBoxFuture};
use monoio::fs::File;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{Disk, Stream};
use crate::shard::Block;

pub(super) struct Real;

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

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        fs::read_dir(folder)?
            .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .collect()
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
