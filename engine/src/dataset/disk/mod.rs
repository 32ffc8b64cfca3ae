//! Owns the seam between a run and the file system that its dataset lies on: every step by which a
//! dataset comes to be, is found again or goes passes through [`Disk`], so that the same steps can be
//! taken on a simulated disk that loses power. Never decides on an order: callers do.

mod block;
mod real;
#[cfg(test)]
pub(crate) mod simulated;

use std::io;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

pub use block::{BLOCK_BYTES, Block};

/// What a name stands for, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A link, a pipe, a socket, a device.
    Other,
}

/// The steps. Those that give a future are taken by reactors, the others by threads that may wait.
/// None but the syncs makes anything durable.
pub trait Disk: Send + Sync {
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
}

/// A file that is written block by block.
pub trait Stream {
    /// Writes a whole block at an offset.
    fn write(&mut self, block: Block, offset: u64) -> LocalBoxFuture<'_, io::Result<()>>;
}

/// The machine's own disk.
pub fn real() -> Arc<dyn Disk> {
    Arc::new(real::Real)
}
