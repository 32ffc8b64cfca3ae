//! Owns Windows and OS/2 bitmaps. Never keeps their fourth channel unless it says it is alpha.

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder};

use super::same_size;
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Decodes to RGB or RGBA, or to grey where every entry of the palette is grey, as OpenCV does.
pub(super) fn decode(body: &[u8], size: Size, out: &mut Buffer) -> Result<Shape, CodecError> {
    let decoder = BmpDecoder::new(Cursor::new(body)).map_err(|_| CodecError::Decode)?;
    let (width, height) = decoder.dimensions();
    same_size(width, height, size)?;
    let channels = match decoder.color_type() {
        ColorType::L8 => 1,
        ColorType::Rgb8 => 3,
        ColorType::Rgba8 => 4,
        _ => return Err(CodecError::Decode),
    };
    let shape = Shape::new(size, channels);
    let room = out.room(shape.bytes());
    decoder.read_image(room).map_err(|_| CodecError::Decode)?;
    if channels == 3 && has_grey_palette(body) {
        for pixel in 0..room.len() / 3 {
            room[pixel] = room[pixel * 3];
        }
        return Ok(Shape::new(size, 1));
    }
    Ok(shape)
}

/// Whether the file has a palette and each of its entries has equal blue, green and red.
fn has_grey_palette(body: &[u8]) -> bool {
    const FILE_HEADER_BYTES: usize = 14;
    const CORE_HEADER_BYTES: usize = 12;
    let u16_at = |at: usize| Some(u16::from_le_bytes(body.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?));
    let grey = || {
        let header_bytes = u32_at(FILE_HEADER_BYTES)? as usize;
        let core = header_bytes == CORE_HEADER_BYTES;
        let depth = u16_at(if core { 24 } else { 28 })?;
        if depth > 8 {
            return None;
        }
        let used = if core { 0 } else { u32_at(46)? as usize };
        let entries = if used == 0 {
            1 << depth
        } else {
            used.min(1 << depth)
        };
        let entry_bytes = if core { 3 } else { 4 };
        let start = FILE_HEADER_BYTES.checked_add(header_bytes)?;
        let palette = body.get(start..start.checked_add(entries * entry_bytes)?)?;
        Some(
            palette
                .chunks_exact(entry_bytes)
                .all(|entry| entry[0] == entry[1] && entry[1] == entry[2]),
        )
    };
    grey().unwrap_or(false)
}
