//! Owns the EXIF text of a sample: a JSON object of tag names to printed values, as img2dataset
//! stores it. The reader follows TIFF 6.0 directories wherever they point within the body and never
//! beyond, and its work and output are bounded. Maker notes, user comments and XMP are left out.

mod container;
mod meanings;
mod names;
mod print;
mod reader;

use reader::{Endian, Reader, Tags};

/// JSON object text of tag names (`Image Make`, `EXIF DateTimeOriginal`, `GPS GPSLatitude`,
/// `Thumbnail Compression`) to printed values; `{}` where the body has no EXIF, `None` where it is
/// broken or unreasonably large.
///
/// Values of one byte are printed as 0, because the reader that img2dataset uses prints them so.
pub fn exif_json(body: &[u8]) -> Option<String> {
    match container::find(body).ok()? {
        None => Some("{}".to_owned()),
        Some(offset) => {
            let endian = Endian::from_mark(*body.get(offset)?)?;
            let tags = Reader::new(body, offset, endian).read().ok()?;
            Some(json(&tags))
        }
    }
}

/// ASCII JSON with a space after each separator.
fn json(tags: &Tags) -> String {
    let mut text = String::from("{");
    for (index, (name, value)) in tags.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        push_string(&mut text, name);
        text.push_str(": ");
        push_string(&mut text, value.trim_matches(is_space));
    }
    text.push('}');
    text
}

/// White space, and the four separators that Python counts as such.
fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\x1c'..='\x1f').contains(&character)
}

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\x08' => text.push_str("\\b"),
            '\x0c' => text.push_str("\\f"),
            ' '..='\x7e' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A little-endian TIFF of one directory; each entry is (tag, type, count, value bytes).
    fn tiff(entries: &[(u16, u16, u32, [u8; 4])], tail: &[u8]) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        file.extend((entries.len() as u16).to_le_bytes());
        for (tag, kind, count, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(kind.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value);
        }
        file.extend([0; 4]);
        file.extend(tail);
        file
    }

    fn in_jpeg(tiff: &[u8]) -> Vec<u8> {
        let mut file = b"\xFF\xD8\xFF\xE1".to_vec();
        file.extend((tiff.len() as u16 + 8).to_be_bytes());
        file.extend(b"Exif\0\0");
        file.extend(tiff);
        file.extend(b"\xFF\xDB\0\x43");
        file
    }

    #[test]
    fn a_body_without_exif_gives_an_empty_object() {
        assert_eq!(
            exif_json(b"\x89PNG\r\n\x1A\n\0\0\0\0"),
            Some("{}".to_owned())
        );
        assert_eq!(
            exif_json(b"\xFF\xD8\xFF\xDB\x00\x43\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"),
            Some("{}".to_owned())
        );
        assert_eq!(exif_json(b"\xFF\xD8\xFF"), None);
    }

    #[test]
    fn values_are_printed_by_name_as_numbers_and_as_text() {
        let exif = tiff(
            &[
                (0x0112, 3, 1, [6, 0, 0, 0]),
                (0x010F, 2, 4, *b"Ab \0"),
                (0x0100, 4, 1, [0, 1, 0, 0]),
            ],
            b"",
        );
        let expected = r#"{"Image Orientation": "Rotated 90 CW", "Image Make": "Ab", "Image ImageWidth": "256"}"#;
        assert_eq!(exif_json(&in_jpeg(&exif)), Some(expected.to_owned()));
        assert_eq!(exif_json(&exif), Some(expected.to_owned()));
    }

    #[test]
    fn ratios_are_reduced_and_a_zero_below_is_kept() {
        let tail = [10, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0];
        let exif = tiff(&[(0x0132, 5, 2, [26, 0, 0, 0])], &tail);
        assert_eq!(
            exif_json(&exif),
            Some(r#"{"Image DateTime": "[5/2, 3/0]"}"#.to_owned())
        );
    }

    #[test]
    fn text_outside_ascii_is_escaped() {
        let exif = tiff(&[(0x013B, 2, 4, [0xC3, 0xA9, b'"', 0x7F])], b"");
        assert_eq!(
            exif_json(&exif),
            Some("{\"Image Artist\": \"\\u00e9\\\"\\u007f\"}".to_owned())
        );
    }

    #[test]
    fn the_gps_directory_has_its_own_names() {
        let mut exif = tiff(&[(0x8825, 4, 1, [26, 0, 0, 0])], b"");
        exif.extend(b"\x01\0\x01\0\x02\0\x02\0\0\0N\0\0\0");
        let expected = r#"{"GPS GPSLatitudeRef": "N", "Image GPSInfo": "26"}"#;
        assert_eq!(exif_json(&exif), Some(expected.to_owned()));
    }

    #[test]
    fn a_broken_byte_order_mark_gives_none() {
        assert_eq!(exif_json(&in_jpeg(b"XX*\0\x08\0\0\0\0\0")), None);
    }

    #[test]
    fn directories_that_point_at_each_other_end() {
        let mut exif = b"II*\0\x08\0\0\0\0\0\x0E\0\0\0\0\0\x08\0\0\0".to_vec();
        exif.resize(64, 0);
        assert_eq!(exif_json(&exif), Some("{}".to_owned()));
    }

    #[test]
    fn texts_that_repeat_the_whole_body_without_end_give_none() {
        // The text starts behind the 600 entries, at 8 + 2 + 600 * 12 + 4.
        let entry = (0x010F_u16, 2_u16, u32::MAX, 7214_u32.to_le_bytes());
        let exif = tiff(&[entry; 600], &vec![b'a'; 1 << 16]);
        assert_eq!(exif_json(&exif), None);
    }

    #[test]
    fn no_cut_and_no_changed_byte_panics() {
        let whole = in_jpeg(&tiff(
            &[(0x8825, 4, 1, [26, 0, 0, 0]), (0x0112, 3, 1, [6, 0, 0, 0])],
            &[7; 40],
        ));
        for at in 0..whole.len() {
            let _ = exif_json(&whole[..at]);
            let mut changed = whole.clone();
            changed[at] ^= 0xFF;
            let _ = exif_json(&changed);
        }
    }
}
