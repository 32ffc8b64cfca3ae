//! What a run does to what is there: the modes, objects that are not the dataset's, and other options.

use turbo2ds_tests::harness::read::rows;
use turbo2ds_tests::harness::tool_in;

use super::Check;
use super::place::{PER_SHARD, Place, ROWS, downloaded};

pub const CHECKS: &[Check] = &[
    ("overwrite removes the dataset and nothing else", overwrite),
    ("extend numbers on", extend),
    (
        "an object under a shard's name is refused and stays",
        foreign_shard,
    ),
    (
        "objects elsewhere stay and do not matter",
        foreign_elsewhere,
    ),
    ("other options are a config mismatch", mismatch),
    ("each change is a version", versions),
];

fn count_rows(place: &Place<'_>, prefix: &str) -> u64 {
    rows(downloaded(place, prefix).path()).len() as u64
}

fn overwrite(place: &Place<'_>) {
    let prefix = "overwrite";
    place.job("webdataset", prefix).succeed();
    for (name, content) in [("notes.txt", "mine"), ("sub/00000.tar", "mine too")] {
        place.bucket.put(&format!("{prefix}/{name}"), content);
    }
    let job = place
        .job("webdataset", prefix)
        .option("--incremental_mode", "overwrite")
        .option("--max_rows", (2 * PER_SHARD).to_string());
    job.succeed();
    let mut names = place.names(prefix);
    assert_eq!(place.bucket.get("overwrite/notes.txt").unwrap(), b"mine");
    assert_eq!(
        place.bucket.get("overwrite/sub/00000.tar").unwrap(),
        b"mine too"
    );
    names.retain(|name| name.ends_with(".tar") && !name.contains('/'));
    assert_eq!(Vec::from_iter(names), ["00000.tar", "00001.tar"]);
    assert_eq!(count_rows(place, prefix), 2 * PER_SHARD);
    assert_eq!(place.verified(prefix)["whole"], true);
}

fn extend(place: &Place<'_>) {
    let prefix = "extend";
    place.job("webdataset", prefix).succeed();
    let job = place.job("webdataset", prefix);
    job.option("--incremental_mode", "extend").succeed();
    assert_eq!(count_rows(place, prefix), 2 * ROWS);
    let shards = ROWS.div_ceil(PER_SHARD);
    let names = place.names(prefix);
    let tars = names.iter().filter(|name| name.ends_with(".tar"));
    assert_eq!(tars.count() as u64, 2 * shards);
    assert!(
        names.contains(&format!("{:05}.tar", 2 * shards - 1)),
        "{names:?}"
    );
    assert_eq!(place.verified(prefix)["whole"], true);
}

fn foreign_shard(place: &Place<'_>) {
    let names = [
        ("00000.tar", "webdataset"),
        ("00001.parquet", "webdataset"),
        ("00002.tfrecord", "tfrecord"),
        ("00003_stats.json", "dummy"),
        ("00000/mine.jpg", "files"),
    ];
    for (number, (name, format)) in names.into_iter().enumerate() {
        for mode in ["incremental", "overwrite"] {
            let prefix = format!("foreign/{number}-{mode}");
            place.bucket.put(&format!("{prefix}/{name}"), "mine");
            let job = place.job(format, &prefix);
            let job = job.option("--incremental_mode", mode);
            place.check_refused(&job, 1, &["output error"]);
            let objects = place.objects(&prefix);
            assert_eq!(objects.len(), 1, "{name}, {mode}: {:?}", objects.keys());
            assert_eq!(objects[name], b"mine", "{name}, {mode}");
        }
    }
}

fn foreign_elsewhere(place: &Place<'_>) {
    let prefix = "beside/out";
    let mine = [
        "beside/00000.tar",
        "beside/out2/00000.tar",
        "beside/out/readme.md",
    ];
    for key in mine {
        place.bucket.put(key, "mine");
    }
    place.job("webdataset", prefix).succeed();
    for key in mine {
        assert_eq!(place.bucket.get(key).unwrap(), b"mine", "{key}");
    }
    assert_eq!(place.verified(prefix)["whole"], true);
}

fn versions(place: &Place<'_>) {
    let prefix = "versions";
    let log = || {
        let url = place.server.url(prefix);
        let outcome = tool_in(place.server.env(), ["log", &url, "--json"]);
        assert_eq!(outcome.code, Some(0), "{outcome}");
        let lines = outcome.stdout.lines();
        let version = |line: &str| -> String {
            let version: serde_json::Value = serde_json::from_str(line).unwrap();
            version["version"].as_str().unwrap().to_owned()
        };
        lines.map(version).collect::<Vec<_>>()
    };
    let job = place.job("webdataset", prefix);
    job.succeed();
    assert_eq!(log(), ["1.0.0"]);
    job.option("--incremental_mode", "extend").succeed();
    assert_eq!(log(), ["1.1.0", "1.0.0"]);
    let compared = place.verify(prefix, &["--manifest", "latest"]);
    assert_eq!(compared.code, Some(0), "{compared}");
    // A whole table, of another shard.
    let other = place
        .bucket
        .get(&format!("{prefix}/00006.parquet"))
        .unwrap();
    place.bucket.put(&format!("{prefix}/00001.parquet"), &other);
    let compared = place.verify(prefix, &["--manifest", "latest"]);
    assert_eq!(compared.code, Some(3), "{compared}");
}

fn mismatch(place: &Place<'_>) {
    let prefix = "mismatch";
    place.job("webdataset", prefix).succeed();
    let before = place.objects(prefix);
    for (option, value) in [("--image_size", "32"), ("--number_sample_per_shard", "7")] {
        let job = place.job("webdataset", prefix).option(option, value);
        place.check_refused(&job, 1, &["config mismatch"]);
    }
    assert!(place.objects(prefix) == before, "something was changed");
}
