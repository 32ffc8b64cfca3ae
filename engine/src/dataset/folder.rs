//! Owns the dataset's folder at the start of a run: what is there, whose it is, and what is done. The record
//! `.turbo2ds.json` says which options and input each range of shards came from, so that a rerun finishes its
//! own work and never mixes in another's.
//!
//! The folder is checked before the first byte is written ([`Wanted`]): if a file that is not the dataset's
//! own has a name that the run may use, the run is refused.
//!
//! A run of a whole list holds the folder alone (an exclusive lock) and removes what dead runs left. Workers
//! that do parts of one plan share it (a shared lock). Each removes its own files, and those of others only if
//! they have not changed for a day and no other worker holds the lock: both, because on some cluster file
//! systems a lock does not reach other machines.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::IncrementalMode;
use crate::dataset::change;
use crate::dataset::commit::{Data, clear, remove_dataset, write_durably};
use crate::dataset::disk::{Disk, Lock, Locked, OpenFolder};
use crate::dataset::names::{OWN_FOLDER, RECORD_NAME, shard_file, shard_number, temporary_parts};
use crate::dataset::opening::note_of_overwrite;
use crate::dataset::ownership::Standing;
use crate::dataset::record::Record;
use crate::dataset::redact::Redactions;
use crate::dataset::staging::Staging;
use crate::dataset::store::{Hold, Job};
use crate::dataset::version::{self, Change, VersionNumber};
use crate::error::Error;

/// Age at which a temporary file is a dead worker's: the stream of a living one keeps growing.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How long a worker waits for another to clean the folder. A whole run takes longer.
const JOIN_WAIT_MAX: Duration = Duration::from_secs(10);
/// How long a run waits for a lock that another process holds. A run that was killed may hold its lock a
/// moment longer: a process that it was starting has its descriptors until it executes.
const LOCK_WAIT_MAX: Duration = Duration::from_millis(300);
/// How often a lock is tried.
const LOCK_TICK: Duration = Duration::from_millis(20);

/// How often in a row the folder is checked before a worker is refused while others run: each of them may
/// rename a file while the folder is listed.
const LOOKS: usize = 3;

/// The folder, ready for a run.
pub(super) struct Dataset {
    /// What was found in it.
    pub(super) found: Found,
    /// Keeps other runs out.
    pub(super) hold: Box<dyn Hold>,
}

/// The lock on a run's folder.
struct FolderHold {
    open: Box<dyn OpenFolder>,
    folder: PathBuf,
}

impl Hold for FolderHold {
    fn check(&self) -> Result<(), Error> {
        self.open
            .check()
            .map_err(|error| Error::output_io(&self.folder, error))
    }
}

impl Dataset {
    /// Opens or creates the folder and decides where this run's shards begin.
    ///
    /// # Errors
    /// `Output` for the file system's errors and if the run would change what is not its own,
    /// `ConfigMismatch` if the folder belongs to a run with other options or another input.
    pub(super) fn open(place: &Staging, job: &Job) -> Result<Self, Error> {
        let folder = place.folder();
        let out = |error: io::Error| Error::output_io(folder, error);
        job.user_files.check_folder(folder)?;
        if !place.disk().exists(folder) {
            // A missing folder is empty, but a file that the user named may be created in it.
            job.check(&Standing::empty(place.disk(), folder))?;
            make_folders(place.disk(), folder).map_err(out)?;
        }
        let (open, is_alone) = enter(place)?;
        change::settle(place, is_alone)?;
        if place.is_shared() {
            // A claim is a file: a worker checks the folder before it creates one.
            look(job, place)?;
            if is_alone {
                remove_forgotten(place)?;
            }
            wait_for_lock(&*open, Lock::Shared, JOIN_WAIT_MAX, folder)?;
        }
        make_folders(place.disk(), folder).map_err(out)?;
        // One worker at a time reads the record and adds to it.
        let _claim = place.claim(RECORD_NAME).map_err(out)?;
        Ok(Self {
            found: take_over(place, job)?,
            hold: Box::new(FolderHold {
                open,
                folder: folder.to_owned(),
            }),
        })
    }
}

/// What a run finds in a folder that it takes over.
#[derive(Debug)]
pub(super) struct Found {
    /// First shard of the run's input.
    pub(crate) first_shard_id: u64,
    /// Complete shards of any run.
    pub(crate) done: HashSet<u64>,
    /// Incomplete shards that have a mark of ours.
    pub(crate) marked: HashSet<u64>,
    /// The record, including this run.
    pub(crate) record: Record,
    /// What may not be in the dataset.
    pub(crate) redactions: Redactions,
    /// Notes for the user.
    pub(crate) notes: Vec<String>,
}

/// Checks what is there now. Returns the complete shards that are to stay.
fn look(job: &Job, place: &Staging) -> Result<HashSet<u64>, Error> {
    let looks = if place.is_shared() { LOOKS } else { 1 };
    let look = || job.check(&Standing::look(place.disk(), place.folder())?);
    (1..looks).fold(look(), |looked, _| looked.or_else(|_| look()))
}

