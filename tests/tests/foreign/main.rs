//! End to end: nothing of the user's is ever lost. Lists, caches and foreign files in and around the output
//! folder, before runs and during them, in every mode: what a run did not make is there to the last byte
//! afterwards, and what would change it is refused before the first request.

mod folders;
mod lists;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;
use turbo2ds_tests::harness::read::{rows, samples};
use turbo2ds_tests::harness::{Job, Outcome, RUN_MAX, tool, watch};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: usize = 15;
const PER_SHARD: usize = 5;
const SHARDS: usize = COUNT / PER_SHARD;
const MODES: [&str; 3] = ["incremental", "overwrite", "extend"];
fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

fn urls(web: &Web) -> impl Iterator<Item = String> {
    (0..COUNT).map(|seed| web.url(&format!("/img/{seed}.jpg?w=90&h=70")))
}

fn job(web: &Web, format: &str) -> Job {
    with_options(Job::of_urls(web, urls(web)), format)
}

fn with_options(job: Job, format: &str) -> Job {
    job.option("--output_format", format)
        .option("--number_sample_per_shard", PER_SHARD.to_string())
        .option("--image_size", "48")
}

/// A list that any text format but txt reads: one JSON object a line.
fn json_lines(web: &Web) -> String {
    urls(web)
        .map(|url| format!("{{\"url\": \"{url}\"}}\n"))
        .collect()
}

/// Everything below a folder: the bytes of files, where links lead, and that a folder is there.
fn content(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![folder.to_owned()];
    while let Some(path) = left.pop() {
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        let what = if kind.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            left.extend(entries.map(|entry| entry.unwrap().path()));
            "a folder".to_owned()
        } else if kind.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else {
            format!("{:?}", fs::read(&path).unwrap())
        };
        found.insert(path, what);
    }
    found
}

fn put(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "mine").unwrap();
}

/// The run is refused, says these words and a hint, asks nobody and changes nothing in `folder`.
fn check_refused(web: &Web, job: &Job, folder: &Path, words: &[&str]) -> Outcome {
    let (before, asked) = (content(folder), web.requests());
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    for word in words.iter().chain(&["output error", "hint:"]) {
        assert!(
            outcome.stderr.contains(word),
            "`{word}` is not said: {outcome}"
        );
    }
    assert!(
        content(folder) == before,
        "something was changed: {outcome}"
    );
    assert_eq!(web.requests(), asked, "somebody was asked");
    outcome
}

fn verified(folder: &Path) -> Value {
    let outcome = tool([
        "verify".into(),
        folder.as_os_str().to_owned(),
        "--json".into(),
    ]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

fn check_whole(job: &Job, format: &str) {
    assert_eq!(rows(&job.output()).len(), COUNT);
    let report = verified(&job.output());
    assert_eq!(
        (&report["whole"], &report["temporaries"]),
        (&true.into(), &0.into()),
        "{report}"
    );
    assert_eq!(report["samples"], COUNT, "{format}: {report}");
}

#[test]
fn what_no_run_made_is_in_the_way_before_the_first_request() {
    let web = web();
    type Put = fn(&Path);
    let foreign: [(&str, Put, &str); 12] = [
        ("webdataset", |f| put(&f.join("00000.tar")), "00000.tar"),
        (
            "webdataset",
            |f| put(&f.join("00002.parquet")),
            "00002.parquet",
        ),
        (
            "webdataset",
            |f| put(&f.join("00001_stats.json")),
            "00001_stats.json",
        ),
        (
            "tfrecord",
            |f| put(&f.join("00001.tfrecord")),
            "00001.tfrecord",
        ),
        (
            "parquet",
            |f| put(&f.join("00001.parquet")),
            "00001.parquet",
        ),
        (
            "dummy",
            |f| put(&f.join("00002_stats.json")),
            "00002_stats.json",
        ),
        ("files", |f| put(&f.join("00000/mine.txt")), "00000"),
        ("files", |f| put(&f.join("00001/000005.jpg")), "00001"),
        ("files", |f| put(&f.join("00002")), "00002"),
        (
            "files",
            |f| fs::create_dir_all(f.join("00000")).unwrap(),
            "00000",
        ),
        (
            "webdataset",
            |f| symlink("nowhere", f.join("00001.tar")).unwrap(),
            "00001.tar",
        ),
        (
            "webdataset",
            |f| fs::create_dir(f.join("00001.parquet")).unwrap(),
            "00001.parquet",
        ),
    ];
    for (format, put, name) in foreign {
        let mut job = job(&web, format);
        let folder = job.output();
        fs::create_dir(&folder).unwrap();
        put(&folder);
        for mode in MODES {
            // After a mark, whatever is in it, extend goes on.
            if mode == "extend" && name.ends_with("_stats.json") {
                continue;
            }
            job = job.option("--incremental_mode", mode);
            check_refused(&web, &job, &folder, &[name, "no run of this dataset made"]);
        }
        // A worker looks before it makes a claim.
        job = job
            .option("--incremental_mode", "incremental")
            .option("--shard_range", "0-9");
        check_refused(&web, &job, &folder, &[name]);
        // A worker whose part it is not in is not held up.
        let other = u8::from(name.starts_with("00000"));
        job = job.option("--shard_range", format!("{other}-{other}"));
        if !name.starts_with(&format!("0000{other}")) {
            job.succeed();
            assert!(folder.join(name).symlink_metadata().is_ok(), "{name}");
        }
    }
}

#[test]
fn names_that_no_shard_of_this_list_takes_are_in_nobodys_way() {
    let web = web();
    let names = [
        "20231105.parquet",
        "99999.tar",
        "0.tar",
        "000000.tar",
        "00000.txt",
        "00000.tfrecord",
        ".backup.part",
        ".00000.tar.part",
        "_tmp/0.feather",
        "notes.txt",
    ];
    let job = job(&web, "webdataset");
    let folder = job.output();
    for name in names {
        put(&folder.join(name));
    }
    job.succeed();
    job.succeed();
    assert_eq!(samples_of(&folder), COUNT);
    for name in names {
        assert_eq!(
            fs::read_to_string(folder.join(name)).unwrap(),
            "mine",
            "{name}"
        );
    }
}

/// Samples of the shards of this test's lists, whatever else is in the folder.
/// The marked shards of a folder alone, for readers that take every parquet for one.
fn folder_of_shards(folder: &Path) -> PathBuf {
    let alone = folder.with_file_name("alone");
    fs::create_dir(&alone).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let stem = name.split(['.', '_']).next().unwrap();
        if folder.join(format!("{stem}_stats.json")).exists() {
            fs::copy(&path, alone.join(&name)).unwrap();
        }
    }
    alone
}

fn samples_of(folder: &Path) -> usize {
    let report = verified(folder);
    assert_eq!(report["broken"], serde_json::json!([]), "{report}");
    usize::try_from(report["samples"].as_u64().unwrap()).unwrap()
}

#[test]
fn extend_goes_on_only_where_its_numbers_are_free() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    let job = job.option("--incremental_mode", "extend");
    for name in ["00003.parquet", "00004.tar", "00005.parquet"] {
        put(&folder.join(name));
        check_refused(&web, &job, &folder, &[name]);
        fs::rename(folder.join(name), folder.join(format!("mine-{name}"))).unwrap();
    }
    put(&folder.join("00003.tfrecord"));
    job.succeed();
    assert_eq!(rows(&folder_of_shards(&folder)).len(), 2 * COUNT);
    for name in ["mine-00003.parquet", "mine-00004.tar", "00003.tfrecord"] {
        assert_eq!(
            fs::read_to_string(folder.join(name)).unwrap(),
            "mine",
            "{name}"
        );
    }
}

