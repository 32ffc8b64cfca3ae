//! Every format from real files, and what happens to bad ones.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, Int64Array, ListArray, StringArray};
use arrow_schema::DataType;

use super::*;
use crate::config::{Dialect, InputConfig, InputFormat, Quoting, Sample};

pub(super) fn config(format: InputFormat) -> InputConfig {
    InputConfig {
        format: Some(format),
        ..InputConfig::default()
    }
}

pub(super) fn with_columns(format: InputFormat, extra: &[&str]) -> InputConfig {
    InputConfig {
        caption_col: Some("text".to_owned()),
        save_additional_columns: extra.iter().map(|&name| name.to_owned()).collect(),
        ..config(format)
    }
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    named("list", bytes)
}

pub(super) fn named(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn open(path: &Path, config: &InputConfig) -> Result<List, Error> {
    List::open(&InputConfig {
        url_list: path.to_string_lossy().into_owned(),
        ..config.clone()
    })
}

pub(super) type Read = (Vec<RecordBatch>, Option<Error>, Losses);

pub(super) fn read_at(path: &Path, config: &InputConfig) -> Read {
    let (mut batches, mut losses) = (Vec::new(), Losses::default());
    let list = match open(path, config) {
        Ok(list) => list,
        Err(error) => return (batches, Some(error), losses),
    };
    for at in 0.. {
        let mut source = match list.source(at) {
            Ok(Some(source)) => source,
            Ok(None) => break,
            Err(error) => return (batches, Some(error), losses),
        };
        while let Some(batch) = source.next_batch() {
            match batch {
                Ok(batch) => batches.push(batch),
                Err(error) => return (batches, Some(error), source.losses()),
            }
        }
        losses.join(&source.losses());
    }
    (batches, None, losses)
}

fn read(bytes: &[u8], config: &InputConfig) -> Read {
    let (_folder, path) = file(bytes);
    read_at(&path, config)
}

fn counts<const N: usize>(losses: &Losses, kinds: [Loss; N]) -> [u64; N] {
    kinds.map(|loss| losses.count(loss))
}

fn none_lost(losses: &Losses) -> bool {
    Loss::ALL.iter().all(|loss| losses.count(*loss) == 0)
}

fn types(batches: &[RecordBatch]) -> Vec<(String, DataType)> {
    let schema = batches[0].schema();
    assert!(batches.iter().all(|batch| batch.schema() == schema));
    let fields = schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .collect()
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
    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        urls(&batches),
        ["http://a/1,2", "http://b", "http://c/\u{fffd}", "last"]
    );
    assert_eq!(lossy.count(Loss::InvalidUtf8), 1);
}

#[test]
fn csv_columns_come_renamed_typed_and_in_order() {
    let csv = b"\xef\xbb\xbfurl,text,n,f,b,d\r\nu1,7,1,1.5,true,2020-01-01\r\nu2,\"a\r\n\"\"b\"\"\",,2,False,x\r\n";
    let (batches, error, lossy) = read(csv, &with_columns(InputFormat::Csv, &["b", "n", "f", "d"]));
    assert!(error.is_none() && none_lost(&lossy));
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
fn no_csv_record_is_lost() {
    let csv = b"n,url,text\n1\n2,u2,t,extra,more\n3,u\0three,\xff\n4,u4,t";
    let (batches, error, lossy) = read(csv, &with_columns(InputFormat::Csv, &["n"]));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["null", "u2", "u\0three", "u4"]);
    assert_eq!(
        counts(
            &lossy,
            [Loss::ShortRecord, Loss::LongRecord, Loss::InvalidUtf8]
        ),
        [1, 1, 1]
    );
}

