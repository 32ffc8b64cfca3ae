//! Owns writing parquet and Arrow IPC: a typed table, with the encodings and codecs that writers use.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray,
    StructArray, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};

use super::table::{Column, Kind, Role, Table, Value};
use super::truth::{Cell, Row, Truth};
use crate::harness::seed::Seeded;

/// Digits of a 128-bit decimal.
const DECIMAL_DIGITS: u8 = 38;

/// A file of a format with types.
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    pub(super) truth: Truth,
}

/// Writes a table as parquet.
pub(super) fn parquet(random: &mut Seeded, table: &Table, kinds: &mut Vec<&'static str>) -> Stored {
    let (batch, truth) = batch(random, table, kinds);
    let compression = *random.pick(&[
        Compression::SNAPPY,
        Compression::UNCOMPRESSED,
        Compression::GZIP(GzipLevel::default()),
        Compression::ZSTD(ZstdLevel::default()),
        Compression::LZ4_RAW,
    ]);
    let version = *random.pick(&[WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0]);
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_writer_version(version)
        .set_dictionary_enabled(random.chance(50))
        .set_max_row_group_row_count(Some(1 + random.below(30) as usize))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))
        .expect("types that parquet has");
    writer.write(&batch).expect("memory takes it");
    writer.close().expect("memory takes it");
    Stored { bytes, truth }
}

/// Writes a table as Arrow IPC, with a footer or as a stream.
pub(super) fn arrow(random: &mut Seeded, table: &Table, kinds: &mut Vec<&'static str>) -> Stored {
    let (batch, truth) = batch(random, table, kinds);
    let compression = *random.pick(&[
        None,
        Some(CompressionType::LZ4_FRAME),
        Some(CompressionType::ZSTD),
    ]);
    let options = IpcWriteOptions::default()
        .try_with_compression(compression)
        .expect("both are built in");
    let half = batch.num_rows() / 2;
    let parts = [
        batch.slice(0, half),
        batch.slice(half, batch.num_rows() - half),
    ];
    let schema = batch.schema();
    let mut bytes = Vec::new();
    if random.chance(60) {
        let mut writer = FileWriter::try_new_with_options(&mut bytes, &schema, options)
            .expect("memory takes it");
        parts
            .iter()
            .for_each(|part| writer.write(part).expect("memory takes it"));
        writer.finish().expect("memory takes it");
    } else {
        kinds.push("arrow stream");
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options)
            .expect("memory takes it");
        parts
            .iter()
            .for_each(|part| writer.write(part).expect("memory takes it"));
        writer.finish().expect("memory takes it");
    }
    Stored { bytes, truth }
}

/// A file with a URL column and no row.
pub(super) fn without_rows(parquet: bool) -> Vec<u8> {
    let schema = Arc::new(Schema::new(vec![Field::new("url", DataType::Utf8, true)]));
    let mut bytes = Vec::new();
    if parquet {
        let writer = ArrowWriter::try_new(&mut bytes, schema, None).expect("memory takes it");
        writer.close().expect("memory takes it");
    } else {
        let mut writer = FileWriter::try_new(&mut bytes, &schema).expect("memory takes it");
        writer.finish().expect("memory takes it");
    }
    bytes
}

fn batch(
    random: &mut Seeded,
    table: &Table,
    kinds: &mut Vec<&'static str>,
) -> (RecordBatch, Truth) {
    let rows = (0..table.rows).map(|row| Row {
        url: match &table.url().cells[row] {
            Value::Text(url) => Cell::Exact(url.clone()),
            _ => Cell::Any,
        },
        cells: table
            .saved()
            .map(|column| cell(column, &column.cells[row]))
            .collect(),
        optional: false,
    });
    let mut truth = Truth::of(rows.collect(), table.saved_names());
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for column in &table.columns {
        let array = match column.role {
            Role::Url => urls(random, column, &mut truth, kinds),
            _ => array(random, column),
        };
        fields.push(Field::new(&column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    (batch.expect("columns are of one length"), truth)
}

fn texts<'a>(column: &'a Column) -> Vec<Option<&'a str>> {
    let text = |value: &'a Value| match value {
        Value::Text(text) => Some(&**text),
        _ => None,
    };
    column.cells.iter().map(text).collect()
}

