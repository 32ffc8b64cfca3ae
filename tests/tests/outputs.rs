//! End to end: what a dataset holds, in every output format.

use std::collections::BTreeSet;
use std::fs::File;

use turbo2ds_tests::harness::read::{rows, samples, stats_sum, text};
use turbo2ds_tests::harness::{Job, read, watch};
use turbo2ds_tests::list;
use turbo2ds_tests::web::{Ports, Web};

const COUNT: u64 = 43;
const FAILED: u64 = COUNT / 20;

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// A job over a csv sample with captions, in shards of 10.
fn job(web: &Web, output_format: &str) -> Job {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    list::write(
        &path,
        list::ListFormat::Csv,
        list::sample(&web.url(""), COUNT),
    )
    .unwrap();
    Job::new(web, "list.csv", std::fs::read(path).unwrap())
        .option("--output_format", output_format)
        .option("--caption_col", "caption")
        .option("--save_additional_columns", "[\"id\"]")
        .option("--number_sample_per_shard", "10")
        .option("--image_size", "64")
}

#[test]
fn every_output_format_holds_the_same_samples() {
    let web = web();
    let mut first = None;
    for format in ["webdataset", "files", "parquet", "tfrecord"] {
        let job = job(&web, format);
        job.succeed();
        let content: Vec<_> = samples(&job.output(), format)
            .into_iter()
            .map(|(key, sample)| (key, sample.image, sample.extension, sample.caption))
            .collect();
        assert_eq!(content.len() as u64, COUNT - FAILED, "{format}");
        assert!(content.iter().all(|(_, image, extension, _)| {
            extension == "jpg" && turbojpeg::read_header(image).is_ok()
        }));
        let first = first.get_or_insert_with(|| content.clone());
        assert!(
            content == *first,
            "{format} holds other samples than the first format"
        );
    }
}

#[test]
fn every_row_of_the_list_is_a_row_of_the_metadata() {
    let web = web();
    for format in ["webdataset", "files", "parquet", "tfrecord"] {
        let job = job(&web, format);
        job.succeed();
        let rows = rows(&job.output());
        let keys: BTreeSet<&str> = rows.iter().map(|row| text(row, "key")).collect();
        assert_eq!(
            (rows.len() as u64, keys.len() as u64),
            (COUNT, COUNT),
            "{format}"
        );
        for row in &rows {
            let missing = text(row, "url").contains("/missing/");
            let status = if missing {
                "failed_to_download"
            } else {
                "success"
            };
            assert_eq!(text(row, "status"), status);
            assert_eq!(row["error_message"].is_some(), missing);
            assert_eq!(row["sha256"].is_none(), missing);
            assert_eq!(row["width"].is_none(), missing);
        }
    }
}

#[test]
fn statistics_add_up_to_the_list() {
    let web = web();
    for format in ["webdataset", "files", "parquet", "tfrecord", "dummy"] {
        let job = job(&web, format);
        let outcome = job.succeed();
        assert_eq!(stats_sum(&job.output(), "count"), COUNT, "{format}");
        assert_eq!(
            stats_sum(&job.output(), "successes"),
            COUNT - FAILED,
            "{format}"
        );
        assert_eq!(
            stats_sum(&job.output(), "failed_to_download"),
            FAILED,
            "{format}"
        );
        assert_eq!(stats_sum(&job.output(), "failed_to_resize"), 0, "{format}");
        for stats in read::stats(&job.output()) {
            let by_status = stats["status_dict"].as_object().unwrap();
            let sum: u64 = by_status
                .values()
                .map(|count| count.as_u64().unwrap())
                .sum();
            assert_eq!(Some(sum), stats["count"].as_u64());
            assert!(stats["end_time"].as_f64() >= stats["start_time"].as_f64());
        }
        assert!(outcome.stdout.contains("count: 43"), "{outcome}");
    }
}

#[test]
fn the_dummy_format_writes_statistics_and_nothing_else() {
    let web = web();
    let job = job(&web, "dummy");
    job.succeed();
    let names: Vec<String> = watch::names(&job.output())
        .filter(|name| !name.starts_with('.'))
        .collect();
    assert!(
        names.iter().all(|name| name.ends_with("_stats.json")),
        "{names:?}"
    );
    assert_eq!(names.len(), 5);
}

