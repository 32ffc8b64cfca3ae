//! Owns hiding boxes, as img2dataset does: an image and the mask of its boxes are blurred by the same
//! Gaussian, and the blurred image is blended into the image by the blurred mask. Only the reach of the mask
//! is computed, with a window of rows in memory. Never decides which boxes an image has.

mod boxes;
mod gaussian;
mod mask;

pub use boxes::BoundingBox;

use boxes::{Hidden, Rect};
use gaussian::{Grid, Kernel, mirrored};
use mask::MaskRows;

use crate::pixels::Shape;

/// Up to three channels of the image, then the mask.
type Lanes = [f32; 4];

/// The lane of the mask in [`Lanes`].
const MASK: usize = 3;
/// Taps on each side added at a time.
const AT_ONCE: usize = 4;
/// Tolerance in levels for rounding errors before truncation, so that a uniform colour is unchanged.
const ROUNDING: f32 = 1e-3;

/// Hides `boxes` in `samples`, a raster of 1 or 3 channels. It takes memory for a window of rows; the work
/// per pixel does not grow with the size of the boxes.
pub(crate) fn blur(samples: &mut [u8], shape: Shape, boxes: &[BoundingBox]) {
    let hidden = Hidden::new(boxes, shape.size);
    for region in hidden.regions(shape.size) {
        Blur::new(shape, &hidden, region).run(samples);
    }
}

/// The state of blurring one region.
struct Blur {
    shape: Shape,
    region: Rect,
    across: Kernel,
    down: Kernel,
    columns: Grid,
    rows: Grid,
    /// The grid position and weight for each column of the region.
    shares: Vec<(usize, f32)>,
    mask: MaskRows,
    mask_row: Vec<f32>,
    /// A row of the image with its mask, mirrored to the reach of the kernel.
    line: Vec<Lanes>,
    /// The latest rows, blurred horizontally; row `y` is at `y % depth`.
    window: Vec<Lanes>,
    depth: usize,
    /// The next row to enter the window.
    next_row: usize,
}

impl Blur {
    fn new(shape: Shape, hidden: &Hidden, region: Rect) -> Self {
        let (width, height) = (shape.size.width as usize, shape.size.height as usize);
        let (across, down) = (
            Kernel::new(hidden.radius, width),
            Kernel::new(hidden.radius, height),
        );
        let columns = Grid::new(region.right - region.left, hidden.radius);
        // A row needs the rows up to a radius above and below it, which include mirrored ones.
        let depth = height.min(2 * down.radius() + 1);
        Self {
            shape,
            region,
            shares: columns.shares(),
            mask: MaskRows::new(&hidden.rects, width),
            mask_row: vec![0.0; width],
            line: vec![[0.0; 4]; region.right - region.left + 2 * across.radius()],
            window: vec![[0.0; 4]; depth * columns.positions.len()],
            depth,
            next_row: region.top.saturating_sub(down.radius()),
            rows: Grid::new(region.bottom - region.top, hidden.radius),
            across,
            down,
            columns,
        }
    }

    /// Computes row after row of the grid. Rows up to it are changed only then, since all that is read of
    /// them later is in the window.
    fn run(mut self, samples: &mut [u8]) {
        let mut above = vec![[0.0; 4]; self.columns.positions.len()];
        let (mut below, mut between) = (above.clone(), above.clone());
        let (mut last, mut next) = (0, 0);
        for position in std::mem::take(&mut self.rows.positions) {
            let y = self.region.top + position;
            self.fill_window(samples, y + self.down.radius());
            self.blur_down(y, &mut below);
            for row in next..position {
                let share = (row - last) as f32 / (position - last) as f32;
                mix(&above, &below, share, &mut between);
                self.blend(samples, self.region.top + row, &between);
            }
            self.blend(samples, y, &below);
            std::mem::swap(&mut above, &mut below);
            (last, next) = (position, position + 1);
        }
    }

    /// Blurs the rows up to `last` horizontally, as far as the image has them.
    fn fill_window(&mut self, samples: &[u8], last: usize) {
        let last = last.min(self.shape.size.height as usize - 1);
        while self.next_row <= last {
            let y = self.next_row;
            self.read_line(samples, y);
            let width = self.columns.positions.len();
            let row = &mut self.window[y % self.depth * width..][..width];
            for (blurred, &position) in row.iter_mut().zip(&self.columns.positions) {
                *blurred = across(&self.line[position..], &self.across.weights);
            }
            self.next_row += 1;
        }
    }

    fn read_line(&mut self, samples: &[u8], y: usize) {
        self.mask.row(y, &mut self.mask_row);
        let channels = self.shape.channels;
        let row = &samples[y * self.shape.stride()..][..self.shape.stride()];
        let first = self.region.left as isize - self.across.radius() as isize;
        for (at, lanes) in self.line.iter_mut().enumerate() {
            let x = mirrored(first + at as isize, self.shape.size.width as usize);
            let pixel = &row[x * channels..][..channels];
            for (lane, &sample) in lanes.iter_mut().zip(pixel) {
                *lane = f32::from(sample);
            }
            lanes[MASK] = self.mask_row[x];
        }
    }

