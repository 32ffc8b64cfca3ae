//! Owns the check of one shard: its mark, its rows, its samples, each against the one before. Never
//! changes anything.

use std::fs;
use std::path::Path;

use turbo2ds_codec::ReencodePolicy;
use turbo2ds_writers::{OutputFormat, ShardStats};

use super::fault::{Fault, Found};
use super::keys::Naming;
use super::rows::{Known, Rows};
use super::samples::{check_folder, check_records, check_tar};
use super::survey::Pieces;
use super::table::Table;
use crate::dataset::names::{STATS_SUFFIX, Shape, shard_number};
use crate::dataset::record::{Record, RunEntry};

/// What was counted in whole shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rows: u64,
    pub(super) samples: u64,
    /// Samples whose bytes are the ones their hash was made of.
    pub(super) hashes: u64,
    /// Files in its folder that are not its own.
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

/// How a shard was found.
#[derive(Debug)]
pub(super) enum Verdict {
    Whole(Counts),
    /// It has no mark: the run that was at it did not end, the next does it again.
    Unfinished,
    Broken(Found),
}

/// One shard's files and what is known of its run.
pub(super) struct Shard<'a> {
    folder: &'a Path,
    name: &'a str,
    pieces: Pieces,
    format: Option<OutputFormat>,
    shape: Option<Shape>,
    known: Known,
}

impl<'a> Shard<'a> {
    pub(super) fn new(folder: &'a Path, name: &'a str, pieces: Pieces, record: &Record) -> Self {
        let run = shard_number(name).and_then(|number| record.run_of(number));
        Self {
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
        if !self.pieces.mark {
            return Verdict::Unfinished;
        }
        match self.read() {
            Ok(counts) => Verdict::Whole(counts),
            Err(found) => Verdict::Broken(found),
        }
    }

    fn read(&self) -> Result<Counts, Found> {
        let stats = self.stats()?;
        let dummy = self.format == Some(OutputFormat::Dummy);
        let bare = Pieces {
            mark: true,
            ..Pieces::default()
        };
        if dummy || self.format.is_none() && self.pieces == bare {
            return Ok(Counts {
                rows: stats.count,
                ..Counts::default()
            });
        }
        let in_parquet = |fault| self.found(".parquet", fault);
        if !self.pieces.parquet {
            return Err(in_parquet(Fault::Missing));
        }
        let path = self.path(".parquet");
        let table = Table::open(&path).map_err(in_parquet)?;
        let format = self.format.unwrap_or_else(|| self.guessed(&table));
        let images = format == OutputFormat::Parquet;
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
        let in_mark = |fault| self.found(STATS_SUFFIX, fault);
        let bytes = fs::read(self.path(STATS_SUFFIX)).map_err(|error| in_mark(error.into()))?;
        ShardStats::from_json(&bytes).ok_or_else(|| in_mark(Fault::Mark))
    }

    /// The samples, all that were promised.
    fn read_samples(&self, format: OutputFormat, rows: &mut Rows) -> Result<(), Found> {
        type Check = fn(&Path, &mut Rows, Option<Shape>) -> Result<(), Fault>;
        let (there, ending, check): (bool, &str, Check) = match format {
            OutputFormat::Webdataset => (self.pieces.tar, ".tar", |path, rows, _| {
                check_tar(path, rows)
            }),
            OutputFormat::Tfrecord => (self.pieces.tfrecord, ".tfrecord", |path, rows, _| {
                check_records(path, rows)
            }),
            // Without a success there is no folder.
            OutputFormat::Files if !self.pieces.folder && rows.successes() == 0 => return Ok(()),
            OutputFormat::Files => (self.pieces.folder, "", check_folder),
            OutputFormat::Parquet => {
                return rows
                    .check_found()
                    .map_err(|fault| self.found(".parquet", fault));
            }
            OutputFormat::Dummy => return Ok(()),
        };
        let in_data = |fault| self.found(ending, fault);
        if !there {
            return Err(in_data(Fault::Missing));
        }
        check(&self.path(ending), rows, self.shape).map_err(in_data)?;
        rows.check_found().map_err(in_data)
    }

    /// The format by the files that are there, where no record tells.
    fn guessed(&self, table: &Table) -> OutputFormat {
        if self.pieces.tar {
            OutputFormat::Webdataset
        } else if self.pieces.tfrecord {
            OutputFormat::Tfrecord
        } else if table.has_images() {
            OutputFormat::Parquet
        } else {
            OutputFormat::Files
        }
    }

    fn path(&self, ending: &str) -> std::path::PathBuf {
        self.folder.join(format!("{}{ending}", self.name))
    }

    fn found(&self, ending: &str, fault: Fault) -> Found {
        Found {
            file: format!("{}{ending}", self.name),
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

/// What the record tells of the shard's images. Tables name their column for the format that was asked
/// for, whatever the bytes are.
fn known_of(run: &RunEntry) -> Known {
    let members = matches!(
        run.format(),
        Some(OutputFormat::Files | OutputFormat::Webdataset)
    );
    Known {
        reencode: reencode_of(run),
        naming: naming_of(run),
        true_extension: members && run.is_on("true_extension"),
        pixels_max: run.count("max_pixels"),
    }
}

/// None where the record does not tell.
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
