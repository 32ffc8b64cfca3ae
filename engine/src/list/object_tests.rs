//! Lists in a store: every format and compression, folders and globs, and objects that change.

use std::io::Write;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow_array::{Int64Array, StringArray};

use super::tests::{Read, config, named, read_at, with_columns};
use super::*;
use crate::config::{InputConfig, InputFormat, StorageConfig};
use crate::net::storage::http_files_double::{Answer, Server};
use crate::net::storage::{self, Objects, Put, read_ahead_double};

const ROWS: usize = 30_000;

/// The process' memory as a store, below a folder.
fn store(folder: &str) -> Objects {
    let url = read_ahead_double::url(&format!("memory://{folder}"));
    storage::open(&url, &StorageConfig::default()).expect("memory")
}

fn put(objects: &Objects, key: &str, bytes: &[u8]) {
    let (key, bytes) = (key.to_owned(), bytes.to_vec());
    let put = objects.wait(|objects| async move { objects.put(&key, bytes, Put::Replace).await });
    put.expect("room");
}

fn batch(rows: usize) -> RecordBatch {
    let number = |row: usize| row as i64 * 7919 % 9973;
    let urls = (0..rows).map(|row| Some(format!("http://h/{row}/{}", number(row))));
    let texts =
        (0..rows).map(|row| (row % 3 > 0).then(|| format!("text {}", number(row)).repeat(5)));
    let columns: [(&str, arrow_array::ArrayRef); 4] = [
        ("url", std::sync::Arc::new(urls.collect::<StringArray>())),
        ("text", std::sync::Arc::new(texts.collect::<StringArray>())),
        (
            "n",
            std::sync::Arc::new((0..rows).map(number).collect::<Int64Array>()),
        ),
        // Never read.
        (
            "other",
            std::sync::Arc::new((0..rows).map(number).collect::<Int64Array>()),
        ),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

fn parquet(batch: &RecordBatch, rows_per_group: usize) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows_per_group))
        .set_data_page_row_count_limit(500)
        .set_write_batch_size(500)
        .build();
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("rows");
    writer.into_inner().expect("a file")
}

/// The same rows in every format and compression, by name.
fn lists() -> Vec<(&'static str, Vec<u8>)> {
    let batch = batch(ROWS);
    let columns: Vec<&StringArray> = ["url", "text"]
        .iter()
        .map(|name| {
            arrow_array::cast::AsArray::as_string::<i32>(batch.column_by_name(name).expect("it"))
        })
        .collect();
    let (mut txt, mut csv, mut tsv) = (
        String::new(),
        "url,text,n\n".to_owned(),
        "url\ttext\tn\n".to_owned(),
    );
    let (mut jsonl, mut json) = (String::new(), "[".to_owned());
    for row in 0..ROWS {
        let (url, n) = (columns[0].value(row), row * 3);
        let text = columns[1].value(row);
        txt += &format!("{url}\n");
        csv += &format!("{url},{text},{n}\n");
        tsv += &format!("{url}\t{text}\t{n}\n");
        let object = format!(r#"{{"url":"{url}","text":"{text}","n":{n}}}"#);
        jsonl += &format!("{object}\n");
        json += if row > 0 { "," } else { "" };
        json += &object;
    }
    json += "]";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(csv.as_bytes()).expect("memory");
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(jsonl.as_bytes()).expect("memory");
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).expect("memory");
    xz.write_all(tsv.as_bytes()).expect("memory");
    let mut file =
        arrow_ipc::writer::FileWriter::try_new(Vec::new(), &batch.schema()).expect("memory");
    let mut stream =
        arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &batch.schema()).expect("memory");
    for from in (0..ROWS).step_by(1000) {
        file.write(&batch.slice(from, 1000)).expect("memory");
        stream.write(&batch.slice(from, 1000)).expect("memory");
    }
    vec![
        ("list.txt", txt.clone().into_bytes()),
        (
            "list.txt.zst",
            zstd::encode_all(txt.as_bytes(), 1).expect("memory"),
        ),
        ("list.csv", csv.into_bytes()),
        ("list.csv.gz", gzip.finish().expect("memory")),
        ("list.tsv", tsv.into_bytes()),
        ("list.tsv.xz", xz.finish().expect("memory")),
        ("list.jsonl", jsonl.into_bytes()),
        ("list.jsonl.bz2", bzip2.finish().expect("memory")),
        ("list.json", json.into_bytes()),
        ("list.parquet", parquet(&batch, 7000)),
        ("list.arrow", file.into_inner().expect("memory")),
        ("list.arrows", stream.into_inner().expect("memory")),
    ]
}

