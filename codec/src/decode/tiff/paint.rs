//! Owns drawing 8-bit images like libtiff's RGBA reader, from 1, 4, 8 and 16-bit samples. Never produces more
//! than 8 bits.

use super::chunks::{Chunks, Place};
use super::directory::{Directory, compression, photometric};
use super::lab::Lab;
use super::raster::{Raster, Rgba};
use super::samples::{Fetched, make_zeros};
use super::ycbcr::YCbCr;
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// Whether the codec itself converts YCbCr to RGB.
pub(super) fn is_upsampled(directory: &Directory) -> bool {
    directory.compression == compression::JPEG
        && directory.photometric == photometric::YCBCR
        && !directory.separate
}

/// Draws the image into `out` with `channels` of grey, RGB or RGBA, with the orientation applied in part.
pub(super) fn draw(
    directory: &Directory,
    chunks: &mut Chunks,
    channels: usize,
    out: &mut Buffer,
) -> Result<usize, CodecError> {
    let painter = Painter::new(directory).ok_or(CodecError::Decode)?;
    if channels == 2 {
        return Err(CodecError::Decode);
    }
    let size = Size::new(directory.width, directory.height);
    let mut raster = Raster::new(out, Shape::new(size, channels), directory.orientation);
    let row_bytes = chunks.layout.stored_row_bytes() as usize;
    let mut planes = vec![Vec::new(); painter.planes.len()];
    let mut row = vec![[0; 4]; chunks.layout.width.min(size.width) as usize];
    for down in 0..chunks.layout.down {
        for across in 0..chunks.layout.across {
            painter.fetch(chunks, (across, down), &mut planes)?;
            let x = across * chunks.layout.width;
            let y = down * chunks.layout.rows;
            let width = chunks.layout.width.min(size.width - x) as usize;
            for line in 0..chunks.layout.rows.min(size.height - y) as usize {
                painter.paint(&planes, row_bytes, line, &mut row[..width]);
                raster.put_row(x as usize, y as usize + line, &row[..width]);
            }
        }
    }
    Ok(channels)
}

/// The meaning of the extra sample.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alpha {
    None,
    /// Colours are premultiplied.
    Associated,
    /// Colours are to be multiplied.
    Unassociated,
}

/// How samples are converted to colours.
enum Colours {
    /// A grey level, or its inverse.
    Grey {
        inverted: bool,
    },
    Palette(Vec<Rgba>),
    Rgb(Alpha),
    Cmyk,
    YCbCr(Box<YCbCr>),
    Lab(Box<Lab>),
}

struct Painter {
    colours: Colours,
    bits: u16,
    /// Samples per pixel in a plane.
    stride: usize,
    /// The planes to read, in the order of the colours.
    planes: Vec<u32>,
}

impl Painter {
    /// The painter for `directory`; `None` if libtiff draws nothing.
    fn new(directory: &Directory) -> Option<Self> {
        if !matches!(directory.bits, 1 | 4 | 8 | 16) {
            return None;
        }
        let separate = directory.separate && directory.samples > 1;
        let (colours, planes) = if separate {
            separate_colours(directory)?
        } else {
            (joined_colours(directory)?, vec![0])
        };
        Some(Self {
            colours,
            bits: directory.bits,
            stride: if separate {
                1
            } else {
                directory.samples.into()
            },
            planes,
        })
    }

    /// Reads the planes of a chunk, of which only the first is required.
    fn fetch(
        &self,
        chunks: &mut Chunks,
        (across, down): (u32, u32),
        planes: &mut [Vec<u8>],
    ) -> Result<(), CodecError> {
        let rows = chunks.layout.rows_at(down);
        let bytes = chunks.layout.chunk_bytes(rows) as usize;
        let drawn = chunks.layout.drawn_bytes(rows) as usize;
        for (&plane, samples) in self.planes.iter().zip(planes) {
            make_zeros(samples, bytes);
            let place = Place {
                across,
                down,
                plane,
            };
            let room = &mut samples[..drawn];
            if plane > 0 && chunks.is_plain() && !chunks.layout.tiled {
                chunks.read_plain(place, room);
                continue;
            }
            let fetched = chunks.read(place, room)?;
            let unfit = chunks.layout.tiled && !chunks.tile_fits();
            if plane == 0 && (fetched == Fetched::Missing || unfit) {
                return Err(CodecError::Decode);
            }
        }
        Ok(())
    }

