//! End to end: `turbo2ds verify` over whole, damaged, unfinished and repaired datasets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use turbo2ds_tests::harness::{Job, Outcome, read, tool, watch};
use turbo2ds_tests::list;
use turbo2ds_tests::web::{Ports, Web};

const COUNT: u64 = 43;
const FAILED: u64 = COUNT / 20;
const SHARDS: usize = 5;
const FORMATS: [&str; 5] = ["webdataset", "files", "parquet", "tfrecord", "dummy"];

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

fn job(web: &Web, output_format: &str) -> Job {
    let urls = list::sample(&web.url(""), COUNT).map(|row| row.url);
    Job::of_urls(web, urls)
        .option("--output_format", output_format)
        .option("--number_sample_per_shard", "10")
        .option("--image_size", "64")
}

fn verify(folder: &Path, switches: &[&str]) -> Outcome {
    let folder = folder.as_os_str().to_owned();
    tool(
        [&"verify".into(), &folder]
            .into_iter()
            .cloned()
            .chain(switches.iter().map(Into::into)),
    )
}

/// The JSON report, whose exit code is the process's.
fn report(folder: &Path, switches: &[&str]) -> Value {
    let mut all = switches.to_vec();
    all.push("--json");
    let outcome = verify(folder, &all);
    let report: Value =
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"));
    assert_eq!(report["exit_code"].as_i64(), outcome.code.map(i64::from));
    report
}

/// The one broken file and what is said of it.
fn broken(report: &Value) -> (String, String) {
    let all = report["broken"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{report}");
    let text = |name: &str| all[0][name].as_str().unwrap().to_owned();
    (text("file"), text("what"))
}

/// Every file of a folder by name.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = watch::names(folder).filter(|name| folder.join(name).is_file());
    files
        .map(|name| (name.clone(), fs::read(folder.join(&name)).unwrap()))
        .collect()
}

#[test]
fn a_finished_run_of_every_format_is_whole() {
    let web = web();
    for format in FORMATS {
        let job = job(&web, format);
        job.succeed();
        let report = report(&job.output(), &[]);
        assert_eq!(report["whole"], true, "{format}: {report}");
        assert_eq!(report["rows"], COUNT, "{format}");
        let samples = if format == "dummy" { 0 } else { COUNT - FAILED };
        assert_eq!(report["samples"], samples, "{format}");
        // What tells the format is gone: the files do.
        fs::remove_file(job.output().join(".turbo2ds.json")).unwrap();
        let outcome = verify(&job.output(), &[]);
        assert_eq!(outcome.code, Some(0), "{format}: {outcome}");
        assert!(outcome.stdout.contains("no record"), "{outcome}");
    }
}

type Damage = fn(&Path);

fn change(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    change(path, |bytes| bytes.truncate(bytes.len() / 2));
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    change(path, |bytes| {
        let at = at(bytes.len());
        bytes[at] ^= 0x10;
    });
}

/// The first file of shard 1 with this extension, in its folder.
fn loose(folder: &Path, extension: &str) -> std::path::PathBuf {
    read::files(&folder.join("00001"), extension).remove(0)
}

