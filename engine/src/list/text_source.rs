//! Owns the choice of a reader for the format of a text list. Never reads a row.

use std::path::Path;
use std::sync::Arc;

use arrow_schema::DataType;

use super::byte_stream::Bytes;
use super::columns::Columns;
use super::delimited::Delimited;
use super::json::JsonRows;
use super::json_layout::JsonLayout;
use super::lines::UrlLines;
use super::losses::Losses;
use super::text_batches::TextSource;
use super::url_list::List;
use super::{RowSource, shown};
use crate::config::InputFormat;
use crate::error::Error;

/// The type text for every column.
pub(super) fn texts(columns: &Columns) -> Arc<[DataType]> {
    columns.stored.iter().map(|_| DataType::Utf8).collect()
}

/// Opens the records of a csv or tsv list.
pub(super) fn delimited(
    list: &List,
    path: &Path,
    bytes: Bytes,
    types: Arc<[DataType]>,
) -> Result<Delimited, Error> {
    let delimiter = if list.format() == InputFormat::Tsv {
        b'\t'
    } else {
        b','
    };
    let (dialect, columns) = (&list.config.dialect, list.columns.clone());
    Delimited::open(path, bytes, delimiter, dialect, columns, types)
}

/// Opens the rows of a text file: of a surveyed list, or of a pipe, which is not surveyed.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn text_source(
    list: &List,
    path: &Path,
    bytes: Bytes,
    types: Arc<[DataType]>,
    rows: usize,
    is_pipe: bool,
) -> Result<Box<dyn RowSource>, Error> {
    let losses = |unit| Losses::of(&shown(path), unit);
    Ok(match list.format() {
        InputFormat::Csv | InputFormat::Tsv => {
            let records = delimited(list, path, bytes, types)?;
            Box::new(TextSource::new(records, rows, losses("line")))
        }
        InputFormat::Json | InputFormat::Jsonl => {
            let layout = JsonLayout::open(path, bytes, &list.columns, list.format())?;
            let losses = losses(layout.unit());
            let mut records = JsonRows::new(path, layout, list.columns.clone(), types);
            if is_pipe {
                records = records.checking_columns();
            }
            Box::new(TextSource::new(records, rows, losses))
        }
        _ => Box::new(TextSource::new(
            UrlLines::new(path, bytes)?,
            rows,
            losses("line"),
        )),
    })
}
