//! Owns the stored planes of a JPEG: whether their colours are within RGB, and upsampling and converting
//! them to RGB, bit for bit like libjpeg-turbo. Never resizes.

mod convert;

use convert::convert;
#[cfg(target_arch = "x86_64")]
use convert::convert_avx2;

use crate::pixels::{Buffer, Planes, Shape};
use crate::turbo::Subsampling;

/// The planes of a decoded JPEG.
#[derive(Clone, Copy)]
pub(crate) struct StoredPlanes<'a> {
    pub(crate) samples: &'a [u8],
    pub(crate) planes: Planes,
    pub(crate) subsampling: Subsampling,
}

impl<'a> StoredPlanes<'a> {
    /// Rows and columns of one of the two chroma planes.
    fn chroma_size(&self) -> (usize, usize) {
        let Subsampling {
            horizontal,
            vertical,
        } = self.subsampling;
        let size = self.planes.size;
        (
            size.height.div_ceil(vertical) as usize,
            size.width.div_ceil(horizontal) as usize,
        )
    }

    /// The first `len` samples of row `y` of plane `index`.
    fn row(&self, index: usize, y: usize, len: usize) -> &'a [u8] {
        let plane = self.planes.planes[index];
        &self.samples[plane.start + y * plane.stride..][..len]
    }
}

/// One in this many chroma rows is sampled.
const ROWS_SAMPLED: usize = 8;
/// How far outside 0..=255 a colour value still counts as inside.
const EXCESS: i16 = 16;

/// Whether more than one in 200 colours is outside RGB. Clipping brings them in; it is not linear, so
/// clipping before a resize gives a different image than after.
pub(crate) fn leaves_rgb(stored: StoredPlanes<'_>) -> bool {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the condition above detected AVX2.
        return unsafe { leaves_rgb_avx2(stored) };
    }
    leaves_rgb_by_rows(stored)
}

/// `leaves_rgb_by_rows`, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn leaves_rgb_avx2(stored: StoredPlanes<'_>) -> bool {
    leaves_rgb_by_rows(stored)
}

#[inline(always)]
fn leaves_rgb_by_rows(stored: StoredPlanes<'_>) -> bool {
    let (rows, columns) = stored.chroma_size();
    let vertical = stored.subsampling.vertical as usize;
    let horizontal = stored.subsampling.horizontal as usize;
    let mut outside = 0;
    for y in (0..rows).step_by(ROWS_SAMPLED) {
        let luma = stored.row(0, y * vertical, stored.planes.size.width as usize);
        let (blue, red) = (stored.row(1, y, columns), stored.row(2, y, columns));
        outside += match horizontal {
            1 => count_outside::<1>(luma, blue, red),
            _ => count_outside::<2>(luma, blue, red),
        };
    }
    outside * 200 > rows.div_ceil(ROWS_SAMPLED) * columns
}

/// Counts the chroma samples whose colour is outside RGB with the first luma sample they cover. An odd
/// last one is ignored.
#[inline(always)]
fn count_outside<const RATIO: usize>(luma: &[u8], blue: &[u8], red: &[u8]) -> usize {
    // Negative values become large numbers, so that one comparison is enough.
    let inside = |value: i16| (value + EXCESS) as u16 <= (255 + 2 * EXCESS) as u16;
    let pairs = blue.iter().zip(red);
    let outside = luma.chunks_exact(RATIO).zip(pairs).map(|(luma, (&b, &r))| {
        let (luma, b, r) = (i16::from(luma[0]), i16::from(b) - 128, i16::from(r) - 128);
        // The factors 1.402, 0.344, 0.714 and 1.772 in 64ths.
        let inside = inside(luma + ((90 * r) >> 6))
            & inside(luma - ((22 * b + 46 * r) >> 6))
            & inside(luma + ((113 * b) >> 6));
        u32::from(!inside)
    });
    outside.sum::<u32>() as usize
}

/// Fills `out` with the RGB raster that libjpeg-turbo would decode.
pub(crate) fn to_rgb(stored: StoredPlanes<'_>, out: &mut Buffer) -> Shape {
    let shape = Shape::new(stored.planes.size, 3);
    let samples = out.bytes_mut(shape.bytes());
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the condition above detected AVX2.
        unsafe { to_rgb_avx2(stored, samples) };
        return shape;
    }
    to_rgb_by_rows(stored, samples, convert);
    shape
}

