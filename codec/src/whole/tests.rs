use super::*;
use crate::codec::Codec;
use crate::codec::tests::{bmp_file, file, gif_file, tiff_file};
use crate::settings::{EncodeFormat, Settings};

const LIMITS: Limits = Limits {
    pixels_max: 1 << 20,
    jpeg_scans_max: 10,
};

fn check(body: &[u8]) -> Result<Header, CodecError> {
    WholeCheck::new(LIMITS).check(body)
}

fn is_whole(body: &[u8]) -> bool {
    check(body).is_ok()
}

/// Completeness as far as the structure tells.
fn completeness(body: &[u8]) -> Completeness {
    let probe = Probe::of(body, &LIMITS).expect("a header");
    if probe.ended {
        return Completeness::Complete;
    }
    Decoder::new(LIMITS, JpegDecoder::Turbo).completeness(probe.format, body, probe.size)
}

fn one_of_each_format() -> [Vec<u8>; 8] {
    [
        file(EncodeFormat::Jpg, 90, 3),
        file(EncodeFormat::Jpg, 90, 1),
        file(EncodeFormat::Png, 6, 3),
        file(EncodeFormat::Webp, 80, 3),
        file(EncodeFormat::Webp, 101, 3),
        gif_file(),
        bmp_file(),
        tiff_file(),
    ]
}

#[test]
fn a_whole_image_is_told_by_its_structure_whatever_stands_behind_it() {
    for body in one_of_each_format() {
        assert_eq!(
            completeness(&body),
            Completeness::Complete,
            "{:?}",
            sniff(&body)
        );
        let followed = [&body[..], b"<html>not found</html>\0"].concat();
        assert_eq!(
            completeness(&followed),
            Completeness::Complete,
            "{:?}",
            sniff(&body)
        );
        assert!(is_whole(&followed));
    }
}

#[test]
fn an_image_cut_anywhere_is_refused() {
    let mut decoder = Codec::new(Settings::default());
    for body in one_of_each_format() {
        // A TIFF's pixels and directory are followed by unused values.
        let needed = (0..body.len()).find(|&end| decoder.process(&body[..end]).is_ok());
        let needed = needed.unwrap_or(body.len());
        assert!(needed == body.len() || sniff(&body) == Some(Format::Tiff));
        for end in 0..needed {
            assert!(!is_whole(&body[..end]), "{:?} at {end}", sniff(&body));
        }
    }
}

#[test]
fn a_jpeg_without_its_end_is_judged_by_its_data() {
    let body = file(EncodeFormat::Jpg, 90, 3);
    let data = &body[..body.len() - 2];
    let zeroed = [data, &[0; 64]].concat();
    assert_eq!(completeness(&zeroed), Completeness::Unknown);
    assert!(is_whole(&zeroed), "all rows are there before the zeros");
    assert!(!is_whole(&[&data[..data.len() / 2], &[0; 2]].concat()));
    // A scan that was cut and closed is damage, which shows and is no cut.
    assert!(is_whole(&[&data[..data.len() / 2], b"\xFF\xD9"].concat()));
}

#[test]
fn a_jpeg_of_no_scan_is_no_image() {
    let body = file(EncodeFormat::Jpg, 90, 3);
    let scan = body
        .windows(2)
        .position(|at| at == b"\xFF\xDA")
        .expect("a scan");
    let headers = [&body[..scan], b"\xFF\xD9"].concat();
    assert_eq!(completeness(&headers), Completeness::Unknown);
    assert!(!is_whole(&headers));
}

#[test]
fn an_end_inside_a_preview_is_not_the_images() {
    let body = file(EncodeFormat::Jpg, 90, 3);
    let preview = file(EncodeFormat::Jpg, 10, 1);
    let mut with_preview = b"\xFF\xD8\xFF\xE1".to_vec();
    with_preview.extend((preview.len() as u16 + 2).to_be_bytes());
    with_preview.extend(&preview);
    with_preview.extend(&body[2..]);
    assert!(is_whole(&with_preview));
    assert!(!is_whole(&with_preview[..with_preview.len() * 3 / 4]));
}

/// A PNG of one grey row and more, whose stream has `rows` rows.
fn png_of_rows(height: u32, rows: usize, filter: u8) -> Vec<u8> {
    let mut row = [0x55; 17];
    row[0] = filter;
    let stream = {
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let raw = row.repeat(rows);
        let mut out = vec![0; compressor.zlib_compress_bound(raw.len())];
        let written = compressor.zlib_compress(&raw, &mut out).expect("room");
        out.truncate(written);
        out
    };
    let mut header = 16_u32.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut body = b"\x89PNG\r\n\x1A\n".to_vec();
    for (name, data) in [
        (b"IHDR", &header),
        (b"IDAT", &stream),
        (b"IEND", &Vec::new()),
    ] {
        let named = [&name[..], data].concat();
        body.extend((data.len() as u32).to_be_bytes());
        body.extend(&named);
        body.extend(libdeflater::crc32(&named).to_be_bytes());
    }
    body
}

