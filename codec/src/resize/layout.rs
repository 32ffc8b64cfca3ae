//! Owns the order in which the passes want an axis: runs of equal weights for rows, blocks of
//! sixteen lanes for columns. Never changes a weight.

use super::aligned::Aligned;
use super::lanes::FLOATS;
use super::taps::{Axis, Taps};

/// Rows of a run at most: their sum takes 16 bits.
const RUN_ROWS_MAX: usize = 256;

/// Rows that follow each other and weigh the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) row: usize,
    pub(super) count: usize,
    pub(super) weight: f32,
}

/// Replaces `runs` by those of one result row.
pub(super) fn fill_runs(runs: &mut Vec<Run>, taps: Taps<'_>) {
    runs.clear();
    for (tap, &weight) in taps.weights.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if run.weight == weight && run.count < RUN_ROWS_MAX => run.count += 1,
            _ => runs.push(Run {
                row: taps.start + tap,
                count: 1,
                weight,
            }),
        }
    }
    runs.retain(|run| run.weight != 0.0);
}

/// Result columns in blocks. A block of RGB is four pixels: for every tap four times its weight,
/// pixel by pixel. A block of grey is sixteen pixels: for every pixel the weights of its taps.
/// Missing pixels and taps weigh nothing.
#[derive(Default)]
pub(super) struct Columns {
    /// Where each pixel's first tap stands in the line.
    pub(super) starts: Vec<u32>,
    /// Sixteen constants and sixteen times `taps` weights for each block.
    pub(super) weights: Aligned,
    /// Taps of every pixel.
    pub(super) taps: usize,
    /// Samples of the result.
    pub(super) samples: usize,
    /// Floats that a line must have: taps of weight zero and unused lanes reach past its samples.
    pub(super) room: usize,
}

impl Columns {
    /// Pixels of a block.
    pub(super) const fn pixels(channels: usize) -> usize {
        if channels == 1 { FLOATS } else { 4 }
    }

    /// Lays out `axis` for a line whose first pixel is `first`; its constants only if `rests`.
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
        for (at, taps) in axis.iter().enumerate() {
            if !taps.weights.is_empty() {
                self.starts[at] = ((taps.start - first) * channels) as u32;
            }
            let block = &mut table[at / pixels * size..][..size];
            let (constants, weights) = block.split_at_mut(FLOATS);
            let lanes = FLOATS / pixels;
            let lane = at % pixels * lanes;
            if rests {
                constants[lane..lane + lanes].fill(taps.rest);
            }
            for (tap, &weight) in taps.weights.iter().enumerate() {
                let place = if channels == 1 {
                    lane * self.taps + tap
                } else {
                    tap * FLOATS + lane
                };
                weights[place..place + lanes].fill(weight);
            }
        }
        let last = self.starts.iter().max().map_or(0, |&start| start as usize);
        self.room = last + self.taps * channels + FLOATS;
    }

    /// Floats of a block.
    pub(super) const fn block(&self) -> usize {
        (1 + self.taps) * FLOATS
    }
}
