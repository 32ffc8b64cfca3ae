//! Owns `turbo2ds redact`: samples are taken out of a dataset that is there, and kept out.
//!
//! The rows are found in the metadata ([`rows`]) by what is to go ([`targets`]). Only shards that hold one are written
//! anew ([`shard`]): their samples without it, and their rows with a tombstone in its place. All new files, the list of
//! what may not come back ([`registry`]) and the dataset's next version are one change
//! ([`crate::dataset::change`]). Every later run on the dataset obeys the list.
//!
//! Shards that no run of the dataset made are not changed.

mod file;
mod registry;
mod rows;
mod shard;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde_json::json;
use turbo2ds_writers::{Part, ShardStats, Status, Tombstone};

use crate::config::{Location, StorageConfig};
use crate::dataset::change::Draft;
use crate::dataset::commit::{Data, clear};
use crate::dataset::disk::{self, Disk};
use crate::dataset::folder;
use crate::dataset::names::Shape;
use crate::dataset::ownership::{Mark, Standing, mark_of};
use crate::dataset::version::{self, Change, ShardManifest};
use crate::error::{EXIT_SUCCESS, Error, Message};
use crate::failure::Failure;
use crate::net::storage;
use crate::text::time::rfc3339;
use crate::text::{bytes, grouped, visible};
use registry::{Entry, Kind, normal_url};
use rows::{Hit, find};
use shard::Rewriting;
use targets::Targets;

pub(crate) use registry::Redactions;
pub use targets::ListKind;

/// Longest reason, in bytes.
pub const REASON_BYTES_MAX: usize = 200;

/// The options of `turbo2ds redact`.
#[derive(Clone, Debug)]
pub struct RedactOptions {
    /// Where the dataset is.
    pub location: Location,
    /// How stores are reached.
    pub storage: StorageConfig,
    /// Lists of what is to go.
    pub lists: Vec<(ListKind, Location)>,
    /// Why, for the rows and for who asks later.
    pub reason: String,
    /// Keep no URL and no host, only salted hashes.
    pub forget: bool,
    /// Print one JSON object instead of text.
    pub json: bool,
}

/// Takes samples out of a dataset. Returns the text for standard output and the exit code.
///
/// # Errors
/// `Usage` for lists that do not read, `Output` if the dataset cannot be read or written, or a run is at work in it.
pub(crate) fn redact(options: &RedactOptions) -> Result<(String, u8), Error> {
    let targets = targets_of(options)?;
    let Location::Local(folder) = &options.location else {
        return Err(Error::usage(
            "redact works on a folder of this machine",
            "copy the dataset to a disk, redact it there, and copy it back; nothing was changed",
        ));
    };
    let (_lock, place) = folder::take_alone(disk::real(), folder)?;
    let out = |error: io::Error| Error::output_io(folder, error);
    let standing = Standing::look(place.disk(), folder)?;
    clear(&place, &standing, |_, _| true, Data::Kept).map_err(out)?;
    let report = Redaction {
        standing: Standing::look(place.disk(), folder)?,
        redactions: Redactions::read(place.disk(), folder)?,
        draft: Draft::begin(&place).map_err(out)?,
        disk: place.disk(),
        replaced: BTreeMap::new(),
        report: Report::default(),
        targets: &targets,
        grounds: Grounds::of(options),
    }
    .make()?;
    let text = if options.json {
        report.json()
    } else {
        report.text()
    };
    Ok((text, EXIT_SUCCESS))
}

fn targets_of(options: &RedactOptions) -> Result<Targets, Error> {
    let mut targets = Targets::default();
    for (kind, list) in &options.lists {
        let (name, content) = read_list(list, &options.storage)?;
        let text = String::from_utf8(content).map_err(|_| {
            Error::input(
                format!("{} is no text in UTF-8", visible(&name)),
                "save it as UTF-8; nothing was changed",
            )
        })?;
        targets.add(*kind, &name, &text)?;
    }
    if targets.is_empty() {
        return Err(Error::usage(
            "redact is not told what is to go",
            "name a file with one entry a line: --urls, --hosts, --hashes or --keys",
        ));
    }
    Ok(targets)
}

