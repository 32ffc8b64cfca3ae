//! Owns TIFF 6.0: the first page, grey, RGB, RGBA, YCbCr and CMYK of 8 or 16 bits (1 bit for
//! grey). Never reads another page; palettes are beyond the crate and are refused.

use std::io::Cursor;

use tiff::ColorType;
use tiff::decoder::{Decoder, DecodingResult, Limits};

use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Decodes to grey, RGB or RGBA.
pub(super) fn decode(
    body: &[u8],
    size: Size,
    pixels_max: u64,
    out: &mut Buffer,
) -> Result<Shape, CodecError> {
    let mut decoder = Decoder::new(Cursor::new(body))
        .map_err(|_| CodecError::Decode)?
        .with_limits(limits(pixels_max));
    let colour = decoder.colortype().map_err(|_| CodecError::Decode)?;
    let samples = high_bytes(decoder.read_image().map_err(|_| CodecError::Decode)?)?;
    let pixels = size.width as usize * size.height as usize;
    let packed = Packed {
        samples: &samples,
        pixels,
        width: size.width as usize,
    };
    let channels = match colour {
        ColorType::Gray(1) => packed.bits(out)?,
        ColorType::Gray(8 | 16) => packed.copy(1, 1, out)?,
        ColorType::GrayA(8 | 16) => packed.copy(2, 1, out)?,
        ColorType::RGB(8 | 16) | ColorType::YCbCr(8) => packed.copy(3, 3, out)?,
        ColorType::RGBA(8 | 16) => packed.copy(4, 4, out)?,
        ColorType::CMYK(8 | 16) => packed.cmyk(out)?,
        _ => return Err(CodecError::Decode),
    };
    Ok(Shape::new(size, channels))
}

fn limits(pixels_max: u64) -> Limits {
    const SAMPLE_BYTES_MAX: u64 = 8;
    let bytes = usize::try_from(pixels_max.saturating_mul(SAMPLE_BYTES_MAX)).unwrap_or(usize::MAX);
    let mut limits = Limits::default();
    limits.decoding_buffer_size = bytes;
    limits.intermediate_buffer_size = bytes;
    limits
}

fn high_bytes(decoded: DecodingResult) -> Result<Vec<u8>, CodecError> {
    match decoded {
        DecodingResult::U8(samples) => Ok(samples),
        DecodingResult::U16(samples) => Ok(samples
            .into_iter()
            .map(|sample| (sample >> 8) as u8)
            .collect()),
        _ => Err(CodecError::Decode),
    }
}

/// Samples as the file packs them.
struct Packed<'a> {
    samples: &'a [u8],
    pixels: usize,
    width: usize,
}

impl Packed<'_> {
    /// Keeps the first `kept` of `stored` samples of each pixel.
    fn copy(&self, stored: usize, kept: usize, out: &mut Buffer) -> Result<usize, CodecError> {
        let source = self
            .samples
            .get(..self.pixels * stored)
            .ok_or(CodecError::Decode)?;
        let target = out.room(self.pixels * kept);
        for (target, source) in target
            .chunks_exact_mut(kept)
            .zip(source.chunks_exact(stored))
        {
            target.copy_from_slice(&source[..kept]);
        }
        Ok(kept)
    }

    fn bits(&self, out: &mut Buffer) -> Result<usize, CodecError> {
        let row_bytes = self.width.div_ceil(8);
        let rows = self.pixels / self.width;
        let source = self
            .samples
            .get(..row_bytes * rows)
            .ok_or(CodecError::Decode)?;
        let target = out.room(self.pixels).chunks_exact_mut(self.width);
        for (target, source) in target.zip(source.chunks_exact(row_bytes)) {
            for (x, sample) in target.iter_mut().enumerate() {
                *sample = if source[x / 8] >> (7 - x % 8) & 1 == 1 {
                    u8::MAX
                } else {
                    0
                };
            }
        }
        Ok(1)
    }

    fn cmyk(&self, out: &mut Buffer) -> Result<usize, CodecError> {
        let source = self
            .samples
            .get(..self.pixels * 4)
            .ok_or(CodecError::Decode)?;
        let target = out.room(self.pixels * 3);
        for (target, source) in target.chunks_exact_mut(3).zip(source.chunks_exact(4)) {
            let black = 255 - u32::from(source[3]);
            for (light, &ink) in target.iter_mut().zip(source) {
                *light = ((255 - u32::from(ink)) * black / 255) as u8;
            }
        }
        Ok(3)
    }
}
