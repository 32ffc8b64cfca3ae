//! Owns checking that a body is a complete image when its pixels are not needed: originals that are kept,
//! and files that are read back. The structure of the container decides: a JPEG's end of image after its
//! scans, PNG's chunks, checksums and rows, the sizes in WebP and TIFF, GIF's blocks, a bitmap's rows.
//! If the structure cannot tell, the image is decoded, and what OpenCV refuses is refused. Never rejects
//! trailing bytes.

use crate::decode::{Completeness, Decoder};
use crate::error::CodecError;
use crate::header::{self, Header};
use crate::pixels::{Buffer, Size};
use crate::settings::{JpegDecoder, Limits};
use crate::sniff::{Format, sniff};

/// What is known of a body before any pixel is allocated.
pub(crate) struct Probe {
    pub(crate) format: Format,
    pub(crate) size: Size,
    /// Whether the header reader reached the end of the image.
    ended: bool,
}

impl Probe {
    /// Detects the format of a body and reads its header.
    ///
    /// # Errors
    /// As for [`header::read_header`].
    pub(crate) fn of(body: &[u8], limits: &Limits) -> Result<Self, CodecError> {
        let format = sniff(body).ok_or(CodecError::UnsupportedFormat)?;
        let (size, ended) = header::read_to_end(format, body, limits)?;
        Ok(Self {
            format,
            size,
            ended,
        })
    }

    /// Checks that the body is a complete image, allocating at most `pixels_max` pixels.
    ///
    /// # Errors
    /// `Decode` if it is truncated or malformed, `DimensionsTooLarge` if that cannot be found out within
    /// the bound.
    pub(crate) fn check(
        &self,
        body: &[u8],
        pixels_max: u64,
        decoder: &mut Decoder,
        scratch: &mut Buffer,
    ) -> Result<(), CodecError> {
        let fits = self.size.pixels() <= pixels_max;
        let completeness = match self.format {
            _ if self.ended => Completeness::Complete,
            // The check writes out its indices to count them.
            Format::Gif if !fits => Completeness::Unknown,
            format => decoder.completeness(format, body, self.size),
        };
        match completeness {
            Completeness::Complete => Ok(()),
            Completeness::Truncated => Err(CodecError::Decode),
            Completeness::Unknown if !fits => Err(CodecError::DimensionsTooLarge),
            Completeness::Unknown => decoder
                .decode(self.format, body, self.size, false, scratch)
                .map(|_| ()),
        }
    }
}

/// Checks that bodies are complete images of any size.
pub struct WholeCheck {
    decoded: Limits,
    decoder: Decoder,
    scratch: Buffer,
}

impl WholeCheck {
    /// A check that decodes images only within the limits `decoded`.
    pub fn new(decoded: Limits) -> Self {
        Self {
            decoded,
            decoder: Decoder::new(decoded, JpegDecoder::Turbo),
            scratch: Buffer::default(),
        }
    }

    /// Returns the header of a body that is a complete image.
    ///
    /// # Errors
    /// `UnsupportedFormat` for an unknown signature, `Decode` for a malformed or truncated body,
    /// `DimensionsTooLarge` if it would have to be decoded beyond the limits.
    pub fn check(&mut self, body: &[u8]) -> Result<Header, CodecError> {
        const ANY: Limits = Limits {
            pixels_max: u64::MAX,
            jpeg_scans_max: u32::MAX,
        };
        let probe = Probe::of(body, &ANY)?;
        let pixels_max = self.decoded.pixels_max;
        let checked = probe.check(body, pixels_max, &mut self.decoder, &mut self.scratch);
        self.scratch.trim();
        checked.map(|()| Header {
            format: probe.format,
            width: probe.size.width,
            height: probe.size.height,
        })
    }
}

#[cfg(test)]
mod tests;
