//! End to end: nothing of the user's is ever lost. Lists, caches and foreign files in and around the output
//! folder, before runs and during them, in every mode: what a run did not make is there to the last byte
//! afterwards, and what would change it is refused before the first request.

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
fn a_list_in_the_output_folder_is_refused_under_every_name_that_a_shard_takes() {
    let web = web();
    for (name, format) in [
        ("00000.parquet", "webdataset"),
        ("00002.parquet", "parquet"),
        ("00001.tar", "webdataset"),
        ("00000.tfrecord", "tfrecord"),
        ("00001_stats.json", "dummy"),
        ("00001", "files"),
        (".turbo2ds.json", "webdataset"),
        (".00000.tar.0123456789abcdef.part", "webdataset"),
    ] {
        let mut job = with_options(Job::new(&web, "unused", ""), format);
        let list = job.file(&format!("dataset/{name}"), json_lines(&web));
        let said = list.display().to_string();
        job = job.over(list).option("--input_format", "jsonl");
        for mode in MODES {
            // After the last mark there is no shard 1 any more.
            if (name, mode) != ("00001_stats.json", "extend") {
                job = job.option("--incremental_mode", mode);
                check_refused(&web, &job, &job.output(), &[&said]);
            }
        }
    }
}

#[test]
fn a_list_of_parquet_files_with_their_folder_as_output_is_refused_in_every_mode() {
    let web = web();
    let made = job(&web, "webdataset");
    made.succeed();
    let mut job = with_options(Job::new(&web, "unused", ""), "webdataset");
    let folder = job.output();
    fs::create_dir(&folder).unwrap();
    for file in 0..SHARDS {
        let name = format!("{file:05}.parquet");
        fs::copy(made.output().join(&name), folder.join(&name)).unwrap();
    }
    job = job.over(&folder).option("--input_format", "parquet");
    for mode in MODES {
        job = job.option("--incremental_mode", mode);
        check_refused(
            &web,
            &job,
            &folder,
            &["00000.parquet", "a file of the list"],
        );
    }
}

#[test]
fn a_list_under_a_name_that_no_shard_takes_may_lie_in_the_output_folder() {
    let web = web();
    let mut job = with_options(Job::new(&web, "unused", ""), "webdataset");
    let names = ["00000.jsonl", "list.jsonl", "99999.tar", "1.parquet"];
    for name in names {
        job.file(&format!("dataset/{name}"), json_lines(&web));
    }
    for name in names {
        let list = job.output().join(name);
        job = job
            .over(list)
            .option("--input_format", "jsonl")
            .option("--incremental_mode", "overwrite");
        job.succeed();
        assert_eq!(samples_of(&job.output()), COUNT, "{name}");
        for name in names {
            let text = fs::read_to_string(job.output().join(name)).unwrap();
            assert_eq!(text, json_lines(&web), "{name}");
        }
    }
}

#[test]
fn a_list_is_refused_by_whatever_way_it_is_reached() {
    let web = web();
    type Way = fn(&Path) -> (PathBuf, PathBuf);
    let ways: [Way; 5] = [
        |at| {
            fs::rename(at.join("list"), at.join("out/00001.tar")).unwrap();
            symlink("out/00001.tar", at.join("link")).unwrap();
            (at.join("link"), at.join("out"))
        },
        |at| {
            fs::rename(at.join("list"), at.join("out/00001.tar")).unwrap();
            symlink("out", at.join("way")).unwrap();
            (at.join("out/00001.tar"), at.join("way"))
        },
        |at| {
            symlink("../list", at.join("out/00002.tar")).unwrap();
            (at.join("out/00002.tar"), at.join("out"))
        },
        |at| {
            fs::hard_link(at.join("list"), at.join("out/00000.parquet")).unwrap();
            (at.join("list"), at.join("out/../out"))
        },
        |at| (at.join("list"), at.join("list")),
    ];
    for way in ways {
        let place = tempfile::tempdir().unwrap();
        let place = place.path();
        fs::create_dir(place.join("out")).unwrap();
        fs::write(place.join("list"), json_lines(&web)).unwrap();
        let (list, folder) = way(place);
        let mut job = with_options(Job::new(&web, "unused", ""), "webdataset")
            .over(list)
            .into_folder(folder)
            .option("--input_format", "jsonl");
        for mode in MODES {
            job = job.option("--incremental_mode", mode);
            check_refused(&web, &job, place, &[]);
        }
    }
}

