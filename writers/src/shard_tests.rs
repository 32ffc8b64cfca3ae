//! Whole shards, written to memory and read back by independent readers.

use std::collections::BTreeMap;
use std::io::Read as _;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, Int64Array, NullArray, StringArray,
    TimestampMillisecondArray, TimestampSecondArray,
};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use prost::Message as _;

use super::*;
use crate::testing::Memory;
use crate::tfrecord::{Example, Kind};
use crate::{Column, RowFailure, Stage};

fn layout(format: OutputFormat) -> Layout {
    Layout {
        format,
        image_ext: "jpg",
        save_caption: true,
        exif_column: true,
        hash_column: Some("sha256"),
        pdq_columns: false,
        shard_digits: 5,
        rows_per_shard: 10_000,
    }
}

/// Four rows with the types a list may bring along; rows 0 and 2 get images.
fn input() -> RecordBatch {
    let langs: DictionaryArray<Int32Type> = ["en", "fr", "en", "de"].into_iter().collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![i64::MAX, 1, 2, 3]))),
        ("lang", Arc::new(langs)),
        (
            "seen",
            Arc::new(TimestampSecondArray::from(vec![0, 1, 2, 3]).with_timezone("UTC")),
        ),
        (
            "blob",
            Arc::new(BinaryArray::from_vec(vec![b"\xff", b"b", b"c", b"d"])),
        ),
        ("nothing", Arc::new(NullArray::new(4))),
        (
            "caption",
            Arc::new(StringArray::from(vec![
                Some("a \"cat\" é"),
                Some("b"),
                None,
                None,
            ])),
        ),
        (
            "url",
            Arc::new(StringArray::from(vec!["u0", "u1", "u2", "u3"])),
        ),
    ];
    let nullable = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

fn facts(width: u32) -> SampleFacts {
    SampleFacts {
        width,
        height: 256,
        original_width: 1024,
        original_height: 512,
        exif: Some("{}".to_owned()),
        hash: Some("ab".repeat(32)),
        pdq: Some("0f".repeat(32)),
        pdq_quality: Some(100),
        image_ext: None,
    }
}

fn success(width: u32) -> RowOutcome {
    RowOutcome::Success(facts(width))
}

fn failure(stage: Stage, message: &str) -> RowOutcome {
    let text = message.into();
    RowOutcome::Failure(RowFailure { stage, text })
}

fn outcomes() -> Vec<RowOutcome> {
    vec![
        success(100),
        failure(Stage::Download, "timed out"),
        success(102),
        failure(Stage::Resize, "Image decoding error"),
    ]
}

/// Row 2 first: completion order is not input order.
fn write(layout: Layout) -> Memory {
    let (mut sink, outcomes) = (Memory::default(), outcomes());
    let mut writer = ShardWriter::new(Arc::new(layout), 1, input()).unwrap();
    writer.sample(2, &facts(102), &[7; 700], &mut sink).unwrap();
    writer.sample(0, &facts(100), b"jpeg", &mut sink).unwrap();
    writer.finish(&outcomes, &mut sink).unwrap();
    sink
}

fn read_parquet(bytes: &[u8]) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::copy_from_slice(bytes)).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<_> = builder.build().unwrap().map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

fn read_tar(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut members = Vec::new();
    for entry in tar::Archive::new(bytes).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header();
        assert_eq!(header.mode().unwrap(), 0o444);
        assert_eq!(header.username().unwrap(), Some("bigdata"));
        assert_eq!(header.groupname().unwrap(), Some("bigdata"));
        assert_eq!(header.mtime().unwrap(), 315_532_800);
        assert_eq!(&header.as_bytes()[257..265], b"ustar\x0000");
        let (path, mut bytes) = (entry.path().unwrap().display().to_string(), Vec::new());
        entry.read_to_end(&mut bytes).unwrap();
        members.push((path, bytes));
    }
    members
}

