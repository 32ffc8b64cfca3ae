//! Owns the survey of a text list before it is split into shards: the types of its columns, and whether it has
//! any URL. It ends as soon as a URL was found and no column's type can change any more. Never keeps a row.

use std::path::Path;
use std::sync::Arc;

use arrow_schema::DataType;

use super::byte_stream::{self, Bytes};
use super::cell::Cell;
use super::columns::{Columns, Role};
use super::json::JsonRows;
use super::json_layout::JsonLayout;
use super::lines::UrlLines;
use super::losses::Losses;
use super::object::End;
use super::text_batches::Records;
use super::text_source::{delimited, texts};
use super::types::ColumnType;
use super::url_list::List;
use crate::config::InputFormat;
use crate::error::Error;

/// What the survey learned about a list.
pub(super) struct Survey {
    kinds: Vec<ColumnType>,
    /// Number of records read; at least one if the list has any.
    pub(super) records: u64,
    /// Whether a record has a URL.
    pub(super) has_url: bool,
    /// Whether a record has a list of URLs although the configuration does not ask for lists.
    pub(super) has_url_list: bool,
    /// Number of rows in each file that was read to its end.
    pub(super) rows: Vec<Option<u64>>,
}

impl Survey {
    /// Surveys a list of text files.
    ///
    /// # Errors
    /// The list's error.
    pub(super) fn of(list: &List) -> Result<Self, Error> {
        let mut survey = Self {
            kinds: list
                .columns
                .stored
                .iter()
                .map(|_| ColumnType::Null)
                .collect(),
            records: 0,
            has_url: false,
            has_url_list: false,
            rows: Vec::new(),
        };
        for (at, file) in list.files().iter().enumerate() {
            list.prefetch(at, End::Head);
            let before = survey.records;
            let bytes = byte_stream::reopen(&file.path, file.reopened()?);
            let ended = bytes.and_then(|bytes| survey.look(list, &file.path, bytes));
            let ended = file.judged(ended)?;
            survey.rows.push(ended.then_some(survey.records - before));
        }
        Ok(survey)
    }

    /// Surveys a file; returns whether it was read to its end.
    fn look(&mut self, list: &List, path: &Path, bytes: Bytes) -> Result<bool, Error> {
        // Ignored here: losses are counted when the rows are read for the shards.
        let mut losses = Losses::default();
        let (columns, types) = (&list.columns, texts(&list.columns));
        match list.format() {
            InputFormat::Csv | InputFormat::Tsv => {
                let mut records = delimited(list, path, bytes, types)?;
                while !self.is_done(columns) {
                    if records.advance(&mut losses)?.is_none() {
                        return Ok(true);
                    }
                    self.add_fields(columns, records.kept());
                }
            }
            InputFormat::Json | InputFormat::Jsonl => {
                let shape = JsonLayout::open(path, bytes, columns, list.format())?;
                let mut records = JsonRows::new(path, shape, columns.clone(), types);
                while !(self.is_done(columns) && records.has_seen_all()) {
                    if records.advance(&mut losses)?.is_none() {
                        records.check_seen()?;
                        return Ok(true);
                    }
                    self.add_cells(columns, records.row());
                }
            }
            _ => {
                let mut lines = UrlLines::new(path, bytes)?;
                let first = lines.append(&mut losses)?;
                self.records += u64::from(first.is_some());
                return Ok(first.is_none());
            }
        }
        Ok(false)
    }

    fn is_done(&self, columns: &Columns) -> bool {
        let mut kinds = columns.stored.iter().zip(&self.kinds);
        self.has_url && kinds.all(|(column, kind)| column.role != Role::Extra || kind.is_final())
    }

    fn add_fields<'a>(
        &mut self,
        columns: &Columns,
        fields: impl Iterator<Item = Option<&'a [u8]>>,
    ) {
        self.records += 1;
        let kept = columns.stored.iter().zip(&mut self.kinds).zip(fields);
        for ((column, kind), field) in kept {
            let Some(field) = field else {
                continue;
            };
            match column.role {
                Role::Url => self.has_url |= !field.is_empty(),
                Role::Extra if !kind.is_final() => {
                    let text = std::str::from_utf8(field);
                    kind.add(text.map_or(ColumnType::Text, ColumnType::of_text));
                }
                _ => {}
            }
        }
    }

    fn add_cells(&mut self, columns: &Columns, row: &[Cell]) {
        self.records += 1;
        for ((column, kind), cell) in columns.stored.iter().zip(&mut self.kinds).zip(row) {
            match column.role {
                Role::Url if is_list(cell) && !columns.explode_url => self.has_url_list = true,
                Role::Url => self.has_url |= *cell != Cell::Null,
                Role::Extra if !kind.is_final() => {
                    kind.add(match cell {
                        Cell::Nested(_) => ColumnType::of(&cell.clone().into_node()),
                        cell => ColumnType::of_cell(cell),
                    });
                }
                _ => {}
            }
        }
    }

    /// The types of the stored columns.
    pub(super) fn types(&self, columns: &Columns) -> Arc<[DataType]> {
        let kinds = columns.stored.iter().zip(&self.kinds);
        let types = kinds.map(|(column, kind)| match column.role {
            Role::Extra => kind.arrow(),
            _ => DataType::Utf8,
        });
        types.collect()
    }
}

fn is_list(cell: &Cell) -> bool {
    matches!(cell, Cell::Nested(text) if text.starts_with('['))
}
