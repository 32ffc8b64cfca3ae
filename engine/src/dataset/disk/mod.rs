//! Owns the operations on a file system: every one by which a dataset is created, read or deleted is a method
//! of [`Disk`], so that the same code also runs on a simulated disk that loses power. Never decides their
//! order.

mod block;
mod random;
mod real;
#[cfg(test)]
pub(crate) mod simulated;

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

pub(crate) use block::{BLOCK_BYTES, Block};
pub(crate) use random::{RandomAccess, Ranges};

/// Kind of file; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe, a socket, a device.
    Other,
}

/// How a folder is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// One process holds it.
    Exclusive,
    /// Several processes hold it.
    Shared,
}

/// Result of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// It is held.
    Held,
    /// Another process holds a conflicting lock.
    Refused,
    /// The file system has no locks.
    Unsupported,
}

/// Distinguishes a file from the next one of its name, by the file system's clock alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Its inode.
    pub inode: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

/// What can be read of a dataset, wherever it is kept. Threads that may block use it.
pub(crate) trait Files: Send + Sync {
    /// A file's bytes.
    ///
    /// # Errors
    /// The store's, as for all below.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// A file's bytes from its start.
    fn stream(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Cursor::new(self.read(path)?)))
    }

    /// The first `most` bytes of a small file.
    fn read_small(&self, path: &Path, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.stream(path)?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A file's bytes in any order.
    fn random(&self, path: &Path) -> io::Result<RandomAccess> {
        let bytes: Bytes = self.read(path)?.into();
        Ok(RandomAccess::new(bytes))
    }

    /// Whether there is a file or folder of this name.
    fn exists(&self, path: &Path) -> bool;

    /// The kind of file that has this name; `None` if nothing has it.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;

    /// The names in a folder with their kinds.
    fn entries(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>>;
}

/// The operations of a file system. Reactors use those that return a future, threads that may block use the others. Only the
/// syncs make anything durable.
pub(crate) trait Disk: Files {
    /// Creates an empty file, or truncates the one of this name. `direct` bypasses the page cache if the file
    /// system can.
    ///
    /// # Errors
    /// The file system's, as for all below.
    fn create(&self, path: &Path, direct: bool) -> io::Result<Box<dyn Stream>>;

    /// Writes a whole file, replacing the content of the one of this name.
    fn write_small<'a>(
        &'a self,
        path: &'a Path,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, io::Result<()>>;

    /// Writes a whole file, on a thread that may block.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Adds bytes to a file's end, on a thread that may block. A missing one is created.
    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file's content durable, truncated to `length` first if that is given. Its name is not durable.
    fn sync(&self, path: &Path, length: Option<u64>) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes everything durable on the file system that a folder is on.
    fn sync_all(&self, folder: &Path) -> io::Result<()>;

    /// Renames a file or folder; a file of the new name is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file or folder; `AlreadyExists`, without any change, if something has the new name.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a folder with everything in it. A missing one is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty folder; false if it is not empty.
    fn remove_empty(&self, folder: &Path) -> io::Result<bool>;

    /// Creates a folder.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Creates an empty file; `AlreadyExists` if something has the name. Of several callers at once, on any
    /// machine, one succeeds.
    fn create_new(&self, path: &Path) -> io::Result<()>;

    /// A file's stamp, links not followed; `None` if nothing has the name.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;

    /// Opens a folder to lock it.
    fn open_folder(&self, folder: &Path) -> io::Result<Box<dyn OpenFolder>>;
}

/// An open folder. Dropping it releases its lock.
pub(crate) trait OpenFolder: Send + Sync {
    /// Asks for a lock in place of the one that is held. Does not block.
    fn lock(&self, lock: Lock) -> Locked;

    /// Checks that this folder still has its name and can be written to.
    ///
    /// # Errors
    /// `NotFound`, `ReadOnlyFilesystem`, or what the file system said.
    fn check(&self) -> io::Result<()>;
}

/// A file that is written block by block.
pub(crate) trait Stream {
    /// Writes a whole block at an offset.
    fn write(&mut self, block: Block, offset: u64) -> LocalBoxFuture<'_, io::Result<()>>;
}

/// The machine's own disk.
pub(crate) fn real() -> Arc<dyn Disk> {
    Arc::new(real::Real)
}
