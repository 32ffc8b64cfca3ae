//! End to end: samples that are named by a column of the list (`--key_col`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use parquet::arrow::ArrowWriter;
use serde_json::json;
use turbo2ds_tests::harness::{Job, Outcome, read, tool};
use turbo2ds_tests::web::{Ports, Web};

const FORMATS: [&str; 4] = ["webdataset", "files", "parquet", "tfrecord"];
const INVALID: Option<&str> = Some("invalid key");
const DUPLICATE: Option<&str> = Some("duplicate key");

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// Texts of a key column, one shard of them, and what each row comes to: an image or this message.
fn rows_of_keys() -> Vec<(Option<String>, Option<&'static str>)> {
    let text = |text: &str| Some(text.to_owned());
    let good = [
        "0012",
        "7",
        "-dQw4w9WgXcQ",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "Zürich",
        "日本 1",
        "a,b;c'd",
        "__",
    ];
    let bad = [
        "",
        " lead",
        "trail ",
        ".",
        "..",
        "../../etc",
        "a/b",
        "a\\b",
        "a.jpg",
        ".hidden",
        "C:",
        "a*",
        "a?",
        "a\"b",
        "<a>",
        "a|b",
        "a\u{7f}b",
        "a\tb",
        "a\u{85}b",
        "\u{1b}[31mred",
        "__key__",
        "NUL",
        "com1",
    ];
    let mut rows: Vec<_> = good[..7].iter().map(|key| (text(key), None)).collect();
    rows.push((text(good[7]), INVALID));
    rows.extend(bad.iter().map(|key| (text(key), INVALID)));
    rows.extend([
        (None, INVALID),
        (Some("f".repeat(128)), None),
        (Some("e".repeat(129)), INVALID),
        (Some("é".repeat(65)), INVALID),
        // Equal, equal but for case, and equal by the letters' other case alone.
        (text("0012"), DUPLICATE),
        (text("ZÜRICH"), DUPLICATE),
        (text("straße"), None),
        (text("STRASSE"), DUPLICATE),
        (text("a.jpg"), INVALID),
        (text("12"), None),
    ]);
    rows
}

fn url(web: &Web, row: usize) -> String {
    web.url(&format!("/img/{row}.jpg?w=80&h=60"))
}

/// A jsonl list of these keys.
fn jsonl(web: &Web, keys: impl IntoIterator<Item = Option<String>>) -> String {
    let line = |(row, key): (usize, Option<String>)| {
        format!("{}\n", json!({"id": key, "url": url(web, row)}))
    };
    keys.into_iter().enumerate().map(line).collect()
}

fn keyed(job: Job, output_format: &str) -> Job {
    job.option("--key_col", "id")
        .option("--output_format", output_format)
        .option("--image_size", "32")
}

fn verify(folder: &Path) -> Outcome {
    tool([Path::new("verify"), folder])
}

