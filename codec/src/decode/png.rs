//! Owns PNG (RFC 2083): palettes and low depths expanded, the high byte of 16 bits. Never keeps
//! the colour key of a grey image, as OpenCV does not.

use std::io::Cursor;

use png::{ColorType, Transformations};

use super::same_size;
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Decodes the default image.
pub(super) fn decode(body: &[u8], size: Size, out: &mut Buffer) -> Result<Shape, CodecError> {
    let mut decoder = png::Decoder::new(Cursor::new(body));
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(|_| CodecError::Decode)?;
    let stored_grey = reader.info().color_type == ColorType::Grayscale;
    same_size(reader.info().width, reader.info().height, size)?;
    let channels = reader.output_color_type().0.samples();
    let room = out.room(Shape::new(size, channels).bytes());
    reader.next_frame(room).map_err(|_| CodecError::Decode)?;
    // Reading on to IEND finds a file that was cut behind its last pixel.
    reader.finish().map_err(|_| CodecError::Decode)?;
    let channels = match (channels, stored_grey) {
        (2, true) => drop_alpha(room),
        (2, false) => return Ok(Shape::new(size, widen_grey_alpha(size, out))),
        _ => channels,
    };
    Ok(Shape::new(size, channels))
}

fn drop_alpha(samples: &mut [u8]) -> usize {
    for pixel in 0..samples.len() / 2 {
        samples[pixel] = samples[pixel * 2];
    }
    1
}

/// Grey with alpha becomes RGBA, as OpenCV reads it, so that one matting rule serves all.
fn widen_grey_alpha(size: Size, out: &mut Buffer) -> usize {
    let pixels = size.width as usize * size.height as usize;
    let grey_alpha = out.filled(pixels * 2).to_vec();
    let rgba = out.room(pixels * 4);
    for (target, source) in rgba.chunks_exact_mut(4).zip(grey_alpha.chunks_exact(2)) {
        target.copy_from_slice(&[source[0], source[0], source[0], source[1]]);
    }
    4
}
