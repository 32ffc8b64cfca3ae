//! End to end: each change of a dataset is a version, which says what its files are.

use std::fs;
use std::path::Path;

use serde_json::Value;
use turbo2ds_tests::harness::{Job, Outcome, tool};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: usize = 10;
const FORMATS: [&str; 5] = ["webdataset", "files", "parquet", "tfrecord", "dummy"];

fn job(web: &Web, format: &str) -> Job {
    let urls = (0..COUNT).map(|seed| web.url(&format!("/img/{seed}.jpg?w=90&h=70")));
    Job::of_urls(web, urls)
        .option("--output_format", format)
        .option("--number_sample_per_shard", "4")
        .option("--image_size", "48")
}

fn ask(word: &str, folder: &Path, more: &[&str]) -> Outcome {
    let arguments = [word.as_ref(), folder.as_os_str()];
    let arguments = arguments.into_iter().map(ToOwned::to_owned);
    tool(arguments.chain(more.iter().map(Into::into)))
}

/// The versions, the latest first.
fn log(folder: &Path) -> Vec<Value> {
    let outcome = ask("log", folder, &["--json"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn numbers(folder: &Path) -> Vec<String> {
    let versions = log(folder).into_iter();
    versions
        .map(|version| version["version"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_run_that_changes_a_dataset_makes_a_version() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset");
    let outcome = job.succeed();
    assert!(outcome.stdout.contains("version: 1.0.0"), "{outcome}");
    let folder = job.output();
    let first = &log(&folder)[0];
    assert_eq!(
        (&first["rows"], &first["samples"]),
        (&COUNT.into(), &COUNT.into())
    );
    assert_eq!(
        (&first["shards"], &first["shards_added"]),
        (&3.into(), &3.into())
    );
    assert_eq!(first["change"], "run");
    let outcome = job.succeed();
    assert!(
        !outcome.stdout.contains("version:"),
        "nothing changed: {outcome}"
    );
    let extended = job.option("--incremental_mode", "extend");
    extended.succeed();
    assert_eq!(numbers(&folder), ["1.1.0", "1.0.0"]);
    let last = &log(&folder)[0];
    assert_eq!(
        (&last["shards"], &last["shards_added"]),
        (&6.into(), &3.into())
    );
    assert_eq!(last["parent"], "1.0.0");
    let anew = extended
        .option("--incremental_mode", "overwrite")
        .option("--image_size", "32");
    anew.succeed();
    assert_eq!(numbers(&folder), ["2.0.0", "1.1.0", "1.0.0"]);
    let text = ask("log", &folder, &[]);
    assert!(text.stdout.starts_with("2.0.0 "), "{text}");
}

#[test]
fn a_run_that_is_interrupted_makes_none() {
    let web = Web::start(Ports::default()).unwrap();
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/60/{seed}.jpg")));
    let job = Job::of_urls(&web, urls)
        .option("--output_format", "webdataset")
        .option("--number_sample_per_shard", "2")
        .option("--thread_count", "2");
    let running = job.start();
    running.wait_for_shards(1);
    running.kill();
    assert!(log(&job.output()).is_empty());
    job.succeed();
    assert_eq!(numbers(&job.output()), ["1.0.0"]);
}

#[test]
fn every_file_is_compared_with_its_version() {
    let web = Web::start(Ports::default()).unwrap();
    for format in FORMATS {
        let job = job(&web, format);
        job.succeed();
        let folder = job.output();
        let compared = ask("verify", &folder, &["--manifest", "latest"]);
        assert_eq!(compared.code, Some(0), "{format}: {compared}");
        let name = match format {
            "files" => "00001/000012.jpg",
            "dummy" => "00001_stats.json",
            "tfrecord" | "webdataset" => "00001.parquet",
            _ => "00001_stats.json",
        };
        let path = folder.join(name);
        let mut bytes = fs::read(&path).unwrap();
        // White space more: whole, and not what was written.
        bytes.extend(if name.ends_with("json") {
            &b"\n"[..]
        } else {
            b""
        });
        if name.ends_with("parquet") {
            let whole = fs::read(folder.join("00002.parquet")).unwrap();
            assert_ne!(bytes, whole);
            bytes = whole;
        } else if name.ends_with("jpg") {
            // Behind the end of the image.
            bytes.extend(b"more");
        }
        fs::write(&path, bytes).unwrap();
        let compared = ask("verify", &folder, &["--manifest", "1.0.0", "--json"]);
        assert_eq!(compared.code, Some(3), "{format}: {compared}");
        let report: Value = serde_json::from_str(&compared.stdout).unwrap();
        assert_eq!(
            report["broken"].as_array().unwrap().len(),
            1,
            "{format}: {report}"
        );
        let missing = ask("verify", &folder, &["--manifest", "7.0.0"]);
        assert_eq!(missing.code, Some(1), "{missing}");
        assert!(missing.stderr.contains("no version 7.0.0"), "{missing}");
    }
}

#[test]
fn a_shard_that_is_gone_is_missed() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset");
    job.succeed();
    for ending in [".tar", ".parquet", "_stats.json"] {
        fs::remove_file(job.output().join(format!("00002{ending}"))).unwrap();
    }
    let plain = ask("verify", &job.output(), &[]);
    assert_eq!(plain.code, Some(0), "nobody else knows of it: {plain}");
    let compared = ask("verify", &job.output(), &["--manifest", "latest"]);
    assert_eq!(compared.code, Some(3), "{compared}");
    assert!(compared.stdout.contains("00002"), "{compared}");
}

#[test]
fn what_workers_made_is_a_version_when_one_is_asked_for() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset").option("--shard_range", "0-9");
    job.succeed();
    let folder = job.output();
    let none = ask("log", &folder, &[]);
    assert!(none.stdout.contains("no version"), "{none}");
    let made = ask("snapshot", &folder, &[]);
    assert_eq!(
        (made.code, made.stdout.trim()),
        (Some(0), "version 1.0.0"),
        "{made}"
    );
    let again = ask("snapshot", &folder, &["--json"]);
    assert_eq!(again.stdout.trim(), "{\"version\":null}", "{again}");
    assert_eq!(log(&folder)[0]["change"], "snapshot");
    let compared = ask("verify", &folder, &["--manifest", "latest"]);
    assert_eq!(compared.code, Some(0), "{compared}");
}

#[test]
fn what_has_the_name_of_the_datasets_own_folder_is_somebodys() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset");
    fs::create_dir(job.output()).unwrap();
    fs::write(job.output().join(".turbo2ds"), "mine").unwrap();
    let before = web.requests();
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains(".turbo2ds"), "{outcome}");
    assert_eq!(web.requests(), before);
    assert_eq!(fs::read(job.output().join(".turbo2ds")).unwrap(), b"mine");
}

#[test]
fn a_change_that_was_interrupted_is_finished_before_anything_else() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    // As a program leaves it that was killed when its plan was durable.
    let word = "0123456789abcdef";
    let mut mark = fs::read(folder.join("00001_stats.json")).unwrap();
    mark.extend(b"\n");
    fs::write(folder.join(format!(".00001_stats.json.{word}.part")), &mark).unwrap();
    let plan = format!(
        r#"{{"plan":1,"version":"","word":"{word}","stage":"begun","steps":[{{"replace":"00001_stats.json"}}]}}"#
    );
    fs::write(folder.join(".turbo2ds/change.json"), plan).unwrap();
    let refused = ask("verify", &folder, &[]);
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(refused.stderr.contains("was interrupted"), "{refused}");
    let made = ask("snapshot", &folder, &[]);
    assert_eq!(made.stdout.trim(), "version 2.0.0", "{made}");
    assert!(fs::read(folder.join("00001_stats.json")).unwrap() == mark);
    assert!(!folder.join(".turbo2ds/change.json").exists());
    let compared = ask("verify", &folder, &["--manifest", "latest"]);
    assert_eq!(compared.code, Some(0), "{compared}");
}
