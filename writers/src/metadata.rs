//! Owns the table of a shard, the input columns in their own types and the outcome of each row, and writing it
//! as metadata parquet, JSON members and caption text. Never holds an image.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int32Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::error::WriterError;
use crate::json;
use crate::layout::{Layout, RowOutcome, sample_key};
use crate::value::{Value, cell};

/// The input of a shard and the schema of its output.
pub(crate) struct ShardTable {
    pub(crate) layout: Arc<Layout>,
    pub(crate) shard_id: u64,
    pub(crate) input: RecordBatch,
    /// The input fields, then those of the outcome.
    pub(crate) schema: SchemaRef,
    /// The hash column to add; `None` if the input has a column of that name.
    hash_column: Option<&'static str>,
    /// Keys from the list, null for a row that cannot have a sample; `None` to number the samples.
    pub(crate) given_keys: Option<StringArray>,
}

impl ShardTable {
    /// Builds the table; fails if the input has a column name that the format uses.
    pub(crate) fn new(
        layout: Arc<Layout>,
        shard_id: u64,
        input: RecordBatch,
    ) -> Result<Self, WriterError> {
        let has = |name: &str| input.schema_ref().column_with_name(name).is_some();
        if let Some(name) = layout.format_names().into_iter().find(|name| has(name)) {
            return Err(WriterError::ColumnNameTaken(name.to_owned()));
        }
        let hash_column = layout.hash_column.filter(|name| !has(name));
        let input = in_parquet_units(&input)?;
        let schema = schema(input.schema_ref(), layout.exif_column, hash_column)?;
        Ok(Self {
            layout,
            shard_id,
            input,
            schema,
            hash_column,
            given_keys: None,
        })
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.input.num_rows()
    }

    /// The sample key of a row; `None` if the list gives it no valid one.
    pub(crate) fn key(&self, row: usize) -> Option<Cow<'_, str>> {
        match &self.given_keys {
            Some(keys) => keys.is_valid(row).then(|| keys.value(row).into()),
            None => Some(sample_key(self.shard_id, row, &self.layout).into()),
        }
    }

    /// All metadata members of a row, in column order.
    pub(crate) fn members<'a>(
        &'a self,
        row: usize,
        key: &'a str,
        outcome: &'a RowOutcome,
    ) -> Vec<(&'a str, Value<'a>)> {
        let fields = self.input.schema_ref().fields().iter();
        let mut members: Vec<_> = fields
            .zip(self.input.columns())
            .map(|(field, column)| (field.name().as_str(), cell(column, row)))
            .collect();
        members.extend([
            ("key", Value::Text(Cow::Borrowed(key))),
            ("status", Value::Text(Cow::Borrowed(outcome.status))),
            (
                "error_message",
                Value::text_or_null(outcome.error_message.as_deref()),
            ),
            ("width", Value::uint_or_null(outcome.width)),
            ("height", Value::uint_or_null(outcome.height)),
            (
                "original_width",
                Value::uint_or_null(outcome.original_width),
            ),
            (
                "original_height",
                Value::uint_or_null(outcome.original_height),
            ),
        ]);
        if self.layout.exif_column {
            members.push(("exif", Value::text_or_null(outcome.exif.as_deref())));
        }
        if let Some(name) = self.hash_column {
            members.push((name, Value::text_or_null(outcome.hash.as_deref())));
        }
        members
    }

    /// The JSON of a sample.
    pub(crate) fn sample_json(&self, row: usize, key: &str, outcome: &RowOutcome) -> Vec<u8> {
        json::to_bytes(&Value::Object(self.members(row, key, outcome)))
    }

    /// The caption for `txt`, if captions are saved; empty for a null or without a caption column.
    pub(crate) fn caption(&self, row: usize) -> Option<Vec<u8>> {
        if !self.layout.save_caption {
            return None;
        }
        let column = self.input.column_by_name("caption");
        Some(column.map_or_else(Vec::new, |column| {
            let value = cell(column, row);
            json::plain_text(&value).into_owned().into_bytes()
        }))
    }

    /// The outcome columns for `rows`; `outcomes[i]` belongs to row `rows[i]`.
    pub(crate) fn outcome_columns(
        &self,
        rows: &[usize],
        outcomes: &[&RowOutcome],
    ) -> Vec<ArrayRef> {
        let text = |get: fn(&RowOutcome) -> Option<&str>| -> ArrayRef {
            Arc::new(outcomes.iter().map(|o| get(o)).collect::<StringArray>())
        };
        // The side of an image is far below i32::MAX. A larger one would be a bug of the caller, and is null
        // rather than negative.
        let pixels = |get: fn(&RowOutcome) -> Option<u32>| -> ArrayRef {
            let side = |o: &&RowOutcome| get(o).and_then(|n| i32::try_from(n).ok());
            Arc::new(outcomes.iter().map(side).collect::<Int32Array>())
        };
        let keys: StringArray = rows.iter().map(|&row| self.key(row)).collect();
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(keys),
            text(|o| Some(o.status)),
            text(|o| o.error_message.as_deref()),
            pixels(|o| o.width),
            pixels(|o| o.height),
            pixels(|o| o.original_width),
            pixels(|o| o.original_height),
        ];
        if self.layout.exif_column {
            columns.push(text(|o| o.exif.as_deref()));
        }
        if self.hash_column.is_some() {
            columns.push(text(|o| o.hash.as_deref()));
        }
        columns
    }

    /// The metadata parquet: one row per URL, in input order.
    pub(crate) fn to_parquet(&self, outcomes: &[RowOutcome]) -> Result<Vec<u8>, WriterError> {
        let rows: Vec<usize> = (0..self.rows()).collect();
        let outcomes: Vec<&RowOutcome> = outcomes.iter().collect();
        let mut columns = self.input.columns().to_vec();
        columns.extend(self.outcome_columns(&rows, &outcomes));
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build();
        let mut writer = ArrowWriter::try_new(Vec::new(), self.schema.clone(), Some(properties))?;
        writer.write(&batch)?;
        Ok(writer.into_inner()?)
    }
}

