//! Owns the record of a dataset's folder, `.turbo2ds.json`: which options and which input each range of
//! shards came from, and which shards no run of ours made. Never lists a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use turbo2ds_codec::EncodeFormat;
use turbo2ds_writers::OutputFormat;

use super::names::{RECORD_NAME, Shape};
use crate::config::{Compression, InputFormat};
use crate::dataset::disk::{Disk, Kind};
use crate::error::Error;

/// The option that says where the list lies, kept for people.
const LIST_PATH: &str = "url_list";

/// One run's entry in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEntry {
    /// The first shard that is this run's.
    pub(crate) first_shard_id: u64,
    /// What decides the dataset, by the options' names.
    pub(crate) options: BTreeMap<String, String>,
    /// Digest of the input.
    pub(crate) input: String,
}

/// Whose shards a folder holds. A field that is not known is not dropped: such a record is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    /// In the order in which they began.
    pub(crate) runs: Vec<RunEntry>,
    /// Shards that stood there before the first run, first and last of each row of numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) found: Vec<[u64; 2]>,
}

impl Record {
    /// The folder's record; empty where there is none.
    ///
    /// # Errors
    /// `Output` for one that does not read, or that no run of ours wrote.
    pub(crate) fn read(disk: &dyn Disk, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(RECORD_NAME);
        let out = |error: io::Error| Error::output_io(&path, &error);
        match disk.kind(&path).map_err(out)? {
            None => return Ok(Self::default()),
            Some(Kind::File) => {}
            Some(_) => return Err(not_ours(&path, "it is no plain file")),
        }
        let bytes = match disk.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(out(error)),
        };
        // What the parser says may quote the file.
        serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            not_ours(&path, &place)
        })
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
    pub(crate) fn place_of(&self, entry: &RunEntry, folder: &Path) -> Result<u64, Error> {
        let mut runs = self.runs.iter().rev();
        if let Some(run) = runs.find(|run| run.is_continued_by(entry)) {
            return Ok(run.first_shard_id);
        }
        let Some(last) = self.runs.last() else {
            return Ok(0);
        };
        Err(Error::config_mismatch(
            format!(
                "{} holds another run: {}",
                folder.display(),
                difference(last, entry)
            ),
            "repeat that run's options, choose another output_folder, or use --incremental_mode \
             overwrite or extend",
        ))
    }
}

impl RunEntry {
    /// Whether another run with these options and this input does the same shards. Where the list lies is
    /// no part of that: its names, sizes and bytes are in the input's digest.
    pub(crate) fn is_continued_by(&self, other: &Self) -> bool {
        let decisive = |entry: &Self| {
            let mut options = entry.options.clone();
            options.remove(LIST_PATH);
            options
        };
        self.input == other.input && decisive(self) == decisive(other)
    }

    /// How the run names its files; none where its options are not told as we tell them.
    pub(crate) fn shape(&self) -> Option<Shape> {
        let told = |name: &str| self.options.get(name).map(String::as_str);
        let encoded = [EncodeFormat::Jpg, EncodeFormat::Png, EncodeFormat::Webp]
            .into_iter()
            .find(|format| told("encode_format").is_some_and(|word| is_word(word, format)))?;
        Some(Shape {
            format: self.format()?,
            shard_digits: told("oom_shard_count")?.parse().ok()?,
            rows_per_shard: told("number_sample_per_shard")?.parse().ok()?,
            image_ext: encoded.as_str(),
            true_extension: told("true_extension").is_some(),
            captions: told("caption_col")? != "None" || told("caption_cols").is_some(),
            given_keys: told("key_col").is_some(),
        })
    }

    /// The kind of its shards.
    pub(crate) fn format(&self) -> Option<OutputFormat> {
        let told = self.options.get("output_format")?;
        [
            OutputFormat::Files,
            OutputFormat::Webdataset,
            OutputFormat::Parquet,
            OutputFormat::Tfrecord,
            OutputFormat::Dummy,
        ]
        .into_iter()
        .find(|format| is_word(told, format))
    }
}

/// The record holds configuration as its `Debug` text.
fn is_word(told: &str, value: &impl std::fmt::Debug) -> bool {
    format!("{value:?}").eq_ignore_ascii_case(told)
}

fn not_ours(path: &Path, what: &str) -> Error {
    Error::output(
        format!("{} is no record of turbo2ds: {what}", path.display()),
        "it is left as it is: move it away if it is another's, or choose another output_folder",
    )
}

/// The first thing in which a run differs from the recorded one.
fn difference(recorded: &RunEntry, asked: &RunEntry) -> String {
    let none = String::from("(not given)");
    let names: BTreeSet<&String> = recorded
        .options
        .keys()
        .chain(asked.options.keys())
        .filter(|name| *name != LIST_PATH)
        .collect();
    for name in names {
        let was = recorded.options.get(name).unwrap_or(&none);
        let is = asked.options.get(name).unwrap_or(&none);
        if was != is {
            return format!("{name} was {was} and is now {is}");
        }
    }
    "the input's files have changed".to_owned()
}

