//! Holds the codec to what img2dataset made of a part of the edge set: status, sizes, pixels before
//! encoding and EXIF text. tests/parity/make_goldens.py wrote the goldens; no Python is needed here.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use turbo2ds_codec::{
    Codec, EncodeFormat, Encoded, Interpolation, JpegDecoder, ResizeMode, Settings, exif_json,
};

/// Levels by which a sample may differ.
const LEVELS_MAX: u8 = 1;

/// Levels by which a sample of zune-jpeg's may differ: its inverse DCT and its chroma upsampling are
/// not libjpeg-turbo's.
const ZUNE_LEVELS_MAX: u8 = 12;

/// JPEGs that zune-jpeg refuses: arithmetic coding. Of damaged ones each decoder makes its own.
const NOT_FOR_ZUNE: [&str; 5] = [
    "jpg_arithmetic_",
    "jpg_flips_",
    "jpg_marker_",
    "jpg_zeroes_",
    "jpg_cut_grey_at_half_with_eoi",
];

fn golden(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The rows of one of the manifest's tables, at least `least`.
fn rows(table: &str, least: usize) -> Vec<Value> {
    let manifest: Value = serde_json::from_slice(&golden("manifest.json")).expect("valid JSON");
    let rows = manifest[table].as_array().expect("a list").clone();
    assert!(rows.len() >= least, "only {} {table}", rows.len());
    rows
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().expect("text")
}

fn settings(asked: &Value) -> Settings {
    let filter = |key: &str, default| match asked[key].as_str() {
        None => default,
        Some("nearest") => Interpolation::Nearest,
        Some("linear") => Interpolation::Linear,
        Some("cubic") => Interpolation::Cubic,
        Some("area") => Interpolation::Area,
        Some("lanczos") => Interpolation::Lanczos4,
        Some(other) => panic!("no filter is called {other}"),
    };
    Settings {
        image_size: asked["size"].as_u64().unwrap_or(256) as u32,
        resize_mode: match text(asked, "mode") {
            "no" => ResizeMode::No,
            "border" => ResizeMode::Border,
            "keep_ratio" => ResizeMode::KeepRatio,
            "keep_ratio_largest" => ResizeMode::KeepRatioLargest,
            "center_crop" => ResizeMode::CenterCrop,
            other => panic!("no mode is called {other}"),
        },
        only_if_bigger: asked["only_if_bigger"].as_bool().unwrap_or(false),
        upscale: filter("upscale", Interpolation::Lanczos4),
        downscale: filter("downscale", Interpolation::Area),
        encode_format: EncodeFormat::Png,
        encode_quality: 1,
        ..Settings::default()
    }
}

/// The samples of an 8-bit grey or RGB PNG, with what they are.
fn pixels(file: &[u8]) -> (u32, u32, png::ColorType, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .expect("a PNG");
    let mut samples = vec![0; reader.output_buffer_size().expect("a size in memory")];
    let info = reader.next_frame(&mut samples).expect("a whole PNG");
    assert_eq!(info.bit_depth, png::BitDepth::Eight);
    (info.width, info.height, info.color_type, samples)
}

/// What differs in one case by more than `levels_max`, if anything.
fn difference(row: &Value, jpeg_decoder: JpegDecoder, levels_max: u8) -> Option<String> {
    let body = golden(text(row, "file"));
    let settings = Settings {
        jpeg_decoder,
        ..settings(&row["settings"])
    };
    let done = Codec::new(settings).process(&body);
    let done = match (done, row["success"].as_bool().expect("a flag")) {
        (Err(_), false) => return None,
        (Ok(_), false) => return Some("it is refused by img2dataset".to_owned()),
        (Err(refusal), true) => return Some(format!("refused: {refusal}")),
        (Ok(done), true) => done,
    };
    let sizes = serde_json::json!([
        [done.width, done.height],
        [done.original_width, done.original_height]
    ]);
    if sizes[0] != row["size"] || sizes[1] != row["original"] {
        return Some(format!("sizes {sizes}"));
    }
    let Encoded::New(file) = done.encoded else {
        return Some("the original was kept".to_owned());
    };
    let (ours, theirs) = (pixels(&file), pixels(&golden(text(row, "pixels"))));
    if (ours.0, ours.1, ours.2) != (theirs.0, theirs.1, theirs.2) {
        return Some(format!("{:?} in place of {:?}", ours.2, theirs.2));
    }
    let largest = ours.3.iter().zip(&theirs.3).map(|(a, b)| a.abs_diff(*b));
    let largest = largest.max().expect("pixels");
    (largest > levels_max).then(|| format!("a sample differs by {largest} levels"))
}

#[test]
fn every_golden_has_the_status_sizes_and_pixels_of_img2dataset() {
    none_differs(&rows("cases", 120), JpegDecoder::Turbo, LEVELS_MAX);
}

#[test]
fn zune_jpeg_agrees_on_every_whole_jpeg() {
    let mut cases = rows("cases", 120);
    cases.retain(|row| {
        let name = text(row, "file");
        name.starts_with("jpg_") && !NOT_FOR_ZUNE.iter().any(|kind| name.starts_with(kind))
    });
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    none_differs(&cases, JpegDecoder::Zune, ZUNE_LEVELS_MAX);
}

fn none_differs(cases: &[Value], decoder: JpegDecoder, levels_max: u8) {
    let differences: Vec<String> = cases
        .iter()
        .filter_map(|row| {
            difference(row, decoder, levels_max)
                .map(|what| format!("{} {}: {what}", row["file"], row["settings"]))
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_golden_has_the_exif_text_of_img2dataset() {
    for row in rows("files", 80) {
        let name = text(&row, "file");
        assert_eq!(
            exif_json(&golden(name)).as_deref(),
            row["exif"].as_str(),
            "{name}"
        );
    }
}
