//! `turbo2ds verify`: reads a finished dataset back and reports what differs from what its marks promise.
//!
//! [`survey`] looks at the folder and [`shard`] reads one shard: [`table`] reads its rows, [`samples`] its
//! samples, and [`rows`] checks one against the other. [`fault`] is what can be wrong, and [`report`] reports
//! it. The checks cover structure, counts, keys, tfrecord checksums, whether each image is whole and has the
//! size that its row says, and the hash of images that are stored without re-encoding. Verifying decodes an
//! image only if its structure does not show whether it is whole, and never uses the network.
//!
//! It changes nothing unless asked to repair. A repair withdraws the marks of broken shards that the record
//! says are ours and removes temporary files, under the folder's lock, and nothing else. A withdrawn mark
//! becomes its shard's intent again, so that the shard's files do not become unowned. A mark that does not
//! read back stays: it does not mark the shard as done, and it names the files too.

mod digests;
mod fault;
pub(crate) mod fuzzed;
mod keys;
mod report;
mod rows;
mod samples;
mod shard;
mod survey;
mod table;

use std::io;
use std::path::Path;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use turbo2ds_writers::Part;

use crate::config::{Location, StorageConfig};
use crate::dataset::change;
use crate::dataset::commit::{Data, clear, withdraw};
use crate::dataset::disk::{self, Lock};
use crate::dataset::folder::lock;
use crate::dataset::names::{Shape, shard_number};
use crate::dataset::ownership::{Mark, Standing, mark_of};
use crate::dataset::record::Record;
use crate::dataset::remote::Inspection;
use crate::dataset::staging::Staging;
use crate::dataset::version::{self, Manifest, VersionNumber};
use crate::error::Error;
use crate::net::storage::{self, Objects};
use digests::Compared;
use fault::Found;
use report::{Broken, Report};
use shard::{Counts, Shard, Verdict};
use survey::{Pieces, Survey};

/// Maximum number of missing shards that are listed by number.
const MISSING_LISTED_MAX: usize = 20;

/// Shards of a store that are read at a time: each waits for answers most of the time.
const STORE_THREADS: usize = 16;

/// The options of `turbo2ds verify`.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Where the dataset is.
    pub location: Location,
    /// How its store is reached.
    pub storage: StorageConfig,
    /// Compare every file with what a version has too.
    pub manifest: Option<VersionWanted>,
    /// Withdraw the marks of broken shards, so that the next run does these shards again.
    pub repair: bool,
    /// Print one JSON object instead of the table.
    pub json: bool,
}

/// The version that a dataset is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionWanted {
    /// The latest one.
    Latest,
    /// The one with this number.
    Number(VersionNumber),
}

impl FromStr for VersionWanted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "latest" => Ok(Self::Latest),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|expected| format!("{expected}, or latest")),
        }
    }
}

/// Verifies a dataset. Returns the text for standard output and the exit code: 0 if the dataset is whole, 3
/// if shards are to be done again.
///
/// # Errors
/// `Output` if the folder cannot be read, is in use by a run, or has a broken record.
pub(crate) fn verify(options: &VerifyOptions) -> Result<(String, u8), Error> {
    let report = match &options.location {
        Location::Local(folder) => of_folder(folder, options)?,
        Location::Remote(url) => {
            let objects = storage::open(url, &options.storage)?;
            of_store(objects, options)?
        }
    };
    let text = if options.json {
        report.json()
    } else {
        report.table()
    };
    Ok((text, report.exit_code))
}

/// Reads back what a look has found, with so many threads.
fn read_back(
    standing: &Standing,
    wanted: Option<VersionWanted>,
    threads: usize,
) -> Result<Report, Error> {
    let manifest = wanted
        .map(|wanted| version_of(standing, wanted))
        .transpose()?;
    let survey = Survey::of(standing);
    let results = Results::of(standing, &survey, manifest.as_ref(), threads);
    let mut report = results.report(standing.folder(), &survey, &standing.record);
    report.manifest = manifest.map(|manifest| manifest.head.version);
    Ok(report)
}

/// The version that is asked for.
fn version_of(standing: &Standing, wanted: VersionWanted) -> Result<Manifest, Error> {
    let (files, folder) = (standing.files(), standing.folder());
    let found = match wanted {
        VersionWanted::Latest => version::latest(files, folder)?,
        VersionWanted::Number(number) => {
            let numbers =
                version::numbers(files, folder).map_err(|error| Error::output_io(folder, error))?;
            let is_there = numbers.contains(&number).then_some(number);
            is_there
                .map(|number| version::read(files, folder, number))
                .transpose()?
        }
    };
    let (manifest, _) = found.ok_or_else(|| {
        let what = match wanted {
            VersionWanted::Latest => "no version".to_owned(),
            VersionWanted::Number(number) => format!("no version {number}"),
        };
        Error::output(
            format!("{} has {what}", folder.display()),
            "`turbo2ds log` lists the versions; a run that ends whole makes one",
        )
    })?;
    Ok(manifest)
}

fn of_store(objects: Objects, options: &VerifyOptions) -> Result<Report, Error> {
    let repairs = options.repair;
    let inspection = Inspection::open(objects, repairs)?;
    let standing = inspection.standing()?;
    let mut report = read_back(&standing, options.manifest, STORE_THREADS)?;
    report.temporaries += inspection.left_over();
    if repairs {
        inspection.clear(&standing)?;
        report.temporaries_removed = true;
        for broken in &mut report.broken {
            let found = repairable(&standing, &broken.shard);
            let found = found.map_err(|error| Error::output_io(standing.folder(), error))?;
            if let Some((shard_id, shape)) = found {
                inspection.withdraw(shard_id, shape)?;
                broken.marked = true;
            }
        }
        inspection.end()?;
    }
    Ok(report)
}