#[test]
fn the_last_value_may_decide_the_type_of_a_column() {
    for (format, last, expected) in [
        (InputFormat::Tsv, "many", DataType::Utf8),
        (InputFormat::Tsv, "0.5", DataType::Float64),
        (InputFormat::Tsv, "0012", DataType::Utf8),
        (InputFormat::Jsonl, "[1]", DataType::Utf8),
        (InputFormat::Jsonl, "18446744073709551615", DataType::UInt64),
        (InputFormat::Jsonl, "18446744073709551616", DataType::Utf8),
    ] {
        let line = |n: &str| match format {
            InputFormat::Tsv => format!("u\t{n}\n"),
            _ => format!("{{\"url\":\"u\",\"n\":{n}}}\n"),
        };
        let mut text = if format == InputFormat::Tsv {
            "url\tn\n".to_owned()
        } else {
            String::new()
        };
        (0..2 * BATCH_ROWS_MAX).for_each(|n| text += &line(&n.to_string()));
        text += &line(last);
        let config = InputConfig {
            save_additional_columns: vec!["n".to_owned()],
            ..config(format)
        };
        let (batches, error, losses) = read(text.as_bytes(), &config);
        assert!(error.is_none() && none_lost(&losses));
        assert_eq!(types(&batches)[0].1, expected, "{last}");
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, 2 * BATCH_ROWS_MAX + 1);
        assert_eq!(
            batches
                .iter()
                .map(|batch| batch.column(0).null_count())
                .sum::<usize>(),
            0
        );
    }
}

#[test]
fn an_open_quote_does_not_swallow_a_file() {
    let mut csv = b"url\nu1\n\"open\nu2\n".to_vec();
    csv.extend(b"u3\n".repeat(RECORD_BYTES_MAX / 3 + 100));
    let (batches, error, losses) = read(&csv, &config(InputFormat::Csv));
    assert!(error.is_none());
    assert_eq!(urls(&batches)[..4], ["u1", "\"open", "u2", "u3"]);
    assert_eq!(losses.count(Loss::UnbalancedQuote), 1);
    let strict = with_quoting(Quoting::Rfc4180, config(InputFormat::Csv));
    let error = read(&csv, &strict).1.unwrap().to_string();
    assert!(error.contains("line 3 is never closed"), "{error}");
}

fn with_quoting(quoting: Quoting, config: InputConfig) -> InputConfig {
    let dialect = Dialect {
        quoting,
        ..config.dialect
    };
    InputConfig { dialect, ..config }
}

#[test]
fn an_unbalanced_quote_costs_no_record() {
    let swallowing = "url\ttext\nhttp://a/1\t\"an inch\nhttp://a/2\tplain\nhttp://a/3\tcloses 5\"\n\
                      http://a/4\t\"fine\ttab\"\n";
    let several_lines = "text\turl\n\"one\ntwo http://x\nthree\"\thttp://a/1\n";
    let in_one_line = "text\turl\n\"12 inch\thttp://a/1\n5\" x\thttp://a/2\n";
    let at_the_end = "url\ttext\nhttp://a/1\t\"open\nmore\n";
    for (text, expected, captions, unbalanced) in [
        (
            swallowing,
            &["http://a/1", "http://a/2", "http://a/3", "http://a/4"][..],
            &["\"an inch", "plain", "closes 5\"", "fine\ttab"][..],
            1,
        ),
        (
            several_lines,
            &["http://a/1"],
            &["one\ntwo http://x\nthree"],
            0,
        ),
        (
            in_one_line,
            &["http://a/1", "http://a/2"],
            &["\"12 inch", "5\" x"],
            1,
        ),
        (at_the_end, &["http://a/1", "more"], &["\"open", ""], 1),
    ] {
        let (batches, error, losses) = read(text.as_bytes(), &with_columns(InputFormat::Tsv, &[]));
        assert!(error.is_none());
        assert_eq!(urls(&batches), expected);
        let found = texts(&batches, "caption")
            .into_iter()
            .map(Option::unwrap_or_default);
        assert_eq!(found.collect::<Vec<_>>(), captions);
        assert_eq!(losses.count(Loss::UnbalancedQuote), unbalanced, "{text}");
    }
    let literal = with_quoting(Quoting::None, with_columns(InputFormat::Tsv, &[]));
    let (batches, ..) = read(b"url\ttext\nu\t\"a\"\"b\"\n", &literal);
    assert_eq!(texts(&batches, "caption"), [Some("\"a\"\"b\"".to_owned())]);
}

