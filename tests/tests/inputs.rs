//! End to end: every format a URL list may have gives the same dataset.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::json;
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::list::{self, Row};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: u64 = 23;

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

fn delimited(rows: &[Row], delimiter: char) -> Vec<u8> {
    let mut text = ["id", "url", "caption"].join(&delimiter.to_string()) + "\n";
    for row in rows {
        let caption = row.caption.replace('"', "\"\"");
        text += &format!("{}{delimiter}{}{delimiter}\"{caption}\"\n", row.id, row.url);
    }
    text.into_bytes()
}

fn objects(rows: &[Row]) -> Vec<serde_json::Value> {
    let object = |row: &Row| json!({"id": row.id, "url": row.url, "caption": row.caption});
    rows.iter().map(object).collect()
}

fn parquet_of(rows: &[Row]) -> Vec<u8> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(
        rows.iter().map(|r| r.id as i64),
    ));
    let urls: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.url)));
    let captions: ArrayRef = Arc::new(StringArray::from_iter_values(
        rows.iter().map(|r| &r.caption),
    ));
    let batch =
        RecordBatch::try_from_iter([("id", ids), ("url", urls), ("caption", captions)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Every text list plain, under gzip and under zstd, and parquet; by the file's name.
fn lists(rows: &[Row]) -> Vec<(String, Vec<u8>)> {
    let lines: String = objects(rows)
        .iter()
        .map(|object| format!("{object}\n"))
        .collect();
    let texts = [
        ("csv", delimited(rows, ',')),
        ("tsv", delimited(rows, '\t')),
        ("json", json!(objects(rows)).to_string().into_bytes()),
        ("jsonl", lines.into_bytes()),
    ];
    let mut lists = vec![("list.parquet".to_owned(), parquet_of(rows))];
    for (format, bytes) in texts {
        lists.push((format!("list.{format}.gz"), gzip(&bytes)));
        lists.push((
            format!("list.{format}.zst"),
            zstd::encode_all(&bytes[..], 1).unwrap(),
        ));
        lists.push((format!("list.{format}"), bytes));
    }
    lists
}

/// Key to what must not depend on the list's format.
fn content(job: &Job) -> BTreeMap<String, (Vec<u8>, Option<String>, String)> {
    let rows = read::rows(&job.output());
    assert_eq!(rows.len() as u64, COUNT);
    let ids: BTreeMap<&str, &str> = rows
        .iter()
        .map(|row| (read::text(row, "key"), read::text(row, "id")))
        .collect();
    let samples = read::samples(&job.output(), "webdataset").into_iter();
    samples
        .map(|(key, s)| (key.clone(), (s.image, s.caption, ids[&*key].to_owned())))
        .collect()
}

#[test]
fn every_input_format_gives_the_same_dataset() {
    let web = web();
    let rows: Vec<Row> = list::sample(&web.url(""), COUNT).collect();
    let mut first = None;
    for (name, bytes) in lists(&rows) {
        let job = Job::new(&web, &name, bytes)
            .option("--output_format", "webdataset")
            .option("--caption_col", "caption")
            .option("--save_additional_columns", "[\"id\"]")
            .option("--number_sample_per_shard", "10");
        job.succeed();
        let content = content(&job);
        assert_eq!(content.len() as u64, COUNT - COUNT / 20, "{name}");
        let first = first.get_or_insert_with(|| content.clone());
        assert!(
            content == *first,
            "{name} gives another dataset than the first format"
        );
    }
}

#[test]
fn the_format_of_a_list_may_be_said_instead_of_its_extension() {
    let web = web();
    let rows: Vec<Row> = list::sample(&web.url(""), 5).collect();
    let job = Job::new(&web, "rows.data", delimited(&rows, ','))
        .option("--input_format", "csv")
        .option("--output_format", "webdataset")
        .option("--caption_col", "caption");
    job.succeed();
    assert_eq!(read::samples(&job.output(), "webdataset").len(), 5);
}

#[test]
fn a_text_list_is_a_url_a_line_in_order() {
    let web = web();
    let urls: Vec<String> = (0..12)
        .map(|seed| web.url(&format!("/img/{seed}.jpg")))
        .collect();
    for compressed in [false, true] {
        let text = urls.join("\n").into_bytes();
        let job = if compressed {
            Job::new(&web, "list.txt.gz", gzip(&text))
        } else {
            Job::new(&web, "list.txt", text)
        };
        let job = job
            .option("--number_sample_per_shard", "5")
            .option("--oom_shard_count", "3");
        job.succeed();
        let rows = read::rows(&job.output());
        let keys: Vec<&str> = rows.iter().map(|row| read::text(row, "key")).collect();
        let expected = [
            "0000", "0001", "0002", "0003", "0004", "0010", "0011", "0012", "0013",
        ];
        assert_eq!(keys[..9], expected);
        assert_eq!(keys.len(), 12);
        let found: Vec<&str> = rows.iter().map(|row| read::text(row, "url")).collect();
        assert_eq!(found, urls);
    }
}

#[test]
fn each_file_of_a_folder_or_glob_starts_a_new_shard_in_sorted_order() {
    let web = web();
    for as_glob in [false, true] {
        let job = Job::new(&web, "unused.txt", "");
        let url = |seed: u32| web.url(&format!("/img/{seed}.jpg"));
        let folder = job
            .file("lists/b.txt", format!("{}\n", url(4)))
            .with_file_name("");
        job.file(
            "lists/a.txt",
            format!("{}\n{}\n{}\n", url(1), url(2), url(3)),
        );
        job.file("lists/readme.md", "not a list");
        let path = if as_glob {
            folder.join("*.txt")
        } else {
            folder
        };
        let job = job
            .over(path)
            .option("--input_format", "txt")
            .option("--number_sample_per_shard", "2");
        job.succeed();
        let rows = read::rows(&job.output());
        let keyed: Vec<(&str, &str)> = rows
            .iter()
            .map(|row| (read::text(row, "key"), read::text(row, "url")))
            .collect();
        let urls = [url(1), url(2), url(3), url(4)];
        let keys = ["000000", "000001", "000010", "000020"];
        let expected: Vec<(&str, &str)> = keys.into_iter().zip(urls.iter().map(|u| &**u)).collect();
        assert_eq!(keyed, expected);
    }
}

#[test]
fn a_url_that_comes_twice_gives_two_rows() {
    let web = web();
    let url = web.url("/img/1.jpg");
    let job = Job::of_urls(&web, [&url, &url]).option("--output_format", "webdataset");
    job.succeed();
    assert_eq!(read::rows(&job.output()).len(), 2);
    assert_eq!(read::samples(&job.output(), "webdataset").len(), 2);
}

#[test]
fn a_list_that_is_missing_is_an_input_error() {
    let web = web();
    let job = Job::new(&web, "list.txt", "").over("/nowhere/at/all.txt");
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("input error"), "{outcome}");
}

#[test]
fn a_column_that_is_missing_is_an_input_error() {
    let web = web();
    let job = Job::new(&web, "list.csv", "link,caption\nhttp://a.ok.test/,x\n");
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("url"), "{outcome}");
}
