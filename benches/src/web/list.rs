//! Owns the lists of the simulated web: parquet files with the columns of LAION-400M, and what is to
//! be expected of their rows. Never serves.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

use super::{Error, Fate, Outcome, World};

/// Rows of one file of a list.
const FILE_ROWS: u64 = 1_000_000;
/// Rows that are made at once.
const BATCH_ROWS: u64 = 50_000;

const WORDS: [&str; 24] = [
    "red", "vintage", "dress", "for", "women", "with", "a", "view", "of", "the", "old", "harbour",
    "wooden", "table", "photo", "stock", "portrait", "two", "cats", "on", "beach", "sunset",
    "recipe", "2016",
];

/// Where a list's URLs point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// https in place of http.
    pub tls: bool,
    /// The port, where it is not the scheme's own.
    pub port: Option<u16>,
}

impl Origin {
    fn url(self, world: &World, row: u64) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let host = world.host(world.host_of_row(row)).name();
        match self.port {
            Some(port) => format!("{scheme}://{host}:{port}/photos/{row}.jpg"),
            None => format!("{scheme}://{host}/photos/{row}.jpg"),
        }
    }
}

/// What a list's rows lead to.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expected {
    /// Rows of the list.
    pub rows: u64,
    /// Host names among them.
    pub hosts: u64,
    /// Rows whose image can be had.
    pub images: u64,
    /// Rows by what their host is like or answers.
    pub by: BTreeMap<String, u64>,
}

impl Expected {
    /// Of the first `rows` rows.
    pub fn of(world: &World, rows: u64) -> Self {
        let mut expected = Self {
            rows,
            ..Self::default()
        };
        let mut seen = Vec::new();
        for row in 0..rows {
            let number = world.host_of_row(row);
            expected.hosts += u64::from(insert(&mut seen, number));
            let host = world.host(number);
            let what = match (host.fate, world.outcome(row)) {
                (Fate::Alive, outcome) => format!("{outcome:?}"),
                (fate, _) => format!("{fate:?}"),
            };
            *expected.by.entry(what).or_default() += 1;
        }
        let had = [Outcome::Image, Outcome::Moved].map(|outcome| format!("{outcome:?}"));
        expected.images = had.iter().filter_map(|what| expected.by.get(what)).sum();
        expected
    }
}

/// Adds to a set of bits; true for what was not yet in it.
fn insert(bits: &mut Vec<u64>, number: u64) -> bool {
    let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
    if bits.len() <= word {
        bits.resize(word + 1, 0);
    }
    let new = bits[word] & bit == 0;
    bits[word] |= bit;
    new
}

/// Writes the first `rows` rows of a world's list into a folder, which is made.
///
/// # Errors
/// A folder that cannot be written to.
pub fn write(world: &World, origin: Origin, rows: u64, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    for (number, start) in (0..rows).step_by(FILE_ROWS as usize).enumerate() {
        let file = File::create(folder.join(format!("part-{number:05}.parquet")))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let first = batch(world, origin, start..start)?;
        let mut writer = ArrowWriter::try_new(file, first.schema(), Some(properties))?;
        let end = rows.min(start + FILE_ROWS);
        for start in (start..end).step_by(BATCH_ROWS as usize) {
            writer.write(&batch(world, origin, start..end.min(start + BATCH_ROWS))?)?;
        }
        writer.close()?;
    }
    Ok(())
}

fn batch(world: &World, origin: Origin, rows: Range<u64>) -> Result<RecordBatch, Error> {
    let mut rng = SmallRng::seed_from_u64(rows.start);
    let count = (rows.end - rows.start) as usize;
    let mut sides = || -> Int32Array { (0..count).map(|_| rng.random_range(200..1600)).collect() };
    let (heights, widths) = (sides(), sides());
    let captions: StringArray = (0..count).map(|_| Some(caption(&mut rng))).collect();
    let similarities: Float64Array = (0..count).map(|_| rng.random_range(0.3..0.45)).collect();
    let same = |text: &'static str| -> StringArray { (0..count).map(|_| Some(text)).collect() };
    let columns: [(&str, ArrayRef); 8] = [
        (
            "SAMPLE_ID",
            Arc::new(rows.clone().map(|row| row as f64).collect::<Float64Array>()),
        ),
        (
            "URL",
            Arc::new(
                rows.map(|row| Some(origin.url(world, row)))
                    .collect::<StringArray>(),
            ),
        ),
        ("TEXT", Arc::new(captions)),
        ("HEIGHT", Arc::new(heights)),
        ("WIDTH", Arc::new(widths)),
        ("LICENSE", Arc::new(same("?"))),
        ("NSFW", Arc::new(same("UNLIKELY"))),
        ("similarity", Arc::new(similarities)),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn caption(rng: &mut SmallRng) -> String {
    let words: Vec<&str> = (0..rng.random_range(3..16))
        .filter_map(|_| WORDS.choose(rng).copied())
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::Shares;
    use super::*;

    #[test]
    fn what_is_expected_adds_up() {
        let world = World::new(1, Shares::WEB).unwrap();
        let expected = Expected::of(&world, 10_000);
        assert_eq!(expected.by.values().sum::<u64>(), 10_000);
        assert!(
            (8_000..9_000).contains(&expected.images),
            "{}",
            expected.images
        );
        assert!(
            (5_000..10_000).contains(&expected.hosts),
            "{}",
            expected.hosts
        );
    }

    #[test]
    fn a_batch_has_the_rows_of_its_range_and_laions_columns() {
        let world = World::new(1, Shares::CLEAN).unwrap();
        let origin = Origin {
            tls: true,
            port: Some(8443),
        };
        let batch = batch(&world, origin, 5..8).unwrap();
        assert_eq!(batch.num_rows(), 3);
        let urls: &StringArray = batch["URL"].as_any().downcast_ref().unwrap();
        let host = world.host_of_row(6);
        assert_eq!(
            urls.value(1),
            format!("https://h{host}.web.test:8443/photos/6.jpg")
        );
        assert!(batch.column_by_name("TEXT").is_some());
    }
}
