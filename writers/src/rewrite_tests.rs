use arrow_array::NullArray;
use arrow_array::types::Int32Type;
use bytes::Bytes;

use super::*;
use crate::testing::Memory;
use crate::{Layout, OutputFormat, RowFailure, RowOutcome, SampleFacts, ShardWriter};

const ROWS: usize = 5;

fn facts(row: usize) -> SampleFacts {
    SampleFacts {
        width: 10 + row as u32,
        height: 7,
        hash: Some(format!("{row:064x}")),
        ..SampleFacts::default()
    }
}

/// A shard of five rows, of which these are samples and the others failed.
fn shard(format: OutputFormat, samples: &[usize]) -> Memory {
    let layout = Layout {
        format,
        image_ext: "jpg",
        save_caption: true,
        exif_column: false,
        hash_column: Some("sha256"),
        pdq_columns: false,
        shard_digits: 5,
        rows_per_shard: 10,
    };
    let texts = |prefix: &str| -> ArrayRef {
        let texts = (0..ROWS).map(|row| Some(format!("{prefix}{row}")));
        Arc::new(texts.collect::<StringArray>())
    };
    let input = RecordBatch::try_from_iter_with_nullable([
        ("nothing", Arc::new(NullArray::new(ROWS)) as ArrayRef, true),
        ("caption", texts("caption "), true),
        ("url", texts("http://a.test/"), false),
    ]);
    let mut writer = ShardWriter::new(Arc::new(layout), 3, input.unwrap()).unwrap();
    let mut memory = Memory::default();
    for &row in samples {
        let image = vec![row as u8; 700 + row];
        writer
            .sample(row, &facts(row), &image, &mut memory)
            .unwrap();
    }
    let outcomes: Vec<RowOutcome> = (0..ROWS)
        .map(|row| match samples.contains(&row) {
            true => RowOutcome::Success(facts(row)),
            false => RowOutcome::Failure(RowFailure {
                stage: Stage::Download,
                text: "timed out".into(),
            }),
        })
        .collect();
    writer.finish(&outcomes, &mut memory).unwrap();
    memory
}

#[test]
fn streams_are_those_of_a_shard_that_never_had_the_samples() {
    let keys = HashSet::from(["000030", "000034"]);
    for format in [OutputFormat::Webdataset, OutputFormat::Tfrecord] {
        let whole = shard(format, &[4, 0, 1, 3]);
        let wanted = shard(format, &[1, 3]);
        let mut found = Memory::default();
        match format {
            OutputFormat::Webdataset => tar_without(&*whole.stream, &keys, &mut found).unwrap(),
            _ => tfrecord_without(&*whole.stream, &keys, &mut found).unwrap(),
        }
        assert!(found.stream == wanted.stream, "{format:?}");
    }
}

#[test]
fn a_sample_that_is_not_there_is_an_error() {
    let missing = HashSet::from(["000031", "000032"]);
    let tar = shard(OutputFormat::Webdataset, &[0, 1]).stream;
    let found = tar_without(&*tar, &missing, &mut Memory::default());
    assert!(matches!(found, Err(RewriteError::Missing(1))));
    let torn = tar_without(&tar[..600], &HashSet::new(), &mut Memory::default());
    assert!(torn.is_err());
}

fn read(parquet: Vec<u8>) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(parquet)).unwrap();
    let schema = reader.schema().clone();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

#[test]
fn a_row_whose_sample_goes_keeps_its_key_and_says_why() {
    let rows = HashSet::from([0, 3]);
    for (format, image, forgets_url) in [
        (OutputFormat::Webdataset, None, false),
        (OutputFormat::Webdataset, None, true),
        (OutputFormat::Parquet, Some("jpg"), false),
        (OutputFormat::Parquet, Some("jpg"), true),
    ] {
        let tombstone = Tombstone {
            text: "redacted: its owner asked (2026-11-30)".to_owned(),
            forgets_url,
        };
        let whole = shard(format, &[0, 1, 3, 4]);
        let table = match image {
            Some(_) => whole.stream,
            None => whole.files["00003.parquet"].clone(),
        };
        let mut found = Memory::default();
        let source = Bytes::from(table.clone());
        parquet_without(source, &rows, &tombstone, image, &mut found).unwrap();
        let (old, new) = (read(table), read(found.stream));
        assert_eq!(old.num_rows(), new.num_rows());
        for (at, field) in new.schema_ref().fields().iter().enumerate() {
            let (old, new) = (old.column(at), new.column(at));
            for row in 0..ROWS {
                let goes = rows.contains(&(row as u64));
                let is_same = old.slice(row, 1) == new.slice(row, 1);
                match (field.name().as_str(), goes) {
                    (_, false) | ("key" | "nothing", _) => assert!(is_same, "{field}"),
                    ("status", _) => {
                        assert_eq!(new.as_string::<i32>().value(row), "failed_to_download");
                    }
                    ("error_message", _) => {
                        assert_eq!(new.as_string::<i32>().value(row), tombstone.text);
                    }
                    ("url", _) => assert_eq!(new.is_null(row), forgets_url),
                    _ => assert!(new.is_null(row), "{field} of row {row}"),
                }
            }
        }
        let width = new.column_by_name("width").unwrap();
        assert_eq!(width.as_primitive::<Int32Type>().value(1), 11);
    }
}
