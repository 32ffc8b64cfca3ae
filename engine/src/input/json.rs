//! Owns json and jsonl (RFC 8259): a text per record in, cells of the kept columns out; arrays are
//! split into their elements without being held. Never drops a record: what is no object becomes a
//! row of nulls.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use arrow_array::{ArrayRef, RecordBatch};
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::error::Error;

use super::columns::{Cell, ColumnType, Columns, Role, build, infer_cells};
use super::lines::Pieces;
use super::text::Records;
use super::{JSON_COLUMNS_BYTES_MAX, LossyCounts, RECORD_BYTES_MAX, broken, missing};

/// The rows of a stream of JSON objects.
pub(super) struct JsonRows<P> {
    path: PathBuf,
    pieces: P,
    columns: Columns,
    cells: Vec<Vec<Cell>>,
    /// Decided by the first batch.
    types: Option<Vec<ColumnType>>,
    /// Columns seen in the first batch, and the names of one record for the hint.
    seen: Vec<bool>,
    example: Vec<String>,
}

impl<P: Pieces> JsonRows<P> {
    pub(super) fn new(path: &Path, pieces: P, columns: Columns) -> Self {
        Self {
            path: path.to_owned(),
            pieces,
            cells: vec![Vec::new(); columns.len()],
            types: None,
            seen: vec![false; columns.len()],
            example: Vec::new(),
            columns,
        }
    }

    /// Types of the first batch, which must have every column in some record.
    fn decide_types(&self) -> Result<Vec<ColumnType>, Error> {
        let absent = self
            .columns
            .0
            .iter()
            .zip(&self.seen)
            .find(|(_, seen)| !**seen);
        if let Some((column, _)) = absent
            && !self.example.is_empty()
        {
            let present: Vec<&str> = self.example.iter().map(String::as_str).collect();
            return Err(missing(&self.path, &column.source, &present));
        }
        let typed = self.columns.0.iter().zip(&self.cells);
        Ok(typed
            .map(|(column, cells)| match column.role {
                Role::Extra => infer_cells(cells),
                Role::Boxes => ColumnType::Boxes,
                _ => ColumnType::Utf8,
            })
            .collect())
    }
}

impl<P: Pieces> Records for JsonRows<P> {
    fn append(&mut self, lossy: &mut LossyCounts) -> Result<Option<usize>, Error> {
        let Some(piece) = self.pieces.next()? else {
            return Ok(None);
        };
        let bytes = piece.len();
        let mut row = vec![Cell::Null; self.columns.len()];
        let text = String::from_utf8_lossy(piece);
        lossy.invalid_utf8 += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
        let visitor = RowVisitor {
            columns: &self.columns,
            row: &mut row,
            seen: &mut self.seen,
            names: (self.types.is_none() && self.example.is_empty()).then_some(&mut self.example),
        };
        let mut json = serde_json::Deserializer::from_str(&text);
        if json
            .deserialize_map(visitor)
            .and_then(|()| json.end())
            .is_err()
        {
            lossy.malformed_records += 1;
            row.fill(Cell::Null);
        }
        for (cells, cell) in self.cells.iter_mut().zip(row) {
            cells.push(cell);
        }
        Ok(Some(bytes))
    }

    fn finish(&mut self, lossy: &mut LossyCounts) -> Result<RecordBatch, Error> {
        let types = match self.types.take() {
            Some(types) => types,
            None => self.decide_types()?,
        };
        let arrays: Vec<ArrayRef> = self
            .cells
            .iter_mut()
            .zip(&types)
            .map(|(cells, to)| build(cells.drain(..), *to, &mut lossy.misfits))
            .collect();
        self.types = Some(types);
        self.columns
            .batch(arrays)
            .map_err(|cause| broken(&self.path, &cause))
    }
}

/// Takes the kept columns out of one object; the last of equal names counts.
struct RowVisitor<'a> {
    columns: &'a Columns,
    row: &'a mut [Cell],
    seen: &'a mut [bool],
    /// Where the names of the record go, if they are wanted.
    names: Option<&'a mut Vec<String>>,
}

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            match self
                .columns
                .0
                .iter()
                .position(|column| column.source == name)
            {
                Some(at) => {
                    self.row[at] = cell(map.next_value::<Value>()?);
                    self.seen[at] = true;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if let Some(names) = &mut self.names {
                names.push(name);
            }
        }
        Ok(())
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(value),
        Value::String(text) => Cell::Text(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(int), _) => Cell::Int(int),
            (None, Some(float)) => Cell::Float(float),
            (None, None) => Cell::Text(number.to_string()),
        },
        nested => Cell::Text(nested.to_string()),
    }
}

/// The elements of a JSON array, or the rows of an object of columns.
pub(super) enum Elements {
    Array(ArrayElements),
    Columns(std::vec::IntoIter<String>, String),
}