fn rows(read: &Read) -> RecordBatch {
    assert!(read.1.is_none(), "{:?}", read.1);
    let schema = read.0[0].schema();
    arrow_select::concat::concat_batches(&schema, &read.0).expect("one schema")
}

#[test]
fn every_format_reads_from_a_store_as_from_a_disk() {
    let objects = store("formats");
    for (name, bytes) in lists() {
        let (_folder, path) = named(name, &bytes);
        put(&objects, &format!("formats/{name}"), &bytes);
        let mut config = InputConfig {
            rows_per_shard: 1000,
            ..InputConfig::default()
        };
        if !name.starts_with("list.txt") {
            config.caption_col = Some("text".to_owned());
            config.save_additional_columns = vec!["n".to_owned()];
        }
        let url = format!("memory://formats/{name}");
        let read = read_at(Path::new(&url), &config);
        let (here, there) = (rows(&read_at(&path, &config)), rows(&read));
        assert_eq!(there.num_rows(), ROWS, "{name}");
        assert!(here == there, "{name}");
    }
}

#[test]
fn a_folder_and_a_glob_name_objects_as_they_name_files() {
    let objects = store("many");
    for key in [
        "b.txt",
        "a.TXT",
        "c.csv",
        ".hidden.txt",
        "readme.md",
        "deep/d.txt",
        "deep/.x/e.txt",
        "[a].txt",
        "b.txt.d/f.txt",
    ] {
        put(&objects, &format!("many/{key}"), b"url\n1\n");
    }
    let open = |path: &str, format: Option<InputFormat>| {
        List::open(&InputConfig {
            url_list: format!("memory://{path}"),
            format,
            ..InputConfig::default()
        })
    };
    let names = |path: &str, format: Option<InputFormat>| -> Vec<String> {
        let list = open(path, format).expect(path);
        let paths = list
            .files()
            .iter()
            .map(|file| file.path.to_string_lossy().into_owned());
        paths
            .map(|path| path.replace("memory://many/", ""))
            .collect()
    };
    let txt = Some(InputFormat::Txt);
    assert_eq!(names("many", txt), ["[a].txt", "a.TXT", "b.txt"]);
    assert_eq!(names("many/", txt), ["[a].txt", "a.TXT", "b.txt"]);
    assert_eq!(names("many/?.txt", None), ["b.txt"]);
    assert_eq!(names("many/[a].txt", None), ["[a].txt"]);
    assert_eq!(names("many/*.txt", None), ["[a].txt", "b.txt"]);
    assert_eq!(names("many/*/*.txt", None), ["b.txt.d/f.txt", "deep/d.txt"]);
    assert_eq!(
        names("many/**/*.txt", None),
        ["[a].txt", "b.txt", "b.txt.d/f.txt", "deep/d.txt"]
    );
    assert_eq!(names("many/c.csv", None), ["c.csv"]);
    let notes = open("many", txt).expect("a list").notes().to_vec();
    assert!(
        notes[0].contains("2 left out: c.csv, readme.md"),
        "{notes:?}"
    );
    let refused = |path: &str, format| open(path, format).err().expect(path).to_string();
    assert!(refused("many", None).contains("several formats"));
    assert!(
        refused("many", Some(InputFormat::Parquet))
            .contains("no file with an extension of parquet files")
    );
    for absent in ["none", "many/none", "many/*.zip", "many/none/*"] {
        assert!(
            refused(absent, None).contains("no file at `memory://"),
            "{absent}"
        );
    }
}