/// Removes what interrupted runs left from a folder that is this run's alone, and adds this run to the record.
///
/// # Errors
/// Those of [`Dataset::open`].
fn take_over(place: &Staging, job: &Job) -> Result<Found, Error> {
    let (disk, folder) = (place.disk(), place.folder());
    let out = |error: io::Error| Error::output_io(folder, error);
    let mut done = look(job, place)?;
    let mut standing = Standing::look(disk, folder)?;
    if !place.is_shared() {
        clear(place, &standing, |_, _| true, Data::TakenBack).map_err(out)?;
        standing = Standing::look(disk, folder)?;
    }
    let mut notes = Vec::new();
    let mut record = standing.record.clone();
    if job.mode() == IncrementalMode::Overwrite {
        notes.extend(note_of_overwrite(&standing).map_err(out)?);
        remove_dataset(place, &standing).map_err(out)?;
        record = Record::default();
        standing = Standing::look(disk, folder)?;
        done = job.done(&standing);
    }
    // An interrupted commit may have left a mark whose name is not durable.
    disk.sync_folder(folder).map_err(out)?;
    let first_shard_id = job.place_of(&standing)?;
    let numbers: BTreeSet<u64> = standing.numbers().collect();
    job.warn_of_unrecorded(&record, &numbers, folder);
    if job.enter_in(&mut record, first_shard_id, &numbers) {
        let text = record.to_document().map_err(|error| out(error.into()))?;
        write_durably(place, RECORD_NAME, text.as_bytes()).map_err(out)?;
    }
    let standing = Standing::with_record(disk, folder, record).map_err(out)?;
    let marked = job.marked(&standing, &numbers, &done).map_err(out)?;
    Ok(Found {
        first_shard_id,
        done,
        marked,
        record: standing.record,
        redactions: Redactions::read(disk, folder)?,
        notes,
    })
}

