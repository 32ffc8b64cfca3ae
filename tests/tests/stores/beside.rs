//! What a run keeps beside its dataset: shards that wait on a disk for their upload, and names for the next run.

use std::collections::BTreeSet;
use std::path::Path;

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::files_below;

use super::Check;
use super::place::{Place, SLOW_SHARDS, Whole};

pub const CHECKS: &[Check] = &[
    ("shards that wait on a disk are the same dataset", staged),
    (
        "what a killed run staged goes with the next one",
        staged_and_killed,
    ),
    ("a run waits for room on its disk", staged_in_little_room),
    ("names are kept in the store", names),
    ("what is not a cache of names stays", not_names),
];

const FORMAT: &str = "webdataset";

/// A slow job whose shards are written to a folder first.
fn staging(place: &Place<'_>, prefix: &str, folder: &Path) -> Job {
    place.slow(FORMAT, prefix).option("--staging", folder)
}

/// The names in a folder that are not a run's.
fn left(folder: &Path) -> BTreeSet<String> {
    files_below(folder).into_keys().collect()
}

fn staged(place: &Place<'_>) {
    let whole = Whole::of(&place.slow_local(FORMAT), FORMAT);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.tar"), "mine").unwrap();
    staging(place, "staged/whole", folder.path()).succeed();
    place.check_same("staged/whole", FORMAT, &whole);
    assert_eq!(left(folder.path()), BTreeSet::from(["mine.tar".to_owned()]));
}

fn staged_and_killed(place: &Place<'_>) {
    let whole = Whole::of(&place.slow_local(FORMAT), FORMAT);
    let folder = tempfile::tempdir().unwrap();
    let job = staging(place, "staged/killed", folder.path());
    for requests in [3, 9] {
        let before = place.web.requests();
        let running = job.start();
        assert!(place.web.wait_for_requests(before + requests));
        running.kill();
        assert!(!left(folder.path()).is_empty(), "nothing was staged");
    }
    job.succeed();
    place.check_same("staged/killed", FORMAT, &whole);
    assert!(left(folder.path()).is_empty(), "{:?}", left(folder.path()));
}

/// Each shard is larger than what may wait, so that one waits for the other.
fn staged_in_little_room(place: &Place<'_>) {
    let large = |job: Job| {
        job.option("--image_size", "700")
            .option("--encode_format", "png")
            .option("--encode_quality", "0")
    };
    let whole = Whole::of(&large(place.slow_local(FORMAT)), FORMAT);
    let folder = tempfile::tempdir().unwrap();
    let job = large(staging(place, "staged/little", folder.path()));
    job.option("--staging_bytes", (1 << 20).to_string())
        .succeed();
    place.check_same("staged/little", FORMAT, &whole);
    assert!(left(folder.path()).is_empty());
}

/// A job that resolves no name, by the resolver that has a cache.
fn with_names(place: &Place<'_>, prefix: &str, key: &str) -> Job {
    let urls = (0..SLOW_SHARDS).map(|seed| {
        let path = format!("/img/{seed}.jpg\n");
        place.web.url_at("127.0.0.1", &path)
    });
    let job = Job::strict("list.txt", urls.collect::<String>())
        .option("--allow_net", "127.0.0.0/8")
        .option("--output_format", FORMAT)
        .option("--image_size", "48")
        .option("--dns_cache", place.server.url(key));
    place.stored(job, prefix)
}

fn names(place: &Place<'_>) {
    let job = with_names(place, "named", "names/cache");
    job.succeed();
    let kept = place.bucket.get("names/cache").expect("a cache is kept");
    assert!(!kept.is_empty());
    let again = job.option("--incremental_mode", "overwrite");
    again.succeed();
    place.bucket.get("names/cache").expect("a cache is kept");
}

fn not_names(place: &Place<'_>) {
    place.bucket.put("names/list.csv", "mine");
    let job = with_names(place, "misnamed", "names/list.csv");
    place.check_refused(&job, 1, &["not a cache of names", "names/list.csv"]);
    assert_eq!(place.bucket.get("names/list.csv").unwrap(), b"mine");
    assert!(place.bucket.list("misnamed").is_empty());
}
