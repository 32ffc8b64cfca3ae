//! Owns the passes of the separable filters, generic over the lanes: source rows to a line, a line to bytes
//! or to another line, lines to bytes. Never decides their order.

use super::lanes::{FLOATS, Lanes, SUMS};
use super::layout::{Columns, Run};

/// Samples processed per step where rows or lines are summed: enough to amortise loop control, few enough
/// for the registers.
pub(super) const STEP: usize = 4 * FLOATS;

/// The part of the source rows that the result needs.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) source: &'a [u8],
    pub(super) stride: usize,
    /// First sample of a row, and how many.
    pub(super) first: usize,
    pub(super) samples: usize,
}

impl<'a> Rows<'a> {
    /// The samples of row `y` and everything after them.
    pub(super) fn from(&self, y: usize) -> &'a [u8] {
        &self.source[y * self.stride + self.first..]
    }

    /// The samples of row `y`.
    pub(super) fn row(&self, y: usize) -> &'a [u8] {
        &self.source[y * self.stride + self.first..][..self.samples]
    }
}

/// `line = rest + sum(weight * row)`, sample by sample.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn sum_rows<L: Lanes>(
    rows: &Rows<'_>,
    runs: &[Run],
    rest: f32,
    line: &mut [f32],
) {
    assert!(line.len() >= rows.samples);
    for run in runs {
        // Slicing checks that all rows of the run are within the source.
        let _ = (rows.row(run.row), rows.row(run.row + run.count - 1));
    }
    if rows.samples < STEP {
        return sum_narrow_rows(rows, runs, rest, line);
    }
    let last = rows.samples - STEP;
    let mut at = 0;
    loop {
        // SAFETY: the caller guarantees the instructions of `L`. The slices above show that the rows of all
        // runs have `samples` bytes, and the assertion that the line has as many floats; `at` is at most
        // `last`, which leaves a step.
        unsafe {
            let mut sums = [L::splat(rest); 4];
            for run in runs {
                let start = run.row * rows.stride + rows.first + at;
                sum_run(rows.source.as_ptr().add(start), rows.stride, run, &mut sums);
            }
            for (part, sum) in sums.into_iter().enumerate() {
                sum.store(line.as_mut_ptr().add(at + part * FLOATS));
            }
        }
        if at == last {
            return;
        }
        // The last step overlaps samples that are done.
        at = (at + STEP).min(last);
    }
}

/// Adds a step of the samples of a run that begins at `start`.
///
/// # Safety
/// As for `sum_rows`; a step of bytes is readable at `start` and in each further row of the run, `stride`
/// bytes apart.
#[inline(always)]
unsafe fn sum_run<L: Lanes>(start: *const u8, stride: usize, run: &Run, sums: &mut [L; 4]) {
    // SAFETY: the caller guarantees the instructions of `L`, and a step of bytes in each of the `run.count`
    // rows. `fill_runs` limits a run to `RUN_ROWS_MAX` rows, the most that `Lanes::add_bytes` may add.
    unsafe {
        let weight = L::splat(run.weight);
        if run.count == 1 {
            for (part, sum) in sums.iter_mut().enumerate() {
                *sum = L::from_bytes(start.add(part * FLOATS)).mul_add(weight, *sum);
            }
            return;
        }
        let mut whole = [L::no_sums(); 2];
        let mut from = start;
        for _ in 0..run.count {
            whole[0] = L::add_bytes(whole[0], from);
            whole[1] = L::add_bytes(whole[1], from.add(SUMS));
            from = from.wrapping_add(stride);
        }
        let [first, second] = L::from_sums(whole[0]);
        let [third, fourth] = L::from_sums(whole[1]);
        sums[0] = first.mul_add(weight, sums[0]);
        sums[1] = second.mul_add(weight, sums[1]);
        sums[2] = third.mul_add(weight, sums[2]);
        sums[3] = fourth.mul_add(weight, sums[3]);
    }
}

/// Like `sum_rows`, for rows narrower than a step.
fn sum_narrow_rows(rows: &Rows<'_>, runs: &[Run], rest: f32, line: &mut [f32]) {
    for (at, sum) in line[..rows.samples].iter_mut().enumerate() {
        *sum = rest;
        for run in runs {
            let samples = (run.row..run.row + run.count).map(|y| u16::from(rows.row(y)[at]));
            *sum += f32::from(samples.sum::<u16>()) * run.weight;
        }
    }
}

