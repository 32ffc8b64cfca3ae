//! Owns laying out an axis for the passes: runs of equal weights for rows, blocks of 16 lanes for columns.
//! Never changes a weight.

use super::aligned::Aligned;
use super::lanes::FLOATS;
use super::taps::{Axis, Taps};

/// Most rows of a run: their sums have 16 bits.
const RUN_ROWS_MAX: usize = 256;

/// Consecutive rows of equal weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) row: usize,
    pub(super) count: usize,
    pub(super) weight: f32,
}

/// Replaces `runs` by the runs of one result row.
pub(super) fn fill_runs(runs: &mut Vec<Run>, taps: Taps<'_>) {
    runs.clear();
    for (tap, &weight) in taps.weights.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if is_same(run.weight, weight) && run.count < RUN_ROWS_MAX => {
                run.count += 1;
            }
            _ => runs.push(Run {
                row: taps.start + tap,
                count: 1,
                weight,
            }),
        }
    }
    runs.retain(|run| run.weight != 0.0);
}

/// Whether two weights differ by rounding errors only, as weights of composed tables do. A white cell
/// changes by at most 2^-14 of a level by this.
fn is_same(weight: f32, other: f32) -> bool {
    (weight - other).abs() <= 2.0 * f32::EPSILON * weight.abs()
}

/// Result columns in blocks. A block of RGB has 4 pixels: for every tap, each pixel's weight four times.
/// A block of grey has 16 pixels: for every pixel, the weights of its taps. Missing pixels and taps have
/// weight zero.
#[derive(Default)]
pub(super) struct Columns {
    /// Offset of the first tap of each pixel in the line.
    pub(super) starts: Vec<u32>,
    /// For each block, 16 constants and 16 times `taps` weights.
    pub(super) weights: Aligned,
    /// Taps per pixel.
    pub(super) taps: usize,
    /// Samples of the result.
    pub(super) samples: usize,
    /// Least length of a line: taps of weight zero and unused lanes reach past its samples.
    pub(super) line_len: usize,
}

impl Columns {
    /// Pixels per block.
    pub(super) const fn pixels(channels: usize) -> usize {
        if channels == 1 { FLOATS } else { 4 }
    }

    /// Lays out `axis` for a line whose first pixel is `first`; with its constants if `rests`.
    pub(super) fn fill(&mut self, axis: &Axis, first: usize, channels: usize, rests: bool) {
        let pixels = Self::pixels(channels);
        let blocks = axis.len().div_ceil(pixels);
        self.samples = axis.len() * channels;
        self.taps = axis.taps_max();
        if channels == 1 {
            self.taps = if self.taps <= 4 {
                4
            } else {
                self.taps.next_multiple_of(8)
            };
        }
        self.starts.clear();
        self.starts.resize(blocks * pixels, 0);
        let size = self.block();
        let table = self.weights.zeros(blocks * size);
        let blocks = table.chunks_exact_mut(size);
        let starts = self.starts.chunks_exact_mut(pixels);
        for ((block, starts), from) in blocks.zip(starts).zip((0..).step_by(pixels)) {
            let until = axis.len().min(from + pixels);
            for (pixel, taps) in (from..until).map(|at| axis.taps(at)).enumerate() {
                if !taps.weights.is_empty() {
                    starts[pixel] = ((taps.start - first) * channels) as u32;
                }
                let rest = if rests { taps.rest } else { 0.0 };
                if channels == 1 {
                    block[pixel] = rest;
                    let weights = &mut block[FLOATS + pixel * self.taps..];
                    weights[..taps.weights.len()].copy_from_slice(taps.weights);
                } else {
                    let fours = block.as_chunks_mut::<4>().0;
                    fours[pixel] = [rest; 4];
                    let weights = fours[pixels + pixel..].iter_mut().step_by(pixels);
                    for (four, &weight) in weights.zip(taps.weights) {
                        *four = [weight; 4];
                    }
                }
            }
        }
        let last = self.starts.iter().max().map_or(0, |&start| start as usize);
        self.line_len = last + self.taps * channels + FLOATS;
    }

    /// Floats per block.
    pub(super) const fn block(&self) -> usize {
        (1 + self.taps) * FLOATS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(weights: &[f32]) -> Vec<(usize, usize, f32)> {
        let mut runs = Vec::new();
        let taps = Taps {
            start: 10,
            weights,
            rest: 0.0,
        };
        fill_runs(&mut runs, taps);
        let runs = runs.iter();
        runs.map(|run| (run.row, run.count, run.weight)).collect()
    }

    #[test]
    fn rows_of_one_weight_are_a_run_and_rows_of_none_are_left_out() {
        let rounded = 0.25 * (1.0 + f32::EPSILON);
        assert_eq!(
            runs(&[0.125, 0.25, rounded, 0.25, 0.0, 0.0, 0.25]),
            [(10, 1, 0.125), (11, 3, 0.25), (16, 1, 0.25)]
        );
    }

    #[test]
    fn a_run_is_no_longer_than_its_sum_allows() {
        let weights = [1.0; 2 * RUN_ROWS_MAX + 1];
        let counts: Vec<usize> = runs(&weights).iter().map(|run| run.1).collect();
        assert_eq!(counts, [RUN_ROWS_MAX, RUN_ROWS_MAX, 1]);
    }
}