#[test]
fn files_without_a_header_and_with_any_delimiter_are_read() {
    for (text, delimiter) in [
        ("http://a,x\n", None),
        ("http://a;x\n", Some(b';')),
        ("http://a|x", Some(b'|')),
    ] {
        let config = InputConfig {
            dialect: Dialect {
                delimiter,
                columns: Some(vec!["url".to_owned(), "text".to_owned()]),
                ..Dialect::default()
            },
            format: None,
            ..with_columns(InputFormat::Csv, &[])
        };
        let (batches, error, _) = read(text.as_bytes(), &config);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(urls(&batches), ["http://a"]);
        assert_eq!(texts(&batches, "caption"), [Some("x".to_owned())]);
    }
}

#[test]
fn a_missing_column_error_names_the_present_ones() {
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
    let (batches, error, losses) = read(lines, &with_columns(InputFormat::Jsonl, &["n", "x"]));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["u1", "null", "null", "u\u{fffd}"]);
    assert_eq!(
        counts(&losses, [Loss::MalformedRecord, Loss::InvalidUtf8]),
        [2, 1]
    );
    let told: Vec<String> = losses.lines().collect();
    assert!(told[1].contains("(lines 2, 4 of "), "{told:?}");
    assert_eq!(
        batches[0].column(0).as_primitive::<Float64Type>().value(0),
        1.0
    );
    let x = batches[0].column(1).as_struct();
    let a: &ListArray = x.column(0).as_list();
    assert_eq!(a.value(0).as_primitive::<Int64Type>().values(), &[1]);
    assert!(x.is_null(3));
    assert_eq!(texts(&batches, "caption")[0].as_deref(), Some("007"));
}

#[test]
fn pythons_nan_is_null_and_every_integer_is_exact() {
    let record = r#"{"url":"u","n":NaN,"big":18446744073709551615,"list":[-Infinity,1.5]}"#;
    let other = r#"{"url":"v","n":0.5,"big":1,"list":[]}"#;
    let columns =
        r#"{"url":["u","v"],"n":[NaN,0.5],"big":[18446744073709551615,1],"list":[[null,1.5],[]]}"#
            .to_owned();
    for (format, text) in [
        (InputFormat::Jsonl, format!("{record}\n{other}\n")),
        (InputFormat::Json, format!("[{record},{other}]")),
        (InputFormat::Json, columns),
        (InputFormat::Json, format!("{record}\n{other}\n")),
        (InputFormat::Jsonl, format!("[{record},{other}]")),
    ] {
        let extra = ["n", "big", "list"];
        let config = InputConfig {
            caption_col: None,
            ..with_columns(format, &extra)
        };
        let (batches, error, losses) = read(text.as_bytes(), &config);
        assert!(
            error.is_none() && none_lost(&losses),
            "{text} {error:?} {losses:?}"
        );
        assert_eq!(urls(&batches), ["u", "v"]);
        assert!(batches[0].column(0).is_null(0) && batches[0].column(0).is_valid(1));
        let big = batches[0].column(1).as_primitive::<UInt64Type>();
        assert_eq!(big.values(), &[u64::MAX, 1]);
        assert_eq!(batches[0].column(2).as_list::<i32>().value_length(0), 2);
    }
}

