//! Several workers on one dataset in a store, and stores on which they are refused.

use turbo2ds_tests::harness::{Job, Running};

use super::Check;
use super::place::{Place, SLOW_SHARDS, Whole};

pub const CHECKS: &[Check] = &[
    ("shares of workers at once are one dataset", shares),
    ("workers with the same shards leave each once", race),
    (
        "a killed worker's share is done by the same command",
        killed_worker,
    ),
    ("a second run of the whole dataset is refused", second_run),
    ("a store without conditions refuses several workers", lying),
];

const FORMAT: &str = "webdataset";

fn worker(place: &Place<'_>, prefix: &str, range: &str) -> Job {
    place.slow(FORMAT, prefix).option("--shard_range", range)
}

fn finish_all<const N: usize>(jobs: [&Job; N]) -> usize {
    let running: Vec<Running> = jobs.into_iter().map(Job::start).collect();
    let outcomes = running.into_iter().map(Running::finish);
    outcomes
        .map(|outcome| {
            assert_eq!(outcome.code, Some(0), "{outcome}");
            written(&outcome.stdout)
        })
        .sum()
}

/// The number in `shards: N written, …`.
fn written(stdout: &str) -> usize {
    let line = stdout.lines().find(|line| line.contains(" written, "));
    let word = line.and_then(|line| line.split_whitespace().nth(1));
    word.expect("a summary").parse().expect("a number")
}

fn shares(place: &Place<'_>) {
    if !place.server.kind().keeps_conditions() {
        return;
    }
    let whole = Whole::of(&place.slow_local(FORMAT), FORMAT);
    let half = SLOW_SHARDS / 2;
    let ranges = [
        format!("0-{}", half - 1),
        format!("{half}-{}", SLOW_SHARDS - 1),
    ];
    let [first, second] = ranges.map(|range| worker(place, "shares", &range));
    assert_eq!(finish_all([&first, &second]), SLOW_SHARDS);
    place.check_same("shares", FORMAT, &whole);
}

fn race(place: &Place<'_>) {
    if !place.server.kind().keeps_conditions() {
        return;
    }
    let whole = Whole::of(&place.slow_local(FORMAT), FORMAT);
    let all = format!("0-{}", SLOW_SHARDS - 1);
    let [first, second] = [&all, &all].map(|range| worker(place, "race", range));
    let written = finish_all([&first, &second]);
    place.check_same("race", FORMAT, &whole);
    assert_eq!(
        written, SLOW_SHARDS,
        "what stands is counted by who wrote it"
    );
}

fn killed_worker(place: &Place<'_>) {
    if !place.server.kind().keeps_conditions() {
        return;
    }
    let whole = Whole::of(&place.slow_local(FORMAT), FORMAT);
    let all = format!("0-{}", SLOW_SHARDS - 1);
    let [first, second] = [&all, &all].map(|range| worker(place, "dead", range));
    let before = place.web.requests();
    let doomed = first.start();
    assert!(place.web.wait_for_requests(before + 8));
    doomed.kill();
    second.succeed();
    first.succeed();
    // What the dead one left goes with the next run that has the dataset to itself.
    place.slow(FORMAT, "dead").succeed();
    place.check_same("dead", FORMAT, &whole);
}

fn second_run(place: &Place<'_>) {
    let job = place.slow(FORMAT, "second");
    let before = place.web.requests();
    let running = job.start();
    assert!(place.web.wait_for_requests(before + 4));
    let outcome = place.slow(FORMAT, "second").run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("another run"), "{outcome}");
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(place.verified("second")["whole"], true);
}

fn lying(place: &Place<'_>) {
    if place.server.kind().keeps_conditions() {
        return;
    }
    let job = worker(place, "lying", "0-2");
    place.check_refused(&job, 1, &["several workers"]);
    let left = place.bucket.list("lying");
    assert!(left.is_empty(), "the trial left {left:?}");
}
