//! Runs that are killed at moments of a seed, and go on by the same command.

use std::time::Duration;

use serde_json::Value;
use turbo2ds_tests::harness::seed::{Seeded, number_from_env};
use turbo2ds_tests::stores::all_are_wanted;

use super::Check;
use super::place::{Place, SLOW_ROWS, SLOW_SHARDS, Whole};

pub const CHECKS: &[Check] = &[
    ("a run that is killed again and again ends whole", killed),
    (
        "a part of the list first, then all of it is refused",
        part_of_the_list,
    ),
    ("a finished run repeated asks for nothing", repeated),
    ("what dead runs left goes with the next", leftovers),
];

/// Kills of a format.
const KILLS: u64 = 3;
const KILLS_OF_ALL: u64 = 12;
/// About as long as a whole run takes.
const RUN_MS: u64 = 1200;

fn killed(place: &Place<'_>) {
    let usual = if all_are_wanted() {
        KILLS_OF_ALL
    } else {
        KILLS
    };
    let kills = number_from_env("TURBO2DS_KILLS", usual);
    let mut random = Seeded::new(number_from_env("TURBO2DS_SEED", 1));
    for format in ["webdataset", "files"] {
        let whole = Whole::of(&place.slow_local(format), format);
        let prefix = format!("killed/{format}");
        let job = place.slow(format, &prefix);
        let mut killed = 0;
        while killed < kills {
            let running = job.start();
            let moment = Duration::from_millis(random.below(RUN_MS));
            if running.ends_within(moment) {
                break;
            }
            running.kill();
            killed += 1;
            let left = place.bucket.list(&prefix);
            let marks = left.keys().filter(|name| name.ends_with("_stats.json"));
            let (marks, verified) = (marks.count(), place.verify(&prefix, &["--json"]));
            let report: Value = serde_json::from_str(&verified.stdout).unwrap_or_default();
            assert!(
                left.is_empty() || report["broken"] == serde_json::json!([]),
                "{format}: broken after kill {killed} with {marks} marks: {verified}"
            );
        }
        println!("{format}: {killed} kills");
        job.succeed();
        place.check_same(&prefix, format, &whole);
    }
}

fn part_of_the_list(place: &Place<'_>) {
    let part = (SLOW_ROWS / 2).to_string();
    let prefix = "part";
    let job = place.slow("webdataset", prefix).option("--max_rows", &part);
    job.succeed();
    let local = place.slow_local("webdataset").option("--max_rows", &part);
    let whole = Whole::of(&local, "webdataset");
    place.check_same(prefix, "webdataset", &whole);
    let job = job.option("--max_rows", SLOW_ROWS.to_string());
    place.check_refused(&job, 1, &["config mismatch"]);
    place.check_same(prefix, "webdataset", &whole);
}

fn repeated(place: &Place<'_>) {
    let prefix = "repeated";
    let job = place.job("webdataset", prefix);
    job.succeed();
    let (before, asked) = (place.objects(prefix), place.web.requests());
    let outcome = job.succeed();
    assert_eq!(place.web.requests(), asked, "{outcome}");
    let mut after = place.objects(prefix);
    let mut before = before;
    // The record tells of the second run too.
    for objects in [&mut before, &mut after] {
        objects.remove(super::place::RECORD);
    }
    assert!(before == after, "something was written again");
}

fn leftovers(place: &Place<'_>) {
    let prefix = "leftovers";
    if place.bucket.unfinished(prefix).is_none() {
        return;
    }
    let job = place.slow("webdataset", prefix);
    let before = place.web.requests();
    let running = job.start();
    assert!(place.web.wait_for_requests(before + 6));
    running.kill();
    place
        .bucket
        .leave_unfinished(&format!("{prefix}/00001.tar"));
    place.bucket.leave_unfinished("elsewhere/mine.tar");
    job.succeed();
    assert_eq!(
        place.bucket.unfinished("elsewhere/").unwrap().len(),
        1,
        "an upload of somebody else is gone"
    );
    place.check_nothing_left(prefix);
    let marks = place.names(prefix);
    let marks = marks.iter().filter(|name| name.ends_with("_stats.json"));
    assert_eq!(marks.count(), SLOW_SHARDS);
}
