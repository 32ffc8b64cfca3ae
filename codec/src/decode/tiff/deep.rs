//! Owns images that OpenCV reads at their stored depth: 10 to 16-bit words, 32-bit integers and floating point,
//! converted to 8 bits here. Never inverts, and never scales floating point: img2dataset rounds and clamps it.

use super::chunks::{Chunks, Place};
use super::directory::Directory;
use super::raster::luma;
use super::samples::{Fetched, make_zeros};
use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

/// How samples are stored.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Packed words of `bits` bits in `channels`; the highest 8 bits are kept.
    Words {
        bits: u16,
        channels: usize,
        signed: bool,
    },
    I32,
    F32,
    F64,
}

impl Kind {
    pub(super) fn words(directory: &Directory, channels: usize) -> Self {
        Self::Words {
            bits: directory.bits,
            channels,
            signed: directory.sample_format == 2,
        }
    }

    fn bits(self) -> usize {
        match self {
            Self::Words { bits, .. } => bits.into(),
            Self::I32 | Self::F32 => 32,
            Self::F64 => 64,
        }
    }
}

/// Reads the image into `out` without applying its orientation; returns the number of channels.
pub(super) fn draw(
    directory: &Directory,
    chunks: &mut Chunks,
    kind: Kind,
    out: &mut Buffer,
) -> Result<usize, CodecError> {
    let samples = usize::from(directory.samples);
    let channels = match (kind, samples) {
        (_, 2) => return Err(CodecError::Decode),
        (Kind::Words { channels, .. }, _) => channels,
        (_, 4) => 3,
        _ => samples,
    };
    // Without a tag, OpenCV assumes three samples and libtiff one.
    if !directory.has_samples_tag && !directory.is_grey() {
        return Err(CodecError::Decode);
    }
    let size = Size::new(directory.width, directory.height);
    let shape = Shape::new(size, channels);
    let raster = out.bytes_mut(shape.bytes());
    let mut planes = vec![Vec::new(); chunks.layout.planes as usize];
    for down in 0..chunks.layout.down {
        for across in 0..chunks.layout.across {
            fetch(chunks, (across, down), &mut planes)?;
            let x = across * chunks.layout.width;
            let y = down * chunks.layout.rows;
            let width = chunks.layout.width.min(size.width - x) as usize;
            for line in 0..chunks.layout.rows.min(size.height - y) as usize {
                let start = (y as usize + line) * shape.stride() + x as usize * channels;
                let target = &mut raster[start..start + width * channels];
                let source = Row {
                    planes: &planes,
                    start: line * chunks.layout.row_bytes as usize,
                    samples,
                    bits: kind.bits(),
                };
                put_row(kind, &source, target, channels);
            }
        }
    }
    Ok(channels)
}

/// Reads all planes of a chunk, which must be complete.
fn fetch(
    chunks: &mut Chunks,
    (across, down): (u32, u32),
    planes: &mut [Vec<u8>],
) -> Result<(), CodecError> {
    let bytes = chunks.layout.chunk_bytes(chunks.layout.rows_at(down)) as usize;
    for (plane, samples) in (0..).zip(planes) {
        make_zeros(samples, bytes);
        let place = Place {
            across,
            down,
            plane,
        };
        let fetched = if chunks.is_plain() {
            chunks.read_plain(place, samples)
        } else {
            chunks.read(place, samples)?
        };
        if fetched != Fetched::Whole {
            return Err(CodecError::Decode);
        }
    }
    Ok(())
}

/// A row of stored samples.
struct Row<'a> {
    planes: &'a [Vec<u8>],
    start: usize,
    samples: usize,
    bits: usize,
}

impl Row<'_> {
    /// The plane of a sample, and its index in it.
    fn find(&self, x: usize, sample: usize) -> (&[u8], usize) {
        match self.planes {
            [joined] => (&joined[self.start..], x * self.samples + sample),
            planes => (&planes[sample][self.start..], x),
        }
    }

    fn bytes<const N: usize>(&self, x: usize, sample: usize) -> [u8; N] {
        let (plane, index) = self.find(x, sample);
        let mut bytes = [0; N];
        bytes.copy_from_slice(&plane[index * N..index * N + N]);
        bytes
    }

    /// A word of 10 to 16 bits. Words of less than 16 bits are packed from the high bit.
    fn word(&self, x: usize, sample: usize) -> u16 {
        if self.bits == 16 {
            return u16::from_ne_bytes(self.bytes(x, sample));
        }
        let (plane, index) = self.find(x, sample);
        let first = index * self.bits;
        let byte = |offset: usize| u32::from(plane.get(first / 8 + offset).copied().unwrap_or(0));
        let window = byte(0) << 16 | byte(1) << 8 | byte(2);
        let below = 24 - first % 8 - self.bits;
        (window >> below & ((1 << self.bits) - 1)) as u16
    }
}

