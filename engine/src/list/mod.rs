//! Owns the reading of URL lists: files in, Arrow batches of exactly the kept columns out. Memory does
//! not depend on a list's length. Never cuts shards ([`crate::list::plan`] does), never drops a row: what
//! cannot be read as it should stays a row and is counted in [`Losses`].
//!
//! [`List::open`] finds the files ([`files`]), tells what each is by its bytes ([`kind`], [`format`]), and
//! looks through text for its columns' types ([`survey`]); [`List::source`] then gives the rows of one file
//! after the other, and ends with an error where one has changed meanwhile ([`guard`]).
//!
//! Columns come in the order of the metadata: `save_additional_columns`, then the boxes, then the parts
//! of a joined caption, then `caption`, then the expected hash, then the key, then `url`, which is always
//! UTF-8 text.
//!
//! - **parquet, Arrow IPC** keep each column's own type ([`stored`]).
//! - **csv, tsv** (RFC 4180 with any line end): types by [`types`], over the whole list. URL, caption,
//!   hash and key are always text. Quotes by [`crate::config::Quoting`].
//! - **jsonl, json** (RFC 8259, and Python's `NaN`): the same; lists and objects stay what they are.
//!   `json` is an array of objects, or an object of columns as pandas writes it ([`shape`]).
//! - **txt**: a URL per line, no header; empty lines are skipped.

mod arrow;
mod boxes;
mod build;
mod bytes;
pub(crate) mod catch_panic;
mod cell;
mod columns;
mod delimited;
mod explode;
mod files;
mod format;
mod guard;
mod json;
mod keys;
mod kind;
mod lines;
mod losses;
mod name;
mod opened;
mod parquet;
pub(crate) mod parquet_pages;
mod pick;
pub mod plan;
mod quotes;
mod shape;
mod stored;
mod survey;
mod text;
mod text_source;
mod types;
mod window;

use std::path::Path;

use arrow_array::RecordBatch;

use crate::error::{Cause, Error, Message};
use crate::text::{cut, visible};

pub(crate) use boxes::{Boxes, EmptyCell};
pub(crate) use columns::{Columns, Role};
pub use losses::{Loss, Losses};
pub(crate) use name::format_of;
pub use opened::{InputIdentity, List};

/// Most bytes of one record, line or JSON element: an open quote must not swallow a file.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of text after which a batch is closed, whatever its rows.
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most rows read at once; smaller shards are read one by one.
const BATCH_ROWS_MAX: usize = 16 * 1024;
/// Largest `json` file of columns, bytes: that shape cannot be streamed.
const JSON_COLUMNS_BYTES_MAX: u64 = 256 * 1024 * 1024;

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
    fn losses(&self) -> Losses;
}

/// A path as a person may see it.
fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// A file that cannot be read on.
fn broken(path: &Path, cause: impl Into<Cause>) -> Error {
    Error::input(
        Message::because(format!("cannot read `{}`", shown(path)), cause),
        "check that the file is whole and of the format given by --input_format",
    )
}

/// Columns named in a hint.
const COLUMNS_SHOWN: usize = 20;
/// Letters shown of a column's name.
const NAME_CHARS_MAX: usize = 80;

/// A column the file does not have.
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
mod tests;
