//! Owns the folder in which a run keeps shards on a disk until they are uploaded: its name and lock, how much it
//! holds, and that nothing of it stays. Never uploads.
//!
//! A run's folder is `turbo2ds-WORD` in the folder that the user gave. Beside it is a file that the run holds
//! locked: a folder whose lock can be had is a dead run's.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock, statvfs};

use crate::config::StagingConfig;
use crate::dataset::disk;
use crate::dataset::staging::Staging;
use crate::dataset::store::StoreReplies;
use crate::machine::sync::Ticket;
use crate::net::storage::StorageError;

/// Most bytes that wait for their upload, if the user says nothing and the disk has twice as much room.
const BYTES_MAX: u64 = 16 << 30;
const PREFIX: &str = "turbo2ds-";
const LOCK_SUFFIX: &str = ".lock";

/// A run's staged shards.
pub(super) struct StagedShards {
    /// The run's folder.
    place: Staging,
    lock_path: PathBuf,
    /// Holds the lock.
    _lock: File,
    /// Most bytes that wait for their upload before a new shard waits.
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Bytes of sealed shards that are not uploaded.
    bytes: u64,
    /// Shards that wait for fewer.
    waiting: Vec<Ticket<Result<(), StorageError>>>,
    is_closed: bool,
}

impl StagedShards {
    /// A folder for the run with this word. What dead runs left in the user's folder is removed.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn open(config: &StagingConfig, word: &str) -> io::Result<Self> {
        let parent = &config.folder;
        fs::create_dir_all(parent)?;
        clear_dead(parent)?;
        let name = format!("{PREFIX}{word}");
        let lock_path = parent.join(format!("{name}{LOCK_SUFFIX}"));
        let lock = hold(&lock_path)?;
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        let room = statvfs(&folder)?;
        let half_free = room.f_bavail.saturating_mul(room.f_frsize) / 2;
        Ok(Self {
            place: Staging::new(disk::real(), folder, false),
            lock_path,
            _lock: lock,
            bytes_max: config.bytes_max.unwrap_or(BYTES_MAX.min(half_free)),
            state: Mutex::default(),
        })
    }

    /// The run's folder, with temporary names for a try of a shard.
    pub(super) fn for_attempt(&self, attempt: u32) -> Staging {
        self.place.for_attempt(attempt)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no more is staged than may be. Only sealed shards count: those that are being written need
    /// nothing of this one to be sealed, so that none waits for another that waits.
    ///
    /// # Errors
    /// `Interrupted` at the run's end.
    pub(super) async fn make_room(&self, replies: &StoreReplies) -> io::Result<()> {
        loop {
            let waiting = {
                let mut state = self.state();
                if state.is_closed {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                if state.bytes <= self.bytes_max {
                    return Ok(());
                }
                let (ticket, waiting) = replies.ask();
                state.waiting.push(ticket);
                waiting
            };
            if waiting.answer().await.is_none() {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
    }

    fn uploaded(&self, bytes: u64) {
        let waiting = {
            let mut state = self.state();
            state.bytes = state.bytes.saturating_sub(bytes);
            if state.bytes > self.bytes_max {
                return;
            }
            std::mem::take(&mut state.waiting)
        };
        for ticket in waiting {
            ticket.answer(Ok(()));
        }
    }

    /// Lets no shard be begun any more.
    pub(super) fn close(&self, limit: Duration) {
        let waiting = {
            let mut state = self.state();
            state.is_closed = true;
            std::mem::take(&mut state.waiting)
        };
        drop(waiting);
        self.place.close(limit);
    }

    /// Removes the folder with everything in it.
    pub(super) fn remove(&self) {
        let removed = remove(self.place.folder(), &self.lock_path);
        if let Err(error) = removed {
            let folder = self.place.folder().display();
            tracing::warn!(%folder, %error, "staged shards were left behind; the next run removes them");
        }
    }
}

/// A shard's stream in a run's folder. It is removed with this value.
pub(crate) struct StagedFile {
    /// The name that it will have in the dataset.
    pub(super) name: String,
    /// Where it is.
    pub(super) path: PathBuf,
    shards: Arc<StagedShards>,
    /// Bytes that count as staged.
    counted: u64,
}

impl StagedFile {
    /// A file that is about to be written.
    pub(super) fn new(name: &str, path: PathBuf, shards: Arc<StagedShards>) -> Self {
        Self {
            name: name.to_owned(),
            path,
            shards,
            counted: 0,
        }
    }

    /// The file has so many bytes and waits for its upload.
    pub(super) fn seal(&mut self, bytes: u64) {
        self.shards.state().bytes += bytes;
        self.counted += bytes;
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                // It goes with the folder at the end of the run.
                tracing::debug!(%error, "a staged shard was not removed");
            }
            _ => {}
        }
        self.shards.uploaded(self.counted);
    }
}

/// Makes a lock file and holds it. Another run may take it for a dead one's until it is held.
fn hold(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        flock(&file, FlockOperation::LockExclusive)?;
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// Whether a path still leads to an open file.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == file.metadata()?.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes what dead runs left.
fn clear_dead(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let name = entry?.file_name();
        let Some(folder) = name.to_str().and_then(folder_of_lock) else {
            continue;
        };
        let lock_path = parent.join(&name);
        let Ok(file) = OpenOptions::new().write(true).open(&lock_path) else {
            // Gone, or another user's.
            continue;
        };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
            && is_at(&file, &lock_path)?
        {
            remove(&parent.join(folder), &lock_path)?;
        }
    }
    Ok(())
}

/// The name of the folder that a lock file of this name is for.
fn folder_of_lock(name: &str) -> Option<&str> {
    let folder = name.strip_suffix(LOCK_SUFFIX)?;
    let word = folder.strip_prefix(PREFIX)?;
    let is_word = word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_word.then_some(folder)
}

/// Removes a run's folder, and then its lock: a folder without a lock is nobody's.
fn remove(folder: &Path, lock_path: &Path) -> io::Result<()> {
    unless_gone(fs::remove_dir_all(folder))?;
    unless_gone(fs::remove_file(lock_path))
}

fn unless_gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
