//! End to end: boxes of the list are blurred in the images, whatever the list's format.

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::{Row, rows, samples, text};
use turbo2ds_tests::pictures::{Format, Picture};
use turbo2ds_tests::web::{Ports, Web};

const WIDTH: usize = 120;
const HEIGHT: usize = 80;

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// The boxes of row N of every list here, whose picture has the seed N.
fn boxes() -> [Value; 4] {
    [
        json!([[0.1, 0.2, 0.4, 0.8]]),
        json!(null),
        json!([[0.0, 0.0, 100.0, 50.0]]),
        json!([]),
    ]
}

fn urls(web: &Web) -> Vec<String> {
    let url = |seed: usize| web.url(&format!("/img/{seed}.png?w={WIDTH}&h={HEIGHT}"));
    (0..boxes().len()).map(url).collect()
}

fn objects(web: &Web) -> Vec<Value> {
    let rows = urls(web).into_iter().zip(boxes());
    rows.map(|(url, boxes)| json!({"url": url, "faces": boxes}))
        .collect()
}

fn delimited(web: &Web, delimiter: char) -> Vec<u8> {
    let mut text = format!("faces{delimiter}url\n");
    for (url, boxes) in urls(web).iter().zip(boxes()) {
        let field = if boxes.is_null() {
            String::new()
        } else {
            boxes.to_string()
        };
        text += &format!("\"{field}\"{delimiter}{url}\n");
    }
    text.into_bytes()
}