/// A list's name and content.
fn read_list(list: &Location, config: &StorageConfig) -> Result<(String, Vec<u8>), Error> {
    match list {
        Location::Local(path) => {
            let name = path.display().to_string();
            let content = std::fs::read(path).map_err(|error| {
                Error::input(
                    Message::because(name.clone(), error),
                    "check the path; nothing was changed",
                )
            })?;
            Ok((name, content))
        }
        Location::Remote(url) => {
            let key = url.path().to_owned();
            let objects = storage::open(url, config)?;
            let got = objects.wait(|objects| async move { objects.get(&key).await });
            let (content, _) = got
                .map_err(storage::StorageError::of_list)?
                .ok_or_else(|| {
                    Error::input(
                        format!("no file at `{url}`"),
                        "check the URL; nothing was changed",
                    )
                })?;
            Ok((url.to_string(), content.to_vec()))
        }
    }
}

/// Why and how samples go, the same for all.
struct Grounds<'a> {
    reason: &'a str,
    /// When, as RFC 3339.
    at: String,
    tombstone: Tombstone,
}

impl<'a> Grounds<'a> {
    fn of(options: &'a RedactOptions) -> Self {
        let at = rfc3339(SystemTime::now());
        let date = at.split('T').next().unwrap_or_default();
        let redacted = Failure::Redacted;
        let text = match options.reason.as_str() {
            "" => format!("{redacted} ({date})"),
            reason => format!("{redacted}: {reason} ({date})"),
        };
        Self {
            reason: &options.reason,
            tombstone: Tombstone {
                text,
                forgets_url: options.forget,
            },
            at,
        }
    }
}

/// One redaction of a dataset that is the caller's alone.
struct Redaction<'a> {
    standing: Standing<'a>,
    targets: &'a Targets,
    grounds: Grounds<'a>,
    disk: &'a dyn Disk,
    redactions: Redactions,
    draft: Draft<'a>,
    /// What became of the shards that are written anew, by number.
    replaced: BTreeMap<u64, ShardManifest>,
    report: Report,
}

/// What was done.
#[derive(Debug, Default)]
struct Report {
    rows: u64,
    samples: u64,
    shards: u64,
    shards_foreign: u64,
    bytes: u64,
    entries: u64,
    version: Option<String>,
}

impl Redaction<'_> {
    fn make(mut self) -> Result<Report, Error> {
        let numbers: BTreeSet<u64> = self.standing.numbers().collect();
        for shard_id in numbers {
            match own_shard(&self.standing, shard_id)? {
                Some((shape, stats)) => self.rewrite(shard_id, shape, stats)?,
                None => self.report.shards_foreign += 1,
            }
        }
        for (kind, value) in self.targets.entries() {
            self.enter(kind, value)?;
        }
        self.commit()
    }

    /// The error of the dataset's file system.
    fn out(&self, error: io::Error) -> Error {
        Error::output_io(self.standing.folder(), error)
    }

    /// Writes a shard anew, if it holds what is to go.
    fn rewrite(&mut self, shard_id: u64, shape: Shape, stats: ShardStats) -> Result<(), Error> {
        let Some(metadata) = shape.format.metadata() else {
            return Ok(());
        };
        let disk = self.disk;
        let path = self
            .standing
            .folder()
            .join(shape.name(shard_id, metadata.part));
        let hits = find(disk, &path, self.targets).map_err(|error| unsearched(&path, &error))?;
        if hits.is_empty() {
            return Ok(());
        }
        for url in hits.iter().filter_map(|hit| hit.url.as_deref()) {
            if !self.redactions.has_url(url) {
                self.enter(Kind::Url, &normal_url(url))?;
            }
        }
        let rewriting = Rewriting {
            disk,
            standing: &self.standing,
            shape,
            shard_id,
            stats,
            hits: &hits,
            tombstone: &self.grounds.tombstone,
        };
        let rewritten = rewriting.write(&mut self.draft).map_err(|error| {
            Error::output(
                Message::because(format!("shard {shard_id} cannot be written anew"), error),
                "nothing was changed; `turbo2ds verify` says what is wrong with it",
            )
        })?;
        self.report.count(&hits, rewritten.bytes);
        self.replaced.insert(shard_id, rewritten.manifest);
        Ok(())
    }

    /// Adds to what may not come back.
    fn enter(&mut self, kind: Kind, value: &str) -> Result<(), Error> {
        let entry = Entry {
            kind,
            value: value.to_owned(),
            reason: self.grounds.reason.to_owned(),
            at: self.grounds.at.clone(),
        };
        let forgets = self.grounds.tombstone.forgets_url;
        let is_new = self.redactions.add(entry, forgets);
        self.report.entries += u64::from(is_new.map_err(|error| self.out(error))?);
        Ok(())
    }

    /// Writes a document into the draft.
    fn write(
        &mut self,
        temporary: &Path,
        document: serde_json::Result<Vec<u8>>,
    ) -> Result<(), Error> {
        let document = document.map_err(|error| self.out(error.into()))?;
        let written = self.disk.write(temporary, &document);
        written.map_err(|error| self.out(error))?;
        self.report.bytes += document.len() as u64;
        Ok(())
    }

    fn commit(mut self) -> Result<Report, Error> {
        if self.report.entries == 0 && self.replaced.is_empty() {
            return Ok(self.report);
        }
        let path = registry::path();
        let there = self.disk.kind(&self.standing.folder().join(&path));
        let temporary = match there.map_err(|error| self.out(error))? {
            Some(_) => self.draft.replace(&path),
            None => self.draft.create(&path),
        };
        self.write(&temporary, self.redactions.to_document())?;
        let replaced = std::mem::take(&mut self.replaced);
        if !replaced.is_empty()
            && let Some(manifest) = version::next_with(&self.standing, Change::Redact, replaced)?
            && let Some(number) = manifest.number()
        {
            let temporary = self.draft.create(&version::document_path(number));
            self.write(&temporary, manifest.to_document())?;
            self.report.version = Some(number.to_string());
        }
        self.draft
            .commit(self.report.version.clone().unwrap_or_default())?;
        Ok(self.report)
    }
}

