//! End to end: bytes that are kept as they came. What is refused, what a member is called, and what
//! `turbo2ds verify` says of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use turbo2ds_tests::harness::read::{rows, samples, text};
use turbo2ds_tests::harness::{Job, Outcome, read, tool};
use turbo2ds_tests::pictures::{Format, Picture};
use turbo2ds_tests::web::faults::{self, Fault};
use turbo2ds_tests::web::{Ports, Web};

const FORMATS: [&str; 4] = ["webdataset", "files", "parquet", "tfrecord"];
const EXTENSIONS: [&str; 5] = ["jpg", "png", "webp", "gif", "bmp"];

/// Faults that cut an image short, or leave nothing of it but its beginning.
const CUTS: [&str; 22] = [
    "truncated-jpeg",
    "truncated-progressive",
    "truncated-png",
    "truncated-webp",
    "truncated-gif",
    "truncated-bmp",
    "jpeg-signature-alone",
    "png-signature-alone",
    "webp-signature-alone",
    "gif-signature-alone",
    "bmp-signature-alone",
    "jpeg-tables-alone",
    "png-header-alone",
    "gif-palette-cut",
    "bmp-header-alone",
    "jpeg-last-bytes-cut",
    "png-last-chunk-cut",
    "png-short-data",
    "png-bomb-at-limit",
    "gif-no-frame",
    "bmp-data-beyond",
    "tiff-data-beyond",
];

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// A job that keeps all bytes.
fn job(web: &Web, urls: impl IntoIterator<Item = String>) -> Job {
    Job::of_urls(web, urls).option("--disable_all_reencoding", "True")
}

fn verify(folder: &Path) -> Outcome {
    tool(["verify".into(), folder.as_os_str().to_owned()])
}

#[test]
fn images_that_are_cut_short_are_refused_and_whole_ones_kept() {
    let web = web();
    for isolation in ["none", "auto"] {
        let all: Vec<&Fault> = faults::all().filter(|fault| fault.is_of_image()).collect();
        let job = job(&web, all.iter().map(|fault| fault.url(&web)))
            .option("--decode_isolation", isolation);
        job.succeed();
        let rows = rows(&job.output());
        let mut cuts = 0;
        for (fault, row) in all.iter().zip(&rows) {
            let found = (text(row, "status"), row["error_message"].as_deref());
            if fault.expect.status() == "success" || CUTS.contains(&fault.name) {
                let expected = (fault.expect.status(), fault.expect.error_message());
                assert_eq!(found, expected, "{}", fault.name);
            }
            cuts += usize::from(CUTS.contains(&fault.name));
        }
        assert_eq!(cuts, CUTS.len(), "{isolation}");
        let whole = verify(&job.output());
        assert_eq!(whole.code, Some(0), "{whole}");
    }
}

#[test]
fn verify_finds_a_kept_image_that_was_cut_since() {
    let web = web();
    for extension in EXTENSIONS {
        let url = web.url(&format!("/img/3.{extension}?w=40&h=30"));
        let job = job(&web, [url])
            .option("--compute_hash", "None")
            .option("--true_extension", "True");
        job.succeed();
        let folder = job.output();
        assert_eq!(verify(&folder).code, Some(0), "{extension}");
        let path = read::files(&folder.join("00000"), extension).remove(0);
        let whole = fs::read(&path).unwrap();
        for end in [whole.len() / 2, whole.len() * 9 / 10, whole.len() - 1] {
            fs::write(&path, &whole[..end]).unwrap();
            let outcome = verify(&folder);
            assert_eq!(outcome.code, Some(3), "{extension} at {end}: {outcome}");
            assert!(
                outcome.stdout.contains("row 0 has bytes that are no"),
                "{outcome}"
            );
        }
        fs::write(&path, [&whole[..], b"behind it"].concat()).unwrap();
        assert_eq!(verify(&folder).code, Some(0), "{extension}");
    }
}

/// The kept images of one list by key, each with its extension or column.
fn kept(
    web: &Web,
    format: &str,
    true_extension: &str,
) -> (Job, BTreeMap<String, (String, Vec<u8>)>) {
    let urls = EXTENSIONS.map(|extension| web.url(&format!("/img/3.{extension}?w=40&h=30")));
    let job = job(web, urls)
        .option("--output_format", format)
        .option("--true_extension", true_extension);
    job.succeed();
    let samples = samples(&job.output(), format).into_iter();
    let samples = samples.map(|(key, sample)| (key, (sample.extension, sample.image)));
    let samples = samples.collect();
    (job, samples)
}

#[test]
fn a_kept_image_is_named_for_its_own_format_where_that_is_asked_for() {
    let web = web();
    let originals = [
        Format::Jpeg,
        Format::Png,
        Format::Webp,
        Format::Gif,
        Format::Bmp,
    ]
    .map(|format| Picture::new(3, 40, 30, format).encode());
    for format in FORMATS {
        let members = matches!(format, "webdataset" | "files");
        for asked in ["True", "False"] {
            let (job, samples) = kept(&web, format, asked);
            assert_eq!(samples.len(), EXTENSIONS.len(), "{format}");
            for ((extension, image), at) in samples.values().zip(0..) {
                let named = members && asked == "True";
                let expected = if named { EXTENSIONS[at] } else { "jpg" };
                assert_eq!(extension, expected, "{format} {asked}");
                assert!(*image == originals[at], "{format} {asked}: {extension}");
            }
            let whole = verify(&job.output());
            assert_eq!(whole.code, Some(0), "{format} {asked}: {whole}");
        }
    }
}

#[test]
fn a_member_named_for_another_format_is_a_fault_where_names_are_true() {
    let web = web();
    for (from, to) in [("3.gif", "3.png"), ("0.jpg", "0.webp"), ("4.bmp", "4.jpg")] {
        let (job, _) = kept(&web, "files", "True");
        let shard = job.output().join("00000");
        let member = |end: &str| shard.join(format!("00000000{end}"));
        fs::rename(member(from), member(to)).unwrap();
        let outcome = verify(&job.output());
        assert_eq!(outcome.code, Some(3), "{from} as {to}: {outcome}");
    }
}

#[test]
fn a_dataset_with_true_extensions_is_not_gone_on_with_without_them() {
    let web = web();
    let (job, _) = kept(&web, "webdataset", "True");
    job.succeed();
    let without = job.option("--true_extension", "False");
    let outcome = without.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("true_extension"), "{outcome}");
}

#[test]
fn an_image_that_is_encoded_anew_has_the_format_that_was_asked_for() {
    let web = web();
    let url = web.url("/img/3.gif?w=40&h=30");
    let job = Job::of_urls(&web, [url])
        .option("--true_extension", "True")
        .option("--encode_format", "webp");
    job.succeed();
    let sample = samples(&job.output(), "files")
        .into_values()
        .next()
        .unwrap();
    assert_eq!(sample.extension, "webp");
    assert!(sample.image.starts_with(b"RIFF"));
    assert_eq!(verify(&job.output()).code, Some(0));
}

#[test]
fn both_options_on_keeping_bytes_keep_all() {
    let web = web();
    let url = web.url("/img/3.png?w=200&h=100");
    let job = job(&web, [url]).option("--skip_reencode", "True");
    job.succeed();
    let sample = samples(&job.output(), "files")
        .into_values()
        .next()
        .unwrap();
    assert!(sample.image == Picture::new(3, 200, 100, Format::Png).encode());
}
