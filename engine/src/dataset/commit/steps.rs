//! Owns the steps of a commit, in the order that the parent module argues for. Never decides whether a
//! shard is to be done.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use turbo2ds_writers::Part;

use super::undo::{Data, clear, remove_members, withdraw};
use crate::dataset::disk::{Disk, Kind};
use crate::dataset::names::Shape;
use crate::dataset::ownership::{Keys, Mark, Members, Standing, mark_of};
use crate::dataset::record::Record;
use crate::dataset::sealed::{Broken, Committed, Placed, SealedShard};
use crate::dataset::staging::Staging;

/// Publishes the shards of one run.
pub(crate) struct Committer<D> {
    place: Staging,
    record: Record,
    shape: Shape,
    /// Shards whose mark is ours and must be removed before the shard is done again: those found at the
    /// start, and those whose commit got as far as the mark.
    marked: HashSet<u64>,
    /// Whether a shard is already whole in the folder.
    is_done: D,
}

impl<D: Fn(u64) -> bool> Committer<D> {
    /// A committer for a run with this `record`, in which the `marked` shards are to be done again.
    pub(crate) fn new(
        place: Staging,
        record: Record,
        shape: Shape,
        marked: HashSet<u64>,
        is_done: D,
    ) -> Self {
        Self {
            place,
            record,
            shape,
            marked,
            is_done,
        }
    }

    /// Makes a written shard durable under its final names.
    ///
    /// # Errors
    /// The file system's error, with the path; `AlreadyExists` if something that is not ours has one of the
    /// shard's names.
    pub(crate) fn commit(&mut self, shard: &SealedShard) -> Result<Committed, Broken> {
        let place = self.place.for_attempt(shard.attempt);
        let (disk, folder) = (place.disk(), place.folder());
        for placed in shard.written.files() {
            sync(disk, placed, shard.stream_bytes)
                .map_err(|error| (placed.temporary.clone(), error))?;
        }
        let (name, _) = &shard.stats;
        let claim = place
            .claim(name)
            .map_err(|error| (folder.join(name), error))?;
        if claim.is_some() && (self.is_done)(shard.shard_id) {
            for Placed { temporary, .. } in shard.written.files() {
                let removed = disk.remove(temporary);
                removed.map_err(|error| (temporary.clone(), error))?;
            }
            return Ok(Committed::Elsewhere);
        }
        if self.make_room(shard)? {
            self.join(&place, shard)?;
        } else {
            self.publish(&place, shard)?;
        }
        Ok(Committed::Here)
    }

    /// Takes back our files under the shard's names: its old files, and those that an earlier try or a dead
    /// worker renamed. Anything that still has one of the names is not ours. Returns true if an empty mark
    /// is in place, because the shard's folder holds foreign files.
    fn make_room(&mut self, shard: &SealedShard) -> Result<bool, Broken> {
        let (place, folder) = (&self.place, self.place.folder());
        let out = |error: io::Error| (folder.to_owned(), error);
        if self.in_the_way(shard).map_err(out)?.is_none() {
            return Ok(false);
        }
        let (disk, shard_id) = (place.disk(), shard.shard_id);
        let mark = folder.join(&shard.stats.0);
        let stands = mark_of(disk, &mark).map_err(out)?;
        // An empty mark may also come from a worker that has died since.
        if self.marked.contains(&shard_id) || stands == Mark::Empty {
            if stands == Mark::Other {
                // The mark was ours when the run began.
                return Err((mark, foreign()));
            }
            withdraw(place, &[(shard_id, self.shape)]).map_err(out)?;
            self.marked.remove(&shard_id);
        }
        let standing = Standing::with_record(disk, folder, self.record.clone()).map_err(out)?;
        self.remove_known(&standing, shard).map_err(out)?;
        let words: HashSet<&str> = standing
            .intents
            .iter()
            .filter(|intent| intent.shard_id == shard_id)
            .map(|intent| intent.word.as_str())
            .collect();
        let of_shard = |of: u64, word: &str| of == shard_id && words.contains(word);
        let claimed = clear(place, &standing, of_shard, Data::TakenBack).map_err(out)?;
        if claimed.contains(&shard_id) {
            self.marked.insert(shard_id);
            return Ok(true);
        }
        match self.in_the_way(shard).map_err(out)? {
            None => Ok(false),
            Some(name) => Err((folder.join(name), foreign())),
        }
    }

    /// Removes a shard's loose files by the keys of its current rows. The list is the same as before, and the
    /// metadata that held their names may be what is broken.
    fn remove_known(&self, standing: &Standing, shard: &SealedShard) -> io::Result<()> {
        let keys = Keys::of_rows(shard.keys.as_ref());
        let members = Members::new(self.shape, shard.shard_id, shard.rows, keys);
        let mut intents = standing.intents.iter();
        let folder = intents.find_map(|intent| {
            let placed = standing.placed(intent, self.shape).into_iter();
            let mut folders = placed.filter(|(part, _)| *part == Part::Folder);
            folders.next().filter(|_| intent.shard_id == shard.shard_id)
        });
        if let Some((_, name)) = folder {
            let folder = self.place.folder().join(name);
            remove_members(self.place.disk(), &folder, &members)?;
        }
        Ok(())
    }