#[test]
fn tables_of_lists_keep_every_row_or_fail_with_a_reason() {
    let read = |text: &str| read(text.as_bytes(), &with_columns(InputFormat::Json, &[]));
    let (batches, error, _) = read(r#"{"url":["a","b"],"text":["x",null],"version":3}"#);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["a", "b"]);
    // The rows of all columns, as pandas has them.
    let (batches, ..) = read(r#"{"url":{"0":"a"},"text":{"0":"x","1":"y"}}"#);
    assert_eq!(urls(&batches), ["a", "null"]);
    for (text, word) in [
        (
            r#"{"url":["a","b"],"text":["x"]}"#,
            "1 values where others have 2",
        ),
        (
            r#"{"url":["a"],"text":"x","n":[1]}"#,
            "neither a list nor an object",
        ),
        (r#"{"URL":["a"],"text":["x"]}"#, "no column `url`"),
        (r#"{"url":[}"#, "neither an array of objects"),
    ] {
        let error = read(text).1.unwrap().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn a_json_array_is_cut_at_the_right_commas() {
    let json = br#" [ {"url":"a,]\"}","k":[1,{"x":2}]} ,
        {"url":"b"}, 5 ]"#;
    let (batches, error, lossy) = read(json, &config(InputFormat::Json));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(urls(&batches), ["a,]\"}", "b", "null"]);
    assert_eq!(lossy.count(Loss::MalformedRecord), 1);
    let empty = read(b"[]", &config(InputFormat::Json)).1.unwrap();
    assert!(empty.to_string().contains("empty"), "{empty}");
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
    assert!(error.is_none(), "{error:?}");
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
    assert!(error.is_none(), "{error:?}");
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
        let mut source = open(&path, &config).unwrap().source(0).unwrap().unwrap();
        assert_eq!(source.skip(start), start.min(25));
        match source.next_batch() {
            Some(batch) => assert_eq!(urls(&[batch.unwrap()])[0], format!("http://h/{start}")),
            None => assert!(start >= 25, "{start}"),
        }
    }
}

#[test]
fn what_broke_a_list_is_its_errors_source() {
    use std::error::Error as StdError;

    let of = |path: &Path| read_at(path, &InputConfig::default()).1.expect("an error");
    let (folder, cut) = parquet_file(5, 5);
    let whole = std::fs::read(&cut).expect("a file");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("a file");
    let error = of(&cut);
    let source = error.source().expect("the reader's error");
    assert!(source.is::<::parquet::errors::ParquetError>(), "{source:?}");
    assert!(error.message().ends_with(&source.to_string()), "{error}");

    let looped = folder.path().join("looped.csv");
    std::os::unix::fs::symlink(&looped, &looped).expect("a link");
    let error = files::open_regular(&looped).expect_err("a loop");
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<std::io::Error>());
    let source = source.expect("the kernel's error");
    assert_eq!(source.raw_os_error(), Some(libc::ELOOP));
    assert!(error.message().ends_with(&source.to_string()), "{error}");
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
    for (bytes, rows) in [(&gzip, 50_000), (&two_members, 100_000), (&zstd, 50_000)] {
        let (batches, error, _) = read(bytes, &config(InputFormat::Txt));
        assert!(error.is_none(), "{error:?}");
        assert_eq!(
            batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
            rows
        );
    }
    let (batches, error, _) = read(&gzip[..gzip.len() / 2], &config(InputFormat::Txt));
    assert!(error.is_some());
    assert!(batches.iter().map(RecordBatch::num_rows).sum::<usize>() > 10_000);
}

#[test]
fn a_list_may_be_a_file_a_folder_or_a_glob() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.txt", "a.TXT", "c.csv", ".hidden.txt", "readme.md"] {
        std::fs::write(folder.path().join(name), "url\n1\n").unwrap();
    }
    let at = |path: &str, format: Option<InputFormat>| {
        List::open(&InputConfig {
            url_list: folder.path().join(path).to_string_lossy().into_owned(),
            format,
            ..InputConfig::default()
        })
    };
    let names = |path: &str, format| -> Vec<String> {
        let list = at(path, format).unwrap();
        list.paths()
            .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let txt = Some(InputFormat::Txt);
    assert_eq!(names("", txt), ["a.TXT", "b.txt"]);
    assert_eq!(names("?.txt", None), ["b.txt"]);
    assert_eq!(names("c.csv", None), ["c.csv"]);
    let notes = at("", txt).unwrap().notes().to_vec();
    assert!(
        notes[0].contains("2 left out: c.csv, readme.md"),
        "{notes:?}"
    );
    for (path, format, word) in [
        ("none.txt", None, "no file at"),
        ("", Some(InputFormat::Tsv), "--input_format"),
        ("", None, "several formats: csv, txt"),
        ("*", None, "a list has one format"),
    ] {
        let error = at(path, format).err().unwrap().to_string();
        assert!(error.contains(word), "{path}: {error}");
    }
    let before = at("", txt).unwrap().identity().clone();
    std::fs::write(folder.path().join("b.txt"), "u\nv\n").unwrap();
    let longer = at("", txt).unwrap().identity().clone();
    assert_ne!(longer, before);
    std::fs::write(folder.path().join("b.txt"), "u\nw\n").unwrap();
    assert_ne!(*at("", txt).unwrap().identity(), longer);
}

#[test]
fn bytes_decide_the_format_and_names_that_of_text() {
    let (_folder, parquet) = parquet_file(3, 3);
    let parquet = std::fs::read(parquet).unwrap();
    let csv = b"url,text\nhttp://a,x\n".to_vec();
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain("url\ttext\nhttp://a\tx\n".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let jsonl = b"{\"url\":\"http://a\",\"text\":\"x\"}\n".to_vec();
    for (name, bytes, format) in [
        ("df.parquet.gzip", &parquet, InputFormat::Parquet),
        ("df.PQ", &parquet, InputFormat::Parquet),
        ("df", &parquet, InputFormat::Parquet),
        ("df.csv", &parquet, InputFormat::Parquet),
        ("l.CSV", &csv, InputFormat::Csv),
        ("l", &csv, InputFormat::Csv),
        ("l.dat", &utf16, InputFormat::Tsv),
        ("l.tsv", &utf16, InputFormat::Tsv),
        ("l.ndjson", &jsonl, InputFormat::Jsonl),
        ("l", &jsonl, InputFormat::Json),
        ("l.txt", &jsonl, InputFormat::Json),
        ("l.txt", &csv, InputFormat::Csv),
        ("l.txt", &b"url\nhttp://a\n".to_vec(), InputFormat::Txt),
        ("l", &b"http://a/x\n".to_vec(), InputFormat::Txt),
    ] {
        let (_folder, path) = named(name, bytes);
        let list = open(&path, &InputConfig::default());
        let list = list.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(list.format(), format, "{name}");
    }
}

#[test]
fn foreign_files_are_refused_by_their_usual_name() {
    let (_folder, path) = parquet_file(3, 3);
    let parquet = std::fs::read(path).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&parquet).unwrap();
    let gzip = gzip.finish().unwrap();
    let csv = Some(InputFormat::Csv);
    for (name, bytes, format, word) in [
        ("a.csv", &b"PK\x03\x04rest"[..], None, "a zip archive"),
        (
            "a.txt",
            b"version https://git-lfs.github.com/spec/v1\noid",
            None,
            "Git LFS",
        ),
        ("a.csv", b"<!DOCTYPE html><p>", csv, "an HTML page"),
        (
            "a.csv",
            &parquet,
            csv,
            "is parquet, and --input_format says csv",
        ),
        (
            "a.parquet",
            b"url\nhttp://a\n",
            None,
            "is text, and named as parquet",
        ),
        ("a.parquet.gz", &gzip, None, "parquet under gzip"),
        ("a.txt", b"", None, "is empty"),
        ("a.csv", b"url,text\n", None, "is empty"),
        ("a.jsonl", b"{broken\n[1]\n", None, "none of its 2 records"),
        (
            "a.csv",
            b"url,text\n,x\n,y\n",
            None,
            "none of its 2 records",
        ),
    ] {
        let (_folder, path) = named(name, bytes);
        let config = InputConfig {
            format,
            ..InputConfig::default()
        };
        let error = open(&path, &config).err().map(|error| error.to_string());
        let error = error.unwrap_or_else(|| panic!("{name} {word} is taken"));
        assert!(
            error.contains(word) && error.contains("\nhint: "),
            "{error}"
        );
    }
}

#[test]
fn no_control_byte_of_a_list_is_shown() {
    let (_folder, path) = named("\x1b[31m.csv", b"a\x1b[31mRED\x07,b\nx,y\n");
    let error = open(&path, &InputConfig::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        !error.replace('\n', "").chars().any(char::is_control),
        "{error:?}"
    );
    assert!(error.contains("a\\u001b[31mRED\\u0007"), "{error}");
}

#[test]
fn a_list_that_changes_while_it_is_read_is_an_error() {
    let lines: String = (0..100_000).map(|n| format!("http://h/{n}\n")).collect();
    let (_folder, parquet) = parquet_file(25, 10);
    let (_other, txt) = named("list.txt", lines.as_bytes());
    for path in [parquet, txt] {
        let config = InputConfig {
            rows_per_shard: 10,
            ..InputConfig::default()
        };
        let list = open(&path, &config).unwrap();
        let mut source = list.source(0).unwrap().unwrap();
        source.next_batch().unwrap().unwrap();
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .unwrap();
        file.write_all(b"http://h/more\n").unwrap();
        let error = source.next_batch().unwrap().unwrap_err().to_string();
        assert!(error.contains("has changed since the run began"), "{error}");
        assert!(source.next_batch().is_none());
        assert!(list.source(0).is_err());
    }
}

#[test]
fn lists_of_urls_in_a_cell_become_rows_or_are_refused() {
    let urls: ListArray = {
        let mut lists =
            arrow_array::builder::ListBuilder::new(arrow_array::builder::StringBuilder::new());
        lists.append_value([Some("a"), Some("b")]);
        lists.append_value([Some("c")]);
        lists.finish()
    };
    let (_folder, path) = file(b"");
    let batch = RecordBatch::try_from_iter([("url", Arc::new(urls) as ArrayRef)]).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let error = open(&path, &InputConfig::default())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("--explode_url True"), "{error}");
    let explode = InputConfig {
        explode_url: true,
        ..InputConfig::default()
    };
    let (batches, error, _) = read_at(&path, &explode);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(self::urls(&batches), ["a", "b", "c"]);
    let (batches, ..) = read(
        b"{\"url\":[\"a\",\"b\"]}\n{\"url\":\"c\"}\n",
        &InputConfig {
            format: Some(InputFormat::Jsonl),
            ..explode
        },
    );
    assert_eq!(self::urls(&batches), ["a", "b", "c"]);
    let lists = b"{\"url\":[\"a\"]}\n{\"url\":[\"b\",\"c\"]}\n";
    let error = read(lists, &config(InputFormat::Jsonl))
        .1
        .unwrap()
        .to_string();
    assert!(error.contains("--explode_url True"), "{error}");
    let mixed = b"{\"url\":\"a\"}\n{\"url\":[\"b\",\"c\"]}\n";
    let (batches, error, losses) = read(mixed, &config(InputFormat::Jsonl));
    assert!(error.is_none(), "{error:?}");
    assert_eq!(losses.count(Loss::UrlList), 1);
    assert_eq!(batches[0].num_rows(), 2);
}

#[test]
fn arrow_files_and_streams_are_read_in_their_types() {
    let batch = |from: i64| {
        let n: Int64Array = (from..from + 700).collect();
        let urls: StringArray = (from..from + 700)
            .map(|n| Some(format!("http://h/{n}")))
            .collect();
        RecordBatch::try_from_iter([("n", Arc::new(n) as ArrayRef), ("url", Arc::new(urls))])
            .unwrap()
    };
    let schema = batch(0).schema();
    let mut stored = arrow_ipc::writer::FileWriter::try_new(Vec::new(), &schema).unwrap();
    let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
    for from in [0, 700] {
        stored.write(&batch(from)).unwrap();
        stream.write(&batch(from)).unwrap();
    }
    stored.finish().unwrap();
    stream.finish().unwrap();
    let config = InputConfig {
        save_additional_columns: vec!["n".to_owned()],
        rows_per_shard: 300,
        ..InputConfig::default()
    };
    let whole = stored.into_inner().unwrap();
    for bytes in [&whole, &stream.into_inner().unwrap()] {
        let (batches, error, _) = read(bytes, &config);
        assert!(error.is_none(), "{error:?}");
        assert_eq!(urls(&batches)[1399], "http://h/1399");
        assert_eq!(types(&batches)[0].1, DataType::Int64);
    }
    for cut in (0..whole.len()).step_by(97) {
        let (batches, error, _) = read(&whole[..cut], &config);
        assert!(error.is_some() && batches.is_empty(), "{cut}");
    }
}

#[test]
fn files_of_one_list_agree_on_their_columns_types() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, n: ArrayRef| {
        let urls: ArrayRef = Arc::new(StringArray::from(vec!["u"; n.len()]));
        let columns = [("n", n, true), ("url", urls, true)];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    };
    let config = InputConfig {
        save_additional_columns: vec!["n".to_owned()],
        ..InputConfig::default()
    };
    write("a.parquet", Arc::new(arrow_array::NullArray::new(2)));
    write(
        "b.parquet",
        Arc::new(arrow_array::Int32Array::from(vec![1])),
    );
    write("c.parquet", Arc::new(Int64Array::from(vec![i64::MAX])));
    let (batches, error, _) = read_at(folder.path(), &config);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(types(&batches)[0].1, DataType::Int64);
    write("d.parquet", Arc::new(StringArray::from(vec!["x"])));
    let error = open(folder.path(), &config).err().unwrap().to_string();
    assert!(
        error.contains("Int64") && error.contains("d.parquet"),
        "{error}"
    );
}