/// Creates a folder and its missing parents, and makes their names durable: a folder's contents are no more
/// durable than its name. An existing one may be from a run that was interrupted before it synced the name.
///
/// # Errors
/// The file system's.
pub(super) fn make_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let above = match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => return Ok(()),
    };
    let was_there = disk.exists(folder);
    if !was_there {
        make_folders(disk, above)?;
        match disk.make_folder(folder) {
            // Another process created it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    match disk.sync_folder(above) {
        // A folder that this process cannot read is not one that it created a folder in.
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Locks the folder as this run needs it. Returns whether no other run is in it.
fn enter(place: &Staging) -> Result<(Box<dyn OpenFolder>, bool), Error> {
    let (disk, folder) = (place.disk(), place.folder());
    if !place.is_shared() {
        return Ok((lock(disk, folder, Lock::Exclusive)?, true));
    }
    let open = open_folder(disk, folder)?;
    let is_alone = open.lock(Lock::Exclusive) == Locked::Held;
    Ok((open, is_alone))
}

/// Locks an open folder; waits at most for `wait_max` while another process holds it.
fn wait_for_lock(
    open: &dyn OpenFolder,
    lock: Lock,
    wait_max: Duration,
    folder: &Path,
) -> Result<(), Error> {
    let until = Instant::now() + wait_max;
    while open.lock(lock) == Locked::Refused {
        if Instant::now() >= until {
            return Err(in_use(folder));
        }
        std::thread::sleep(LOCK_TICK);
    }
    Ok(())
}

fn in_use(folder: &Path) -> Error {
    Error::output(
        format!("another run is writing to {}", folder.display()),
        "wait for it, or choose another output_folder",
    )
}

fn open_folder(disk: &dyn Disk, folder: &Path) -> Result<Box<dyn OpenFolder>, Error> {
    disk.open_folder(folder)
        .map_err(|error| Error::output_io(folder, error))
}

/// The folder, locked until what is returned is dropped. A file system without locks still takes a dataset.
///
/// # Errors
/// `Output` where a run holds it, or it cannot be opened.
pub(super) fn lock(
    disk: &dyn Disk,
    folder: &Path,
    lock: Lock,
) -> Result<Box<dyn OpenFolder>, Error> {
    let open = open_folder(disk, folder)?;
    wait_for_lock(&*open, lock, LOCK_WAIT_MAX, folder)?;
    Ok(open)
}

/// A dataset's folder for one who changes it: nobody else has it, and a change that was interrupted is finished.
///
/// # Errors
/// `Output` where a run holds it, or it cannot be opened.
pub(super) fn take_alone(
    disk: Arc<dyn Disk>,
    folder: &Path,
) -> Result<(Box<dyn OpenFolder>, Staging), Error> {
    let open = lock(&*disk, folder, Lock::Exclusive)?;
    let place = Staging::new(disk, folder.to_owned(), false);
    change::settle(&place, true)?;
    Ok((open, place))
}

/// Removes temporary files that no worker has touched for long: all of one shard and try, or none of them.
fn remove_forgotten(place: &Staging) -> Result<(), Error> {
    let (disk, folder) = (place.disk(), place.folder());
    let standing = Standing::look(disk, folder)?;
    let mut forgotten: HashMap<(u64, String), bool> = HashMap::new();
    for name in standing.entries.keys() {
        let Some((last, word)) = temporary_parts(name) else {
            continue;
        };
        let shard_id = shard_file(last).and_then(|(stem, _)| shard_number(stem));
        let stamp = disk.stamp(&folder.join(name)).ok().flatten();
        let age = stamp.map(|stamp| stamp.modified.elapsed().unwrap_or_default());
        let is_old = age.is_some_and(|age| age >= FORGOTTEN_AFTER);
        let group = (shard_id.unwrap_or(u64::MAX), word.to_owned());
        *forgotten.entry(group).or_insert(true) &= is_old;
    }
    let is_forgotten =
        |shard_id: u64, word: &str| forgotten.get(&(shard_id, word.to_owned())) == Some(&true);
    // What an intent still names is for the next commit of its shard, which has the claim.
    clear(place, &standing, is_forgotten, Data::Kept)
        .map(drop)
        .map_err(|error| Error::output_io(folder, error))
}

/// Takes back what this run's commits left half-way and removes its temporary files, as far as it can.
pub(crate) fn sweep(place: &Staging) {
    let swept = sweep_intents(place).and_then(|()| {
        let standing = Standing::look(place.disk(), place.folder())?;
        clear(
            place,
            &standing,
            |_, word| place.owns_word(word),
            Data::Kept,
        )
        .map(drop)
        .map_err(|error| Error::output_io(place.folder(), error))
    });
    if let Err(error) = swept {
        tracing::warn!(error = error.message(), "temporary files were left behind");
    }
}

/// Enters the dataset as it is now among its versions, unless it is the latest one still. The folder is the caller's
/// alone.
///
/// # Errors
/// `Output`: the file system's, and versions that cannot be read.
pub(crate) fn enter_version(
    place: &Staging,
    change: Change,
) -> Result<Option<VersionNumber>, Error> {
    let (disk, folder) = (place.disk(), place.folder());
    let out = |error: io::Error| Error::output_io(folder, error);
    let standing = Standing::look(disk, folder)?;
    let Some(manifest) = version::next(&standing, change)? else {
        return Ok(None);
    };
    let document = manifest.to_document().map_err(|error| out(error.into()))?;
    let versions = place.within(&folder.join(OWN_FOLDER).join(version::VERSIONS));
    make_folders(disk, versions.folder()).map_err(out)?;
    let number = manifest.number();
    clear_documents(disk, versions.folder()).map_err(out)?;
    if let Some(number) = number {
        let name = version::document_name(number);
        write_durably(&versions, &name, &document).map_err(out)?;
    }
    Ok(number)
}

/// Removes documents of versions that were not whole when they were interrupted.
///
/// # Errors
/// The file system's.
pub(super) fn clear_documents(disk: &dyn Disk, versions: &Path) -> io::Result<()> {
    for name in version::torn(disk, versions)? {
        disk.remove(&versions.join(name))?;
    }
    Ok(())
}

/// Takes this run's intents back, each under its shard's claim.
fn sweep_intents(place: &Staging) -> Result<(), Error> {
    let (disk, folder) = (place.disk(), place.folder());
    let out = |error: io::Error| Error::output_io(folder, error);
    for own in Standing::look(disk, folder)?.intents {
        let Some(mark) = temporary_parts(&own.name).map(|(mark, _)| mark) else {
            continue;
        };
        if place.owns_word(&own.word) {
            let _claim = place.claim(mark).map_err(out)?;
            // Another worker may have had it before.
            let standing = Standing::look(disk, folder)?;
            let is_it = |shard_id, word: &str| shard_id == own.shard_id && word == own.word;
            clear(place, &standing, is_it, Data::TakenBack).map_err(out)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder whose lock another process holds for so many tries.
    struct Held(AtomicU32);

    impl OpenFolder for Held {
        fn lock(&self, _lock: Lock) -> Locked {
            if self.0.fetch_sub(1, Ordering::Relaxed) > 1 {
                Locked::Refused
            } else {
                Locked::Held
            }
        }

        fn check(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_lock_that_is_released_soon_is_waited_for() {
        let take = |tries, wait_max| {
            let held = Held(AtomicU32::new(tries));
            wait_for_lock(&held, Lock::Exclusive, wait_max, Path::new("out"))
        };
        take(4, JOIN_WAIT_MAX).expect("a lock that is released");
        let error = take(u32::MAX, Duration::ZERO).expect_err("a lock that is not");
        assert!(error.to_string().contains("another run"), "{error}");
    }
}
