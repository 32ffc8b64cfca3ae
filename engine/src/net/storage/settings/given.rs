//! Owns values by key, as they were given: one name for every spelling of a key, and text to type. Never knows
//! where they go.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::SettingsError;
use super::fsspec;
use super::http;
use super::secret::Secret;
use super::surroundings::Surroundings;
use crate::config::StorageOptions;

/// A key: its own name, and other ways to write it. A key of an object is written behind a dot.
pub(super) type Key = (&'static str, &'static [&'static str]);

/// Keys of fsspec and `object_store` that are taken and have no meaning here, with all that are behind their dots: most
/// are about how Python reads, and an endpoint's own scheme says whether TLS is used.
const WITHOUT_MEANING: [&str; 19] = [
    "access",
    "allow_http",
    "asynchronous",
    "aws_allow_http",
    "azure_allow_http",
    "block_size",
    "cache_regions",
    "config_kwargs.max_pool_connections",
    "config_kwargs.retries",
    "consistency",
    "default_block_size",
    "default_cache_type",
    "default_fill_cache",
    "listings_expiry_time",
    "max_concurrency",
    "max_paths",
    "skip_instance_cache",
    "use_listings_cache",
    "version_aware",
];

/// The keys of one kind of store.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// The kind's name for users.
    pub(super) store: &'static str,
    /// fsspec's protocols, which are also the prefixes of options that are for this kind only.
    pub(super) protocols: &'static [&'static str],
    /// The kind's own keys; those of [`http::KEYS`] come on top.
    pub(super) keys: &'static [Key],
    /// Keys that say who asks. Where an option gives one of them, what fsspec's configuration says of all of them is
    /// dropped, so that one key's secret is never sent with another key.
    pub(super) identity: &'static [&'static str],
    /// Keys that belong to an identity and do not name one: a session's token.
    pub(super) belongings: &'static [&'static str],
}

/// Every prefix of an option that is for one kind of store only.
const PREFIXES: [&str; 12] = [
    "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "hdfs", "webhdfs", "hf", "http",
];

/// The values of one store.
#[derive(Debug, Default)]
pub(super) struct Given(BTreeMap<&'static str, Value>);

impl Given {
    /// Reads fsspec's configuration, and the options over it.
    ///
    /// # Errors
    /// Files that cannot be read, and options that are unknown.
    pub(super) fn read(
        table: Table,
        surroundings: &Surroundings,
        options: &StorageOptions,
    ) -> Result<Self, SettingsError> {
        let configured = fsspec::configured(surroundings, table.protocols)?;
        let mut given = Self::default();
        for (key, value) in flattened(configured) {
            match named(table, &key) {
                Some(name) => drop(given.0.insert(name, value)),
                // They serve other programs as well.
                // What is asked of objects is done or refused.
                None if key.starts_with("s3_additional_kwargs.") => {
                    return Err(unknown(table, &key));
                }
                None => tracing::debug!(
                    key,
                    "this key of fsspec's configuration has no meaning here"
                ),
            }
        }
        let mut optional = Self::default();
        for (key, text) in &options.0 {
            let Some(key) = addressed(table, key) else {
                continue;
            };
            let mut one = Map::new();
            one.insert(key.to_owned(), value_of(text));
            for (key, value) in flattened(one) {
                if let Some(name) = named(table, &key) {
                    optional.0.insert(name, value);
                } else if !is_without_meaning(&key) {
                    return Err(unknown(table, &key));
                }
            }
        }
        if optional.0.keys().any(|name| table.identity.contains(name)) {
            let belongs = |name: &&'static str| {
                table.identity.contains(name) || table.belongings.contains(name)
            };
            given.0.retain(|name, _| !belongs(name));
        }
        given.0.extend(optional.0);
        Ok(given)
    }

    /// Whether a key was given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A value as it is.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A text that is not empty.
    ///
    /// # Errors
    /// An object or a list.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, SettingsError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(Some(value.to_string())),
            Some(_) => Err(unfit(name, "a text")),
        }
    }

    /// A text that is never printed.
    ///
    /// # Errors
    /// An object or a list.
    pub(super) fn secret(&self, name: &str) -> Result<Option<Secret>, SettingsError> {
        Ok(self.text(name)?.map(Secret::new))
    }

    /// Yes or no.
    ///
    /// # Errors
    /// Anything else.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, SettingsError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        flag_of(&text)
            .map(Some)
            .ok_or_else(|| unfit(name, "true or false"))
    }

    /// A time in seconds.
    ///
    /// # Errors
    /// What is no number, or not above 0.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<Duration>, SettingsError> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let number = text.trim_end_matches('s').parse().ok();
        let time = number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.filter(|time| !time.is_zero())
            .map(Some)
            .ok_or_else(|| unfit(name, "a number of seconds above 0"))
    }
}

/// An error about a key's value, which is not shown.
pub(super) fn unfit(name: &str, wanted: &str) -> SettingsError {
    SettingsError::new(
        format!("`{name}` is not {wanted}"),
        "check --storage_option and fsspec's files (~/.config/fsspec)",
    )
}

/// What a word says, in Python's way of writing as well.
pub(super) fn flag_of(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "y" | "t" => Some(true),
        "false" | "0" | "no" | "off" | "n" | "f" | "none" => Some(false),
        _ => None,
    }
}

/// An option's value: JSON if it is an object, else a text, which holds numbers and words as well.
fn value_of(text: &str) -> Value {
    let object = text.trim_start().starts_with('{');
    object
        .then(|| serde_json::from_str(text).ok())
        .flatten()
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

/// The key of an option if it is for this kind of store: `gs.token` is for Google's only.
fn addressed(table: Table, key: &str) -> Option<&str> {
    match key.split_once('.') {
        Some((prefix, key)) if PREFIXES.contains(&prefix) => {
            table.protocols.contains(&prefix).then_some(key)
        }
        _ => Some(key),
    }
}

/// Keys with the keys of `..._kwargs` behind a dot. Without values that are null.
fn flattened(map: Map<String, Value>) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in map {
        let is_group = key
            .split('.')
            .next()
            .is_some_and(|first| first.ends_with("_kwargs"));
        let value = match value {
            Value::String(text) if is_group => value_of(&text),
            value => value,
        };
        match value {
            Value::Null => {}
            Value::Object(inner) if is_group => {
                let inner = inner.into_iter();
                let below = inner.map(|(name, value)| (format!("{key}.{name}"), value));
                flat.extend(flattened(below.collect()));
            }
            value => flat.push((key, value)),
        }
    }
    flat
}

/// Every key of a kind of store.
fn keys(table: Table) -> impl Iterator<Item = &'static Key> {
    table.keys.iter().chain(&http::KEYS)
}

/// A key's own name.
fn named(table: Table, key: &str) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase();
    let is_it = |(name, also): &&Key| {
        *name == key || also.contains(&key) || *name == lower || also.contains(&lower.as_str())
    };
    keys(table).find(is_it).map(|(name, _)| *name)
}

fn is_without_meaning(key: &str) -> bool {
    let below = |known: &str| {
        key.strip_prefix(known)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    WITHOUT_MEANING
        .iter()
        .any(|known| *known == key || below(known))
}

fn unknown(table: Table, key: &str) -> SettingsError {
    let mut names: Vec<_> = keys(table).map(|(name, _)| *name).collect();
    names.sort_unstable();
    SettingsError::new(
        format!("`{}` is no option of {}", key.escape_debug(), table.store),
        format!("the keys there are: {}", names.join(", ")),
    )
}