/// `to_rgb_by_rows`, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn to_rgb_avx2(stored: StoredPlanes<'_>, samples: &mut [u8]) {
    to_rgb_by_rows(stored, samples, |luma, blue, red, into| {
        convert_avx2(luma, blue, red, into);
    });
}

#[inline(always)]
fn to_rgb_by_rows(
    stored: StoredPlanes<'_>,
    samples: &mut [u8],
    convert: impl Fn(&[u8], &[u8], &[u8], &mut [u8]),
) {
    let columns = stored.planes.size.width as usize;
    let mut upsampler = Upsampler::new(stored);
    for (y, into) in samples.chunks_exact_mut(columns * 3).enumerate() {
        upsampler.fill(y);
        let luma = stored.row(0, y, columns);
        let [blue, red] = &upsampler.full;
        convert(luma, &blue[..columns], &red[..columns], into);
    }
}

/// Upsamples chroma rows to the resolution of luma.
struct Upsampler<'a> {
    stored: StoredPlanes<'a>,
    rows: usize,
    columns: usize,
    /// A row between two stored ones, in quarters of a level.
    between: Vec<i16>,
    /// A row of Cb and one of Cr at the resolution of luma.
    full: [Vec<u8>; 2],
}

impl<'a> Upsampler<'a> {
    fn new(stored: StoredPlanes<'a>) -> Self {
        let (rows, columns) = stored.chroma_size();
        let horizontal = stored.subsampling.horizontal as usize;
        Self {
            stored,
            rows,
            columns,
            between: vec![0; columns],
            full: [0, 1].map(|_| vec![0; columns * horizontal]),
        }
    }

    /// Fills `full` for row `y` of luma.
    #[inline(always)]
    fn fill(&mut self, y: usize) {
        let Subsampling {
            horizontal,
            vertical,
        } = self.stored.subsampling;
        // libjpeg-turbo does not interpolate planes of two columns, except vertically alone.
        let smooth = self.columns > 2 || horizontal == 1;
        let at = y / vertical as usize;
        let next = if y.is_multiple_of(2) {
            at.saturating_sub(1)
        } else {
            (at + 1).min(self.rows - 1)
        };
        for index in [0, 1] {
            let row = self.stored.row(index + 1, at, self.columns);
            let other = self.stored.row(index + 1, next, self.columns);
            let into = &mut self.full[index];
            match (horizontal, vertical) {
                (1, 1) => into.copy_from_slice(row),
                (1, _) => mix_rows(row, other, 1 + (y % 2) as i16, into),
                _ if !smooth => repeat(row, into),
                (_, 1) => {
                    scale(row, &mut self.between);
                    widen(&self.between, [1, 2], 2, into);
                }
                _ => {
                    weigh(row, other, &mut self.between);
                    widen(&self.between, [8, 7], 4, into);
                }
            }
        }
    }
}

#[inline(always)]
fn repeat(row: &[u8], into: &mut [u8]) {
    for (pair, &sample) in into.chunks_exact_mut(2).zip(row) {
        pair.fill(sample);
    }
}

/// Three quarters of the nearer row and one of the other.
#[inline(always)]
fn mix_rows(near: &[u8], far: &[u8], bias: i16, into: &mut [u8]) {
    for ((sample, &near), &far) in into.iter_mut().zip(near).zip(far) {
        *sample = ((3 * i16::from(near) + i16::from(far) + bias) >> 2) as u8;
    }
}

/// Three times the nearer row plus the other.
#[inline(always)]
fn weigh(near: &[u8], far: &[u8], into: &mut [i16]) {
    for ((sum, &near), &far) in into.iter_mut().zip(near).zip(far) {
        *sum = 3 * i16::from(near) + i16::from(far);
    }
}

#[inline(always)]
fn scale(row: &[u8], into: &mut [i16]) {
    for (sum, &sample) in into.iter_mut().zip(row) {
        *sum = i16::from(sample);
    }
}

