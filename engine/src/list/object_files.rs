//! Owns which objects of a store a URL list names, by the rules for files: an object, those of a folder, or the
//! matches of a glob. Never reads one.

use std::path::{Path, PathBuf};

use super::files::{Found, GLOB, absent, is_glob, of_folder};
use super::object::{ObjectFile, refusal};
use super::shown;
use super::source::Place;
use crate::config::{InputConfig, StoreKind, StoreUrl};
use crate::error::Error;
use crate::net::storage::{self, Entry, Kind, Objects, StorageError};

/// The objects that a URL names, sorted.
///
/// # Errors
/// [`Error::Input`] if there is none or the store refuses; [`Error::Usage`] if the store cannot be opened.
pub(super) fn find(url: &StoreUrl, config: &InputConfig) -> Result<Found, Error> {
    let objects = storage::open(url, &config.storage)?;
    let found = search(&objects, url, config);
    found.map_err(|error| refusal(&objects, error))?
}

/// The outer error is the store's.
fn search(
    objects: &Objects,
    url: &StoreUrl,
    config: &InputConfig,
) -> Result<Result<Found, Error>, StorageError> {
    let name = url.to_string();
    let key = url.path();
    let has_folders = url.kind() != StoreKind::Http;
    let is_glob = has_folders && is_glob(key);
    let one = match head(objects, key) {
        // Who may not list a bucket is denied what is not there.
        Err(error) if is_glob && error.kind == Kind::Denied => None,
        Err(error) if error.kind == Kind::Denied => return Err(denial(objects, key, error)),
        found => found?,
    };
    let file = |entry: Entry| Place::Object(ObjectFile::new(objects, entry.key, entry.found));
    if let Some(found) = &one
        && (found.bytes > 0 || !has_folders)
    {
        return Ok(Ok(Found {
            places: vec![Place::Object(ObjectFile::new(
                objects,
                key.to_owned(),
                found.clone(),
            ))],
            notes: Vec::new(),
        }));
    }
    if !has_folders {
        return Ok(Err(Error::input(
            format!("no file at `{}`", shown(Path::new(&name))),
            "its server has nothing there; check the URL",
        )));
    }
    let below = entries(objects, key, Depth::One)?;
    if !below.is_empty() {
        let named = below.into_iter().map(|entry| (name_of(&entry.key), entry));
        let chosen = of_folder(Path::new(&name), named.collect(), config.format);
        return Ok(chosen.map(|(mut entries, notes)| {
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            Found {
                places: entries.into_iter().map(file).collect(),
                notes,
            }
        }));
    }
    let mut matches = match one {
        // An empty object that is no folder's.
        Some(found) => vec![Entry {
            key: key.to_owned(),
            found,
        }],
        None if is_glob => matching(objects, key)?,
        None => Vec::new(),
    };
    // As the paths of files are sorted.
    matches.sort_by_cached_key(|entry| PathBuf::from(&entry.key));
    if matches.is_empty() {
        return Ok(Err(absent(Path::new(&name))));
    }
    Ok(Ok(Found {
        places: matches.into_iter().map(file).collect(),
        notes: Vec::new(),
    }))
}

fn head(objects: &Objects, key: &str) -> Result<Option<storage::Found>, StorageError> {
    if key.is_empty() {
        return Ok(None);
    }
    let key = key.to_owned();
    objects.wait(|objects| async move { objects.head(&key).await })
}

/// What a denied look was about: its answer has no body, and that of a denied read says more.
fn denial(objects: &Objects, key: &str, error: StorageError) -> StorageError {
    let key = key.to_owned();
    let read = objects.wait(|objects| async move { objects.read(&key, 0..1, "").await });
    read.err().unwrap_or(error)
}

#[derive(Clone, Copy)]
enum Depth {
    One,
    All,
}

/// The objects below a folder, without those that stand for a folder.
fn entries(objects: &Objects, folder: &str, depth: Depth) -> Result<Vec<Entry>, StorageError> {
    let key = folder.to_owned();
    let listed = objects.wait(|objects| async move {
        match depth {
            Depth::One => objects.list(&key).await.map(|listed| listed.objects),
            Depth::All => objects.list_all(&key).await,
        }
    });
    match listed {
        Ok(mut entries) => {
            entries.retain(|entry| entry.key != folder);
            Ok(entries)
        }
        Err(error) if error.kind == Kind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The objects whose keys match a glob.
fn matching(objects: &Objects, pattern: &str) -> Result<Vec<Entry>, StorageError> {
    let Ok(glob) = glob::Pattern::new(pattern) else {
        return Ok(Vec::new());
    };
    // The folder that all matches are in.
    let fixed: Vec<&str> = pattern
        .split('/')
        .take_while(|part| !is_glob(part))
        .collect();
    let depth = if fixed.len() + 1 == pattern.split('/').count() && !pattern.contains("**") {
        Depth::One
    } else {
        Depth::All
    };
    let mut found = entries(objects, &fixed.join("/"), depth)?;
    found.retain(|entry| glob.matches_with(&entry.key, GLOB));
    Ok(found)
}

fn name_of(key: &str) -> String {
    key.rsplit('/').next().unwrap_or_default().to_owned()
}
