//! Owns decoding WebP (RFC 9649) with libwebp, by the same calls as OpenCV: still images and the first frame
//! of animations. Never decodes a second frame.

use std::ffi::c_int;
use std::mem::MaybeUninit;

use libwebp_sys as webp;

use super::outcome::{Completeness, same_size};
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Bytes in which OpenCV looks for alpha and animation. A shorter file is refused. Alpha in a later chunk
/// that the flags of the container do not announce is dropped.
const HEADER_BYTES: usize = 32;

/// Decodes to RGB, or to RGBA if the file has alpha.
pub(super) fn decode(body: &[u8], size: Size, out: &mut Buffer) -> Result<Shape, CodecError> {
    let features = features(body.get(..HEADER_BYTES).ok_or(CodecError::Decode)?)?;
    same_size(features.width as u32, features.height as u32, size)?;
    if features.has_animation != 0 {
        return first_frame(body, size, features.has_alpha != 0, out);
    }
    let shape = Shape::new(size, if features.has_alpha != 0 { 4 } else { 3 });
    let samples = out.bytes_mut(shape.bytes());
    let into = if features.has_alpha != 0 {
        webp::WebPDecodeRGBAInto
    } else {
        webp::WebPDecodeRGBInto
    };
    let stride = c_int::try_from(shape.stride()).map_err(|_| CodecError::DimensionsTooLarge)?;
    // SAFETY: `body` and `samples` are slices passed with their lengths; libwebp returns null if the buffer
    // is too small for the rows.
    let written = unsafe {
        into(
            body.as_ptr(),
            body.len(),
            samples.as_mut_ptr(),
            samples.len(),
            stride,
        )
    };
    if written.is_null() {
        Err(CodecError::Decode)
    } else {
        Ok(shape)
    }
}

/// Whether the container fits the body and every chunk, including the image, fits the container. A lossy
/// image also gives the length of its first partition. The rest of the image data is not checked, but a
/// truncated file cannot have these sizes.
pub(super) fn completeness(body: &[u8]) -> Completeness {
    const FILE_HEADER_BYTES: usize = 12;
    let whole = || {
        let end = le32_at(body, 4)?.checked_add(8)?;
        let mut chunks = body.get(FILE_HEADER_BYTES..end)?;
        let mut has_image = false;
        while !chunks.is_empty() {
            let (name, data, rest) = chunk(chunks)?;
            match name {
                b"VP8 " => has_image |= has_first_part(data)?,
                b"VP8L" => has_image = true,
                b"ANMF" => has_image |= has_frame(data)?,
                _ => {}
            }
            chunks = rest;
        }
        has_image.then_some(())
    };
    whole().map_or(Completeness::Unknown, |()| Completeness::Complete)
}

/// The name and data of the first chunk, and the rest after its padding.
fn chunk(chunks: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let name = chunks.first_chunk()?;
    let size = le32_at(chunks, 4)?;
    let data = chunks.get(8..size.checked_add(8)?)?;
    let rest = chunks.get(8 + size.checked_next_multiple_of(2)?..)?;
    Some((name, data, rest))
}

/// Whether a frame of an animation has an image and its chunks are complete.
fn has_frame(data: &[u8]) -> Option<bool> {
    const FRAME_HEADER_BYTES: usize = 16;
    let mut chunks = data.get(FRAME_HEADER_BYTES..)?;
    let mut has_image = false;
    while !chunks.is_empty() {
        let (name, data, rest) = chunk(chunks)?;
        has_image |= match name {
            b"VP8 " => has_first_part(data)?,
            b"VP8L" => true,
            _ => false,
        };
        chunks = rest;
    }
    Some(has_image)
}

/// Whether the first partition of a lossy image is within its chunk (RFC 6386, section 9.1).
fn has_first_part(data: &[u8]) -> Option<bool> {
    const FRAME_HEADER_BYTES: usize = 10;
    let [a, b, c] = *data.first_chunk()?;
    let first_part = u32::from_le_bytes([a, b, c, 0]) >> 5;
    let behind_header = data.len().checked_sub(FRAME_HEADER_BYTES)?;
    (first_part as usize <= behind_header).then_some(true)
}

