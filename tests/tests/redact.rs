//! End to end: samples are taken out of datasets that are there, and stay out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use turbo2ds_tests::harness::read::{Row, files_below, rows, samples, text};
use turbo2ds_tests::harness::seed::{Seeded, number_from_env};
use turbo2ds_tests::harness::{Job, Outcome, tool, tool_started};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: usize = 14;
const PER_SHARD: usize = 4;
const FORMATS: [&str; 4] = ["webdataset", "files", "parquet", "tfrecord"];
/// Kills of an ordinary test run.
const KILLS: u64 = 40;
/// About as long as a redaction takes.
const REDACTION_US: u64 = 40_000;

fn url(web: &Web, seed: usize) -> String {
    web.url(&format!("/img/{seed}.jpg?w=90&h=70"))
}

/// A job over pictures, of which the third is not found.
fn job(web: &Web, format: &str) -> Job {
    let urls = (0..COUNT).map(|seed| match seed {
        2 => web.url("/fault/not_found"),
        _ => url(web, seed),
    });
    Job::of_urls(web, urls)
        .option("--output_format", format)
        .option("--number_sample_per_shard", PER_SHARD.to_string())
        .option("--image_size", "48")
}

fn redact(folder: &Path, more: &[&str]) -> Outcome {
    let arguments = ["redact".as_ref(), folder.as_os_str()];
    let arguments = arguments.into_iter().map(ToOwned::to_owned);
    tool(arguments.chain(more.iter().map(Into::into)))
}