/// Bytes to floats.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn widen<L: Lanes>(bytes: &[u8], line: &mut [f32]) {
    let (blocks, tail) = bytes.as_chunks::<FLOATS>();
    let (into, behind) = line.split_at_mut(blocks.len() * FLOATS);
    for (block, into) in blocks.iter().zip(into.as_chunks_mut::<FLOATS>().0) {
        // SAFETY: the caller guarantees the instructions of `L`; both chunks have 16 elements.
        unsafe { L::from_bytes(block.as_ptr()).store(into.as_mut_ptr()) };
    }
    for (byte, into) in tail.iter().zip(behind) {
        *into = f32::from(*byte);
    }
}

/// The samples that a line is filtered to: bytes of a result, or floats for another pass.
pub(super) trait Sample: Copy + Default {
    /// The sample nearest to `value`.
    fn of(value: f64) -> Self;

    /// Stores one block of sums: 16 of grey, or 12 of RGB and 4 unspecified ones.
    ///
    /// # Safety
    /// The processor has the instructions of `L`; `into` is writable for 16 samples.
    unsafe fn store<L: Lanes, const CHANNELS: usize>(sums: L, into: *mut Self);
}

impl Sample for u8 {
    fn of(value: f64) -> Self {
        value.round_ties_even() as Self
    }

    #[inline(always)]
    unsafe fn store<L: Lanes, const CHANNELS: usize>(sums: L, into: *mut Self) {
        // SAFETY: the caller guarantees the instructions of `L` and 16 writable samples.
        unsafe {
            if CHANNELS == 1 {
                sums.store_bytes(into);
            } else {
                sums.store_pixel_bytes(into);
            }
        }
    }
}

impl Sample for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }

    #[inline(always)]
    unsafe fn store<L: Lanes, const CHANNELS: usize>(sums: L, into: *mut Self) {
        // SAFETY: the caller guarantees the instructions of `L` and 16 writable samples.
        unsafe {
            if CHANNELS == 1 {
                sums.store(into);
            } else {
                sums.store_pixels(into);
            }
        }
    }
}

/// Filters a line along the columns.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn sum_columns<L: Lanes, S: Sample, const CHANNELS: usize>(
    line: &[f32],
    columns: &Columns,
    into: &mut [S],
) {
    // The loops over the taps are unrolled for the usual numbers.
    // SAFETY: the caller guarantees the instructions of `L`; each arm passes `columns.taps` or 0.
    unsafe {
        match (CHANNELS, columns.taps) {
            (1, 4) => sum_some::<L, S, CHANNELS, 4>(line, columns, into),
            (1, 8) => sum_some::<L, S, CHANNELS, 8>(line, columns, into),
            (3, 2) => sum_some::<L, S, CHANNELS, 2>(line, columns, into),
            (3, 3) => sum_some::<L, S, CHANNELS, 3>(line, columns, into),
            (3, 4) => sum_some::<L, S, CHANNELS, 4>(line, columns, into),
            (3, 5) => sum_some::<L, S, CHANNELS, 5>(line, columns, into),
            (3, 6) => sum_some::<L, S, CHANNELS, 6>(line, columns, into),
            (3, 7) => sum_some::<L, S, CHANNELS, 7>(line, columns, into),
            (3, 8) => sum_some::<L, S, CHANNELS, 8>(line, columns, into),
            _ => sum_some::<L, S, CHANNELS, 0>(line, columns, into),
        }
    }
}

