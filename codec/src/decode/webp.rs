//! Owns WebP (RFC 9649) by libwebp, with the calls that OpenCV makes: still images and the first
//! frame of animations. Never decodes a second frame.

use std::ffi::c_int;
use std::mem::MaybeUninit;

use libwebp_sys as webp;

use super::same_size;
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// What OpenCV asks for alpha and animation, bytes. A shorter file is refused. Alpha that only
/// shows later, in a chunk that the container's flags do not announce, is dropped.
const HEADER_BYTES: usize = 32;

/// Decodes to RGB, or to RGBA where the file has alpha.
pub(super) fn decode(body: &[u8], size: Size, out: &mut Buffer) -> Result<Shape, CodecError> {
    let features = features(body.get(..HEADER_BYTES).ok_or(CodecError::Decode)?)?;
    same_size(features.width as u32, features.height as u32, size)?;
    if features.has_animation != 0 {
        return first_frame(body, size, features.has_alpha != 0, out);
    }
    let shape = Shape::new(size, if features.has_alpha != 0 { 4 } else { 3 });
    let room = out.room(shape.bytes());
    let into = if features.has_alpha != 0 {
        webp::WebPDecodeRGBAInto
    } else {
        webp::WebPDecodeRGBInto
    };
    let stride = c_int::try_from(shape.stride()).map_err(|_| CodecError::DimensionsTooLarge)?;
    // SAFETY: body is readable for its length, room is writable for the length given with it, and
    // libwebp refuses a buffer that is too small for its rows.
    let written = unsafe {
        into(
            body.as_ptr(),
            body.len(),
            room.as_mut_ptr(),
            room.len(),
            stride,
        )
    };
    if written.is_null() {
        Err(CodecError::Decode)
    } else {
        Ok(shape)
    }
}

fn features(header: &[u8]) -> Result<webp::WebPBitstreamFeatures, CodecError> {
    let mut features = MaybeUninit::<webp::WebPBitstreamFeatures>::zeroed();
    // SAFETY: header is readable for its length; the structure is plain integers, so that zeroed
    // memory is a value of it even if libwebp writes nothing.
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

/// An animation decoder, deleted with its owner.
struct Animation(*mut webp::WebPAnimDecoder);

impl Drop for Animation {
    fn drop(&mut self) {
        // SAFETY: the pointer came from WebPAnimDecoderNew, was checked, and is deleted once.
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
    // SAFETY: data borrows body, which outlives the decoder; null options ask for the defaults:
    // RGBA and no threads.
    let decoder = unsafe { webp::WebPAnimDecoderNew(&data, std::ptr::null()) };
    if decoder.is_null() {
        return Err(CodecError::Decode);
    }
    let decoder = Animation(decoder);
    let mut canvas = std::ptr::null_mut();
    let mut timestamp = 0;
    // SAFETY: the decoder is live; canvas is set to memory that it owns.
    let status = unsafe { webp::WebPAnimDecoderGetNext(decoder.0, &mut canvas, &mut timestamp) };
    if status == 0 || canvas.is_null() {
        return Err(CodecError::Decode);
    }
    let rgba = Shape::new(size, 4);
    // SAFETY: the canvas holds width * height RGBA pixels until the decoder is deleted, and
    // `decode` has checked that the size is the file's canvas size.
    let canvas = unsafe { std::slice::from_raw_parts(canvas, rgba.bytes()) };
    if alpha {
        out.room(rgba.bytes()).copy_from_slice(canvas);
        return Ok(rgba);
    }
    let rgb = Shape::new(size, 3);
    for (target, source) in out
        .room(rgb.bytes())
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