fn le32_at(body: &[u8], at: usize) -> Option<usize> {
    let bytes = body.get(at..)?.first_chunk()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

fn features(header: &[u8]) -> Result<webp::WebPBitstreamFeatures, CodecError> {
    let mut features = MaybeUninit::<webp::WebPBitstreamFeatures>::zeroed();
    // SAFETY: `header` is a slice passed with its length; the struct consists of integers, so the zeroed
    // memory is a valid value even if libwebp writes nothing.
    let (status, features) = unsafe {
        let status = webp::WebPGetFeatures(header.as_ptr(), header.len(), features.as_mut_ptr());
        (status, features.assume_init())
    };
    if status == webp::VP8StatusCode::VP8_STATUS_OK {
        Ok(features)
    } else {
        Err(CodecError::Decode)
    }
}

/// An animation decoder, deleted on drop.
struct Animation(*mut webp::WebPAnimDecoder);

impl Drop for Animation {
    fn drop(&mut self) {
        // SAFETY: `first_frame` makes an `Animation` only of a non-null decoder from WebPAnimDecoderNew, and
        // `drop` runs once.
        unsafe { webp::WebPAnimDecoderDelete(self.0) };
    }
}

fn first_frame(
    body: &[u8],
    size: Size,
    alpha: bool,
    out: &mut Buffer,
) -> Result<Shape, CodecError> {
    let data = webp::WebPData {
        bytes: body.as_ptr(),
        size: body.len(),
    };
    // SAFETY: `data` points to `body`, which outlives the decoder (dropped at the end of this function);
    // null options select the defaults: RGBA and no threads.
    let decoder = unsafe { webp::WebPAnimDecoderNew(&data, std::ptr::null()) };
    if decoder.is_null() {
        return Err(CodecError::Decode);
    }
    let decoder = Animation(decoder);
    let mut canvas = std::ptr::null_mut();
    let mut timestamp = 0;
    // SAFETY: the decoder is live until `decoder` is dropped; `canvas` and `timestamp` are valid for writing.
    let status = unsafe { webp::WebPAnimDecoderGetNext(decoder.0, &mut canvas, &mut timestamp) };
    if status == 0 || canvas.is_null() {
        return Err(CodecError::Decode);
    }
    let rgba = Shape::new(size, 4);
    // SAFETY: libwebp returned a non-null canvas of width * height RGBA pixels, which is valid until the
    // decoder is deleted; `decode` checked with `same_size` that `size` is the canvas size of the file.
    let canvas = unsafe { std::slice::from_raw_parts(canvas, rgba.bytes()) };
    if alpha {
        out.bytes_mut(rgba.bytes()).copy_from_slice(canvas);
        return Ok(rgba);
    }
    let rgb = Shape::new(size, 3);
    for (target, source) in out
        .bytes_mut(rgb.bytes())
        .chunks_exact_mut(3)
        .zip(canvas.chunks_exact(4))
    {
        target.copy_from_slice(&source[..3]);
    }
    Ok(rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lossless picture of 8x8 with alpha, in the container that libwebp writes for it.
    fn with_alpha() -> Vec<u8> {
        let pixels: Vec<u8> = (0..8 * 8 * 4).map(|at| (at * 29 % 251) as u8).collect();
        let mut file = std::ptr::null_mut();
        // SAFETY: the pixels are 8 rows of 32 bytes; libwebp stores an allocation in `file` and
        // returns its length, 0 on failure, and the copy is made before it is freed.
        unsafe {
            let bytes = webp::WebPEncodeLosslessRGBA(pixels.as_ptr(), 8, 8, 32, &mut file);
            assert!(bytes > 0);
            let copy = std::slice::from_raw_parts(file, bytes).to_vec();
            webp::WebPFree(file.cast());
            copy
        }
    }

    /// The picture's chunk in an extended container with these flags.
    fn extended(flags: u8) -> Vec<u8> {
        let image = &with_alpha()[12..];
        let mut file = b"RIFF".to_vec();
        file.extend((22 + image.len() as u32).to_le_bytes());
        file.extend(b"WEBPVP8X\x0A\0\0\0");
        file.extend([flags, 0, 0, 0, 7, 0, 0, 7, 0, 0]);
        file.extend(image);
        file
    }

    fn channels(body: &[u8]) -> Result<usize, CodecError> {
        decode(body, Size::new(8, 8), &mut Buffer::default()).map(|shape| shape.channels)
    }

    #[test]
    fn alpha_counts_where_the_header_announces_it() {
        const ALPHA: u8 = 0x10;
        assert_eq!(channels(&with_alpha()), Ok(4));
        assert_eq!(channels(&extended(ALPHA)), Ok(4));
        assert_eq!(channels(&extended(0)), Ok(3));
    }

    #[test]
    fn a_file_cut_anywhere_is_refused_and_bytes_behind_it_are_not() {
        let body = with_alpha();
        for end in 0..body.len() {
            assert_eq!(channels(&body[..end]), Err(CodecError::Decode), "{end}");
        }
        assert_eq!(channels(&[body, vec![0x55; 9]].concat()), Ok(4));
    }

    #[test]
    fn a_canvas_of_another_size_than_the_image_is_refused() {
        let mut body = extended(0);
        body[24] = 8;
        let size = Size::new(9, 8);
        let decoded = decode(&body, size, &mut Buffer::default());
        assert_eq!(decoded, Err(CodecError::Decode));
    }
}
