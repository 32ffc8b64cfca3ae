//! Owns the four passes of the separable filters over whatever lanes there are: source rows to a
//! line, a line to bytes, a line to a line, lines to bytes. Never decides their order.

use super::lanes::{FLOATS, Lanes, SUMS};
use super::layout::{Columns, Run};

/// Samples of a line taken together; a line has room for whole ones.
pub(super) const STEP: usize = 4 * FLOATS;
/// Bytes that a sum of 16 bits holds.
const SUMMED_MAX: usize = 256;

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
        // Their slices are the proof that all rows of the run lie within the source.
        let _ = (rows.row(run.row), rows.row(run.row + run.count - 1));
    }
    if rows.samples < SUMS {
        return sum_narrow_rows(rows, runs, rest, line);
    }
    let last = rows.samples - SUMS;
    for at in (0..last).step_by(SUMS).chain([last]) {
        // SAFETY: the processor is the caller's word; rows of all runs have `samples` bytes, and
        // the line as many floats, of which `at` leaves thirty-two.
        unsafe {
            let mut sums = [L::splat(rest); 2];
            for run in runs {
                let start = rows
                    .source
                    .as_ptr()
                    .add(run.row * rows.stride + rows.first + at);
                let weight = L::splat(run.weight);
                let values = if run.count == 1 {
                    [L::from_bytes(start), L::from_bytes(start.add(FLOATS))]
                } else {
                    sum_run::<L>(start, rows.stride, run.count)
                };
                sums = [
                    values[0].mul_add(weight, sums[0]),
                    values[1].mul_add(weight, sums[1]),
                ];
            }
            sums[0].store(line.as_mut_ptr().add(at));
            sums[1].store(line.as_mut_ptr().add(at + FLOATS));
        }
    }
}

/// The sum of thirty-two samples over `count` rows.
///
/// # Safety
/// As for `sum_rows`; thirty-two bytes may be read at `start` and at as many strides behind it as
/// there are rows.
#[inline(always)]
unsafe fn sum_run<L: Lanes>(start: *const u8, stride: usize, count: usize) -> [L; 2] {
    // SAFETY: the caller's word.
    unsafe {
        let add = |from: usize, until: usize| {
            let mut sums = L::no_sums();
            for row in from..until {
                sums = L::add_bytes(sums, start.add(row * stride));
            }
            L::from_sums(sums)
        };
        let mut total = add(0, count.min(SUMMED_MAX));
        let one = L::splat(1.0);
        for from in (SUMMED_MAX..count).step_by(SUMMED_MAX) {
            let more = add(from, count.min(from + SUMMED_MAX));
            total = [
                more[0].mul_add(one, total[0]),
                more[1].mul_add(one, total[1]),
            ];
        }
        total
    }
}

/// As `sum_rows`, for rows narrower than a block.
fn sum_narrow_rows(rows: &Rows<'_>, runs: &[Run], rest: f32, line: &mut [f32]) {
    for (at, sum) in line[..rows.samples].iter_mut().enumerate() {
        *sum = rest;
        for run in runs {
            let samples = (run.row..run.row + run.count).map(|y| u32::from(rows.row(y)[at]));
            *sum += samples.sum::<u32>() as f32 * run.weight;
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
        // SAFETY: the processor is the caller's word; both blocks have sixteen elements.
        unsafe { L::from_bytes(block.as_ptr()).store(into.as_mut_ptr()) };
    }
    for (byte, into) in tail.iter().zip(behind) {
        *into = f32::from(*byte);
    }
}

/// The sums along a line, down to bytes.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn columns_to_bytes<L: Lanes, const CHANNELS: usize>(
    line: &[f32],
    columns: &Columns,
    into: &mut [u8],
) {
    assert!(into.len() == columns.samples && line.len() >= columns.room);
    let chunk = Columns::pixels(CHANNELS) * CHANNELS;
    for (block, at) in (0..into.len()).step_by(chunk).enumerate() {
        // SAFETY: the processor is the caller's word.
        let bytes = unsafe {
            let sums = column_sums::<L, CHANNELS>(line, columns, block);
            if CHANNELS == 1 {
                sums.to_bytes()
            } else {
                sums.to_pixel_bytes()
            }
        };
        put(bytes, chunk, &mut into[at..]);
    }
}