/// How a shard of ours is named, and its mark; `None` if no run of the dataset made it, or if it is not whole.
fn own_shard(standing: &Standing, shard_id: u64) -> Result<Option<(Shape, ShardStats)>, Error> {
    let Some(shape) = standing.shape_of(shard_id) else {
        return Ok(None);
    };
    let path = standing.folder().join(shape.name(shard_id, Part::Mark));
    let mark = mark_of(standing.files(), &path).map_err(|error| Error::output_io(&path, error))?;
    Ok(match mark {
        Mark::Whole(stats) => Some((shape, stats)),
        _ => None,
    })
}

fn unsearched(path: &Path, error: &rows::Unsearched) -> Error {
    let hint = match error {
        rows::Unsearched::Column(_) => {
            "hashes are found by the column that --compute_hash made; name URLs or keys; nothing was changed"
        }
        rows::Unsearched::Io(_) | rows::Unsearched::Parquet(_) => {
            "`turbo2ds verify --repair` has it done again; nothing was changed"
        }
    };
    Error::output(format!("{} {error}", path.display()), hint)
}

impl Report {
    fn count(&mut self, hits: &[Hit], bytes: u64) {
        let samples = hits.iter().filter(|hit| hit.status == Status::Success);
        self.samples += samples.count() as u64;
        self.rows += hits.len() as u64;
        self.shards += 1;
        self.bytes += bytes;
    }

    fn text(&self) -> String {
        let mut lines = vec![format!(
            "redacted: {} rows, {} samples of them, in {} shards; {} written",
            grouped(self.rows),
            grouped(self.samples),
            grouped(self.shards),
            bytes(self.bytes),
        )];
        lines.push(format!(
            "kept out from now on: {} entries more",
            grouped(self.entries)
        ));
        if self.shards_foreign > 0 {
            lines.push(format!(
                "not looked at: {} shards that no run of turbo2ds made, or that are not whole",
                grouped(self.shards_foreign)
            ));
        }
        if let Some(version) = &self.version {
            lines.push(format!("version: {version}"));
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        json!({
            "rows": self.rows,
            "samples": self.samples,
            "shards": self.shards,
            "shards_not_looked_at": self.shards_foreign,
            "bytes_written": self.bytes,
            "entries_added": self.entries,
            "version": self.version,
        })
        .to_string()
    }
}
