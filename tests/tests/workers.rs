//! End to end: several processes that do parts of one plan in one folder, at the same time.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use turbo2ds_tests::harness::read::{rows, samples, stats_sum, text};
use turbo2ds_tests::harness::{Job, Running, tool};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: usize = 120;
const PER_SHARD: usize = 10;
const SHARDS: usize = COUNT / PER_SHARD;

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// Each answer takes its time, so that workers overlap.
fn list(web: &Web) -> String {
    (0..COUNT)
        .map(|seed| web.url(&format!("/slow/40/{seed}.jpg\n")))
        .collect()
}

/// A worker's job; all of one test write to `output` from equal lists.
fn worker(web: &Web, output: &Path, options: &[(&str, &str)]) -> Job {
    let job = Job::new(web, "list.txt", list(web))
        .option("--output_format", "webdataset")
        .option("--number_sample_per_shard", PER_SHARD.to_string())
        .option("--image_size", "64")
        .option("--thread_count", "4")
        .option("--processes_count", "1")
        .into_folder(output);
    // The list's path is part of a run's identity.
    let job = job.over(output.with_extension("txt"));
    options
        .iter()
        .fold(job, |job, (name, value)| job.option(name, *value))
}

/// A folder for a dataset, with the workers' list beside it.
fn place(web: &Web) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("dataset");
    fs::write(output.with_extension("txt"), list(web)).unwrap();
    (folder, output)
}

fn finish_all(running: impl IntoIterator<Item = Running>) {
    for worker in running {
        let outcome = worker.finish();
        assert_eq!(outcome.code, Some(0), "{outcome}");
    }
}

/// Every row once, every shard whole, nothing left over.
fn check_whole(output: &Path) {
    let rows = rows(output);
    assert_eq!(rows.len(), COUNT);
    let keys: BTreeSet<&str> = rows.iter().map(|row| text(row, "key")).collect();
    assert_eq!(keys.len(), COUNT);
    assert_eq!(stats_sum(output, "count"), COUNT as u64);
    assert_eq!(samples(output, "webdataset").len(), COUNT);
    let verified = tool([Path::new("verify"), output]);
    assert_eq!(verified.code, Some(0), "{verified}");
    assert_eq!(temporaries(output), 0);
}

fn temporaries(output: &Path) -> usize {
    fs::read_dir(output)
        .unwrap()
        .filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".part")
        })
        .count()
}

#[test]
fn the_shares_of_workers_at_once_are_one_whole_dataset() {
    let web = web();
    let (_folder, output) = place(&web);
    let jobs = ["0", "1", "2"].map(|index| {
        worker(
            &web,
            &output,
            &[("--shard_index", index), ("--shard_count", "3")],
        )
    });
    finish_all(jobs.iter().map(Job::start).collect::<Vec<_>>());
    check_whole(&output);
    let before = web.requests();
    worker(&web, &output, &[]).succeed();
    assert_eq!(web.requests(), before, "a whole run finds everything done");
}

#[test]
fn ranges_join_without_a_gap_and_a_range_past_the_list_does_nothing() {
    let web = web();
    let (_folder, output) = place(&web);
    let job = |range| worker(&web, &output, &[("--shard_range", range)]);
    finish_all([job("0-4").start(), job("5-11").start()]);
    check_whole(&output);
    job("12-99").succeed();
    check_whole(&output);
}

#[test]
fn two_workers_with_the_same_shards_leave_each_shard_whole_and_once() {
    let web = web();
    let (_folder, output) = place(&web);
    let job = || worker(&web, &output, &[("--shard_range", "0-11")]);
    let jobs = [job(), job(), job()];
    let outcomes: Vec<_> = jobs.iter().map(Job::start).collect();
    let mut written = 0;
    for outcome in outcomes.into_iter().map(Running::finish) {
        assert_eq!(outcome.code, Some(0), "{outcome}");
        written += shards_written(&outcome.stdout);
    }
    check_whole(&output);
    assert_eq!(written, SHARDS, "what stands is counted by who wrote it");
}

