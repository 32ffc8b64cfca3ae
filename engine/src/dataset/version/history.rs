//! Owns the versions that a dataset has: where their documents are, and what the next one is. Reads through
//! [`Files`]; never writes: the store of the dataset does.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use turbo2ds_writers::Part;

use super::manifest::{Change, FileEntry, Manifest, Parent, ShardManifest};
use super::number::{Level, VersionNumber};
use crate::dataset::disk::{Files, Kind};
use crate::dataset::names::{OWN_FOLDER, Shape, shard_file, shard_number, temporary_name_of};
use crate::dataset::ownership::{Mark, Standing};
use crate::error::Error;
use crate::text::time::rfc3339;

/// The folder of the documents, in the dataset's.
pub(crate) const VERSIONS: &str = "versions";
/// How the name of a document ends.
const ENDING: &str = ".jsonl";

/// The name of a version's document.
pub(crate) fn document_name(number: VersionNumber) -> String {
    format!("{number}{ENDING}")
}

/// A version's document in the dataset's folder.
pub(crate) fn document_path(number: VersionNumber) -> String {
    format!("{OWN_FOLDER}/{VERSIONS}/{}", document_name(number))
}

/// The names in the folder of the documents that an interrupted run left: a document's, before it was whole.
///
/// # Errors
/// The store's.
pub(crate) fn torn(files: &dyn Files, versions: &Path) -> io::Result<Vec<String>> {
    let mut names = files.entries(versions)?;
    names.retain(|(name, kind)| {
        let last = temporary_name_of(name).and_then(|name| name.strip_suffix(ENDING));
        let number = last.map(str::parse::<VersionNumber>);
        *kind == Kind::File && matches!(number, Some(Ok(_)))
    });
    Ok(names.into_iter().map(|(name, _)| name).collect())
}

