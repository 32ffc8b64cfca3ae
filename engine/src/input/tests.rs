//! Every format from real files, and what happens to bad ones.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, Int64Array, StringArray};
use arrow_schema::DataType;

use super::*;
use crate::config::Compression;

fn config(format: InputFormat) -> InputConfig {
    InputConfig {
        url_list: String::new(),
        format,
        compression: Compression::None,
        url_col: "url".to_owned(),
        caption_col: None,
        save_additional_columns: Vec::new(),
        bbox_col: None,
        verify_hash_col: None,
        rows_per_shard: 10_000,
    }
}

fn with_columns(format: InputFormat, extra: &[&str]) -> InputConfig {
    InputConfig {
        caption_col: Some("text".to_owned()),
        save_additional_columns: extra.iter().map(|&name| name.to_owned()).collect(),
        ..config(format)
    }
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

type Read = (Vec<RecordBatch>, Option<Error>, LossyCounts);

fn read_at(path: &Path, config: &InputConfig) -> Read {
    let mut source = match open(path, config) {
        Ok(source) => source,
        Err(error) => return (Vec::new(), Some(error), LossyCounts::default()),
    };
    let mut batches = Vec::new();
    while let Some(batch) = source.next_batch() {
        match batch {
            Ok(batch) => batches.push(batch),
            Err(error) => return (batches, Some(error), source.lossy()),
        }
    }
    (batches, None, source.lossy())
}

fn read(bytes: &[u8], config: &InputConfig) -> Read {
    let (_folder, path) = file(bytes);
    read_at(&path, config)
}

fn texts(batches: &[RecordBatch], name: &str) -> Vec<Option<String>> {
    let columns = batches
        .iter()
        .map(|batch| batch.column_by_name(name).unwrap());
    columns
        .flat_map(|column| {
            column
                .as_string::<i32>()
                .iter()
                .map(|t| t.map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn urls(batches: &[RecordBatch]) -> Vec<String> {
    texts(batches, "url")
        .into_iter()
        .map(|url| url.unwrap_or_else(|| "null".to_owned()))
        .collect()
}

#[test]
fn a_txt_list_is_a_url_per_line_with_any_line_end() {
    let (batches, error, lossy) = read(
        b"\xef\xbb\xbfhttp://a/1,2\r\n\n\"http://b\"\nhttp://c/\xff\nlast",
        &config(InputFormat::Txt),
    );
    assert_eq!(error, None);
    assert_eq!(
        urls(&batches),
        ["http://a/1,2", "\"http://b\"", "http://c/\u{fffd}", "last"]
    );
    assert_eq!(lossy.invalid_utf8, 1);
}

#[test]
fn csv_columns_come_renamed_typed_and_in_order() {
    let csv = b"\xef\xbb\xbfurl,text,n,f,b,d\r\nu1,7,1,1.5,true,2020-01-01\r\nu2,\"a\r\n\"\"b\"\"\",,2,False,x\r\n";
    let (batches, error, lossy) = read(csv, &with_columns(InputFormat::Csv, &["b", "n", "f", "d"]));
    assert_eq!((error, lossy), (None, LossyCounts::default()));
    let schema = batches[0].schema();
    let fields: Vec<_> = schema
        .fields()
        .iter()
        .map(|f| (f.name().as_str(), f.data_type().clone()))
        .collect();
    assert_eq!(
        fields,
        [
            ("b", DataType::Boolean),
            ("n", DataType::Int64),
            ("f", DataType::Float64),
            ("d", DataType::Utf8),
            ("caption", DataType::Utf8),
            ("url", DataType::Utf8),
        ]
    );
    assert_eq!(urls(&batches), ["u1", "u2"]);
    assert_eq!(
        texts(&batches, "caption"),
        [Some("7".into()), Some("a\r\n\"b\"".into())]
    );
    assert!(batches[0].column(1).is_null(1));
    assert_eq!(
        batches[0].column(2).as_primitive::<Float64Type>().value(1),
        2.0
    );
}

#[test]
fn no_csv_record_is_lost_whatever_its_shape() {
    let csv = b"n,url,text\n1\n2,u2,t,extra,more\n3,u\0three,\xff\n4,u4,t";
    let (batches, error, lossy) = read(csv, &with_columns(InputFormat::Csv, &["n"]));
    assert_eq!(error, None);
    assert_eq!(urls(&batches), ["null", "u2", "u\0three", "u4"]);
    assert_eq!(
        (lossy.short_records, lossy.long_records, lossy.invalid_utf8),
        (1, 1, 1)
    );
}

#[test]
fn a_later_value_that_does_not_fit_becomes_null_and_is_counted() {
    let mut csv = String::from("url\tn\n");
    for i in 0..BATCH_ROWS_MAX {
        csv.push_str(&format!("u\t{i}\n"));
    }
    csv.push_str("last\tmany\n");
    let config = InputConfig {
        rows_per_shard: usize::MAX,
        save_additional_columns: vec!["n".to_owned()],
        ..config(InputFormat::Tsv)
    };
    let (batches, error, lossy) = read(csv.as_bytes(), &config);
    assert_eq!((error, lossy.misfits), (None, 1));
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        BATCH_ROWS_MAX + 1
    );
    assert!(batches.last().unwrap().column(0).is_null(0));
}

#[test]
fn an_open_quote_does_not_swallow_a_file() {
    let mut csv = b"url\nu1\n\"open".to_vec();
    csv.resize(RECORD_BYTES_MAX + (1 << 20), b'x');
    let (batches, error, _) = read(&csv, &config(InputFormat::Csv));
    assert_eq!(urls(&batches), ["u1"]);
    assert!(error.unwrap().to_string().contains("quote left open"));
}

#[test]
fn a_missing_column_is_answered_with_the_present_ones() {
    for (format, bytes) in [
        (InputFormat::Csv, &b"URL,TEXT\nu,t\n"[..]),
        (InputFormat::Jsonl, b"{\"URL\":1,\"TEXT\":2}\n"),
        (InputFormat::Json, b"{\"URL\":{\"0\":\"u\"},\"TEXT\":{}}"),
    ] {
        let error = read(bytes, &config(format)).1.unwrap().to_string();
        assert!(
            error.contains("no column `url`") && error.contains("URL, TEXT"),
            "{error}"
        );
    }
}

#[test]
fn a_malformed_json_line_stays_a_row() {
    let lines = b"{\"url\":\"u1\",\"text\":\"007\",\"n\":1,\"x\":{\"a\":[1]}}\n{broken\n\n[1]\n\
                  {\"url\":\"u\xff\",\"n\":2.5,\"z\":{\"deep\":1}}\r\n";
    let (batches, error, lossy) = read(lines, &with_columns(InputFormat::Jsonl, &["n", "x"]));
    assert_eq!(error, None);
    assert_eq!(urls(&batches), ["u1", "null", "null", "u\u{fffd}"]);
    assert_eq!((lossy.malformed_records, lossy.invalid_utf8), (2, 1));
    assert_eq!(
        batches[0].column(0).as_primitive::<Float64Type>().value(0),
        1.0
    );
    assert_eq!(texts(&batches, "x")[0].as_deref(), Some("{\"a\":[1]}"));
    assert_eq!(texts(&batches, "caption")[0].as_deref(), Some("007"));
}

#[test]
fn a_json_array_is_cut_at_the_right_commas() {
    let json = br#" [ {"url":"a,]\"}","k":[1,{"x":2}]} ,
        {"url":"b"}, 5 ]"#;
    let (batches, error, lossy) = read(json, &config(InputFormat::Json));
    assert_eq!(error, None);
    assert_eq!(urls(&batches), ["a,]\"}", "b", "null"]);
    assert_eq!(lossy.malformed_records, 1);
    assert!(read(b"[]", &config(InputFormat::Json)).0.is_empty());
}

#[test]
fn a_json_array_without_end_gives_its_rows_and_then_an_error() {
    let (batches, error, _) = read(br#"[{"url":"a"},{"url":"#, &config(InputFormat::Json));
    assert_eq!(urls(&batches), ["a"]);
    assert!(error.unwrap().to_string().contains("no end"));
}

#[test]
fn a_json_object_of_columns_is_read_as_pandas_writes_it() {
    let json = br#"{"text":{"0":"x","1":null},"url":{"0":"a","1":"b"},"n":{"0":1,"1":2}}"#;
    let (batches, error, _) = read(json, &with_columns(InputFormat::Json, &["n"]));
    assert_eq!(error, None);
    assert_eq!(urls(&batches), ["a", "b"]);
    assert_eq!(texts(&batches, "caption"), [Some("x".into()), None]);
    assert_eq!(
        batches[0].column(0).as_primitive::<Int64Type>().values(),
        &[1, 2]
    );
}

fn parquet_file(rows: i64, group_rows: usize) -> (tempfile::TempDir, PathBuf) {
    let (folder, path) = file(b"");
    let urls: BinaryArray = (0..rows)
        .map(|i| Some(format!("http://h/{i}").into_bytes()))
        .collect();
    let text: StringArray = (0..rows)
        .map(|i| (i % 2 == 0).then(|| i.to_string()))
        .collect();
    let n: Int64Array = (0..rows).map(Some).collect();
    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(n) as ArrayRef),
        ("url", Arc::new(urls)),
        ("text", Arc::new(text)),
    ])
    .unwrap();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let out = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    (folder, path)
}

#[test]
fn parquet_is_projected_renamed_and_its_binary_urls_are_text() {
    let (_folder, path) = parquet_file(25, 10);
    let (batches, error, _) = read_at(&path, &with_columns(InputFormat::Parquet, &["n"]));
    assert_eq!(error, None);
    let names: Vec<_> = batches[0]
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names, ["n", "caption", "url"]);
    assert_eq!(urls(&batches)[24], "http://h/24");
    assert_eq!(texts(&batches, "caption")[1], None);
}