impl Elements {
    /// Looks at the first byte to know the shape.
    pub(super) fn open(
        path: &Path,
        bytes: Box<dyn Read + Send>,
        columns: &Columns,
    ) -> Result<Self, Error> {
        let mut array = ArrayElements {
            path: path.to_owned(),
            bytes: BufReader::with_capacity(1 << 18, bytes),
            element: Vec::new(),
            ended: false,
        };
        match array.next_solid_byte()? {
            Some(b'[') => Ok(Self::Array(array)),
            Some(b'{') => {
                let rows = rows_of_columns(array, columns)?;
                Ok(Self::Columns(rows.into_iter(), String::new()))
            }
            Some(_) => Err(not_json(path)),
            None => Ok(Self::Columns(Vec::new().into_iter(), String::new())),
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

impl Pieces for Elements {
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        match self {
            Self::Array(elements) => elements.next(),
            Self::Columns(rows, row) => {
                let Some(next) = rows.next() else {
                    return Ok(None);
                };
                *row = next;
                Ok(Some(row.as_bytes()))
            }
        }
    }
}

/// Cuts an array into its elements at the commas outside strings and brackets.
pub(super) struct ArrayElements {
    path: PathBuf,
    bytes: BufReader<Box<dyn Read + Send>>,
    element: Vec<u8>,
    ended: bool,
}

impl ArrayElements {
    /// Passes over white space and a byte order mark.
    fn next_solid_byte(&mut self) -> Result<Option<u8>, Error> {
        loop {
            let mut byte = [0];
            let read = self
                .bytes
                .read(&mut byte)
                .map_err(|cause| broken(&self.path, &cause))?;
            match byte[0] {
                _ if read == 0 => return Ok(None),
                b' ' | b'\t' | b'\r' | b'\n' | 0xef | 0xbb | 0xbf => {}
                solid => return Ok(Some(solid)),
            }
        }
    }

    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        self.element.clear();
        let mut scan = Scan::default();
        while !self.ended {
            let chunk = self
                .bytes
                .fill_buf()
                .map_err(|cause| broken(&self.path, &cause))?;
            if chunk.is_empty() {
                self.ended = true;
                return Err(broken(&self.path, &"the array has no end"));
            }
            let end = chunk.iter().position(|&byte| scan.ends_at(byte));
            let taken = end.unwrap_or(chunk.len());
            self.element.extend_from_slice(&chunk[..taken]);
            self.ended = end.is_some_and(|at| chunk[at] == b']');
            self.bytes.consume(taken + usize::from(end.is_some()));
            if self.element.len() > RECORD_BYTES_MAX {
                self.ended = true;
                return Err(broken(&self.path, &"an element is over 16 MiB"));
            }
            if end.is_some() && !(self.ended && self.element.trim_ascii().is_empty()) {
                return Ok(Some(&self.element));
            }
        }
        Ok(None)
    }
}

/// Where a scan through an array stands.
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

/// Turns `{"url": {"0": …}, …}` into a JSON object per row, in the URL column's order.
fn rows_of_columns(mut rest: ArrayElements, columns: &Columns) -> Result<Vec<String>, Error> {
    let path = rest.path.clone();
    let mut text = String::from("{");
    let read = rest
        .bytes
        .by_ref()
        .take(JSON_COLUMNS_BYTES_MAX)
        .read_to_string(&mut text);
    let read = read.map_err(|cause| broken(&path, &cause))?;
    if read as u64 == JSON_COLUMNS_BYTES_MAX {
        return Err(Error::input(
            format!("`{}` is an object of columns over 256 MiB", path.display()),
            "write it as an array of objects or as jsonl, which are read as they come",
        ));
    }
    let table: serde_json::Map<String, Value> =
        serde_json::from_str(&text).map_err(|_| not_json(&path))?;
    drop(text);
    let mut kept: HashMap<&str, &serde_json::Map<String, Value>> = HashMap::new();
    for column in &columns.0 {
        let Some(values) = table.get(&column.source) else {
            let present: Vec<&str> = table.keys().map(String::as_str).collect();
            return Err(missing(&path, &column.source, &present));
        };
        kept.insert(
            &column.source,
            values.as_object().ok_or_else(|| not_json(&path))?,
        );
    }
    let Some(url) = columns
        .0
        .last()
        .and_then(|column| kept.get(column.source.as_str()))
    else {
        return Ok(Vec::new());
    };
    let row = |index: &String| {
        let cells = kept.iter().map(|(name, values)| {
            (
                (*name).to_owned(),
                values.get(index).cloned().unwrap_or(Value::Null),
            )
        });
        Value::Object(cells.collect()).to_string()
    };
    Ok(url.keys().map(row).collect())
}
