//! Owns reading URL lists: files in, Arrow batches of exactly the kept columns out. Memory does not
//! depend on a list's length. Never cuts shards ([`crate::list::plan`] does) and never drops a row: a
//! malformed record stays a row and is counted in [`Losses`].
//!
//! [`List::open`] finds the files ([`files`], [`object_files`]), detects what each is by its bytes
//! ([`signature`], [`format`]), and surveys text files for the types of their columns ([`survey`]).
//! [`List::source`] then reads the rows of each file, and fails if a file has changed meanwhile
//! ([`unchanged`]). Whether a file is on this machine or in a store is known to [`source`] alone, and how
//! an object is read to [`object`] and [`object_columns`].
//!
//! Columns are in the order of the metadata: `save_additional_columns`, the boxes, the parts of a
//! joined caption, `caption`, the expected hash, the key, and `url`, which is always UTF-8 text.
//!
//! - **parquet, Arrow IPC** keep each column's own type ([`typed`]).
//! - **csv, tsv** (RFC 4180 with any line end): types by [`types`], over the whole list. URL, caption,
//!   hash and key are always text. Quotes by [`crate::config::Quoting`].
//! - **jsonl, json** (RFC 8259, and Python's `NaN`): types likewise; lists and objects are kept. `json`
//!   is an array of objects, or an object of columns as pandas writes it ([`json_layout`]).
//! - **txt**: a URL per line, no header; empty lines are skipped.

mod arrow;
mod bounding_boxes;
mod build;
mod byte_stream;
pub(crate) mod catch_panic;
mod cell;
mod columns;
mod delimited;
mod explode;
mod extension;
mod files;
mod format;
mod identity;
mod json;
mod json_layout;
mod key_column;
mod lines;
mod list_file;
mod losses;
mod object;
mod object_columns;
mod object_files;
mod parquet;
pub(crate) mod parquet_pages;
pub mod plan;
mod quotes;
mod sample;
mod signature;
mod source;
mod survey;
mod text_batches;
mod text_source;
mod typed;
mod types;
mod unchanged;
mod url_list;
mod window;

use std::path::Path;

use arrow_array::RecordBatch;

use crate::error::{Cause, Error, Message};
use crate::text::{cut, visible};

pub(crate) use bounding_boxes::{Boxes, EmptyCell};
pub(crate) use columns::{Columns, Role};
pub(crate) use extension::format_of;
pub use identity::InputIdentity;
pub use losses::{Loss, Losses};
pub use url_list::List;

/// Most bytes of one record, line or JSON element: an open quote must not swallow a file.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of text after which a batch is closed, whatever its rows.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most rows read at once; smaller shards are read one by one.
const BATCH_ROWS_MAX: usize = 16 * 1024;
/// Largest `json` file with an object of columns, bytes: it cannot be streamed.
const JSON_COLUMNS_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The rows of one file, in order.
pub(crate) trait RowSource: Send {
    /// The next rows, at least one; `None` at the end and after an error.
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>>;

    /// Skips up to `rows` rows without reading them, and returns how many: 0 if skipping is no cheaper
    /// than reading.
    fn skip(&mut self, rows: u64) -> u64 {
        let _ = rows;
        0
    }

    /// The losses so far.
    fn losses(&self) -> Losses;
}

/// A path, safe to show.
fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// A file that cannot be read.
fn broken(path: &Path, cause: impl Into<Cause>) -> Error {
    Error::input(
        Message::because(format!("cannot read `{}`", shown(path)), cause),
        "check that the file is whole and of the format given by --input_format",
    )
}

/// Columns named in a hint.
const COLUMNS_SHOWN: usize = 20;
/// Characters shown of a column's name.
const NAME_CHARS_MAX: usize = 80;

/// A column that the file does not have.
fn missing(path: &Path, column: &str, present: &[&str]) -> Error {
    let named = present
        .iter()
        .take(COLUMNS_SHOWN)
        .map(|name| visible(&cut(name, NAME_CHARS_MAX)).into_owned());
    let mut named = named.collect::<Vec<_>>().join(", ");
    if present.len() > COLUMNS_SHOWN {
        named += &format!(" and {} more", present.len() - COLUMNS_SHOWN);
    }
    let hint = if present.is_empty() {
        "the file has no columns".to_owned()
    } else {
        format!("the columns are {named}; see --url_col, --caption_col, --bbox_col and --no_header")
    };
    Error::input(
        format!("`{}` has no column `{}`", shown(path), visible(column)),
        hint,
    )
}

#[cfg(test)]
mod object_tests;
#[cfg(test)]
mod tests;
