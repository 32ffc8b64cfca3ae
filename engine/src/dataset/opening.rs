//! Owns what a run decides when it opens a dataset, wherever that is kept: where its shards begin, which of
//! them are done, whether it may write at all, and what it adds to the record. Reads through [`Files`] and
//! changes nothing.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::Path;

use turbo2ds_writers::{Part, ShardStats};

use crate::config::{IncrementalMode, OutputConfig};
use crate::dataset::disk::Files;
use crate::dataset::names::{OWN_FOLDER, RECORD_NAME, Shape, shard_file, shard_number};
use crate::dataset::ownership::{Standing, Wanted, said};
use crate::dataset::record::{Asking, Record, RunEntry};
use crate::dataset::store::Job;
use crate::error::Error;

impl Job<'_> {
    pub(super) fn mode(&self) -> IncrementalMode {
        self.config.output.mode
    }

    /// The run as the record compares it.
    fn asking(&self) -> Asking<'_> {
        Asking {
            options: &self.config.recorded,
            input: self.input,
        }
    }

    /// Complete shards of the assignment, of any run.
    pub(super) fn done(&self, standing: &Standing) -> HashSet<u64> {
        let (files, folder) = (standing.files(), standing.folder());
        standing
            .numbers()
            .filter(|&id| {
                self.assignment.contains(id) && is_done(files, folder, &self.config.output, id)
            })
            .collect()
    }

    /// Where the run's shards begin.
    pub(super) fn place_of(&self, standing: &Standing) -> Result<u64, Error> {
        let folder = standing.folder();
        match self.mode() {
            IncrementalMode::Overwrite => Ok(0),
            IncrementalMode::Extend => {
                let next = standing.numbers().max().map(|last| last.checked_add(1));
                next.unwrap_or(Some(0)).ok_or_else(|| {
                    Error::output(
                        format!("{} holds a shard of the last number", folder.display()),
                        "choose another output_folder",
                    )
                })
            }
            IncrementalMode::Incremental => standing.record.place_of(self.asking(), folder),
        }
    }

    /// Refuses the run if the folder is another run's, or if a file that is not the dataset's own is in its way.
    /// Returns the complete shards that are to stay.
    pub(super) fn check(&self, standing: &Standing) -> Result<HashSet<u64>, Error> {
        let first_shard_id = self.place_of(standing)?;
        let overwrite = self.mode() == IncrementalMode::Overwrite;
        let done = if overwrite {
            HashSet::new()
        } else {
            self.done(standing)
        };
        let wanted = Wanted {
            shape: Shape::of(self.config),
            first_shard_id,
            shards_max: self.user_files.shards_max,
            assignment: self.assignment,
            done: &done,
            overwrite,
            user_files: &self.user_files,
        };
        wanted.check(standing, standing.folder())?;
        Ok(done)
    }

    /// Adds this run to the record, and to the first record the shards that were there before it. Returns
    /// whether that changed anything.
    pub(super) fn enter_in(
        &self,
        record: &mut Record,
        first_shard_id: u64,
        numbers: &BTreeSet<u64>,
    ) -> bool {
        let is_first = record.runs.is_empty();
        let still_found = numbers
            .iter()
            .filter(|id| is_first || record.was_found(**id));
        let found = still_found.copied().collect();
        let news = record.set_found(&found);
        let asking = self.asking();
        let mut runs = record.runs.iter();
        let is_new =
            !runs.any(|run| run.first_shard_id == first_shard_id && run.is_continued_by(asking));
        if is_new {
            record.runs.push(RunEntry::of(asking, first_shard_id));
        }
        news || is_new
    }

    /// Warns if shards are there that no record tells the options of.
    pub(super) fn warn_of_unrecorded(
        &self,
        record: &Record,
        numbers: &BTreeSet<u64>,
        folder: &Path,
    ) {
        if record.runs.is_empty()
            && !numbers.is_empty()
            && self.mode() == IncrementalMode::Incremental
        {
            tracing::warn!(
                folder = %folder.display(),
                "these shards carry no record of their options: they are taken as this command's"
            );
        }
    }

    /// Shards of the assignment that are not done and have a mark of ours.
    pub(super) fn marked(
        &self,
        standing: &Standing,
        numbers: &BTreeSet<u64>,
        done: &HashSet<u64>,
    ) -> io::Result<HashSet<u64>> {
        let mut marked = HashSet::new();
        for id in numbers.iter().filter(|id| !done.contains(id)) {
            if self.assignment.contains(*id) && standing.is_marked(*id)? {
                marked.insert(*id);
            }
        }
        Ok(marked)
    }
}

/// A note for a run that overwrites, if files remain that no run of the dataset made.
pub(super) fn note_of_overwrite(standing: &Standing) -> io::Result<Option<String>> {
    let mut others = Vec::new();
    let mut shards = 0_u64;
    for name in standing.entries.keys() {
        let part = shard_file(name);
        if standing.owns(name)? {
            shards += u64::from(matches!(part, Some((_, Part::Mark))));
            if let Some((stem, Part::Folder)) = part {
                let number = shard_number(stem);
                let shape = number.and_then(|id| Some((id, standing.shape_of(id)?)));
                for (inner, _) in shape.map_or(Ok(Vec::new()), |(id, shape)| {
                    standing.others_in_folder(id, shape)
                })? {
                    others.push(format!("{name}/{inner}"));
                }
            }
        } else if name != RECORD_NAME && name != OWN_FOLDER {
            others.push(name.clone());
        }
    }
    Ok((!others.is_empty()).then(|| {
        format!(
            "overwrite removed the {shards} shards of this dataset and left what no run of it made: {}",
            said(&others)
        )
    }))
}

/// A shard is done where its mark reads back whole and its files are there.
pub(super) fn is_done(
    files: &dyn Files,
    folder: &Path,
    output: &OutputConfig,
    shard_id: u64,
) -> bool {
    let name = |part: Part| folder.join(part.file_name(shard_id, output.shard_digits));
    // A dataset of links is whole where what they lead to is.
    let mark = files.read(&name(Part::Mark)).unwrap_or_default();
    let Some(stats) = ShardStats::from_json(&mark) else {
        return false;
    };
    let parts = output.format.files().iter();
    let mut made = parts.filter(|file| file.is_made(stats.successes > 0));
    made.all(|file| files.exists(&name(file.part)))
}
