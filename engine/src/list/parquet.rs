//! Owns reading parquet: projection to the kept columns, reading page by page, and cheap skipping.
//! Never reads a whole row group at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::ChunkReader;

use crate::error::Error;
use crate::list::catch_panic::contained;
use crate::list::parquet_pages;

use super::broken;
use super::columns::Columns;
use super::object_columns::{ObjectColumns, ObjectFooter};
use super::source::Opened;
use super::typed::{Batches, Places, TypedSource};

/// The batches of a parquet file.
pub(super) struct ParquetBatches {
    path: PathBuf,
    file: Opened,
    metadata: ArrowReaderMetadata,
    mask: ProjectionMask,
    batch_rows: usize,
    /// The next row to read.
    position: u64,
    /// `None` before the first batch and after a skip.
    reader: Option<ParquetRecordBatchReader>,
}

/// Reads the footer, and then the kept columns.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn open(
    path: &Path,
    file: Opened,
    columns: Columns,
    types: Arc<[DataType]>,
    batch_rows: usize,
) -> Result<TypedSource<ParquetBatches>, Error> {
    let metadata = footer(path, &file)?;
    let places = Places::in_schema(path, metadata.schema(), &columns)?;
    let mask = ProjectionMask::roots(metadata.parquet_schema(), places.roots());
    let batches = ParquetBatches {
        path: path.to_owned(),
        file,
        metadata,
        mask,
        batch_rows,
        position: 0,
        reader: None,
    };
    // The projected columns are in the file's order.
    Ok(TypedSource::new(
        path,
        batches,
        columns,
        types,
        places.among_kept(),
    ))
}

impl ParquetBatches {
    fn rows(&self) -> u64 {
        u64::try_from(self.metadata.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// A reader that starts at `position`, without reading the row groups before it.
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
        let failed = |cause| broken(&self.path, cause);
        match &self.file {
            Opened::File(file) => {
                let file = file.try_clone().map_err(failed)?;
                for (leaf, column) in groups[first..]
                    .iter()
                    .flat_map(|g| g.columns().iter().enumerate())
                {
                    if self.mask.leaf_included(leaf) {
                        parquet_pages::check(&file, column).map_err(failed)?;
                    }
                }
                self.reader_of(file, first, within)
            }
            Opened::Object(object) => {
                let keeps = |leaf| self.mask.leaf_included(leaf);
                let columns = ObjectColumns::new(object, &groups[first..], keeps);
                self.reader_of(columns.map_err(failed)?, first, within)
            }
        }
    }

    /// A reader from row `within` of row group `first` on.
    fn reader_of(
        &self,
        chunks: impl ChunkReader + 'static,
        first: usize,
        within: u64,
    ) -> Result<ParquetRecordBatchReader, Error> {
        let groups = self.metadata.metadata().num_row_groups();
        let build = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
                .with_row_groups((first..groups).collect())
                .with_projection(self.mask.clone())
                .with_batch_size(self.batch_rows)
                .with_offset(usize::try_from(within).unwrap_or(usize::MAX))
                .build()
        };
        contained(build)
            .ok_or_else(|| panicked(&self.path))?
            .map_err(|cause| broken(&self.path, cause))
    }
}

impl Batches for ParquetBatches {
    fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        if self.position >= self.rows() {
            return Ok(None);
        }
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.reader_here()?,
        };
        let next = contained(|| reader.next()).ok_or_else(|| panicked(&self.path))?;
        let batch = match next {
            Some(batch) => batch.map_err(|cause| broken(&self.path, cause))?,
            None => return Err(broken(&self.path, "fewer rows than the footer says")),
        };
        self.reader = Some(reader);
        self.position += batch.num_rows() as u64;
        Ok(Some(batch))
    }

    fn skip(&mut self, rows: u64) -> u64 {
        let skipped = rows.min(self.rows() - self.position);
        if skipped > 0 {
            self.position += skipped;
            self.reader = None;
        }
        skipped
    }
}

fn footer(path: &Path, file: &Opened) -> Result<ArrowReaderMetadata, Error> {
    let options = ArrowReaderOptions::new();
    let load = || match file {
        Opened::File(file) => ArrowReaderMetadata::load(file, options),
        Opened::Object(object) => ArrowReaderMetadata::load(&ObjectFooter(object), options),
    };
    contained(load)
        .ok_or_else(|| panicked(path))?
        .map_err(|cause| broken(path, cause))
}

/// A file on which the parquet crate panicked; fuzzing has found such files.
fn panicked(path: &Path) -> Error {
    broken(path, "its pages contradict each other")
}

/// Number of rows and schema, from the footer.
pub(super) fn summary(path: &Path, file: &Opened) -> Result<(u64, SchemaRef), Error> {
    let footer = footer(path, file)?;
    let rows = u64::try_from(footer.metadata().file_metadata().num_rows());
    let rows = rows.map_err(|cause| broken(path, cause))?;
    Ok((rows, footer.schema().clone()))
}