/// The number in `shards: N written, …`.
fn shards_written(stdout: &str) -> usize {
    let line = stdout.lines().find(|line| line.contains(" written, "));
    let word = line.and_then(|line| line.split_whitespace().nth(1));
    word.expect("a summary").parse().expect("a number")
}

/// A worker that does every other shard.
fn half(web: &Web, output: &Path, index: &str) -> Job {
    let share = [("--shard_index", index), ("--shard_count", "2")];
    worker(web, output, &share)
}

#[test]
fn a_killed_workers_share_is_done_by_the_same_command_beside_the_others() {
    let web = web();
    let (_folder, output) = place(&web);
    let [first, second] = ["0", "1"].map(|index| half(&web, &output, index));
    let (doomed, other) = (first.start(), second.start());
    doomed.wait_for_shards(2);
    doomed.kill();
    // What a worker has open may not have reached the disk yet.
    fs::write(output.join(".00099.tar.0123456789abcdef.part"), "left").unwrap();
    let again = first.start();
    finish_all([again, other]);
    assert!(
        temporaries(&output) > 0,
        "a worker removes nothing that may be another's"
    );
    let verified = tool([Path::new("verify"), &output]);
    assert_eq!(verified.code, Some(0), "{verified}");
    assert_eq!(rows(&output).len(), COUNT);
    // What the dead one left is hidden, and goes with the next run that has the folder to itself.
    worker(&web, &output, &[]).succeed();
    check_whole(&output);
}

#[test]
fn a_scheduler_tells_a_task_its_share() {
    let web = web();
    let (_folder, output) = place(&web);
    let job = |variable: &str, index: &str| {
        worker(&web, &output, &[("--shard_count", "2")]).env(variable, index)
    };
    finish_all([
        job("SLURM_ARRAY_TASK_ID", "0").start(),
        job("JOB_COMPLETION_INDEX", "1").start(),
    ]);
    check_whole(&output);
    let stray = worker(&web, &output, &[("--shard_count", "2")]).run();
    assert_eq!(stray.code, Some(2), "{stray}");
    assert!(stray.stderr.contains("SLURM_ARRAY_TASK_ID"), "{stray}");
}

#[test]
fn a_worker_with_other_options_is_refused_beside_the_others() {
    let web = web();
    let (_folder, output) = place(&web);
    // One row at a time, so that it is still at work when the others come.
    let slow = [
        ("--shard_range", "0-5"),
        ("--processes_count", "1"),
        ("--thread_count", "1"),
    ];
    let first = worker(&web, &output, &slow);
    let running = first.start();
    running.wait_for_shards(1);
    let stray = worker(
        &web,
        &output,
        &[("--shard_range", "6-11"), ("--image_size", "32")],
    )
    .run();
    assert_eq!(stray.code, Some(1), "{stray}");
    assert!(stray.stderr.contains("image_size"), "{stray}");
    let whole = worker(&web, &output, &[]).run();
    assert_eq!(whole.code, Some(1), "{whole}");
    assert!(whole.stderr.contains("another run"), "{whole}");
    finish_all([running]);
    assert_eq!(rows(&output).len(), COUNT / 2);
}

#[test]
fn an_interrupted_worker_removes_its_own_files_and_no_others() {
    let web = web();
    let (_folder, output) = place(&web);
    let [first, second] = ["0", "1"].map(|index| half(&web, &output, index));
    let (stopped, other) = (first.start(), second.start());
    stopped.wait_for_shards(2);
    stopped.interrupt();
    stopped.wait_until_said("stopping");
    stopped.interrupt();
    let outcome = stopped.finish();
    assert_eq!(outcome.code, Some(130), "{outcome}");
    finish_all([other]);
    assert_eq!(temporaries(&output), 0);
    first.succeed();
    check_whole(&output);
}
