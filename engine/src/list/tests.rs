//! Every format from real files, and what happens to bad ones: [`csv`], [`json`] and [`tables`]; here what is the same for all.

mod csv;
mod json;
mod tables;

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

fn with_quoting(quoting: Quoting, config: InputConfig) -> InputConfig {
    let dialect = Dialect {
        quoting,
        ..config.dialect
    };
    InputConfig { dialect, ..config }
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
