//! Owns the parquet output format: one file with metadata and images. Successes are written in row groups
//! of bounded size, in completion order; failures follow in input order with a null image. Never holds more
//! than one row group.

use std::sync::Arc;

use arrow_array::builder::BinaryBuilder;
use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::error::WriterError;
use crate::metadata::ShardTable;
use crate::outcome::{RowOutcome, SampleFacts};
use crate::sink::Sink;

/// Most image bytes of a row group.
const ROW_GROUP_BYTES_MAX: usize = 32 << 20;
/// Rows between checks of the page size, so that a page of images ends near its limit of 1 MB instead of
/// spanning the row group.
const PAGE_CHECK_ROWS: usize = 32;

/// How metadata with a column of images are stored.
pub(crate) fn image_properties(image: &str) -> WriterProperties {
    let column = ColumnPath::from(image);
    // Images are compressed already, rarely repeat, and have no useful minimum or maximum.
    WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_write_batch_size(PAGE_CHECK_ROWS)
        .set_column_compression(column.clone(), Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled(column.clone(), false)
        .set_column_statistics_enabled(column, EnabledStatistics::None)
        .build()
}

/// Writes one `00000.parquet`.
pub(crate) struct ImageTable {
    writer: ArrowWriter<Vec<u8>>,
    schema: SchemaRef,
    rows: Vec<usize>,
    outcomes: Vec<RowOutcome>,
    images: BinaryBuilder,
    images_bytes: usize,
}

impl ImageTable {
    /// Starts the file; nothing is written yet.
    pub(crate) fn new(table: &ShardTable) -> Result<Self, WriterError> {
        let image_ext = table.layout.image_ext;
        let image = Arc::new(Field::new(image_ext, DataType::Binary, true));
        let fields = table.schema.fields().iter().cloned().chain([image]);
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = image_properties(image_ext);
        Ok(Self {
            writer: ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?,
            schema,
            rows: Vec::new(),
            outcomes: Vec::new(),
            images: BinaryBuilder::new(),
            images_bytes: 0,
        })
    }

    /// Adds a success, after writing the row group if it would get too large.
    pub(crate) fn sample(
        &mut self,
        table: &ShardTable,
        row: usize,
        facts: &SampleFacts,
        image: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), WriterError> {
        if self.images_bytes + image.len() > ROW_GROUP_BYTES_MAX {
            self.flush(table, sink)?;
        }
        self.rows.push(row);
        self.outcomes.push(RowOutcome::Success(facts.clone()));
        self.images.append_value(image);
        self.images_bytes += image.len();
        Ok(())
    }

    /// Writes the pending row group, the failures and the footer. `written[row]` is whether a row was a
    /// sample.
    pub(crate) fn finish(
        mut self,
        table: &ShardTable,
        written: &[bool],
        outcomes: &[RowOutcome],
        sink: &mut dyn Sink,
    ) -> Result<(), WriterError> {
        self.flush(table, sink)?;
        for row in (0..written.len()).filter(|&row| !written[row]) {
            self.rows.push(row);
            self.outcomes.push(outcomes[row].clone());
            self.images.append_null();
        }
        self.flush(table, sink)?;
        sink.append(&self.writer.into_inner()?);
        Ok(())
    }

    fn flush(&mut self, table: &ShardTable, sink: &mut dyn Sink) -> Result<(), WriterError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let indices = UInt64Array::from_iter_values(self.rows.iter().map(|&row| row as u64));
        let pick = |column: &ArrayRef| take(column, &indices, None);
        let mut columns = table
            .input
            .columns()
            .iter()
            .map(pick)
            .collect::<Result<Vec<_>, _>>()?;
        let outcomes: Vec<&RowOutcome> = self.outcomes.iter().collect();
        columns.extend(table.outcome_columns(&self.rows, &outcomes));
        columns.push(Arc::new(self.images.finish()));
        self.writer
            .write(&RecordBatch::try_new(self.schema.clone(), columns)?)?;
        self.writer.flush()?;
        self.writer.sync()?;
        sink.append(&std::mem::take(self.writer.inner_mut()));
        self.rows.clear();
        self.outcomes.clear();
        self.images_bytes = 0;
        Ok(())
    }
}