#[test]
fn keys_of_the_list_name_the_samples_in_every_format() {
    let web = web();
    let rows = rows_of_keys();
    let wanted: BTreeSet<&str> = rows
        .iter()
        .filter(|(_, failure)| failure.is_none())
        .filter_map(|(key, _)| key.as_deref())
        .collect();
    for (nth, format) in FORMATS.iter().enumerate() {
        let list = jsonl(&web, rows.iter().map(|(key, _)| key.clone()));
        let job = keyed(Job::new(&web, "list.jsonl", list), format)
            .option("--save_additional_columns", "[\"id\"]");
        job.succeed();
        let found = read::rows_by_url(&job.output());
        assert_eq!(found.len(), rows.len(), "{format}");
        for (row, (text, failure)) in rows.iter().enumerate() {
            let of_row = &found[&url(&web, row)];
            let key = text.as_deref().filter(|_| failure.is_none());
            assert_eq!(of_row["key"].as_deref(), key, "{format}: {text:?}");
            assert_eq!(
                of_row["error_message"].as_deref(),
                *failure,
                "{format}: {text:?}"
            );
            assert_eq!(of_row["id"], *text, "{format}");
            // Nothing was asked of the web that could not be kept.
            let asked = web.hits(&format!("/img/{row}.jpg"));
            assert_eq!(asked > 0, failure.is_none(), "{format}: {text:?}");
            assert!(asked as usize <= nth + 1, "{format}: {text:?}");
        }
        let samples = read::samples(&job.output(), format);
        let keys: BTreeSet<&str> = samples.keys().map(String::as_str).collect();
        assert_eq!(keys, wanted, "{format}");
        for (key, sample) in &samples {
            let told = sample
                .json
                .as_ref()
                .map_or(&**key, |json| json["key"].as_str().unwrap());
            assert_eq!(told, key, "{format}");
        }
        for record in [true, false] {
            if !record {
                fs::remove_file(job.output().join(".turbo2ds.json")).unwrap();
            }
            let outcome = verify(&job.output());
            assert_eq!(
                outcome.code,
                Some(0),
                "{format}, record {record}: {outcome}"
            );
        }
    }
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// Key of each row, in the list's order.
fn keys(folder: &Path) -> Vec<String> {
    let rows = read::rows(folder);
    let keys = rows.iter().map(|row| read::text(row, "key").to_owned());
    keys.collect()
}

#[test]
fn whole_numbers_are_keys_of_their_digits_in_every_kind_of_list() {
    let web = web();
    let numbers = [0, 7, u64::MAX];
    let urls: Vec<String> = (0..3).map(|row| url(&web, row)).collect();
    let ids: ArrayRef = Arc::new(UInt64Array::from(numbers.to_vec()));
    let columns = vec![
        ("url", Arc::new(StringArray::from(urls.clone())) as ArrayRef),
        ("id", ids),
    ];
    let lines = |line: &dyn Fn(&u64, &str) -> String| -> String {
        numbers
            .iter()
            .zip(&urls)
            .map(|(id, url)| line(id, url))
            .collect()
    };
    let lists = [
        ("l.parquet", parquet(columns)),
        (
            "l.csv",
            [
                "id,url\n".to_owned(),
                lines(&|id, url| format!("{id},{url}\n")),
            ]
            .concat()
            .into(),
        ),
        (
            "l.jsonl",
            lines(&|id, url| format!("{}\n", json!({"url": url, "id": id}))).into(),
        ),
    ];
    for (name, list) in lists {
        let job = keyed(Job::new(&web, name, list), "webdataset");
        job.succeed();
        let expected = numbers.map(|id| id.to_string());
        assert_eq!(keys(&job.output()), expected, "{name}");
    }
}

#[test]
fn a_column_that_holds_no_keys_or_is_missing_is_refused_before_the_first_request() {
    let web = web();
    let columns = || {
        let urls: ArrayRef = Arc::new(StringArray::from(vec![url(&web, 0)]));
        vec![
            ("url", urls),
            ("id", Arc::new(Float64Array::from(vec![1.0])) as ArrayRef),
        ]
    };
    let line = format!("id,url\n1,{}\n", url(&web, 0));
    for (name, list, column, code, said) in [
        ("l.parquet", parquet(columns()), "id", 1, "Float64"),
        ("l.parquet", parquet(columns()), "uid", 1, "`uid`"),
        ("l.csv", line.clone().into(), "uid", 1, "`uid`"),
        ("l.csv", line.clone().into(), "url", 2, "--key_col"),
        ("l.txt", (url(&web, 0) + "\n").into(), "id", 2, "--key_col"),
    ] {
        let job = Job::new(&web, name, list).option("--key_col", column);
        let outcome = job.run();
        assert_eq!(outcome.code, Some(code), "{name} {column}: {outcome}");
        assert!(outcome.stderr.contains(said), "{name} {column}: {outcome}");
        assert!(
            outcome.stderr.contains("hint: "),
            "{name} {column}: {outcome}"
        );
        assert!(!job.output().exists(), "{name} {column}");
    }
    assert_eq!(web.requests(), 0);
}

/// Twelve rows in shards of 4, the first key of each shard coming again in it.
fn repeating(web: &Web) -> String {
    let keys = (0..12).map(|row| Some(format!("k{}", if row % 4 == 3 { row - 3 } else { row })));
    jsonl(web, keys)
}

fn sharded(web: &Web) -> Job {
    keyed(Job::new(web, "list.jsonl", repeating(web)), "webdataset")
        .option("--number_sample_per_shard", "4")
}

type Content = BTreeMap<String, Vec<u8>>;

fn images(folder: &Path) -> Content {
    let samples = read::samples(folder, "webdataset").into_iter();
    samples.map(|(key, sample)| (key, sample.image)).collect()
}

/// Key and message of each row.
fn ends(folder: &Path) -> Vec<(Option<String>, Option<String>)> {
    let rows = read::rows(folder).into_iter();
    rows.map(|row| (row["key"].clone(), row["error_message"].clone()))
        .collect()
}

#[test]
fn workers_a_resumed_run_and_a_whole_run_give_the_same_keys() {
    let web = web();
    let whole = sharded(&web);
    whole.succeed();
    let expected = (images(&whole.output()), ends(&whole.output()));
    assert_eq!(expected.0.len(), 9);
    let duplicates = expected
        .1
        .iter()
        .filter(|(_, why)| why.as_deref() == DUPLICATE);
    assert_eq!(duplicates.count(), 3);

    // The second shard again, from its mark's loss.
    for name in ["00001_stats.json", "00001.tar", "00001.parquet"] {
        fs::remove_file(whole.output().join(name)).unwrap();
    }
    whole.succeed();
    assert_eq!((images(&whole.output()), ends(&whole.output())), expected);

    let mut parts = sharded(&web);
    for range in ["1-2", "0-0"] {
        parts = parts.option("--shard_range", range);
        parts.succeed();
    }
    assert_eq!((images(&parts.output()), ends(&parts.output())), expected);
    assert_eq!(verify(&parts.output()).code, Some(0));

    let numbered = whole.option("--key_col", "None").run();
    assert_eq!(numbered.code, Some(1), "{numbered}");
    assert!(numbered.stderr.contains("key_col"), "{numbered}");
}

#[test]
fn a_key_may_come_again_in_another_shard() {
    let web = web();
    let list = jsonl(&web, ["a", "b", "a", "A"].map(|key| Some(key.to_owned())));
    let job =
        keyed(Job::new(&web, "list.jsonl", list), "files").option("--number_sample_per_shard", "2");
    job.succeed();
    let found: Vec<_> = ends(&job.output());
    let named = |key: &str| (Some(key.to_owned()), None);
    assert_eq!(found[..3], [named("a"), named("b"), named("a")]);
    assert_eq!(found[3], (None, DUPLICATE.map(str::to_owned)));
    assert!(job.output().join("00000/a.jpg").is_file());
    assert!(job.output().join("00001/a.jpg").is_file());
    assert_eq!(verify(&job.output()).code, Some(0));
}

#[test]
fn verify_holds_samples_against_the_keys_of_their_rows() {
    let web = web();
    let list = jsonl(&web, ["a", "b", "c/d"].map(|key| Some(key.to_owned())));
    type Damage = fn(&Path) -> std::io::Result<()>;
    let cases: [(&str, Damage); 3] = [
        // Loose files of another name are somebody else's, so that the row's own are missing.
        ("have no sample", |shard| {
            ["jpg", "json"].iter().try_for_each(|ext| {
                fs::rename(
                    shard.join(format!("a.{ext}")),
                    shard.join(format!("x.{ext}")),
                )
            })
        }),
        ("tells of another sample", |shard| {
            fs::copy(shard.join("a.json"), shard.join("b.json")).map(drop)
        }),
        ("have no sample", |shard| {
            ["jpg", "json"]
                .iter()
                .try_for_each(|ext| fs::remove_file(shard.join(format!("b.{ext}"))))
        }),
    ];
    for (said, damage) in cases {
        let job = keyed(Job::new(&web, "list.jsonl", list.clone()), "files");
        job.succeed();
        // Files of samples are read-only only in a tar.
        damage(&job.output().join("00000")).unwrap();
        let outcome = verify(&job.output());
        assert_eq!(outcome.code, Some(3), "{said}: {outcome}");
        assert!(outcome.stdout.contains(said), "{said}: {outcome}");
    }
}
