//! Owns writing a shard anew without some of its samples: the members of a tar, the records of a tfrecord and the rows
//! of a parquet that stay are laid out as they were, byte for byte where the format lets them. Never opens a file.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::nullif::nullif;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::ChunkReader;

use crate::columns::Column;
use crate::error::WriterError;
use crate::images::image_properties;
use crate::metadata::metadata_properties;
use crate::outcome::{Stage, Status};
use crate::records::{RecordError, Records};
use crate::sink::Sink;
use crate::tarball::TarMembers;
use crate::tfrecord::append_record;

/// Longest record that is copied, bytes.
const RECORD_BYTES_MAX: u64 = 1 << 30;
/// Rows in memory at once, if each has its image.
const IMAGE_BATCH_ROWS: usize = 16;
/// The list's column of URLs, as datasets name it.
const URL: &str = "url";

/// Why a shard cannot be written anew.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The shard cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A record cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The new shard cannot be laid out.
    #[error(transparent)]
    Writer(#[from] WriterError),
    /// A table lacks a column of every dataset, or has another type there.
    #[error("the table has no column {0}")]
    Column(&'static str),
    /// The samples that were to go are not all there.
    #[error("{0} of the samples are not there")]
    Missing(usize),
}

impl From<arrow_schema::ArrowError> for RewriteError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Writer(error.into())
    }
}

impl From<parquet::errors::ParquetError> for RewriteError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Writer(error.into())
    }
}

/// Copies a tar without the samples of these keys.
///
/// # Errors
/// `Missing` if a key has no member, else why the tar cannot be read or laid out.
pub fn tar_without(
    tar: impl Read,
    keys: &HashSet<&str>,
    sink: &mut dyn Sink,
) -> Result<(), RewriteError> {
    let members = TarMembers::new()?;
    let mut archive = tar::Archive::new(tar);
    let mut gone = HashSet::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let key = name.split_once('.').map_or(&*name, |(key, _)| key);
        if let Some(key) = keys.get(key) {
            gone.insert(*key);
            continue;
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        members.append(&name, &content, sink)?;
    }
    TarMembers::end(sink);
    all_went(keys, &gone)
}

/// Copies a tfrecord without the samples of these keys.
///
/// # Errors
/// As [`tar_without`].
pub fn tfrecord_without(
    tfrecord: impl Read,
    keys: &HashSet<&str>,
    sink: &mut dyn Sink,
) -> Result<(), RewriteError> {
    let mut records = Records::new(tfrecord, RECORD_BYTES_MAX);
    let mut gone = HashSet::new();
    while let Some((features, payload)) = records.next_record()? {
        let key = features
            .bytes(Column::Key.name())
            .map(String::from_utf8_lossy);
        match key.as_deref().and_then(|key| keys.get(key)) {
            Some(key) => drop(gone.insert(*key)),
            None => append_record(&payload, sink),
        }
    }
    all_went(keys, &gone)
}

fn all_went(keys: &HashSet<&str>, gone: &HashSet<&str>) -> Result<(), RewriteError> {
    match keys.len() - gone.len() {
        0 => Ok(()),
        missing => Err(RewriteError::Missing(missing)),
    }
}

/// What becomes of the rows of samples that went.
#[derive(Clone, Debug)]
pub struct Tombstone {
    /// Why, in the column of errors.
    pub text: String,
    /// Whether the row keeps no URL.
    pub forgets_url: bool,
}

/// Writes a table anew: of the rows with these numbers, in the order of the file, nothing stays but their keys, that
/// they failed, and why. `image` is the column of images, if the table has one.
///
/// # Errors
/// Why the table cannot be read or laid out.
pub fn parquet_without(
    table: impl ChunkReader + Clone + 'static,
    rows: &HashSet<u64>,
    tombstone: &Tombstone,
    image: Option<&str>,
    sink: &mut dyn Sink,
) -> Result<(), RewriteError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(table.clone())?;
    let groups = builder.metadata().num_row_groups();
    let schema = nullable(builder.schema());
    let properties = match image {
        Some(column) => image_properties(column),
        None => metadata_properties(),
    };
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
    let mut first = 0;
    for group in 0..groups {
        let mut reader =
            ParquetRecordBatchReaderBuilder::try_new(table.clone())?.with_row_groups(vec![group]);
        if image.is_some() {
            reader = reader.with_batch_size(IMAGE_BATCH_ROWS);
        }
        for batch in reader.build()? {
            let batch = batch?;
            let next = first + batch.num_rows() as u64;
            writer.write(&buried(&batch, first, rows, tombstone, &schema)?)?;
            first = next;
        }
        writer.flush()?;
        if image.is_some() {
            writer.sync()?;
            sink.append(&std::mem::take(writer.inner_mut()));
        }
    }
    sink.append(&writer.into_inner()?);
    Ok(())
}

/// The schema with columns all of which take nulls.
fn nullable(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter();
    let fields: Vec<_> = fields
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    Arc::new(Schema::new(fields))
}

/// A batch whose first row has this number, with tombstones.
fn buried(
    batch: &RecordBatch,
    first: u64,
    rows: &HashSet<u64>,
    tombstone: &Tombstone,
    schema: &SchemaRef,
) -> Result<RecordBatch, RewriteError> {
    let numbers = first..first + batch.num_rows() as u64;
    let goes: Vec<bool> = numbers.map(|row| rows.contains(&row)).collect();
    let gone = BooleanArray::from_iter(goes.iter().copied().map(Some));
    let failed = Status::Failed(Stage::Download).as_str();
    // The last columns of these names are the dataset's own.
    let own = |name: &str| {
        schema
            .fields()
            .iter()
            .rposition(|field| field.name() == name)
    };
    let at = |column: Column| own(column.name()).ok_or(RewriteError::Column(column.name()));
    let (key, status, error) = (
        at(Column::Key)?,
        at(Column::Status)?,
        at(Column::ErrorMessage)?,
    );
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (at, column) in batch.columns().iter().enumerate() {
        columns.push(if at == key {
            column.clone()
        } else if at == status {
            put(column, &goes, failed).ok_or(RewriteError::Column(Column::Status.name()))?
        } else if at == error {
            put(column, &goes, &tombstone.text)
                .ok_or(RewriteError::Column(Column::ErrorMessage.name()))?
        } else if *column.data_type() == DataType::Null
            || schema.field(at).name() == URL && !tombstone.forgets_url
        {
            column.clone()
        } else {
            nullif(column, &gone)?
        });
    }
    Ok(RecordBatch::try_new(schema.clone(), columns)?)
}

/// A column of texts in which the rows that go have another one; `None` if it has no texts.
fn put(column: &ArrayRef, goes: &[bool], text: &str) -> Option<ArrayRef> {
    if *column.data_type() != DataType::Utf8 {
        return None;
    }
    let texts = column.as_string::<i32>();
    let values = goes.iter().enumerate().map(|(row, goes)| match goes {
        true => Some(text),
        false => texts.is_valid(row).then(|| texts.value(row)),
    });
    Some(Arc::new(values.collect::<StringArray>()))
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
