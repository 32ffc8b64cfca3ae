//! Owns the step from written to durable: the only module that renames. Runs on its own thread, so
//! that an fsync never holds a reactor.
//!
//! The argument. A shard's `_stats.json` is its mark of being done, so it must not exist, after any
//! crash, before everything it stands for does. In order: (1) every file is written under a
//! temporary name and fsynced (a folder of small files by syncfs), so that a rename cannot put a
//! final name on missing bytes; (2) a mark that is there already, of a shard that is done again
//! because its data had gone or its mark was broken, is removed and the folder fsynced: with it, a
//! crash among the renames would leave new files beside old ones and a mark over both; (3) all are
//! renamed; (4) the folder is fsynced, so that the names are there before the mark; (5) the mark
//! goes the same way: temporary, fsync, rename, fsync of the folder. A crash before (5) leaves names
//! without a mark: the shard is done again and its files are replaced. Temporary names begin with a
//! dot, so that no loader's glob sees them.
//!
//! Where several workers share a folder, steps (2) to (5) are under the shard's claim: two that did the
//! same shard would else publish files of both. Who comes second finds the shard done and drops its own.
//!
//! A run that ends early removes its temporary files; the [`Gate`] keeps that from a commit under
//! way, which would else publish a folder while its files are being removed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::alarm::Alarm;
use crate::compute::ShardSlot;
use crate::disk::Disk;
use crate::place::Place;
use crate::sync::Outbox;
use crate::watchdog::{Duty, Post};

/// Shards that may wait for the commit thread before reactors feel it.
const COMMITS_WAITING_MAX: usize = 1024;

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
    /// Its number in the dataset.
    pub shard_id: u64,
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
    pub result: Result<Committed, (PathBuf, io::Error)>,
}

/// Whose shard it is that stands under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// This run's.
    Here,
    /// Another worker's, who was first.
    Elsewhere,
}

/// Lets one commit through at a time, until it is closed for good.
#[derive(Clone, Default)]
pub struct Gate(Arc<Passage>);

#[derive(Default)]
struct Passage {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    under_way: bool,
}

impl Gate {
    /// Lets no further commit begin. False where the one under way does not end within `limit`: its
    /// disk may never answer.
    pub fn close(&self, limit: Duration) -> bool {
        let mut state = self.0.state();
        state.closed = true;
        let waited = self
            .0
            .left
            .wait_timeout_while(state, limit, |state| state.under_way);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.under_way
    }

    /// Does `work` unless the gate is closed.
    fn through<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        {
            let turn = self
                .0
                .left
                .wait_while(self.0.state(), |state| state.under_way);
            let mut state = turn.unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return None;
            }
            state.under_way = true;
        }
        let _leaves = Leaves(&self.0);
        Some(work())
    }
}

impl Passage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit under way; it leaves at its end, a panic's too.
struct Leaves<'a>(&'a Passage);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.state().under_way = false;
        self.0.left.notify_all();
    }
}

/// Starts the commit thread; it ends when every sender is gone. `is_done` tells of a shard whether it
/// stands whole in the folder.
///
/// # Errors
/// What the kernel answered when the thread was made.
pub fn start<M: From<CommitDone> + Send + 'static>(
    place: Place,
    is_done: impl Fn(u64) -> bool + Send + 'static,
    outboxes: Vec<Outbox<M>>,
    gate: Gate,
    alarm: &Alarm,
    post: Post,
) -> io::Result<(Sender<SealedShard>, JoinHandle<()>)> {
    let (sender, receiver): (Sender<SealedShard>, Receiver<_>) = bounded(COMMITS_WAITING_MAX);
    let guard = alarm.guard();
    let thread = thread::Builder::new()
        .name("commit".to_owned())
        .spawn(move || {
            let _guard = guard;
            for shard in receiver {
                post.begin(Duty::Commit, shard.shard_id, 0);
                let done = gate.through(|| commit(&place, &is_done, &shard));
                post.rest();
                let Some(result) = done else {
                    // The run is over: nobody waits for the answer.
                    continue;
                };
                outboxes[shard.owner].send(M::from(CommitDone {
                    slot: shard.slot,
                    result,
                }));
            }
        })?;
    Ok((sender, thread))
}

/// Makes a written shard durable under its names; see the module for the order and its reasons.
/// `is_done` tells of a shard whether it stands whole in the folder.
///
/// # Errors
/// The file system's, with the path.
pub(crate) fn commit(
    place: &Place,
    is_done: impl Fn(u64) -> bool,
    shard: &SealedShard,
) -> Result<Committed, (PathBuf, io::Error)> {
    let (disk, folder) = (place.disk(), place.folder());
    for placed in &shard.placed {
        sync(disk, placed, shard.stream_bytes)
            .map_err(|error| (placed.temporary.clone(), error))?;
    }
    let (name, bytes) = &shard.stats;
    let claim = place
        .claim(name)
        .map_err(|error| (folder.join(name), error))?;
    if claim.is_some() && is_done(shard.shard_id) {
        for Placed { temporary, .. } in &shard.placed {
            let removed = disk.remove(temporary);
            removed.map_err(|error| (temporary.clone(), error))?;
        }
        return Ok(Committed::Elsewhere);
    }
    remove_durably(disk, folder, name).map_err(|error| (folder.join(name), error))?;
    for placed in &shard.placed {
        rename(disk, placed).map_err(|error| (placed.target.clone(), error))?;
    }
    disk.sync_folder(folder)
        .map_err(|error| (folder.to_owned(), error))?;
    write_durably(place, name, bytes).map_err(|error| (folder.join(name), error))?;
    Ok(Committed::Here)
}

