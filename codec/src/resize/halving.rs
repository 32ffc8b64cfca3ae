//! Owns halving both sides: the mean of two by two pixels, rounded half up, in integers. OpenCV's area
//! and linear filters are equal to it there. Never resizes by another factor.

use super::lanes::{FLOATS, Lanes};
use super::raster::{Picture, Source};
use super::taps::{Axis, Taps};

/// Constant that turns the kernels' rounding, half to even, into half up: means of four are multiples of
/// a quarter.
pub(crate) const HALF_UP: f32 = 0.125;

/// Whether the tables are those of this mean.
pub(super) fn is_halving(columns: &Axis, rows: &Axis) -> bool {
    are_pairs(columns, HALF_UP) && are_pairs(rows, 0.0)
}

fn are_pairs(axis: &Axis, rest: f32) -> bool {
    let first = axis.reach().start;
    let pair = |start| Taps {
        start,
        weights: &[0.5, 0.5],
        rest,
    };
    axis.len() > 0
        && axis
            .iter()
            .enumerate()
            .all(|(at, taps)| taps == pair(first + 2 * at))
}

/// Fills `target`; [`is_halving`] is true for the tables.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn halve<L: Lanes, const CHANNELS: usize>(
    source: &Source<'_>,
    columns: &Axis,
    rows: &Axis,
    target: Picture<'_>,
) {
    let first = columns.reach().start * CHANNELS;
    let samples = columns.len() * CHANNELS;
    let lines = target.samples.chunks_mut(target.stride);
    for (line, row) in lines.zip(rows.iter()) {
        let from = |y: usize| &source.samples[y * source.stride + first..][..2 * samples];
        let (top, bottom) = (from(row.start), from(row.start + 1));
        // SAFETY: the caller guarantees the instructions of `L`.
        unsafe { halve_row::<L, CHANNELS>(top, bottom, &mut line[..samples]) };
    }
}

/// Halves a pair of rows.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
unsafe fn halve_row<L: Lanes, const CHANNELS: usize>(top: &[u8], bottom: &[u8], into: &mut [u8]) {
    assert!(top.len() == 2 * into.len() && bottom.len() == top.len());
    let step = if CHANNELS == 1 { FLOATS } else { 12 };
    let mut at = 0;
    while at + FLOATS <= into.len() {
        // SAFETY: the caller guarantees the instructions of `L`. The loop condition leaves 16 samples from
        // `at` on in `into`, and the assertion above twice as many in both source rows.
        unsafe {
            let (top, bottom) = (top.as_ptr().add(2 * at), bottom.as_ptr().add(2 * at));
            L::halve::<CHANNELS>(top, bottom, into.as_mut_ptr().add(at));
        }
        at += step;
    }
    for (at, mean) in into.iter_mut().enumerate().skip(at) {
        let left = at / CHANNELS * 2 * CHANNELS + at % CHANNELS;
        let right = left + CHANNELS;
        let sum: u16 = [top[left], top[right], bottom[left], bottom[right]]
            .map(u16::from)
            .iter()
            .sum();
        *mean = ((sum + 2) / 4) as u8;
    }
}
