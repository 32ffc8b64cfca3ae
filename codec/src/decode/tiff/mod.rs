//! Owns decoding TIFF 6.0 and BigTIFF: the first page, by the rules of OpenCV 4.14 and its libtiff 4.7.1.
//! Never reads another page.
//!
//! Those rules decide what a file means where the standard leaves it open, which no crate follows: what is
//! drawn of a broken strip, how a directory is repaired, that alpha is multiplied in, that orientation is
//! applied, that 2 bits and 4-bit grey are refused.
//!
//! Known differences and their reasons: 16-bit samples are reduced to their high byte, as in PNG; a codec
//! unknown to libtiff is refused, where OpenCV returns a black image; planes of 16 bits and more are joined,
//! where OpenCV shows uninitialised memory; tiles of grey with alpha at the right edge are straight, where
//! libtiff shears them; signed integers of 8 and 32 bits without alpha are refused, since img2dataset cannot
//! resize them; JPEG of two components, ThunderScan and SGI LogLuv are refused, since they are not used for
//! published images; a broken JPEG stream may lose other rows.

mod chunks;
mod deep;
mod directory;
mod entries;
mod fax;
mod jpeg;
mod lab;
mod layout;
mod lzw;
mod packbits;
mod paint;
mod predictor;
mod raster;
mod samples;
#[cfg(test)]
mod tests;
mod ycbcr;

use super::outcome::Completeness;
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};
use chunks::Chunks;
use directory::{Directory, photometric};
pub(super) use jpeg::Jpeg;
use layout::Layout;

/// Most bytes per pixel of a strip or tile, if it has as many pixels as the limit allows.
const PIXEL_BYTES_MAX: u64 = 4;

/// OpenCV's limits on strips and tiles: pixels of a side, bytes of its buffer.
const CHUNK_SIDE_MAX: u32 = 1 << 24;
const CHUNK_BYTES_MAX: u64 = 1 << 30;

/// The size of the image after applying the orientation tag.
pub(crate) fn size(body: &[u8]) -> Option<Size> {
    let directory = Directory::read(body)?;
    Some(if directory.orientation > 4 {
        Size::new(directory.height, directory.width)
    } else {
        Size::new(directory.width, directory.height)
    })
}

/// Whether every strip or tile of the first page is in the body.
pub(super) fn completeness(body: &[u8]) -> Completeness {
    let layout = |directory| Layout::new(directory, paint::is_upsampled(directory));
    let Some(directory) = Directory::read(body) else {
        return Completeness::Truncated;
    };
    layout(&directory).map_or(Completeness::Unknown, |layout| {
        layout.completeness(&directory)
    })
}

/// Decodes to grey, RGB or RGBA.
pub(super) fn decode(
    body: &[u8],
    size: Size,
    pixels_max: u64,
    jpeg: Jpeg,
    out: &mut Buffer,
) -> Result<Shape, CodecError> {
    let directory = Directory::read(body).ok_or(CodecError::Decode)?;
    let samples = Samples::of(&directory).ok_or(CodecError::Decode)?;
    let layout = Layout::new(&directory, paint::is_upsampled(&directory));
    let layout = layout.ok_or(CodecError::Decode)?;
    if !buffer_fits(&directory, &samples) {
        return Err(CodecError::Decode);
    }
    // Tiles may extend far past the image, and samples may be wide.
    let chunk_bytes = layout.chunk_bytes(layout.rows) * u64::from(layout.planes);
    if layout.area() > pixels_max || chunk_bytes > pixels_max.saturating_mul(PIXEL_BYTES_MAX) {
        return Err(CodecError::DimensionsTooLarge);
    }
    let mut chunks = Chunks::new(&directory, layout, jpeg);
    let channels = match samples {
        Samples::Bytes { channels, signed } => {
            let channels = paint::draw(&directory, &mut chunks, channels, out)?;
            if signed {
                deep::composite_signed_bytes(
                    out,
                    directory.width as usize * directory.height as usize,
                )
            } else {
                channels
            }
        }
        Samples::Deep(kind) => deep::draw(&directory, &mut chunks, kind, out)?,
    };
    let shape = Shape::new(Size::new(directory.width, directory.height), channels);
    let steps = raster::steps(
        directory.orientation,
        matches!(samples, Samples::Bytes { .. }),
    );
    let shape = raster::turn(out, shape, &steps);
    if shape.size == size {
        Ok(shape)
    } else {
        Err(CodecError::Decode)
    }
}

/// How OpenCV reads the samples.
enum Samples {
    /// 8 bits per channel, drawn by libtiff.
    Bytes { channels: usize, signed: bool },
    /// Samples as stored.
    Deep(deep::Kind),
}

impl Samples {
    fn of(directory: &Directory) -> Option<Self> {
        const UNSIGNED: u16 = 1;
        const SIGNED: u16 = 2;
        const FLOAT: u16 = 3;
        let grey = directory.is_grey();
        let palette = directory.photometric == photometric::PALETTE;
        let stored = match (directory.has_samples_tag, grey) {
            (true, _) => usize::from(directory.samples),
            (false, true) => 1,
            (false, false) => 3,
        };
        if !(1..=4).contains(&stored) {
            return None;
        }
        let drawn = directory.photometric > photometric::RGB || stored == 2;
        let bits = if directory.bits > 8 && drawn {
            8
        } else {
            directory.bits
        };
        let whole = matches!(directory.sample_format, UNSIGNED | SIGNED);
        let signed = directory.sample_format == SIGNED;
        let bytes = |channels| {
            let resizable = !signed || channels == 4;
            (whole && resizable).then_some(Self::Bytes { channels, signed })
        };
        let channels = if grey { 1 } else { stored };
        match bits {
            8 if palette => bytes(3),
            1 | 8 => bytes(channels),
            4 if palette => bytes(3),
            10 | 12 | 14 | 16 if whole => Some(Self::Deep(deep::Kind::words(directory, channels))),
            32 if directory.sample_format == FLOAT => Some(Self::Deep(deep::Kind::F32)),
            32 if signed && stored == 4 => Some(Self::Deep(deep::Kind::I32)),
            64 if directory.sample_format == FLOAT => Some(Self::Deep(deep::Kind::F64)),
            _ => None,
        }
    }
}

/// Whether OpenCV allocates the buffer for a strip or tile, whose height it does not limit to that of the
/// image.
fn buffer_fits(directory: &Directory, samples: &Samples) -> bool {
    let (width, rows) = match directory.tile {
        Some((width, rows)) => (
            if width == 0 { directory.width } else { width },
            if rows == 0 { directory.height } else { rows },
        ),
        None => match directory.rows_per_strip {
            None | Some(u32::MAX) => (directory.width, directory.height),
            Some(rows) => (directory.width, rows),
        },
    };
    let row_bytes = match samples {
        Samples::Bytes { .. } => u64::from(width) * 4,
        Samples::Deep(_) => {
            let samples = u64::from(directory.samples);
            (u64::from(width) * samples * u64::from(directory.bits)).div_ceil(8)
        }
    };
    width <= CHUNK_SIDE_MAX
        && rows <= CHUNK_SIDE_MAX
        && row_bytes * u64::from(rows) < CHUNK_BYTES_MAX
}
