//! Owns the check of one shard: its mark, its rows and its samples, each against the one before. Never
//! changes anything.

use std::path::Path;

use turbo2ds_codec::ReencodePolicy;
use turbo2ds_writers::{OutputFormat, Part, ShardStats};

use super::fault::{Fault, Found};
use super::keys::Naming;
use super::rows::{Known, Rows};
use super::samples::check_samples;
use super::survey::Pieces;
use super::table::Table;
use crate::dataset::disk::Files;
use crate::dataset::names::{Shape, shard_number};
use crate::dataset::record::{Record, RunEntry};

/// Counts over whole shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) samples: u64,
    /// Samples whose bytes match their hash.
    pub(super) hashes: u64,
    /// Foreign files in the shard's folder.
    pub(super) others: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.rows += other.rows;
        self.samples += other.samples;
        self.hashes += other.hashes;
        self.others += other.others;
    }
}

/// The result of reading a shard back.
#[derive(Debug)]
pub(super) enum Verdict {
    Whole(Counts),
    /// It has no mark: the run that was making it did not finish, and the next run does it again.
    Unfinished,
    Broken(Found),
}

/// One shard's files and what is known about its run.
pub(super) struct Shard<'a> {
    files: &'a dyn Files,
    folder: &'a Path,
    name: &'a str,
    pieces: Pieces,
    format: Option<OutputFormat>,
    shape: Option<Shape>,
    known: Known,
}

impl<'a> Shard<'a> {
    pub(super) fn new(
        (files, folder): (&'a dyn Files, &'a Path),
        name: &'a str,
        pieces: Pieces,
        record: &Record,
    ) -> Self {
        let run = shard_number(name).and_then(|number| record.run_of(number));
        Self {
            files,
            folder,
            name,
            pieces,
            format: run.and_then(RunEntry::format),
            shape: run.and_then(RunEntry::shape),
            known: run.map(known_of).unwrap_or_default(),
        }
    }

    /// Reads the shard back.
    pub(super) fn verify(&self) -> Verdict {
        if !self.pieces.has(Part::Mark) {
            return Verdict::Unfinished;
        }
        match self.read() {
            Ok(counts) => Verdict::Whole(counts),
            Err(found) => Verdict::Broken(found),
        }
    }

    fn read(&self) -> Result<Counts, Found> {
        let stats = self.stats()?;
        let has_files = match self.format {
            Some(format) => !format.files().is_empty(),
            None => self.pieces != Pieces::bare(),
        };
        if !has_files {
            return Ok(Counts {
                rows: stats.count,
                ..Counts::default()
            });
        }
        let metadata = self.format.and_then(OutputFormat::metadata);
        let metadata = metadata.map_or(Part::Parquet, |file| file.part);
        let in_parquet = |fault| self.found(metadata, fault);
        if !self.pieces.has(metadata) {
            return Err(in_parquet(Fault::Missing));
        }
        let table = Table::open(self.files, &self.path(metadata)).map_err(in_parquet)?;
        let format = self.format.unwrap_or_else(|| self.guessed(&table));
        let images = format.samples().is_some_and(|file| file.is_metadata);
        if images && !table.has_images() {
            return Err(in_parquet(Fault::Column("of images")));
        }
        let rows = table.read(self.name, self.known, &stats, images);
        let mut rows = rows.map_err(in_parquet)?;
        self.read_samples(format, &mut rows)?;
        Ok(Counts {
            rows: rows.count(),
            samples: rows.successes(),
            hashes: rows.hashes_checked,
            others: rows.others,
        })
    }

    fn stats(&self) -> Result<ShardStats, Found> {
        let in_mark = |fault| self.found(Part::Mark, fault);
        let bytes = self
            .files
            .read(&self.path(Part::Mark))
            .map_err(|error| in_mark(error.into()))?;
        ShardStats::from_json(&bytes).ok_or_else(|| in_mark(Fault::Mark))
    }

    /// Reads the samples and checks that every promised one exists.
    fn read_samples(&self, format: OutputFormat, rows: &mut Rows) -> Result<(), Found> {
        let Some(file) = format.samples() else {
            return Ok(());
        };
        let in_data = |fault| self.found(file.part, fault);
        if !self.pieces.has(file.part) {
            return if file.is_made(rows.successes() > 0) {
                Err(in_data(Fault::Missing))
            } else {
                Ok(())
            };
        }
        let path = self.path(file.part);
        check_samples(format, self.files, &path, rows, self.shape).map_err(in_data)?;
        rows.check_found().map_err(in_data)
    }

    /// The format guessed from the files that exist, if no record says it.
    fn guessed(&self, table: &Table) -> OutputFormat {
        let has_stream = |format: &OutputFormat| {
            let files = format.samples();
            files.is_some_and(|file| {
                file.is_stream && !file.is_metadata && self.pieces.has(file.part)
            })
        };
        let has_images = |format: &OutputFormat| {
            let files = format.samples();
            table.has_images() && files.is_some_and(|file| file.is_metadata)
        };
        let formats = || OutputFormat::ALL.into_iter();
        let format = formats().find(has_stream);
        // A shard without samples has no folder.
        format
            .or_else(|| formats().find(has_images))
            .unwrap_or(OutputFormat::Files)
    }

    fn path(&self, part: Part) -> std::path::PathBuf {
        self.folder.join(format!("{}{}", self.name, part.ending()))
    }

    fn found(&self, part: Part, fault: Fault) -> Found {
        Found {
            file: format!("{}{}", self.name, part.ending()),
            fault,
        }
    }
}

fn naming_of(run: &RunEntry) -> Naming {
    if run.is_given("key_col") {
        Naming::Given
    } else {
        Naming::Numbered
    }
}

/// What the record says about the shard's images. Tables name the image column after the requested format,
/// whatever the format of the bytes.
fn known_of(run: &RunEntry) -> Known {
    let format = run.format();
    let members = format.is_some_and(|format| !format.image_is_column());
    Known {
        reencode: reencode_of(run),
        naming: naming_of(run),
        true_extension: members && run.is_on("true_extension"),
        pixels_max: run.count("max_pixels"),
    }
}

/// The re-encoding policy of a run, or `None` if the record does not say it.
fn reencode_of(run: &RunEntry) -> Option<ReencodePolicy> {
    let told = |name| run.options.get(name)?.as_bool();
    Some(
        match (told("disable_all_reencoding")?, told("skip_reencode")?) {
            (true, _) => ReencodePolicy::Never,
            (false, true) => ReencodePolicy::SkipIfUnchanged,
            (false, false) => ReencodePolicy::Always,
        },
    )
}
