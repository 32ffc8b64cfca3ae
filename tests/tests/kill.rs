//! End to end: runs killed at moments from a seed, again and again, until they end whole.
//!
//! Every third kill follows a commit within 50 ms, the others come anywhere in a run. Afterwards no row
//! is lost, none is there twice, no torn shard was accepted, and every sample is, byte for byte, that
//! of a run that nobody killed. TURBO2DS_KILLS sets how many kills there are, TURBO2DS_SEED their seed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use turbo2ds_tests::harness::read::{Sample, rows, samples, stats_sum, text};
use turbo2ds_tests::harness::seed::{Seeded, number_from_env};
use turbo2ds_tests::harness::{Job, Running, tool, watch};
use turbo2ds_tests::web::{Ports, Web};

/// Kills of an ordinary test run, over all formats.
const KILLS: u64 = 200;
const COUNT: usize = 48;
const PER_SHARD: usize = 4;
const SHARDS: usize = COUNT / PER_SHARD;
/// Kills of one dataset, at most: then it may finish.
const KILLS_PER_DATASET: u64 = 12;
/// About as long as a whole run of these lists takes.
const RUN_MS: u64 = 450;

fn job(web: &Web, format: &str, io: &str) -> Job {
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/12/{seed}.jpg?w=90&h=70")));
    Job::of_urls(web, urls)
        .option("--output_format", format)
        .option("--number_sample_per_shard", PER_SHARD.to_string())
        .option("--image_size", "48")
        .option("--thread_count", "2")
        .option("--io", io)
}

/// A sample by its URL, so that datasets can be compared.
fn by_url(job: &Job, format: &str) -> BTreeMap<String, (String, Sample)> {
    let mut samples = samples(&job.output(), format);
    let rows = rows(&job.output());
    assert_eq!(rows.len(), COUNT, "rows lost or doubled");
    let taken = rows.iter().map(|row| {
        let key = text(row, "key").to_owned();
        let sample = samples.remove(&key).expect("every row has its sample");
        (text(row, "url").to_owned(), (key, sample))
    });
    let by_url: BTreeMap<_, _> = taken.collect();
    assert_eq!(by_url.len(), COUNT, "a URL comes twice");
    assert!(samples.is_empty(), "samples without a row");
    by_url
}

/// Kills at a moment of the seed's; whether that came before the run's own end.
fn kill(running: Running, job: &Job, random: &mut Seeded, near_commit: bool) -> bool {
    if near_commit {
        // One of the next few marks or names to appear, then up to 50 ms.
        let have = watch::names(&job.output())
            .filter(|name| !name.starts_with('.'))
            .count();
        let wanted = have + 1 + random.below(4) as usize;
        let appeared = |name: &str| !name.starts_with('.');
        let limit = Duration::from_secs(20);
        if !watch::until_files(&job.output(), appeared, wanted, limit) {
            return false;
        }
        std::thread::sleep(Duration::from_micros(random.below(50_000)));
    } else {
        std::thread::sleep(Duration::from_millis(random.below(RUN_MS)));
    }
    let alive = !running.ends_within(Duration::ZERO);
    running.kill();
    alive
}

fn marks(job: &Job) -> usize {
    let folder = job.output();
    watch::names(&folder)
        .filter(|name| name.ends_with("_stats.json"))
        .count()
}

fn verified(job: &Job) -> Value {
    let folder = job.output().into_os_string();
    let outcome = tool(["verify".into(), folder, "--json".into()]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

/// Kills one dataset's run up to so many times, lets it finish, and holds it against `whole`. Gives
/// how many kills there were and how many of them near a commit.
fn kill_one_dataset(
    job: &Job,
    format: &str,
    whole: &BTreeMap<String, (String, Sample)>,
    random: &mut Seeded,
    kills_max: u64,
) -> (u64, u64) {
    let (mut kills, mut near) = (0, 0);
    while kills < kills_max {
        let near_commit = kills.is_multiple_of(3);
        // The last shards' marks may be all there is to come: then there is no commit to wait for.
        if marks(job) >= SHARDS - 1 {
            break;
        }
        let running = job.start();
        if !kill(running, job, random, near_commit) {
            break;
        }
        kills += 1;
        near += u64::from(near_commit);
        if job.output().is_dir() {
            let report = verified(job);
            assert_eq!(
                report["broken"],
                serde_json::json!([]),
                "after kill {kills}: {report}"
            );
        }
    }
    job.succeed();
    let report = verified(job);
    assert_eq!(report["whole"], true, "after {kills} kills: {report}");
    assert_eq!(report["temporaries"], 0, "after {kills} kills: {report}");
    assert_eq!(stats_sum(&job.output(), "count"), COUNT as u64);
    assert!(
        by_url(job, format) == *whole,
        "other samples after {kills} kills"
    );
    (kills, near)
}

fn kill_format(format: &str) {
    let wanted = number_from_env("TURBO2DS_KILLS", KILLS).div_ceil(4);
    let seed = number_from_env("TURBO2DS_SEED", 1);
    let web = Web::start(Ports::default()).unwrap();
    let undisturbed = job(&web, format, "auto");
    undisturbed.succeed();
    let whole = by_url(&undisturbed, format);
    let (mut kills, mut near, mut datasets) = (0, 0, 0);
    while kills < wanted {
        let mut random = Seeded::new(seed << 32 | datasets);
        let io = if datasets % 2 == 0 { "auto" } else { "epoll" };
        println!("{format}, dataset {datasets} of seed {seed}, {io}");
        let job = job(&web, format, io);
        let kills_max = KILLS_PER_DATASET.min(wanted - kills);
        let (more, more_near) = kill_one_dataset(&job, format, &whole, &mut random, kills_max);
        kills += more;
        near += more_near;
        datasets += 1;
        assert!(datasets < wanted + 20, "runs end before they can be killed");
    }
    println!(
        "{format}: {kills} kills, {near} of them within 50 ms of a commit, {datasets} datasets"
    );
}

#[test]
fn a_webdataset_run_killed_at_any_moment_ends_whole() {
    kill_format("webdataset");
}

#[test]
fn a_files_run_killed_at_any_moment_ends_whole() {
    kill_format("files");
}

#[test]
fn a_parquet_run_killed_at_any_moment_ends_whole() {
    kill_format("parquet");
}

#[test]
fn a_tfrecord_run_killed_at_any_moment_ends_whole() {
    kill_format("tfrecord");
}