    /// The first of the shard's names that is already taken.
    fn in_the_way(&self, shard: &SealedShard) -> io::Result<Option<String>> {
        let (disk, folder) = (self.place.disk(), self.place.folder());
        let targets = shard.written.files().iter().filter_map(|placed| {
            let name = placed.target.file_name()?;
            name.to_str().map(str::to_owned)
        });
        for name in targets.chain([shard.stats.0.clone()]) {
            if disk.kind(&folder.join(&name))?.is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Publishes a shard that has no mark: intent, names, mark.
    fn publish(&mut self, place: &Staging, shard: &SealedShard) -> Result<(), Broken> {
        let (disk, folder) = (place.disk(), place.folder());
        let (name, bytes) = &shard.stats;
        let (intent, mark) = (place.temporary(name), folder.join(name));
        let on = |path: &Path| {
            let path = path.to_owned();
            move |error| (path, error)
        };
        if shard.written.files().is_empty() {
            write_synced(disk, &intent, bytes).map_err(on(&intent))?;
        } else {
            declare(disk, &intent, bytes).map_err(on(&intent))?;
        }
        for placed in shard.written.files() {
            rename_new(disk, &placed.temporary, &placed.target)?;
        }
        if !shard.written.files().is_empty() {
            disk.sync_folder(folder).map_err(on(folder))?;
        }
        rename_new(disk, &intent, &mark)?;
        self.marked.insert(shard.shard_id);
        disk.sync_folder(folder).map_err(on(folder))
    }

    /// Publishes a shard that has an empty mark: its files go next to the foreign ones, and its mark replaces
    /// the empty one.
    fn join(&self, place: &Staging, shard: &SealedShard) -> Result<(), Broken> {
        let (disk, folder) = (place.disk(), place.folder());
        let (name, bytes) = &shard.stats;
        let mark = folder.join(name);
        let out = |error: io::Error| (folder.to_owned(), error);
        for placed in shard.written.files() {
            if placed.folder {
                move_in(disk, &placed.temporary, &placed.target)?;
            } else {
                rename_new(disk, &placed.temporary, &placed.target)?;
            }
        }
        disk.sync_folder(folder).map_err(out)?;
        let (temporary, broken) = (place.temporary(name), |error| (mark.clone(), error));
        write_synced(disk, &temporary, bytes).map_err(broken)?;
        if mark_of(disk, &mark).map_err(out)? != Mark::Empty {
            return Err((mark, foreign()));
        }
        disk.rename(&temporary, &mark).map_err(broken)?;
        disk.sync_folder(folder).map_err(out)
    }
}

/// Makes a mark's content durable under its temporary name, after all names that are in the folder now. The
/// mark is then the intent.
pub(super) fn declare(disk: &dyn Disk, intent: &Path, bytes: &[u8]) -> io::Result<()> {
    disk.write(intent, &[])?;
    disk.sync_folder(intent.parent().unwrap_or(intent))?;
    write_synced(disk, intent, bytes)
}

fn write_synced(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    disk.write(path, bytes)?;
    disk.sync(path, None)
}

/// The error for something that has one of a shard's names and is not ours.
fn foreign() -> io::Error {
    io::Error::new(
        io::ErrorKind::AlreadyExists,
        "no run of this dataset made what has this name",
    )
}

fn rename_new(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), Broken> {
    disk.rename_new(from, to)
        .map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => (to.to_owned(), foreign()),
            _ => (to.to_owned(), error),
        })
}

/// Moves new files one by one into a folder that also holds foreign files.
fn move_in(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), Broken> {
    let broken = |error| (to.to_owned(), error);
    if disk.kind(to).map_err(broken)? != Some(Kind::Folder) {
        return Err(broken(foreign()));
    }
    for (name, _) in disk.entries(from).map_err(broken)? {
        rename_new(disk, &from.join(&name), &to.join(&name))?;
    }
    disk.sync_folder(to).map_err(broken)?;
    disk.remove_empty(from).map_err(broken)?;
    Ok(())
}

fn sync(disk: &dyn Disk, placed: &Placed, stream_bytes: u64) -> io::Result<()> {
    if placed.folder {
        return disk.sync_all(&placed.temporary);
    }
    disk.sync(&placed.temporary, placed.stream.then_some(stream_bytes))
}

/// Writes a small file atomically: temporary name, fsync, rename, fsync of the folder. Replaces an existing
/// file of that name.
///
/// # Errors
/// The file system's error.
pub(crate) fn write_durably(place: &Staging, name: &str, bytes: &[u8]) -> io::Result<()> {
    let (disk, temporary) = (place.disk(), place.temporary(name));
    write_synced(disk, &temporary, bytes)?;
    disk.rename(&temporary, &place.folder().join(name))?;
    disk.sync_folder(place.folder())
}
