//! Owns the pass along the columns of RGB rows in fixed point: from bytes to a line of floats, exactly, in
//! half the instructions of the pass over floats. Never takes a table whose weights are not multiples of
//! 1/2048.

use super::lanes::{FLOATS, Lanes};
use super::taps::Axis;

/// A weight of one in OpenCV's fixed point.
const ONE: f32 = 2048.0;
/// Most taps; the pass over floats takes more.
const TAPS_MAX: usize = 8;
/// Pixels of a block.
const PIXELS: usize = 4;
/// Bytes of a pixel.
const CHANNELS: usize = 3;
/// Weights of a block per pair of taps: for each pixel both weights four times, of which the last is unused.
const WEIGHTS: usize = 8 * PIXELS;

/// Result columns in blocks of four pixels.
#[derive(Default)]
pub(super) struct FixedColumns {
    /// Offset of the first tap of each pixel in the row.
    starts: Vec<u32>,
    weights: Vec<i16>,
    /// Pairs of taps of every pixel: 1, 2 or 4.
    pairs: usize,
    /// Floats of the result.
    samples: usize,
    /// Bytes of a row that taps and loads reach.
    row_len: usize,
    /// A padded copy of a row that is followed by too few bytes.
    row: Vec<u8>,
}

impl FixedColumns {
    /// Lays out `axis` for rows whose first pixel is `first`; returns `false` if its weights do not fit
    /// the fixed point.
    pub(super) fn fill(&mut self, axis: &Axis, first: usize) -> bool {
        let taps = axis.taps_max();
        if taps > TAPS_MAX || !axis.iter().all(|taps| taps.weights.iter().all(is_fixed)) {
            return false;
        }
        self.pairs = taps.div_ceil(2).next_power_of_two();
        self.samples = axis.len() * CHANNELS;
        let blocks = axis.len().div_ceil(PIXELS);
        self.starts.clear();
        self.starts.resize(blocks * PIXELS, 0);
        self.weights.clear();
        self.weights.resize(blocks * self.pairs * WEIGHTS, 0);
        for (at, taps) in axis.iter().enumerate() {
            if !taps.weights.is_empty() {
                self.starts[at] = ((taps.start - first) * CHANNELS) as u32;
            }
            let block = &mut self.weights[at / PIXELS * self.pairs * WEIGHTS..];
            for (tap, &weight) in taps.weights.iter().enumerate() {
                let place = tap / 2 * WEIGHTS + at % PIXELS * 8 + tap % 2;
                for lane in 0..4 {
                    block[place + 2 * lane] = (weight * ONE) as i16;
                }
            }
        }
        let last = self.starts.iter().max().map_or(0, |&start| start as usize);
        self.row_len = last + self.pairs * 2 * CHANNELS + FLOATS;
        true
    }

    /// The factor to multiply the sums by.
    pub(super) const SCALE: f32 = 1.0 / ONE;

    /// Filters `row`, of which `samples` bytes are used; more may follow.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    pub(super) unsafe fn sum<L: Lanes>(&mut self, row: &[u8], samples: usize, into: &mut [f32]) {
        let row = if row.len() < self.row_len {
            self.row.clear();
            self.row.extend_from_slice(&row[..samples]);
            self.row.resize(self.row_len.max(samples), 0);
            &self.row
        } else {
            row
        };
        // SAFETY: the caller guarantees the instructions of `L`.
        unsafe {
            match self.pairs {
                1 => self.sum_pairs::<L, 1>(row, into),
                2 => self.sum_pairs::<L, 2>(row, into),
                _ => self.sum_pairs::<L, 4>(row, into),
            }
        }
    }

    /// `sum` for `PAIRS` pairs of taps.
    ///
    /// # Safety
    /// The processor has the instructions of `L`.
    #[inline(always)]
    unsafe fn sum_pairs<L: Lanes, const PAIRS: usize>(&self, row: &[u8], into: &mut [f32]) {
        assert!(into.len() == self.samples && self.pairs == PAIRS && row.len() >= self.row_len);
        let starts = self.starts.chunks_exact(PIXELS);
        let blocks = self.weights.chunks_exact(PAIRS * WEIGHTS);
        let mut at = 0;
        for (starts, weights) in starts.zip(blocks) {
            // SAFETY: the caller guarantees the instructions of `L`. The assertion above gives the row
            // `row_len` bytes: from every start on all pairs and a load, as `fill` computed. `chunks_exact`
            // gives a block's four starts and the weights of `PAIRS` pairs. Floats are stored where the
            // condition leaves 16, else in an array of 16.
            unsafe {
                let (row, starts) = (row.as_ptr(), starts.as_ptr());
                let sums = L::fixed_pixels::<PAIRS>(row, starts, weights.as_ptr());
                if at + FLOATS <= into.len() {
                    sums.store_pixels(into.as_mut_ptr().add(at));
                } else {
                    let mut last = [0.0; FLOATS];
                    sums.store_pixels(last.as_mut_ptr());
                    let count = (into.len() - at).min(PIXELS * CHANNELS);
                    into[at..at + count].copy_from_slice(&last[..count]);
                }
            }
            at += PIXELS * CHANNELS;
        }
    }
}

fn is_fixed(weight: &f32) -> bool {
    let whole = weight * ONE;
    whole.abs() < f32::from(i16::MAX) && whole == f32::from(whole as i16)
}
