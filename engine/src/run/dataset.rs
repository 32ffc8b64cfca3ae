//! Owns the dataset's folder at the start of a run: what is there, whose it is, what is done. The
//! record `.turbo2ds.json` says which options and input each range of shards came from, so that a
//! rerun finishes its own work and never mixes in another's.
//!
//! A run of a whole list has the folder to itself (an exclusive lock) and clears away what dead runs
//! left. Workers that do parts of one plan share it (a shared lock): each removes what is its own, and of
//! the others' only what nobody has touched for long while nobody else was there. Both conditions,
//! because on some cluster file systems a lock says nothing of other machines.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use turbo2ds_writers::{OutputFormat, ShardStats, shard_name};

use crate::commit::write_durably;
use crate::config::{Config, IncrementalMode, OutputConfig};
use crate::disk::Disk;
use crate::error::Error;
use crate::place::{Place, is_temporary};
use crate::slice::Slice;

pub(crate) const RECORD_NAME: &str = ".turbo2ds.json";
pub(crate) const STATS_SUFFIX: &str = "_stats.json";
/// Age at which a temporary file is no living worker's: a shard's stream grows all the time.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Time that a worker waits for another to clear the folder up; a whole run does not end so soon.
const JOIN_WAIT_MAX: Duration = Duration::from_secs(10);
/// Time between two tries.
const JOIN_TICK: Duration = Duration::from_millis(20);

/// The folder, ready for a run. Holds the lock that keeps a second run out.
pub(super) struct Dataset {
    /// First shard of this run's input.
    pub(super) first_shard_id: u64,
    /// Shards of the slice that are done, of any run.
    pub(super) done: HashSet<u64>,
    slice: Slice,
    lock: File,
}

/// One run's entry in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunEntry {
    /// The first shard that is this run's.
    pub(crate) first_shard_id: u64,
    /// What decides the dataset, by the options' names.
    pub(crate) options: BTreeMap<String, String>,
    input: String,
}

/// Whose shards a folder holds.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// In the order in which they began.
    pub(crate) runs: Vec<RunEntry>,
}

impl Dataset {
    /// Opens or makes the folder and decides where this run's shards begin.
    ///
    /// # Errors
    /// `Output` for the file system's errors, `ConfigMismatch` where the folder belongs to a run
    /// with other options or another input.
    pub(super) fn open(
        place: &Place,
        config: &Config,
        slice: Slice,
        input: &str,
    ) -> Result<Self, Error> {
        let out = |error: io::Error| Error::output_io(place.folder(), &error);
        make_folders(place.disk(), place.folder()).map_err(out)?;
        let lock = enter(place)?;
        // One worker at a time looks at the record and adds to it.
        let _claim = place.claim(RECORD_NAME).map_err(out)?;
        let Found {
            first_shard_id,
            done,
        } = take_over(place, config, slice, input)?;
        Ok(Self {
            first_shard_id,
            done,
            slice,
            lock,
        })
    }

    /// Tells the planner which shards to leave out: done ones, other workers', and those that another
    /// worker has done since.
    pub(super) fn skipped(
        &self,
        config: &Config,
        place: &Place,
    ) -> impl Fn(u64) -> bool + Send + use<> {
        let (slice, done, is_done) = (self.slice, self.done.clone(), done_check(config, place));
        move |shard_id| {
            !slice.contains(shard_id)
                || done.contains(&shard_id)
                || (slice != Slice::All && is_done(shard_id))
        }
    }

    /// Whether the folder that was locked is still the one of this name and can be written to.
    ///
    /// # Errors
    /// `NotFound`, `ReadOnlyFilesystem`, or what the file system said.
    pub(super) fn check_folder(&self, folder: &Path) -> io::Result<()> {
        let (opened, named) = (self.lock.metadata()?, fs::metadata(folder)?);
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let flags = rustix::fs::statvfs(folder)?.f_flag;
        if flags.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
            return Err(rustix::io::Errno::ROFS.into());
        }
        Ok(())
    }
}

/// What a folder holds for a run that takes it over.
pub(crate) struct Found {
    /// First shard of the run's input.
    pub(crate) first_shard_id: u64,
    /// Shards that are done, of any run.
    pub(crate) done: HashSet<u64>,
}

