//! Owns which loose files in a shard's folder are the shard's: `KEY.EXTENSION`, by the keys of its rows and
//! the extensions of a sample's files. Never lists a folder.

use std::collections::HashSet;
use std::path::Path;

use arrow_array::StringArray;
use arrow_array::cast::AsArray;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::RowGroupMetaData;
use turbo2ds_writers::{Column, row_digits, shard_name};

use crate::dataset::disk::{Files, Kind};
use crate::dataset::names::{Shape, shard_number};
use crate::list::catch_panic::contained;
use crate::list::parquet_pages;

/// The column of keys.
const KEY: &str = Column::Key.name();

/// The keys of a shard's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Each key is one number, of shard and row.
    Numbered,
    /// The list's own keys, as far as they are known.
    Given(HashSet<String>),
}

impl Keys {
    /// The keys that a list gives its rows, or numbered keys if it gives none.
    pub(crate) fn of_rows(keys: Option<&StringArray>) -> Self {
        match keys {
            None => Self::Numbered,
            Some(keys) => Self::Given(keys.iter().flatten().map(str::to_owned).collect()),
        }
    }

    /// The keys in a shard's metadata, or `None` if it cannot be read.
    pub(super) fn told_by(files: &dyn Files, metadata: &Path) -> Option<Self> {
        let file = files.random(metadata).ok()?;
        let load = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let footer = contained(load)?.ok()?;
        let (_, field) = footer.schema().column_with_name(KEY)?;
        if *field.data_type() != Column::Key.data_type() {
            return None;
        }
        let groups = footer.metadata().row_groups().iter();
        let columns = groups.flat_map(RowGroupMetaData::columns);
        for column in columns.filter(|column| column.column_path().string() == KEY) {
            let read_at = |at, length| file.read_at(at, length);
            parquet_pages::check_with(column, read_at).ok()?;
        }
        let mask = ProjectionMask::columns(footer.parquet_schema(), [KEY]);
        let build = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, footer)
                .with_projection(mask)
                .build()
        };
        let mut batches = contained(build)?.ok()?;
        let mut keys = HashSet::new();
        while let Some(batch) = contained(|| batches.next())? {
            let batch = batch.ok()?;
            let column = batch.column(0).as_string_opt::<i32>()?;
            keys.extend(column.iter().flatten().map(str::to_owned));
        }
        Some(Self::Given(keys))
    }
}

/// The loose files of one shard.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    shape: Shape,
    stem: String,
    rows: u64,
    keys: Keys,
}

impl Members {
    /// The loose files of a shard's first `rows` rows, which have these keys.
    pub(crate) fn new(shape: Shape, shard_id: u64, rows: u64, keys: Keys) -> Self {
        Self {
            shape,
            stem: shard_name(shard_id, shape.shard_digits),
            rows: rows.min(shape.rows_per_shard as u64),
            keys,
        }
    }

    /// The loose files of a shard whose metadata are whole.
    pub(crate) fn of_whole(files: &dyn Files, folder: &Path, shape: Shape, shard_id: u64) -> Self {
        let metadata = shape.format.metadata().filter(|_| shape.given_keys);
        let keys = metadata.map_or(Keys::Numbered, |file| {
            let path = folder.join(shape.name(shard_id, file.part));
            Keys::told_by(files, &path).unwrap_or(Keys::Given(HashSet::new()))
        });
        Self::new(shape, shard_id, shape.rows_per_shard as u64, keys)
    }

