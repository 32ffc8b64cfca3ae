//! Owns which columns are kept, under which names, and how columns of text get their types.
//! Never reads a file.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::boxes;
use crate::config::InputConfig;

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Kept as it is.
    Extra,
    /// The boxes to blur; kept too.
    Boxes,
    /// The caption.
    Caption,
    /// The expected hash; not in the output.
    Hash,
    /// The URL.
    Url,
}

/// One kept column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Name in the file.
    pub(crate) source: String,
    /// Name in the batch.
    pub(crate) output: String,
    /// What it is for.
    pub(crate) role: Role,
}

/// The kept columns, in the order of the batch; the last is the URL.
#[derive(Clone, Debug)]
pub(crate) struct Columns(pub(crate) Vec<Column>);

impl Columns {
    pub(crate) fn new(config: &InputConfig) -> Self {
        let column = |source: &String, output: &str, role| Column {
            source: source.clone(),
            output: output.to_owned(),
            role,
        };
        let extra = config.save_additional_columns.iter();
        let mut columns: Vec<Column> = extra.map(|name| column(name, name, Role::Extra)).collect();
        columns.extend(
            config
                .bbox_col
                .iter()
                .map(|name| column(name, name, Role::Boxes)),
        );
        columns.extend(
            config
                .caption_col
                .iter()
                .map(|c| column(c, "caption", Role::Caption)),
        );
        columns.extend(
            config
                .verify_hash_col
                .iter()
                .map(|c| column(c, "expected_hash", Role::Hash)),
        );
        columns.push(column(&config.url_col, "url", Role::Url));
        Self(columns)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// A batch of these columns.
    pub(super) fn batch(&self, arrays: Vec<ArrayRef>) -> Result<RecordBatch, ArrowError> {
        let fields: Vec<Field> = self
            .0
            .iter()
            .zip(&arrays)
            .map(|(column, array)| Field::new(&column.output, array.data_type().clone(), true))
            .collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

/// The type a column of text values gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnType {
    Int64,
    Float64,
    Boolean,
    Utf8,
    /// Lists of lists of numbers, from JSON alone.
    Boxes,
}

/// Texts that mean "no value" in a column of numbers or booleans, as pyarrow has them.
const NULL_TEXTS: [&str; 17] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null",
];

/// The narrowest type that every value of a delimited column fits; text if there is none.
pub(super) fn infer(texts: &StringArray) -> ColumnType {
    let values = || {
        texts
            .iter()
            .flatten()
            .filter(|text| !NULL_TEXTS.contains(text))
    };
    if values().next().is_none() {
        ColumnType::Utf8
    } else if values().all(|text| text.parse::<i64>().is_ok()) {
        ColumnType::Int64
    } else if values().all(|text| boolean(text).is_some()) {
        ColumnType::Boolean
    } else if values().all(|text| text.parse::<f64>().is_ok()) {
        ColumnType::Float64
    } else {
        ColumnType::Utf8
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Converts a delimited column; a value that does not fit becomes null and is counted.
pub(super) fn convert(texts: StringArray, to: ColumnType, misfits: &mut u64) -> ArrayRef {
    let cells = texts.iter().map(|text| match text {
        Some(text) if !NULL_TEXTS.contains(&text) => parse(text, to),
        _ => Cell::Null,
    });
    match to {
        ColumnType::Utf8 => Arc::new(texts),
        _ => build(cells, to, misfits),
    }
}

fn parse(text: &str, to: ColumnType) -> Cell {
    let cell = match to {
        ColumnType::Int64 => text.parse().ok().map(Cell::Int),
        ColumnType::Float64 => text.parse().ok().map(Cell::Float),
        ColumnType::Boolean => boolean(text).map(Cell::Bool),
        ColumnType::Utf8 | ColumnType::Boxes => None,
    };
    cell.unwrap_or_else(|| Cell::Text(text.to_owned()))
}

/// One value of a JSON record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Text, or a nested value as JSON text.
    Text(String),
}

/// The narrowest type that every cell fits.
pub(super) fn infer_cells(cells: &[Cell]) -> ColumnType {
    let mut kind = None;
    for cell in cells {
        let this = match cell {
            Cell::Null => continue,
            Cell::Int(_) => ColumnType::Int64,
            Cell::Float(_) => ColumnType::Float64,
            Cell::Bool(_) => ColumnType::Boolean,
            Cell::Text(_) => return ColumnType::Utf8,
        };
        kind = match (kind, this) {
            (None, this) => Some(this),
            (Some(kind), this) if kind == this => Some(kind),
            (Some(ColumnType::Boolean), _) | (_, ColumnType::Boolean) => {
                return ColumnType::Utf8;
            }
            _ => Some(ColumnType::Float64),
        };
    }
    kind.unwrap_or(ColumnType::Utf8)
}

/// Builds a column; a cell that does not fit becomes null and is counted. Everything fits text.
pub(super) fn build(
    cells: impl Iterator<Item = Cell>,
    to: ColumnType,
    misfits: &mut u64,
) -> ArrayRef {
    match to {
        ColumnType::Int64 => {
            let value = |cell: &Cell| match *cell {
                Cell::Int(value) => Some(value),
                _ => None,
            };
            Arc::new(fitted::<_, Int64Array>(cells, value, misfits))
        }
        ColumnType::Float64 => {
            let value = |cell: &Cell| match *cell {
                Cell::Float(value) => Some(value),
                Cell::Int(value) => Some(value as f64),
                _ => None,
            };
            Arc::new(fitted::<_, Float64Array>(cells, value, misfits))
        }
        ColumnType::Boolean => {
            let value = |cell: &Cell| match *cell {
                Cell::Bool(value) => Some(value),
                _ => None,
            };
            Arc::new(fitted::<_, BooleanArray>(cells, value, misfits))
        }
        ColumnType::Utf8 => {
            let mut builder = StringBuilder::new();
            for cell in cells {
                builder.append_option(match cell {
                    Cell::Null => None,
                    Cell::Int(value) => Some(value.to_string()),
                    Cell::Float(value) => Some(value.to_string()),
                    Cell::Bool(value) => Some(value.to_string()),
                    Cell::Text(value) => Some(value),
                });
            }
            Arc::new(builder.finish())
        }
        ColumnType::Boxes => boxes::column(cells, misfits),
    }
}

/// The cells that `value` can read, null for the others; those that are not null already are counted.
fn fitted<T, A: FromIterator<Option<T>>>(
    cells: impl Iterator<Item = Cell>,
    value: impl Fn(&Cell) -> Option<T>,
    misfits: &mut u64,
) -> A {
    cells
        .map(|cell| {
            let kept = value(&cell);
            *misfits += u64::from(kept.is_none() && cell != Cell::Null);
            kept
        })
        .collect()
}

/// Any column as UTF-8 text: bytes lossily (counted), nested values refused.
pub(super) fn as_text(array: &ArrayRef, invalid_utf8: &mut u64) -> Result<ArrayRef, ArrowError> {
    match array.data_type() {
        DataType::Utf8 => Ok(Arc::clone(array)),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => {
            let bytes = arrow_cast::cast(array, &DataType::LargeBinary)?;
            let bytes = arrow_array::cast::as_generic_binary_array::<i64>(&bytes);
            let mut builder = StringBuilder::new();
            for value in bytes {
                let text = value.map(String::from_utf8_lossy);
                *invalid_utf8 += u64::from(matches!(text, Some(std::borrow::Cow::Owned(_))));
                builder.append_option(text);
            }
            Ok(Arc::new(builder.finish()))
        }
        _ => arrow_cast::cast(array, &DataType::Utf8),
    }
}
