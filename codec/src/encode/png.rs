//! Owns PNG output, 8 bits grey or RGB, without interlacing. Never writes metadata.

use png::{BitDepth, ColorType, DeflateCompression};

use crate::error::CodecError;
use crate::pixels::Shape;

/// Encodes at zlib's `compression` level, 0 stored, 9 smallest.
pub(super) fn encode(pixels: &[u8], shape: Shape, compression: u32) -> Result<Vec<u8>, CodecError> {
    let mut file = Vec::with_capacity(shape.bytes() / 2);
    let mut encoder = png::Encoder::new(&mut file, shape.size.width, shape.size.height);
    encoder.set_color(if shape.channels == 1 {
        ColorType::Grayscale
    } else {
        ColorType::Rgb
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_deflate_compression(match compression {
        0 => DeflateCompression::NoCompression,
        level => DeflateCompression::Level(level.min(9) as u8),
    });
    let mut writer = encoder
        .write_header()
        .map_err(|_| CodecError::DimensionsTooLarge)?;
    writer
        .write_image_data(pixels)
        .map_err(|_| CodecError::DimensionsTooLarge)?;
    writer
        .finish()
        .map_err(|_| CodecError::DimensionsTooLarge)?;
    Ok(file)
}
