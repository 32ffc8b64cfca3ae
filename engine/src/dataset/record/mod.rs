//! Owns the record of a dataset's folder, `.turbo2ds.json`: which options and which input each range of
//! shards came from, and which shards no run of ours made. Never lists a folder.
//!
//! The document, version 2:
//!
//! ```json
//! {
//!   "version": 2,
//!   "runs": [
//!     {
//!       "first_shard_id": 0,
//!       "options": {"image_size": 256, "output_format": "webdataset", "caption_col": null},
//!       "input": "00ff"
//!     }
//!   ],
//!   "found": [[0, 3]]
//! }
//! ```
//!
//! Options are by name, in alphabetical order, in the command line's own words as JSON values; infinity is
//! `"inf"`. `input` is the list's digest. `found`, which may be missing, has the first and the last number of
//! each range of shards that stood there before the first run. The first version ([`v1`]) is read for ever;
//! one that is newer than this program is refused.

mod v1;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fmt, io};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use turbo2ds_codec::EncodeFormat;
use turbo2ds_writers::OutputFormat;

use super::names::{RECORD_NAME, Shape};
use crate::config::RecordedOptions;
use crate::dataset::disk::{Files, Kind};
use crate::error::Error;

/// The version that is written.
const VERSION: u64 = 2;

/// One run's entry in the record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEntry {
    /// The first shard that is this run's.
    pub(crate) first_shard_id: u64,
    /// Its options by name.
    pub(crate) options: BTreeMap<String, Value>,
    /// Digest of the input.
    pub(crate) input: String,
}

/// Whose shards a folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    /// In the order in which they began.
    pub(crate) runs: Vec<RunEntry>,
    /// Shards that stood there before the first run, first and last of each range of numbers.
    pub(crate) found: Vec<[u64; 2]>,
}

/// A record as it is on the disk. A field that is not known is not dropped: such a record is refused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    runs: Vec<RunEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    found: Vec<[u64; 2]>,
}

/// What tells one version of the document from another.
#[derive(Deserialize)]
struct Versioned {
    version: Option<u64>,
}

/// A run that asks whether the dataset is its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking<'a> {
    /// Its options.
    pub(crate) options: &'a RecordedOptions,
    /// Digest of its input.
    pub(crate) input: &'a str,
}

impl Record {
    /// The folder's record; empty where there is none.
    ///
    /// # Errors
    /// `Output` for one that does not read, that no run of ours wrote, or that a newer version did.
    pub(crate) fn read(disk: &dyn Files, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(RECORD_NAME);
        let out = |error: io::Error| Error::output_io(&path, error);
        match disk.kind(&path).map_err(out)? {
            None => return Ok(Self::default()),
            Some(Kind::File) => {}
            Some(_) => return Err(Unread::Foreign("it is no plain file".to_owned()).at(&path)),
        }
        let bytes = match disk.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(out(error)),
        };
        Self::parse(&bytes).map_err(|unread| unread.at(&path))
    }

    /// A record from its document, of any version.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, Unread> {
        // What the parser says may quote the file.
        let foreign = |error: serde_json::Error| {
            Unread::Foreign(format!("line {}, column {}", error.line(), error.column()))
        };
        let versioned: Versioned = serde_json::from_slice(document).map_err(foreign)?;
        match versioned.version {
            None => v1::parse(document).map_err(foreign),
            Some(VERSION) => {
                let document: Document = serde_json::from_slice(document).map_err(foreign)?;
                Ok(Self {
                    runs: document.runs,
                    found: document.found,
                })
            }
            Some(newer) => Err(Unread::Newer(newer)),
        }
    }

    /// The document, in the version that is written now.
    ///
    /// # Errors
    /// None of its own: JSON takes whatever a record holds.
    pub(crate) fn to_document(&self) -> Result<String, serde_json::Error> {
        let document = serde_json::to_string_pretty(&Document {
            version: VERSION,
            runs: self.runs.clone(),
            found: self.found.clone(),
        })?;
        Ok(document + "\n")
    }

    /// The run whose shard this number is.
    pub(crate) fn run_of(&self, shard_id: u64) -> Option<&RunEntry> {
        let begun = self
            .runs
            .iter()
            .filter(|run| run.first_shard_id <= shard_id);
        begun.max_by_key(|run| run.first_shard_id)
    }

    /// Whether a shard stood there before the first run.
    pub(crate) fn was_found(&self, shard_id: u64) -> bool {
        let mut found = self.found.iter();
        found.any(|[first, last]| (*first..=*last).contains(&shard_id))
    }

    /// How the files of a shard are named that a run of ours made or makes; none where none does.
    pub(crate) fn shape_of(&self, shard_id: u64) -> Option<Shape> {
        if self.was_found(shard_id) {
            return None;
        }
        self.run_of(shard_id).and_then(RunEntry::shape)
    }

    /// Says which shards no run of ours made; true where that is news.
    pub(crate) fn set_found(&mut self, shard_ids: &BTreeSet<u64>) -> bool {
        let mut found: Vec<[u64; 2]> = Vec::new();
        for &id in shard_ids {
            match found.last_mut() {
                Some([_, last]) if last.checked_add(1) == Some(id) => *last = id,
                _ => found.push([id, id]),
            }
        }
        let news = found != self.found;
        self.found = found;
        news
    }

    /// Where an incremental run's shards begin: with the run it repeats, or at 0 in a folder without one.
    ///
    /// # Errors
    /// `ConfigMismatch` where the folder holds another run alone.
    pub(crate) fn place_of(&self, asking: Asking, folder: &Path) -> Result<u64, Error> {
        let mut runs = self.runs.iter().rev();
        if let Some(run) = runs.find(|run| run.is_continued_by(asking)) {
            return Ok(run.first_shard_id);
        }
        let Some(last) = self.runs.last() else {
            return Ok(0);
        };
        let difference = last.difference(asking);
        Err(Error::config_mismatch(
            format!(
                "{} holds another run: {}",
                folder.display(),
                difference
                    .as_deref()
                    .unwrap_or("the input's files have changed")
            ),
            "repeat that run's options, choose another output_folder, or use --incremental_mode \
             overwrite or extend",
        ))
    }
}

