//! Owns the table of a shard, the input columns in their own types and the outcome of each row, and writing it
//! as metadata parquet, JSON members and caption text. Never holds an image.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::columns::{Column, Row};
use crate::error::WriterError;
use crate::json;
use crate::layout::{Layout, sample_key};
use crate::outcome::{RowOutcome, SampleFacts};
use crate::value::{Value, cell};

/// The input of a shard and the schema of its output.
pub(crate) struct ShardTable {
    pub(crate) layout: Arc<Layout>,
    pub(crate) shard_id: u64,
    pub(crate) input: RecordBatch,
    /// The input's fields, then the dataset's own.
    pub(crate) schema: SchemaRef,
    /// The dataset's own columns, by name.
    columns: Vec<(&'static str, Column)>,
    /// The keys that the list gives, null for a row that can have no sample; none numbers them.
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
        let own = Column::ALL.iter();
        let columns: Vec<_> = own
            .filter_map(|column| Some((column.name_in(&layout, has)?, *column)))
            .collect();
        let input = in_parquet_units(&input)?;
        let schema = schema(input.schema_ref(), &columns)?;
        Ok(Self {
            layout,
            shard_id,
            input,
            schema,
            columns,
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

    /// Every metadata member of one sample, in the order of the columns.
    pub(crate) fn members<'a>(
        &'a self,
        row: usize,
        key: &'a str,
        facts: &'a SampleFacts,
    ) -> Vec<(&'a str, Value<'a>)> {
        let sample = Row::of_sample(key, facts);
        let fields = self.input.schema_ref().fields().iter();
        let mut members: Vec<_> = fields
            .zip(self.input.columns())
            .map(|(field, column)| (field.name().as_str(), cell(column, row)))
            .collect();
        let own = self.columns.iter();
        members.extend(own.map(|(name, column)| (*name, column.value(sample))));
        members
    }

    /// The per-sample JSON.
    pub(crate) fn sample_json(&self, row: usize, key: &str, facts: &SampleFacts) -> Vec<u8> {
        json::to_bytes(&Value::Object(self.members(row, key, facts)))
    }

    /// The caption as text, if captions are saved; empty for a null or without a caption column.
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

    /// The dataset's own columns for `rows`, `outcomes[i]` being that of row `rows[i]`.
    pub(crate) fn outcome_columns(
        &self,
        rows: &[usize],
        outcomes: &[&RowOutcome],
    ) -> Vec<ArrayRef> {
        let keys: Vec<Option<Cow<'_, str>>> = rows.iter().map(|&row| self.key(row)).collect();
        let rows = keys.iter().zip(outcomes);
        let rows: Vec<Row<'_>> = rows
            .map(|(key, outcome)| Row::new(key.as_deref(), outcome))
            .collect();
        let own = self.columns.iter();
        own.map(|(_, column)| column.array(&rows)).collect()
    }

    /// The metadata parquet: one row per URL, in input order.
    pub(crate) fn to_parquet(&self, outcomes: &[RowOutcome]) -> Result<Vec<u8>, WriterError> {
        let rows: Vec<usize> = (0..self.rows()).collect();
        let outcomes: Vec<&RowOutcome> = outcomes.iter().collect();
        let mut columns = self.input.columns().to_vec();
        columns.extend(self.outcome_columns(&rows, &outcomes));
        let batch = RecordBatch::try_new(self.schema.clone(), columns)?;
        let properties = metadata_properties();
        let mut writer = ArrowWriter::try_new(Vec::new(), self.schema.clone(), Some(properties))?;
        writer.write(&batch)?;
        Ok(writer.into_inner()?)
    }
}

/// How metadata without images are stored.
pub(crate) fn metadata_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build()
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

/// The input's fields and the dataset's own. The input's schema metadata is left behind: it describes a
/// table (pandas' index, features) that this one no longer is.
fn schema(input: &Schema, own: &[(&'static str, Column)]) -> Result<SchemaRef, WriterError> {
    let mut fields: Vec<Arc<Field>> = input.fields().iter().cloned().collect();
    fields.extend(
        own.iter()
            .map(|(name, column)| Arc::new(column.field(name))),
    );
    let mut names = HashSet::new();
    if let Some(twice) = fields.iter().find(|field| !names.insert(field.name())) {
        return Err(WriterError::ColumnNameTaken(twice.name().clone()));
    }
    Ok(Arc::new(Schema::new(fields)))
}