#[test]
fn overwrite_never_takes_its_list_from_the_dataset_that_it_removes() {
    let web = web();
    for format in ["webdataset", "parquet"] {
        let made = job(&web, format);
        made.succeed();
        let folder = made.output();
        fs::hard_link(folder.join("00000.parquet"), folder.with_file_name("hard")).unwrap();
        for list in [folder.join("00000.parquet"), folder.with_file_name("hard")] {
            let again = job(&web, format)
                .over(list)
                .into_folder(&folder)
                .option("--input_format", "parquet");
            let overwriting = again.option("--incremental_mode", "overwrite");
            check_refused(&web, &overwriting, &folder, &["00000.parquet"]);
            // Its failures may be asked for again behind it: nothing of it is replaced.
            let before = fs::read(folder.join("00000.parquet")).unwrap();
            let extending = overwriting.option("--incremental_mode", "extend");
            extending.succeed();
            assert_eq!(fs::read(folder.join("00000.parquet")).unwrap(), before);
        }
    }
}

/// URLs that need no resolver, which a cache of names does not go with.
fn addressed_list(web: &Web) -> String {
    let url = web.url("");
    let port = url
        .trim_end_matches('/')
        .rsplit(':')
        .next()
        .unwrap()
        .to_owned();
    (0..COUNT)
        .map(|seed| format!("http://127.0.0.1:{port}/img/{seed}.jpg?w=90&h=70\n"))
        .collect()
}

