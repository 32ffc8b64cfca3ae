//! Owns the layouts of a JSON list, detected by its beginning: one object per line, an array of
//! objects, or an object of columns as pandas writes it (each column an object by index, or a list).
//! Arrays are split into their elements as they are read. Never extracts the columns of a record.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use serde_json::value::RawValue;

use super::cell::{members, without_nan};
use super::columns::Columns;
use super::lines::{Lines, Pieces};
use super::{JSON_COLUMNS_BYTES_MAX, RECORD_BYTES_MAX, broken, missing};
use crate::config::InputFormat;
use crate::error::Error;
use crate::text::visible;

/// The records of a JSON list, each as text.
pub(super) enum JsonLayout {
    Lines(Lines),
    Array(ArrayElements),
    Columns(TableRows),
}

/// The rows of an object of columns.
pub(super) struct TableRows {
    rows: std::vec::IntoIter<String>,
    row: String,
    number: u64,
}

impl JsonLayout {
    /// Detects the layout by the beginning; `format` decides if an object may be a record or a table.
    pub(super) fn open(
        path: &Path,
        bytes: Box<dyn Read + Send>,
        columns: &Columns,
        format: InputFormat,
    ) -> Result<Self, Error> {
        let mut bytes = BufReader::with_capacity(1 << 18, bytes);
        match first_solid_byte(path, &mut bytes)? {
            Some(b'[') => {
                bytes.consume(1);
                Ok(Self::Array(ArrayElements::new(path, bytes)))
            }
            Some(b'{') if format == InputFormat::Json => object(path, bytes, columns),
            Some(b'{') => lines(path, Box::new(bytes)),
            Some(_) if format == InputFormat::Json => Err(not_json(path)),
            _ => lines(path, Box::new(bytes)),
        }
    }

    /// What the numbers of the pieces count.
    pub(super) fn unit(&self) -> &'static str {
        match self {
            Self::Lines(_) => "line",
            Self::Array(_) | Self::Columns(_) => "record",
        }
    }
}

impl Pieces for JsonLayout {
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, Error> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Array(elements) => elements.next(),
            Self::Columns(columns) => {
                let Some(next) = columns.rows.next() else {
                    return Ok(None);
                };
                columns.row = next;
                columns.number += 1;
                Ok(Some((columns.number, columns.row.as_bytes())))
            }
        }
    }
}

fn lines(path: &Path, bytes: Box<dyn Read + Send>) -> Result<JsonLayout, Error> {
    Lines::new(path, bytes).map(JsonLayout::Lines)
}

/// Skips white space, and peeks at the byte after it.
fn first_solid_byte(path: &Path, bytes: &mut impl BufRead) -> Result<Option<u8>, Error> {
    loop {
        let chunk = bytes.fill_buf().map_err(|cause| broken(path, cause))?;
        if chunk.is_empty() {
            return Ok(None);
        }
        let solid = chunk.iter().position(|byte| !byte.is_ascii_whitespace());
        let found = solid.map(|at| chunk[at]);
        let passed = solid.unwrap_or(chunk.len());
        bytes.consume(passed);
        if found.is_some() {
            return Ok(found);
        }
    }
}

fn not_json(path: &Path) -> Error {
    Error::input(
        format!(
            "`{}` is neither an array of objects nor an object of columns",
            path.display()
        ),
        "a file with one object per line is --input_format jsonl",
    )
}

/// Opens a file that begins with an object. It has one object per line if the first line is a record or
/// another object follows; otherwise it is an object of columns.
fn object(
    path: &Path,
    mut bytes: BufReader<Box<dyn Read + Send>>,
    columns: &Columns,
) -> Result<JsonLayout, Error> {
    let mut first = Vec::new();
    let bounded = &mut bytes.by_ref().take(RECORD_BYTES_MAX as u64);
    bounded
        .read_until(b'\n', &mut first)
        .map_err(|cause| broken(path, cause))?;
    let another = first_solid_byte(path, &mut bytes)? == Some(b'{');
    if is_record(&first, columns, another) {
        return lines(path, Box::new(Cursor::new(first).chain(bytes)));
    }
    let rows = rows_of_table(path, first, bytes, columns)?;
    Ok(JsonLayout::Columns(TableRows {
        rows: rows.into_iter(),
        row: String::new(),
        number: 0,
    }))
}

/// Whether a line is a complete object with the values of one row. It is if `another` object follows.
fn is_record(line: &[u8], columns: &Columns, another: bool) -> bool {
    let text = String::from_utf8_lossy(line);
    let clean = without_nan(&text);
    let Some(members) = members(clean.as_deref().unwrap_or(&text).trim()) else {
        return false;
    };
    if another {
        return true;
    }
    let url = columns.stored.last().map(|column| &column.source);
    let value = members
        .iter()
        .find(|(name, _)| Some(&**name) == url.map(|url| &**url));
    match value {
        Some((_, value)) => !value.get().starts_with(['[', '{']),
        // Without the URL column: a record if no value can be a column.
        None => !members
            .iter()
            .any(|(_, value)| value.get().starts_with(['[', '{'])),
    }
}

/// Splits an array into its elements, at the commas outside strings and brackets.
pub(super) struct ArrayElements {
    path: PathBuf,
    bytes: BufReader<Box<dyn Read + Send>>,
    element: Vec<u8>,
    number: u64,
    ended: bool,
}

impl ArrayElements {
    fn new(path: &Path, bytes: BufReader<Box<dyn Read + Send>>) -> Self {
        Self {
            path: path.to_owned(),
            bytes,
            element: Vec::new(),
            number: 0,
            ended: false,
        }
    }

