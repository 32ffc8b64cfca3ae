//! Owns finding the rows of a shard that are to go, in its metadata. Never reads an image.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use turbo2ds_writers::{Column, Status};

use super::registry::Kind;
use super::targets::Targets;
use crate::config::HashKind;
use crate::dataset::disk::Files;
use crate::failure::Failure;

/// A row that is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Its number in the file.
    pub(super) row: u64,
    pub(super) key: Option<String>,
    pub(super) url: Option<String>,
    /// How it ended so far.
    pub(super) status: Status,
    /// The same as the shard's statistics count it.
    pub(super) end: String,
}

/// Why metadata cannot be searched.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsearched {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("is no whole parquet file")]
    Parquet(#[from] ParquetError),
    #[error("has no column {0}")]
    Column(String),
}

/// The columns that are searched, by their places in the file.
struct Columns {
    url: usize,
    key: usize,
    status: usize,
    error: usize,
    hash: Option<(HashKind, usize)>,
}

/// The rows of a shard's metadata that are to go.
///
/// # Errors
/// `Column` also if hashes are to go and the dataset has none of their kind.
pub(super) fn find(
    files: &dyn Files,
    path: &Path,
    targets: &Targets,
) -> Result<Vec<Hit>, Unsearched> {
    let file = files.random(path)?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())?;
    let columns = Columns::of(metadata.schema(), targets)?;
    let places = [columns.url, columns.key, columns.status, columns.error];
    let places = places.into_iter().chain(columns.hash.map(|(_, at)| at));
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = ProjectionMask::roots(builder.parquet_schema(), places);
    let mut hits = Vec::new();
    let mut first = 0;
    for batch in builder.with_projection(mask).build()? {
        let batch = batch.map_err(ParquetError::from)?;
        let read = Batch::of(&batch, &columns);
        hits.extend((0..batch.num_rows()).filter_map(|at| read.hit(at, first, targets)));
        first += batch.num_rows() as u64;
    }
    Ok(hits)
}

impl Columns {
    fn of(schema: &SchemaRef, targets: &Targets) -> Result<Self, Unsearched> {
        // The last column of a name is the dataset's own.
        let place = |name: &str| {
            let fields = schema.fields();
            let at = fields.iter().rposition(|field| field.name() == name)?;
            (*fields[at].data_type() == DataType::Utf8).then_some(at)
        };
        let needed = |name: &str| place(name).ok_or_else(|| Unsearched::Column(name.to_owned()));
        let kinds = [HashKind::Md5, HashKind::Sha256, HashKind::Sha512];
        let hash = kinds
            .into_iter()
            .find_map(|kind| Some((kind, place(kind.as_str())?)));
        let is_had = |kind: &Kind| hash.is_some_and(|(had, _)| Kind::of_hash(had) == *kind);
        if let Some(lacking) = targets.hashes.iter().find(|kind| !is_had(kind)) {
            return Err(Unsearched::Column(lacking.column().to_owned()));
        }
        Ok(Self {
            url: needed("url")?,
            key: needed(Column::Key.name())?,
            status: needed(Column::Status.name())?,
            error: needed(Column::ErrorMessage.name())?,
            hash,
        })
    }
}

/// The columns of a batch, whose order is that of their places.
struct Batch<'a> {
    url: &'a StringArray,
    key: &'a StringArray,
    status: &'a StringArray,
    error: &'a StringArray,
    hash: Option<(HashKind, &'a StringArray)>,
}

impl<'a> Batch<'a> {
    fn of(batch: &'a RecordBatch, columns: &Columns) -> Self {
        let mut places = vec![columns.url, columns.key, columns.status, columns.error];
        places.extend(columns.hash.map(|(_, at)| at));
        places.sort_unstable();
        let texts = |at: usize| {
            let at = places
                .iter()
                .position(|place| *place == at)
                .unwrap_or_default();
            batch.column(at).as_string::<i32>()
        };
        Self {
            url: texts(columns.url),
            key: texts(columns.key),
            status: texts(columns.status),
            error: texts(columns.error),
            hash: columns.hash.map(|(kind, at)| (kind, texts(at))),
        }
    }

    fn hit(&self, at: usize, first: u64, targets: &Targets) -> Option<Hit> {
        let text = |column: &'a StringArray| column.is_valid(at).then(|| column.value(at));
        let (url, key) = (text(self.url), text(self.key));
        let hash = self
            .hash
            .and_then(|(kind, column)| Some((kind, text(column)?)));
        let status = text(self.status).and_then(Status::read)?;
        let error = text(self.error).unwrap_or_default();
        // What has gone is not taken out again.
        if error.starts_with(&Failure::Redacted.to_string()) || !targets.has(url, key, hash) {
            return None;
        }
        let end = match status {
            Status::Success => Status::Success.as_str(),
            Status::Failed(_) => error,
        };
        Some(Hit {
            row: first + at as u64,
            key: key.map(str::to_owned),
            url: url.map(str::to_owned),
            status,
            end: end.to_owned(),
        })
    }
}