/// A folder as img2dataset leaves it: shards with marks, and no record.
fn made_elsewhere(web: &Web) -> Job {
    let job = job(web, "webdataset");
    job.succeed();
    fs::remove_file(job.output().join(".turbo2ds.json")).unwrap();
    job
}

#[test]
fn another_programs_shards_are_gone_on_with_and_never_removed() {
    let web = web();
    let job = made_elsewhere(&web);
    let folder = job.output();
    let overwriting = job.option("--incremental_mode", "overwrite");
    check_refused(
        &web,
        &overwriting,
        &folder,
        &["3 shards that no run of turbo2ds made"],
    );
    // A shard that it was at when it was killed is told by its lack of a mark.
    fs::remove_file(folder.join("00002_stats.json")).unwrap();
    let job = overwriting.option("--incremental_mode", "incremental");
    check_refused(
        &web,
        &job,
        &folder,
        &["remove 00002.parquet, 00002.tar if they are left-overs"],
    );
    fs::remove_file(folder.join("00002.tar")).unwrap();
    fs::remove_file(folder.join("00002.parquet")).unwrap();
    let asked = web.requests();
    job.succeed();
    assert_eq!(web.requests() - asked, PER_SHARD as u64);
    check_whole(&job, "webdataset");
    // The record now says which shards are ours.
    let job = job.option("--incremental_mode", "overwrite");
    check_refused(
        &web,
        &job,
        &folder,
        &["00000.parquet, 00000.tar, 00000_stats.json"],
    );
    let job = job.option("--incremental_mode", "incremental");
    fs::remove_file(folder.join("00001.tar")).unwrap();
    check_refused(&web, &job, &folder, &["00001.parquet, 00001_stats.json"]);
    // Ours is done again as any of ours.
    fs::remove_file(folder.join("00001.parquet")).unwrap();
    fs::remove_file(folder.join("00001_stats.json")).unwrap();
    fs::write(folder.join("00002_stats.json"), "").unwrap();
    job.succeed();
    check_whole(&job, "webdataset");
    fs::write(folder.join("00001_stats.json"), "").unwrap();
    job.succeed();
    check_whole(&job, "webdataset");
}

#[test]
fn what_is_no_record_of_ours_is_never_replaced() {
    let web = web();
    for text in [
        "",
        "mine",
        "{}",
        "[]",
        "{\"runs\": [], \"mine\": 1}",
        "{\"runs\": 3}",
    ] {
        let mut job = job(&web, "webdataset");
        let folder = job.output();
        job.file("dataset/.turbo2ds.json", text);
        for mode in MODES {
            job = job.option("--incremental_mode", mode);
            check_refused(
                &web,
                &job,
                &folder,
                &[".turbo2ds.json", "no record of turbo2ds"],
            );
        }
    }
}
