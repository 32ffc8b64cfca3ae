//! Owns GIF 87a and 89a: the first frame on its screen. Never decodes a second frame.

use std::io::Cursor;
use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Decodes to RGB, or to RGBA where the first frame leaves something transparent.
pub(super) fn decode(
    body: &[u8],
    size: Size,
    pixels_max: u64,
    out: &mut Buffer,
) -> Result<Shape, CodecError> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.check_frame_consistency(true);
    let bytes_max = NonZeroU64::new(pixels_max.saturating_mul(4)).ok_or(CodecError::Decode)?;
    options.set_memory_limit(MemoryLimit::Bytes(bytes_max));
    let mut decoder = options
        .read_info(Cursor::new(body))
        .map_err(|_| CodecError::Decode)?;
    let background = background(&decoder);
    let frame = decoder.read_next_frame().map_err(|_| CodecError::Decode)?;
    let frame = frame.ok_or(CodecError::Decode)?;
    let screen = Shape::new(size, 4);
    let covers = (u32::from(frame.width), u32::from(frame.height)) == (size.width, size.height);
    let opaque = frame.transparent.is_none();
    let room = out.room(screen.bytes());
    if !covers {
        let pixel = if opaque { background } else { [0; 4] };
        room.chunks_exact_mut(4)
            .for_each(|target| target.copy_from_slice(&pixel));
    }
    let row_bytes = usize::from(frame.width) * 4;
    for (row, source) in frame.buffer.chunks_exact(row_bytes.max(4)).enumerate() {
        // The decoder has checked that the frame lies within the screen.
        let start = (usize::from(frame.top) + row) * screen.stride() + usize::from(frame.left) * 4;
        room[start..start + row_bytes].copy_from_slice(source);
    }
    if opaque {
        return Ok(Shape::new(size, opaque_to_rgb(room)));
    }
    Ok(screen)
}

/// The colour of what an opaque frame leaves of the screen.
fn background<R: std::io::Read>(decoder: &gif::Decoder<R>) -> [u8; 4] {
    let index = decoder.bg_color().unwrap_or(0) * 3;
    let colour = decoder
        .global_palette()
        .and_then(|palette| palette.get(index..index + 3));
    colour.map_or([0, 0, 0, u8::MAX], |rgb| [rgb[0], rgb[1], rgb[2], u8::MAX])
}

fn opaque_to_rgb(samples: &mut [u8]) -> usize {
    for pixel in 0..samples.len() / 4 {
        samples.copy_within(pixel * 4..pixel * 4 + 3, pixel * 3);
    }
    3
}