    fn next(&mut self) -> Result<Option<(u64, &[u8])>, Error> {
        self.element.clear();
        let mut scan = Scan::default();
        while !self.ended {
            let chunk = self
                .bytes
                .fill_buf()
                .map_err(|cause| broken(&self.path, cause))?;
            if chunk.is_empty() {
                self.ended = true;
                return Err(broken(&self.path, "the array has no end"));
            }
            let end = chunk.iter().position(|&byte| scan.ends_at(byte));
            let taken = end.unwrap_or(chunk.len());
            self.element.extend_from_slice(&chunk[..taken]);
            self.ended = end.is_some_and(|at| chunk[at] == b']');
            self.bytes.consume(taken + usize::from(end.is_some()));
            if self.element.len() > RECORD_BYTES_MAX {
                self.ended = true;
                return Err(broken(&self.path, "an element is over 16 MiB"));
            }
            if end.is_some() && !(self.ended && self.element.trim_ascii().is_empty()) {
                self.number += 1;
                return Ok(Some((self.number, &self.element)));
            }
        }
        Ok(None)
    }
}

/// The state of a scan through an array.
#[derive(Default)]
struct Scan {
    depth: u64,
    in_string: bool,
    escaped: bool,
}

impl Scan {
    /// Whether `byte` is the comma or bracket that ends the element.
    fn ends_at(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b',' | b']' if self.depth == 0 => return true,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        false
    }
}

/// Turns `{"url": {"0": …}, …}` or `{"url": […], …}` into a JSON object per row, in the order in which
/// the rows first appear in any column.
fn rows_of_table(
    path: &Path,
    mut text: Vec<u8>,
    rest: BufReader<Box<dyn Read + Send>>,
    columns: &Columns,
) -> Result<Vec<String>, Error> {
    let mut bounded = rest.take(JSON_COLUMNS_BYTES_MAX);
    let read = bounded.read_to_end(&mut text);
    read.map_err(|cause| broken(path, cause))?;
    if text.len() as u64 >= JSON_COLUMNS_BYTES_MAX {
        return Err(Error::input(
            format!("`{}` is an object of columns over 256 MiB", path.display()),
            "write it as an array of objects or as jsonl, which are read as they come",
        ));
    }
    let text = String::from_utf8_lossy(&text);
    let clean = without_nan(&text);
    let table = members(clean.as_deref().unwrap_or(&text)).ok_or_else(|| not_json(path))?;
    let present: Vec<&str> = table.iter().map(|(name, _)| &**name).collect();
    let mut rows = RowNames::default();
    let mut kept = Vec::new();
    for (name, values) in &table {
        let wanted = columns.stored.iter().any(|column| column.source == **name);
        let Some(values) = Values::of(values) else {
            if wanted {
                return Err(not_columns(path, name));
            }
            continue;
        };
        rows.add(&values)
            .map_err(|lengths| uneven(path, name, lengths))?;
        if wanted {
            kept.push((name, values));
        }
    }
    for column in &columns.stored {
        if !present.contains(&&*column.source) {
            return Err(missing(path, &column.source, &present));
        }
    }
    let row = |at: usize, index: &str| {
        let cells = kept.iter().filter_map(|(name, values)| {
            let value = values.get(at, index)?;
            Some(format!(
                "{}:{}",
                serde_json::Value::from(&***name),
                value.get()
            ))
        });
        format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
    };
    Ok(rows
        .names
        .iter()
        .enumerate()
        .map(|(at, index)| row(at, index))
        .collect())
}

fn not_columns(path: &Path, name: &str) -> Error {
    Error::input(
        format!(
            "`{}` is an object whose `{}` is neither a list nor an object of values",
            path.display(),
            visible(name)
        ),
        "a table is an object of columns, or an array of objects; one object per line is \
         --input_format jsonl",
    )
}

fn uneven(path: &Path, name: &str, (before, here): (usize, usize)) -> Error {
    Error::input(
        format!(
            "`{}` is an object of lists, and `{}` has {here} values where others have {before}",
            path.display(),
            visible(name)
        ),
        "give every column as many values",
    )
}

/// One column's values.
enum Values<'a> {
    List(Vec<&'a RawValue>),
    ByIndex(HashMap<String, &'a RawValue>, Vec<String>),
}

impl<'a> Values<'a> {
    fn of(column: &'a RawValue) -> Option<Self> {
        if column.get().starts_with('[') {
            return serde_json::from_str(column.get()).ok().map(Self::List);
        }
        let members = members(column.get())?;
        let order = members.iter().map(|(name, _)| name.to_string()).collect();
        let values = members
            .into_iter()
            .map(|(name, raw)| (name.into_owned(), raw));
        Some(Self::ByIndex(values.collect(), order))
    }

    fn get(&self, at: usize, index: &str) -> Option<&'a RawValue> {
        match self {
            Self::List(values) => values.get(at).copied(),
            Self::ByIndex(values, _) => values.get(index).copied(),
        }
    }
}

/// The rows of a table, by their index.
#[derive(Default)]
struct RowNames {
    names: Vec<String>,
    known: std::collections::HashSet<String>,
    /// Length of the lists, if there are any.
    length: Option<usize>,
}

impl RowNames {
    /// Adds a column's rows.
    ///
    /// # Errors
    /// The lengths of lists that differ.
    fn add(&mut self, values: &Values<'_>) -> Result<(), (usize, usize)> {
        let order: Vec<String> = match values {
            Values::List(values) => {
                let length = *self.length.get_or_insert(values.len());
                if length != values.len() {
                    return Err((length, values.len()));
                }
                (0..length).map(|row| row.to_string()).collect()
            }
            Values::ByIndex(_, order) => order.clone(),
        };
        for name in order {
            if self.known.insert(name.clone()) {
                self.names.push(name);
            }
        }
        Ok(())
    }
}
