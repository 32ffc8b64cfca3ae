//! Holds the codec to what img2dataset made of a part of the edge set: status, sizes, pixels before
//! encoding and EXIF text. tests/parity/make_goldens.py wrote the goldens; no Python is needed here.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use turbo2ds_codec::{
    Codec, EncodeFormat, Encoded, Interpolation, JpegDecoder, ReencodePolicy, ResizeMode, Settings,
    WholeCheck, exif_json,
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
        [done.facts.width, done.facts.height],
        [done.facts.original_width, done.facts.original_height]
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

/// Files that are all there and that OpenCV refuses for another reason: a kind that it does not have,
/// a rule of its own on what may be shown, damage that is no cut.
const WHOLE_AND_REFUSED: [&str; 4] = [
    "gif_frame_larger.gif",
    "jpg_precision_of_12.jpg",
    "jpg_two_soi.jpg",
    "webp_vp8x_of_another_size.webp",
];

/// Of later planes that are missing OpenCV draws nothing and says nothing: kept they are refused.
const CUT_AND_DRAWN: &str = "tiff_planar.tiff";

#[test]
fn what_is_kept_as_it_came_is_what_decodes_however_it_is_cut() {
    let decoding = Settings {
        resize_mode: ResizeMode::No,
        ..Settings::default()
    };
    let limits = decoding.limits;
    let keeping = Settings {
        reencode: ReencodePolicy::Never,
        ..decoding.clone()
    };
    let (mut decoding, mut keeping) = (Codec::new(decoding), Codec::new(keeping));
    let mut check = WholeCheck::new(limits);
    let mut compared = 0;
    for row in rows("files", 150) {
        let name = text(&row, "file");
        let body = golden(name);
        let whole = keeping.process(&body).is_ok() && decoding.process(&body).is_err();
        assert_eq!(whole, WHOLE_AND_REFUSED.contains(&name), "{name}");
        let ends = [1, 2, 3, 4, 5, 6, 7].map(|eighths| body.len() * eighths / 8);
        let last = [
            body.len().saturating_sub(2),
            body.len().saturating_sub(1),
            body.len(),
        ];
        for end in ends.into_iter().chain(last) {
            let cut = &body[..end];
            let (decoded, kept) = (decoding.process(cut), keeping.process(cut));
            let may_be_kept = WHOLE_AND_REFUSED.contains(&name);
            let may_be_refused = name == CUT_AND_DRAWN;
            assert!(
                decoded.is_ok() || kept.is_err() || may_be_kept,
                "{name} at {end}"
            );
            assert!(
                decoded.is_err() || kept.is_ok() || may_be_refused,
                "{name} at {end}"
            );
            compared += 1;
            assert_eq!(check.check(cut).is_ok(), kept.is_ok(), "{name} at {end}");
        }
    }
    assert!(compared > 1400, "only {compared} compared");
}