fn verified(folder: &Path) -> Outcome {
    let outcome = tool([
        "verify".into(),
        folder.as_os_str().to_owned(),
        "--manifest".into(),
        "latest".into(),
    ]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    outcome
}

fn by_key(folder: &Path) -> BTreeMap<String, Row> {
    let rows = rows(folder).into_iter();
    rows.map(|row| (text(&row, "key").to_owned(), row))
        .collect()
}

/// Whether a file is of one of these shards, or none of a shard's.
fn is_of(name: &str, shards: &[&str]) -> bool {
    name.starts_with(".turbo2ds") || shards.iter().any(|shard| name.starts_with(shard))
}

#[test]
fn samples_go_and_everything_else_stays_byte_for_byte() {
    let web = Web::start(Ports::default()).unwrap();
    for format in FORMATS {
        let job = job(&web, format);
        job.succeed();
        let folder = job.output();
        let (files_before, rows_before) = (files_below(&folder), by_key(&folder));
        let samples_before = samples(&folder, format);
        // Rows 1 and 2 are in the first shard, the latter has failed; row 9 is in the third.
        let list = format!(
            "# ours\n{}#part\n\n{}\n",
            url(&web, 1),
            web.url("/fault/not_found")
        );
        let urls = job.file("urls.txt", list);
        let keys = job.file("keys.txt", "000021\n");
        let outcome = redact(
            &folder,
            &[
                "--urls",
                urls.to_str().unwrap(),
                "--keys",
                keys.to_str().unwrap(),
                "--reason",
                "its owner asked",
                "--json",
            ],
        );
        assert_eq!(outcome.code, Some(0), "{format}: {outcome}");
        let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(
            (&report["rows"], &report["samples"]),
            (&3.into(), &2.into()),
            "{report}"
        );
        assert_eq!(
            (&report["shards"], &report["version"]),
            (&2.into(), &"2.0.0".into()),
            "{report}"
        );
        verified(&folder);
        let gone = ["000001", "000002", "000021"];
        let after = by_key(&folder);
        assert_eq!(after.len(), COUNT);
        for (key, row) in &after {
            if !gone.contains(&key.as_str()) {
                assert_eq!(row, &rows_before[key], "{format}");
                continue;
            }
            assert_eq!(text(row, "status"), "failed_to_download", "{format}");
            let why = text(row, "error_message");
            assert!(why.starts_with("redacted: its owner asked (20"), "{why}");
            assert_eq!(row["url"], rows_before[key]["url"]);
            assert_eq!((&row["width"], &row["sha256"]), (&None, &None), "{format}");
        }
        let mut wanted = samples_before;
        wanted.retain(|key, _| !gone.contains(&key.as_str()));
        assert!(
            samples(&folder, format) == wanted,
            "{format}: other samples"
        );
        let files_after = files_below(&folder);
        for (name, bytes) in &files_before {
            if !is_of(name, &["00000", "00002"]) {
                assert!(files_after.get(name) == Some(bytes), "{format}: {name}");
            }
        }
        let names = |files: &BTreeMap<String, Vec<u8>>| -> BTreeSet<String> {
            let names = files
                .keys()
                .filter(|name| !is_of(name, &["00000", "00002"]));
            names.cloned().collect()
        };
        assert_eq!(names(&files_before), names(&files_after), "{format}");
        assert!(
            !files_after.keys().any(|name| name.ends_with(".part")),
            "{format}: {:?}",
            files_after.keys()
        );
    }
}

#[test]
fn what_went_is_never_asked_for_again() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset");
    job.succeed();
    let folder = job.output();
    let urls = job.file("urls.txt", format!("{}\n", url(&web, 5)));
    let outcome = redact(&folder, &["--urls", urls.to_str().unwrap()]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let before = web.requests();
    job.succeed();
    assert_eq!(
        web.requests(),
        before,
        "a run that is repeated asks for nothing"
    );
    let again = job.option("--incremental_mode", "extend");
    again.succeed();
    assert_eq!(web.hits("/img/5.jpg"), 1, "only the first run asked for it");
    assert_eq!(web.hits("/img/6.jpg"), 2);
    let redacted = rows(&folder).into_iter();
    let redacted = redacted.filter(|row| row["url"].as_deref() == Some(&url(&web, 5)));
    let ends: BTreeSet<String> = redacted
        .map(|row| {
            text(&row, "error_message")
                .split(' ')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(ends, BTreeSet::from(["redacted".to_owned()]));
    verified(&folder);
    // A dataset that is done anew obeys too.
    let anew = again.option("--incremental_mode", "overwrite");
    anew.succeed();
    assert_eq!(web.hits("/img/5.jpg"), 1);
    assert_eq!(samples(&folder, "webdataset").len(), COUNT - 2);
}

#[test]
fn hosts_and_hashes_are_kept_out_wherever_they_come_from() {
    let web = Web::start(Ports::default()).unwrap();
    let at = |host: &str, seed: usize| web.url_at(host, &format!("/img/{seed}.jpg"));
    let list = [
        at("a.ok.test", 1),
        at("deep.b.ok.test", 2),
        at("c.ok.test", 3),
        at("d.ok.test", 4),
    ];
    let job = Job::of_urls(&web, &list).option("--output_format", "files");
    job.succeed();
    let folder = job.output();
    let digest = text(&by_key(&folder)["000000003"], "sha256").to_owned();
    let hosts = job.file("hosts.txt", "a.ok.test\n*.b.ok.test\n");
    let hashes = job.file("hashes.txt", digest.to_uppercase());
    let outcome = redact(
        &folder,
        &[
            "--hosts",
            hosts.to_str().unwrap(),
            "--hashes",
            hashes.to_str().unwrap(),
        ],
    );
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(samples(&folder, "files").len(), 1);
    verified(&folder);
    // Another URL of a host, and the same bytes from elsewhere.
    let more = Job::of_urls(
        &web,
        [at("a.ok.test", 7), at("e.ok.test", 4), at("e.ok.test", 8)],
    )
    .option("--output_format", "files")
    .option("--incremental_mode", "extend")
    .into_folder(&folder);
    let before = web.hits("/img/7.jpg");
    more.succeed();
    assert_eq!(web.hits("/img/7.jpg"), before);
    let ends: Vec<String> = by_key(&folder)
        .values()
        .skip(4)
        .map(|row| row["error_message"].clone().unwrap_or_default())
        .collect();
    assert_eq!(ends, ["redacted", "redacted", ""]);
}

#[test]
fn what_is_forgotten_is_nowhere_in_the_folder() {
    let web = Web::start(Ports::default()).unwrap();
    let secret = web.url_at("secret.ok.test", "/img/3.jpg");
    let urls = [web.url("/img/1.jpg"), secret.clone(), web.url("/img/2.jpg")];
    let job = Job::of_urls(&web, &urls).option("--output_format", "webdataset");
    job.succeed();
    let list = job.file("urls.txt", &secret);
    let outcome = redact(
        &job.output(),
        &["--urls", list.to_str().unwrap(), "--forget"],
    );
    assert_eq!(outcome.code, Some(0), "{outcome}");
    for (name, bytes) in files_below(&job.output()) {
        let found = bytes.windows(9).any(|window| window == b"secret.ok");
        assert!(!found, "{}", name);
    }
    verified(&job.output());
    assert_eq!(by_key(&job.output())["000000001"]["url"], None);
    job.option("--incremental_mode", "extend").succeed();
    assert_eq!(web.hits("/img/3.jpg"), 1);
}

#[test]
fn what_cannot_be_done_changes_nothing() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset").option("--compute_hash", "None");
    job.succeed();
    let folder = job.output();
    let before = files_below(&folder);
    let urls = job.file("urls.txt", url(&web, 1));
    let (urls, missing) = (urls.to_str().unwrap(), folder.join("none.txt"));
    let hashes = job.file("hashes.txt", "00".repeat(32));
    let odd = job.file("odd.txt", "a.test\nnot a host\n");
    for (more, code, word) in [
        (&[][..], 2, "what is to go"),
        (&["--urls", missing.to_str().unwrap()], 1, "none.txt"),
        (
            &["--hashes", hashes.to_str().unwrap()],
            1,
            "no column sha256",
        ),
        (&["--hosts", odd.to_str().unwrap()], 2, "line 2"),
        (&["--urls", urls, "--reason", &"x".repeat(300)], 2, "reason"),
    ] {
        let outcome = redact(&folder, more);
        assert_eq!(outcome.code, Some(code), "{more:?}: {outcome}");
        assert!(outcome.stderr.contains(word), "{more:?}: {outcome}");
        assert!(outcome.stderr.contains("hint:"), "{outcome}");
    }
    assert!(files_below(&folder) == before, "something was changed");
    // Nothing to go: the URL is kept out all the same.
    let other = job.file("other.txt", "http://other.test/1.jpg");
    let outcome = redact(&folder, &["--urls", other.to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(
        (&report["rows"], &report["entries_added"]),
        (&0.into(), &1.into())
    );
    assert_eq!(report["version"], Value::Null);
    let mut after = files_below(&folder);
    after.remove(".turbo2ds/redactions.jsonl");
    assert!(after == before, "something was changed");
}

#[test]
fn a_redaction_killed_at_any_moment_is_made_or_was_never_begun() {
    let kills = number_from_env("TURBO2DS_KILLS", KILLS);
    let seed = number_from_env("TURBO2DS_SEED", 1);
    let web = Web::start(Ports::default()).unwrap();
    let made = |format| {
        let made = job(&web, format);
        made.succeed();
        made
    };
    for format in ["webdataset", "files"] {
        let whole = made(format);
        let list = whole.file(
            "urls.txt",
            [1, 6, 9, 13].map(|seed| url(&web, seed)).join("\n"),
        );
        let list = list.to_str().unwrap();
        let old = samples(&whole.output(), format);
        let redacted = copy(&whole.output());
        assert_eq!(redact(redacted.path(), &["--urls", list]).code, Some(0));
        let new = samples(redacted.path(), format);
        assert_eq!(new.len(), old.len() - 4);
        let mut random = Seeded::new(seed);
        let (mut before, mut after) = (0, 0);
        for kill in 0..kills / 2 {
            let folder = copy(&whole.output());
            let mut running = tool_started([
                "redact".as_ref(),
                folder.path().as_os_str(),
                "--urls".as_ref(),
                list.as_ref(),
            ]);
            std::thread::sleep(Duration::from_micros(random.below(REDACTION_US)));
            let _ = running.kill();
            running.wait().unwrap();
            let repaired = tool([
                "verify".as_ref(),
                folder.path().as_os_str(),
                "--repair".as_ref(),
            ]);
            assert_eq!(repaired.code, Some(0), "{format}, kill {kill}: {repaired}");
            verified(folder.path());
            let found = samples(folder.path(), format);
            assert!(
                found == old || found == new,
                "{format}, kill {kill}: a mixture"
            );
            (before, after) = match found == old {
                true => (before + 1, after),
                false => (before, after + 1),
            };
            assert_eq!(redact(folder.path(), &["--urls", list]).code, Some(0));
            assert!(
                samples(folder.path(), format) == new,
                "{format}, kill {kill}"
            );
            verified(folder.path());
        }
        println!("{format}: {before} before, {after} after");
    }
}

fn copy(folder: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for (name, bytes) in files_below(folder) {
        let path = to.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    to
}
