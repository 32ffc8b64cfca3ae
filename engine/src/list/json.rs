//! Owns the rows of json and jsonl (RFC 8259): the text of each record in, cells of the kept columns
//! out. Never drops a record: anything but an object becomes a row of nulls. [`super::json_layout`]
//! splits the records.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::{Cell, without_nan};
use super::columns::{Columns, Role};
use super::lines::Pieces;
use super::losses::{Loss, Losses};
use super::text_batches::Records;
use super::{bounding_boxes, broken, build, explode, key_column, missing};
use crate::error::Error;

/// The rows of a stream of JSON objects.
pub(super) struct JsonRows<P> {
    path: PathBuf,
    pieces: P,
    columns: Columns,
    types: Arc<[DataType]>,
    row: Vec<Cell>,
    cells: Vec<Vec<Cell>>,
    /// Whether each column was seen so far.
    seen: Vec<bool>,
    /// The names in one record, for the hint.
    example: Vec<String>,
    /// Whether the first batch must have every column, because the list was not surveyed.
    check_columns: bool,
}

impl<P: Pieces> JsonRows<P> {
    pub(super) fn new(path: &Path, pieces: P, columns: Columns, types: Arc<[DataType]>) -> Self {
        Self {
            path: path.to_owned(),
            pieces,
            row: vec![Cell::Null; columns.len()],
            cells: vec![Vec::new(); columns.len()],
            seen: vec![false; columns.len()],
            example: Vec::new(),
            check_columns: false,
            columns,
            types,
        }
    }

    /// Makes the first batch fail if a column is missing.
    pub(super) fn checking_columns(mut self) -> Self {
        self.check_columns = true;
        self
    }

    /// Reads the next record into [`Self::row`] and returns its length in bytes.
    pub(super) fn advance(&mut self, losses: &mut Losses) -> Result<Option<usize>, Error> {
        let Some((number, piece)) = self.pieces.next()? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(piece);
        if matches!(text, std::borrow::Cow::Owned(_)) {
            losses.add_at(Loss::InvalidUtf8, number);
        }
        let mut visitor = RecordVisitor {
            columns: &self.columns,
            row: &mut self.row,
            seen: &mut self.seen,
            names: self.example.is_empty().then_some(&mut self.example),
        };
        let read =
            visitor.read(&text) || without_nan(&text).is_some_and(|text| visitor.read(&text));
        if !read {
            losses.add_at(Loss::MalformedRecord, number);
            self.row.fill(Cell::Null);
        }
        let url = self.row.last_mut();
        if !self.columns.explode_url
            && url.is_some_and(|url| matches!(url, Cell::Nested(text) if text.starts_with('[')))
        {
            losses.add_at(Loss::UrlList, number);
        }
        Ok(Some(piece.len()))
    }

    /// The cells of the last record.
    pub(super) fn row(&self) -> &[Cell] {
        &self.row
    }

    /// Fails if no record had one of the columns.
    ///
    /// # Errors
    /// [`Error::Input`] that names it.
    pub(super) fn check_seen(&self) -> Result<(), Error> {
        let columns = self.columns.stored.iter().zip(&self.seen);
        let absent = columns.into_iter().find(|(_, seen)| !**seen);
        match absent {
            Some((column, _)) if !self.example.is_empty() => {
                let present: Vec<&str> = self.example.iter().map(String::as_str).collect();
                Err(missing(&self.path, &column.source, &present))
            }
            _ => Ok(()),
        }
    }

    /// Whether every column has been seen.
    pub(super) fn has_seen_all(&self) -> bool {
        self.seen.iter().all(|seen| *seen)
    }
}

impl<P: Pieces> Records for JsonRows<P> {
    fn append(&mut self, losses: &mut Losses) -> Result<Option<usize>, Error> {
        let bytes = self.advance(losses)?;
        if bytes.is_some() {
            for (cells, cell) in self.cells.iter_mut().zip(&mut self.row) {
                cells.push(std::mem::replace(cell, Cell::Null));
            }
        }
        Ok(bytes)
    }

    fn finish(&mut self, losses: &mut Losses) -> Result<RecordBatch, Error> {
        if std::mem::take(&mut self.check_columns) {
            self.check_seen()?;
        }
        let mut misfits = 0;
        let columns = self.columns.stored.iter().zip(self.types.iter());
        let arrays: Vec<ArrayRef> = columns
            .zip(&mut self.cells)
            .map(|((column, kind), cells)| {
                let cells = cells.drain(..);
                match column.role {
                    Role::Boxes => bounding_boxes::column(cells, &mut misfits),
                    Role::Url if self.columns.explode_url => explode::from_cells(cells),
                    _ => build::from_cells(cells, kind, &mut misfits),
                }
            })
            .collect();
        losses.add(Loss::Misfit, misfits);
        self.columns
            .batch(arrays)
            .map_err(|cause| broken(&self.path, cause))
    }
}

/// Extracts the kept columns of one object; of equal names, the last value counts.
struct RecordVisitor<'a> {
    columns: &'a Columns,
    row: &'a mut [Cell],
    seen: &'a mut [bool],
    /// Receives the names of the record, if they are wanted.
    names: Option<&'a mut Vec<String>>,
}

impl RecordVisitor<'_> {
    /// Reads an object; false if `text` is not one.
    fn read(&mut self, text: &str) -> bool {
        self.row.fill(Cell::Null);
        if let Some(names) = &mut self.names {
            names.clear();
        }
        let mut json = serde_json::Deserializer::from_str(text);
        json.deserialize_map(&mut *self)
            .and_then(|()| json.end())
            .is_ok()
    }
}

impl RecordVisitor<'_> {
    /// Stores a value in every column with this source.
    fn take(&mut self, name: &str, value: &RawValue) {
        for (at, column) in self.columns.stored.iter().enumerate() {
            if column.source == name {
                self.row[at] = match column.role {
                    Role::Key => key_column::cell(Cell::of(value)),
                    _ => Cell::of(value),
                };
                self.seen[at] = true;
            }
        }
    }
}

impl<'de> Visitor<'de> for &mut RecordVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let mut wanted = self.columns.stored.iter();
            if wanted.any(|column| column.source == name) {
                self.take(&name, map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if let Some(names) = &mut self.names {
                names.push(name);
            }
        }
        Ok(())
    }
}