/// Like `sum_columns`, for `TAPS` taps, or any number if that is 0.
///
/// # Safety
/// The processor has the instructions of `L`; `TAPS` is 0 or `columns.taps`.
#[inline(always)]
unsafe fn sum_some<L: Lanes, S: Sample, const CHANNELS: usize, const TAPS: usize>(
    line: &[f32],
    columns: &Columns,
    into: &mut [S],
) {
    assert!(into.len() == columns.samples && line.len() >= columns.line_len);
    let pixels = Columns::pixels(CHANNELS);
    let starts = columns.starts.chunks_exact(pixels);
    let blocks = columns.weights.get().chunks_exact(columns.block());
    let mut at = 0;
    for (starts, weights) in starts.zip(blocks) {
        // SAFETY: the caller guarantees the instructions of `L`, and that `TAPS` fits. `chunks_exact` gives
        // a block's starts, and its 16 constants and 16 weights per tap (`Columns::block`). The assertion
        // above gives the line `Columns::line_len` floats, which every start, tap and unused lane stays within.
        // Samples are stored where the condition leaves 16, else in an array of 16.
        unsafe {
            let sums = sum_block::<L, CHANNELS, TAPS>(line, starts, weights, columns.taps);
            if at + FLOATS <= into.len() {
                S::store::<L, CHANNELS>(sums, into.as_mut_ptr().add(at));
            } else {
                let mut last = [S::default(); FLOATS];
                S::store::<L, CHANNELS>(sums, last.as_mut_ptr());
                let count = (into.len() - at).min(pixels * CHANNELS);
                into[at..at + count].copy_from_slice(&last[..count]);
            }
        }
        at += pixels * CHANNELS;
    }
}

/// Sums one block of columns.
///
/// # Safety
/// As for `sum_some`; `starts` and `weights` are a block of `Columns`, and `line` has `Columns::line_len` floats.
#[inline(always)]
unsafe fn sum_block<L: Lanes, const CHANNELS: usize, const TAPS: usize>(
    line: &[f32],
    starts: &[u32],
    weights: &[f32],
    taps: usize,
) -> L {
    let line = line.as_ptr();
    let taps = if TAPS == 0 { taps } else { TAPS };
    // SAFETY: the caller guarantees the instructions of `L` and a block of columns laid out for `line`:
    // its starts, and one group of constants and `taps` groups of weights, 16 floats each. For every
    // start, `Columns::line_len` includes all taps and a load, and the line has that many floats.
    unsafe {
        let mut sums = L::load(weights.as_ptr());
        let weights = weights.as_ptr().add(FLOATS);
        if CHANNELS == 1 {
            return sums.add(L::dots(line, starts.as_ptr(), weights, taps));
        }
        for tap in 0..taps {
            let values = L::pixels(line.add(tap * CHANNELS), starts.as_ptr());
            sums = values.mul_add(L::load(weights.add(tap * FLOATS)), sums);
        }
        sums
    }
}

/// The input of one result row: a line to start from, and weighted lines to add.
pub(super) struct Mix<'a> {
    pub(super) start: &'a [f32],
    pub(super) lines: &'a [f32],
    /// Start of each line in `lines`, and its weight.
    pub(super) weights: &'a [(usize, f32)],
}

/// `into = start + sum(weight * line)`, rounded. All lines are whole steps long.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn lines_to_bytes<L: Lanes>(mix: &Mix<'_>, into: &mut [u8]) {
    let len = into.len().next_multiple_of(STEP);
    assert!(mix.start.len() >= len);
    for (begin, _) in mix.weights {
        assert!(mix.lines.len() >= begin + len);
    }
    for (step, into) in into.chunks_mut(STEP).enumerate() {
        let at = step * STEP;
        // SAFETY: the caller guarantees the instructions of `L`. The assertions above give the start and
        // every line `len` floats, so a whole step from `at` on. Bytes are stored in `into` if it has a
        // whole step left, else in an array of that size.
        unsafe {
            let from = mix.start.as_ptr().add(at);
            let mut sums = [L::splat(0.0); 4];
            for (part, sum) in sums.iter_mut().enumerate() {
                *sum = L::load(from.add(part * FLOATS));
            }
            for &(begin, weight) in mix.weights {
                let from = mix.lines.as_ptr().add(begin + at);
                let weight = L::splat(weight);
                for (part, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(from.add(part * FLOATS)).mul_add(weight, *sum);
                }
            }
            let mut bytes = [0; STEP];
            let whole = into.len() == STEP;
            let target = if whole {
                into.as_mut_ptr()
            } else {
                bytes.as_mut_ptr()
            };
            for (part, sum) in sums.into_iter().enumerate() {
                sum.store_bytes(target.add(part * FLOATS));
            }
            if !whole {
                into.copy_from_slice(&bytes[..into.len()]);
            }
        }
    }
}