/// Clears a folder that is this run's alone of what an interrupted run left, and enters this run in its
/// record.
///
/// # Errors
/// Those of [`Dataset::open`].
pub(crate) fn take_over(
    place: &Place,
    config: &Config,
    slice: Slice,
    input: &str,
) -> Result<Found, Error> {
    let (disk, folder) = (place.disk(), place.folder());
    let out = |error: io::Error| Error::output_io(folder, &error);
    if !place.is_shared() {
        remove_temporaries(disk, folder).map_err(out)?;
    }
    if config.output.mode == IncrementalMode::Overwrite {
        remove_dataset(disk, folder).map_err(out)?;
    }
    // A commit that was cut off may have left a mark whose name is not durable yet.
    disk.sync_folder(folder).map_err(out)?;
    let numbers = shard_numbers(disk, folder).map_err(out)?;
    let done: HashSet<u64> = numbers
        .iter()
        .copied()
        .filter(|&id| slice.contains(id) && is_done(place, &config.output, id))
        .collect();
    let mut record = read_record(disk, folder)?;
    let entry = RunEntry {
        first_shard_id: 0,
        options: config.fingerprint.iter().cloned().collect(),
        input: input.to_owned(),
    };
    let next = numbers.iter().max().map_or(0, |last| last + 1);
    let first_shard_id = match config.output.mode {
        IncrementalMode::Extend => next,
        _ => place_of(&record, &entry, folder, !numbers.is_empty())?,
    };
    let entry = RunEntry {
        first_shard_id,
        ..entry
    };
    if !record.runs.contains(&entry) {
        record.runs.push(entry);
        let text = serde_json::to_vec_pretty(&record).map_err(|e| out(e.into()))?;
        write_durably(place, RECORD_NAME, &text).map_err(out)?;
    }
    Ok(Found {
        first_shard_id,
        done,
    })
}

/// Makes a folder and those above it that are missing, their names durable: what is in a folder is no
/// more durable than its name. One that is there may be of a run that was cut off before it saw to that.
///
/// # Errors
/// The file system's.
pub(crate) fn make_folders(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let above = match folder.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => return Ok(()),
    };
    let was_there = disk.exists(folder);
    if !was_there {
        make_folders(disk, above)?;
        match disk.make_folder(folder) {
            // Another process made it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
    }
    match disk.sync_folder(above) {
        // A folder that is not ours to read is not ours to have made one in.
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

/// Where an incremental run's shards begin: with the run it repeats, or at 0 in a folder without one.
fn place_of(record: &Record, entry: &RunEntry, folder: &Path, shards: bool) -> Result<u64, Error> {
    let same = |run: &&RunEntry| run.options == entry.options && run.input == entry.input;
    if let Some(run) = record.runs.iter().rev().find(same) {
        return Ok(run.first_shard_id);
    }
    let Some(last) = record.runs.last() else {
        if shards {
            tracing::warn!(
                folder = %folder.display(),
                "these shards carry no record of their options: they are taken as this command's"
            );
        }
        return Ok(0);
    };
    Err(Error::config_mismatch(
        format!(
            "{} holds another run: {}",
            folder.display(),
            difference(last, entry)
        ),
        "repeat that run's options, choose another output_folder, or use --incremental_mode \
         overwrite or extend",
    ))
}

/// The first thing in which a run differs from the recorded one.
fn difference(recorded: &RunEntry, asked: &RunEntry) -> String {
    let none = String::from("(not given)");
    let names: std::collections::BTreeSet<&String> = recorded
        .options
        .keys()
        .chain(asked.options.keys())
        .collect();
    for name in names {
        let was = recorded.options.get(name).unwrap_or(&none);
        let is = asked.options.get(name).unwrap_or(&none);
        if was != is {
            return format!("{name} was {was} and is now {is}");
        }
    }
    "the input's files have changed".to_owned()
}

/// Locks the folder as this run needs it; a worker that finds itself alone in it clears up a little.
fn enter(place: &Place) -> Result<File, Error> {
    let folder = place.folder();
    let out = |error: io::Error| Error::output_io(folder, &error);
    if !place.is_shared() {
        return lock(folder, FlockOperation::NonBlockingLockExclusive);
    }
    let file = File::open(folder).map_err(out)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
        remove_forgotten(place).map_err(out)?;
    }
    let join_until = Instant::now() + JOIN_WAIT_MAX;
    loop {
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < join_until => {
                std::thread::sleep(JOIN_TICK);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(in_use(folder)),
            // As in `lock`.
            _ => return Ok(file),
        }
    }
}

fn in_use(folder: &Path) -> Error {
    Error::output(
        format!("another run is writing to {}", folder.display()),
        "wait for it, or choose another output_folder",
    )
}

/// The folder, locked until the file is closed.
///
/// # Errors
/// `Output` where a run holds it, or it cannot be opened.
pub(crate) fn lock(folder: &Path, operation: FlockOperation) -> Result<File, Error> {
    let file = File::open(folder).map_err(|error| Error::output_io(folder, &error))?;
    match flock(&file, operation) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(in_use(folder)),
        // A file system without locks still takes a dataset.
        _ => Ok(file),
    }
}

/// The folder's record; empty where there is none.
///
/// # Errors
/// `Output` for one that does not read.
pub(crate) fn read_record(disk: &dyn Disk, folder: &Path) -> Result<Record, Error> {
    let path = folder.join(RECORD_NAME);
    match disk.read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| Error::output_io(&path, &io::Error::from(error))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
        Err(error) => Err(Error::output_io(&path, &error)),
    }
}