/// Splits records, checking the length each frame claims; the CRC has its own test.
fn read_tfrecord(mut bytes: &[u8]) -> Vec<BTreeMap<String, Kind>> {
    let mut examples = Vec::new();
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let example = Example::decode(&bytes[12..12 + length]).unwrap();
        let features = example.features.unwrap().feature.into_iter();
        examples.push(features.map(|(name, f)| (name, f.kind.unwrap())).collect());
        bytes = &bytes[16 + length..];
    }
    examples
}

fn is_time(column: &ArrayRef) -> bool {
    matches!(column.data_type(), DataType::Timestamp(..))
}

fn assert_metadata(batch: &RecordBatch) {
    let names: Vec<_> = batch
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    let expected = "id lang seen blob nothing caption url key status error_message width height \
                    original_width original_height exif sha256";
    assert_eq!(names, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(batch.num_rows(), 4);
    let seen = TimestampMillisecondArray::from(vec![0, 1000, 2000, 3000]).with_timezone("UTC");
    assert_eq!(
        batch["seen"].as_ref(),
        &seen as &dyn Array,
        "parquet has no unit of a second"
    );
    for (index, column) in input()
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, c)| !is_time(c))
    {
        assert_eq!(batch.column(index), column, "{}", names[index]);
    }
    let keys: Vec<_> = batch["key"]
        .as_string::<i32>()
        .iter()
        .map(Option::unwrap)
        .collect();
    assert_eq!(keys, ["000010000", "000010001", "000010002", "000010003"]);
    let widths: Vec<_> = batch["width"].as_primitive::<Int32Type>().iter().collect();
    assert_eq!(widths, [Some(100), None, Some(102), None]);
    assert_eq!(
        batch["error_message"].as_string::<i32>().value(1),
        "timed out"
    );
    assert!(batch["error_message"].is_null(0));
    assert!(batch["exif"].is_null(1) && batch["sha256"].is_null(3));
}

#[test]
fn a_tar_holds_adjacent_members_in_webdatasets_order() {
    let sink = write(layout(OutputFormat::Webdataset));
    let members = read_tar(&sink.stream);
    let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "000010002.jpg",
            "000010002.json",
            "000010002.txt",
            "000010000.jpg",
            "000010000.json",
            "000010000.txt",
        ]
    );
    assert_eq!(members[0].1, [7; 700]);
    assert_eq!(members[5].1, "a \"cat\" é".as_bytes());
    assert_eq!(sink.stream.len() % 512, 0);
    assert!(sink.stream.ends_with(&[0; 1024]));
    assert_metadata(&read_parquet(&sink.files["00001.parquet"]));
}

#[test]
fn a_png_follows_its_json_as_the_alphabet_has_it() {
    let sink = write(Layout {
        image_ext: "png",
        ..layout(OutputFormat::Webdataset)
    });
    let names: Vec<_> = read_tar(&sink.stream)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names[..3],
        ["000010002.json", "000010002.png", "000010002.txt"]
    );
}

#[test]
fn a_null_caption_is_written_as_empty_text() {
    let sink = write(layout(OutputFormat::Files));
    assert_eq!(sink.files["00001/000010002.txt"], b"");
}

#[test]
fn files_lie_in_a_folder_named_for_the_shard() {
    let sink = write(layout(OutputFormat::Files));
    let paths: Vec<_> = sink.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "00001.parquet",
            "00001/000010000.jpg",
            "00001/000010000.json",
            "00001/000010000.txt",
            "00001/000010002.jpg",
            "00001/000010002.json",
            "00001/000010002.txt",
        ]
    );
    assert_eq!(sink.files["00001/000010000.jpg"], b"jpeg");
    assert!(sink.stream.is_empty());
    assert_metadata(&read_parquet(&sink.files["00001.parquet"]));
}

#[test]
fn without_a_caption_column_there_is_no_txt() {
    let sink = write(Layout {
        save_caption: false,
        ..layout(OutputFormat::Files)
    });
    assert!(sink.files.keys().all(|path| !path.ends_with(".txt")));
}

