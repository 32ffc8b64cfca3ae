//! Owns the question whether a body is a whole image where nobody wants its pixels: bytes that are kept
//! as they came, and bytes that are read back. What the container's structure tells is believed: a
//! JPEG's end of image behind its scans, PNG's chunks, checksums and rows, WebP's and TIFF's sizes,
//! GIF's blocks, a bitmap's rows. Where it tells nothing the image is decoded, and what OpenCV refuses is
//! refused. Never minds bytes behind the image.

use crate::decode::{Decoder, Told};
use crate::error::CodecError;
use crate::header::{self, Header};
use crate::pixels::{Buffer, Size};
use crate::settings::{JpegDecoder, Limits};
use crate::sniff::{Format, sniff};

/// What was seen of a body before any pixel is allocated.
pub(crate) struct Seen {
    pub(crate) format: Format,
    pub(crate) size: Size,
    /// The walk to the size came to the image's end.
    ended: bool,
}

impl Seen {
    /// Sniffs a body and reads its header.
    ///
    /// # Errors
    /// As [`header::read_header`].
    pub(crate) fn of(body: &[u8], limits: &Limits) -> Result<Self, CodecError> {
        let format = sniff(body).ok_or(CodecError::UnsupportedFormat)?;
        let (size, ended) = header::look(format, body, limits)?;
        Ok(Self {
            format,
            size,
            ended,
        })
    }

    /// Passes where the body is a whole image. Where it takes memory for pixels to tell, there may be
    /// `pixels_max` of them.
    ///
    /// # Errors
    /// `Decode` where it is cut short or broken, `DimensionsTooLarge` where it cannot be told within
    /// the bound.
    pub(crate) fn check(
        &self,
        body: &[u8],
        pixels_max: u64,
        decoder: &mut Decoder,
        scratch: &mut Buffer,
    ) -> Result<(), CodecError> {
        let fits = self.size.pixels() <= pixels_max;
        let told = match self.format {
            _ if self.ended => Told::Whole,
            // Its indices are written out to be counted.
            Format::Gif if !fits => Told::Nothing,
            format => decoder.tell(format, body, self.size),
        };
        match told {
            Told::Whole => Ok(()),
            Told::Cut => Err(CodecError::Decode),
            Told::Nothing if !fits => Err(CodecError::DimensionsTooLarge),
            Told::Nothing => decoder
                .decode(self.format, body, self.size, false, scratch)
                .map(|_| ()),
        }
    }
}

/// Checks one body after another, of any size.
pub struct WholeCheck {
    decoded: Limits,
    decoder: Decoder,
    scratch: Buffer,
}

impl WholeCheck {
    /// A check that decodes within `decoded` what it has to decode.
    pub fn new(decoded: Limits) -> Self {
        Self {
            decoded,
            decoder: Decoder::new(decoded, JpegDecoder::Turbo),
            scratch: Buffer::default(),
        }
    }

    /// The header of a body that is a whole image.
    ///
    /// # Errors
    /// `UnsupportedFormat` for an unknown signature, `Decode` for what is broken or cut short,
    /// `DimensionsTooLarge` for what would have to be decoded beyond the limits.
    pub fn check(&mut self, body: &[u8]) -> Result<Header, CodecError> {
        const ANY: Limits = Limits {
            pixels_max: u64::MAX,
            jpeg_scans_max: u32::MAX,
        };
        let seen = Seen::of(body, &ANY)?;
        let pixels_max = self.decoded.pixels_max;
        let checked = seen.check(body, pixels_max, &mut self.decoder, &mut self.scratch);
        self.scratch.trim();
        checked.map(|()| Header {
            format: seen.format,
            width: seen.size.width,
            height: seen.size.height,
        })
    }
}

#[cfg(test)]
mod tests;
