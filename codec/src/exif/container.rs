//! Owns finding the TIFF structure in a file: TIFF itself, JPEG's APP1 and WebP's EXIF chunk. Never reads a tag.
//! The steps, including odd ones, follow the reader that img2dataset uses.

use super::reader::Broken;
use crate::sniff::{Format, sniff};

/// Bytes after the JFIF segments in which an APP1 is searched.
const SEARCH_BYTES: usize = 4000;

/// The offset of the byte-order mark; `None` if the file has no EXIF.
pub(super) fn find(body: &[u8]) -> Result<Option<usize>, Broken> {
    match body {
        [b'I', b'I', ..] | [b'M', b'M', ..] => Ok(Some(0)),
        _ if sniff(body) == Some(Format::Webp) => Ok(webp(body)),
        [0xFF, 0xD8, _, _, ..] => jpeg(body),
        [0xFF, 0xD8, ..] => Err(Broken),
        _ => Ok(None),
    }
}

fn webp(body: &[u8]) -> Option<usize> {
    const FIRST_CHUNK: usize = 12;
    const BEHIND_VP8X: usize = 30;
    if body.get(FIRST_CHUNK..FIRST_CHUNK + 4)? != b"VP8X" {
        return None;
    }
    let mut at = BEHIND_VP8X;
    loop {
        let head = body.get(at..at + 8)?;
        if &head[..4] == b"EXIF" {
            return Some(at + 8);
        }
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        at = at.checked_add(8 + size as usize)?;
    }
}

fn jpeg(body: &[u8]) -> Result<Option<usize>, Broken> {
    let mut base = behind_jfif(body)?;
    let data = &body[..body.len().min(base + SEARCH_BYTES)];
    loop {
        let marker = data
            .get(base..(base + 2).min(data.len()))
            .unwrap_or_default();
        match marker {
            [0xFF, 0xE1] if data.get(base + 4..base + 8) == Some(b"Exif") => {
                return Ok(Some(base + 10));
            }
            [0xFF, 0xDB] => return behind_last_segment(data, base),
            _ => {}
        }
        let Some(length) = data.get(base + 2..base + 4) else {
            let known = matches!(marker, [0xFF, 0xE0 | 0xE1 | 0xE2 | 0xEC | 0xEE | 0xD8]);
            return if known { Err(Broken) } else { Ok(None) };
        };
        base += usize::from(u16::from_be_bytes([length[0], length[1]])) + 2;
    }
}

/// Skips the JFIF and similar segments at the start of most files.
fn behind_jfif(body: &[u8]) -> Result<usize, Broken> {
    let mut base = 2;
    loop {
        if *body.get(base).ok_or(Broken)? != 0xFF {
            return Ok(base);
        }
        match body.get(base + 4..base + 8) {
            Some(b"JFIF" | b"JFXX" | b"OLYM" | b"Phot") => {}
            _ => return Ok(base),
        }
        let length = usize::from(u16::from_be_bytes([body[base + 2], body[base + 3]]));
        if length < 8 {
            return Err(Broken);
        }
        base += length + 2;
    }
}

/// No APP1 came before the tables, so nothing is expected to follow.
fn behind_last_segment(data: &[u8], base: usize) -> Result<Option<usize>, Broken> {
    data.get(base + 2).ok_or(Broken).map(|_| None)
}
