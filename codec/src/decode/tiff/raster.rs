//! Owns the raster that chunks are drawn into, and applying the orientation tag. Never reads a stored sample.

use crate::pixels::{Buffer, Shape, Size};

pub(super) type Rgba = [u8; 4];

/// The grey level of a colour in OpenCV's 14-bit fixed point.
pub(super) fn luma(colour: [u32; 3]) -> u32 {
    let [red, green, blue] = colour;
    (red * 4899 + green * 9617 + blue * 1868 + (1 << 13)) >> 14
}

/// A raster of 8-bit samples that chunks are drawn into.
pub(super) struct Raster<'a> {
    samples: &'a mut [u8],
    shape: Shape,
    /// Whether libtiff mirrors columns and flips rows while drawing.
    mirrored: bool,
    flipped: bool,
}

impl<'a> Raster<'a> {
    pub(super) fn new(out: &'a mut Buffer, shape: Shape, orientation: u16) -> Self {
        Self {
            samples: out.bytes_mut(shape.bytes()),
            shape,
            mirrored: matches!(orientation, 2 | 3 | 6 | 7),
            flipped: matches!(orientation, 3 | 4 | 7 | 8),
        }
    }

    /// Draws row `y` of a chunk that begins at `x`. Mirroring is within the chunk, as in libtiff.
    pub(super) fn put_row(&mut self, x: usize, y: usize, pixels: &[Rgba]) {
        let channels = self.shape.channels;
        let y = if self.flipped {
            self.shape.size.height as usize - 1 - y
        } else {
            y
        };
        let start = y * self.shape.stride() + x * channels;
        let targets =
            self.samples[start..start + pixels.len() * channels].chunks_exact_mut(channels);
        if self.mirrored {
            targets
                .rev()
                .zip(pixels)
                .for_each(|(target, &pixel)| put(pixel, target));
        } else {
            targets
                .zip(pixels)
                .for_each(|(target, &pixel)| put(pixel, target));
        }
    }
}

fn put(pixel: Rgba, target: &mut [u8]) {
    let [red, green, blue, _] = pixel.map(u32::from);
    match target {
        [grey] => *grey = luma([red, green, blue]) as u8,
        _ => target.copy_from_slice(&pixel[..target.len()]),
    }
}

/// A step of applying an orientation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Mirror,
    Flip,
    Transpose,
}

/// The remaining steps for `orientation`. For `drawn` images libtiff has done a part, and OpenCV does what it
/// considers the rest.
pub(super) fn steps(orientation: u16, drawn: bool) -> Vec<Step> {
    use Step::{Flip, Mirror, Transpose};
    match (drawn, orientation) {
        (true, 6 | 8) => vec![Mirror, Flip, Transpose],
        (true, 5 | 7) => vec![Transpose],
        (false, 2) => vec![Mirror],
        (false, 3) => vec![Mirror, Flip],
        (false, 4) => vec![Flip],
        (false, 5) => vec![Transpose],
        (false, 6) => vec![Transpose, Mirror],
        (false, 7) => vec![Transpose, Mirror, Flip],
        (false, 8) => vec![Transpose, Flip],
        _ => Vec::new(),
    }
}

/// Applies `steps` to the raster in `out`; returns its new shape.
pub(super) fn turn(out: &mut Buffer, shape: Shape, steps: &[Step]) -> Shape {
    let mut shape = shape;
    for step in steps {
        let samples = out.bytes_mut(shape.bytes());
        match step {
            Step::Mirror => {
                for row in samples.chunks_exact_mut(shape.stride()) {
                    reverse(row, shape.channels);
                }
            }
            Step::Flip => reverse(samples, shape.stride()),
            Step::Transpose => {
                let source = samples.to_vec();
                shape = transpose(&source, shape, samples);
            }
        }
    }
    shape
}

/// Reverses the order of units of `len` bytes.
fn reverse(bytes: &mut [u8], len: usize) {
    let units = bytes.len() / len;
    let (front, back) = bytes.split_at_mut(units / 2 * len);
    for (a, b) in front
        .chunks_exact_mut(len)
        .zip(back.chunks_exact_mut(len).rev())
    {
        a.swap_with_slice(b);
    }
}

fn transpose(source: &[u8], shape: Shape, target: &mut [u8]) -> Shape {
    let channels = shape.channels;
    let turned = Shape::new(Size::new(shape.size.height, shape.size.width), channels);
    for (y, row) in source.chunks_exact(shape.stride()).enumerate() {
        for (x, pixel) in row.chunks_exact(channels).enumerate() {
            let at = x * turned.stride() + y * channels;
            target[at..at + channels].copy_from_slice(pixel);
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_a_row_of_three_pixels() {
        let shape = Shape::new(Size::new(3, 1), 1);
        let turned = |orientation| {
            let mut out = Buffer::default();
            out.bytes_mut(3).copy_from_slice(&[1, 2, 3]);
            let shape = turn(&mut out, shape, &steps(orientation, false));
            (shape.size.width, out.filled(3).to_vec())
        };
        assert_eq!(turned(1), (3, vec![1, 2, 3]));
        assert_eq!(turned(3), (3, vec![3, 2, 1]));
        assert_eq!(turned(4), (3, vec![1, 2, 3]));
        assert_eq!(turned(6), (1, vec![1, 2, 3]));
        assert_eq!(turned(8), (1, vec![3, 2, 1]));
    }

    #[test]
    fn equal_parts_weigh_as_one() {
        for level in [0, 1, 127, 255, 65_535] {
            assert_eq!(luma([level; 3]), level);
        }
    }
}