/// A list in the store with its rows still to be read.
fn opened(url: &str, config: &InputConfig) -> List {
    List::open(&InputConfig {
        url_list: url.to_owned(),
        rows_per_shard: 100,
        ..config.clone()
    })
    .expect("a list")
}

#[test]
fn an_object_that_changes_ends_the_run() {
    let objects = store("changing");
    let text: String = (0..400_000)
        .map(|row| format!("http://host/{row}\n"))
        .collect();
    let big = batch(200_000);
    let mut arrow =
        arrow_ipc::writer::FileWriter::try_new(Vec::new(), &big.schema()).expect("memory");
    for from in (0..200_000).step_by(2000) {
        arrow.write(&big.slice(from, 2000)).expect("memory");
    }
    for (name, bytes) in [
        ("list.txt", text.into_bytes()),
        ("list.parquet", parquet(&big, 20_000)),
        ("list.arrow", arrow.into_inner().expect("memory")),
    ] {
        let key = format!("changing/{name}");
        put(&objects, &key, &bytes);
        let list = opened(&format!("memory://{key}"), &InputConfig::default());
        let before = list.identity().fingerprint.clone();
        let mut source = list.source(0).expect("rows").expect("a file");
        assert!(source.next_batch().expect("rows").is_ok(), "{name}");
        put(&objects, &key, &bytes);
        let error = std::iter::from_fn(|| source.next_batch()).find_map(Result::err);
        let error = error.expect(name).to_string();
        assert!(
            error.contains("has changed since the run began"),
            "{name}: {error}"
        );
        assert!(source.next_batch().is_none());
        let error = list.source(0).err().or_else(|| {
            list.source(0)
                .expect("rows")
                .expect("a file")
                .next_batch()
                .and_then(Result::err)
        });
        let error = error.expect(name).to_string();
        assert!(
            error.contains("has changed since the run began"),
            "{name}: {error}"
        );
        let after = opened(&format!("memory://{key}"), &InputConfig::default());
        assert_ne!(after.identity().fingerprint, before);
        let again = opened(&format!("memory://{key}"), &InputConfig::default());
        assert_eq!(after.identity(), again.identity());
    }
}

#[test]
fn a_server_without_ranges_has_its_parquet_copied_and_its_text_streamed() {
    let stored = parquet(&batch(20_000), 5000);
    let text: String = (0..100_000)
        .map(|row| format!("http://host/{row}\n"))
        .collect();
    let server = Server::start(move |request| {
        let is_parquet = request.target.starts_with("/list.parquet");
        let body = if is_parquet {
            &stored[..]
        } else {
            text.as_bytes()
        };
        Answer::new(200, body).with("ETag: \"v\"")
    });
    for (name, rows, notes) in [("list.parquet", 20_000, 1), ("list.txt", 100_000, 0)] {
        let url = format!("http://{}/{name}?signature=secret", server.address);
        let list = opened(&url, &InputConfig::default());
        assert_eq!(list.notes().len(), notes, "{:?}", list.notes());
        let fits = |note: &String| note.contains("sends no ranges") && !note.contains("secret");
        assert!(list.notes().iter().all(fits), "{:?}", list.notes());
        let mut source = list.source(0).expect("rows").expect("a file");
        let mut read = 0;
        while let Some(batch) = source.next_batch() {
            read += batch.expect("rows").num_rows();
        }
        assert_eq!(read, rows, "{name}");
    }
}

#[test]
fn an_object_that_goes_is_named_once_with_a_hint() {
    let objects = store("going");
    put(
        &objects,
        "going/list.parquet",
        &parquet(&batch(200_000), 10_000),
    );
    let list = opened("memory://going/list.parquet", &InputConfig::default());
    let mut source = list.source(0).expect("rows").expect("a file");
    assert!(source.next_batch().expect("rows").is_ok());
    let gone = objects.wait(|objects| async move { objects.delete("going/list.parquet").await });
    gone.expect("it is there");
    let error = std::iter::from_fn(|| source.next_batch()).find_map(Result::err);
    let error = error.expect("an error").to_string();
    assert!(
        error.starts_with("input error: cannot read memory://going/list.parquet: nothing is there"),
        "{error}"
    );
    assert!(error.ends_with("\nhint: check the path"), "{error}");
}

