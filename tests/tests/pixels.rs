//! End to end: sizes, formats and filters, by what is in the files.

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::{Sample, rows, samples, text};
use turbo2ds_tests::pictures::{Format, Picture};
use turbo2ds_tests::web::{Ports, Web};

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

fn job(web: &Web, paths: &[&str]) -> Job {
    Job::of_urls(web, paths.iter().map(|path| web.url(path)))
        .option("--output_format", "webdataset")
        .option("--image_size", "64")
}

/// The only sample of a run over one path.
fn only_sample(job: &Job) -> Sample {
    job.succeed();
    let mut samples = samples(&job.output(), "webdataset").into_values();
    let sample = samples.next().expect("the image is a success");
    assert!(samples.next().is_none());
    sample
}

fn sides(jpeg: &[u8]) -> (usize, usize) {
    let header = turbojpeg::read_header(jpeg).unwrap();
    (header.width, header.height)
}

#[test]
fn every_resize_mode_gives_its_sides() {
    let web = web();
    let modes = [
        ("no", (200, 100)),
        ("border", (64, 64)),
        ("keep_ratio", (128, 64)),
        ("keep_ratio_largest", (64, 32)),
        ("center_crop", (64, 64)),
    ];
    for (mode, expected) in modes {
        for extension in ["jpg", "pjpg", "png", "webp", "gif", "bmp"] {
            let path = format!("/img/3.{extension}?w=200&h=100");
            let job = job(&web, &[&path]).option("--resize_mode", mode);
            assert_eq!(
                sides(&only_sample(&job).image),
                expected,
                "{mode} of {extension}"
            );
            let row = &rows(&job.output())[0];
            assert_eq!(text(row, "width"), expected.0.to_string());
            assert_eq!(text(row, "height"), expected.1.to_string());
            assert_eq!(text(row, "original_width"), "200");
            assert_eq!(text(row, "original_height"), "100");
        }
    }
}

#[test]
fn every_interpolation_is_taken_in_both_directions() {
    let web = web();
    for filter in ["nearest", "linear", "cubic", "area", "lanczos"] {
        let job = job(&web, &["/img/3.png?w=200&h=100", "/img/4.png?w=20&h=10"])
            .option("--resize_mode", "keep_ratio_largest")
            .option("--upscale_interpolation", filter)
            .option("--downscale_interpolation", filter);
        job.succeed();
        for sample in samples(&job.output(), "webdataset").into_values() {
            assert_eq!(sides(&sample.image), (64, 32), "{filter}");
        }
    }
}

#[test]
fn a_small_image_is_left_alone_where_only_bigger_ones_are_resized() {
    let web = web();
    let job = job(&web, &["/img/3.png?w=40&h=30"])
        .option("--resize_mode", "keep_ratio")
        .option("--resize_only_if_bigger", "True");
    assert_eq!(sides(&only_sample(&job).image), (40, 30));
}

#[test]
fn every_encode_format_is_written_under_its_extension() {
    let web = web();
    let formats: [(&str, &str, &[u8]); 4] = [
        ("jpg", "90", b"\xff\xd8\xff"),
        ("png", "6", b"\x89PNG"),
        ("webp", "80", b"RIFF"),
        ("webp", "101", b"RIFF"),
    ];
    for (format, quality, signature) in formats {
        let job = job(&web, &["/img/3.jpg?w=200&h=100"])
            .option("--encode_format", format)
            .option("--encode_quality", quality);
        let sample = only_sample(&job);
        assert_eq!(sample.extension, format);
        assert!(sample.image.starts_with(signature), "{format} {quality}");
    }
}

#[test]
fn bytes_are_kept_where_nothing_had_to_change() {
    let web = web();
    let original = Picture::new(3, 40, 30, Format::Jpeg).encode();
    let job = job(&web, &["/img/3.jpg?w=40&h=30"])
        .option("--resize_mode", "keep_ratio")
        .option("--resize_only_if_bigger", "True")
        .option("--skip_reencode", "True");
    assert!(only_sample(&job).image == original);
}

#[test]
fn bytes_are_kept_as_they_came_without_reencoding() {
    let web = web();
    let original = Picture::new(3, 200, 100, Format::Jpeg).encode();
    let job = job(&web, &["/img/3.jpg?w=200&h=100"]).option("--disable_all_reencoding", "True");
    assert!(only_sample(&job).image == original);
}

#[test]
fn images_out_of_the_filters_bounds_say_which() {
    let web = web();
    let filters = [
        ("--min_image_size", "101", "image too small"),
        ("--max_image_area", "19999", "image area too large"),
        ("--max_aspect_ratio", "1.9", "aspect ratio too large"),
        ("--max_pixels", "19999", "image dimensions too large"),
    ];
    for (option, value, message) in filters {
        let job = job(&web, &["/img/3.jpg?w=200&h=100"]).option(option, value);
        job.succeed();
        let row = &rows(&job.output())[0];
        assert_eq!(text(row, "status"), "failed_to_resize");
        assert_eq!(text(row, "error_message"), message);
    }
}

#[test]
fn a_body_is_checked_against_the_lists_hash() {
    let web = web();
    let url = web.url("/img/3.jpg");
    for kind in ["md5", "sha256", "sha512"] {
        let first = job(&web, &["/img/3.jpg"]).option("--compute_hash", kind);
        first.succeed();
        let hash = text(&rows(&first.output())[0], kind).to_owned();
        let wrong = "0".repeat(hash.len());
        let list = format!("url,digest\n{url},{hash}\n{url},{wrong}\n");
        let job = Job::new(&web, "list.csv", list)
            .option("--compute_hash", kind)
            .option("--verify_hash", format!("[\"digest\",\"{kind}\"]"));
        job.succeed();
        let rows = rows(&job.output());
        assert_eq!(text(&rows[0], "status"), "success");
        assert_eq!(text(&rows[1], "error_message"), "hash mismatch");
        assert!(!rows[0].contains_key("digest"));
    }
}

#[test]
fn no_body_has_an_empty_or_null_hash_and_case_and_space_say_nothing() {
    let web = web();
    let url = web.url("/img/3.jpg");
    let first = job(&web, &["/img/3.jpg"]);
    first.succeed();
    let hash = text(&rows(&first.output())[0], "sha256").to_owned();
    let given = [
        (serde_json::json!(hash.to_uppercase()), true),
        (serde_json::json!(format!("  {hash}\n")), true),
        (serde_json::json!(null), false),
        (serde_json::json!(""), false),
        (serde_json::json!("   "), false),
        (serde_json::json!(&hash[..63]), false),
    ];
    let lines = given
        .iter()
        .map(|(digest, _)| serde_json::json!({"url": url, "digest": digest}).to_string() + "\n");
    let job = Job::new(&web, "list.jsonl", lines.collect::<String>())
        .option("--verify_hash", r#"["digest","sha256"]"#);
    job.succeed();
    let rows = rows(&job.output());
    assert_eq!(rows.len(), given.len());
    for ((digest, fits), row) in given.iter().zip(&rows) {
        let expected = (!fits).then_some("hash mismatch");
        assert_eq!(row["error_message"].as_deref(), expected, "{digest}");
        assert_eq!(text(row, "status") == "success", *fits, "{digest}");
    }
}
