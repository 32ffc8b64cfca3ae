//! Owns encoding a grey or RGB raster in the output format. Never resizes.

mod png;
mod webp;

use png::PngEncoder;

use crate::error::CodecError;
use crate::pixels::{Planes, Shape};
use crate::settings::EncodeFormat;
use crate::turbo::Compressor;

/// Encodes rasters in one format and quality.
pub(crate) enum Encoder {
    Jpg(Compressor),
    Png(PngEncoder),
    /// Quality; lossless above 100.
    Webp(u32),
}

impl Encoder {
    pub(crate) fn new(format: EncodeFormat, quality: u32) -> Self {
        match format {
            EncodeFormat::Jpg => Self::Jpg(Compressor::new(quality)),
            EncodeFormat::Png => Self::Png(PngEncoder::new(quality)),
            EncodeFormat::Webp => Self::Webp(quality),
        }
    }

    /// Encodes the raster at the start of `pixels`.
    ///
    /// # Errors
    /// `DimensionsTooLarge` if the raster is too large for the format or memory.
    pub(crate) fn encode(&mut self, pixels: &[u8], shape: Shape) -> Result<Vec<u8>, CodecError> {
        let pixels = &pixels[..shape.bytes()];
        match self {
            Self::Jpg(compressor) => compressor.encode(pixels, shape),
            Self::Png(encoder) => encoder.encode(pixels, shape),
            Self::Webp(quality) => webp::encode(pixels, shape, *quality),
        }
    }

    /// Encodes 4:2:0 planes as JPEG.
    ///
    /// # Errors
    /// `DimensionsTooLarge` if the image is too large for JPEG.
    ///
    /// # Panics
    /// If the format is not JPEG.
    pub(crate) fn encode_planes(
        &mut self,
        samples: &[u8],
        planes: &Planes,
    ) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Jpg(compressor) => compressor.encode_planes(samples, planes),
            Self::Png(_) | Self::Webp(_) => unreachable!("planes are asked for JPEG output only"),
        }
    }
}

/// Longest side of an image in `format`, in pixels.
pub(crate) const fn side_max(format: EncodeFormat) -> u32 {
    match format {
        EncodeFormat::Jpg => 65_500,
        EncodeFormat::Png => i32::MAX as u32,
        EncodeFormat::Webp => 16_383,
    }
}
