//! Owns the way from bytes of any format to an 8-bit grey, RGB or RGBA raster as it is stored:
//! no orientation applied, first frame only. Never resizes and never mats.

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

pub(crate) use outcome::{Decoded, Told};
pub(crate) use tiff::size as tiff_size;

/// Decodes one image after another.
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

    /// Decodes `body`, whose header was read as `size`, into `out`. With `planes_wanted` a JPEG of
    /// Y, Cb and Cr is not turned into RGB.
    ///
    /// # Errors
    /// `Decode` for anything broken, and where the decoder sees another size than the header did.
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

    /// What the structure of `body`, whose header was read as `size`, tells of its being whole. Of a
    /// JPEG that is known by then: the walk to its size goes to its end.
    pub(crate) fn tell(&mut self, format: Format, body: &[u8], size: Size) -> Told {
        match format {
            Format::Jpeg => Told::Nothing,
            Format::Png => self.png.tell(body, size),
            Format::Webp => webp::tell(body),
            Format::Gif => self.gif.tell(body, size),
            Format::Bmp => bmp::tell(body, size),
            Format::Tiff => tiff::tell(body),
        }
    }
}