    /// Paints a row of a chunk.
    fn paint(&self, planes: &[Vec<u8>], row_bytes: usize, line: usize, row: &mut [Rgba]) {
        match &self.colours {
            Colours::YCbCr(ycbcr) => ycbcr.paint(planes, row_bytes, line, row),
            Colours::Palette(palette) => {
                let source = &planes[0][line * row_bytes..];
                self.paint_indices(source, row, |index| palette[index]);
            }
            Colours::Grey { inverted } if self.bits < 8 => {
                let source = &planes[0][line * row_bytes..];
                self.paint_indices(source, row, |index| grey(index as u8 * u8::MAX, *inverted));
            }
            _ if self.bits == 16 => self.paint_samples::<2>(planes, row_bytes, line, row),
            _ => self.paint_samples::<1>(planes, row_bytes, line, row),
        }
    }

    /// Paints a pixel for each index of up to 8 bits.
    fn paint_indices(&self, source: &[u8], row: &mut [Rgba], colour: impl Fn(usize) -> Rgba) {
        let bits = usize::from(self.bits);
        for (x, pixel) in row.iter_mut().enumerate() {
            let first = x * bits * self.stride;
            let byte = usize::from(source[first / 8]);
            let index = byte >> (8 - bits - first % 8) & ((1 << bits) - 1);
            *pixel = colour(index);
        }
    }

    /// Paints from samples of `N` bytes.
    fn paint_samples<const N: usize>(
        &self,
        planes: &[Vec<u8>],
        row_bytes: usize,
        line: usize,
        row: &mut [Rgba],
    ) {
        let start = line * row_bytes;
        let joined = planes.len() == 1;
        for (x, pixel) in row.iter_mut().enumerate() {
            let sample = |channel: usize| {
                let (plane, offset) = if joined {
                    (&planes[0], x * self.stride + channel)
                } else {
                    (&planes[channel.min(planes.len() - 1)], x)
                };
                let at = start + offset * N;
                if N == 2 {
                    u16::from_ne_bytes([plane[at], plane[at + 1]])
                } else {
                    plane[at].into()
                }
            };
            *pixel = self.colour::<N>(sample);
        }
    }

    fn colour<const N: usize>(&self, sample: impl Fn(usize) -> u16) -> Rgba {
        let narrow = |channel| {
            let sample = sample(channel);
            if N == 2 {
                ((u32::from(sample) + 128) / 257) as u8
            } else {
                sample as u8
            }
        };
        match &self.colours {
            Colours::Grey { inverted } => {
                let level = if N == 2 { sample(0) >> 8 } else { sample(0) };
                grey(level as u8, *inverted)
            }
            Colours::Rgb(alpha) => {
                let colour = [0, 1, 2].map(narrow);
                match alpha {
                    Alpha::None => opaque(colour),
                    Alpha::Associated => with_alpha(colour, narrow(3)),
                    Alpha::Unassociated => {
                        let alpha = narrow(3);
                        with_alpha(colour.map(|part| multiplied(part, alpha)), alpha)
                    }
                }
            }
            Colours::Cmyk => {
                let light = u32::from(255 - narrow(3));
                opaque([0, 1, 2].map(|ink| (light * u32::from(255 - narrow(ink)) / 255) as u8))
            }
            Colours::Lab(lab) if N == 2 => {
                opaque(lab.rgb(sample(0).into(), sample(1) as i16, sample(2) as i16))
            }
            Colours::Lab(lab) => {
                let wide = |channel| i16::from(narrow(channel) as i8) * 256;
                opaque(lab.rgb(u32::from(sample(0)) * 257, wide(1), wide(2)))
            }
            // Painted by rows.
            Colours::Palette(_) | Colours::YCbCr(_) => [0; 4],
        }
    }
}

fn opaque(colour: [u8; 3]) -> Rgba {
    with_alpha(colour, u8::MAX)
}

fn with_alpha([red, green, blue]: [u8; 3], alpha: u8) -> Rgba {
    [red, green, blue, alpha]
}

fn grey(level: u8, inverted: bool) -> Rgba {
    opaque([if inverted { u8::MAX - level } else { level }; 3])
}

fn multiplied(part: u8, alpha: u8) -> u8 {
    ((u32::from(part) * u32::from(alpha) + 127) / 255) as u8
}

