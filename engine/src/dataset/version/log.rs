//! Owns `turbo2ds log` and `turbo2ds snapshot`: the list of a dataset's versions, and a version that no run made.
//! Never changes a shard.

use std::path::Path;

use serde_json::json;

use super::history::{numbers, read};
use super::manifest::{Change, Head, Manifest};
use crate::config::{Location, StorageConfig};
use crate::dataset::disk::{self, Files};
use crate::dataset::folder;
use crate::dataset::remote::{Inspection, read_only};
use crate::error::{EXIT_SUCCESS, Error};
use crate::net::storage;
use crate::text::{bytes, grouped};

/// The options of `turbo2ds log` and `turbo2ds snapshot`.
#[derive(Clone, Debug)]
pub struct VersionOptions {
    /// Where the dataset is.
    pub location: Location,
    /// How its store is reached.
    pub storage: StorageConfig,
    /// Print JSON instead of text.
    pub json: bool,
}

/// Lists a dataset's versions, the latest first. Returns the text for standard output and the exit code.
///
/// # Errors
/// `Output` if the dataset or one of its versions cannot be read.
pub(crate) fn log(options: &VersionOptions) -> Result<(String, u8), Error> {
    let versions = match &options.location {
        Location::Local(folder) => versions(&*disk::real(), folder)?,
        Location::Remote(url) => {
            let (files, folder) = read_only(storage::open(url, &options.storage)?)?;
            versions(&files, &folder)?
        }
    };
    let text = if options.json {
        lines_of_json(&versions)
    } else {
        text(&versions)
    };
    Ok((text, EXIT_SUCCESS))
}

/// A version, and how its shards differ from those of the one before.
struct Logged {
    head: Head,
    added: u64,
    changed: u64,
    removed: u64,
}

fn versions(files: &dyn Files, folder: &Path) -> Result<Vec<Logged>, Error> {
    let numbers = numbers(files, folder).map_err(|error| Error::output_io(folder, error))?;
    let mut before: Option<Manifest> = None;
    let mut versions = Vec::with_capacity(numbers.len());
    for number in numbers {
        let (manifest, _) = read(files, folder, number)?;
        versions.push(Logged::new(&manifest, before.as_ref()));
        before = Some(manifest);
    }
    versions.reverse();
    Ok(versions)
}

impl Logged {
    fn new(manifest: &Manifest, before: Option<&Manifest>) -> Self {
        let mut logged = Self {
            head: manifest.head.clone(),
            added: 0,
            changed: 0,
            removed: 0,
        };
        // Both are in the order of their numbers.
        let mut old = before
            .map_or(&[][..], |before| &before.shards)
            .iter()
            .peekable();
        for shard in &manifest.shards {
            while old.next_if(|old| old.shard < shard.shard).is_some() {
                logged.removed += 1;
            }
            match old.next_if(|old| old.shard == shard.shard) {
                None => logged.added += 1,
                Some(old) => logged.changed += u64::from(old != shard),
            }
        }
        logged.removed += old.count() as u64;
        logged
    }
}

fn text(versions: &[Logged]) -> String {
    if versions.is_empty() {
        return "there is no version\nhint: a run that ends whole makes one, and `turbo2ds snapshot` does"
            .to_owned();
    }
    let lines = versions.iter().map(|version| {
        let Logged {
            head,
            added,
            changed,
            removed,
        } = version;
        format!(
            "{:<8} {} {:<8} {:>8} shards (+{added} ~{changed} -{removed}) {:>14} rows {:>14} samples {:>10}",
            head.version,
            head.made_at,
            head.change.word(),
            grouped(head.shards),
            grouped(head.rows),
            grouped(head.samples),
            bytes(head.bytes),
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn lines_of_json(versions: &[Logged]) -> String {
    let lines = versions.iter().map(|version| {
        let head = &version.head;
        json!({
            "version": head.version,
            "parent": head.parent.as_ref().map(|parent| &parent.version),
            "change": head.change,
            "made_at": head.made_at,
            "tool": head.tool,
            "shards": head.shards,
            "shards_added": version.added,
            "shards_changed": version.changed,
            "shards_removed": version.removed,
            "rows": head.rows,
            "samples": head.samples,
            "bytes": head.bytes,
        })
        .to_string()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Enters a dataset as it is now among its versions. Returns the text for standard output and the exit code.
///
/// # Errors
/// `Output` if the dataset cannot be read or written, or a run is at work in it.
pub(crate) fn snapshot(options: &VersionOptions) -> Result<(String, u8), Error> {
    let entered = match &options.location {
        Location::Local(folder) => {
            let (_lock, place) = folder::take_alone(disk::real(), folder)?;
            folder::enter_version(&place, Change::Snapshot)?
        }
        Location::Remote(url) => {
            let inspection = Inspection::open(storage::open(url, &options.storage)?, true)?;
            let entered = inspection.enter_version(Change::Snapshot)?;
            inspection.end()?;
            entered
        }
    };
    let text = match (entered, options.json) {
        (entered, true) => {
            json!({ "version": entered.map(|number| number.to_string()) }).to_string()
        }
        (Some(number), false) => format!("version {number}"),
        (None, false) => "nothing has changed since the latest version".to_owned(),
    };
    Ok((text, EXIT_SUCCESS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::version::number::VersionNumber;
    use crate::dataset::version::{FileEntry, ShardManifest};

    fn manifest(shards: &[(u64, &str)]) -> Manifest {
        let shard = |(number, sha256): &(u64, &str)| ShardManifest {
            shard: *number,
            rows: 1,
            samples: 1,
            files: [(
                format!("{number:05}.tar"),
                FileEntry {
                    files: None,
                    bytes: 1,
                    sha256: Some((*sha256).to_owned()),
                },
            )]
            .into(),
        };
        let shards = shards.iter().map(shard).collect();
        let made_at = "2026-11-30T12:00:00Z".to_owned();
        let first = VersionNumber::FIRST;
        Manifest::new(first, None, Change::Run, made_at, Vec::new(), shards)
    }

    #[test]
    fn what_became_of_each_shard_is_counted() {
        let before = manifest(&[(0, "a"), (1, "b"), (3, "c"), (7, "d")]);
        let now = manifest(&[(1, "b"), (2, "e"), (3, "f"), (4, "g")]);
        let logged = Logged::new(&now, Some(&before));
        assert_eq!((logged.added, logged.changed, logged.removed), (2, 1, 2));
        let first = Logged::new(&before, None);
        assert_eq!((first.added, first.changed, first.removed), (4, 0, 0));
    }
}