#[test]
fn the_json_of_every_sample_has_the_columns_names_in_their_order() {
    let sink = write(layout(OutputFormat::Files));
    let text = std::str::from_utf8(&sink.files["00001/000010000.json"]).unwrap();
    let expected = r#"{
    "id": 9223372036854775807,
    "lang": "en",
    "seen": "1970-01-01T00:00:00Z",
    "blob": "/w==",
    "nothing": null,
    "caption": "a \"cat\" \u00e9",
    "url": "u0",
    "key": "000010000",
    "status": "success",
    "error_message": null,
    "width": 100,
    "height": 256,
    "original_width": 1024,
    "original_height": 512,
    "exif": "{}",
    "sha256": "HASH"
}"#;
    assert_eq!(text, expected.replace("HASH", &"ab".repeat(32)));
    let keys = |path: &str| {
        let json: serde_json::Value = serde_json::from_slice(&sink.files[path]).unwrap();
        json.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("00001/000010000.json"), keys("00001/000010002.json"));
}

#[test]
fn the_image_parquet_has_successes_as_they_came_and_failures_with_a_null_image() {
    let sink = write(layout(OutputFormat::Parquet));
    assert!(sink.files.is_empty());
    let batch = read_parquet(&sink.stream);
    assert_eq!(batch.schema().fields().last().unwrap().name(), "jpg");
    let keys: Vec<_> = batch["key"]
        .as_string::<i32>()
        .iter()
        .map(Option::unwrap)
        .collect();
    assert_eq!(keys, ["000010002", "000010000", "000010001", "000010003"]);
    let images = batch["jpg"].as_binary::<i32>();
    assert_eq!(
        (images.value(0), images.value(1)),
        (&[7; 700][..], &b"jpeg"[..])
    );
    assert!(images.is_null(2) && images.is_null(3));
    let ids: Vec<_> = batch["id"]
        .as_primitive::<arrow_array::types::Int64Type>()
        .values()
        .to_vec();
    assert_eq!(ids, [2, i64::MAX, 1, 3]);
    assert_eq!(
        batch["status"].as_string::<i32>().value(3),
        "failed_to_resize"
    );
}

#[test]
fn row_groups_of_images_leave_as_soon_as_they_are_full() {
    let layout = Arc::new(layout(OutputFormat::Parquet));
    let (mut sink, outcome) = (Memory::default(), success(1));
    let mut writer = ShardWriter::new(layout, 0, input()).unwrap();
    let image = vec![5; 15 << 20];
    for row in 0..3 {
        writer.sample(row, &facts(1), &image, &mut sink).unwrap();
    }
    assert!(
        sink.stream.len() > 30 << 20,
        "two images of 15 MB are one full group"
    );
    let mut outcomes = vec![outcome; 3];
    outcomes.push(failure(Stage::Download, "timed out"));
    writer.finish(&outcomes, &mut sink).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(sink.stream)).unwrap();
    assert_eq!(builder.metadata().num_row_groups(), 3);
    assert_eq!(builder.metadata().file_metadata().num_rows(), 4);
    let image = builder
        .metadata()
        .row_group(0)
        .columns()
        .last()
        .unwrap()
        .clone();
    assert_eq!(
        image.compression(),
        parquet::basic::Compression::UNCOMPRESSED
    );
    assert!(image.statistics().is_none() && image.dictionary_page_offset().is_none());
}

