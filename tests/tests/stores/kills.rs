//! Workers that race for the same shards and are killed at moments of a seed, until nobody is left to kill.
//!
//! The web answers every request with another picture, so that files which two runs wrote do not fit each other.

use std::time::Duration;

use md5::{Digest, Md5};
use turbo2ds_tests::harness::read::{rows, samples, text};
use turbo2ds_tests::harness::seed::{Seeded, number_from_env};
use turbo2ds_tests::harness::{Job, Running};
use turbo2ds_tests::stores::{StoreKind, all_are_wanted};

use super::Check;
use super::place::{Place, SLOW_PER_SHARD, SLOW_ROWS, SLOW_SHARDS, downloaded};

pub const CHECKS: &[Check] = &[
    ("two workers that are killed leave each shard of one", two),
    (
        "three workers that are killed leave each shard of one",
        three,
    ),
];

/// Kills of a check, over both formats.
const KILLS: u64 = 4;
const KILLS_OF_ALL: u64 = 16;
/// Kills of a dataset at most; then its workers may finish.
const KILLS_PER_DATASET: u64 = 8;
/// About as long as a whole run takes.
const RUN_MS: u64 = 1200;

fn two(place: &Place<'_>) {
    race(place, 2);
}

fn three(place: &Place<'_>) {
    race(place, 3);
}

fn race(place: &Place<'_>, workers: usize) {
    if !place.server.kind().keeps_conditions() {
        return;
    }
    let usual = if all_are_wanted() {
        KILLS_OF_ALL
    } else {
        KILLS
    };
    let wanted = number_from_env("TURBO2DS_KILLS", usual);
    let seed = number_from_env("TURBO2DS_SEED", 1);
    let (mut killed, mut datasets) = (0, 0);
    while killed < wanted {
        let format = ["webdataset", "files"][datasets % 2];
        let mut random = Seeded::new(seed << 32 | (workers as u64) << 16 | datasets as u64);
        let prefix = format!("race{workers}/{datasets}");
        let most = KILLS_PER_DATASET.min(wanted - killed);
        killed += kill_workers(place, format, &prefix, workers, most, &mut random);
        // What the last dead one left goes with the next run that has the dataset to itself.
        whole(place, format, &prefix).succeed();
        check_once(place, format, &prefix);
        datasets += 1;
    }
    println!("{killed} kills of {workers} workers, {datasets} datasets");
}

/// A run of the whole dataset. Streams are of several parts, loose images what the web sent.
fn whole(place: &Place<'_>, format: &str, prefix: &str) -> Job {
    let job = Job::new(&place.web, "unused", "")
        .over(place.fresh())
        .option("--output_format", format)
        .option("--number_sample_per_shard", SLOW_PER_SHARD.to_string())
        .option("--thread_count", "2")
        .option("--compute_hash", "md5");
    let job = place.stored(job, prefix);
    if format == "files" {
        return job.option("--disable_all_reencoding", "True");
    }
    let job = job
        .option("--image_size", "900")
        .option("--encode_format", "png")
        .option("--encode_quality", "0");
    // HDFS has no parts.
    match place.server.kind() {
        StoreKind::Hdfs | StoreKind::WebHdfs => job,
        _ => job.option("--storage_option", format!("part_bytes={}", 5 << 20)),
    }
}

/// Starts workers and kills them in turn, each of which starts again, until one has ended; how many were killed.
fn kill_workers(
    place: &Place<'_>,
    format: &str,
    prefix: &str,
    workers: usize,
    most: u64,
    random: &mut Seeded,
) -> u64 {
    let all = format!("0-{}", SLOW_SHARDS - 1);
    let worker = whole(place, format, prefix).option("--shard_range", all);
    let mut running: Vec<Running> = (0..workers).map(|_| worker.start()).collect();
    let mut killed = 0;
    while killed < most {
        let victim = random.below(workers as u64) as usize;
        let moment = Duration::from_millis(random.below(RUN_MS));
        if running[victim].ends_within(moment) {
            break;
        }
        running.swap_remove(victim).kill();
        running.push(worker.start());
        killed += 1;
    }
    for worker in running {
        let outcome = worker.finish();
        assert_eq!(outcome.code, Some(0), "{prefix}, {killed} kills: {outcome}");
    }
    killed
}

/// Every row is there once, and what a shard's files say of a sample is the same.
fn check_once(place: &Place<'_>, format: &str, prefix: &str) {
    let folder = downloaded(place, prefix);
    let rows = rows(folder.path());
    let mut samples = samples(folder.path(), format);
    let mut urls: Vec<&str> = rows.iter().map(|row| text(row, "url")).collect();
    urls.sort_unstable();
    urls.dedup();
    assert_eq!(
        (rows.len(), urls.len()),
        (SLOW_ROWS, SLOW_ROWS),
        "{prefix}: rows"
    );
    for row in &rows {
        let key = text(row, "key");
        let sample = samples.remove(key).expect("every row has its sample");
        let said = sample.json.as_ref().expect("a sample has its fields");
        assert_eq!(said["md5"], text(row, "md5"), "{prefix}: {key} of two runs");
        if format == "files" {
            let digest: String = Md5::digest(&sample.image)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert_eq!(
                digest,
                text(row, "md5"),
                "{prefix}: {key}'s image is of another run"
            );
        }
    }
    assert!(samples.is_empty(), "{prefix}: samples without a row");
    place.check_nothing_left(prefix);
    let report = place.verified(prefix);
    assert_eq!(report["whole"], true, "{prefix}: {report}");
}
