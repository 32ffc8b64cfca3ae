//! Owns the EXIF text of a sample: a JSON object from tag names to printed values, as img2dataset stores it. The
//! reader follows TIFF 6.0 directories within the body; its work and output are bounded, and what exceeds the
//! bounds is dropped. Never includes maker notes, user comments or XMP.

mod container;
mod meanings;
mod names;
mod print;
mod reader;

use reader::{Endian, Reader, Tags};

/// A JSON object from tag names (`Image Make`, `EXIF DateTimeOriginal`, `GPS GPSLatitude`, `Thumbnail
/// Compression`) to printed values; `{}` if the body has no EXIF, `None` if it is malformed in a way that makes
/// img2dataset's reader fail.
///
/// Values of single bytes are printed as 0, like by img2dataset's reader.
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

/// Whether Python counts the character as white space, which includes four separators.
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

    /// `Image Make` and a pointer of `id` to `offset`, then `tail` from byte 38 on.
    fn pointing(id: u16, offset: u32, tail: &[u8]) -> Vec<u8> {
        let make = (0x010F, 2, 4, *b"Abc\0");
        tiff(&[make, (id, 4, 1, offset.to_le_bytes())], tail)
    }

    const GPS: u16 = 0x8825;
    const EXIF: u16 = 0x8769;

    #[test]
    fn a_pointer_into_what_is_no_directory_loses_what_it_names_alone() {
        // The nested header's `II` are 18,761 entries, and the body is long enough for all.
        let mut nested = b"II*\0\x08\0\0\0".to_vec();
        nested.resize(300_000, 0x6C);
        let with_one = r#"{"Image Make": "Abc", "GPS Tag 0x002A": "[]", "Image GPSInfo": "38"}"#;
        let exif = exif_json(&pointing(GPS, 38, &nested));
        assert_eq!(exif.as_deref(), Some(with_one));
        let kept = r#"{"Image Make": "Abc", "Image GPSInfo": "38"}"#;
        for byte in [0x00, 0xFF, 0x5A] {
            let nonsense = vec![byte; 1_000_000];
            assert_eq!(
                exif_json(&pointing(GPS, 38, &nonsense)).as_deref(),
                Some(kept)
            );
            let exif = exif_json(&pointing(EXIF, 38, &nonsense));
            let kept = r#"{"Image Make": "Abc", "Image ExifOffset": "38"}"#;
            assert_eq!(exif.as_deref(), Some(kept));
        }
    }

    #[test]
    fn a_pointer_to_nowhere_or_to_its_own_directory_keeps_the_rest() {
        for (offset, printed) in [(99_999, "99999"), (u32::MAX, "4294967295")] {
            let kept = format!(r#"{{"Image Make": "Abc", "Image GPSInfo": "{printed}"}}"#);
            assert_eq!(exif_json(&pointing(GPS, offset, b"")), Some(kept));
        }
        let own = exif_json(&pointing(EXIF, 8, b""));
        let kept = r#"{"Image Make": "Abc", "Image ExifOffset": "8", "EXIF Make": "Abc", "EXIF ExifOffset": "8"}"#;
        assert_eq!(own.as_deref(), Some(kept));
    }

    #[test]
    fn a_count_beyond_the_data_and_an_unknown_type_lose_one_tag() {
        let make = (0x010F, 2, 4, *b"Abc\0");
        let odd = [
            (0x0110, 77, 1, [1, 0, 0, 0]),
            (0x0102, 3, 5000, [26, 0, 0, 0]),
            (0x0131, 2, 400, u32::MAX.to_le_bytes()),
        ];
        let kept = [
            r#"{"Image Make": "Abc"}"#,
            r#"{"Image Make": "Abc", "Image BitsPerSample": "[]"}"#,
            r#"{"Image Make": "Abc", "Image Software": ""}"#,
        ];
        for (entry, kept) in odd.into_iter().zip(kept) {
            assert_eq!(exif_json(&tiff(&[make, entry], b"")).as_deref(), Some(kept));
        }
    }

    #[test]
    fn a_text_too_long_to_be_kept_is_left_out_alone() {
        let texts = [
            (0x010E, 2, 2_000_000, 50_u32.to_le_bytes()),
            (0x010F, 2, 4, *b"Abc\0"),
            (0x0110, 2, 600_000, 50_u32.to_le_bytes()),
        ];
        let exif = exif_json(&tiff(&texts, &vec![b'a'; 2_000_000])).expect("a text");
        assert!(exif.starts_with(r#"{"Image Make": "Abc", "Image Model": "aaa"#));
        assert_eq!(
            exif.len(),
            600_000 + r#"{"Image Make": "Abc", "Image Model": ""}"#.len()
        );
    }

    #[test]
    fn a_body_that_asks_for_endless_work_gets_what_came_before() {
        // Each of 60,000 pointers leads to 60,000 entries of 999 numbers.
        let entries = vec![(GPS, 4, 1, 8_u32.to_le_bytes()); 60_000];
        assert!(exif_json(&tiff(&entries, b"")).is_some());
        let entries = vec![(0x0102, 3, 999, 8_u32.to_le_bytes()); 60_000];
        assert!(exif_json(&tiff(&entries, b"")).is_some());
        // The text starts after the entries.
        let entry = (0x010F, 2, u32::MAX, (14 + 60_000 * 12_u32).to_le_bytes());
        let exif = exif_json(&tiff(&vec![entry; 60_000], &vec![b'a'; 1 << 19])).expect("a text");
        assert_eq!(exif.matches("Image Make").count(), 1);
    }

    #[test]
    fn a_tiff_of_many_pages_has_the_tags_of_each() {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        for page in 1..=300_u32 {
            file.extend(1_u16.to_le_bytes());
            file.extend([0x00, 0x01, 4, 0, 1, 0, 0, 0]);
            file.extend(page.to_le_bytes());
            let next = if page < 300 { file.len() as u32 + 4 } else { 0 };
            file.extend(next.to_le_bytes());
        }
        let exif = exif_json(&file).expect("tags");
        assert!(exif.contains(r#""Thumbnail ImageWidth": "2""#));
        assert!(exif.ends_with(r#""IFD 299 ImageWidth": "300"}"#));
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
