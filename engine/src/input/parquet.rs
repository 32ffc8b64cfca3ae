//! Owns parquet: projection to the kept columns, page-wise reading, cheap skipping.
//! Never reads a row group whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use crate::contain::contained;
use crate::error::Error;
use crate::pages;

use super::boxes::Boxes;
use super::columns::{Columns, Role, as_text};
use super::{LossyCounts, RowSource, broken, missing};

/// The rows of a parquet file.
pub(super) struct ParquetSource {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    columns: Columns,
    /// Place of each kept column among the projected ones, which come in the file's order.
    places: Vec<usize>,
    mask: ProjectionMask,
    batch_rows: usize,
    /// Row that is read next.
    position: u64,
    /// `None` before the first batch and after a skip.
    reader: Option<ParquetRecordBatchReader>,
    failed: bool,
    lossy: LossyCounts,
}

impl ParquetSource {
    /// Reads the footer.
    pub(super) fn open(path: &Path, columns: Columns, batch_rows: usize) -> Result<Self, Error> {
        let metadata = footer(path)?;
        let fields = metadata.schema().fields();
        let mut roots = Vec::with_capacity(columns.len());
        for column in &columns.0 {
            let root = fields
                .iter()
                .position(|field| *field.name() == column.source);
            let root = root.ok_or_else(|| {
                let present: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
                missing(path, &column.source, &present)
            })?;
            let kind = fields[root].data_type();
            if column.role == Role::Boxes && !Boxes::may_be(kind) {
                return Err(no_boxes(path, &column.source, kind));
            }
            roots.push(root);
        }
        let places = roots
            .iter()
            .map(|root| roots.iter().filter(|other| *other < root).count())
            .collect();
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots);
        Ok(Self {
            path: path.to_owned(),
            metadata,
            columns,
            places,
            mask,
            batch_rows,
            position: 0,
            reader: None,
            failed: false,
            lossy: LossyCounts::default(),
        })
    }

    fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// A reader that stands at `position`; row groups before it are not touched.
    fn reader_here(&self) -> Result<ParquetRecordBatchReader, Error> {
        let groups = self.metadata.metadata().row_groups();
        let mut within = self.position;
        let mut first = 0;
        while let Some(rows) = groups
            .get(first)
            .and_then(|g| u64::try_from(g.num_rows()).ok())
            && within >= rows
        {
            within -= rows;
            first += 1;
        }
        let file = File::open(&self.path).map_err(|cause| broken(&self.path, &cause))?;
        for (leaf, column) in groups[first..]
            .iter()
            .flat_map(|g| g.columns().iter().enumerate())
        {
            if self.mask.leaf_included(leaf) {
                pages::check(&file, column).map_err(|cause| broken(&self.path, &cause))?;
            }
        }
        let build = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups((first..groups.len()).collect())
                .with_projection(self.mask.clone())
                .with_batch_size(self.batch_rows)
                .with_offset(usize::try_from(within).unwrap_or(usize::MAX))
                .build()
        };
        contained(build)
            .ok_or_else(|| panicked(&self.path))?
            .map_err(|cause| broken(&self.path, &cause))
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Error> {
        if self.position >= self.rows() {
            return Ok(None);
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.reader_here()?,
        };
        let next = contained(|| reader.next()).ok_or_else(|| panicked(&self.path))?;
        let batch = match next {
            Some(batch) => batch.map_err(|cause| broken(&self.path, &cause))?,
            None => return Err(broken(&self.path, &"fewer rows than the footer says")),
        };
        self.reader = Some(reader);
        self.position += batch.num_rows() as u64;
        self.renamed(&batch).map(Some)
    }

    /// The kept columns in our order and names; those we read ourselves as text.
    fn renamed(&mut self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.places.len());
        for (column, &place) in self.columns.0.iter().zip(&self.places) {
            let array = batch.column(place);
            arrays.push(match column.role {
                Role::Url | Role::Hash => as_text(array, &mut self.lossy.invalid_utf8)
                    .map_err(|cause| broken(&self.path, &cause))?,
                Role::Extra | Role::Boxes | Role::Caption => Arc::clone(array),
            });
        }
        self.columns
            .batch(arrays)
            .map_err(|cause| broken(&self.path, &cause))
    }
}

impl RowSource for ParquetSource {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        if self.failed {
            return None;
        }
        let batch = self.read().transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }

    fn skip(&mut self, rows: u64) -> u64 {
        let skipped = rows.min(self.rows() - self.position);
        if skipped > 0 {
            self.position += skipped;
            self.reader = None;
        }
        skipped
    }

    fn lossy(&self) -> LossyCounts {
        self.lossy
    }
}

fn no_boxes(path: &Path, column: &str, kind: &DataType) -> Error {
    Error::input(
        format!(
            "column `{column}` of `{}` holds no boxes but {kind}",
            path.display()
        ),
        "--bbox_col is a list of boxes for each row, each a list [x_min, y_min, x_max, y_max], or \
         such a list as JSON text",
    )
}

fn footer(path: &Path) -> Result<ArrowReaderMetadata, Error> {
    let file = File::open(path).map_err(|cause| broken(path, &cause))?;
    contained(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))
        .ok_or_else(|| panicked(path))?
        .map_err(|cause| broken(path, &cause))
}

/// A file over which the parquet crate panicked, as fuzzing has shown that it does.
fn panicked(path: &Path) -> Error {
    broken(path, &"its pages contradict each other")
}

/// Rows by the footer.
pub(super) fn row_count(path: &Path) -> Result<u64, Error> {
    let rows = footer(path)?.metadata().file_metadata().num_rows();
    u64::try_from(rows).map_err(|cause| broken(path, &cause))
}