#[test]
fn what_is_no_list_is_refused_as_a_file_is() {
    let objects = store("odd");
    put(&objects, "odd/page", b"<!DOCTYPE html><html></html>");
    put(&objects, "odd/empty.csv", b"");
    put(&objects, "odd/list.txt.gz", b"\x1f\x8b\x08 cut");
    let mut broken = parquet(&batch(20_000), 5000);
    let half = broken.len() / 2;
    broken[half..half + 3000].fill(0xff);
    put(&objects, "odd/broken.parquet", &broken);
    put(&objects, "odd/cut.parquet", &broken[..half]);
    for (name, why) in [
        ("page", "an HTML page"),
        ("empty.csv", "`memory://odd/empty.csv` is empty"),
        ("list.txt.gz", "cannot read `memory://odd/list.txt.gz`"),
        (
            "broken.parquet",
            "cannot read `memory://odd/broken.parquet`",
        ),
        ("cut.parquet", "cannot read `memory://odd/cut.parquet`"),
    ] {
        let path = format!("memory://odd/{name}");
        let config = with_columns_or_none(name);
        let error = read_at(Path::new(&path), &config)
            .1
            .expect(name)
            .to_string();
        assert!(error.contains(why), "{name}: {error}");
    }
}

fn with_columns_or_none(name: &str) -> InputConfig {
    if name.ends_with(".parquet") {
        with_columns(InputFormat::Parquet, &["n"])
    } else {
        InputConfig::default()
    }
}

#[test]
fn parquet_rows_of_a_store_are_skipped_exactly() {
    let objects = store("skipped");
    put(&objects, "skipped/list", &parquet(&batch(5000), 1200));
    for start in [0_u64, 1, 499, 500, 1199, 1200, 1201, 3700, 4999, 5000, 5001] {
        let list = opened("memory://skipped/list", &config(InputFormat::Parquet));
        let mut source = list.source(0).expect("rows").expect("a file");
        assert_eq!(source.skip(start), start.min(5000));
        match source.next_batch() {
            Some(batch) => {
                let batch = batch.expect("rows");
                let urls = batch.column_by_name("url").expect("urls");
                let url = arrow_array::cast::AsArray::as_string::<i32>(urls).value(0);
                assert!(url.starts_with(&format!("http://h/{start}/")), "{url}");
            }
            None => assert!(start >= 5000, "{start}"),
        }
    }
}

#[test]
fn only_the_kept_columns_of_a_parquet_are_read() {
    use std::sync::Arc;

    let double = read_ahead_double::Double::new();
    let bytes = parquet(&batch(200_000), 50_000);
    double.put("list", bytes.clone());
    let objects = double.objects();
    let found = objects.wait(|objects| async move { objects.head("list").await });
    let found = found.expect("a store").expect("an object");
    let file = object::ObjectFile::new(&objects, "list".to_owned(), found);
    let config = config(InputFormat::Parquet);
    let mut source = parquet::open(
        file.path(),
        source::Opened::Object(file.clone()),
        Columns::new(&config),
        Arc::from([arrow_schema::DataType::Utf8]),
        1000,
    )
    .expect("rows");
    let mut rows = 0;
    while let Some(batch) = source.next_batch() {
        rows += batch.expect("rows").num_rows();
    }
    assert_eq!(rows, 200_000);
    let read: u64 = double.asked(|asked| {
        asked
            .ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    });
    let metadata = ::parquet::file::metadata::ParquetMetaDataReader::new()
        .parse_and_finish(&::bytes::Bytes::from(bytes.clone()))
        .expect("a footer");
    let urls: i64 = metadata
        .row_groups()
        .iter()
        .map(|group| group.column(0).compressed_size())
        .sum();
    let urls = urls as u64;
    assert!(
        read >= urls && read < urls + 128 * 1024,
        "{read} bytes for {urls}"
    );
}