/// Writes a small file whole: temporary name, fsync, rename, fsync of the folder.
///
/// # Errors
/// The file system's.
pub fn write_durably(place: &Place, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (disk, temporary) = (place.disk(), place.temporary(name));
    disk.write(&temporary, bytes)?;
    disk.sync(&temporary, None)?;
    disk.rename(&temporary, &place.folder().join(name))?;
    disk.sync_folder(place.folder())
}

/// Removes a file for good, where there is one.
///
/// # Errors
/// The file system's.
pub fn remove_durably(disk: &dyn Disk, folder: &Path, name: &str) -> io::Result<()> {
    let path = folder.join(name);
    if !disk.exists(&path) {
        return Ok(());
    }
    disk.remove(&path)?;
    disk.sync_folder(folder)
}

fn sync(disk: &dyn Disk, placed: &Placed, stream_bytes: u64) -> io::Result<()> {
    if placed.folder {
        return disk.sync_all(&placed.temporary);
    }
    disk.sync(&placed.temporary, placed.stream.then_some(stream_bytes))
}

fn rename(disk: &dyn Disk, placed: &Placed) -> io::Result<()> {
    if placed.folder {
        // A folder cannot take the place of one with files: what an interrupted commit left goes.
        disk.remove(&placed.target)?;
    }
    disk.rename(&placed.temporary, &placed.target)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk;

    fn alone(folder: &tempfile::TempDir) -> Place {
        Place::new(disk::real(), folder.path().to_owned(), false)
    }

    fn sealed(place: &Place, name: &str, bytes: &[u8], stream_bytes: u64) -> SealedShard {
        let temporary = place.temporary(name);
        fs::write(&temporary, bytes).expect("a temporary file");
        let target = place.folder().join(name);
        SealedShard {
            owner: 0,
            slot: 0,
            shard_id: 0,
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
        let place = alone(&folder);
        let shard = sealed(&place, "00000.tar", b"data\0\0\0\0", 4);
        let committed = commit(&place, |_| false, &shard).expect("a commit");
        assert_eq!(committed, Committed::Here);
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
                .filter(|e| crate::place::is_temporary(&e.file_name().to_string_lossy()))
                .count(),
            0
        );
    }

    #[test]
    fn a_commit_that_fails_leaves_no_mark() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = alone(&folder);
        let shard = sealed(&place, "00000.tar", b"data", 4);
        fs::remove_file(&shard.placed[0].temporary).expect("the file goes");
        assert!(commit(&place, |_| false, &shard).is_err());
        assert!(!folder.path().join("00000_stats.json").exists());
    }

    #[test]
    fn an_old_mark_does_not_outlive_the_renames_of_a_shard_done_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mark = folder.path().join("00000_stats.json");
        fs::write(&mark, b"old").expect("an old mark");
        let place = alone(&folder);
        let mut shard = sealed(&place, "00000.tar", b"data", 4);
        // The rename fails: its target is in a folder that is not there.
        shard.placed[0].target = folder.path().join("gone/00000.tar");
        assert!(commit(&place, |_| false, &shard).is_err());
        assert!(!mark.exists());
    }

    #[test]
    fn of_two_workers_with_one_shard_the_second_drops_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let [first, second] =
            [(); 2].map(|()| Place::new(disk::real(), folder.path().to_owned(), true));
        let one = sealed(&first, "00000.tar", b"first", 5);
        let other = sealed(&second, "00000.tar", b"second", 6);
        let is_done = |_| folder.path().join("00000_stats.json").exists();
        assert_eq!(
            commit(&first, is_done, &one).expect("a commit"),
            Committed::Here
        );
        let late = commit(&second, is_done, &other).expect("nothing to do");
        assert_eq!(late, Committed::Elsewhere);
        let data = fs::read(folder.path().join("00000.tar")).expect("the stream");
        assert_eq!(data, b"first");
        let names: Vec<_> = fs::read_dir(folder.path()).expect("the folder").collect();
        assert_eq!(names.len(), 2, "the stream and its mark: {names:?}");
    }

    #[test]
    fn a_closed_gate_lets_nothing_through_and_waits_for_what_is_under_way() {
        let gate = Gate::default();
        let (inside, began) = std::sync::mpsc::channel();
        let (finish, until) = std::sync::mpsc::channel::<()>();
        let worker = gate.clone();
        let thread = thread::spawn(move || {
            worker.through(|| {
                inside.send(()).expect("the test listens");
                until.recv().expect("the test says when");
            })
        });
        began.recv().expect("the commit begins");
        assert!(!gate.close(Duration::from_millis(20)), "one is under way");
        finish.send(()).expect("the commit waits");
        assert_eq!(thread.join().expect("no panic"), Some(()));
        assert!(gate.close(Duration::from_secs(10)));
        assert_eq!(gate.through(|| ()), None);
    }

    #[test]
    fn a_folder_left_by_an_interrupted_commit_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("00000");
        fs::create_dir(&target).expect("an old folder");
        fs::write(target.join("old.jpg"), b"old").expect("an old file");
        let temporary = alone(&folder).temporary("00000");
        fs::create_dir(&temporary).expect("a new folder");
        fs::write(temporary.join("new.jpg"), b"new").expect("a new file");
        let placed = Placed {
            temporary,
            target: target.clone(),
            stream: false,
            folder: true,
        };
        rename(&*disk::real(), &placed).expect("a rename");
        assert!(target.join("new.jpg").exists());
        assert!(!target.join("old.jpg").exists());
    }
}