impl RunEntry {
    /// The entry of a run whose shards begin here.
    pub(crate) fn of(asking: Asking, first_shard_id: u64) -> Self {
        let options = asking.options.iter();
        Self {
            first_shard_id,
            options: options
                .map(|option| (option.name.to_owned(), option.value.clone()))
                .collect(),
            input: asking.input.to_owned(),
        }
    }

    /// Whether a run with these options and this input does the same shards. Where the list lies is no part
    /// of that: its names, sizes and bytes are in the input's digest.
    pub(crate) fn is_continued_by(&self, asking: Asking) -> bool {
        self.input == asking.input && self.difference(asking).is_none()
    }

    /// The first option, by name, in which a run differs from the recorded one.
    fn difference(&self, asking: Asking) -> Option<String> {
        let mut names: BTreeSet<&str> = self.options.keys().map(String::as_str).collect();
        names.extend(asking.options.iter().map(|option| option.name));
        names.into_iter().find_map(|name| {
            let was = self.options.get(name);
            let Some(asked) = asking.options.get(name) else {
                // An option of another version of this program.
                let was = was.map(spelled).unwrap_or_default();
                return Some(format!("{name} was {was} and is not known to this version"));
            };
            let was = was.unwrap_or(&asked.absent);
            let differs = asked.decides && *was != asked.value;
            let (was, is) = (spelled(was), spelled(&asked.value));
            differs.then(|| format!("{name} was {was} and is now {is}"))
        })
    }

    /// How the run names its files; none where its options are not told as we tell them.
    pub(crate) fn shape(&self) -> Option<Shape> {
        let encoded = self.word("encode_format")?;
        let encoded = EncodeFormat::ALL
            .into_iter()
            .find(|format: &EncodeFormat| format.as_str() == encoded)?;
        Some(Shape {
            format: self.format()?,
            shard_digits: self.count("oom_shard_count")?,
            rows_per_shard: self.count("number_sample_per_shard")?,
            image_ext: encoded.as_str(),
            true_extension: self.is_on("true_extension"),
            captions: self.is_given("caption_col") || self.is_given("caption_cols"),
            given_keys: self.is_given("key_col"),
        })
    }

    /// The kind of its shards.
    pub(crate) fn format(&self) -> Option<OutputFormat> {
        let word = self.word("output_format")?;
        OutputFormat::ALL
            .into_iter()
            .find(|format| format.as_str() == word)
    }

    /// An option that is a word or a text.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        self.options.get(name)?.as_str()
    }

    /// An option that counts.
    pub(crate) fn count<T: TryFrom<u64>>(&self, name: &str) -> Option<T> {
        T::try_from(self.options.get(name)?.as_u64()?).ok()
    }

    /// Whether an option is `True`.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.options.get(name) == Some(&Value::Bool(true))
    }

    /// Whether an option is something else than `None`.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.options.get(name).is_some_and(|value| !value.is_null())
    }
}

/// Why a record is not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// No version of this program wrote it.
    Foreign(String),
    /// A newer one did, in this version of the document.
    Newer(u64),
}

impl Unread {
    fn at(&self, path: &Path) -> Error {
        let hint = match self {
            Self::Foreign(_) => {
                "it is left as it is: move it away if it is another's, or choose another output_folder"
            }
            Self::Newer(_) => {
                "a newer turbo2ds wrote it: use that one, or choose another output_folder"
            }
        };
        Error::output(format!("{} {self}", path.display()), hint)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(what) => write!(f, "is no record of turbo2ds: {what}"),
            Self::Newer(version) => write!(
                f,
                "is a record of version {version}, and this turbo2ds reads up to {VERSION}"
            ),
        }
    }
}

/// A value as the command line has it.
fn spelled(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