#[test]
fn a_parquet_column_that_cannot_hold_boxes_is_refused() {
    let (_folder, path) = parquet_file(5, 5);
    let with_boxes = |column: &str| InputConfig {
        bbox_col: Some(column.to_owned()),
        ..config(InputFormat::Parquet)
    };
    let error = open(&path, &with_boxes("n")).err().unwrap().to_string();
    assert!(error.contains("`n`") && error.contains("Int64"), "{error}");
    assert!(open(&path, &with_boxes("text")).is_ok());
    let error = open(&path, &with_boxes("faces")).err().unwrap().to_string();
    assert!(error.contains("no column `faces`"), "{error}");
}

#[test]
fn parquet_skips_to_any_row() {
    let (_folder, path) = parquet_file(25, 10);
    let config = InputConfig {
        rows_per_shard: 4,
        ..config(InputFormat::Parquet)
    };
    for start in 0..=26_u64 {
        let mut source = open(&path, &config).unwrap();
        assert_eq!(source.skip(start), start.min(25));
        match source.next_batch() {
            Some(batch) => assert_eq!(urls(&[batch.unwrap()])[0], format!("http://h/{start}")),
            None => assert!(start >= 25, "{start}"),
        }
    }
}

#[test]
fn a_damaged_parquet_is_an_error_and_no_panic() {
    let (_folder, path) = parquet_file(5000, 1000);
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 200].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    let config = InputConfig {
        rows_per_shard: 100,
        ..config(InputFormat::Parquet)
    };
    let (batches, error, _) = read_at(&path, &config);
    assert!(error.is_some() && !batches.is_empty());
    std::fs::write(&path, &bytes[..half]).unwrap();
    assert!(read_at(&path, &config).1.is_some());
}

