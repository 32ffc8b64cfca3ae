//! End to end: runs that are killed, interrupted, repeated, extended, contradicted.

use std::collections::{BTreeMap, BTreeSet};

use turbo2ds_tests::harness::read::{rows, samples, stats_sum, text};
use turbo2ds_tests::harness::{Job, OPEN_SHARDS_MAX, read, watch};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: usize = 120;
const PER_SHARD: usize = 10;
const SHARDS: usize = COUNT / PER_SHARD;

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// One URL a line; each answer takes its time, so that a run can be caught in the middle.
fn list(web: &Web, count: usize) -> String {
    (0..count)
        .map(|seed| web.url(&format!("/slow/40/{seed}.jpg\n")))
        .collect()
}

fn job(web: &Web, format: &str) -> Job {
    Job::new(web, "list.txt", list(web, COUNT))
        .option("--output_format", format)
        .option("--number_sample_per_shard", PER_SHARD.to_string())
        .option("--image_size", "64")
        .option("--thread_count", "4")
}

/// Every row once, every key once, every success readable; gives images by URL.
fn check_whole(job: &Job, format: &str) -> BTreeMap<String, Vec<u8>> {
    check_whole_of(job, format, COUNT)
}

/// The same of a list of so many rows.
fn check_whole_of(job: &Job, format: &str, count: usize) -> BTreeMap<String, Vec<u8>> {
    let rows = rows(&job.output());
    assert_eq!(rows.len(), count);
    let keys: BTreeSet<&str> = rows.iter().map(|row| text(row, "key")).collect();
    assert_eq!(keys.len(), count);
    assert_eq!(stats_sum(&job.output(), "count"), count as u64);
    let samples = samples(&job.output(), format);
    assert_eq!(samples.len(), count);
    rows.iter()
        .map(|row| {
            (
                text(row, "url").to_owned(),
                samples[text(row, "key")].image.clone(),
            )
        })
        .collect()
}

#[test]
fn a_run_killed_at_any_point_is_finished_by_the_same_command() {
    let web = web();
    let whole = job(&web, "webdataset");
    whole.succeed();
    let expected = check_whole(&whole, "webdataset");
    for shards in [1, 4, SHARDS - 2] {
        let job = job(&web, "webdataset");
        let running = job.start();
        running.wait_for_shards(shards);
        running.kill();
        job.succeed();
        assert!(
            check_whole(&job, "webdataset") == expected,
            "killed after {shards} shards"
        );
    }
}

#[test]
fn a_run_killed_before_its_first_shard_is_finished_by_the_same_command() {
    let web = web();
    let job = job(&web, "webdataset");
    let running = job.start();
    assert!(web.wait_for_requests(3));
    running.kill();
    job.succeed();
    check_whole(&job, "webdataset");
}

#[test]
fn every_output_format_survives_a_kill() {
    let web = web();
    for format in ["files", "parquet", "tfrecord"] {
        let job = job(&web, format);
        let running = job.start();
        running.wait_for_shards(2);
        running.kill();
        job.succeed();
        check_whole(&job, format);
    }
}

#[test]
fn a_run_killed_again_and_again_still_ends_whole() {
    let web = web();
    let job = job(&web, "webdataset");
    for shards in [2, 5, 8] {
        let running = job.start();
        running.wait_for_shards(shards);
        running.kill();
    }
    job.succeed();
    check_whole(&job, "webdataset");
}

#[test]
fn a_finished_run_repeated_asks_for_nothing() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let before = web.requests();
    job.succeed();
    assert_eq!(web.requests(), before);
    check_whole(&job, "webdataset");
}

#[test]
fn an_empty_stats_file_does_not_count_as_a_shard() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    std::fs::write(job.output().join("00003_stats.json"), "").unwrap();
    job.succeed();
    check_whole(&job, "webdataset");
}

#[test]
fn an_interrupt_ends_the_run_in_order_and_the_same_command_goes_on() {
    let web = web();
    // More shards than cores may have open, and of all but two of them no row is answered before the
    // run has heard the signal.
    let (count, quick) = (2 * OPEN_SHARDS_MAX, 2);
    let folder = |seed: usize| if seed < quick { "img" } else { "held" };
    let list: String = (0..count)
        .map(|seed| web.url(&format!("/{}/{seed}.jpg\n", folder(seed))))
        .collect();
    let job = job(&web, "webdataset").option("--number_sample_per_shard", "1");
    job.rewrite_list(list);
    let running = job.start();
    running.wait_for_shards(quick);
    running.interrupt();
    running.wait_until_said("stopping");
    web.release_held();
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(130), "{outcome}");
    let done = read::stats(&job.output()).len();
    assert!(
        (quick..count).contains(&done),
        "{done} shards after the interrupt"
    );
    // Whatever has its mark is whole: each of these shards reads, and holds its row.
    assert_eq!(stats_sum(&job.output(), "count"), done as u64);
    job.succeed();
    check_whole_of(&job, "webdataset", count);
}

