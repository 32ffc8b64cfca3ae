//! Owns a file of `--dns_cache` that is kept in a store: a run works on a copy on this machine and writes it back
//! when it has ended. Never replaces what is not a cache of names.

use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use turbo2ds_dns::recursive;

use super::storage::{self, Objects, Put, StorageError};
use crate::config::{Config, Location, StoreUrl};
use crate::error::{Error, Message};

/// A copy of a cache of names, and where it belongs.
pub(crate) struct StoredNames {
    objects: Objects,
    key: String,
    copy: PathBuf,
    _folder: TempDir,
}

impl StoredNames {
    /// Copies the cache of a run that keeps it in a store, and has the run use the copy. `None` if the cache is a
    /// file, or if there is none.
    ///
    /// # Errors
    /// `Usage` if the store cannot be used as it is configured; `Output` if it refuses, if what is there is not a
    /// cache, or if this machine has no place for the copy.
    pub(crate) fn fetch(config: &mut Config) -> Result<Option<Self>, Error> {
        let Some(Location::Remote(url)) = &config.dns.cache_file else {
            return Ok(None);
        };
        let objects = storage::open(url, &config.storage)?;
        let names = Self::copy(objects, url)?;
        config.dns.cache_file = Some(Location::Local(names.copy.clone()));
        Ok(Some(names))
    }

    fn copy(objects: Objects, url: &StoreUrl) -> Result<Self, Error> {
        let no_place = |error| {
            Error::local_resource(
                Message::because("no copy of the file of --dns_cache", error),
                "look at the folder for temporary files (TMPDIR)",
            )
        };
        let folder = tempfile::Builder::new()
            .prefix("turbo2ds-names-")
            .tempdir()
            .map_err(no_place)?;
        let (copy, key) = (folder.path().join("names"), url.path().to_owned());
        let there = {
            let key = key.clone();
            objects.wait(|objects| async move { objects.get(&key).await })
        };
        if let Some((content, _)) = there.map_err(StorageError::of_output)? {
            std::fs::write(&copy, content).map_err(no_place)?;
            recursive::check_cache_file(&copy).map_err(|error| not_a_cache(&url, error))?;
        }
        Ok(Self {
            objects,
            key,
            copy,
            _folder: folder,
        })
    }

    /// Writes the copy back, once its resolver has ended. A cache that cannot be kept costs time only, so that a
    /// failure is a warning.
    pub(crate) fn give_back(self) {
        if let Err(error) = self.try_give_back() {
            tracing::warn!(%error, "the DNS cache was not saved");
        }
    }

    fn try_give_back(&self) -> io::Result<()> {
        let content = match std::fs::read(&self.copy) {
            // The resolver has not been asked for anything.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            content => content?,
        };
        let key = self.key.clone();
        let put = |objects: Objects| async move { objects.put(&key, content, Put::Replace).await };
        self.objects.wait(put).map_err(io::Error::other)
    }
}

/// Refuses a file of `--dns_cache` that is not a cache: saving would destroy it.
///
/// # Errors
/// `Output`.
pub(crate) fn check_cache_file(path: &Path) -> Result<(), Error> {
    recursive::check_cache_file(path).map_err(|error| not_a_cache(&path.display(), error))
}

fn not_a_cache(name: &impl std::fmt::Display, error: recursive::CacheFileError) -> Error {
    let text = format!("{name}, the file of --dns_cache, {error}");
    Error::output(
        Message::in_place_of(error, text),
        "name another file, or one that is not there yet; nothing was written",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StorageConfig;

    fn opened(url: &str) -> (Objects, StoreUrl) {
        let Ok(Location::Remote(url)) = Location::of(url) else {
            panic!("{url} is not in a store");
        };
        let objects = storage::open(&url, &StorageConfig::default()).expect("memory");
        (objects, url)
    }

    fn content(objects: &Objects, url: &StoreUrl) -> Option<Vec<u8>> {
        let key = url.path().to_owned();
        let got = objects.wait(|objects| async move { objects.get(&key).await });
        got.expect("memory").map(|(content, _)| content.to_vec())
    }

    #[test]
    fn a_cache_comes_back_as_the_run_left_it() {
        let (objects, url) = opened("memory://names/cache");
        let names = StoredNames::copy(objects.clone(), &url).expect("nothing is there");
        assert!(!names.copy.exists());
        std::fs::write(&names.copy, b"").expect("a copy");
        let copy = names.copy.clone();
        names.give_back();
        assert_eq!(content(&objects, &url), Some(Vec::new()));
        assert!(!copy.exists(), "the copy is left");
    }

    #[test]
    fn what_is_not_a_cache_is_refused_and_stays() {
        let (objects, url) = opened("memory://names/list.csv");
        let key = url.path().to_owned();
        let put = |objects: Objects| async move {
            objects.put(&key, "http://a/1.jpg\n", Put::Create).await
        };
        objects.wait(put).expect("memory");
        let error = StoredNames::copy(objects.clone(), &url).err();
        let error = error.expect("a list is not a cache").to_string();
        assert!(
            error.contains("memory://names/list.csv") && error.contains("not a cache"),
            "{error}"
        );
        assert_eq!(
            content(&objects, &url).expect("a list"),
            b"http://a/1.jpg\n"
        );
    }
}
