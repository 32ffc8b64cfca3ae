//! Owns the removal of what a run made: takes half-done commits back, and removes temporary files and whole
//! datasets. Removes only what a mark, an intent or a temporary name of ours names, and each thing while
//! something still names it: data before the marks and intents that say whose it is.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use turbo2ds_writers::{Part, ShardStats, Status};

use super::steps::declare;
use crate::dataset::disk::Disk;
use crate::dataset::names::{Shape, kind_of, shard_file, shard_number, temporary_parts};
use crate::dataset::ownership::{Intent, Mark, Members, Standing, mark_of};
use crate::dataset::staging::Staging;

/// What happens to files that an intent's commit gave their final names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// They are removed, and then the intent.
    TakenBack,
    /// They stay, and so does the intent that names them.
    Kept,
}

/// Removes what interrupted runs left, if `which` accepts its shard number and the word of its temporary
/// name. Returns the shards that now have an empty mark instead, because their folders hold foreign files.
///
/// # Errors
/// The file system's error. Whatever was not removed is still named.
pub(crate) fn clear(
    place: &Staging,
    standing: &Standing,
    which: impl Fn(u64, &str) -> bool,
    data: Data,
) -> io::Result<Vec<u64>> {
    let (disk, folder) = (place.disk(), place.folder());
    let mut cleared = Cleared::default();
    let intents = standing.intents.iter();
    let mut going: Vec<&Intent> = Vec::new();
    for intent in intents.filter(|intent| which(intent.shard_id, &intent.word)) {
        if cleared.take_back(place, standing, intent, data)? {
            going.push(intent);
        } else {
            cleared.kept.insert((intent.shard_id, intent.word.as_str()));
        }
    }
    if cleared.changed {
        disk.sync_folder(folder)?;
    }
    for intent in &going {
        disk.remove(&folder.join(&intent.name))?;
    }
    if !going.is_empty() {
        disk.sync_folder(folder)?;
    }
    for (name, _) in disk.entries(folder)? {
        let Some((last, word)) = temporary_parts(&name) else {
            continue;
        };
        // Temporary names of the record have no number and belong to no shard.
        let shard_id = shard_file(last).and_then(|(stem, _)| shard_number(stem));
        let goes = which(shard_id.unwrap_or(u64::MAX), word);
        let kept = shard_id.is_some_and(|id| cleared.kept.contains(&(id, word)));
        if goes && !kept {
            disk.remove(&folder.join(&name))?;
        }
    }
    Ok(cleared.claimed)
}

#[derive(Default)]
struct Cleared<'a> {
    changed: bool,
    /// Intents that stay, by shard and word.
    kept: HashSet<(u64, &'a str)>,
    claimed: Vec<u64>,
}

