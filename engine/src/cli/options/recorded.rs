//! Owns which options of a run are recorded with the dataset, and their values. The values come from
//! the checked configuration, so that different spellings of the same value are recorded alike. Never
//! reads a record.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::check;
use super::table::TABLE;
use crate::config::{Config, HashKind, Location, RecordedOption, RecordedOptions};

/// Whether and how an option is recorded.
#[derive(Debug)]
pub(super) enum Recorded {
    /// Its value decides what the dataset contains: a resumed run must have the same.
    Decides(fn(&Config) -> Value),
    /// Its value is recorded for information. A resumed run may have another.
    Informs(fn(&Config) -> Value),
    /// It is not recorded: it decides how the work is done, not its result.
    Unrecorded,
}

impl Recorded {
    /// The value in this configuration, and whether it decides what the dataset contains.
    fn of(&self, config: &Config) -> Option<(Value, bool)> {
        match self {
            Self::Decides(value) => Some((value(config), true)),
            Self::Informs(value) => Some((value(config), false)),
            Self::Unrecorded => None,
        }
    }
}

/// The recorded options of a configuration. The format of the list is recorded as given; the actual one
/// is known only when the list is opened.
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

/// The absolute path of a list, so that it does not depend on the working directory. Standard input
/// stays `-`, and a URL is without what may be a secret.
pub(super) fn absolute(url_list: &str) -> String {
    if url_list == "-" {
        return url_list.to_owned();
    }
    if let Ok(Location::Remote(url)) = Location::of(url_list) {
        return url.to_string();
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

/// A number; JSON has no infinity.
pub(super) fn number(number: f64) -> Value {
    if number.is_finite() {
        json!(number)
    } else {
        json!("inf")
    }
}

/// The separator, or the default if nothing is joined and it has no effect.
pub(super) fn caption_separator(config: &Config) -> Value {
    let input = &config.input;
    if input.caption_cols.is_empty() {
        "\n".into()
    } else {
        input.caption_separator.clone().into()
    }
}

/// The column and the hash function.
pub(super) fn verify_hash(config: &Config) -> Value {
    let kind = config.fetch.hash.map(HashKind::as_str);
    let column = config.input.verify_hash_col.as_ref();
    column.map_or(Value::Null, |column| json!([column, kind]))
}
