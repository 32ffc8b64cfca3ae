//! Owns the steps on a file system: every one by which a dataset is created, found or removed is a method of
//! [`Disk`], so that the same steps can be taken on a simulated disk that loses power. Never decides on an
//! order: callers do.

mod block;
mod real;
#[cfg(test)]
pub(crate) mod simulated;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::LocalBoxFuture;

pub(crate) use block::{BLOCK_BYTES, Block};

/// What a name stands for, links not followed.
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
    /// By one alone.
    Exclusive,
    /// By several, none of them exclusively.
    Shared,
}

/// What came of asking for a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locked {
    /// It is held.
    Held,
    /// Another holds one that keeps this from being had.
    Refused,
    /// The file system knows no locks.
    Unsupported,
}

/// What tells one file of a name from the next without a look at any clock but the file system's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Its inode.
    pub inode: u64,
    /// When it was last written to.
    pub modified: SystemTime,
}

/// The steps. Those that give a future are taken by reactors, the others by threads that may wait.
/// None but the syncs makes anything durable.
pub(crate) trait Disk: Send + Sync {
    /// Makes a file, empty, or empties the one of this name. `direct` is past the page cache, where
    /// the file system can.
    ///
    /// # Errors
    /// The file system's, as for all below.
    fn create(&self, path: &Path, direct: bool) -> io::Result<Box<dyn Stream>>;

    /// Makes a file of these bytes, or gives the one of this name these.
    fn write_small<'a>(
        &'a self,
        path: &'a Path,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, io::Result<()>>;

    /// The same, on a thread that may wait.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file's content durable, cut to a length first where one is given. Its name is not.
    fn sync(&self, path: &Path, length: Option<u64>) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes everything durable on the file system that a folder is on.
    fn sync_all(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file or folder another name; a file of that name goes.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file or folder a name that nothing has; `AlreadyExists` where something has, in which case
    /// nothing was changed.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a folder with all that is in it; nothing where there is neither.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder that has nothing in it; false where it has.
    fn remove_empty(&self, folder: &Path) -> io::Result<bool>;

    /// Makes a folder.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// A file's bytes.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// Whether there is a file or folder of this name.
    fn exists(&self, path: &Path) -> bool;

    /// What this name itself stands for; none where nothing has it.
    fn kind(&self, path: &Path) -> io::Result<Option<Kind>>;

    /// What is in a folder: names, and what each stands for.
    fn entries(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>>;

    /// Makes an empty file of a name that nothing has; `AlreadyExists` where something has. Of several that
    /// ask at once, on several machines, one makes it.
    fn create_new(&self, path: &Path) -> io::Result<()>;

    /// A file's stamp, links not followed; none where nothing has the name.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;

    /// A folder, open to be locked.
    fn open_folder(&self, folder: &Path) -> io::Result<Box<dyn OpenFolder>>;
}

/// A folder that is open; its lock goes with it.
pub(crate) trait OpenFolder: Send + Sync {
    /// Asks for a lock, in place of the one that is held. Does not wait.
    fn lock(&self, lock: Lock) -> Locked;

    /// Whether this folder is still the one of its name, and can be written to.
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
