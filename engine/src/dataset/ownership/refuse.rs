//! Owns the refusal of a run that would change files that are not its own: which names the run may take,
//! what already has them, and the error. Looks but changes nothing.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use turbo2ds_writers::Part;

use super::standing::{Mark, Standing, mark_of};
use super::user_files::{UserFile, UserFiles};
use crate::config::Assignment;
use crate::dataset::disk::Kind;
use crate::dataset::names::{
    OWN_FOLDER, RECORD_NAME, Shape, is_temporary, shard_file, shard_number,
};
use crate::error::Error;

/// Maximum number of names in one message.
const SAID_MAX: usize = 3;

/// The names that a run may take in a folder.
pub(crate) struct Wanted<'a> {
    /// How the run names its files.
    pub(crate) shape: Shape,
    /// The first shard of the run's list.
    pub(crate) first_shard_id: u64,
    /// An upper bound on the number of shards of the run's list, if known.
    pub(crate) shards_max: Option<u64>,
    /// The run's part of the shards.
    pub(crate) assignment: Assignment,
    /// Shards that are done already.
    pub(crate) done: &'a HashSet<u64>,
    /// Whether the run removes the existing dataset first.
    pub(crate) overwrite: bool,
    /// Files that the user named in the options.
    pub(crate) user_files: &'a UserFiles,
}

impl Wanted<'_> {
    fn takes_shard(&self, shard_id: u64) -> bool {
        let number = shard_id.checked_sub(self.first_shard_id);
        let within = number.is_some_and(|number| self.shards_max.is_none_or(|max| number < max));
        within && self.assignment.contains(shard_id) && !self.done.contains(&shard_id)
    }

    /// The shard of this run that takes a name, and the part of the shard that the name is for.
    fn takes(&self, name: &str) -> Option<(u64, Part)> {
        let part = self.shape.part_of(name);
        part.filter(|(shard_id, _)| self.takes_shard(*shard_id))
    }

    /// Refuses the run if something that is not the dataset's own has a name that the run may take.
    ///
    /// # Errors
    /// `Output`: what has the name, and what to do; or the file system's error.
    pub(crate) fn check(&self, standing: &Standing, folder: &Path) -> Result<(), Error> {
        let out = |error: io::Error| Error::output_io(folder, error);
        for file in &self.user_files.files {
            if let Some(name) = self.lost(file, standing, folder).map_err(out)? {
                return Err(file.refusal(&name));
            }
        }
        if self.overwrite {
            self.check_marks(standing, folder)?;
        }
        let mut foreign = Vec::new();
        let own = standing.entries.get(OWN_FOLDER);
        foreign.extend(
            own.filter(|kind| **kind != Kind::Folder)
                .map(|_| OWN_FOLDER.to_owned()),
        );
        for (name, kind) in &standing.entries {
            let Some((shard_id, part)) = self.takes(name) else {
                continue;
            };
            if !standing.owns(name).map_err(out)? {
                foreign.push(name.clone());
            } else if (part, *kind) == (Part::Folder, Kind::Folder) {
                let members = standing.members(shard_id, self.shape).map_err(out)?;
                let others = standing.others_in_folder(shard_id, self.shape);
                let others = others.map_err(out)?.into_iter();
                let in_the_way = others.filter(|(inner, _)| {
                    // With `overwrite`, the folder loses its mark and would be unowned. Otherwise only names that
                    // loose files take are in the way.
                    self.overwrite || members.has_name(inner)
                });
                foreign.extend(in_the_way.map(|(inner, _)| format!("{name}/{inner}")));
            }
        }
        if foreign.is_empty() {
            return Ok(());
        }
        Err(refusal(folder, &foreign))
    }

    /// Refuses to overwrite marks that no record covers: they are another program's, and their shards are not
    /// ours to remove.
    fn check_marks(&self, standing: &Standing, folder: &Path) -> Result<(), Error> {
        if !standing.record.runs.is_empty() {
            return Ok(());
        }
        let mut marks = Vec::new();
        for name in standing.entries.keys() {
            if !matches!(shard_file(name), Some((_, Part::Mark))) {
                continue;
            }
            let mark = mark_of(standing.files(), &folder.join(name));
            let mark = mark.map_err(|error| Error::output_io(folder, error))?;
            if matches!(mark, Mark::Whole(_)) {
                marks.push(name.clone());
            }
        }
        if marks.is_empty() {
            return Ok(());
        }
        Err(Error::output(
            format!(
                "{} holds {} shards that no run of turbo2ds made: {}",
                folder.display(),
                marks.len(),
                said(&marks)
            ),
            "overwrite removes its own alone: remove them, or choose another output_folder",
        ))
    }

    /// The name in the folder under which a user's file would be replaced or removed.
    fn lost(
        &self,
        file: &UserFile,
        standing: &Standing,
        folder: &Path,
    ) -> io::Result<Option<String>> {
        for path in file.within(folder) {
            if self.loses(path, file.written, standing)? {
                return Ok(Some(path.display().to_string()));
            }
        }
        if file.has_other_names() {
            for name in standing.entries.keys() {
                let goes = self.removes(name, standing)? || self.takes(name).is_some();
                if goes && file.has_name(&folder.join(name)) {
                    return Ok(Some(name.clone()));
                }
            }
        }
        Ok(None)
    }

    fn removes(&self, name: &str, standing: &Standing) -> io::Result<bool> {
        Ok(self.overwrite && standing.owns(name)?)
    }

    /// Whether whatever is at this path in the folder is removed or overwritten. A file that the run itself
    /// writes (`written`) must not have any of a dataset's names.
    fn loses(&self, path: &Path, written: bool, standing: &Standing) -> io::Result<bool> {
        let mut parts = path.iter().map(|part| part.to_str());
        let (Some(Some(name)), inner) = (parts.next(), parts.next()) else {
            return Ok(false);
        };
        if name == RECORD_NAME || is_temporary(name) {
            return Ok(true);
        }
        let Some((stem, part)) = shard_file(name) else {
            return Ok(false);
        };
        let number = shard_number(stem);
        if written && number.is_some_and(|shard_id| self.shape.name(shard_id, part) == name) {
            return Ok(true);
        }
        let goes = self.takes(name).is_some() || self.removes(name, standing)?;
        Ok(match inner {
            None => goes,
            Some(inner) => {
                let shape = number.and_then(|id| Some((id, standing.shape_of(id)?)));
                let Some(((shard_id, shape), inner)) = shape.zip(inner) else {
                    return Ok(false);
                };
                goes && part == Part::Folder && standing.members(shard_id, shape)?.has_name(inner)
            }
        })
    }
}

/// The error that says which files are not the dataset's own, and what to do about them.
fn refusal(folder: &Path, foreign: &[String]) -> Error {
    let (files, them, are) = match foreign.len() {
        1 => ("1 file".to_owned(), "it", "it is a left-over"),
        count => (format!("{count} files"), "them", "they are left-overs"),
    };
    let (folder, names) = (folder.display(), said(foreign));
    Error::output(
        format!(
            "{folder} holds {files} that no run of this dataset made, under names that its shards take: \
             {names}"
        ),
        format!(
            "remove {names} if {are} of a killed run or of another program; else move {them} away, or \
             choose another output_folder"
        ),
    )
}

/// The first few names, joined for a message. The caller that displays them escapes control characters.
pub(crate) fn said(names: &[String]) -> String {
    let first: Vec<&str> = names.iter().take(SAID_MAX).map(String::as_str).collect();
    let first = first.join(", ");
    match names.len().saturating_sub(SAID_MAX) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