fn urls(
    random: &mut Seeded,
    column: &Column,
    truth: &mut Truth,
    kinds: &mut Vec<&'static str>,
) -> ArrayRef {
    let texts = texts(column);
    match random.below(16) {
        0 => {
            kinds.push("a list of URLs in each cell");
            truth.must_be_refused(&["list", "explode_url"]);
            let mut lists = ListBuilder::new(StringBuilder::new());
            for text in texts {
                lists.values().append_option(text);
                lists.append(true);
            }
            Arc::new(lists.finish())
        }
        1 => {
            kinds.push("URLs in objects");
            truth.must_be_refused(&[]);
            let field = Arc::new(Field::new("src", DataType::Utf8, true));
            let array: ArrayRef = Arc::new(StringArray::from(texts));
            Arc::new(StructArray::from(vec![(field, array)]))
        }
        2 => {
            let bytes: Vec<Option<&[u8]>> = texts.iter().map(|t| t.map(str::as_bytes)).collect();
            Arc::new(BinaryArray::from(bytes))
        }
        3 => Arc::new(LargeStringArray::from(texts)),
        4 => Arc::new(StringViewArray::from(texts)),
        5 => Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>()),
        _ => Arc::new(StringArray::from(texts)),
    }
}

/// What must come of a value in a column with a type.
fn cell(column: &Column, value: &Value) -> Cell {
    match (column.kind, value) {
        (Kind::Mixed, Value::Text(text)) => Cell::Exact(text.clone()),
        (Kind::Mixed, _) => Cell::Any,
        (_, Value::Null) => Cell::Null,
        (Kind::Lists | Kind::Objects, _) => Cell::Nested,
        (_, Value::Text(text) | Value::Int(text)) => Cell::Exact(text.clone()),
        (_, Value::Bool(truth)) => Cell::Exact(truth.to_string()),
        _ => Cell::Any,
    }
}

fn array(random: &mut Seeded, column: &Column) -> ArrayRef {
    let cells = column.cells.iter();
    let digits = |value: &Value| match value {
        Value::Int(digits) => digits.parse::<i128>().ok(),
        _ => None,
    };
    let float = |value: &Value| match value {
        Value::Float(number) => Some(*number),
        Value::NotFinite("NaN") => Some(f64::NAN),
        Value::NotFinite("Infinity") => Some(f64::INFINITY),
        Value::NotFinite(_) => Some(f64::NEG_INFINITY),
        _ => None,
    };
    let truth = |value: &Value| match value {
        Value::Bool(truth) => Some(*truth),
        _ => None,
    };
    match column.kind {
        Kind::Ints => {
            let small = |value| digits(value).and_then(|number| i64::try_from(number).ok());
            Arc::new(cells.map(small).collect::<Int64Array>())
        }
        Kind::Unsigned => {
            let small = |value| digits(value).and_then(|number| u64::try_from(number).ok());
            Arc::new(cells.map(small).collect::<UInt64Array>())
        }
        Kind::Big => {
            let numbers: Decimal128Array = cells.map(digits).collect();
            let numbers = numbers.with_precision_and_scale(DECIMAL_DIGITS, 0);
            Arc::new(numbers.expect("30 digits"))
        }
        Kind::Floats | Kind::NotFinite => Arc::new(cells.map(float).collect::<Float64Array>()),
        Kind::Bools => Arc::new(cells.map(truth).collect::<BooleanArray>()),
        Kind::Nulls => Arc::new(NullArray::new(column.cells.len())),
        Kind::Lists => {
            let mut lists = ListBuilder::new(Int64Builder::new());
            for value in cells {
                if let Value::List(items) = value {
                    let items = items.iter().map(|item| digits(item).map(|n| n as i64));
                    lists.append_value(items);
                } else {
                    lists.append_null();
                }
            }
            Arc::new(lists.finish())
        }
        Kind::Objects => objects(column),
        Kind::Urls | Kind::Texts | Kind::Codes | Kind::Mixed => {
            let texts = texts(column);
            if random.chance(20) {
                Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>())
            } else {
                Arc::new(StringArray::from(texts))
            }
        }
    }
}

fn objects(column: &Column) -> ArrayRef {
    let (mut numbers, mut texts, mut valid) = (Vec::new(), Vec::new(), Vec::new());
    for value in &column.cells {
        let members = match value {
            Value::Object(members) => Some(members),
            _ => None,
        };
        valid.push(members.is_some());
        numbers.push(members.and_then(|members| match &members[0].1 {
            Value::Int(digits) => digits.parse::<i64>().ok(),
            _ => None,
        }));
        texts.push(members.and_then(|members| match &members[1].1 {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }));
    }
    let fields = vec![
        Field::new("a", DataType::Int64, true),
        Field::new("b", DataType::Utf8, true),
    ];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(numbers)),
        Arc::new(StringArray::from(texts)),
    ];
    Arc::new(StructArray::new(fields.into(), arrays, Some(valid.into())))
}
