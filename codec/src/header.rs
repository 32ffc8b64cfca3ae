//! Owns reading from a file what the limits apply to: its size and, for JPEG, its scans. Never decodes and
//! never allocates in proportion to the image.

use crate::decode::tiff_size;
use crate::error::CodecError;
use crate::pixels::Size;
use crate::settings::Limits;
use crate::sniff::{Format, sniff};

/// What the header of an image says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Format, detected by the signature.
    pub format: Format,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Detects the format of a body and reads its header.
///
/// # Errors
/// `UnsupportedFormat` for an unknown signature, `Decode` for a malformed header, `TooComplex` and
/// `DimensionsTooLarge` beyond `limits`.
pub fn read_header(body: &[u8], limits: &Limits) -> Result<Header, CodecError> {
    let format = sniff(body).ok_or(CodecError::UnsupportedFormat)?;
    let Size { width, height } = read(format, body, limits)?;
    Ok(Header {
        format,
        width,
        height,
    })
}

/// Reads the size of the image from its header.
///
/// # Errors
/// `Decode` for a malformed header, `TooComplex` and `DimensionsTooLarge` beyond `limits`.
pub(crate) fn read(format: Format, body: &[u8], limits: &Limits) -> Result<Size, CodecError> {
    read_to_end(format, body, limits).map(|(size, _)| size)
}

/// Like [`read`]; also returns whether the file is known to be complete. This is found for JPEG only,
/// whose markers are read to the end of the image.
///
/// # Errors
/// As for [`read`].
pub(crate) fn read_to_end(
    format: Format,
    body: &[u8],
    limits: &Limits,
) -> Result<(Size, bool), CodecError> {
    let mut ended = false;
    let size = match format {
        Format::Jpeg => jpeg(body, limits.jpeg_scans_max, &mut ended)?,
        Format::Png => png(body).ok_or(CodecError::Decode)?,
        Format::Webp => webp(body).ok_or(CodecError::Decode)?,
        Format::Gif => gif(body).ok_or(CodecError::Decode)?,
        Format::Bmp => bmp(body).ok_or(CodecError::Decode)?,
        Format::Tiff => tiff_size(body).ok_or(CodecError::Decode)?,
    };
    if size.width == 0 || size.height == 0 {
        return Err(CodecError::Decode);
    }
    if size.pixels() > limits.pixels_max {
        return Err(CodecError::DimensionsTooLarge);
    }
    Ok((size, ended))
}

/// Reads the markers of a JPEG to its end. Scans are counted, since each scan of a progressive file costs
/// a pass over all coefficients. `ended` is set if EOI follows a scan; entropy-coded data cannot contain
/// that marker. The decoder judges a file without it.
fn jpeg(body: &[u8], scans_max: u32, ended: &mut bool) -> Result<Size, CodecError> {
    let mut size = None;
    let mut scans = 0;
    let mut at = 2;
    while let Some((marker, after)) = next_marker(body, at) {
        at = after;
        match marker {
            EOI => {
                *ended = scans > 0;
                break;
            }
            0x01 | 0xD0..=0xD8 => continue,
            _ => {}
        }
        let Some(length) = be16(body, at) else { break };
        match marker {
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && size.is_none() => {
                let height = be16(body, at + 3).ok_or(CodecError::Decode)?;
                let width = be16(body, at + 5).ok_or(CodecError::Decode)?;
                size = Some(Size::new(u32::from(width), u32::from(height)));
            }
            SOS => {
                scans += 1;
                if scans > scans_max {
                    return Err(CodecError::TooComplex);
                }
            }
            _ => {}
        }
        at += usize::from(length);
    }
    size.ok_or(CodecError::Decode)
}

const EOI: u8 = 0xD9;
const SOS: u8 = 0xDA;

/// The next marker code at or after `at`, and the position after it. Stuffed zeros and fill bytes are
/// skipped, so the search works between segments and within a scan.
fn next_marker(body: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += memchr::memchr(0xFF, body.get(at..)?)?;
        while *body.get(at)? == 0xFF {
            at += 1;
        }
        match body[at] {
            0 => at += 1,
            code => return Some((code, at + 1)),
        }
    }
}

fn png(body: &[u8]) -> Option<Size> {
    if body.get(12..16)? != b"IHDR" {
        return None;
    }
    Some(Size::new(be32(body, 16)?, be32(body, 20)?))
}

