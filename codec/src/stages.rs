//! Owns the interface for benchmarks: the stages of the codec one at a time, so that each can be compared
//! with the bare library call. Never part of a run.

use crate::decode::{Decoded, Decoder};
use crate::encode::Encoder;
use crate::error::CodecError;
use crate::header;
use crate::pixels::{Buffer, Planes, Shape};
use crate::resize::{Resizer, plan};
use crate::settings::Settings;
use crate::sniff::sniff;
use crate::ycc::StoredPlanes;

/// The result of a stage.
#[derive(Clone, Copy)]
enum Image {
    Raster(Shape),
    Planes(Planes),
}

/// The stages, to be called in order for each image; keeps buffers between images.
pub struct Stages {
    settings: Settings,
    decoder: Decoder,
    resizer: Resizer,
    encoder: Encoder,
    decoded: Buffer,
    resized: Buffer,
    stored: Option<Decoded>,
    result: Option<Image>,
}

/// A raster between two stages, with interleaved samples and no gaps.
pub struct Raster<'a> {
    /// `width * height * channels` samples.
    pub samples: &'a [u8],
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Samples per pixel: 1 grey, 3 RGB, 4 RGBA.
    pub channels: usize,
}

impl Stages {
    /// Stages for `settings`. A JPEG stays in planes unless `settings.exact`.
    pub fn new(settings: Settings) -> Self {
        Self {
            decoder: Decoder::new(settings.limits, settings.jpeg_decoder),
            resizer: Resizer::default(),
            encoder: Encoder::new(settings.encode_format, settings.encode_quality),
            decoded: Buffer::default(),
            resized: Buffer::default(),
            stored: None,
            result: None,
            settings,
        }
    }

    /// Detects the format, reads the header and decodes.
    ///
    /// # Errors
    /// As `Codec::process`.
    pub fn decode(&mut self, body: &[u8]) -> Result<(), CodecError> {
        let format = sniff(body).ok_or(CodecError::UnsupportedFormat)?;
        let size = header::read(format, body, &self.settings.limits)?;
        let planes = !self.settings.exact;
        let out = &mut self.decoded;
        self.stored = Some(self.decoder.decode(format, body, size, planes, out)?);
        Ok(())
    }

    /// Resizes the decoded image.
    ///
    /// # Errors
    /// `Empty` if nothing was decoded or the settings ask for no resize, else as `Codec::process`.
    pub fn resize(&mut self) -> Result<(), CodecError> {
        let stored = self.stored.ok_or(CodecError::Empty)?;
        let out = &mut self.resized;
        self.result = Some(match stored {
            Decoded::Raster(shape) => {
                let plan = plan(&self.settings, shape.size)?.ok_or(CodecError::Empty)?;
                let pixels = self.decoded.filled(shape.bytes());
                Image::Raster(self.resizer.resize(pixels, shape, &plan, out))
            }
            Decoded::Planes {
                planes,
                subsampling,
            } => {
                let plan = plan(&self.settings, planes.size)?.ok_or(CodecError::Empty)?;
                let stored = StoredPlanes {
                    samples: self.decoded.all(),
                    planes,
                    subsampling,
                };
                Image::Planes(self.resizer.resize_planes(stored, &plan, out))
            }
        });
        Ok(())
    }

    /// Encodes the resized image.
    ///
    /// # Errors
    /// `Empty` if nothing was resized, else as `Codec::process`.
    pub fn encode(&mut self) -> Result<Vec<u8>, CodecError> {
        match self.result.ok_or(CodecError::Empty)? {
            Image::Raster(shape) => {
                let pixels = self.resized.filled(shape.bytes());
                self.encoder.encode(pixels, shape)
            }
            Image::Planes(planes) => self.encoder.encode_planes(self.resized.all(), &planes),
        }
    }

    /// The decoded image, if it is a raster.
    pub fn decoded(&self) -> Option<Raster<'_>> {
        match self.stored? {
            Decoded::Raster(shape) => Some(raster(&self.decoded, shape)),
            Decoded::Planes { .. } => None,
        }
    }

    /// The resized image, if it is a raster.
    pub fn resized(&self) -> Option<Raster<'_>> {
        match self.result? {
            Image::Raster(shape) => Some(raster(&self.resized, shape)),
            Image::Planes(_) => None,
        }
    }
}

fn raster(buffer: &Buffer, shape: Shape) -> Raster<'_> {
    Raster {
        samples: buffer.filled(shape.bytes()),
        width: shape.size.width,
        height: shape.size.height,
        channels: shape.channels,
    }
}
