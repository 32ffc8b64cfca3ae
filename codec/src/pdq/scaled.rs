//! Owns the grid of an image with a side longer than 512 pixels: scaled to 512 by 512 by area, blurred and
//! sampled. All of these are linear, so that each sample is a weighted sum of the pixels, whose weights are
//! composed first. Never makes the scaled image.

use super::luma::{WEIGHTS, WHOLE};
use super::window::{SAMPLES, Window, sampled};
use super::{Grid, SIDE_MAX};
use crate::pixels::Shape;
use crate::resize::{Axis, Picture, Separable, Source};
use crate::ycc::StoredPlanes;

/// The tables and working memory.
#[derive(Default)]
pub(super) struct Scaled {
    separable: Separable,
    columns: Axis,
    rows: Axis,
    colours: Vec<f32>,
}

impl Scaled {
    /// The grid of the luma of a JPEG, as it is stored.
    pub(super) fn of_luma(&mut self, stored: StoredPlanes<'_>) -> Box<Grid> {
        let (size, plane) = (stored.planes.size, stored.planes.planes[0]);
        let source = Source {
            samples: &stored.samples[plane.start..],
            stride: plane.stride,
            channels: 1,
        };
        let mut grid = Box::new([[0.0; SAMPLES]; SAMPLES]);
        self.fill(source, Shape::new(size, 1), grid.as_flattened_mut());
        grid
    }

    /// The grid of grey or RGB.
    pub(super) fn of_raster(&mut self, samples: &[u8], shape: Shape) -> Box<Grid> {
        let source = Source {
            samples,
            stride: shape.stride(),
            channels: shape.channels,
        };
        let mut grid = Box::new([[0.0; SAMPLES]; SAMPLES]);
        if shape.channels == 1 {
            self.fill(source, shape, grid.as_flattened_mut());
            return grid;
        }
        let mut colours = std::mem::take(&mut self.colours);
        colours.resize(SAMPLES * SAMPLES * 3, 0.0);
        self.fill(source, shape, &mut colours);
        let pixels = colours.as_chunks::<3>().0;
        for (luma, pixel) in grid.as_flattened_mut().iter_mut().zip(pixels) {
            let weighed = [0, 1, 2].map(|channel| WEIGHTS[channel] as f32 * pixel[channel]);
            *luma = weighed.iter().sum::<f32>() / WHOLE;
        }
        self.colours = colours;
        grid
    }

    fn fill(&mut self, source: Source<'_>, shape: Shape, into: &mut [f32]) {
        compose(&mut self.columns, shape.size.width as usize);
        compose(&mut self.rows, shape.size.height as usize);
        let target = Picture {
            samples: into,
            stride: SAMPLES * shape.channels,
        };
        self.separable
            .resize_to_floats(source, &self.columns, &self.rows, target);
    }
}

/// Fills `axis` with the samples of an axis of `length` pixels: the weights of the pixels in each, by way of
/// the axis of 512.
fn compose(axis: &mut Axis, length: usize) {
    axis.clear();
    let window = Window::of(SIDE_MAX);
    let (mut weights, mut shares) = (Vec::new(), Vec::new());
    for at in (0..SAMPLES).map(|index| sampled(index, SIDE_MAX)) {
        let means = window.inputs(at, SIDE_MAX);
        let inputs = |mean| window.inputs(mean, SIDE_MAX);
        let begin = inputs(means.start).start;
        shares.clear();
        shares.resize(inputs(means.end - 1).end - begin, 0.0);
        for mean in means.clone() {
            let share = 1.0 / (means.len() * inputs(mean).len()) as f64;
            for input in inputs(mean) {
                shares[input - begin] += share;
            }
        }
        let first = begin * length / SIDE_MAX;
        weights.clear();
        for (input, &share) in (begin..).zip(&shares) {
            add_cell(&mut weights, first, input, length, share);
        }
        let rounded: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
        axis.push(first, &rounded, 0.0);
    }
}

/// Adds `share` times the mean of cell `at`, one of 512 into which `length` pixels are divided. The first of
/// `weights` is that of pixel `first`.
fn add_cell(weights: &mut Vec<f64>, first: usize, at: usize, length: usize, share: f64) {
    // In parts of a pixel, so that the borders of cells and of pixels are whole numbers.
    let (begin, end) = (at * length, (at + 1) * length);
    let pixels = begin / SIDE_MAX..end.div_ceil(SIDE_MAX);
    if weights.len() < pixels.end - first {
        weights.resize(pixels.end - first, 0.0);
    }
    for pixel in pixels {
        let covered = end.min((pixel + 1) * SIDE_MAX) - begin.max(pixel * SIDE_MAX);
        weights[pixel - first] += share * covered as f64 / length as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_and_stay_inside() {
        let mut axis = Axis::default();
        for length in [5, 64, 300, 511, 512, 513, 1000, 1024, 4321, 70_000] {
            compose(&mut axis, length);
            assert_eq!(axis.len(), SAMPLES);
            for taps in axis.iter() {
                assert!(taps.start + taps.weights.len() <= length);
                let sum: f64 = taps.weights.iter().map(|&weight| f64::from(weight)).sum();
                assert!((sum - 1.0).abs() < 1e-5, "{length}: {sum}");
            }
        }
    }

    #[test]
    fn an_axis_of_512_is_blurred_twice_and_sampled() {
        let mut axis = Axis::default();
        compose(&mut axis, SIDE_MAX);
        let quarters = [1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0].map(|weight| weight / 16.0);
        for index in 0..SAMPLES - 1 {
            let taps = axis.taps(index);
            assert_eq!(taps.start, 8 * index + 2);
            assert_eq!(taps.weights, quarters);
        }
        // The last is cut off by the edge.
        assert_eq!(axis.taps(SAMPLES - 1).start, 506);
        assert_eq!(axis.taps(SAMPLES - 1).weights.len(), 6);
    }
}
