//! Owns decoding any format to an 8-bit grey, RGB or RGBA raster: the first frame, without applying an EXIF
//! orientation. Never resizes and never removes alpha.

mod bmp;
mod gif;
mod jpeg;
mod outcome;
mod png;
#[cfg(test)]
mod tests;
mod tiff;
mod webp;

use gif::GifDecoder;
use jpeg::TurboDecoder;
use png::PngDecoder;

use crate::error::CodecError;
use crate::pixels::{Buffer, Size};
use crate::settings::{JpegDecoder, Limits};
use crate::sniff::Format;

pub(crate) use outcome::{Completeness, Decoded};
pub(crate) use tiff::size as tiff_size;

/// Decodes images; keeps working memory.
pub(crate) struct Decoder {
    limits: Limits,
    jpeg_decoder: JpegDecoder,
    turbo: TurboDecoder,
    png: PngDecoder,
    gif: GifDecoder,
}

impl Decoder {
    pub(crate) fn new(limits: Limits, jpeg_decoder: JpegDecoder) -> Self {
        Self {
            limits,
            jpeg_decoder,
            turbo: TurboDecoder::new(limits.jpeg_scans_max),
            png: PngDecoder::default(),
            gif: GifDecoder::default(),
        }
    }

    /// Decodes `body`, whose header gives `size`, into `out`. With `planes_wanted`, a YCbCr JPEG is not
    /// converted to RGB.
    ///
    /// # Errors
    /// `Decode` for a malformed body, and if the decoder finds another size than the header.
    pub(crate) fn decode(
        &mut self,
        format: Format,
        body: &[u8],
        size: Size,
        planes_wanted: bool,
        out: &mut Buffer,
    ) -> Result<Decoded, CodecError> {
        let shape = match format {
            Format::Jpeg => match self.jpeg_decoder {
                JpegDecoder::Turbo => {
                    return self.turbo.decode(body, size, planes_wanted, out);
                }
                JpegDecoder::Zune => jpeg::zune(body, size, self.limits.jpeg_scans_max, out)?,
            },
            Format::Png => self.png.decode(body, size, out)?,
            Format::Webp => webp::decode(body, size, out)?,
            Format::Gif => self.gif.decode(body, size, out)?,
            Format::Bmp => bmp::decode(body, size, out)?,
            Format::Tiff => {
                let jpeg = match self.jpeg_decoder {
                    JpegDecoder::Turbo => tiff::Jpeg::Turbo(&mut self.turbo.decompressor),
                    JpegDecoder::Zune => tiff::Jpeg::Zune {
                        scans_max: self.limits.jpeg_scans_max,
                    },
                };
                tiff::decode(body, size, self.limits.pixels_max, jpeg, out)?
            }
        };
        Ok(Decoded::Raster(shape))
    }

    /// Whether `body`, whose header gives `size`, is complete, as far as its structure tells. For JPEG the
    /// header reader has found out already.
    pub(crate) fn completeness(&mut self, format: Format, body: &[u8], size: Size) -> Completeness {
        match format {
            Format::Jpeg => Completeness::Unknown,
            Format::Png => self.png.completeness(body, size),
            Format::Webp => webp::completeness(body),
            Format::Gif => self.gif.completeness(body, size),
            Format::Bmp => bmp::completeness(body, size),
            Format::Tiff => tiff::completeness(body),
        }
    }
}