fn webp(body: &[u8]) -> Option<Size> {
    match body.get(12..16)? {
        b"VP8X" => Some(Size::new(le24(body, 24)? + 1, le24(body, 27)? + 1)),
        b"VP8L" => {
            let bits = le32(body, 21)?;
            (body.get(20) == Some(&0x2F))
                .then(|| Size::new((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => {
            if body.get(23..26)? != [0x9D, 0x01, 0x2A] {
                return None;
            }
            Some(Size::new(
                u32::from(le16(body, 26)? & 0x3FFF),
                u32::from(le16(body, 28)? & 0x3FFF),
            ))
        }
        _ => None,
    }
}

fn gif(body: &[u8]) -> Option<Size> {
    Some(Size::new(
        u32::from(le16(body, 6)?),
        u32::from(le16(body, 8)?),
    ))
}

fn bmp(body: &[u8]) -> Option<Size> {
    const CORE_HEADER_BYTES: u32 = 12;
    if le32(body, 14)? == CORE_HEADER_BYTES {
        return Some(Size::new(
            u32::from(le16(body, 18)?),
            u32::from(le16(body, 20)?),
        ));
    }
    let width = i32::from_le_bytes(le32(body, 18)?.to_le_bytes());
    // A negative height means that rows are stored top-down.
    let height = i32::from_le_bytes(le32(body, 22)?.to_le_bytes()).unsigned_abs();
    Some(Size::new(u32::try_from(width).ok()?, height))
}

fn array<const N: usize>(body: &[u8], at: usize) -> Option<[u8; N]> {
    body.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn be16(body: &[u8], at: usize) -> Option<u16> {
    array(body, at).map(u16::from_be_bytes)
}

fn be32(body: &[u8], at: usize) -> Option<u32> {
    array(body, at).map(u32::from_be_bytes)
}

fn le16(body: &[u8], at: usize) -> Option<u16> {
    array(body, at).map(u16::from_le_bytes)
}

fn le24(body: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = array(body, at)?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

fn le32(body: &[u8], at: usize) -> Option<u32> {
    array(body, at).map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        pixels_max: 100_000_000,
        jpeg_scans_max: 100,
    };

    /// A JPEG skeleton: a frame header of 16x16 and `scans` empty scans.
    fn jpeg_of_scans(scans: usize) -> Vec<u8> {
        let mut file = b"\xFF\xD8\xFF\xC2\x00\x0B\x08\x00\x10\x00\x20\x01\x01\x11\x00".to_vec();
        for _ in 0..scans {
            file.extend(b"\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00\x12\xFF\x00\x34\xFF\xD0\x56");
        }
        file.extend(b"\xFF\xD9");
        file
    }

    #[test]
    fn a_lossy_webp_of_34_bytes_that_claims_16383_squared_is_refused() {
        let mut file =
            b"RIFF\x1A\0\0\0WEBPVP8 \x0E\0\0\0\x10\x02\0\x9D\x01\x2A\xFF\x3F\xFF\x3F".to_vec();
        file.resize(34, 0);
        assert_eq!(
            read(Format::Webp, &file, &LIMITS),
            Err(CodecError::DimensionsTooLarge)
        );
    }

    #[test]
    fn a_webp_canvas_of_16_million_squared_is_refused() {
        let file = b"RIFF\x1A\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\xFF\xFF\xFF\xFF\xFF\xFF";
        assert_eq!(
            read(Format::Webp, file, &LIMITS),
            Err(CodecError::DimensionsTooLarge)
        );
    }

    #[test]
    fn a_gif_screen_of_65535_squared_is_refused() {
        assert_eq!(
            read(Format::Gif, b"GIF89a\xFF\xFF\xFF\xFF\0\0\0", &LIMITS),
            Err(CodecError::DimensionsTooLarge)
        );
    }

    #[test]
    fn a_png_header_of_32000_squared_is_refused() {
        let file = b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0\x7D\0\0\0\x7D\0\x08\x02\0\0\0";
        assert_eq!(
            read(Format::Png, file, &LIMITS),
            Err(CodecError::DimensionsTooLarge)
        );
    }

    #[test]
    fn a_bmp_whose_rows_run_from_the_top_has_a_positive_height() {
        let mut file = b"BM".to_vec();
        file.resize(14, 0);
        file.extend(40_u32.to_le_bytes());
        file.extend(7_i32.to_le_bytes());
        file.extend((-9_i32).to_le_bytes());
        assert_eq!(read(Format::Bmp, &file, &LIMITS), Ok(Size::new(7, 9)));
    }

    #[test]
    fn a_jpeg_of_a_thousand_scans_is_too_complex_and_one_of_a_hundred_is_not() {
        assert_eq!(
            read(Format::Jpeg, &jpeg_of_scans(1000), &LIMITS),
            Err(CodecError::TooComplex)
        );
        assert_eq!(
            read(Format::Jpeg, &jpeg_of_scans(100), &LIMITS),
            Ok(Size::new(32, 16))
        );
    }

    #[test]
    fn every_cut_of_a_header_is_refused_without_a_panic() {
        let file = jpeg_of_scans(2);
        for end in 0..file.len() {
            for format in [
                Format::Jpeg,
                Format::Png,
                Format::Webp,
                Format::Gif,
                Format::Bmp,
                Format::Tiff,
            ] {
                let _ = read(format, &file[..end], &LIMITS);
            }
        }
    }

    #[test]
    fn an_image_without_a_side_is_refused() {
        assert_eq!(
            read(Format::Gif, b"GIF89a\x00\x00\x05\x00\0\0\0", &LIMITS),
            Err(CodecError::Decode)
        );
    }
}