    /// Whether this is the name of one of the shard's loose files.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        let parts = name.split_once('.');
        let key = parts.filter(|(_, extension)| self.shape.has_extension(extension));
        key.is_some_and(|(key, _)| match &self.keys {
            Keys::Numbered => self.number(key).is_some_and(|row| row < self.rows),
            Keys::Given(keys) => keys.contains(key),
        })
    }

    /// Whether an entry with this name and kind is one of the shard's loose files.
    pub(crate) fn has(&self, name: &str, kind: Kind) -> bool {
        kind == Kind::File && self.has_name(name)
    }

    /// The row number in a numbered key.
    fn number(&self, key: &str) -> Option<u64> {
        let digits = key.strip_prefix(self.stem.as_str())?;
        if digits.len() != row_digits(self.shape.rows_per_shard) as usize {
            return None;
        }
        if digits.is_empty() {
            return Some(0);
        }
        shard_number(digits)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Array, RecordBatch};
    use parquet::arrow::ArrowWriter;
    use turbo2ds_writers::OutputFormat;

    use std::fs::File;

    use super::*;
    use crate::dataset::disk;
    use crate::dataset::testing::shape;

    fn members(shape: Shape, rows: u64, keys: Keys) -> Members {
        Members::new(shape, 3, rows, keys)
    }

    #[test]
    fn a_loose_file_is_a_shards_by_its_number_and_extension() {
        let with_captions = Shape {
            captions: true,
            ..shape(OutputFormat::Files)
        };
        let files = members(with_captions, 10, Keys::Numbered);
        for name in ["000030.jpg", "000039.json", "000034.txt"] {
            assert!(files.has_name(name), "{name}");
        }
        for name in [
            "000040.jpg",
            "000029.jpg",
            "00003.jpg",
            "0000300.jpg",
            "000030.png",
            "000030.jpg.bak",
            "000030",
            "mine.txt",
            "00003x.jpg",
            "00003+.jpg",
        ] {
            assert!(!files.has_name(name), "{name}");
        }
        assert!(!files.has("000030.jpg", Kind::Other) && files.has("000030.jpg", Kind::File));
        let four = members(with_captions, 4, Keys::Numbered);
        assert!(four.has_name("000033.jpg") && !four.has_name("000034.jpg"));
        let own = Shape {
            true_extension: true,
            ..with_captions
        };
        let own = members(own, 10, Keys::Numbered);
        assert!(
            own.has_name("000030.gif") && own.has_name("000030.jpg") && !own.has_name("000030.svg")
        );
        let one = Shape {
            rows_per_shard: 1,
            ..shape(OutputFormat::Files)
        };
        let one = members(one, 1, Keys::Numbered);
        assert!(one.has_name("00003.jpg") && !one.has_name("00003.txt"));
    }

    #[test]
    fn a_loose_file_is_a_shards_by_the_key_that_the_list_gave() {
        let keys = StringArray::from(vec![Some("cat"), None, Some("häuser 7")]);
        let files = members(shape(OutputFormat::Files), 10, Keys::of_rows(Some(&keys)));
        for name in ["cat.jpg", "cat.json", "häuser 7.jpg"] {
            assert!(files.has_name(name), "{name}");
        }
        for name in ["dog.jpg", "cat.txt", "cat", "000030.jpg", "Cat.jpg", ".jpg"] {
            assert!(!files.has_name(name), "{name}");
        }
    }

    #[test]
    fn metadata_tell_their_keys_and_what_is_none_tells_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("00003.parquet");
        let keys = StringArray::from(vec![Some("cat"), None, Some("dog")]);
        let column = Arc::new(keys.clone()) as Arc<dyn Array>;
        for (name, told) in [("key", Some(Keys::of_rows(Some(&keys)))), ("other", None)] {
            let batch = RecordBatch::try_from_iter([(name, column.clone())]).expect("a batch");
            let file = File::create(&path).expect("a file");
            let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
            writer.write(&batch).expect("a row group");
            writer.close().expect("a footer");
            assert_eq!(Keys::told_by(&*disk::real(), &path), told);
        }
        for text in ["", "PAR1", "mine"] {
            std::fs::write(&path, text).expect("a file");
            assert_eq!(Keys::told_by(&*disk::real(), &path), None, "{text:?}");
        }
        assert_eq!(
            Keys::told_by(&*disk::real(), &folder.path().join("none")),
            None
        );
    }
}