#[test]
fn overwrite_removes_what_was_there() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    job.rewrite_list(list(&web, 15));
    let job = job.option("--incremental_mode", "overwrite");
    job.succeed();
    assert_eq!(rows(&job.output()).len(), 15);
    assert_eq!(samples(&job.output(), "webdataset").len(), 15);
    assert_eq!(read::files(&job.output(), "tar").len(), 2);
}

#[test]
fn overwrite_spares_files_that_are_no_part_of_a_dataset() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    let notes = job.file("dataset/notes.txt", "mine");
    let job = job.option("--incremental_mode", "overwrite");
    job.succeed();
    assert_eq!(std::fs::read_to_string(notes).unwrap(), "mine");
}

#[test]
fn extend_numbers_on_after_the_last_shard() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    job.rewrite_list(list(&web, 15));
    let job = job.option("--incremental_mode", "extend");
    job.succeed();
    let rows = rows(&job.output());
    assert_eq!(rows.len(), COUNT + 15);
    let keys: BTreeSet<&str> = rows.iter().map(|row| text(row, "key")).collect();
    assert_eq!(keys.len(), COUNT + 15);
    assert_eq!(read::files(&job.output(), "tar").len(), SHARDS + 2);
    assert!(job.output().join("00013.tar").is_file());
}

/// The second run must refuse and leave everything as it was.
fn check_refused(job: &Job, before: usize) {
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("config mismatch"), "{outcome}");
    assert!(outcome.stderr.contains("hint:"), "{outcome}");
    assert_eq!(rows(&job.output()).len(), before);
}

#[test]
fn another_shard_size_is_a_config_mismatch() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    check_refused(&job.option("--number_sample_per_shard", "20"), COUNT);
}

#[test]
fn other_pixels_are_a_config_mismatch() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    check_refused(&job.option("--image_size", "128"), COUNT);
}

#[test]
fn another_list_is_a_config_mismatch() {
    let web = web();
    let job = job(&web, "webdataset");
    job.succeed();
    job.rewrite_list(list(&web, COUNT).replace("/slow/40/0.jpg", "/slow/40/999.jpg"));
    check_refused(&job, COUNT);
}

#[test]
fn options_that_change_no_sample_may_differ_between_runs() {
    let web = web();
    let job = job(&web, "webdataset");
    let running = job.start();
    running.wait_for_shards(2);
    running.kill();
    let job = job
        .option("--thread_count", "16")
        .option("--timeout", "5")
        .option("--io", "epoll");
    job.succeed();
    check_whole(&job, "webdataset");
}

#[test]
fn a_killed_run_leaves_no_temporary_file_behind_the_next() {
    let web = web();
    let job = job(&web, "webdataset");
    let running = job.start();
    running.wait_for_shards(3);
    running.kill();
    job.succeed();
    let strange: Vec<String> = watch::names(&job.output())
        .filter(|name| name.ends_with(".tmp") || name.contains(".part") || name == "_tmp")
        .collect();
    assert!(strange.is_empty(), "{strange:?}");
}

#[test]
fn the_same_list_elsewhere_goes_on_and_another_does_not() {
    let web = Web::start(Ports::default()).unwrap();
    let lines: String = (0..6)
        .map(|seed| web.url(&format!("/img/{seed}.jpg")) + "\n")
        .collect();
    let job = Job::new(&web, "list.txt", &lines).option("--number_sample_per_shard", "2");
    job.succeed();
    let moved = job.file("elsewhere/list.txt", &lines);
    let linked = moved.with_file_name("linked").join("list.txt");
    std::fs::create_dir(linked.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&moved, &linked).unwrap();
    let glob = moved.with_file_name("l*.txt");
    let mut job = job;
    for path in [&moved, &linked, &glob, &moved.with_file_name("")] {
        std::fs::remove_file(job.output().join("00001_stats.json")).unwrap();
        std::fs::remove_file(job.output().join("00001.parquet")).unwrap();
        std::fs::remove_dir_all(job.output().join("00001")).unwrap();
        job = job.over(path);
        let outcome = job.succeed();
        assert!(
            outcome.stdout.contains("1 written, 2 found done"),
            "{outcome}"
        );
        assert_eq!(rows(&job.output()).len(), 6);
    }
    let renamed = job.file("elsewhere/other.txt", &lines);
    let changed = job.file("changed/list.txt", lines.replace("/5.jpg", "/6.jpg"));
    for path in [renamed, changed] {
        job = job.over(path);
        let outcome = job.run();
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(outcome.stderr.contains("files have changed"), "{outcome}");
    }
}
