//! Owns the reading of URL lists: sorted files in, Arrow batches of exactly the kept columns out.
//! Memory does not depend on a list's length. Never cuts shards ([`crate::plan`] does), never drops a
//! row: what cannot be read as it should stays a row and is counted in [`LossyCounts`].
//!
//! Columns come in the order of the metadata: `save_additional_columns`, then the boxes, then `caption`,
//! then the expected hash (named for its type), then `url`, which is always UTF-8 text.
//!
//! - **parquet** keeps each column's own type.
//! - **csv, tsv** (RFC 4180 with any line end, a header line): whole numbers, numbers and booleans are
//!   recognised over the first megabyte, everything else is text; later values that do not fit
//!   become null. URL, caption and hash are always text.
//! - **jsonl, json** (RFC 8259): the same, by JSON's own types; nested values are kept as JSON text.
//!   `json` is an array of objects, or an object of columns as pandas writes it. Boxes are lists.
//! - **txt**: a URL per line, no header; empty lines are skipped.

mod boxes;
mod columns;
mod delimited;
mod files;
mod json;
mod lines;
mod parquet;
mod text;

use std::path::Path;

use arrow_array::RecordBatch;

use crate::config::{InputConfig, InputFormat};
use crate::error::Error;

pub(crate) use boxes::{Boxes, EmptyCell};
pub(crate) use columns::{Columns, Role};
pub(crate) use files::list;
pub use files::{InputIdentity, identify};

/// Most bytes of one record, line or JSON element: an open quote must not swallow a file.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes over which the types of text columns are recognised.
const INFERENCE_BYTES: usize = 1024 * 1024;
/// Bytes of text after which a batch is closed, whatever its rows.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most rows read at once; smaller shards are read one by one.
const BATCH_ROWS_MAX: usize = 16 * 1024;
/// Largest `json` file of columns, bytes: that shape cannot be streamed.
const JSON_COLUMNS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What could not be kept as it came. Every such row is still a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossyCounts {
    /// Values whose bytes were not UTF-8; the bad ones became U+FFFD.
    pub invalid_utf8: u64,
    /// Values that do not fit their column's type and became null.
    pub misfits: u64,
    /// Records with fewer fields than the header; the missing ones are null.
    pub short_records: u64,
    /// Records with more fields than the header; the further ones are dropped.
    pub long_records: u64,
    /// Records that are no JSON object; every column is null.
    pub malformed_records: u64,
}

impl LossyCounts {
    /// Adds the counts of another file.
    pub(crate) fn add(&mut self, other: Self) {
        self.invalid_utf8 += other.invalid_utf8;
        self.misfits += other.misfits;
        self.short_records += other.short_records;
        self.long_records += other.long_records;
        self.malformed_records += other.malformed_records;
    }
}

/// The rows of one file, in order.
pub(crate) trait RowSource: Send {
    /// The next rows, at least one; `None` at the end. After an error nothing more comes.
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>>;

    /// Passes over up to `rows` rows without reading them, and says how many: none where that is no
    /// cheaper than reading.
    fn skip(&mut self, rows: u64) -> u64 {
        let _ = rows;
        0
    }

    /// What was lost so far.
    fn lossy(&self) -> LossyCounts {
        LossyCounts::default()
    }
}

/// Opens one file of the list.
///
/// # Errors
/// [`Error::Input`] if it cannot be opened or lacks a column.
pub(crate) fn open(path: &Path, config: &InputConfig) -> Result<Box<dyn RowSource>, Error> {
    let columns = Columns::new(config);
    let rows = config.rows_per_shard.min(BATCH_ROWS_MAX);
    if config.format == InputFormat::Parquet {
        return Ok(Box::new(parquet::ParquetSource::open(path, columns, rows)?));
    }
    let bytes = files::open(path, config.compression)?;
    Ok(match config.format {
        InputFormat::Txt => Box::new(text::TextSource::new(
            lines::UrlLines::new(path, bytes),
            rows,
        )),
        InputFormat::Csv | InputFormat::Tsv => {
            let delimiter = if config.format == InputFormat::Tsv {
                b'\t'
            } else {
                b','
            };
            let records = delimited::Delimited::open(path, bytes, delimiter, columns)?;
            Box::new(text::TextSource::new(records, rows))
        }
        InputFormat::Jsonl => {
            let elements = lines::Lines::new(path, bytes);
            Box::new(text::TextSource::new(
                json::JsonRows::new(path, elements, columns),
                rows,
            ))
        }
        InputFormat::Json | InputFormat::Parquet => {
            let elements = json::Elements::open(path, bytes, &columns)?;
            Box::new(text::TextSource::new(
                json::JsonRows::new(path, elements, columns),
                rows,
            ))
        }
    })
}

/// A file that cannot be read on.
fn broken(path: &Path, cause: &dyn std::fmt::Display) -> Error {
    Error::input(
        format!("cannot read `{}`: {cause}", path.display()),
        "check that the file is whole and of the format given by --input_format",
    )
}

/// A column the file does not have.
fn missing(path: &Path, column: &str, present: &[&str]) -> Error {
    let hint = if present.is_empty() {
        "the file has no columns".to_owned()
    } else {
        format!(
            "the columns are {}; see --url_col, --caption_col and --bbox_col",
            present.join(", ")
        )
    };
    Error::input(
        format!("`{}` has no column `{column}`", path.display()),
        hint,
    )
}

#[cfg(test)]
mod tests;
