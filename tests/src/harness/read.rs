//! Owns reading datasets back: rows from the metadata, and samples in every output format. Never trusts
//! a dataset: an unreadable file is a panic that names it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use arrow_array::{Array, BinaryArray, RecordBatch};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::{tfrecord, watch};

/// Extensions a sample's image may have.
const IMAGE_EXTENSIONS: [&str; 6] = ["jpg", "png", "webp", "gif", "bmp", "tiff"];

/// A row of the metadata: column to text, `None` for null.
pub type Row = BTreeMap<String, Option<String>>;

/// What a dataset holds for one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// The image file.
    pub image: Vec<u8>,
    /// Its extension or column name.
    pub extension: String,
    /// The caption file or field.
    pub caption: Option<String>,
    /// The json file, where the format has one.
    pub json: Option<Value>,
}

/// A row's text in a column.
///
/// # Panics
/// Where the column is missing or null.
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    match row.get(column) {
        Some(Some(text)) => text,
        other => panic!("column {column} is {other:?} in {row:?}"),
    }
}

/// Every file below a folder, by its path in it.
pub fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("it is below")
                    .display()
                    .to_string();
                found.insert(name, std::fs::read(path).expect("a file can be read"));
            }
        }
    }
    found
}

/// All rows of a dataset's metadata, shards in order.
pub fn rows(folder: &Path) -> Vec<Row> {
    files(folder, "parquet")
        .iter()
        .flat_map(|path| batches(path))
        .flat_map(|b| texts(&b))
        .collect()
}

/// Rows by URL; a URL that comes twice is a panic.
pub fn rows_by_url(folder: &Path) -> BTreeMap<String, Row> {
    let mut by_url = BTreeMap::new();
    for row in rows(folder) {
        let url = text(&row, "url").to_owned();
        assert!(
            by_url.insert(url.clone(), row).is_none(),
            "{url} has two rows"
        );
    }
    by_url
}

/// The stats files' objects, in order.
pub fn stats(folder: &Path) -> Vec<Value> {
    let mut names: Vec<String> = watch::names(folder)
        .filter(|name| name.ends_with("_stats.json"))
        .collect();
    names.sort();
    let parse = |name: &String| {
        let bytes = std::fs::read(folder.join(name)).expect("a stats file can be read");
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    names.iter().map(parse).collect()
}

/// The sum of a number over all stats files.
pub fn stats_sum(folder: &Path, field: &str) -> u64 {
    stats(folder)
        .iter()
        .map(|stats| stats[field].as_u64().expect(field))
        .sum()
}

/// Files of an extension at the top of a dataset, sorted.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = watch::names(folder)
        .map(|name| folder.join(name))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}

/// The samples of a dataset in one of the formats webdataset, files, parquet, tfrecord.
///
/// # Panics
/// On another format, a key that comes twice, or anything that does not read.
pub fn samples(folder: &Path, output_format: &str) -> BTreeMap<String, Sample> {
    match output_format {
        "webdataset" => webdataset(folder),
        "files" => loose_files(folder),
        "parquet" => parquet_samples(folder),
        "tfrecord" => files(folder, "tfrecord")
            .iter()
            .flat_map(|p| tfrecord::samples(p))
            .collect(),
        other => panic!("no samples in format {other}"),
    }
}

fn webdataset(folder: &Path) -> BTreeMap<String, Sample> {
    let mut samples = BTreeMap::new();
    for path in files(folder, "tar") {
        let mut archive = tar::Archive::new(File::open(&path).expect("a shard can be opened"));
        let mut last_key = String::new();
        for entry in archive.entries().expect("a tar has entries") {
            let mut entry = entry.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let name = entry.path().expect("names are UTF-8").display().to_string();
            let (key, extension) = name.split_once('.').expect("members are KEY.EXTENSION");
            if key != last_key {
                assert!(
                    !samples.contains_key(key),
                    "{key} is not adjacent or comes twice"
                );
                last_key = key.to_owned();
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("a member can be read");
            place(samples.entry(key.to_owned()).or_default(), extension, bytes);
        }
    }
    samples
}

fn loose_files(folder: &Path) -> BTreeMap<String, Sample> {
    let mut samples = BTreeMap::new();
    let shards = watch::names(folder)
        .map(|name| folder.join(name))
        .filter(|path| path.is_dir());
    for shard in shards.filter(|path| !path.ends_with("_tmp") && !path.ends_with(".turbo2ds")) {
        for name in watch::names(&shard) {
            let (key, extension) = name.split_once('.').expect("files are KEY.EXTENSION");
            let bytes = std::fs::read(shard.join(&name)).expect("a file can be read");
            place(samples.entry(key.to_owned()).or_default(), extension, bytes);
        }
    }
    samples
}

/// Puts a member where its extension says.
fn place(sample: &mut Sample, extension: &str, bytes: Vec<u8>) {
    match extension {
        "json" => sample.json = Some(serde_json::from_slice(&bytes).expect("json members parse")),
        "txt" => sample.caption = Some(String::from_utf8(bytes).expect("captions are UTF-8")),
        _ => {
            assert!(
                IMAGE_EXTENSIONS.contains(&extension),
                "a member .{extension}"
            );
            sample.image = bytes;
            extension.clone_into(&mut sample.extension);
        }
    }
}

/// Successes of parquet shards: the image is the binary column named for its format.
fn parquet_samples(folder: &Path) -> BTreeMap<String, Sample> {
    let mut samples = BTreeMap::new();
    for batch in files(folder, "parquet")
        .iter()
        .flat_map(|path| batches(path))
    {
        let schema = batch.schema();
        let column = schema.fields().iter().position(|field| {
            field.data_type() == &DataType::Binary && IMAGE_EXTENSIONS.contains(&&**field.name())
        });
        let column = column.expect("an image column");
        let images = batch
            .column(column)
            .as_any()
            .downcast_ref::<BinaryArray>()
            .expect("binary");
        for (at, row) in texts(&batch)
            .iter()
            .enumerate()
            .filter(|(at, _)| images.is_valid(*at))
        {
            let sample = Sample {
                image: images.value(at).to_vec(),
                extension: schema.field(column).name().clone(),
                caption: row.get("caption").cloned().flatten(),
                json: None,
            };
            let key = text(row, "key").to_owned();
            assert!(
                samples.insert(key.clone(), sample).is_none(),
                "{key} comes twice"
            );
        }
    }
    samples
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let read = || -> Result<Vec<RecordBatch>, Box<dyn std::error::Error>> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?.build()?;
        Ok(reader.collect::<Result<_, _>>()?)
    };
    read().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn texts(batch: &RecordBatch) -> Vec<Row> {
    let schema = batch.schema();
    let options = FormatOptions::default();
    let columns: Vec<_> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| field.data_type() != &DataType::Binary)
        .map(|(field, column)| {
            let formatter = ArrayFormatter::try_new(column, &options).expect("a plain type");
            (field.name(), column, formatter)
        })
        .collect();
    let row = |at: usize| {
        let cell =
            |(name, column, formatter): &(&String, &arrow_array::ArrayRef, ArrayFormatter<'_>)| {
                let text = column.is_valid(at).then(|| formatter.value(at).to_string());
                ((*name).clone(), text)
            };
        columns.iter().map(cell).collect()
    };
    (0..batch.num_rows()).map(row).collect()
}