fn parquet_of(web: &Web) -> Vec<u8> {
    let mut faces = ListBuilder::new(ListBuilder::new(Float64Builder::new()));
    for boxes in boxes() {
        for edges in boxes.as_array().into_iter().flatten() {
            let edges = edges.as_array().unwrap().iter().map(Value::as_f64);
            faces.values().append_value(edges);
        }
        faces.append(!boxes.is_null());
    }
    let columns: [(&str, ArrayRef); 2] = [
        ("url", Arc::new(StringArray::from(urls(web)))),
        ("faces", Arc::new(faces.finish())),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn lists(web: &Web) -> Vec<(&'static str, Vec<u8>)> {
    let lines: String = objects(web).iter().map(|row| format!("{row}\n")).collect();
    vec![
        ("list.parquet", parquet_of(web)),
        ("list.jsonl", lines.into_bytes()),
        (
            "list.json",
            Value::from(objects(web)).to_string().into_bytes(),
        ),
        ("list.csv", delimited(web, ',')),
        ("list.tsv", delimited(web, '\t')),
    ]
}

fn job(web: &Web, name: &str, list: &[u8]) -> Job {
    Job::new(web, name, list)
        .option("--bbox_col", "faces")
        .option("--output_format", "webdataset")
        .option("--resize_mode", "no")
        .option("--encode_format", "png")
        .option("--encode_quality", "1")
}

fn original(seed: u64) -> Vec<u8> {
    Picture::new(seed, WIDTH as u32, HEIGHT as u32, Format::Png).encode()
}

fn pixels(file: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

/// How far pixels are from the middle of their neighbours, summed over the first row's box: grain, and
/// not the slopes that a blur leaves.
fn roughness(pixels: &[u8]) -> u32 {
    let mut sum = 0;
    for y in HEIGHT * 3 / 10..HEIGHT * 7 / 10 {
        for x in WIDTH / 6..WIDTH / 3 {
            let at = (y * WIDTH + x) * 3;
            let pixel = |at: usize| u32::from(pixels[at]);
            sum += (2 * pixel(at)).abs_diff(pixel(at - 3) + pixel(at + 3));
        }
    }
    sum
}

fn assert_hidden(file: &[u8]) {
    let (found, original) = (pixels(file), pixels(&original(0)));
    let (found_roughness, before) = (roughness(&found), roughness(&original));
    assert!(
        found_roughness * 3 < before,
        "{found_roughness} of {before}"
    );
    // Nothing right of the box and what the blur reaches.
    let right = |pixels: &[u8]| -> Vec<u8> {
        let rows = pixels.chunks_exact(WIDTH * 3);
        rows.flat_map(|row| row[WIDTH * 6 / 10 * 3..].to_vec())
            .collect()
    };
    assert!(right(&found) == right(&original));
}

#[test]
fn boxes_of_every_list_format_are_blurred_and_stay_in_the_metadata() {
    let web = web();
    for (name, list) in lists(&web) {
        let job = job(&web, name, &list);
        job.succeed();
        let rows: Vec<Row> = rows(&job.output());
        let status: Vec<&str> = rows.iter().map(|row| text(row, "status")).collect();
        let expected = ["success", "success", "failed_to_resize", "success"];
        assert_eq!(status, expected, "{name}");
        assert_eq!(text(&rows[2], "error_message"), "invalid bounding box");
        assert!(text(&rows[0], "faces").contains("0.4"), "{name}");
        let samples: Vec<_> = samples(&job.output(), "webdataset").into_values().collect();
        assert_eq!(samples.len(), 3, "{name}");
        assert_hidden(&samples[0].image);
        for (sample, seed) in [(&samples[1], 1), (&samples[2], 3)] {
            assert!(
                pixels(&sample.image) == pixels(&original(seed)),
                "{name} {seed}"
            );
        }
        let nested = !matches!(name, "list.csv" | "list.tsv");
        if nested {
            let json = samples[0].json.as_ref().unwrap();
            assert_eq!(json["faces"], boxes()[0], "{name}");
        }
    }
}

#[test]
fn bytes_that_show_what_is_to_be_hidden_are_not_kept() {
    let web = web();
    let job = job(&web, "list.parquet", &parquet_of(&web)).option("--skip_reencode", "True");
    job.succeed();
    let samples: Vec<_> = samples(&job.output(), "webdataset").into_values().collect();
    assert_hidden(&samples[0].image);
    assert!(samples[1].image == original(1));
    let job = job.option("--disable_all_reencoding", "True");
    let outcome = job.run();
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("hint:"), "{outcome}");
}

#[test]
fn boxes_are_blurred_before_the_image_is_cut_and_padded() {
    let web = web();
    let sides = [("border", (60, 60)), ("center_crop", (60, 60))];
    for (mode, expected) in sides {
        let job = job(&web, "list.parquet", &parquet_of(&web))
            .option("--resize_mode", mode)
            .option("--image_size", "60");
        job.succeed();
        let sample = samples(&job.output(), "webdataset")
            .into_values()
            .next()
            .unwrap();
        let reader = png::Decoder::new(std::io::Cursor::new(&sample.image))
            .read_info()
            .unwrap();
        assert_eq!(
            (reader.info().width, reader.info().height),
            expected,
            "{mode}"
        );
        let plain = Job::new(&web, "list.txt", urls(&web).join("\n"))
            .option("--output_format", "webdataset")
            .option("--encode_format", "png")
            .option("--encode_quality", "1")
            .option("--resize_mode", mode)
            .option("--image_size", "60");
        plain.succeed();
        let plain = samples(&plain.output(), "webdataset")
            .into_values()
            .next()
            .unwrap();
        assert!(pixels(&plain.image) != pixels(&sample.image), "{mode}");
    }
}

#[test]
fn a_column_of_boxes_that_is_missing_is_an_input_error() {
    let web = web();
    for (name, list) in lists(&web) {
        let outcome = job(&web, name, &list).option("--bbox_col", "boxes").run();
        assert_eq!(outcome.code, Some(1), "{name}: {outcome}");
        assert!(
            outcome.stderr.contains("no column `boxes`"),
            "{name}: {outcome}"
        );
        assert!(outcome.stderr.contains("--bbox_col"), "{name}: {outcome}");
    }
}
