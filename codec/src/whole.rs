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

    /// Passes where the body is a whole image. `scratch` takes what has to be inflated or decoded.
    ///
    /// # Errors
    /// `Decode` where it is cut short or broken.
    pub(crate) fn check(
        &self,
        body: &[u8],
        decoder: &mut Decoder,
        scratch: &mut Buffer,
    ) -> Result<(), CodecError> {
        let told = if self.ended {
            Told::Whole
        } else {
            decoder.tell(self.format, body, self.size)
        };
        match told {
            Told::Whole => Ok(()),
            Told::Cut => Err(CodecError::Decode),
            Told::Nothing => decoder
                .decode(self.format, body, self.size, false, scratch)
                .map(|_| ()),
        }
    }
}

/// Checks one body after another.
pub struct WholeCheck {
    limits: Limits,
    decoder: Decoder,
    scratch: Buffer,
}

impl WholeCheck {
    /// A check of images within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            decoder: Decoder::new(limits, JpegDecoder::Turbo),
            scratch: Buffer::default(),
        }
    }

    /// The header of a body that is a whole image.
    ///
    /// # Errors
    /// `UnsupportedFormat` for an unknown signature, `Decode` for what is broken or cut short,
    /// `TooComplex` and `DimensionsTooLarge` beyond the limits.
    pub fn check(&mut self, body: &[u8]) -> Result<Header, CodecError> {
        let seen = Seen::of(body, &self.limits)?;
        let checked = seen.check(body, &mut self.decoder, &mut self.scratch);
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