/// The sums along a line, as floats. `into` has room for a whole block behind the last sample.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn columns_to_floats<L: Lanes, const CHANNELS: usize>(
    line: &[f32],
    columns: &Columns,
    into: &mut [f32],
) {
    assert!(into.len() >= columns.samples + FLOATS && line.len() >= columns.room);
    let chunk = Columns::pixels(CHANNELS) * CHANNELS;
    for (block, at) in (0..columns.samples).step_by(chunk).enumerate() {
        // SAFETY: the processor is the caller's word; sixteen floats follow `at`, which is below
        // `samples`.
        unsafe {
            let sums = column_sums::<L, CHANNELS>(line, columns, block);
            let into = into.as_mut_ptr().add(at);
            if CHANNELS == 1 {
                sums.store(into);
            } else {
                sums.store_pixels(into);
            }
        }
    }
}

/// One block of sums along a line.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
unsafe fn column_sums<L: Lanes, const CHANNELS: usize>(
    line: &[f32],
    columns: &Columns,
    block: usize,
) -> L {
    let size = columns.block();
    let weights = &columns.weights[block * size..][..size];
    let pixels = Columns::pixels(CHANNELS);
    let starts = &columns.starts[block * pixels..][..pixels];
    // SAFETY: the processor is the caller's word. A block has sixteen constants and sixteen
    // weights for each tap. The line has the room that the columns ask for (asserted where the
    // row begins): no start, tap or unused lane reads past it.
    unsafe {
        let mut sums = L::load(weights.as_ptr());
        let mut weights = weights.as_ptr().add(FLOATS);
        if CHANNELS == 1 {
            let starts = starts
                .first_chunk()
                .expect("a block of grey has sixteen pixels");
            let dots = L::dots(line.as_ptr(), starts, weights, columns.taps);
            return dots.mul_add(L::splat(1.0), sums);
        }
        let starts = starts
            .first_chunk()
            .expect("a block of RGB has four pixels");
        let mut from = line.as_ptr();
        for _ in 0..columns.taps {
            sums = L::pixels(from, starts).mul_add(L::load(weights), sums);
            weights = weights.add(FLOATS);
            from = from.add(CHANNELS);
        }
        sums
    }
}

/// What becomes one result row: a line to start from, and weighted lines to add.
pub(super) struct Mix<'a> {
    pub(super) start: &'a [f32],
    pub(super) lines: &'a [f32],
    /// Where each line begins in `lines`, and its weight.
    pub(super) weights: &'a [(usize, f32)],
}

/// `into = start + sum(weight * line)`, rounded. All lines have whole steps.
///
/// # Safety
/// The processor has the instructions of `L`.
#[inline(always)]
pub(super) unsafe fn lines_to_bytes<L: Lanes>(mix: &Mix<'_>, into: &mut [u8]) {
    let room = into.len().next_multiple_of(STEP);
    assert!(mix.start.len() >= room);
    for (begin, _) in mix.weights {
        assert!(mix.lines.len() >= begin + room);
    }
    for (step, into) in into.chunks_mut(STEP).enumerate() {
        let at = step * STEP;
        // SAFETY: the processor is the caller's word; all lines have a whole step from `at` on, as
        // asserted.
        unsafe {
            let from = mix.start.as_ptr().add(at);
            let mut sums = [0, 1, 2, 3].map(|part| L::load(from.add(part * FLOATS)));
            for &(begin, weight) in mix.weights {
                let from = mix.lines.as_ptr().add(begin + at);
                let weight = L::splat(weight);
                for (part, sum) in sums.iter_mut().enumerate() {
                    *sum = L::load(from.add(part * FLOATS)).mul_add(weight, *sum);
                }
            }
            for (sum, into) in sums.into_iter().zip(into.chunks_mut(FLOATS)) {
                put(sum.to_bytes(), FLOATS, into);
            }
        }
    }
}

/// Stores the first `count` bytes, or all where there is room, or as many as there is room for.
#[inline(always)]
fn put(bytes: [u8; FLOATS], count: usize, into: &mut [u8]) {
    if let Some(whole) = into.first_chunk_mut() {
        *whole = bytes;
    } else {
        let count = count.min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
    }
}