/// Numbers of all shards that have a mark, good or broken.
fn shard_numbers(disk: &dyn Disk, folder: &Path) -> io::Result<Vec<u64>> {
    let number = |name: &String| name.strip_suffix(STATS_SUFFIX)?.parse().ok();
    Ok(disk.names(folder)?.iter().filter_map(number).collect())
}

/// Tells of a shard whether it is done now, on any thread.
pub(super) fn done_check(config: &Config, place: &Place) -> impl Fn(u64) -> bool + Send + use<> {
    let (output, place) = (config.output.clone(), place.clone());
    move |shard_id| is_done(&place, &output, shard_id)
}

/// A shard is done where its mark reads back whole and its files are there.
fn is_done(place: &Place, output: &OutputConfig, shard_id: u64) -> bool {
    let (disk, folder) = (place.disk(), place.folder());
    let name = shard_name(shard_id, output.shard_digits);
    let mark = folder.join(format!("{name}{STATS_SUFFIX}"));
    let mark = disk.read(&mark).unwrap_or_default();
    let Some(stats) = ShardStats::from_json(&mark) else {
        return false;
    };
    let there = |extension: &str| disk.exists(&folder.join(format!("{name}{extension}")));
    match output.format {
        OutputFormat::Files => there(".parquet") && (stats.successes == 0 || there("")),
        OutputFormat::Webdataset => there(".tar") && there(".parquet"),
        OutputFormat::Parquet => there(".parquet"),
        OutputFormat::Tfrecord => there(".parquet") && there(".tfrecord"),
        OutputFormat::Dummy => true,
    }
}

/// Removes what an interrupted run left under temporary names.
///
/// # Errors
/// The file system's.
pub(crate) fn remove_temporaries(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    for name in disk.names(folder)?.iter().filter(|name| is_temporary(name)) {
        disk.remove(&folder.join(name))?;
    }
    Ok(())
}

/// Removes temporary files that no worker has touched for long.
fn remove_forgotten(place: &Place) -> io::Result<()> {
    let (disk, folder) = (place.disk(), place.folder());
    for name in disk.names(folder)?.iter().filter(|name| is_temporary(name)) {
        let path = folder.join(name);
        let age = fs::symlink_metadata(&path)
            .and_then(|data| data.modified())
            .map(|time| time.elapsed().unwrap_or_default());
        match age {
            Ok(age) if age >= FORGOTTEN_AFTER => disk.remove(&path)?,
            _ => {}
        }
    }
    Ok(())
}

/// Removes what a dataset consists of and nothing else: shards, their metadata and marks, the
/// record, and the other tool's `_tmp`. The record goes last, and after the shards have gone for good:
/// shards without one would be taken for the next command's.
fn remove_dataset(disk: &dyn Disk, folder: &Path) -> io::Result<()> {
    let names = disk.names(folder)?;
    let of_shards = |name: &&String| is_dataset_name(name) && *name != RECORD_NAME;
    for name in names.iter().filter(of_shards) {
        disk.remove(&folder.join(name))?;
    }
    disk.sync_folder(folder)?;
    disk.remove(&folder.join(RECORD_NAME))
}

fn is_dataset_name(name: &str) -> bool {
    let stem = name.strip_suffix(STATS_SUFFIX).unwrap_or_else(|| {
        let known = [".tar", ".parquet", ".tfrecord"];
        known
            .iter()
            .find_map(|ending| name.strip_suffix(ending))
            .unwrap_or(name)
    });
    let numbered = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit());
    numbered || name == RECORD_NAME || name == "_tmp"
}

/// Removes what this run, aborted, leaves under temporary names, as far as it can.
pub(super) fn sweep(place: &Place) {
    let (disk, folder) = (place.disk(), place.folder());
    let swept = disk.names(folder).and_then(|names| {
        let mut own = names.iter().filter(|name| place.owns(name));
        own.try_for_each(|name| disk.remove(&folder.join(name)))
    });
    if let Err(error) = swept {
        tracing::warn!(%error, "temporary files were left behind");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overwrite_removes_a_dataset_and_nothing_else() {
        for name in [
            "00000.tar",
            "00000.parquet",
            "00000_stats.json",
            "00012",
            "_tmp",
        ] {
            assert!(is_dataset_name(name), "{name}");
        }
        for name in [
            "notes.txt",
            "a.tar",
            "_stats.json",
            ".bashrc",
            "00000.txt",
            "",
        ] {
            assert!(!is_dataset_name(name), "{name}");
        }
    }

    #[test]
    fn a_mismatch_names_the_option() {
        let entry = |size: &str| RunEntry {
            first_shard_id: 0,
            options: BTreeMap::from([("image_size".to_owned(), size.to_owned())]),
            input: String::new(),
        };
        assert_eq!(
            difference(&entry("256"), &entry("512")),
            "image_size was 256 and is now 512"
        );
        let record = Record {
            runs: vec![entry("256")],
        };
        assert!(place_of(&record, &entry("512"), Path::new("out"), true).is_err());
        assert_eq!(
            place_of(&record, &entry("256"), Path::new("out"), true).ok(),
            Some(0)
        );
    }
}