#[test]
fn a_tfrecord_holds_an_example_per_success() {
    let sink = write(layout(OutputFormat::Tfrecord));
    let examples = read_tfrecord(&sink.stream);
    assert_eq!(examples.len(), 2);
    let bytes = |example: usize, name: &str| match &examples[example][name] {
        Kind::Bytes(list) => list.value[0].to_vec(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(bytes(0, "key"), b"000010002");
    assert_eq!(bytes(0, "jpg"), [7; 700]);
    assert_eq!(bytes(0, "txt"), b"");
    assert_eq!(bytes(1, "txt"), "a \"cat\" é".as_bytes());
    assert_eq!(bytes(1, "blob"), b"\xff");
    assert_eq!(bytes(1, "error_message"), b"");
    assert!(matches!(&examples[1]["width"], Kind::Int64(list) if list.value == [100]));
    assert!(matches!(&examples[1]["id"], Kind::Int64(list) if list.value == [i64::MAX]));
    assert_metadata(&read_parquet(&sink.files["00001.parquet"]));
}

#[test]
fn a_dummy_shard_has_no_bytes() {
    assert_eq!(write(layout(OutputFormat::Dummy)), Memory::default());
}

#[test]
fn equal_input_in_equal_order_gives_equal_bytes() {
    for format in OutputFormat::ALL {
        assert_eq!(write(layout(format)), write(layout(format)), "{format:?}");
    }
}

#[test]
fn a_shard_of_failures_and_a_shard_of_nothing_are_whole() {
    let has_metadata = |format: &OutputFormat| format.metadata().is_some();
    for format in OutputFormat::ALL.into_iter().filter(has_metadata) {
        for rows in [0, 4] {
            let mut sink = Memory::default();
            let table = input().slice(0, rows);
            let writer = ShardWriter::new(Arc::new(layout(format)), 0, table).unwrap();
            let outcomes = vec![failure(Stage::Download, "timed out"); rows];
            writer.finish(&outcomes, &mut sink).unwrap();
            let parquet = sink.files.get("00000.parquet").unwrap_or(&sink.stream);
            assert_eq!(read_parquet(parquet).num_rows(), rows, "{format:?}");
        }
    }
}

#[test]
fn streams_are_named_for_their_format() {
    let path = |format| {
        ShardWriter::new(Arc::new(layout(format)), 12, input())
            .unwrap()
            .stream_path()
    };
    assert_eq!(path(OutputFormat::Webdataset).as_deref(), Some("00012.tar"));
    assert_eq!(
        path(OutputFormat::Parquet).as_deref(),
        Some("00012.parquet")
    );
    assert_eq!(
        path(OutputFormat::Tfrecord).as_deref(),
        Some("00012.tfrecord")
    );
    assert_eq!(path(OutputFormat::Files), None);
    assert_eq!(path(OutputFormat::Dummy), None);
}

#[test]
fn a_row_is_written_once_and_only_inside_the_shard() {
    let (mut sink, facts) = (Memory::default(), facts(1));
    let layout = Arc::new(layout(OutputFormat::Webdataset));
    let mut writer = ShardWriter::new(layout, 0, input()).unwrap();
    writer.sample(0, &facts, b"x", &mut sink).unwrap();
    let again = writer.sample(0, &facts, b"x", &mut sink);
    assert!(matches!(again, Err(WriterError::RowRepeated(0))));
    let outside = writer.sample(4, &facts, b"x", &mut sink);
    assert!(matches!(
        outside,
        Err(WriterError::RowOutOfRange { row: 4, rows: 4 })
    ));
}

#[test]
fn metadata_never_claims_an_image_that_was_not_written() {
    let start =
        || ShardWriter::new(Arc::new(layout(OutputFormat::Webdataset)), 0, input()).unwrap();
    let mut sink = Memory::default();
    let claimed = start().finish(&outcomes(), &mut sink);
    assert!(matches!(claimed, Err(WriterError::OutcomeDisagrees(0))));
    let short = start().finish(&outcomes()[1..], &mut sink);
    assert!(matches!(
        short,
        Err(WriterError::OutcomeCount { given: 3, rows: 4 })
    ));
}

#[test]
fn names_that_collide_are_refused_before_anything_is_written() {
    let named = |name: &str| {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        RecordBatch::try_from_iter([(name, column.clone()), ("caption", column)]).unwrap()
    };
    let new = |format, name| ShardWriter::new(Arc::new(layout(format)), 0, named(name)).map(drop);
    for (format, name) in [
        (OutputFormat::Parquet, "jpg"),
        (OutputFormat::Tfrecord, "txt"),
        (OutputFormat::Webdataset, "status"),
        (OutputFormat::Files, "caption"),
    ] {
        assert!(matches!(new(format, name), Err(WriterError::ColumnNameTaken(n)) if n == name));
    }
    assert!(new(OutputFormat::Webdataset, "jpg").is_ok());
}

#[test]
fn without_a_caption_column_every_sample_has_an_empty_caption() {
    let urls: ArrayRef = Arc::new(StringArray::from(vec!["http://h/a"]));
    for (format, caption) in [
        (OutputFormat::Files, Some("00000/000000000.txt")),
        (OutputFormat::Webdataset, None),
        (OutputFormat::Tfrecord, None),
        (OutputFormat::Parquet, None),
    ] {
        let table = RecordBatch::try_from_iter([("url", urls.clone())]).unwrap();
        let mut writer = ShardWriter::new(Arc::new(layout(format)), 0, table).unwrap();
        let mut sink = Memory::default();
        writer.sample(0, &facts(1), b"image", &mut sink).unwrap();
        writer.finish(&[success(1)], &mut sink).unwrap();
        if let Some(name) = caption {
            assert!(sink.files.contains_key(name), "{:?}", sink.files.keys());
            assert!(sink.files[name].is_empty());
        }
        let parquet = match format {
            OutputFormat::Parquet => &sink.stream,
            _ => &sink.files["00000.parquet"],
        };
        assert!(read_parquet(parquet).column_by_name("caption").is_none());
    }
}

#[test]
fn a_row_may_have_an_extension_of_its_own() {
    let facts = SampleFacts {
        image_ext: Some("tiff"),
        ..facts(1)
    };
    let outcomes = [RowOutcome::Success(facts.clone())];
    for (format, name) in [
        (OutputFormat::Files, Some("00000/000000000.tiff")),
        (OutputFormat::Webdataset, None),
        (OutputFormat::Parquet, None),
    ] {
        let first = input().slice(0, 1);
        let mut writer = ShardWriter::new(Arc::new(layout(format)), 0, first).unwrap();
        let mut sink = Memory::default();
        writer.sample(0, &facts, b"image", &mut sink).unwrap();
        writer.finish(&outcomes, &mut sink).unwrap();
        if let Some(name) = name {
            assert!(sink.files.contains_key(name), "{:?}", sink.files.keys());
        }
        match format {
            OutputFormat::Webdataset => {
                let names = read_tar(&sink.stream).into_iter().map(|(name, _)| name);
                assert!(names.eq(["000000000.json", "000000000.tiff", "000000000.txt"]));
            }
            OutputFormat::Parquet => {
                let batch = read_parquet(&sink.stream);
                assert!(batch.column_by_name("jpg").is_some());
                assert!(batch.column_by_name("tiff").is_none());
            }
            _ => {}
        }
    }
}

#[test]
fn an_input_column_of_the_hash_name_stays_as_it_is() {
    let column: ArrayRef = Arc::new(StringArray::from(vec!["mine"]));
    let table = RecordBatch::try_from_iter([("caption", column.clone()), ("sha256", column)]);
    let layout = Arc::new(layout(OutputFormat::Webdataset));
    let writer = ShardWriter::new(layout, 0, table.unwrap()).unwrap();
    let mut sink = Memory::default();
    writer
        .finish(&[failure(Stage::Download, "timed out")], &mut sink)
        .unwrap();
    let batch = read_parquet(&sink.files["00000.parquet"]);
    assert_eq!(batch["sha256"].as_string::<i32>().value(0), "mine");
    assert_eq!(batch["sha256"].data_type(), &DataType::Utf8);
    assert_eq!(batch.num_columns(), 10);
}

#[test]
fn a_writer_may_move_between_threads() {
    fn assert_send<T: Send>() {}
    assert_send::<ShardWriter>();
}

#[path = "shard_columns_tests.rs"]
mod columns;
#[path = "shard_keys_tests.rs"]
mod keys;
