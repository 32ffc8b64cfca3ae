//! Whole files with boxes through the codec, against img2dataset's own results. The goldens come from
//! `tests/parity/blur_goldens.py`.

use std::path::{Path, PathBuf};

use serde_json::Value;
use turbo2ds_codec::{
    BoundingBox, Codec, EncodeFormat, Encoded, Interpolation, Processed, ReencodePolicy,
    ResizeMode, Settings,
};

/// One golden: what img2dataset was asked.
struct Case {
    name: String,
    settings: Settings,
    boxes: Vec<BoundingBox>,
}

/// Width, channels and samples.
type Raster = (u32, usize, Vec<u8>);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/blur")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn cases() -> Vec<Case> {
    let cases: Vec<Value> = serde_json::from_slice(&read("cases.json")).unwrap();
    cases.iter().map(case).collect()
}

fn case(described: &Value) -> Case {
    let numbers = |edges: &Value| [0, 1, 2, 3].map(|at| edges[at].as_f64().unwrap());
    let boxes = described["boxes"].as_array().unwrap().iter();
    Case {
        name: described["name"].as_str().unwrap().to_owned(),
        settings: Settings {
            image_size: described["image_size"].as_u64().unwrap() as u32,
            resize_mode: match described["resize_mode"].as_str().unwrap() {
                "no" => ResizeMode::No,
                "border" => ResizeMode::Border,
                "keep_ratio" => ResizeMode::KeepRatio,
                "center_crop" => ResizeMode::CenterCrop,
                other => panic!("no case of {other}"),
            },
            upscale: Interpolation::Nearest,
            downscale: Interpolation::Nearest,
            encode_format: EncodeFormat::Png,
            encode_quality: 1,
            ..Settings::default()
        },
        boxes: boxes
            .map(|edges| BoundingBox::new(numbers(edges)).unwrap())
            .collect(),
    }
}

fn decoded(file: &[u8]) -> Raster {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .unwrap();
    let mut samples = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut samples).unwrap();
    (info.width, info.color_type.samples(), samples)
}

fn new_file(processed: Processed) -> Vec<u8> {
    match processed.encoded {
        Encoded::New(file) => file,
        Encoded::Original => panic!("the original bytes were kept"),
    }
}

#[test]
fn blurred_pixels_are_img2datasets_within_a_level() {
    let (mut samples, mut unlike) = (0, 0);
    for case in cases() {
        let mut codec = Codec::new(case.settings);
        let original = read(&format!("{}.png", case.name));
        let found = codec.process_blurred(&original, &case.boxes).unwrap();
        let found = decoded(&new_file(found));
        let expected = decoded(&read(&format!("{}.expected.png", case.name)));
        assert_eq!(
            (found.0, found.1),
            (expected.0, expected.1),
            "{}",
            case.name
        );
        assert_eq!(found.2.len(), expected.2.len(), "{}", case.name);
        for (found, expected) in found.2.iter().zip(&expected.2) {
            assert!(
                found.abs_diff(*expected) <= 1,
                "{}: {found} for {expected}",
                case.name
            );
            unlike += u32::from(found != expected);
        }
        samples += found.2.len() as u32;
    }
    assert!(
        unlike * 50 < samples,
        "{unlike} of {samples} are a level off"
    );
}

#[test]
fn the_goldens_hold_a_blur() {
    let blurred = cases()
        .iter()
        .filter(|case| case.settings.resize_mode == ResizeMode::No)
        .filter(|case| {
            let file = |end: &str| decoded(&read(&format!("{}{end}", case.name)));
            file(".png").2 != file(".expected.png").2
        })
        .count();
    assert!(blurred >= 10, "{blurred}");
}

#[test]
fn an_image_with_boxes_is_never_kept_in_its_own_bytes() {
    let file = read("one_box.png");
    let hidden = [BoundingBox::new([0.25, 0.2, 0.7, 0.8]).unwrap()];
    for reencode in [ReencodePolicy::SkipIfUnchanged, ReencodePolicy::Never] {
        let mut codec = Codec::new(Settings {
            resize_mode: ResizeMode::No,
            encode_format: EncodeFormat::Png,
            encode_quality: 1,
            reencode,
            ..Settings::default()
        });
        let kept = codec.process_blurred(&file, &[]).unwrap();
        assert_eq!(kept.encoded, Encoded::Original);
        let blurred = new_file(codec.process_blurred(&file, &hidden).unwrap());
        assert_ne!(decoded(&blurred).2, decoded(&file).2);
    }
}