#[test]
fn a_sample_does_not_depend_on_how_the_list_is_read() {
    let lines: String = (0..5_000).map(|n| format!("http://h/{n}\n")).collect();
    let sampled = |rows_per_shard| {
        let config = InputConfig {
            sample: Some(Sample { rate: 0.1, seed: 7 }),
            rows_per_shard,
            ..config(InputFormat::Txt)
        };
        urls(&read(lines.as_bytes(), &config).0)
    };
    assert!((400..600).contains(&sampled(10).len()));
    assert_eq!(sampled(10), sampled(1000));
}

#[test]
fn options_that_do_not_apply_to_the_format_are_refused() {
    let (_folder, txt) = named("a.txt", b"http://a\n");
    let (_other, jsonl) = named("a.jsonl", b"{\"url\":\"u\"}\n");
    let extra = InputConfig {
        save_additional_columns: vec!["a".to_owned()],
        ..InputConfig::default()
    };
    let quoting = with_quoting(Quoting::None, InputConfig::default());
    for (path, config, word) in [
        (&txt, &extra, "--save_additional_columns"),
        (&txt, &quoting, "--quoting"),
        (&jsonl, &quoting, "--quoting"),
    ] {
        let error = open(path, config).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_parquet_column_may_be_the_key_and_kept_too() {
    let (_folder, path) = parquet_file(25, 10);
    let config = InputConfig {
        key_col: Some("n".to_owned()),
        ..with_columns(InputFormat::Parquet, &["n"])
    };
    let (batches, error, _) = read_at(&path, &config);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(texts(&batches, "key")[24], Some("24".to_owned()));
    assert_eq!(batches[0].column(0).data_type(), &DataType::Int64);
    assert_eq!(texts(&batches, "caption")[2], Some("2".to_owned()));
    assert_eq!(urls(&batches)[24], "http://h/24");
}
