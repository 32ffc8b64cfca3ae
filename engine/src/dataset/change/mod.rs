//! Owns changes to a dataset that is there: files of many shards take the place of others, all of them or none.
//!
//! The argument. A change has a folder to itself, as a whole run does.
//!
//! 1. Every new file is written under a temporary name in the folder where it belongs, and synced; then the folders
//!    are, so that the names are durable. Nothing of the dataset has changed: what is there so far is removed by
//!    whoever comes next ([`clear_torn`]).
//! 2. The **plan** is written durably ([`plan`]). From here on the change happens: whoever opens the dataset next
//!    finishes it ([`finish`]) before anything else.
//! 3. Each new file gets its name, in place of the old one where there is one, and what is to go gets a temporary
//!    name. A temporary name that is gone proves that its file has been renamed, so that each step can be taken again. The
//!    folders are synced.
//! 4. The plan says that everything is moved. From here on no file gets or loses its own name any more, whoever has put
//!    one there meanwhile.
//! 5. What went is removed, and then the plan.
//!
//! A file that is to go is renamed before it is removed, and not removed at once: of a name that is missing nobody could
//! tell whether the step had been taken, and a file that somebody has put there since would be removed with it.

mod plan;
#[cfg(test)]
mod simulation;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::dataset::folder::{clear_documents, make_folders};
use crate::dataset::names::{OWN_FOLDER, temporary_name, temporary_name_of};
use crate::dataset::staging::Staging;
use crate::dataset::version::VERSIONS;
use crate::error::Error;
use plan::{Plan, Stage, Step};

/// A change whose files are being written. Dropped before it is made, it removes them.
pub(crate) struct Draft<'a> {
    place: &'a Staging,
    word: String,
    steps: Vec<Step>,
    /// A plan may be there that needs the files.
    is_planned: bool,
}

impl<'a> Draft<'a> {
    /// A change of the dataset in a folder that is the caller's alone and in which no change is under way.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn begin(place: &'a Staging) -> io::Result<Self> {
        make_folders(
            place.disk(),
            &place.folder().join(OWN_FOLDER).join(VERSIONS),
        )?;
        clear_torn(place)?;
        Ok(Self {
            place,
            word: place.word(),
            steps: Vec::new(),
            is_planned: false,
        })
    }

    /// Where the new content of a file of the dataset's is written, which takes the place of the file.
    pub(crate) fn replace(&mut self, path: &str) -> PathBuf {
        self.steps.push(Step::Replace(path.to_owned()));
        self.temporary(path)
    }

    /// Where a new file is written.
    pub(crate) fn create(&mut self, path: &str) -> PathBuf {
        self.steps.push(Step::Create(path.to_owned()));
        self.temporary(path)
    }

    /// Has a file of the dataset's go.
    pub(crate) fn remove(&mut self, path: &str) {
        self.steps.push(Step::Remove(path.to_owned()));
    }

    fn temporary(&self, path: &str) -> PathBuf {
        temporary(self.place.folder(), path, &self.word)
    }

    /// Makes the change, which makes this version of the dataset. All its files are written.
    ///
    /// # Errors
    /// `Output`: the file system's, before the change has begun or after; [`finish`] tells which.
    pub(crate) fn commit(mut self, version: String) -> Result<(), Error> {
        let place = self.place;
        let out = |error: io::Error| Error::output_io(place.folder(), error);
        self.sync().map_err(out)?;
        let plan = Plan::new(version, self.word.clone(), self.steps.clone());
        // A write that fails may have written.
        self.is_planned = true;
        plan.write(place).map_err(out)?;
        apply(place, plan).map_err(out)
    }

    /// Makes the new files and their names durable.
    fn sync(&self) -> io::Result<()> {
        let disk = self.place.disk();
        for step in &self.steps {
            if !matches!(step, Step::Remove(_)) {
                disk.sync(&self.temporary(step.path()), None)?;
            }
        }
        sync_folders(self.place, &self.steps)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.is_planned {
            return;
        }
        for step in self
            .steps
            .iter()
            .filter(|step| !matches!(step, Step::Remove(_)))
        {
            // What stays is removed by whoever comes next.
            let _ = self.place.disk().remove(&self.temporary(step.path()));
        }
    }
}