    /// Blurs row `y` vertically, from the rows of the window.
    fn blur_down(&self, y: usize, into: &mut [Lanes]) {
        let height = self.shape.size.height as usize;
        let width = into.len();
        let row = |step: isize| {
            let at = mirrored(y as isize + step, height) % self.depth;
            &self.window[at * width..][..width]
        };
        for (sum, lanes) in into.iter_mut().zip(row(0)) {
            *sum = lanes.map(|lane| lane * self.down.weights[0]);
        }
        let weights = &self.down.weights[1..];
        for (group, weights) in weights.chunks(AT_ONCE).enumerate() {
            // A short group is padded with rows of weight zero.
            let step = |at: usize| (1 + group * AT_ONCE + at.min(weights.len() - 1)) as isize;
            let above = std::array::from_fn(|at| row(-step(at)));
            let below = std::array::from_fn(|at| row(step(at)));
            let weights = std::array::from_fn(|at| weights.get(at).copied().unwrap_or(0.0));
            add_rows(into, &above, &below, &weights);
        }
    }

    /// Blends the blurred row into row `y` by its mask.
    fn blend(&self, samples: &mut [u8], y: usize, blurred: &[Lanes]) {
        let channels = self.shape.channels;
        let start = y * self.shape.stride() + self.region.left * channels;
        let pixels = samples[start..].chunks_exact_mut(channels);
        for (pixel, &(cell, share)) in pixels.zip(&self.shares) {
            let (left, right) = (blurred[cell], blurred[(cell + 1).min(blurred.len() - 1)]);
            let at = |lane: usize| left[lane] + (right[lane] - left[lane]) * share;
            let weight = at(MASK);
            if weight <= 0.0 {
                continue;
            }
            for (lane, sample) in pixel.iter_mut().enumerate() {
                let level = f32::from(*sample) * (1.0 - weight) + at(lane) * weight;
                // Truncated, not rounded, as in img2dataset; the cast clamps to 0..=255.
                *sample = (level + ROUNDING) as u8;
            }
        }
    }
}

/// The horizontal blur of the pixel at the kernel radius in `line`.
fn across(line: &[Lanes], weights: &[f32]) -> Lanes {
    let radius = weights.len() - 1;
    let (left, right) = line[..=2 * radius].split_at(radius);
    let (centre, right) = (right[0], &right[1..]);
    let (left, right) = (left.rchunks_exact(AT_ONCE), right.chunks_exact(AT_ONCE));
    let groups = weights[1..].chunks_exact(AT_ONCE);
    let rest = (left.remainder().iter().rev().zip(right.remainder())).zip(groups.remainder());
    // Separate sums, so that additions do not depend on each other.
    let mut sums = [[0.0; 4]; AT_ONCE];
    sums[0] = centre.map(|lane| lane * weights[0]);
    for ((left, right), &weight) in rest {
        add(&mut sums[0], left, right, weight);
    }
    for ((left, right), weights) in left.zip(right).zip(groups) {
        for (at, sum) in sums.iter_mut().enumerate() {
            add(sum, &left[AT_ONCE - 1 - at], &right[at], weights[at]);
        }
    }
    std::array::from_fn(|lane| sums.iter().map(|sum| sum[lane]).sum())
}

/// Adds the weighted rows on both sides of a row to its sums.
fn add_rows(
    sums: &mut [Lanes],
    above: &[&[Lanes]; AT_ONCE],
    below: &[&[Lanes]; AT_ONCE],
    weights: &[f32; AT_ONCE],
) {
    let above = above.map(|row| &row[..sums.len()]);
    let below = below.map(|row| &row[..sums.len()]);
    for (at, sum) in sums.iter_mut().enumerate() {
        let mut total = *sum;
        for step in 0..AT_ONCE {
            add(
                &mut total,
                &above[step][at],
                &below[step][at],
                weights[step],
            );
        }
        *sum = total;
    }
}

fn add(sum: &mut Lanes, left: &Lanes, right: &Lanes, weight: f32) {
    for lane in 0..sum.len() {
        sum[lane] += (left[lane] + right[lane]) * weight;
    }
}

/// Interpolates between the rows `above` and `below`.
fn mix(above: &[Lanes], below: &[Lanes], share: f32, into: &mut [Lanes]) {
    for ((mixed, above), below) in into.iter_mut().zip(above).zip(below) {
        for lane in 0..mixed.len() {
            mixed[lane] = above[lane] + (below[lane] - above[lane]) * share;
        }
    }
}

#[cfg(test)]
mod tests;
