//! Owns where a dataset is in its store: the keys of its files, and of what runs leave there for each other.
//! Never reads or writes.
//!
//! Below the dataset's folder, `.turbo2ds/` holds what is not part of the dataset: a run that lives has
//! `runs/WORD.json`, and a shard that is being published has `claims/SHARD.GENERATION.json`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::net::storage::Objects;

/// The folder of runs and claims.
const RUNS: &str = ".turbo2ds/runs";
const CLAIMS: &str = ".turbo2ds/claims";
const ENDING: &str = ".json";

/// A dataset's folder in a store.
#[derive(Clone)]
pub(super) struct Place {
    /// The store.
    pub(super) objects: Objects,
    /// Its key; empty if the dataset is a whole bucket.
    root: Arc<str>,
    /// How it is shown.
    folder: Arc<Path>,
}

impl Place {
    /// The place that a store was opened at.
    pub(super) fn new(objects: Objects) -> Self {
        Self {
            root: objects.url().path().into(),
            folder: PathBuf::from(objects.url().to_string()).into(),
            objects,
        }
    }

    /// The folder, for messages.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder's key.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// A name in the folder, for messages.
    pub(super) fn shown(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The key of a name in the folder.
    pub(super) fn key(&self, name: &str) -> String {
        match (&*self.root, name) {
            ("", name) => name.to_owned(),
            (root, "") => root.to_owned(),
            (root, name) => format!("{root}/{name}"),
        }
    }

    /// The name in the folder that a key stands for; it may have several parts.
    pub(super) fn name_of<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.root.is_empty() {
            return Some(key);
        }
        key.strip_prefix(&*self.root)?.strip_prefix('/')
    }

    /// The key of the folder of runs.
    pub(super) fn runs(&self) -> String {
        self.key(RUNS)
    }

    /// The key of a run.
    pub(super) fn run(&self, word: &str) -> String {
        self.key(&format!("{RUNS}/{word}{ENDING}"))
    }

    /// The key of the folder of claims.
    pub(super) fn claims(&self) -> String {
        self.key(CLAIMS)
    }

    /// The key of a claim.
    pub(super) fn claim(&self, claimed: &str, generation: u64) -> String {
        self.key(&format!("{CLAIMS}/{claimed}.{generation}{ENDING}"))
    }
}

/// What a claim's key claims, and its generation.
pub(super) fn claim_parts(key: &str) -> Option<(&str, u64)> {
    let name = key.rsplit('/').next()?.strip_suffix(ENDING)?;
    let (claimed, generation) = name.rsplit_once('.')?;
    let digits = generation.bytes().all(|byte| byte.is_ascii_digit());
    Some((claimed, generation.parse().ok().filter(|_| digits)?))
}

/// The word of a run's key.
pub(super) fn run_word(key: &str) -> Option<&str> {
    key.rsplit('/').next()?.strip_suffix(ENDING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::remote::testing::place;

    #[test]
    fn names_and_keys_go_both_ways() {
        for (folder, key) in [
            ("memory://x/y", "x/y/00000.tar"),
            ("memory://x", "x/00000.tar"),
        ] {
            let place = place(folder);
            assert_eq!(place.key("00000.tar"), key);
            assert_eq!(place.name_of(key), Some("00000.tar"));
            assert_eq!(
                place.name_of("x/yz/00000.tar").is_none(),
                folder.ends_with('y')
            );
            assert_eq!(
                place.shown("00000.tar"),
                Path::new(folder).join("00000.tar")
            );
            assert_eq!(claim_parts(&place.claim("00000", 3)), Some(("00000", 3)));
            assert_eq!(run_word(&place.run("ab12")), Some("ab12"));
        }
        assert_eq!(claim_parts("x/00000.+3.json"), None);
        assert_eq!(claim_parts("x/00000.json"), None);
    }
}