fn put_row(kind: Kind, row: &Row, target: &mut [u8], channels: usize) {
    for (x, pixel) in target.chunks_exact_mut(channels).enumerate() {
        match kind {
            Kind::Words { bits, signed, .. } => {
                let narrow = |word| high_byte(word, bits, signed);
                if channels == 1 && row.samples > 1 {
                    let colour = [0, 1, 2].map(|sample| row.word(x, sample).into());
                    pixel[0] = narrow(luma(colour) as u16);
                    continue;
                }
                for (sample, value) in pixel.iter_mut().enumerate() {
                    *value = narrow(row.word(x, sample));
                }
            }
            Kind::F32 => put_floats(row.samples, pixel, |sample| {
                f32::from_ne_bytes(row.bytes(x, sample))
            }),
            Kind::F64 => put_floats(row.samples, pixel, |sample| {
                f64::from_ne_bytes(row.bytes(x, sample))
            }),
            Kind::I32 => put_floats(row.samples, pixel, |sample| {
                f64::from(i32::from_ne_bytes(row.bytes(x, sample)))
            }),
        }
    }
}

/// The highest 8 bits of a word; negative values of a signed word are 0.
fn high_byte(word: u16, bits: u16, signed: bool) -> u8 {
    let word = u32::from(word) << (16 - bits);
    if !signed {
        return (word >> 8) as u8;
    }
    let positive = if bits == 16 {
        (word as u16 as i16).max(0) as u32
    } else {
        word.min(0x7FFF)
    };
    (positive >> 7) as u8
}

/// Numbers that can be composited over white.
trait Number: Copy {
    fn over_white(self, alpha: Self) -> Self;
    /// Whether the number overflows the 32-bit integers that OpenCV rounds to, and so becomes black.
    fn is_beyond_integers(self) -> bool;
    fn to_byte(self) -> u8;
}

impl Number for f32 {
    fn over_white(self, alpha: Self) -> Self {
        alpha / 255.0 * self + 255.0 - alpha
    }

    fn is_beyond_integers(self) -> bool {
        f64::from(self).is_beyond_integers()
    }

    fn to_byte(self) -> u8 {
        f64::from(self).to_byte()
    }
}

impl Number for f64 {
    fn over_white(self, alpha: Self) -> Self {
        alpha / 255.0 * self + 255.0 - alpha
    }

    fn is_beyond_integers(self) -> bool {
        self.abs() >= 2_147_483_648.0
    }

    fn to_byte(self) -> u8 {
        // A float cast saturates, so it clamps.
        self.round_ties_even() as u8
    }
}

/// Rounds one or three numbers, or composites four over white.
fn put_floats<N: Number>(samples: usize, pixel: &mut [u8], number: impl Fn(usize) -> N) {
    for (sample, value) in pixel.iter_mut().enumerate() {
        let colour = number(sample);
        *value = if samples == 4 {
            colour.over_white(number(3)).to_byte()
        } else if colour.is_beyond_integers() {
            0
        } else {
            colour.to_byte()
        };
    }
}

/// Composites signed bytes of four channels over white in place, as img2dataset does; returns the remaining
/// number of channels.
pub(super) fn composite_signed_bytes(out: &mut Buffer, pixels: usize) -> usize {
    let samples = out.bytes_mut(pixels * 4);
    for pixel in 0..pixels {
        let numbers = [0, 1, 2, 3].map(|part| f64::from(samples[pixel * 4 + part] as i8));
        let [red, green, blue, alpha] = numbers;
        let composited = [red, green, blue].map(|part| part.over_white(alpha).to_byte());
        samples[pixel * 3..pixel * 3 + 3].copy_from_slice(&composited);
    }
    3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_words_begin_at_the_high_bit() {
        let planes = [vec![0xAB, 0xCD, 0xEF, 0x12, 0x34]];
        let words = |bits| {
            let row = Row {
                planes: &planes,
                start: 0,
                samples: 1,
                bits,
            };
            [0, 1].map(|x| row.word(x, 0))
        };
        assert_eq!(words(12), [0xABC, 0xDEF]);
        assert_eq!(words(10), [0x2AF, 0x0DE]);
        assert_eq!(words(14), [0x2AF3, 0x1EF1]);
    }

    #[test]
    fn words_keep_their_high_byte() {
        assert_eq!(high_byte(0xABCD, 16, false), 0xAB);
        assert_eq!(high_byte(0xABC, 12, false), 0xAB);
        assert_eq!(high_byte(0xFFFF, 16, true), 0);
        assert_eq!(high_byte(0x7FFF, 16, true), 255);
    }

    #[test]
    fn numbers_are_rounded_half_to_even_and_cut_off() {
        assert_eq!(
            [-1.0, 0.5, 1.5, 254.6, 300.0, f64::NAN].map(Number::to_byte),
            [0, 0, 2, 255, 255, 0]
        );
    }
}