#[test]
fn a_png_has_all_rows_with_sound_sums_and_filters() {
    assert_eq!(
        completeness(&png_of_rows(40, 40, 4)),
        Completeness::Complete
    );
    assert_eq!(
        completeness(&png_of_rows(40, 39, 4)),
        Completeness::Truncated,
        "a row is missing"
    );
    assert_eq!(
        completeness(&png_of_rows(40, 40, 5)),
        Completeness::Truncated,
        "there is no such filter"
    );
    let mut damaged = png_of_rows(40, 40, 4);
    let at = damaged.len() - 20;
    damaged[at] ^= 1;
    assert_eq!(
        completeness(&damaged),
        Completeness::Truncated,
        "the sum is another"
    );
}

#[test]
fn a_webp_whose_sizes_do_not_fit_each_other_is_decoded_to_be_judged() {
    let body = file(EncodeFormat::Webp, 80, 3);
    let mut short = body.clone();
    short[4] = short[4].wrapping_sub(2);
    assert_eq!(
        completeness(&short),
        Completeness::Unknown,
        "the chunk is longer than the container"
    );
    assert!(!is_whole(&short));
    let mut part = body;
    part[22] = 0xFF;
    assert_eq!(
        completeness(&part),
        Completeness::Unknown,
        "the first part is longer than the chunk"
    );
    assert!(!is_whole(&part));
}

#[test]
fn a_gif_has_the_pixels_of_its_first_image_and_a_trailer() {
    let body = gif_file();
    let separator = body
        .windows(9)
        .position(|at| at == b"\x2C\0\0\0\0\x08\0\x04\0");
    let at = separator.expect("an image") + 7;
    let mut taller = body.clone();
    taller[at] = 5;
    taller[8] = 5;
    assert_eq!(
        completeness(&taller),
        Completeness::Truncated,
        "a row is missing"
    );
    let mut beyond = body.clone();
    beyond[at] = 3;
    assert_eq!(
        completeness(&beyond),
        Completeness::Complete,
        "a row too many hides nothing"
    );
    let outside = [&body[..at - 6], &[9], &body[at - 5..]].concat();
    assert_eq!(
        completeness(&outside),
        Completeness::Complete,
        "where it stands is a viewer's matter"
    );
    let no_image = [&body[..separator.expect("an image")], b"\x3B"].concat();
    assert!(!is_whole(&no_image));
}

#[test]
fn a_bitmap_of_runs_is_decoded_to_be_judged() {
    let mut body =
        b"BM\0\0\0\0\0\0\0\0\x3E\0\0\0\x28\0\0\0\x04\0\0\0\x02\0\0\0\x01\0\x08\0\x01\0\0\0"
            .to_vec();
    body.resize(46, 0);
    body.extend(2_u32.to_le_bytes());
    body.extend([0; 4]);
    body.extend([0, 0, 0, 0, 9, 9, 9, 0]);
    let runs = [4, 1, 0, 0, 4, 0, 0, 1];
    let whole = [&body[..], &runs].concat();
    assert_eq!(completeness(&whole), Completeness::Unknown);
    assert!(is_whole(&whole));
    assert!(!is_whole(&whole[..whole.len() - 4]));
}

#[test]
fn every_strip_of_a_tiff_is_in_the_file() {
    // Two planes' strips of three, of which the last reaches one byte beyond the end.
    let directory: [(u16, u16, u32, u32); 10] = [
        (256, 3, 1, 2),
        (257, 3, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 3, 134),
        (277, 3, 1, 3),
        (278, 3, 1, 1),
        (279, 4, 3, 146),
        (284, 3, 1, 2),
    ];
    let mut body = b"II*\0\x08\0\0\0".to_vec();
    body.extend((directory.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in directory {
        body.extend(tag.to_le_bytes());
        body.extend(kind.to_le_bytes());
        body.extend(count.to_le_bytes());
        body.extend(value.to_le_bytes());
    }
    body.extend([0; 4]);
    assert_eq!(body.len(), 134);
    for number in [158_u32, 160, 162, 2, 2, 2] {
        body.extend(number.to_le_bytes());
    }
    body.extend([1, 2, 3, 4, 5, 6]);
    assert_eq!(completeness(&body), Completeness::Complete);
    for end in 158..body.len() {
        assert_eq!(completeness(&body[..end]), Completeness::Truncated, "{end}");
        assert!(!is_whole(&body[..end]));
    }
}

#[test]
fn only_what_has_to_be_decoded_has_limits() {
    let mut strict = WholeCheck::new(Limits {
        pixels_max: 10,
        ..LIMITS
    });
    for body in one_of_each_format() {
        let header = strict.check(&body);
        match sniff(&body) {
            Some(Format::Gif) => assert_eq!(header, Err(CodecError::DimensionsTooLarge)),
            format => assert_eq!(header.ok().map(|header| header.format), format),
        }
    }
    let jpeg = file(EncodeFormat::Jpg, 90, 3);
    let without_end = strict.check(&jpeg[..jpeg.len() - 2]);
    assert_eq!(without_end, Err(CodecError::DimensionsTooLarge));
    assert_eq!(strict.check(b"<html>"), Err(CodecError::UnsupportedFormat));
}
