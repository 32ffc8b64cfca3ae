//! Owns decoding JPEG (ITU-T T.81) with libjpeg-turbo, or the slower but memory-safe zune-jpeg, and
//! converting CMYK and YCCK. Never applies a colour profile.

use memchr::memmem;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::outcome::{Decoded, same_size};
use crate::error::CodecError;
use crate::jpeg::PlaneReader;
use crate::pixels::{Buffer, Planes, Shape, Size};
use crate::turbo::{Decompressor, padded_bytes};
use crate::ycc::{StoredPlanes, to_rgb};

/// Decodes exactly like libjpeg-turbo: to the stored planes if wanted and supported, else to grey or RGB.
/// [`PlaneReader`] reads the planes of common files, the library everything else.
pub(super) struct TurboDecoder {
    pub(super) decompressor: Decompressor,
    reader: PlaneReader,
    /// Planes to be converted to RGB.
    stored: Buffer,
}

impl TurboDecoder {
    pub(super) fn new(scans_max: u32) -> Self {
        Self {
            decompressor: Decompressor::new(scans_max),
            reader: PlaneReader::new(scans_max),
            stored: Buffer::default(),
        }
    }

    pub(super) fn decode(
        &mut self,
        body: &[u8],
        size: Size,
        planes_wanted: bool,
        out: &mut Buffer,
    ) -> Result<Decoded, CodecError> {
        let file = self.decompressor.open(body, size)?;
        if let Some(subsampling) = file.subsampling() {
            let padded = file.padded();
            let planes = Planes {
                size,
                planes: padded.map(|one| one.plane),
            };
            let bytes = padded_bytes(&padded);
            if planes_wanted {
                let samples = out.bytes_mut(bytes);
                if self.reader.read(body, size, padded, samples).is_none() {
                    file.read_planes(samples)?;
                }
                return Ok(Decoded::Planes {
                    planes,
                    subsampling,
                });
            }
            let samples = self.stored.bytes_mut(bytes);
            let shape = self.reader.read(body, size, padded, samples).map(|()| {
                let stored = StoredPlanes {
                    samples,
                    planes,
                    subsampling,
                };
                to_rgb(stored, out)
            });
            self.stored.trim();
            if let Some(shape) = shape {
                return Ok(Decoded::Raster(shape));
            }
        }
        let shape = file.read_pixels(out)?;
        if shape.channels == 4 {
            inverted_cmyk_to_rgb(out.bytes_mut(shape.bytes()));
            return Ok(Decoded::Raster(Shape::new(size, 3)));
        }
        Ok(Decoded::Raster(shape))
    }
}

/// Decodes with zune-jpeg, whose samples may differ from libjpeg-turbo's by a few levels.
pub(super) fn zune(
    body: &[u8],
    size: Size,
    scans_max: u32,
    out: &mut Buffer,
) -> Result<Shape, CodecError> {
    if !has_an_end(body) {
        return Err(CodecError::Decode);
    }
    let options = DecoderOptions::default()
        .set_max_width(size.width as usize)
        .set_max_height(size.height as usize)
        .jpeg_set_max_scans(scans_max as usize);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(body), options);
    decoder.decode_headers().map_err(|_| CodecError::Decode)?;
    let info = decoder.info().ok_or(CodecError::Decode)?;
    same_size(u32::from(info.width), u32::from(info.height), size)?;
    let (space, channels) = match (info.components, decoder.input_colorspace()) {
        (1, _) => (ColorSpace::Luma, 1),
        (3, _) | (4, Some(ColorSpace::YCCK)) => (ColorSpace::RGB, 3),
        (4, _) => (ColorSpace::CMYK, 4),
        _ => return Err(CodecError::Decode),
    };
    decoder.set_options(options.jpeg_set_out_colorspace(space));
    let shape = Shape::new(size, channels);
    let samples = out.bytes_mut(shape.bytes());
    decoder
        .decode_into(samples)
        .map_err(|_| CodecError::Decode)?;
    if space == ColorSpace::CMYK {
        inverted_cmyk_to_rgb(samples);
        return Ok(Shape::new(size, 3));
    }
    Ok(shape)
}

/// Whether there is an end-of-image marker after the first scan header; zune-jpeg itself accepts truncated
/// files. Entropy-coded data cannot contain the marker.
fn has_an_end(body: &[u8]) -> bool {
    const START_OF_SCAN: &[u8] = &[0xFF, 0xDA];
    const END_OF_IMAGE: &[u8] = &[0xFF, 0xD9];
    memmem::rfind(body, END_OF_IMAGE)
        .is_some_and(|end| memmem::find(&body[..end], START_OF_SCAN).is_some())
}

/// Converts CMYK to RGB in place. Adobe's files and OpenCV use inverted CMYK samples: 255 is no ink, so
/// black scales the light that each ink leaves.
pub(super) fn inverted_cmyk_to_rgb(samples: &mut [u8]) {
    for pixel in 0..samples.len() / 4 {
        let black = i32::from(samples[pixel * 4 + 3]);
        for channel in 0..3 {
            let ink = i32::from(samples[pixel * 4 + channel]);
            // The shift rounds towards minus infinity, as in OpenCV's formula.
            let light = black - (((255 - ink) * black) >> 8);
            samples[pixel * 3 + channel] = light.clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_ink_is_white_and_full_black_is_black() {
        let mut samples = [255, 255, 255, 255, 10, 200, 90, 0, 0, 255, 128, 255];
        inverted_cmyk_to_rgb(&mut samples);
        assert_eq!(samples[..9], [255, 255, 255, 0, 0, 0, 1, 255, 129]);
    }
}