/// The format of the list, which only its bytes tell.
pub(crate) fn input_format(
    format: InputFormat,
    compression: Option<Compression>,
) -> (String, String) {
    let format = match format {
        InputFormat::Txt => "Txt",
        InputFormat::Csv => "Csv",
        InputFormat::Tsv => "Tsv",
        InputFormat::Json => "Json",
        InputFormat::Jsonl => "Jsonl",
        InputFormat::Parquet => "Parquet",
        InputFormat::Arrow => "Arrow",
    };
    let compression = match compression {
        None => "None",
        Some(Compression::Gzip) => "Gzip",
        Some(Compression::Zstd) => "Zstd",
        Some(Compression::Bzip2) => "Bzip2",
        Some(Compression::Xz) => "Xz",
    };
    (
        "input_format".to_owned(),
        format!("({format}, {compression})"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::dataset::disk;

    fn entry(first_shard_id: u64, options: &[(&str, &str)]) -> RunEntry {
        RunEntry {
            first_shard_id,
            options: options
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            input: String::new(),
        }
    }

    #[test]
    fn a_list_that_lies_elsewhere_is_the_same_list() {
        let entry = |list: &str, size: &str, input: &str| RunEntry {
            first_shard_id: 7,
            options: [("url_list", list), ("image_size", size)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            input: input.to_owned(),
        };
        let record = Record {
            runs: vec![entry("/a/list.txt", "256", "digest")],
            ..Record::default()
        };
        let place = |entry| record.place_of(&entry, Path::new("out"));
        assert_eq!(place(entry("/b/list.txt", "256", "digest")).ok(), Some(7));
        for (other, word) in [
            (entry("/b/list.txt", "64", "digest"), "image_size was 256"),
            (entry("/b/list.txt", "256", "other"), "files have changed"),
        ] {
            let error = place(other).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn a_mismatch_names_the_option() {
        let [small, large] = ["256", "512"].map(|size| entry(0, &[("image_size", size)]));
        assert_eq!(
            difference(&small, &large),
            "image_size was 256 and is now 512"
        );
        let record = Record {
            runs: vec![small.clone()],
            ..Record::default()
        };
        assert!(record.place_of(&large, Path::new("out")).is_err());
        assert_eq!(record.place_of(&small, Path::new("out")).ok(), Some(0));
    }

    #[test]
    fn a_shards_shape_is_that_of_the_run_it_belongs_to() {
        let options = |format, digits| {
            [
                ("output_format", format),
                ("oom_shard_count", digits),
                ("number_sample_per_shard", "10"),
                ("encode_format", "Jpg"),
                ("caption_col", "Some(\"None\")"),
            ]
        };
        let mut record = Record {
            runs: vec![
                entry(2, &options("Webdataset", "5")),
                entry(7, &options("Files", "3")),
            ],
            found: Vec::new(),
        };
        let name = |record: &Record, id| {
            record
                .shape_of(id)
                .map(|shape| shape.name(id, shape.parts()[0]))
        };
        assert_eq!(name(&record, 1), None);
        assert_eq!(name(&record, 2).as_deref(), Some("00002.tar"));
        assert_eq!(name(&record, 7).as_deref(), Some("007"));
        assert!(record.shape_of(7).expect("a shape").captions);
        assert!(record.set_found(&[2, 3, 4, 8].into()));
        assert_eq!(record.found, [[2, 4], [8, 8]]);
        assert!(!record.set_found(&[2, 3, 4, 8].into()));
        assert_eq!((name(&record, 3), name(&record, 8)), (None, None));
        assert_eq!(name(&record, 5).as_deref(), Some("00005.tar"));
    }

    #[test]
    fn what_is_no_record_is_refused_and_never_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(RECORD_NAME);
        let read = || Record::read(&*disk::real(), folder.path());
        assert_eq!(read().ok(), Some(Record::default()));
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "my notes",
            r#"{"runs": [], "mine": 1}"#,
            r#"{"runs": [{"first_shard_id": 0, "options": {}, "input": "", "\u001b[31m": 1}]}"#,
        ] {
            fs::write(&path, text).expect("a file");
            let error = read().expect_err("no record").to_string();
            assert!(
                error.contains("no record") && error.contains("hint:"),
                "{error}"
            );
            assert!(!error.contains('\u{1b}'), "{error:?}");
        }
        fs::remove_file(&path).expect("a file");
        fs::create_dir(&path).expect("a folder in its place");
        assert!(read().is_err());
    }

    /// What is on disks: it is read for ever.
    const WRITTEN: &str = r#"{
  "runs": [
    {
      "first_shard_id": 0,
      "options": {
        "output_format": "Webdataset"
      },
      "input": "00ff"
    }
  ],
  "found": [
    [
      0,
      3
    ]
  ]
}"#;

    #[test]
    fn the_record_on_the_disk_reads_back_with_what_was_found_and_without() {
        let mut record = Record {
            runs: vec![RunEntry {
                input: "00ff".to_owned(),
                ..entry(0, &[("output_format", "Webdataset")])
            }],
            found: vec![[0, 3]],
        };
        let text = |record: &Record| serde_json::to_string_pretty(record).expect("plain data");
        assert_eq!(text(&record), WRITTEN);
        assert_eq!(
            serde_json::from_str::<Record>(WRITTEN).ok(),
            Some(record.clone())
        );
        record.found.clear();
        let before = text(&record);
        assert!(!before.contains("found"), "{before}");
        assert_eq!(serde_json::from_str::<Record>(&before).ok(), Some(record));
    }
}
