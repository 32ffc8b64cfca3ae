//! Lists in a store give the rows that they give from a folder.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::rows;
use turbo2ds_tests::list;

use super::Check;
use super::place::{Place, ROWS};

pub const CHECKS: &[Check] = &[
    ("a list of every form gives its rows", forms),
    ("globs and folders give the rows of their files", several),
    ("a list in a store of a dataset in it", both),
    ("a list that has changed since is refused", changed_since),
    ("a list that changes under a run ends it", changed_under),
    ("a list that is not there is said", missing),
];

/// Rows, without what differs between runs of equal lists.
fn rows_of(job: &Job) -> Vec<String> {
    job.succeed();
    let mut rows: Vec<String> = rows(&job.output())
        .into_iter()
        .map(|row| format!("{row:?}"))
        .collect();
    rows.sort();
    rows
}

/// A job over a list of the store, into a folder.
fn from_store(place: &Place<'_>, list: &str) -> Job {
    place
        .local("webdataset")
        .over(place.server.url(list))
        .envs(place.server.env())
}

fn written(place: &Place<'_>, format: list::ListFormat, count: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list");
    list::write(&path, format, list::sample(&place.web.url(""), count)).unwrap();
    std::fs::read(path).unwrap()
}

/// The metadata of a run is a list in parquet itself.
fn parquet(place: &Place<'_>) -> Vec<u8> {
    let job = place
        .local("dummy")
        .option("--output_format", "webdataset")
        .option("--number_sample_per_shard", ROWS.to_string());
    job.succeed();
    std::fs::read(job.output().join("00000.parquet")).unwrap()
}

fn forms(place: &Place<'_>) {
    let expected = rows_of(&place.local("webdataset"));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let lines = written(place, list::ListFormat::Jsonl, ROWS);
    packed.write_all(&lines).unwrap();
    let packed = packed.finish().unwrap();
    let csv = written(place, list::ListFormat::Csv, ROWS);
    for (name, content) in [("list.csv", csv), ("list.jsonl.gz", packed)] {
        let key = format!("lists/forms/{name}");
        place.bucket.put(&key, content);
        assert!(
            rows_of(&from_store(place, &key)) == expected,
            "{name}: other rows"
        );
    }
    let table = parquet(place);
    let key = "lists/forms/list.parquet";
    place.bucket.put(key, &table);
    let local = place.local("webdataset");
    let file = local.file("list.parquet", &table);
    let expected = rows_of(&local.over(file));
    assert!(
        rows_of(&from_store(place, key)) == expected,
        "parquet: other rows"
    );
}

fn several(place: &Place<'_>) {
    let csv = written(place, list::ListFormat::Csv, ROWS);
    let other = String::from_utf8(csv.clone()).unwrap();
    let other = other
        .replace("/img/", "/img/9")
        .replace("/missing/", "/missing/9");
    let local = place.local("webdataset");
    let folder = local.file("lists/a.csv", &csv);
    local.file("lists/b.csv", &other);
    local.file("lists/c.notes", "no list");
    for (name, content) in [
        ("a.csv", &csv[..]),
        ("b.csv", other.as_bytes()),
        ("c.notes", b"no list"),
    ] {
        place.bucket.put(&format!("lists/several/{name}"), content);
    }
    let expected = rows_of(&local.over(folder.parent().unwrap()));
    assert_eq!(expected.len() as u64, 2 * ROWS);
    for spelling in [
        "lists/several",
        "lists/several/",
        "lists/several/*.csv",
        "lists/sev*/?.csv",
    ] {
        let found = rows_of(&from_store(place, spelling));
        assert!(found == expected, "{spelling}: other rows");
    }
}

fn both(place: &Place<'_>) {
    let csv = written(place, list::ListFormat::Csv, ROWS);
    place.bucket.put("lists/both/list.csv", csv);
    let job = place
        .job("webdataset", "both")
        .over(place.server.url("lists/both/list.csv"));
    job.succeed();
    let outcome = job.succeed();
    assert!(outcome.stdout.contains("0 written"), "{outcome}");
    assert_eq!(place.verified("both")["rows"], ROWS);
}

fn changed_since(place: &Place<'_>) {
    let key = "lists/since/list.csv";
    place
        .bucket
        .put(key, written(place, list::ListFormat::Csv, ROWS));
    let job = place.job("webdataset", "since").over(place.server.url(key));
    job.succeed();
    place
        .bucket
        .put(key, written(place, list::ListFormat::Csv, ROWS - 1));
    place.check_refused(&job, 1, &["changed"]);
}

fn changed_under(place: &Place<'_>) {
    let key = "lists/under/list.csv";
    // Rows of a kilobyte, more than a run reads ahead; none is answered until the list has changed.
    let caption = "x".repeat(1000);
    let list = |first: u64| {
        let mut text = "id,url,filler\n".to_owned();
        for row in first..first + 40_000 {
            text.push_str(&format!(
                "{row},{},{caption}\n",
                place.web.url(&format!("/held/{row}.jpg"))
            ));
        }
        text
    };
    place.bucket.put(key, list(0));
    let job = place
        .local("dummy")
        .over(place.server.url(key))
        .envs(place.server.env())
        .option("--number_sample_per_shard", "1000")
        .option("--caption_col", "filler");
    let before = place.web.requests();
    let running = job.start();
    let is_asked = || place.web.requests() > before;
    while !is_asked() && !running.ends_within(Duration::from_millis(20)) {}
    assert!(is_asked(), "{}", running.finish());
    place.bucket.put(key, list(1));
    place.web.release_held();
    let outcome = running.finish();
    place.web.hold_again();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("changed"), "{outcome}");
}

fn missing(place: &Place<'_>) {
    for list in ["lists/none/list.csv", "lists/none/*.csv", "lists/none/"] {
        place.check_refused(&from_store(place, list), 1, &["input error"]);
    }
}
