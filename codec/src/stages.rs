//! Owns the way in for benchmarks: the codec's stages one at a time, over buffers that it keeps, so
//! that each can be held against the bare call of its library. Never part of a run.

use crate::decode::{Decoded, Decoder};
use crate::encode::Encoder;
use crate::error::CodecError;
use crate::header;
use crate::pixels::{Buffer, Planes, Shape};
use crate::resize::{Resizer, plan};
use crate::settings::Settings;
use crate::sniff::sniff;
use crate::ycc::StoredPlanes;

/// What one stage leaves for the next.
#[derive(Clone, Copy)]
enum Image {
    Raster(Shape),
    Planes(Planes),
}

/// The stages, called in their order for one image after another.
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

/// A raster between two stages: interleaved samples without gaps.
pub struct Raster<'a> {
    /// `width * height * channels` samples.
    pub samples: &'a [u8],
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// 1 grey, 3 RGB, 4 RGBA.
    pub channels: usize,
}

impl Stages {
    /// Stages for `settings`. The planes of a JPEG are kept unless `settings.exact`.
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

    /// Sniffs, reads the header and decodes.
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

    /// Resizes what was decoded; without work for the settings it is an error.
    ///
    /// # Errors
    /// `Empty` where nothing was decoded or nothing is to be resized, else as `Codec::process`.
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

    /// Encodes what was resized.
    ///
    /// # Errors
    /// `Empty` where nothing was resized, else as `Codec::process`.
    pub fn encode(&mut self) -> Result<Vec<u8>, CodecError> {
        match self.result.ok_or(CodecError::Empty)? {
            Image::Raster(shape) => {
                let pixels = self.resized.filled(shape.bytes());
                self.encoder.encode(pixels, shape)
            }
            Image::Planes(planes) => self.encoder.encode_planes(self.resized.all(), &planes),
        }
    }

    /// What `decode` left, if it is a raster.
    pub fn decoded(&self) -> Option<Raster<'_>> {
        match self.stored? {
            Decoded::Raster(shape) => Some(raster(&self.decoded, shape)),
            Decoded::Planes { .. } => None,
        }
    }

    /// What `resize` left, if it is a raster.
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