#[test]
fn a_finished_dataset_holds_no_temporary_file() {
    let web = web();
    for format in ["webdataset", "files", "parquet", "tfrecord"] {
        let job = job(&web, format);
        job.succeed();
        for name in watch::names(&job.output()) {
            let shard = name
                .get(..5)
                .is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit()));
            let whole = !name.ends_with(".tmp") && !name.contains(".part") && name != "_tmp";
            assert!(
                whole && (shard || name.starts_with('.')),
                "{format} left {name}"
            );
        }
    }
}

#[test]
fn a_tar_shard_has_plain_reproducible_members_in_key_order() {
    let web = web();
    let job = job(&web, "webdataset")
        .option("--processes_count", "1")
        .option("--thread_count", "1");
    job.succeed();
    for path in read::files(&job.output(), "tar") {
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!(header.mode().unwrap(), 0o444);
            assert_eq!(header.username().unwrap(), Some("bigdata"));
            assert_eq!(header.groupname().unwrap(), Some("bigdata"));
        }
    }
    let again = self::job(&web, "webdataset")
        .option("--processes_count", "1")
        .option("--thread_count", "1");
    again.succeed();
    let mut shards: Vec<_> = read::files(&job.output(), "tar");
    shards.sort();
    for path in shards {
        let name = path.file_name().unwrap();
        let (one, other) = (
            std::fs::read(&path).unwrap(),
            std::fs::read(again.output().join(name)).unwrap(),
        );
        assert!(
            one == other,
            "{name:?} differs between two runs of one download at a time"
        );
    }
}

#[test]
fn a_samples_json_says_what_its_row_says() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let samples = samples(&job.output(), "webdataset");
    let rows = rows(&job.output());
    for row in rows.iter().filter(|row| text(row, "status") == "success") {
        let json = samples[text(row, "key")].json.as_ref().unwrap();
        for (column, value) in row {
            let expected = value.as_deref().unwrap_or("null");
            let found = match &json[column] {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(found, expected, "{column}");
        }
    }
}

#[test]
fn an_empty_caption_is_an_empty_file_and_a_null_in_the_table() {
    let web = web();
    let url = web.url("/img/1.jpg");
    let list = format!("{}\n", serde_json::json!({"url": url, "caption": null}));
    let job = Job::new(&web, "list.jsonl", list)
        .option("--output_format", "webdataset")
        .option("--caption_col", "caption");
    job.succeed();
    let sample = samples(&job.output(), "webdataset")
        .into_values()
        .next()
        .unwrap();
    assert_eq!(sample.caption.as_deref(), Some(""));
    assert_eq!(rows(&job.output())[0]["caption"], None);
}

#[test]
fn without_a_caption_column_there_is_no_caption_file() {
    let web = web();
    let job = Job::of_urls(&web, [web.url("/img/1.jpg")]).option("--output_format", "webdataset");
    job.succeed();
    let sample = samples(&job.output(), "webdataset")
        .into_values()
        .next()
        .unwrap();
    assert_eq!(sample.caption, None);
}

#[test]
fn a_txt_list_has_empty_captions_and_no_caption_column() {
    let web = web();
    for format in ["webdataset", "files", "parquet", "tfrecord"] {
        let urls = (0..5).map(|id| web.url(&format!("/img/{id}.jpg?w=40&h=30")));
        let job = Job::of_urls(&web, urls)
            .option("--output_format", format)
            .option("--caption_col", "TEXT");
        job.succeed();
        let samples = samples(&job.output(), format);
        assert_eq!(samples.len(), 5, "{format}");
        for sample in samples.values() {
            let expected = (format != "parquet").then_some("");
            assert_eq!(sample.caption.as_deref(), expected, "{format}");
            if let Some(json) = &sample.json {
                assert!(json.get("caption").is_none(), "{format}: {json}");
            }
        }
        for row in rows(&job.output()) {
            assert!(
                !row.contains_key("caption") && !row.contains_key("TEXT"),
                "{format}"
            );
        }
    }
}