/// Finishes a change that was interrupted; the version that it made, if there was one. The folder is the caller's
/// alone.
///
/// # Errors
/// `Output`: the file system's, and a plan that does not read.
pub(crate) fn finish(place: &Staging) -> Result<Option<String>, Error> {
    let Some(plan) = Plan::read(place)? else {
        return Ok(None);
    };
    let version = plan.version.clone();
    apply(place, plan).map_err(|error| Error::output_io(place.folder(), error))?;
    Ok(Some(version))
}

/// Finishes a change that was interrupted, for one who may: the folder is the caller's alone.
///
/// # Errors
/// As [`finish`]; `Output` if there is such a change and the caller may not.
pub(crate) fn settle(place: &Staging, may_finish: bool) -> Result<(), Error> {
    if may_finish {
        return finish(place).map(drop);
    }
    match Plan::read(place)? {
        None => Ok(()),
        Some(_) => Err(Error::output(
            format!("a change of {} was interrupted", place.folder().display()),
            "`turbo2ds verify --repair` finishes it, as does the next run that has the folder to itself",
        )),
    }
}

fn apply(place: &Staging, mut plan: Plan) -> io::Result<()> {
    if plan.stage == Stage::Begun {
        for step in &plan.steps {
            take(place, step, &plan.word)?;
        }
        sync_folders(place, &plan.steps)?;
        plan.stage = Stage::Moved;
        plan.write(place)?;
    }
    let gone = |step: &&Step| matches!(step, Step::Remove(_));
    for step in plan.steps.iter().filter(gone) {
        let temporary = temporary(place.folder(), step.path(), &plan.word);
        place.disk().remove(&temporary)?;
    }
    let removed: Vec<Step> = plan.steps.iter().filter(gone).cloned().collect();
    sync_folders(place, &removed)?;
    Plan::forget(place)
}

/// Takes one step, unless it has been taken.
fn take(place: &Staging, step: &Step, word: &str) -> io::Result<()> {
    let disk = place.disk();
    let target = place.folder().join(step.path());
    let temporary = temporary(place.folder(), step.path(), word);
    let is_written = disk.kind(&temporary)?.is_some();
    match step {
        Step::Replace(_) if is_written => disk.rename(&temporary, &target),
        Step::Create(_) if is_written => disk.rename_new(&temporary, &target),
        Step::Remove(_) if !is_written && disk.kind(&target)?.is_some() => {
            disk.rename_new(&target, &temporary)
        }
        Step::Replace(_) | Step::Create(_) | Step::Remove(_) => Ok(()),
    }
}

fn sync_folders(place: &Staging, steps: &[Step]) -> io::Result<()> {
    let folder = |step: &Step| {
        let path = place.folder().join(step.path());
        path.parent().map(Path::to_owned)
    };
    let folders: BTreeSet<PathBuf> = steps.iter().filter_map(folder).collect();
    for folder in folders {
        place.disk().sync_folder(&folder)?;
    }
    Ok(())
}

/// A file's temporary name, in its folder.
fn temporary(folder: &Path, path: &str, word: &str) -> PathBuf {
    let (within, name) = path.rsplit_once('/').unwrap_or(("", path));
    folder.join(within).join(temporary_name(name, word))
}

/// Removes what changes that did not begin left in the dataset's own folders. What they left beside the shards has the
/// temporary names of shards, which every run clears.
fn clear_torn(place: &Staging) -> io::Result<()> {
    let disk = place.disk();
    let own = place.folder().join(OWN_FOLDER);
    for (name, _) in disk.entries(&own)? {
        if temporary_name_of(&name).is_some() {
            disk.remove(&own.join(name))?;
        }
    }
    clear_documents(disk, &own.join(VERSIONS))
}
