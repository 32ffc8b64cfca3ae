//! Owns the images: where they come from, and what they are grouped by. Never decodes.

use std::fs;
use std::io;
use std::path::Path;

use turbo2ds_benches::sorted_files;
use turbo2ds_codec::{Format, sniff};
use turbo2ds_tests::pictures::{self, Picture};

/// A size class and the pixels below which an image belongs to it.
const CLASSES: [(&str, u64); 4] = [
    ("< 0.1 MP", 100_000),
    ("0.1-0.5 MP", 500_000),
    ("0.5-2 MP", 2_000_000),
    ("> 2 MP", u64::MAX),
];

/// The bodies of a folder's files that are images, by name; seeded pictures without a folder.
pub(super) fn bodies(folder: Option<&Path>) -> io::Result<Vec<Vec<u8>>> {
    let Some(folder) = folder else {
        println!("no folder was given: seeded pictures, whose entropy is not a photograph's");
        return Ok(seeded());
    };
    let paths = sorted_files(folder)?.into_iter();
    let bodies: Vec<Vec<u8>> = paths.map(fs::read).collect::<io::Result<_>>()?;
    let images = bodies.into_iter().filter(|body| sniff(body).is_some());
    Ok(images.collect())
}

fn seeded() -> Vec<Vec<u8>> {
    let formats = [
        pictures::Format::Jpeg,
        pictures::Format::ProgressiveJpeg,
        pictures::Format::Png,
        pictures::Format::Webp,
        pictures::Format::Gif,
    ];
    let sides = [240, 640, 720, 800, 1200, 1800];
    let pictures = sides.into_iter().zip(0..).flat_map(|(side, seed)| {
        formats.map(|format| Picture::new(seed, side, side * 3 / 4, format))
    });
    pictures.map(Picture::encode).collect()
}

/// What an image is called in the tables.
pub(super) fn kind(format: Format, body: &[u8]) -> &'static str {
    match format {
        Format::Jpeg if is_progressive(body) => "progressive JPEG",
        Format::Jpeg => "JPEG",
        Format::Png => "PNG",
        Format::Webp => "WebP",
        Format::Gif => "GIF",
        Format::Bmp => "BMP",
        Format::Tiff => "TIFF",
    }
}

/// The size class of so many pixels, with its place among the classes.
pub(super) fn class(pixels: u64) -> (usize, &'static str) {
    let place = CLASSES.iter().position(|(_, below)| pixels < *below);
    let place = place.unwrap_or(CLASSES.len() - 1);
    (place, CLASSES[place].0)
}

/// Whether a JPEG's frame is progressive (ITU-T T.81, B.1.1.3: SOF2, SOF6, SOF10, SOF14).
fn is_progressive(jpeg: &[u8]) -> bool {
    let mut rest = jpeg.get(2..).unwrap_or_default();
    while let [0xFF, marker, after @ ..] = rest {
        match (marker, after) {
            // Fill bytes may stand before a marker.
            (0xFF, _) => rest = &rest[1..],
            (0xC0..=0xCF, _) if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => return marker & 3 == 2,
            (_, [high, low, ..]) => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                rest = after.get(length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_in_the_class_of_its_pixels() {
        assert_eq!(class(0), (0, "< 0.1 MP"));
        assert_eq!(class(99_999).1, "< 0.1 MP");
        assert_eq!(class(100_000).1, "0.1-0.5 MP");
        assert_eq!(class(1_999_999).1, "0.5-2 MP");
        assert_eq!(class(2_000_000), (3, "> 2 MP"));
        assert_eq!(class(u64::MAX), (3, "> 2 MP"));
    }

    #[test]
    fn a_progressive_jpeg_is_told_from_a_baseline_one() {
        let jpeg = |format| Picture::new(1, 64, 48, format).encode();
        assert!(is_progressive(&jpeg(pictures::Format::ProgressiveJpeg)));
        assert!(!is_progressive(&jpeg(pictures::Format::Jpeg)));
        assert!(!is_progressive(b"\xFF\xD8"));
        assert!(!is_progressive(b""));
        assert!(!is_progressive(b"\xFF\xD8\xFF\xE0\xFF\xFF\xFF\xC2"));
        assert!(is_progressive(b"\xFF\xD8\xFF\xE0\x00\x03x\xFF\xFF\xC2"));
    }

    #[test]
    fn seeded_pictures_are_of_every_class_but_the_largest() {
        let bodies = bodies(None).expect("pictures");
        assert_eq!(bodies.len(), 30);
        assert!(bodies.iter().all(|body| sniff(body).is_some()));
    }
}