/// Format, what is done to shard 1, the file that is named.
const DAMAGES: &[(&str, Damage, &str)] = &[
    (
        "webdataset",
        |f| fs::write(f.join("00001_stats.json"), "").unwrap(),
        "_stats.json",
    ),
    (
        "webdataset",
        |f| cut(&f.join("00001_stats.json")),
        "_stats.json",
    ),
    (
        "webdataset",
        |f| copy(&f.join("00004_stats.json"), &f.join("00001_stats.json")),
        ".parquet",
    ),
    ("webdataset", |f| cut(&f.join("00001.tar")), ".tar"),
    ("webdataset", |f| flip(&f.join("00001.tar"), |_| 3), ".tar"),
    (
        "webdataset",
        |f| change(&f.join("00001.tar"), |b| b.truncate(b.len() - 1024)),
        ".tar",
    ),
    (
        "webdataset",
        |f| change(&f.join("00001.tar"), |b| b.push(1)),
        ".tar",
    ),
    (
        "webdataset",
        |f| copy(&f.join("00002.tar"), &f.join("00001.tar")),
        ".tar",
    ),
    (
        "webdataset",
        |f| change(&f.join("00001.tar"), |b| b.truncate(0)),
        ".tar",
    ),
    (
        "webdataset",
        |f| fs::remove_file(f.join("00001.tar")).unwrap(),
        ".tar",
    ),
    (
        "webdataset",
        |f| fs::remove_file(f.join("00001.parquet")).unwrap(),
        ".parquet",
    ),
    ("webdataset", |f| cut(&f.join("00001.parquet")), ".parquet"),
    (
        "webdataset",
        |f| copy(&f.join("00002.parquet"), &f.join("00001.parquet")),
        ".parquet",
    ),
    (
        "tfrecord",
        |f| flip(&f.join("00001.tfrecord"), |n| n / 2),
        ".tfrecord",
    ),
    (
        "tfrecord",
        |f| change(&f.join("00001.tfrecord"), |b| b.truncate(b.len() - 1)),
        ".tfrecord",
    ),
    (
        "tfrecord",
        |f| change(&f.join("00001.tfrecord"), Vec::clear),
        ".tfrecord",
    ),
    (
        "tfrecord",
        |f| change(&f.join("00001.tfrecord"), |b| b.extend(b.clone())),
        ".tfrecord",
    ),
    ("parquet", |f| cut(&f.join("00001.parquet")), ".parquet"),
    (
        "parquet",
        |f| copy(&f.join("00002.parquet"), &f.join("00001.parquet")),
        ".parquet",
    ),
    (
        "files",
        |f| fs::remove_dir_all(f.join("00001")).unwrap(),
        "",
    ),
    ("files", |f| fs::remove_file(loose(f, "jpg")).unwrap(), ""),
    ("files", |f| fs::remove_file(loose(f, "json")).unwrap(), ""),
    ("files", |f| fs::write(loose(f, "jpg"), "").unwrap(), ""),
    ("files", |f| copy(&loose(f, "json"), &loose(f, "jpg")), ""),
    ("files", |f| cut(&loose(f, "json")), ""),
    // Row 9 of shard 1 is a failure.
    (
        "files",
        |f| fs::write(f.join("00001/000019.jpg"), "x").unwrap(),
        "",
    ),
];

#[test]
fn every_damage_is_found_named_repaired_and_made_good_by_the_same_command() {
    let web = web();
    for format in ["webdataset", "tfrecord", "parquet", "files"] {
        let job = job(&web, format);
        job.succeed();
        let folder = job.output();
        for (at, (_, damage, ending)) in DAMAGES
            .iter()
            .enumerate()
            .filter(|(_, (of, ..))| *of == format)
        {
            damage(&folder);
            let damaged = content(&folder);
            let (file, what) = broken(&report(&folder, &[]));
            assert_eq!(file, format!("00001{ending}"), "damage {at}: {what}");
            assert_eq!(content(&folder), damaged, "damage {at}: it only looks");

            let repaired = report(&folder, &["--repair"]);
            assert_eq!(repaired["broken"][0]["marked"], true, "damage {at}");
            check_repaired(damaged, content(&folder), &format!("damage {at}"));

            let before = web.requests();
            job.succeed();
            assert!(
                web.requests() - before <= 30,
                "damage {at}: one shard is done again"
            );
            let whole = report(&folder, &[]);
            assert_eq!(whole["whole"], true, "damage {at}: {whole}");
            assert_eq!(whole["samples"], COUNT - FAILED, "damage {at}");
        }
    }
}