#[test]
fn compressed_lists_read_like_plain_ones_and_damage_comes_after_the_good_rows() {
    let lines: String = (0..50_000)
        .map(|i| format!("http://h/{i}/{}\n", i * 7919 % 9973))
        .collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(lines.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let two_members = [&gzip[..], &gzip].concat();
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap();
    for (bytes, compression, rows) in [
        (&gzip, Compression::Gzip, 50_000),
        (&two_members, Compression::Gzip, 100_000),
        (&zstd, Compression::Zstd, 50_000),
    ] {
        let config = InputConfig {
            compression,
            ..config(InputFormat::Txt)
        };
        let (batches, error, _) = read(bytes, &config);
        assert_eq!(error, None);
        assert_eq!(
            batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
            rows
        );
    }
    let config = InputConfig {
        compression: Compression::Gzip,
        ..config(InputFormat::Txt)
    };
    let (batches, error, _) = read(&gzip[..gzip.len() / 2], &config);
    assert!(error.is_some());
    assert!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() > 10_000);
}

#[test]
fn a_list_may_be_a_file_a_folder_or_a_glob() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.txt", "a.txt", "c.csv", ".hidden.txt"] {
        std::fs::write(folder.path().join(name), "u\n").unwrap();
    }
    let at = |path: &str| InputConfig {
        url_list: folder.path().join(path).to_string_lossy().into_owned(),
        ..config(InputFormat::Txt)
    };
    let names = |path: &str| -> Vec<String> {
        let files = list(&at(path)).unwrap();
        files
            .iter()
            .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(names(""), ["a.txt", "b.txt"]);
    assert_eq!(names("?.txt"), ["a.txt", "b.txt"]);
    assert_eq!(names("c.csv"), ["c.csv"]);
    assert!(list(&at("none.txt")).is_err());
    let hint = list(&InputConfig {
        format: InputFormat::Tsv,
        ..at("")
    })
    .unwrap_err()
    .to_string();
    assert!(hint.contains("--input_format"), "{hint}");
    let before = identify(&at("")).unwrap();
    std::fs::write(folder.path().join("a.txt"), "u\nv\n").unwrap();
    let longer = identify(&at("")).unwrap();
    assert_ne!(longer, before);
    std::fs::write(folder.path().join("a.txt"), "u\nw\n").unwrap();
    assert_ne!(identify(&at("")).unwrap(), longer);
    assert_eq!(longer.rows, None);
}
