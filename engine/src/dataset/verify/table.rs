//! Owns the reading of a shard's parquet, with metadata alone or with the images: every page of every
//! column, a few rows at a time. Never trusts the footer's counts before the rows are read.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::RowGroupMetaData;
use turbo2ds_codec::EncodeFormat;
use turbo2ds_writers::{Column, ShardStats, Status};

use super::fault::Fault;
use super::rows::{Known, Row, Rows};
use crate::config::HashKind;
use crate::dataset::disk::{Files, RandomAccess};
use crate::list::catch_panic::contained;
use crate::list::parquet_pages;

/// Rows in memory at once, for metadata alone.
const BATCH_ROWS: usize = 1024;
/// Rows in memory at once, if each has its image.
const IMAGE_BATCH_ROWS: usize = 16;

/// A shard's parquet file whose footer has been read.
pub(super) struct Table {
    file: RandomAccess,
    metadata: ArrowReaderMetadata,
    columns: Columns,
}

/// How a column of the metadata is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// A shard cannot be checked without it.
    Needed,
    /// Samples are checked against it if it exists.
    Held,
    /// Its pages are read, but its values are not used.
    Unread,
}

/// How each column is used. The match is exhaustive, so that a new column must state its use.
const fn use_of(column: Column) -> Use {
    match column {
        Column::Key | Column::Status | Column::ErrorMessage => Use::Needed,
        Column::Width | Column::Height | Column::Hash => Use::Held,
        Column::OriginalWidth
        | Column::OriginalHeight
        | Column::Exif
        | Column::Pdq
        | Column::PdqQuality => Use::Unread,
    }
}

/// The hash whose column has this name.
fn hash_named(name: &str) -> Option<HashKind> {
    [HashKind::Md5, HashKind::Sha256, HashKind::Sha512]
        .into_iter()
        .find(|kind| kind.as_str() == name)
}

/// Indexes of the columns that are used.
struct Columns {
    /// By [`Column`]; `None` if it does not exist or has another type.
    own: [Option<usize>; Column::ALL.len()],
    hash: Option<HashKind>,
    image: Option<(usize, &'static str)>,
}

impl Table {
    /// Reads the footer and finds the columns.
    pub(super) fn open(files: &dyn Files, path: &Path) -> Result<Self, Fault> {
        let file = files.random(path)?;
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

    /// Whether the parquet contains the images.
    pub(super) const fn has_images(&self) -> bool {
        self.columns.image.is_some()
    }

    /// Reads all rows. Also checks their images if `images`, that is, if the shard's samples are in the parquet.
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
            let read_at = |at, length| self.file.read_at(at, length);
            parquet_pages::check_with(column, read_at).map_err(|_| Fault::Parquet)?;
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
        let hash = self.columns.hash;
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
        let mut own = [None; Column::ALL.len()];
        let (mut key, mut hash) = (None, None);
        for &column in Column::ALL {
            let kind = column.data_type();
            // A hash column before the key column is the list's own.
            let is_own = |at: &usize| column != Column::Hash || key < Some(*at);
            let mut names = column.names().iter();
            let found = names.find_map(|name| Some((place(name, &kind).filter(is_own)?, *name)));
            own[column as usize] = match (use_of(column), found) {
                (Use::Needed, None) => return Err(Fault::Column(column.name())),
                (Use::Unread, _) => None,
                (Use::Needed | Use::Held, found) => found.map(|(at, _)| at),
            };
            match column {
                Column::Key => key = own[column as usize],
                Column::Hash => hash = found.and_then(|(_, name)| hash_named(name)),
                _ => {}
            }
        }
        let image = EncodeFormat::ALL.into_iter().find_map(|format| {
            let name = format.as_str();
            let at = place(name, &DataType::Binary).filter(|at| key < Some(*at))?;
            Some((at, name))
        });
        Ok(Self { own, hash, image })
    }

    /// A row's text in a column, if the column exists.
    fn text<'b>(&self, column: Column, batch: &'b RecordBatch, at: usize) -> Option<&'b str> {
        let values = batch.column(self.own[column as usize]?).as_string::<i32>();
        values.is_valid(at).then(|| values.value(at))
    }

    /// A row's number of pixels in a column, if the column exists.
    fn side(&self, column: Column, batch: &RecordBatch, at: usize) -> Option<u32> {
        let values = batch.column(self.own[column as usize]?);
        let values = values.as_primitive::<Int32Type>();
        let value = values.is_valid(at).then(|| values.value(at))?;
        u32::try_from(value).ok()
    }

    fn take(
        &self,
        batch: &RecordBatch,
        rows: &mut Rows,
        count: u64,
        images: bool,
    ) -> Result<(), Fault> {
        for at in 0..batch.num_rows() {
            let text = |column| self.text(column, batch, at);
            let success = match text(Column::Status).and_then(Status::read) {
                Some(Status::Success) => true,
                Some(Status::Failed(_)) => false,
                None => return Err(Fault::Status(rows.count())),
            };
            let end = if success {
                Status::Success.as_str()
            } else {
                text(Column::ErrorMessage).unwrap_or_default()
            };
            let row = Row {
                success,
                width: self.side(Column::Width, batch, at),
                height: self.side(Column::Height, batch, at),
                hash: text(Column::Hash).map(Into::into),
                found: false,
            };
            let place = rows.promise(text(Column::Key), end, row, count)?;
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
    use arrow_schema::Field;

    use super::*;
    use crate::dataset::disk;

    /// Found by fuzzing: arrow's reader panicked on it (offset out of bounds).
    const PANICS: &[u8] = include_bytes!("../../../../tests/fuzz/seeds/read_back/reader_panics");
    /// Found by fuzzing: a dictionary that claims 800 million values, for which parquet's reader allocates memory.
    const CLAIMS: &[u8] =
        include_bytes!("../../../../tests/fuzz/seeds/read_back/dictionary_of_billions");

    /// Reads a seed, whose first byte gives its kind and count, as the shard of a run.
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
        Table::open(&*disk::real(), &path)
            .and_then(|table| table.read("00000", Known::default(), &stats, true))
    }

    #[test]
    fn every_column_of_the_list_is_looked_for_by_its_use() {
        let field = |column: &Column| Field::new(column.name(), column.data_type(), true);
        let whole: Vec<Field> = Column::ALL.iter().map(field).collect();
        let columns = Columns::of(&Schema::new(whole.clone())).expect("all are there");
        for (at, &column) in Column::ALL.iter().enumerate() {
            let is_read = use_of(column) != Use::Unread;
            let place = columns.own[column as usize];
            assert_eq!(place, is_read.then_some(at), "{column:?}");
            let mut lacking = whole.clone();
            lacking.remove(at);
            let without = Columns::of(&Schema::new(lacking));
            let is_lacked = matches!(without, Err(Fault::Column(name)) if name == column.name());
            assert_eq!(is_lacked, use_of(column) == Use::Needed, "{column:?}");
        }
    }

    #[test]
    fn every_name_of_a_hash_is_a_hashs() {
        for name in Column::Hash.names() {
            assert!(hash_named(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_file_over_which_the_reader_panicked_is_a_fault_of_the_file() {
        assert!(matches!(read(PANICS), Err(Fault::Reader | Fault::Parquet)));
    }

    /// Found by fuzzing: a page of 1.8 GB in a file of 1.4 KB.
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
