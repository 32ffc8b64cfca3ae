//! Owns the reading of a shard's parquet, metadata alone or with the images: every page of every
//! column, a few rows at a time. Never believes the footer's counts before the rows have come.

use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::RowGroupMetaData;
use turbo2ds_writers::ShardStats;

use super::fault::Fault;
use super::rows::{Known, Row, Rows};
use crate::config::HashKind;
use crate::list::catch_panic::contained;
use crate::list::parquet_pages;

/// Rows of metadata that are in memory at once.
const BATCH_ROWS: usize = 1024;
/// The same where each has its image.
const IMAGE_BATCH_ROWS: usize = 16;
/// Names of columns that hold images.
const IMAGE_COLUMNS: [&str; 3] = ["jpg", "png", "webp"];

/// A shard's parquet with its footer read.
pub(super) struct Table {
    file: File,
    metadata: ArrowReaderMetadata,
    columns: Columns,
}

/// Places of the columns that are looked at.
struct Columns {
    key: usize,
    status: usize,
    error: usize,
    width: Option<usize>,
    height: Option<usize>,
    hash: Option<(usize, HashKind)>,
    image: Option<(usize, &'static str)>,
}

impl Table {
    /// Reads the footer and finds the columns.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path)?;
        let load = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let metadata = contained(load)
            .ok_or(Fault::Reader)?
            .map_err(|_| Fault::Parquet)?;
        let columns = Columns::of(metadata.schema())?;
        Ok(Self {
            file,
            metadata,
            columns,
        })
    }

    /// Whether the images are in it.
    pub(super) const fn has_images(&self) -> bool {
        self.columns.image.is_some()
    }

    /// Reads all rows, and checks their images where `images` are what the shard's samples are.
    pub(super) fn read(
        self,
        shard: &str,
        known: Known,
        stats: &ShardStats,
        images: bool,
    ) -> Result<Rows, Fault> {
        let told = self.metadata.metadata().file_metadata().num_rows();
        if u64::try_from(told) != Ok(stats.count) {
            return Err(Fault::RowCount {
                found: u64::try_from(told).unwrap_or(0),
                wanted: stats.count,
            });
        }
        let groups = self.metadata.metadata().row_groups().iter();
        for column in groups.flat_map(RowGroupMetaData::columns) {
            parquet_pages::check(&self.file, column).map_err(|_| Fault::Parquet)?;
        }
        let batch_rows = if self.has_images() {
            IMAGE_BATCH_ROWS
        } else {
            BATCH_ROWS
        };
        let build = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.file, self.metadata)
                .with_batch_size(batch_rows)
                .build()
        };
        let mut batches = contained(build)
            .ok_or(Fault::Reader)?
            .map_err(|_| Fault::Parquet)?;
        let hash = self.columns.hash.map(|(_, kind)| kind);
        let mut rows = Rows::new(shard, known, hash);
        while let Some(batch) = contained(|| batches.next()).ok_or(Fault::Reader)? {
            let batch = batch.map_err(|_| Fault::Parquet)?;
            self.columns.take(&batch, &mut rows, stats.count, images)?;
        }
        rows.check_counts(stats)?;
        Ok(rows)
    }
}

impl Columns {
    fn of(schema: &Schema) -> Result<Self, Fault> {
        let place = |name: &str, kind: &DataType| {
            let (at, field) = schema.column_with_name(name)?;
            (field.data_type() == kind).then_some(at)
        };
        let text = |name: &'static str| place(name, &DataType::Utf8).ok_or(Fault::Column(name));
        let key = text("key")?;
        let hash = [HashKind::Md5, HashKind::Sha256, HashKind::Sha512]
            .into_iter()
            .find_map(|kind| {
                // A column of that name before the keys is the list's own.
                let at = place(kind.as_str(), &DataType::Utf8).filter(|at| *at > key)?;
                Some((at, kind))
            });
        let image = IMAGE_COLUMNS
            .into_iter()
            .find_map(|name| Some((place(name, &DataType::Binary).filter(|at| *at > key)?, name)));
        Ok(Self {
            key,
            status: text("status")?,
            error: text("error_message")?,
            width: place("width", &DataType::Int32),
            height: place("height", &DataType::Int32),
            hash,
            image,
        })
    }

    fn take(
        &self,
        batch: &RecordBatch,
        rows: &mut Rows,
        count: u64,
        images: bool,
    ) -> Result<(), Fault> {
        for at in 0..batch.num_rows() {
            let text = |column: usize| {
                let column = batch.column(column).as_string::<i32>();
                column.is_valid(at).then(|| column.value(at))
            };
            let side = |column: Option<usize>| {
                let column = batch.column(column?).as_primitive::<Int32Type>();
                let valid = column.is_valid(at).then(|| column.value(at));
                valid.and_then(|side| u32::try_from(side).ok())
            };
            let success = match text(self.status) {
                Some("success") => true,
                Some("failed_to_download" | "failed_to_resize") => false,
                _ => return Err(Fault::Status(rows.count())),
            };
            let end = if success {
                "success"
            } else {
                text(self.error).unwrap_or_default()
            };
            let row = Row {
                success,
                width: side(self.width),
                height: side(self.height),
                hash: self
                    .hash
                    .and_then(|(column, _)| text(column))
                    .map(Into::into),
                found: false,
            };
            let place = rows.promise(text(self.key), end, row, count)?;
            if images {
                self.check_image(batch, at, place, rows)?;
            }
        }
        Ok(())
    }

    fn check_image(
        &self,
        batch: &RecordBatch,
        at: usize,
        place: usize,
        rows: &mut Rows,
    ) -> Result<(), Fault> {
        let Some((column, extension)) = self.image else {
            return Ok(());
        };
        let column = batch.column(column).as_binary::<i32>();
        if column.is_null(at) {
            return Ok(());
        }
        let row = rows.claim_at(place)?;
        rows.check_image(row, extension, column.value(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by fuzzing: arrow's reader panicked on it (an offset out of bounds).
    const PANICS: &[u8] = include_bytes!("../../../../tests/fuzz/seeds/read_back/reader_panics");
    /// Likewise: a dictionary that claims 800 million values, for which parquet's reader makes room.
    const CLAIMS: &[u8] =
        include_bytes!("../../../../tests/fuzz/seeds/read_back/dictionary_of_billions");

    /// Reads a seed, whose first byte says its kind and count, as the shard of a run.
    fn read(seed: &[u8]) -> Result<Rows, Fault> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("00000.parquet");
        std::fs::write(&path, &seed[1..]).expect("a file");
        let count = u64::from(seed[0] >> 4);
        let stats = ShardStats {
            count,
            successes: count,
            status_dict: [("success".to_owned(), count)].into(),
            ..ShardStats::default()
        };
        Table::open(&path).and_then(|table| table.read("00000", Known::default(), &stats, true))
    }

    #[test]
    fn a_file_over_which_the_reader_panicked_is_a_fault_of_the_file() {
        assert!(matches!(read(PANICS), Err(Fault::Reader | Fault::Parquet)));
    }

    /// Likewise: a page of 1.8 GB in a file of 1.4 KB.
    const SWELLS: &[u8] =
        include_bytes!("../../../../tests/fuzz/seeds/read_back/page_of_gigabytes");

    #[test]
    fn a_page_is_not_believed_beyond_what_its_coding_can_hold() {
        assert!(matches!(read(SWELLS), Err(Fault::Parquet)));
    }

    #[test]
    fn a_dictionary_is_not_believed_beyond_its_bytes() {
        assert!(matches!(read(CLAIMS), Err(Fault::Parquet)));
    }
}