impl Cleared<'_> {
    /// Gives the files that an intent renamed their temporary names back. Returns whether the intent may then
    /// be removed.
    fn take_back(
        &mut self,
        place: &Staging,
        standing: &Standing,
        intent: &Intent,
        data: Data,
    ) -> io::Result<bool> {
        let (disk, folder) = (place.disk(), place.folder());
        let Some(shape) = standing.shape_of(intent.shard_id) else {
            return Ok(true);
        };
        let mark = shape.name(intent.shard_id, Part::Mark);
        let placed = standing.placed(intent, shape);
        let stands = mark_of(disk, &folder.join(&mark))?;
        // An empty mark names the files and keeps naming them. A whole one is from a later commit.
        if placed.is_empty() || matches!(stands, Mark::Empty | Mark::Whole(_)) {
            return Ok(true);
        }
        if data == Data::Kept {
            return Ok(false);
        }
        self.changed = true;
        for (part, name) in placed {
            let (path, temporary) = (folder.join(&name), folder.join(intent.temporary(&name)));
            if part != Part::Folder {
                disk.rename_new(&path, &temporary)?;
                continue;
            }
            let members = standing.members(intent.shard_id, shape)?;
            if take_folder_back(disk, &path, &temporary, &members)? {
                continue;
            }
            // The folder holds foreign files and must not become unowned.
            match claim_by_empty_mark(place, &mark) {
                Ok(()) => self.claimed.push(intent.shard_id),
                // A foreign mark is in the way: the intent keeps naming the rest.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// Gives a shard's folder its temporary name back. If the folder holds foreign files, removes only the
/// shard's files from it and returns false.
fn take_folder_back(
    disk: &dyn Disk,
    folder: &Path,
    temporary: &Path,
    members: &Members,
) -> io::Result<bool> {
    let is_shared = |folder: &Path| -> io::Result<bool> {
        let entries = disk.entries(folder)?;
        Ok(entries.iter().any(|(name, kind)| !members.has(name, *kind)))
    };
    if !is_shared(folder)? {
        disk.rename_new(folder, temporary)?;
        if !is_shared(temporary)? {
            return Ok(true);
        }
        // A foreign file arrived before the rename.
        disk.rename_new(temporary, folder)?;
    }
    remove_members(disk, folder, members)?;
    Ok(false)
}

fn claim_by_empty_mark(place: &Staging, name: &str) -> io::Result<()> {
    let (disk, empty) = (place.disk(), place.for_emptying().temporary(name));
    disk.write(&empty, &[])?;
    let renamed = disk.rename_new(&empty, &place.folder().join(name));
    if renamed.is_err() {
        disk.remove(&empty)?;
    }
    renamed
}

/// Removes a shard's loose files from its folder.
pub(super) fn remove_members(disk: &dyn Disk, folder: &Path, members: &Members) -> io::Result<()> {
    for (name, kind) in disk.entries(folder)? {
        if members.has(&name, kind) {
            disk.remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// Withdraws the marks of shards of ours that are to be done again. The marks become intents, which name
/// the shards' files. A missing file gets a placeholder under its temporary name, so that whatever gets its
/// final name from now on can be told from ours. Shards without a mark are skipped.
///
/// # Errors
/// The file system's error.
pub(crate) fn withdraw(place: &Staging, shards: &[(u64, Shape)]) -> io::Result<()> {
    let place = &place.for_withdrawal();
    let (disk, folder) = (place.disk(), place.folder());
    let (mut whole, mut unreadable) = (Vec::new(), Vec::new());
    let mut stands_in = false;
    for &(shard_id, shape) in shards {
        let name = shape.name(shard_id, Part::Mark);
        match mark_of(disk, &folder.join(&name))? {
            Mark::None | Mark::Other => continue,
            Mark::Whole(_) => whole.push(name),
            mark => unreadable.push((name, mark)),
        }
        for part in shape.parts() {
            let name = shape.name(shard_id, part);
            if disk.kind(&folder.join(&name))? != Some(kind_of(part)) {
                disk.write(&place.temporary(&name), &[])?;
                stands_in = true;
            }
        }
    }
    if stands_in {
        disk.sync_folder(folder)?;
    }
    for name in &whole {
        disk.rename_new(&folder.join(name), &place.temporary(name))?;
    }
    for (name, mark) in &unreadable {
        withdraw_unreadable(place, name, mark)?;
    }
    disk.sync_folder(folder)
}

/// Withdraws a mark that does not read back and so cannot become an intent as it is.
fn withdraw_unreadable(place: &Staging, name: &str, mark: &Mark) -> io::Result<()> {
    let (disk, path) = (place.disk(), place.folder().join(name));
    if *mark != Mark::Empty {
        // Next to an intent, a mark that is not empty would be taken for a foreign one.
        let empty = place.for_emptying().temporary(name);
        disk.write(&empty, &[])?;
        disk.rename(&empty, &path)?;
        disk.sync_folder(place.folder())?;
    }
    declare(disk, &place.temporary(name), &of_any_shard())?;
    disk.remove(&path)
}

/// A mark for a shard about which nothing is known except that it may have samples.
fn of_any_shard() -> Vec<u8> {
    let stats = ShardStats {
        count: 1,
        successes: 1,
        status_dict: [(Status::Success.as_str().to_owned(), 1)].into(),
        ..ShardStats::default()
    };
    stats.to_json()
}

/// Removes the shards of a dataset that our marks name. Leaves its record for the writer of the next one to
/// replace: shards without a record would be unowned.
///
/// # Errors
/// The file system's error.
pub(crate) fn remove_dataset(place: &Staging, standing: &Standing) -> io::Result<()> {
    let (disk, folder) = (place.disk(), place.folder());
    let mut shards = Vec::new();
    for shard_id in standing.numbers() {
        if let Some(shape) = standing.shape_of(shard_id)
            && standing.is_marked(shard_id)?
        {
            shards.push((shard_id, shape));
        }
    }
    withdraw(place, &shards)?;
    let shapes: HashMap<u64, Shape> = shards.into_iter().collect();
    let standing = Standing::with_record(disk, folder, standing.record.clone())?;
    for shard_id in clear(place, &standing, |_, _| true, Data::TakenBack)? {
        if let Some(shape) = shapes.get(&shard_id) {
            // What is left in its folder is foreign.
            disk.remove(&folder.join(shape.name(shard_id, Part::Mark)))?;
        }
    }
    disk.sync_folder(folder)
}
