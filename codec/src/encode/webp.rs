//! Owns encoding WebP with libwebp's simple API, like OpenCV. Never writes metadata.

use std::ffi::c_int;

use libwebp_sys as webp;

use crate::error::CodecError;
use crate::pixels::Shape;

/// Memory from libwebp, freed with its owner.
struct Output(*mut u8);

impl Drop for Output {
    fn drop(&mut self) {
        // SAFETY: the pointer is null or was set by libwebp's encoder, and `drop` runs once.
        unsafe { webp::WebPFree(self.0.cast()) };
    }
}

/// Encodes with `quality` 1..=100, losslessly above. WebP has no grey, so grey becomes RGB.
pub(super) fn encode(pixels: &[u8], shape: Shape, quality: u32) -> Result<Vec<u8>, CodecError> {
    let spread: Vec<u8>;
    let rgb = if shape.channels == 1 {
        spread = pixels.iter().flat_map(|&grey| [grey; 3]).collect();
        &spread[..]
    } else {
        pixels
    };
    let (width, height) = (shape.size.width as c_int, shape.size.height as c_int);
    assert_eq!(
        rgb.len(),
        shape.size.pixels() as usize * 3,
        "three samples per pixel"
    );
    let mut output = Output(std::ptr::null_mut());
    // SAFETY: the assertion above gives `rgb` `height` rows of `width * 3` bytes; libwebp stores an
    // allocation in `output` and returns its length, 0 on failure.
    let length = unsafe {
        if quality > 100 {
            webp::WebPEncodeLosslessRGB(rgb.as_ptr(), width, height, width * 3, &mut output.0)
        } else {
            let quality = quality.max(1) as f32;
            webp::WebPEncodeRGB(
                rgb.as_ptr(),
                width,
                height,
                width * 3,
                quality,
                &mut output.0,
            )
        }
    };
    if length == 0 || output.0.is_null() {
        return Err(CodecError::DimensionsTooLarge);
    }
    // SAFETY: libwebp stored `length` bytes there, which is not 0 (checked above); `output` frees them after
    // the copy.
    Ok(unsafe { std::slice::from_raw_parts(output.0, length) }.to_vec())
}
