//! End to end: perceptual hashes of the images of a run.

use std::collections::BTreeMap;

use turbo2ds_codec::{Codec, Pdq, Settings};
use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::{rows, rows_by_url, samples, text};
use turbo2ds_tests::pictures::{Format, Picture};
use turbo2ds_tests::web::{Ports, Web};

const FORMATS: [&str; 4] = ["webdataset", "files", "parquet", "tfrecord"];

/// Originals of several formats and sizes: their paths, and their bodies.
const ORIGINALS: [(&str, Format, u32, u32); 5] = [
    ("/img/3.jpg?w=700&h=520", Format::Jpeg, 700, 520),
    ("/img/3.png?w=200&h=100", Format::Png, 200, 100),
    ("/img/3.webp?w=64&h=64", Format::Webp, 64, 64),
    ("/img/3.gif?w=90&h=300", Format::Gif, 90, 300),
    ("/img/3.bmp?w=4&h=40", Format::Bmp, 4, 40),
];

/// A failure between the images.
const MISSING: &str = "/missing/1.jpg";

fn job(web: &Web, format: &str) -> Job {
    let paths = ORIGINALS.iter().map(|original| original.0).chain([MISSING]);
    Job::of_urls(web, paths.map(|path| web.url(path))).option("--output_format", format)
}

/// The hash that the codec gives for each original, by URL.
fn expected(web: &Web) -> BTreeMap<String, Pdq> {
    let settings = Settings {
        pdq: true,
        ..Settings::default()
    };
    let mut codec = Codec::new(settings);
    let hash = |&(path, format, width, height): &(&str, Format, u32, u32)| {
        let body = Picture::new(3, width, height, format).encode();
        let facts = codec.process(&body).expect("an image").facts;
        (web.url(path), facts.pdq.expect("a hash"))
    };
    ORIGINALS.iter().map(hash).collect()
}

/// Holds the columns of a finished run to the codec's hashes.
fn check(web: &Web, job: &Job, name: &str) {
    let expected = expected(web);
    let rows = rows_by_url(&job.output());
    assert_eq!(rows.len(), ORIGINALS.len() + 1, "{name}");
    for (url, row) in &rows {
        match expected.get(url) {
            Some(pdq) => {
                assert_eq!(text(row, "pdq"), pdq.hex(), "{name}: {url}");
                let quality = pdq.quality.to_string();
                assert_eq!(text(row, "pdq_quality"), quality, "{name}: {url}");
            }
            None => {
                let nulls = [&row["pdq"], &row["pdq_quality"]];
                assert_eq!(nulls, [&None, &None], "{name}: {url}");
            }
        }
    }
}

#[test]
fn every_output_format_has_the_hashes_and_failures_have_none() {
    let web = Web::start(Ports::default()).unwrap();
    let hashes = expected(&web);
    for format in FORMATS {
        let job = job(&web, format).option("--compute_pdq", "True");
        job.succeed();
        check(&web, &job, format);
        let mut jsons = 0;
        for sample in samples(&job.output(), format).into_values() {
            assert!(!sample.image.is_empty());
            let Some(json) = sample.json else { continue };
            let pdq = &hashes[json["url"].as_str().expect("a URL")];
            assert_eq!(json["pdq"].as_str(), Some(pdq.hex().as_str()));
            assert_eq!(json["pdq_quality"].as_u64(), Some(pdq.quality.into()));
            jsons += 1;
        }
        let has_json = matches!(format, "webdataset" | "files");
        assert_eq!(jsons > 0, has_json, "{format}");
    }
}

#[test]
fn every_way_to_decode_and_every_backend_gives_the_same_hashes() {
    let web = Web::start(Ports::default()).unwrap();
    let ways = [
        ("--decode_isolation", "none"),
        ("--decode_isolation", "process"),
        ("--io", "epoll"),
        ("--disable_all_reencoding", "True"),
        ("--skip_reencode", "True"),
        ("--exact", "True"),
        ("--encode_format", "png"),
        ("--resize_mode", "no"),
    ];
    for (option, value) in ways {
        let job = job(&web, "files").option("--compute_pdq", "True");
        // 95 is no compression level of a PNG.
        let quality = if value == "png" { "9" } else { "95" };
        let job = job
            .option("--encode_quality", quality)
            .option(option, value);
        job.succeed();
        check(&web, &job, &format!("{option} {value}"));
    }
}

#[test]
fn there_are_no_columns_unless_they_are_asked_for_and_a_run_keeps_to_it() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "webdataset");
    job.succeed();
    assert!(
        rows(&job.output())
            .iter()
            .all(|row| !row.contains_key("pdq"))
    );
    let other = job.option("--compute_pdq", "True");
    let outcome = other.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("compute_pdq"), "{outcome}");
}
