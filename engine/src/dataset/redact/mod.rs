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

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use serde_json::json;
use turbo2ds_writers::{Part, ShardStats, Tombstone};

use crate::config::{Location, StorageConfig};
use crate::dataset::change::{self, Draft};
use crate::dataset::commit::{Data, clear};
use crate::dataset::disk::{self, Disk, Lock};
use crate::dataset::folder::lock;
use crate::dataset::names::Shape;
use crate::dataset::ownership::{Mark, Standing, mark_of};
use crate::dataset::staging::Staging;
use crate::dataset::version::{self, Change, ShardManifest};
use crate::error::{EXIT_SUCCESS, Error, Message};
use crate::failure::Failure;
use crate::net::storage;
use crate::text::time::rfc3339;
use crate::text::{bytes, grouped, visible};
use registry::{Entry, Kind, normal_url};
use rows::{Hit, find};
use shard::{Rewriting, has_rows};
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
    let disk = disk::real();
    let _lock = lock(&*disk, folder, Lock::Exclusive)?;
    let place = Staging::new(disk.clone(), folder.clone(), false);
    take_over(&place)?;
    let report = Redaction {
        place: &place,
        disk: &*disk,
        targets: &targets,
        options,
        at: rfc3339(SystemTime::now()),
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

/// Finishes what was interrupted, and clears what was not begun.
fn take_over(place: &Staging) -> Result<(), Error> {
    change::finish(place)?;
    let standing = Standing::look(place.disk(), place.folder())?;
    clear(place, &standing, |_, _| true, Data::Kept)
        .map(drop)
        .map_err(|error| Error::output_io(place.folder(), error))
}

/// One redaction of a dataset that is the caller's alone.
struct Redaction<'a> {
    place: &'a Staging,
    disk: &'a dyn Disk,
    targets: &'a Targets,
    options: &'a RedactOptions,
    /// When, as RFC 3339.
    at: String,
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
    fn make(&self) -> Result<Report, Error> {
        let folder = self.place.folder();
        let out = |error: io::Error| Error::output_io(folder, error);
        let standing = Standing::look(self.disk, folder)?;
        let mut redactions = Redactions::read(self.disk, folder)?;
        let mut report = Report::default();
        let mut draft = Draft::begin(self.place).map_err(out)?;
        let mut replaced = BTreeMap::new();
        for shard_id in standing
            .numbers()
            .collect::<std::collections::BTreeSet<_>>()
        {
            let Some((shape, stats)) = own_shard(&standing, shard_id)? else {
                report.shards_foreign += 1;
                continue;
            };
            if let Some(manifest) = self.rewrite(
                &standing,
                shape,
                shard_id,
                stats,
                &mut draft,
                &mut redactions,
                &mut report,
            )? {
                replaced.insert(shard_id, manifest);
            }
        }
        for (kind, value) in self.targets.entries() {
            report.entries += u64::from(self.enter(&mut redactions, kind, value).map_err(out)?);
        }
        self.commit(draft, &standing, &redactions, replaced, &mut report)?;
        Ok(report)
    }

    /// Writes a shard anew, if it holds what is to go.
    #[expect(
        clippy::too_many_arguments,
        reason = "a shard, and what is gathered over all of them"
    )]
    fn rewrite(
        &self,
        standing: &Standing,
        shape: Shape,
        shard_id: u64,
        stats: ShardStats,
        draft: &mut Draft,
        redactions: &mut Redactions,
        report: &mut Report,
    ) -> Result<Option<ShardManifest>, Error> {
        let Some(metadata) = shape.format.metadata().filter(|_| has_rows(shape.format)) else {
            return Ok(None);
        };
        let name = shape.name(shard_id, metadata.part);
        let path = self.place.folder().join(&name);
        let hits =
            find(self.disk, &path, self.targets).map_err(|error| unsearched(&path, &error))?;
        if hits.is_empty() {
            return Ok(None);
        }
        for url in hits.iter().filter_map(|hit| hit.url.as_deref()) {
            if !redactions.has_url(url) {
                let entered = self.enter(redactions, Kind::Url, &normal_url(url));
                report.entries +=
                    u64::from(entered.map_err(|error| Error::output_io(&path, error))?);
            }
        }
        let tombstone = self.tombstone();
        let rewriting = Rewriting {
            disk: self.disk,
            standing,
            shape,
            shard_id,
            stats,
            hits: &hits,
            tombstone: &tombstone,
        };
        let rewritten = rewriting.write(draft).map_err(|error| {
            Error::output(
                Message::because(format!("shard {shard_id} cannot be written anew"), error),
                "nothing was changed; `turbo2ds verify` says what is wrong with it",
            )
        })?;
        report.count(&hits, rewritten.bytes);
        Ok(Some(rewritten.manifest))
    }

    fn tombstone(&self) -> Tombstone {
        let date = self.at.split('T').next().unwrap_or_default();
        let redacted = Failure::Redacted;
        let text = match self.options.reason.as_str() {
            "" => format!("{redacted} ({date})"),
            reason => format!("{redacted}: {reason} ({date})"),
        };
        Tombstone {
            text,
            forgets_url: self.options.forget,
        }
    }

    /// Adds to what may not come back; whether that is news.
    fn enter(&self, redactions: &mut Redactions, kind: Kind, value: &str) -> io::Result<bool> {
        let entry = Entry {
            kind,
            value: value.to_owned(),
            reason: self.options.reason.clone(),
            at: self.at.clone(),
        };
        redactions.add(entry, self.options.forget)
    }

    fn commit(
        &self,
        mut draft: Draft,
        standing: &Standing,
        redactions: &Redactions,
        replaced: BTreeMap<u64, ShardManifest>,
        report: &mut Report,
    ) -> Result<(), Error> {
        if report.entries == 0 && replaced.is_empty() {
            return Ok(());
        }
        let out = |error: io::Error| Error::output_io(self.place.folder(), error);
        let path = registry::path();
        let temporary = match self
            .disk
            .kind(&self.place.folder().join(&path))
            .map_err(out)?
        {
            Some(_) => draft.replace(&path),
            None => draft.create(&path),
        };
        let document = redactions
            .to_document()
            .map_err(|error| out(error.into()))?;
        self.disk.write(&temporary, &document).map_err(out)?;
        report.bytes += document.len() as u64;
        let mut version = String::new();
        if !replaced.is_empty()
            && let Some(manifest) = version::next_with(standing, Change::Redact, replaced)?
            && let Some(number) = manifest.number()
        {
            let document = manifest.to_document().map_err(|error| out(error.into()))?;
            let temporary = draft.create(&version::document_path(number));
            self.disk.write(&temporary, &document).map_err(out)?;
            report.bytes += document.len() as u64;
            version = number.to_string();
            report.version = Some(version.clone());
        }
        draft.commit(version)
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
        let samples = hits
            .iter()
            .filter(|hit| hit.status == turbo2ds_writers::Status::Success);
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