/// A mark that read back has a temporary name again, beside one for each file that is missing, and nothing
/// else has changed; one that did not is no mark of being done as it stands.
fn check_repaired(
    mut before: BTreeMap<String, Vec<u8>>,
    mut after: BTreeMap<String, Vec<u8>>,
    damage: &str,
) {
    const MARK: &str = "00001_stats.json";
    if !after.contains_key(MARK) {
        let is_intent = |name: &String| name.starts_with(&format!(".{MARK}."));
        let intent = after.keys().find(|name| is_intent(name)).cloned();
        let intent = intent.unwrap_or_else(|| panic!("{damage}: nothing names the shard's files"));
        assert!(after.remove(&intent) == before.remove(MARK), "{damage}");
        after.retain(|name, bytes| !(name.starts_with(".00001") && bytes.is_empty()));
    }
    assert!(
        after == before,
        "{damage}: {:?}, {:?}",
        after.keys(),
        before.keys()
    );
}

#[test]
fn bytes_that_came_are_held_against_their_hash() {
    let web = web();
    let job = job(&web, "webdataset").option("--disable_all_reencoding", "True");
    job.succeed();
    let folder = job.output();
    assert_eq!(report(&folder, &[])["hashes_checked"], COUNT - FAILED);
    // In the middle of the first image, behind its header.
    flip(&folder.join("00001.tar"), |_| 512 + 1500);
    let (file, what) = broken(&report(&folder, &[]));
    assert_eq!(file, "00001.tar");
    assert!(what.contains("hash"), "{what}");
}

#[test]
fn images_that_were_encoded_anew_count_as_no_checked_hash() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    assert_eq!(report(&job.output(), &[])["hashes_checked"], 0);
}

#[test]
fn shards_without_a_mark_and_shards_that_are_not_there_are_told_apart() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    fs::remove_file(folder.join("00001_stats.json")).unwrap();
    for ending in [".tar", ".parquet", "_stats.json"] {
        fs::remove_file(folder.join(format!("00002{ending}"))).unwrap();
    }
    fs::write(folder.join(".00003.tar.0123456789abcdef.part"), "left").unwrap();
    let report = report(&folder, &[]);
    assert_eq!(report["exit_code"], 3, "{report}");
    assert_eq!(report["shards_unfinished"], 1);
    assert_eq!(report["missing"], serde_json::json!([2]));
    assert_eq!(report["shards_whole"], SHARDS - 2);
    assert_eq!(report["temporaries"], 1);
    // Without its mark nothing says that shard 1 is ours: its files are left, and named.
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    let named = "remove 00001.parquet, 00001.tar if they are left-overs";
    assert!(outcome.stderr.contains(named), "{outcome}");
    for ending in [".tar", ".parquet"] {
        fs::remove_file(folder.join(format!("00001{ending}"))).unwrap();
    }
    job.succeed();
    assert_eq!(verify(&folder, &[]).code, Some(0));
}

#[test]
fn somebodys_files_are_counted_and_left_by_a_repair() {
    let web = web();
    let job = job(&web, "files");
    job.succeed();
    let folder = job.output();
    let mine = [
        "notes.txt",
        "_tmp/0.feather",
        ".backup.part",
        "00001/mine.txt",
        "00001/000099.jpg",
        "00001/000010.bak",
    ];
    for name in mine {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    let whole = report(&folder, &[]);
    assert_eq!(whole["whole"], true, "{whole}");
    assert_eq!(whole["others"], 6, "{whole}");
    assert_eq!(whole["temporaries"], 0, "{whole}");
    cut(&loose(&folder, "json"));
    let repaired = report(&folder, &["--repair"]);
    assert_eq!(repaired["broken"][0]["marked"], true, "{repaired}");
    job.succeed();
    let whole = report(&folder, &[]);
    assert_eq!(whole["whole"], true, "{whole}");
    assert_eq!(whole["temporaries"], 0, "{whole}");
    for name in mine {
        assert_eq!(
            fs::read_to_string(folder.join(name)).unwrap(),
            "mine",
            "{name}"
        );
    }
}

#[test]
fn a_repair_leaves_what_no_record_says_is_ours() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    // As another program leaves its shards.
    fs::remove_file(folder.join(".turbo2ds.json")).unwrap();
    cut(&folder.join("00001.tar"));
    fs::write(folder.join("00009_stats.json"), "my notes").unwrap();
    let before = content(&folder);
    let repaired = report(&folder, &["--repair"]);
    assert_eq!(repaired["exit_code"], 3, "{repaired}");
    for broken in repaired["broken"].as_array().unwrap() {
        assert_eq!(broken["marked"], false, "{repaired}");
    }
    assert_eq!(content(&folder), before);
    let outcome = verify(&folder, &["--repair"]);
    assert!(outcome.stdout.contains("remove their files"), "{outcome}");
}

