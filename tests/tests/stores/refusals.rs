//! What cannot work is said before the first row is asked for: one line of an error, one of a hint.

use turbo2ds_tests::stores::{BUCKET, free_ports};

use super::Check;
use super::place::Place;

pub const CHECKS: &[Check] = &[
    ("a wrong key", wrong_key),
    ("a bucket that is not there", no_bucket),
    ("an endpoint where nothing listens", no_endpoint),
    ("rights to read alone", reader),
    ("a list in the folder that is overwritten", list_within),
];

fn wrong_key(place: &Place<'_>) {
    let Some(env) = place.server.env_of_stranger() else {
        return;
    };
    let job = place.job("webdataset", "wrong-key").envs(env.clone());
    place.check_refused(&job, 1, &["output error", "credentials"]);
    assert!(place.bucket.list("wrong-key").is_empty());
    place
        .bucket
        .put("wrong-key/list.csv", "url\nhttp://127.0.0.1/1.jpg\n");
    let list = place.server.url("wrong-key/list.csv");
    let job = place.local("webdataset").over(list).envs(env);
    place.check_refused(&job, 1, &["input error", "credentials"]);
}

fn no_bucket(place: &Place<'_>) {
    let url = place.server.url("none/out");
    let url = url.replacen(&format!("/{BUCKET}/"), "/no-such-bucket/", 1);
    let job = place.job("webdataset", "unused").into_folder(&url);
    if place.server.kind().is_http() {
        place.check_refused(&job, 1, &["output error", "bucket"]);
    }
}

fn no_endpoint(place: &Place<'_>) {
    if !place.server.kind().is_http() {
        return;
    }
    let [port] = free_ports().unwrap();
    let env = place.server.env_through(port);
    let job = place.job("webdataset", "nowhere").envs(env);
    // Whoever waits for an outage of the network waits for it here too.
    let job = job.option("--outage_wait", "2");
    place.check_refused(&job, 1, &["output error", "endpoint"]);
}

fn reader(place: &Place<'_>) {
    let Some(env) = place.server.env_of_reader() else {
        return;
    };
    let job = place.job("webdataset", "reader").envs(env.clone());
    place.check_refused(&job, 1, &["output error", "denie"]);
    assert!(place.bucket.list("reader").is_empty());
    // Lists need no more.
    let csv = std::fs::read(place.list()).unwrap();
    place.bucket.put("reader-lists/list.csv", csv);
    let list = place.server.url("reader-lists/list.csv");
    place.local("webdataset").over(list).envs(env).succeed();
}

fn list_within(place: &Place<'_>) {
    let csv = std::fs::read(place.list()).unwrap();
    place.bucket.put("within/list.csv", csv);
    let list = place.server.url("within/list.csv");
    let job = place.job("webdataset", "within").over(list);
    let job = job.envs(place.server.env());
    let job = job.option("--incremental_mode", "overwrite");
    place.check_refused(&job, 1, &["output error", "overwrite"]);
    assert_eq!(place.bucket.list("within").len(), 1);
}