/// Doubles the columns: three quarters of the nearer column and one quarter of the other; the first and the
/// last are kept. `biases` round the left and the right one of each pair.
#[inline(always)]
fn widen(row: &[i16], biases: [i16; 2], shift: u32, into: &mut [u8]) {
    let last = row.len() - 1;
    into[0] = ((4 * row[0] + biases[0]) >> shift) as u8;
    into[2 * last + 1] = ((4 * row[last] + biases[1]) >> shift) as u8;
    // Pairs of the right half of a column and the left half of the next.
    let inner = into[1..].chunks_exact_mut(2);
    for (pair, (&left, &right)) in inner.zip(row.iter().zip(&row[1..])) {
        pair[0] = ((3 * left + right + biases[1]) >> shift) as u8;
        pair[1] = ((3 * right + left + biases[0]) >> shift) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{Plane, Size};
    use crate::turbo::{Decompressor, padded_bytes};
    use turbojpeg::{Image, PixelFormat, Subsamp};

    /// A JPEG of strong colours; every value of a channel is met.
    fn file(width: usize, height: usize, sampling: Subsamp) -> Vec<u8> {
        let mut state = 7_u32;
        let pixels: Vec<u8> = (0..width * height * 3)
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                ((at % 3 * 90 + at / 3 % width * 5) as u8).wrapping_add((state >> 27) as u8)
            })
            .collect();
        let image = Image {
            pixels: &pixels[..],
            width,
            pitch: width * 3,
            height,
            format: PixelFormat::RGB,
        };
        turbojpeg::compress(image, 85, sampling).unwrap().to_vec()
    }

    fn planes(body: &[u8], size: Size, out: &mut Buffer) -> (Planes, Subsampling) {
        let mut decompressor = Decompressor::new(10);
        let file = decompressor.open(body, size).unwrap();
        let subsampling = file.subsampling().unwrap();
        let padded = file.padded();
        file.read_planes(out.bytes_mut(padded_bytes(&padded)))
            .unwrap();
        let planes = padded.map(|one| one.plane);
        (Planes { size, planes }, subsampling)
    }

    #[test]
    fn planes_become_the_rgb_that_libjpeg_turbo_decodes_in_every_subsampling() {
        let samplings = [
            Subsamp::None,
            Subsamp::Sub2x1,
            Subsamp::Sub1x2,
            Subsamp::Sub2x2,
        ];
        let sizes = [(1, 1), (2, 2), (4, 3), (5, 5), (6, 7), (17, 33), (64, 48)];
        for sampling in samplings {
            for (width, height) in sizes {
                let body = file(width, height, sampling);
                let size = Size::new(width as u32, height as u32);
                let (mut stored, mut converted, mut direct) =
                    (Buffer::default(), Buffer::default(), Buffer::default());
                let (planes, subsampling) = planes(&body, size, &mut stored);
                let stored = StoredPlanes {
                    samples: stored.all(),
                    planes,
                    subsampling,
                };
                let shape = to_rgb(stored, &mut converted);
                let mut decompressor = Decompressor::new(10);
                let expected = decompressor
                    .open(&body, size)
                    .unwrap()
                    .read_pixels(&mut direct)
                    .unwrap();
                assert_eq!(shape, expected);
                assert_eq!(
                    converted.filled(shape.bytes()),
                    direct.filled(shape.bytes()),
                    "{sampling:?} {size:?}"
                );
            }
        }
    }

    #[test]
    fn a_colour_outside_of_rgb_is_noticed_where_it_fills_a_part_of_the_image() {
        let size = Size::new(64, 64);
        let plane = |start, stride| Plane { start, stride };
        let planes = Planes {
            size,
            planes: [plane(0, 64), plane(4096, 32), plane(5120, 32)],
        };
        let subsampling = Subsampling {
            horizontal: 2,
            vertical: 2,
        };
        let mut samples = vec![128; 6144];
        let leaves = |samples: &[u8]| {
            leaves_rgb(StoredPlanes {
                samples,
                planes,
                subsampling,
            })
        };
        assert!(!leaves(&samples));
        // Bright and very red, in an eighth of the image.
        samples[..512].fill(250);
        samples[5120..5248].fill(220);
        assert!(leaves(&samples));
    }
}