/// Casts times to units that have a logical type in parquet. It has none for whole seconds, nor for dates in
/// milliseconds; other readers would see integers.
fn in_parquet_units(input: &RecordBatch) -> Result<RecordBatch, WriterError> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in input.schema_ref().fields().iter().zip(input.columns()) {
        let kind = match field.data_type() {
            DataType::Timestamp(TimeUnit::Second, zone) => {
                DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
            }
            DataType::Time32(TimeUnit::Second) => DataType::Time32(TimeUnit::Millisecond),
            DataType::Date64 => DataType::Date32,
            other => other.clone(),
        };
        columns.push(if kind == *field.data_type() {
            column.clone()
        } else {
            cast(column, &kind)?
        });
        fields.push(field.as_ref().clone().with_data_type(kind));
    }
    // A batch without columns keeps its number of rows.
    let options = RecordBatchOptions::new().with_row_count(Some(input.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        columns,
        &options,
    )?)
}

/// The input fields and the outcome fields. The schema metadata of the input is dropped: it describes a
/// different table (pandas' index, features).
fn schema(
    input: &Schema,
    exif: bool,
    hash_column: Option<&'static str>,
) -> Result<SchemaRef, WriterError> {
    let mut fields: Vec<Arc<Field>> = input.fields().iter().cloned().collect();
    let mut add = |name: &str, kind| fields.push(Arc::new(Field::new(name, kind, true)));
    for name in ["key", "status", "error_message"] {
        add(name, DataType::Utf8);
    }
    for name in ["width", "height", "original_width", "original_height"] {
        add(name, DataType::Int32);
    }
    for name in exif.then_some("exif").into_iter().chain(hash_column) {
        add(name, DataType::Utf8);
    }
    let mut names = HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name())) {
        return Err(WriterError::ColumnNameTaken(twice.name().clone()));
    }
    Ok(Arc::new(Schema::new(fields)))
}