#[test]
fn a_cache_of_names_takes_the_place_of_nothing() {
    let web = web();
    let home = tempfile::tempdir().unwrap();
    let (place, folder) = (home.path(), home.path().join("dataset"));
    let list = place.join("list.txt");
    fs::write(&list, addressed_list(&web)).unwrap();
    put(&place.join("mine.txt"));
    symlink("list.txt", place.join("link")).unwrap();
    fs::hard_link(&list, place.join("hard")).unwrap();
    let mut job = with_options(Job::strict("unused", ""), "webdataset")
        .option("--allow_net", "127.0.0.0/8")
        .over(&list)
        .into_folder(&folder);
    for (cache, word) in [
        (list.clone(), "--dns_cache"),
        (place.join("link"), "--dns_cache"),
        (place.join("hard"), "--dns_cache"),
        (place.join("mine.txt"), "is not a cache of names"),
        (place.to_owned(), "is not a cache of names"),
        (folder.clone(), "the output folder"),
        (folder.join("00000.tar"), "00000.tar"),
        (folder.join("00099_stats.json"), "00099_stats.json"),
        (folder.join("00001/names"), "00001/names"),
        (folder.join(".turbo2ds.json"), ".turbo2ds.json"),
        (folder.join(".00000.tar.0123456789abcdef.part"), ".part"),
    ] {
        job = job.option("--dns_cache", cache);
        check_refused(&web, &job, place, &[word]);
    }
    assert!(!folder.exists(), "nothing was written");
    // Beside the dataset, and in it under a name of its own, it is welcome.
    for cache in [
        place.join("names"),
        folder.join("names"),
        folder.join("names"),
    ] {
        job = job
            .option("--dns_cache", &cache)
            .option("--incremental_mode", "overwrite");
        job.succeed();
        assert!(fs::read(cache).unwrap().starts_with(b"t2dDNS"));
    }
    check_whole(&job, "webdataset");
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

/// Answers that take their time, so that something can come in between.
fn slow(web: &Web, format: &str) -> Job {
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/400/{seed}.jpg?w=90&h=70")));
    with_options(Job::of_urls(web, urls), format)
        .option("--thread_count", "2")
        .option("--processes_count", "1")
}

#[test]
fn what_comes_while_the_run_goes_on_stays_and_ends_it() {
    let web = web();
    for (format, name) in [
        ("webdataset", "00001.tar"),
        ("webdataset", "00002.parquet"),
        ("webdataset", "00001_stats.json"),
        ("tfrecord", "00002.tfrecord"),
        ("parquet", "00001.parquet"),
        ("files", "00001/mine.txt"),
        ("files", "00002/000010.jpg"),
        ("files", "00002"),
    ] {
        let job = slow(&web, format);
        let running = job.start();
        assert!(watch::until_files(&job.output(), |_| true, 1, RUN_MAX));
        let mine = job.output().join(name);
        put(&mine);
        let outcome = running.finish();
        assert_eq!(outcome.code, Some(1), "{name}: {outcome}");
        let said = [
            "output error",
            "no run of this dataset made",
            "hint: move it away",
        ];
        for word in said {
            assert!(outcome.stderr.contains(word), "{name}: `{word}`: {outcome}");
        }
        assert_eq!(fs::read_to_string(&mine).unwrap(), "mine", "{name}");
        assert_eq!(verified(&job.output())["temporaries"], 0, "{name}");
        let top = name.split('/').next().unwrap();
        check_refused(&web, &job, &job.output(), &[top]);
        fs::rename(job.output().join(top), job.output().join("moved")).unwrap();
        job.succeed();
        let moved = job.output().join("moved");
        let moved = name
            .split_once('/')
            .map_or(moved.clone(), |(_, inner)| moved.join(inner));
        assert_eq!(fs::read_to_string(moved).unwrap(), "mine", "{name}");
        assert_eq!(samples_of(&job.output()), COUNT, "{name}");
    }
}

#[test]
fn somebodys_files_stay_in_a_shards_folder_that_is_done_again() {
    let web = web();
    for damaged in ["", "{", "{\n    \"count\": 5", "gone"] {
        let job = job(&web, "files");
        job.succeed();
        let folder = job.output();
        let mine = [
            "mine.txt",
            "000009.jpg.bak",
            "00000.jpg",
            "000050.jpg",
            "000000.png",
        ];
        for name in mine {
            put(&folder.join("00000").join(name));
        }
        if damaged == "gone" {
            // The mark is whole, and what it stands for is not.
            fs::remove_file(folder.join("00000.parquet")).unwrap();
        } else {
            fs::write(folder.join("00000_stats.json"), damaged).unwrap();
        }
        let asked = web.requests();
        job.succeed();
        assert_eq!(
            web.requests() - asked,
            PER_SHARD as u64,
            "one shard is done again"
        );
        check_whole(&job, "files");
        assert_eq!(verified(&folder)["others"], mine.len());
        for name in mine {
            let path = folder.join("00000").join(name);
            assert_eq!(fs::read_to_string(path).unwrap(), "mine", "{name}");
        }
    }
}

#[test]
fn a_folder_in_a_samples_place_is_not_removed() {
    let web = web();
    let job = job(&web, "files");
    job.succeed();
    let folder = job.output();
    fs::write(folder.join("00000_stats.json"), "").unwrap();
    fs::remove_file(folder.join("00000/000002.jpg")).unwrap();
    put(&folder.join("00000/000002.jpg/mine.txt"));
    check_refused(&web, &job, &folder, &["00000/000002.jpg"]);
}

#[test]
fn overwrite_leaves_what_no_run_made_and_says_so() {
    let web = web();
    let names = [
        "_tmp/0.feather",
        "notes.txt",
        ".backup.part",
        "00000.txt",
        "00000.tfrecord",
        "99999.tar",
        "a\u{1b}[31mb",
        "0.parquet",
    ];
    for format in ["webdataset", "files", "parquet"] {
        let job = job(&web, format);
        job.succeed();
        let folder = job.output();
        let job = job.option("--incremental_mode", "overwrite");
        let quiet = job.succeed();
        assert!(!quiet.stderr.contains("overwrite"), "{quiet}");
        for name in names {
            put(&folder.join(name));
        }
        let outcome = job.succeed();
        let said = format!("overwrite removed the {SHARDS} shards of this dataset and left");
        assert!(outcome.stderr.contains(&said), "{outcome}");
        assert!(outcome.stderr.contains("and 5 more"), "{outcome}");
        assert!(!outcome.stderr.contains('\u{1b}'), "{outcome:?}");
        for name in names {
            assert_eq!(
                fs::read_to_string(folder.join(name)).unwrap(),
                "mine",
                "{name}"
            );
        }
        assert_eq!(samples_of(&folder), COUNT, "{format}");
    }
}

#[test]
fn overwrite_does_not_take_a_shards_folder_that_somebodys_files_are_in() {
    let web = web();
    let job = job(&web, "files");
    job.succeed();
    let folder = job.output();
    put(&folder.join("00001/mine.txt"));
    let job = job.option("--incremental_mode", "overwrite");
    check_refused(&web, &job, &folder, &["00001/mine.txt"]);
    // Where no shard takes the folder, it is left with what is not ours.
    let job = job.option("--output_format", "webdataset");
    job.succeed();
    let left: Vec<_> = fs::read_dir(folder.join("00001")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(!folder.join("00000").exists());
    assert_eq!(samples_of(&folder), COUNT);
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

#[test]
fn samples_named_by_the_list_are_told_from_somebodys_files() {
    let web = web();
    let lines: String = (0..COUNT)
        .map(|seed| {
            format!(
                "name-{seed},{}\n",
                web.url(&format!("/img/{seed}.jpg?w=90&h=70"))
            )
        })
        .collect();
    let list = format!("name,url\n{lines}");
    let job = with_options(Job::new(&web, "list.csv", list), "files").option("--key_col", "name");
    job.succeed();
    let folder = job.output();
    let mine = ["mine.txt", "name-99.jpg", "000000.jpg", "name-0.png"];
    for name in mine {
        put(&folder.join("00000").join(name));
    }
    for damage in ["mark", "metadata", "repair"] {
        match damage {
            "mark" => fs::write(folder.join("00000_stats.json"), "").unwrap(),
            "metadata" => fs::write(folder.join("00000_stats.json"), "{}").unwrap(),
            _ => fs::remove_file(folder.join("00000/name-0.jpg")).unwrap(),
        }
        if damage == "metadata" {
            fs::write(folder.join("00000.parquet"), "torn").unwrap();
        }
        if damage == "repair" {
            tool([Path::new("verify"), &folder, Path::new("--repair")]);
        }
        job.succeed();
        check_whole(&job, "files");
        for name in mine {
            let path = folder.join("00000").join(name);
            assert_eq!(
                fs::read_to_string(path).unwrap(),
                "mine",
                "{damage}: {name}"
            );
        }
    }
    for name in mine {
        fs::remove_file(folder.join("00000").join(name)).unwrap();
    }
    let job = job.option("--incremental_mode", "overwrite");
    job.succeed();
    check_whole(&job, "files");
    assert_eq!(samples(&folder, "files").len(), COUNT);
}

#[test]
fn a_killed_run_never_leaves_a_folder_that_its_command_refuses() {
    let web = web();
    for format in ["files", "webdataset"] {
        let job = slow(&web, format).option("--thread_count", "8");
        for shards in 1..SHARDS {
            let running = job.start();
            running.wait_for_shards(shards);
            running.kill();
            put(&job.output().join("notes.txt"));
        }
        job.succeed();
        check_whole(&job, format);
        assert!(job.output().join("notes.txt").exists());
    }
}