#[test]
fn a_repair_takes_nothing_of_an_interrupted_commit_from_the_next_run() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    // As after a kill between the names and the mark.
    let intent = folder.join(".00002_stats.json.0123456789abcdef.part");
    fs::rename(folder.join("00002_stats.json"), &intent).unwrap();
    fs::write(folder.join(".00003.tar.0123456789abcdef.part"), "left").unwrap();
    let before = report(&folder, &[]);
    assert_eq!(before["shards_unfinished"], 1, "{before}");
    assert_eq!(before["temporaries"], 2, "{before}");
    report(&folder, &["--repair"]);
    assert!(intent.exists(), "it says whose 00002.tar is");
    assert!(!folder.join(".00003.tar.0123456789abcdef.part").exists());
    job.succeed();
    let whole = report(&folder, &[]);
    assert_eq!(
        (&whole["whole"], &whole["temporaries"]),
        (&true.into(), &0.into()),
        "{whole}"
    );
}

#[test]
fn a_folder_that_is_none_is_empty_or_has_a_broken_record_is_never_whole() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(verify(folder.path(), &[]).code, Some(3));
    let missing = verify(&folder.path().join("none"), &[]);
    assert_eq!(missing.code, Some(1), "{missing}");
    assert!(missing.stderr.contains("hint:"), "{missing}");
    fs::write(folder.path().join(".turbo2ds.json"), "{").unwrap();
    assert_eq!(verify(folder.path(), &[]).code, Some(1));
}

#[test]
fn a_folder_that_a_run_writes_to_is_refused() {
    let web = web();
    let slow: String = (0..40)
        .map(|seed| web.url(&format!("/slow/9000/{seed}.jpg\n")))
        .collect();
    let job = Job::new(&web, "list.txt", slow)
        .option("--number_sample_per_shard", "20")
        .option("--output_format", "webdataset");
    let running = job.start();
    assert!(web.wait_for_requests(1));
    for switches in [&[][..], &["--repair"]] {
        let outcome = verify(&job.output(), switches);
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(outcome.stderr.contains("another run"), "{outcome}");
    }
    running.kill();
}

#[test]
fn no_empty_broken_or_lying_mark_counts_as_done_on_resume() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    let mark = folder.join("00001_stats.json");
    let good = fs::read_to_string(&mark).unwrap();
    let half = good[..good.len() / 2].to_owned();
    let lying = good.replace("\"count\": 10", "\"count\": 11");
    assert_ne!(lying, good);
    for bad in ["", "{}", "null", "\0\0\0\0", &half, &lying] {
        fs::write(&mark, bad).unwrap();
        job.succeed();
        let whole = report(&folder, &[]);
        assert_eq!(whole["whole"], true, "{bad:?}: {whole}");
    }
    // A mark whose files are gone is none either.
    for file in ["00001.tar", "00001.parquet"] {
        fs::remove_file(folder.join(file)).unwrap();
        job.succeed();
        assert_eq!(verify(&folder, &[]).code, Some(0), "{file}");
    }
}
