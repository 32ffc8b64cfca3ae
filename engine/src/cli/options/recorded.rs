//! Owns what the record of a dataset says of a run's options: which are in it, and each one's value by the
//! checked configuration, so that two ways to say the same are recorded alike. Never reads a record.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::check;
use super::table::TABLE;
use crate::config::{Config, HashKind, RecordedOption, RecordedOptions};

/// What a dataset's record has of an option.
#[derive(Debug)]
pub(super) enum Recorded {
    /// Its value, which decides what the dataset holds: a run that goes on must have the same.
    Decides(fn(&Config) -> Value),
    /// Its value, for people. A run that goes on may have another.
    Informs(fn(&Config) -> Value),
    /// Nothing: it decides how the work is done, and not what comes of it.
    Not,
}

impl Recorded {
    /// The value in this configuration, and whether it decides.
    fn of(&self, config: &Config) -> Option<(Value, bool)> {
        match self {
            Self::Decides(value) => Some((value(config), true)),
            Self::Informs(value) => Some((value(config), false)),
            Self::Not => None,
        }
    }
}

/// The recorded options of a configuration. The format of the list is as it was given: what it is shows
/// when the list is opened.
pub(super) fn of(config: &Config) -> RecordedOptions {
    static DEFAULTS: OnceLock<Option<Config>> = OnceLock::new();
    let defaults = DEFAULTS.get_or_init(|| check::defaults().ok());
    let options = TABLE.iter().filter_map(|spec| {
        let (value, decides) = spec.recorded.of(config)?;
        let absent = defaults
            .as_ref()
            .and_then(|config| spec.recorded.of(config));
        Some(RecordedOption {
            name: spec.name,
            value,
            absent: absent.map_or(Value::Null, |(value, _)| value),
            decides,
        })
    });
    RecordedOptions::new(options.collect())
}

/// A list's path from the root: the same list named from another folder is the same. Standard input is
/// nowhere.
pub(super) fn absolute(url_list: &str) -> String {
    if url_list == "-" {
        return url_list.to_owned();
    }
    std::path::absolute(url_list).map_or_else(
        |_| url_list.to_owned(),
        |path| path.to_string_lossy().into_owned(),
    )
}

/// An empty list is `None`.
pub(super) fn list_or_none(list: &[String]) -> Value {
    if list.is_empty() {
        Value::Null
    } else {
        list.into()
    }
}

/// A number, which JSON has but for infinity.
pub(super) fn number(number: f64) -> Value {
    if number.is_finite() {
        json!(number)
    } else {
        json!("inf")
    }
}

/// Where nothing is joined, the separator decides nothing.
pub(super) fn caption_separator(config: &Config) -> Value {
    let input = &config.input;
    if input.caption_cols.is_empty() {
        "\n".into()
    } else {
        input.caption_separator.clone().into()
    }
}

/// The column and the kind of hash.
pub(super) fn verify_hash(config: &Config) -> Value {
    let kind = config.fetch.hash.map(HashKind::as_str);
    let column = config.input.verify_hash_col.as_ref();
    column.map_or(Value::Null, |column| json!([column, kind]))
}