fn of_folder(folder: &Path, options: &VerifyOptions) -> Result<Report, Error> {
    let repairs = options.repair;
    let disk = disk::real();
    let kind = if repairs {
        Lock::Exclusive
    } else {
        Lock::Shared
    };
    let _lock = lock(&*disk, folder, kind)?;
    let out = |error: io::Error| Error::output_io(folder, error);
    let place = Staging::new(disk.clone(), folder.to_owned(), false);
    change::settle(&place, repairs)?;
    let standing = Standing::look(&*disk, folder)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut report = read_back(&standing, options.manifest, threads)?;
    if repairs {
        repair(&place, &standing, &mut report).map_err(out)?;
    }
    Ok(report)
}

/// Withdraws the marks of broken shards and removes what interrupted runs left. The shards' data stays
/// available for inspection; the run that does a shard again replaces it.
fn repair(place: &Staging, standing: &Standing, report: &mut Report) -> io::Result<()> {
    clear(place, standing, |_, _| true, Data::Kept)?;
    report.temporaries_removed = true;
    for broken in &mut report.broken {
        let Some((shard_id, shape)) = repairable(standing, &broken.shard)? else {
            continue;
        };
        let name = shape.name(shard_id, Part::Mark);
        let mark = mark_of(place.disk(), &place.folder().join(&name))?;
        if matches!(mark, Mark::Whole(_)) {
            withdraw(place, &[(shard_id, shape)])?;
        }
        broken.marked = true;
    }
    Ok(())
}

/// The number and the shape of a broken shard, if its mark is ours.
fn repairable(standing: &Standing, shard: &str) -> io::Result<Option<(u64, Shape)>> {
    let number = shard_number(shard);
    let Some((shard_id, shape)) = number.and_then(|id| Some((id, standing.shape_of(id)?))) else {
        return Ok(None);
    };
    let name = shape.name(shard_id, Part::Mark);
    let is_its = name == format!("{shard}{}", Part::Mark.ending());
    Ok((is_its && standing.is_marked(shard_id)?).then_some((shard_id, shape)))
}

/// What comes of each item, in their order, with so many threads.
fn in_parallel<T: Sync, R: Send>(
    threads: usize,
    items: &[T],
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    thread::scope(|scope| {
        for _ in 0..threads.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else {
                        return;
                    };
                    let result = work(item);
                    // Adding a result cannot panic half-way, so a poisoned lock is still consistent.
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The combined results of all threads.
#[derive(Default)]
struct Results {
    counts: Counts,
    whole: u64,
    unfinished: u64,
    /// Number of foreign files in shards' folders.
    others: u64,
    broken: Vec<(String, Found)>,
}

impl Results {
    /// Reads every shard back, and compares its files with those of a version.
    fn of(
        standing: &Standing,
        survey: &Survey,
        manifest: Option<&Manifest>,
        threads: usize,
    ) -> Self {
        // The threads share what the look was through, not the look.
        let (place, record) = ((standing.files(), standing.folder()), &standing.record);
        let shards: Vec<_> = survey.shards.iter().collect();
        let mut results = Self::default();
        let compared = manifest.map(|manifest| Compared::new(place, record, manifest));
        let verify = |(name, pieces): &(&String, &Pieces)| {
            let verdict = Shard::new(place, name, **pieces, record).verify();
            let differs = compared
                .as_ref()
                .filter(|_| matches!(verdict, Verdict::Whole(_)));
            match differs.and_then(|compared| compared.shard(name)) {
                Some(found) => Verdict::Broken(found),
                None => verdict,
            }
        };
        for ((name, _), verdict) in shards.iter().zip(in_parallel(threads, &shards, verify)) {
            results.take(name, verdict);
        }
        let missing = compared.map(|compared| compared.missing(survey.shards.keys()));
        results.broken.extend(missing.unwrap_or_default());
        results
    }

    fn take(&mut self, name: &str, verdict: Verdict) {
        match verdict {
            Verdict::Whole(counts) => {
                self.whole += 1;
                self.others += counts.others;
                self.counts.add(counts);
            }
            Verdict::Unfinished => self.unfinished += 1,
            Verdict::Broken(found) => self.broken.push((name.to_owned(), found)),
        }
    }

    fn report(mut self, folder: &Path, survey: &Survey, record: &Record) -> Report {
        self.broken.sort_by(|one, other| one.0.cmp(&other.0));
        let (shards_missing, missing) = survey.gaps(MISSING_LISTED_MAX);
        let broken = self.broken.into_iter().map(|(shard, found)| Broken {
            shard,
            file: found.file,
            what: found.fault.to_string(),
            marked: false,
        });
        let mut report = Report {
            shards: survey.shards.len() as u64,
            shards_whole: self.whole,
            shards_unfinished: self.unfinished,
            shards_missing,
            missing,
            broken: broken.collect(),
            temporaries: survey.temporaries,
            others: survey.others + self.others,
            record: !record.runs.is_empty(),
            ..Report::new(folder.display().to_string())
        };
        report.close(self.counts);
        report
    }
}