/// The numbers of a dataset's versions, in ascending order.
///
/// # Errors
/// The store's.
pub(crate) fn numbers(files: &dyn Files, folder: &Path) -> io::Result<Vec<VersionNumber>> {
    let versions = folder.join(OWN_FOLDER).join(VERSIONS);
    let entries = match files.entries(&versions) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let numbers = entries.iter().filter(|(_, kind)| *kind == Kind::File);
    let mut numbers: Vec<VersionNumber> = numbers
        .filter_map(|(name, _)| name.strip_suffix(ENDING)?.parse().ok())
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// A version, and its document.
///
/// # Errors
/// `Output` if it cannot be read, is not ours, or is a newer program's.
pub(crate) fn read(
    files: &dyn Files,
    folder: &Path,
    number: VersionNumber,
) -> Result<(Manifest, Vec<u8>), Error> {
    let path = folder.join(document_path(number));
    let document = files
        .read(&path)
        .map_err(|error| Error::output_io(&path, error))?;
    let manifest = Manifest::parse(&document).map_err(|unread| {
        Error::output(
            format!("{} {unread}", path.display()),
            "it is left as it is; a newer turbo2ds may read it, and the dataset's shards do not need it",
        )
    })?;
    Ok((manifest, document))
}

/// The latest version, and its document.
///
/// # Errors
/// As [`read`]; the store's.
pub(crate) fn latest(
    files: &dyn Files,
    folder: &Path,
) -> Result<Option<(Manifest, Vec<u8>)>, Error> {
    let numbers = numbers(files, folder).map_err(|error| Error::output_io(folder, error))?;
    let last = numbers.last();
    last.map(|number| read(files, folder, *number)).transpose()
}

/// The version that the dataset is now; `None` if it is the latest one still, or has no shard.
///
/// # Errors
/// `Output`: the store's, and a version that cannot be read.
pub(crate) fn next(standing: &Standing, change: Change) -> Result<Option<Manifest>, Error> {
    next_with(standing, change, BTreeMap::new())
}

/// The version that the dataset will be when these shards, by number, are what is told.
///
/// # Errors
/// As [`next`].
pub(crate) fn next_with(
    standing: &Standing,
    change: Change,
    mut replaced: BTreeMap<u64, ShardManifest>,
) -> Result<Option<Manifest>, Error> {
    let (files, folder) = (standing.files(), standing.folder());
    let mut shards = shards_of(standing).map_err(|error| Error::output_io(folder, error))?;
    for shard in &mut shards {
        if let Some(other) = replaced.remove(&shard.shard) {
            *shard = other;
        }
    }
    let before = latest(files, folder)?;
    let level = match &before {
        None if shards.is_empty() => return Ok(None),
        None => None,
        Some((before, _)) => match level_of(&before.shards, &shards) {
            None => return Ok(None),
            level => level,
        },
    };
    let number = match (&before, level) {
        (Some((before, _)), Some(level)) => {
            let number = before.number().unwrap_or(VersionNumber::FIRST);
            number.after(level)
        }
        _ => VersionNumber::FIRST,
    };
    let parent: Option<Parent> = before.map(|(before, document)| before.as_parent(&document));
    let made_at = rfc3339(SystemTime::now());
    let runs = standing.record.runs.clone();
    Ok(Some(Manifest::new(
        number, parent, change, made_at, runs, shards,
    )))
}

/// What became of the shards of a version; `None` if they are the same.
fn level_of(before: &[ShardManifest], now: &[ShardManifest]) -> Option<Level> {
    let now: BTreeMap<u64, &ShardManifest> = now.iter().map(|shard| (shard.shard, shard)).collect();
    let stays = |shard: &ShardManifest| now.get(&shard.shard) == Some(&shard);
    if !before.iter().all(stays) {
        Some(Level::Major)
    } else if now.len() > before.len() {
        Some(Level::Minor)
    } else {
        None
    }
}

/// The shards that have a whole mark, with their files.
fn shards_of(standing: &Standing) -> io::Result<Vec<ShardManifest>> {
    let mut by_number: BTreeMap<u64, Vec<(&str, Part, Kind)>> = BTreeMap::new();
    for (name, kind) in &standing.entries {
        let Some((stem, part)) = shard_file(name) else {
            continue;
        };
        let number = shard_number(stem);
        // Two names of one number, such as 1.tar and 00001.tar, are not both of a dataset.
        let is_its = |shape: Shape| shape.part_of(name).is_some();
        let shape = number.and_then(|number| standing.shape_of(number));
        if let Some(number) = number.filter(|_| shape.is_none_or(is_its)) {
            by_number
                .entry(number)
                .or_default()
                .push((name, part, *kind));
        }
    }
    let mut shards = Vec::with_capacity(by_number.len());
    for (number, files) in by_number {
        shards.extend(shard_of(standing, number, &files)?);
    }
    Ok(shards)
}

fn shard_of(
    standing: &Standing,
    number: u64,
    files: &[(&str, Part, Kind)],
) -> io::Result<Option<ShardManifest>> {
    let Some((mark, ..)) = files.iter().find(|(_, part, _)| *part == Part::Mark) else {
        return Ok(None);
    };
    let path = |name: &str| standing.folder().join(name);
    let content = standing.files().read(&path(mark))?;
    let Mark::Whole(stats) = Mark::read(&content) else {
        return Ok(None);
    };
    // What an older program or img2dataset made is told by its length alone.
    let is_told = !stats.files.is_empty();
    let mut shard = ShardManifest::of_mark(number, mark, &content, stats);
    for (name, part, kind) in files.iter().filter(|(name, ..)| !is_told && name != mark) {
        let entry = undigested(standing, &path(name), *part, *kind)?;
        shard.files.insert((*name).to_owned(), entry);
    }
    Ok(Some(shard))
}

fn undigested(standing: &Standing, path: &Path, part: Part, kind: Kind) -> io::Result<FileEntry> {
    let length = |path: &Path| Ok::<_, io::Error>(standing.files().random(path)?.length());
    if !part.is_folder() || kind != Kind::Folder {
        return Ok(FileEntry {
            files: None,
            bytes: length(path)?,
            sha256: None,
        });
    }
    let entries = standing.files().entries(path)?;
    let mut bytes = 0;
    for (name, _) in entries.iter().filter(|(_, kind)| *kind == Kind::File) {
        bytes += length(&path.join(name))?;
    }
    Ok(FileEntry {
        files: Some(entries.len() as u64),
        bytes,
        sha256: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(number: u64, sha256: &str) -> ShardManifest {
        let entry = FileEntry {
            files: None,
            bytes: 1,
            sha256: Some(sha256.to_owned()),
        };
        ShardManifest {
            shard: number,
            rows: 1,
            samples: 1,
            files: [(format!("{number:05}.tar"), entry)].into(),
        }
    }

    #[test]
    fn a_change_is_as_large_as_what_it_leaves() {
        let before = [shard(0, "a"), shard(1, "b")];
        assert_eq!(level_of(&before, &before), None);
        let more = [shard(0, "a"), shard(1, "b"), shard(2, "c")];
        assert_eq!(level_of(&before, &more), Some(Level::Minor));
        let other = [shard(0, "a"), shard(1, "x"), shard(2, "c")];
        assert_eq!(level_of(&before, &other), Some(Level::Major));
        assert_eq!(level_of(&before, &before[..1]), Some(Level::Major));
    }
}
