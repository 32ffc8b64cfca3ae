//! Owns the step from written to durable: the only module that renames. Runs on its own thread, so
//! that an fsync never holds a reactor.
//!
//! The argument. A shard's `_stats.json` is its mark of being done, so it must not exist, after any
//! crash, before everything it stands for does. In order: (1) every file is written under a
//! temporary name and fsynced (a folder of small files by syncfs), so that a rename cannot put a
//! final name on missing bytes; (2) all are renamed; (3) the folder is fsynced, so that the names
//! are there before the mark; (4) the mark goes the same way: temporary, fsync, rename, fsync of
//! the folder. A crash before (4) leaves names without a mark: the shard is done again and its
//! files are replaced. Temporary names begin with a dot, so that no loader's glob sees them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::alarm::Alarm;
use crate::compute::ShardSlot;
use crate::sync::Outbox;

/// The end of every temporary name.
pub const TEMPORARY_SUFFIX: &str = ".part";
/// Shards that may wait for the commit thread before reactors feel it.
const COMMITS_WAITING_MAX: usize = 1024;

/// The name a file has until it is committed: hidden, in the same folder.
pub fn temporary_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!(".{name}{TEMPORARY_SUFFIX}"))
}

/// Whether a name is one that [`temporary_path`] gives.
pub fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(TEMPORARY_SUFFIX)
}

/// Something written under its temporary name.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it is.
    pub temporary: PathBuf,
    /// Where it belongs.
    pub target: PathBuf,
    /// It is the shard's stream, padded for direct I/O.
    pub stream: bool,
    /// It is a folder of files.
    pub folder: bool,
}

/// A shard whose every byte is written, not yet under its names.
pub struct SealedShard {
    /// The reactor that waits.
    pub owner: usize,
    /// The shard among that reactor's open ones.
    pub slot: ShardSlot,
    /// Its files.
    pub placed: Vec<Placed>,
    /// The stream's length without padding.
    pub stream_bytes: u64,
    /// Name and bytes of the mark.
    pub stats: (String, Vec<u8>),
}

/// The end of a commit, for the reactor that waits.
pub struct CommitDone {
    /// The shard among the reactor's open ones.
    pub slot: ShardSlot,
    /// Done, or the path and what the file system said.
    pub result: Result<(), (PathBuf, io::Error)>,
}

/// Starts the commit thread; it ends when every sender is gone.
///
/// # Errors
/// What the kernel answered when the thread was made.
pub fn start<M: From<CommitDone> + Send + 'static>(
    folder: PathBuf,
    outboxes: Vec<Outbox<M>>,
    alarm: &Alarm,
) -> io::Result<(Sender<SealedShard>, JoinHandle<()>)> {
    let (sender, receiver): (Sender<SealedShard>, Receiver<_>) = bounded(COMMITS_WAITING_MAX);
    let guard = alarm.guard();
    let thread = thread::Builder::new()
        .name("commit".to_owned())
        .spawn(move || {
            let _guard = guard;
            for shard in receiver {
                let result = commit(&folder, &shard);
                outboxes[shard.owner].send(M::from(CommitDone {
                    slot: shard.slot,
                    result,
                }));
            }
        })?;
    Ok((sender, thread))
}

fn commit(folder: &Path, shard: &SealedShard) -> Result<(), (PathBuf, io::Error)> {
    for placed in &shard.placed {
        sync(placed, shard.stream_bytes).map_err(|error| (placed.temporary.clone(), error))?;
    }
    for placed in &shard.placed {
        rename(placed).map_err(|error| (placed.target.clone(), error))?;
    }
    sync_folder(folder).map_err(|error| (folder.to_owned(), error))?;
    let (name, bytes) = &shard.stats;
    write_durably(folder, name, bytes).map_err(|error| (folder.join(name), error))
}

/// Writes a small file whole: temporary name, fsync, rename, fsync of the folder.
///
/// # Errors
/// The file system's.
pub fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_path(folder, name);
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
}

fn sync(placed: &Placed, stream_bytes: u64) -> io::Result<()> {
    if placed.folder {
        let folder = File::open(&placed.temporary)?;
        return rustix::fs::syncfs(&folder).map_err(io::Error::from);
    }
    let file = OpenOptions::new().write(true).open(&placed.temporary)?;
    if placed.stream {
        file.set_len(stream_bytes)?;
    }
    file.sync_all()
}

fn rename(placed: &Placed) -> io::Result<()> {
    if placed.folder {
        // A folder cannot take the place of one with files: what an interrupted commit left goes.
        match fs::remove_dir_all(&placed.target) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(&placed.temporary, &placed.target)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(folder: &Path, name: &str, bytes: &[u8], stream_bytes: u64) -> SealedShard {
        let temporary = temporary_path(folder, name);
        fs::write(&temporary, bytes).expect("a temporary file");
        let target = folder.join(name);
        SealedShard {
            owner: 0,
            slot: 0,
            placed: vec![Placed {
                temporary,
                target,
                stream: true,
                folder: false,
            }],
            stream_bytes,
            stats: ("00000_stats.json".to_owned(), b"{}".to_vec()),
        }
    }

    #[test]
    fn a_stream_is_cut_to_its_true_length_and_its_mark_comes_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = sealed(folder.path(), "00000.tar", b"data\0\0\0\0", 4);
        commit(folder.path(), &shard).expect("a commit");
        assert_eq!(
            fs::read(folder.path().join("00000.tar")).expect("the stream"),
            b"data"
        );
        assert!(folder.path().join("00000_stats.json").exists());
        let hidden = fs::read_dir(folder.path())
            .expect("the folder")
            .filter_map(Result::ok);
        assert_eq!(
            hidden
                .filter(|e| is_temporary(&e.file_name().to_string_lossy()))
                .count(),
            0
        );
    }

    #[test]
    fn a_commit_that_fails_leaves_no_mark() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = sealed(folder.path(), "00000.tar", b"data", 4);
        fs::remove_file(&shard.placed[0].temporary).expect("the file goes");
        assert!(commit(folder.path(), &shard).is_err());
        assert!(!folder.path().join("00000_stats.json").exists());
    }

    #[test]
    fn a_folder_left_by_an_interrupted_commit_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("00000");
        fs::create_dir(&target).expect("an old folder");
        fs::write(target.join("old.jpg"), b"old").expect("an old file");
        let temporary = temporary_path(folder.path(), "00000");
        fs::create_dir(&temporary).expect("a new folder");
        fs::write(temporary.join("new.jpg"), b"new").expect("a new file");
        let placed = Placed {
            temporary,
            target: target.clone(),
            stream: false,
            folder: true,
        };
        rename(&placed).expect("a rename");
        assert!(target.join("new.jpg").exists());
        assert!(!target.join("old.jpg").exists());
    }
}