/// The meaning of the first extra sample.
fn alpha(directory: &Directory) -> Alpha {
    let untagged_fourth = directory.extra_samples == 0
        && directory.samples == 4
        && directory.photometric == photometric::RGB;
    match (directory.extra_samples, directory.first_extra) {
        (1.., Some(0)) if directory.samples > 3 => Alpha::Associated,
        (1.., Some(1)) => Alpha::Associated,
        (1.., Some(2)) => Alpha::Unassociated,
        _ if untagged_fourth => Alpha::Associated,
        _ => Alpha::None,
    }
}

/// The colours of interleaved samples.
fn joined_colours(directory: &Directory) -> Option<Colours> {
    let Directory { bits, samples, .. } = *directory;
    let colour_samples = samples.saturating_sub(directory.extra_samples);
    let inverted = directory.photometric == photometric::WHITE_IS_ZERO;
    match directory.photometric {
        photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO => {
            (bits != 4 && (bits >= 8 || samples == 1)).then_some(Colours::Grey { inverted })
        }
        photometric::PALETTE if bits <= 8 && (bits == 8 || samples == 1) => {
            palette(directory).map(Colours::Palette)
        }
        photometric::RGB if bits >= 8 && colour_samples >= 3 => {
            Some(Colours::Rgb(if samples > 3 {
                alpha(directory)
            } else {
                Alpha::None
            }))
        }
        photometric::YCBCR if is_upsampled(directory) => {
            (bits == 8 && samples >= 3).then_some(Colours::Rgb(Alpha::None))
        }
        photometric::SEPARATED => cmyk(directory),
        photometric::YCBCR if bits == 8 && samples == 3 => {
            let blocks = directory.subsampling.unwrap_or((2, 2));
            // libtiff draws blocks of four rows only if they have four columns.
            let drawn = blocks.1 <= 2 || blocks == (4, 4);
            let ycbcr = YCbCr::new(directory, blocks).filter(|_| drawn)?;
            Some(Colours::YCbCr(Box::new(ycbcr)))
        }
        photometric::CIELAB if bits >= 8 && samples == 3 && colour_samples == 3 => {
            Lab::new(directory.white_point).map(|lab| Colours::Lab(Box::new(lab)))
        }
        _ => None,
    }
}

/// The colours of samples in separate planes, and the planes to read. Grey is drawn like in libtiff, as RGB of
/// three equal planes, never inverted.
fn separate_colours(directory: &Directory) -> Option<(Colours, Vec<u32>)> {
    let Directory { bits, samples, .. } = *directory;
    let with_alpha = |colours: Vec<u32>, alpha_plane: u32| {
        let alpha = alpha(directory);
        let planes = if alpha == Alpha::None {
            colours
        } else {
            [colours, vec![alpha_plane]].concat()
        };
        (Colours::Rgb(alpha), planes)
    };
    match directory.photometric {
        photometric::WHITE_IS_ZERO | photometric::BLACK_IS_ZERO if bits >= 8 => {
            Some(with_alpha(vec![0, 0, 0], 1))
        }
        photometric::RGB if bits >= 8 && samples - directory.extra_samples >= 3 => {
            Some(with_alpha(vec![0, 1, 2], 3))
        }
        photometric::SEPARATED if samples == 4 => Some((cmyk(directory)?, vec![0, 1, 2, 3])),
        photometric::YCBCR if bits == 8 && samples == 3 => {
            let joined = directory.subsampling.unwrap_or((2, 2)) == (1, 1);
            let ycbcr = YCbCr::new(directory, (1, 1)).filter(|_| joined)?;
            Some((Colours::YCbCr(Box::new(ycbcr)), vec![0, 1, 2]))
        }
        _ => None,
    }
}

fn cmyk(directory: &Directory) -> Option<Colours> {
    const CMYK_INKS: u16 = 1;
    let known = directory.ink_set == CMYK_INKS && directory.samples >= 4 && directory.bits == 8;
    known.then_some(Colours::Cmyk)
}

/// The palette; if all values are below 256, they are taken as 8-bit.
fn palette(directory: &Directory) -> Option<Vec<Rgba>> {
    let map = directory.colour_map?;
    let len = 1 << directory.bits;
    let values: Option<Vec<u64>> = (0..len * 3).map(|index| map.integer(index)).collect();
    let values = values?;
    let shift = if values.iter().any(|&value| value >= 256) {
        8
    } else {
        0
    };
    let part = |index: u64| (values[index as usize] >> shift) as u8;
    Some(
        (0..len)
            .map(|index| opaque([0, len, 2 * len].map(|plane| part(plane + index))))
            .collect(),
    )
}
