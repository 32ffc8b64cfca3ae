//! Owns the AVX2 form of the two passes of `area`: 32 samples of a cell's rows at a time, then a
//! pixel (RGB) or eight pixels (grey) at a time along the line. Never differs from the scalar form
//! in a bit, which is why it multiplies and adds instead of fusing.

use std::arch::x86_64::*;

use super::area::{Cell, Columns, Taps, sum_columns_from, sum_rows_from};

/// Rows whose samples can be summed in 16 bits.
const ROWS_IN_16_BITS: usize = 256;
/// Samples of one step of `sum_rows`.
const BLOCK: usize = 32;

/// The weighted sum of a cell's rows, sample by sample.
#[target_feature(enable = "avx2")]
pub(super) fn sum_rows(columns: &Columns<'_>, cell: &Cell, line: &mut [f32]) {
    let samples = line.len();
    let blocks = samples / BLOCK * BLOCK;
    for at in (0..blocks).step_by(BLOCK) {
        let mut sums = whole_rows(columns, cell, samples, at);
        let weight = _mm256_set1_ps(cell.weight);
        for sum in &mut sums {
            *sum = _mm256_mul_ps(*sum, weight);
        }
        if cell.before > 0.0 {
            add_row(
                &mut sums,
                columns.row(cell.start - 1, samples),
                at,
                cell.before,
            );
        }
        if cell.behind > 0.0 {
            add_row(
                &mut sums,
                columns.row(cell.start + cell.count, samples),
                at,
                cell.behind,
            );
        }
        let into = &mut line[at..at + BLOCK];
        for (into, sum) in into.chunks_exact_mut(8).zip(sums) {
            // SAFETY: the chunk has eight floats.
            unsafe { _mm256_storeu_ps(into.as_mut_ptr(), sum) };
        }
    }
    sum_rows_from(columns, cell, blocks, line);
}

/// The integer sum of a cell's whole rows over one block, as floats.
#[target_feature(enable = "avx2")]
#[inline]
fn whole_rows(columns: &Columns<'_>, cell: &Cell, samples: usize, at: usize) -> [__m256; 4] {
    let mut wide = [_mm256_setzero_si256(); 4];
    let mut from = cell.start;
    let end = cell.start + cell.count;
    while from < end {
        let until = end.min(from + ROWS_IN_16_BITS);
        let mut narrow = [_mm256_setzero_si256(); 2];
        for y in from..until {
            let row = columns.row(y, samples);
            let [low, high] = halves(row, at);
            narrow[0] = _mm256_add_epi16(narrow[0], _mm256_cvtepu8_epi16(low));
            narrow[1] = _mm256_add_epi16(narrow[1], _mm256_cvtepu8_epi16(high));
        }
        for (index, narrow) in narrow.into_iter().enumerate() {
            let low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(narrow));
            let high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256::<1>(narrow));
            wide[index * 2] = _mm256_add_epi32(wide[index * 2], low);
            wide[index * 2 + 1] = _mm256_add_epi32(wide[index * 2 + 1], high);
        }
        from = until;
    }
    wide.map(|sum| _mm256_cvtepi32_ps(sum))
}

/// The block's 32 samples of `row`, in two halves.
#[target_feature(enable = "avx2")]
#[inline]
fn halves(row: &[u8], at: usize) -> [__m128i; 2] {
    let block = &row[at..at + BLOCK];
    // SAFETY: the block has 32 bytes.
    unsafe {
        [
            _mm_loadu_si128(block.as_ptr().cast()),
            _mm_loadu_si128(block.as_ptr().add(16).cast()),
        ]
    }
}

#[target_feature(enable = "avx2")]
#[inline]
fn add_row(sums: &mut [__m256; 4], row: &[u8], at: usize, weight: f32) {
    let weight = _mm256_set1_ps(weight);
    let [low, high] = halves(row, at);
    let parts = [
        low,
        _mm_srli_si128::<8>(low),
        high,
        _mm_srli_si128::<8>(high),
    ];
    for (sum, part) in sums.iter_mut().zip(parts) {
        let samples = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(part));
        *sum = _mm256_add_ps(*sum, _mm256_mul_ps(samples, weight));
    }
}

/// The weighted sums along the line, rounded to samples.
#[target_feature(enable = "avx2")]
pub(super) fn sum_columns(line: &[f32], taps: &Taps, channels: usize, bias: f32, into: &mut [u8]) {
    let done = match channels {
        1 => grey_columns(line, taps, bias, into),
        3 => rgb_columns(line, taps, bias, into),
        _ => 0,
    };
    sum_columns_from(line, taps, channels, bias, done, into);
}

/// One RGB pixel in four lanes, the fourth unused. Returns how many pixels are done.
#[target_feature(enable = "avx2")]
fn rgb_columns(line: &[f32], taps: &Taps, bias: f32, into: &mut [u8]) -> usize {
    let pixels = into.len() / 3;
    let weights = taps.weights.chunks_exact(taps.count);
    let starts = taps.starts.iter();
    for ((result, weights), &start) in into.chunks_exact_mut(3).zip(weights).zip(starts) {
        let start = start as usize * 3;
        // One lane more than the last tap has, which is the line's slack.
        let window = &line[start..start + taps.count * 3 + 1];
        let mut sum = _mm_set1_ps(bias);
        for (tap, &weight) in weights.iter().enumerate() {
            // SAFETY: tap < count, so the four floats from tap * 3 lie within the window, whose
            // length is count * 3 + 1.
            let pixel = unsafe { _mm_loadu_ps(window.as_ptr().add(tap * 3)) };
            sum = _mm_add_ps(sum, _mm_mul_ps(pixel, _mm_set1_ps(weight)));
        }
        let rounded = _mm_cvtps_epi32(sum);
        let words = _mm_packus_epi32(rounded, rounded);
        let bytes = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
        result.copy_from_slice(&bytes[..3]);
    }
    pixels
}

/// Eight grey pixels at a time. Returns how many pixels are done.
#[target_feature(enable = "avx2")]
fn grey_columns(line: &[f32], taps: &Taps, bias: f32, into: &mut [u8]) -> usize {
    let blocks = into.len() / 8;
    let count = taps.count as i32;
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let weight_steps = _mm256_mullo_epi32(lanes, _mm256_set1_epi32(count));
    for (block, result) in into.chunks_exact_mut(8).enumerate() {
        let starts = &taps.starts[block * 8..block * 8 + 8];
        let weights = &taps.weights[block * 8 * taps.count..][..8 * taps.count];
        // The starts rise, so the last lane reaches furthest.
        let line = &line[..starts[7] as usize + taps.count];
        // SAFETY: starts has eight elements.
        let starts = unsafe { _mm256_loadu_si256(starts.as_ptr().cast()) };
        let mut sum = _mm256_set1_ps(bias);
        for tap in 0..count {
            let step = _mm256_set1_epi32(tap);
            // SAFETY: every index is start + tap < the line's cut length, and lane * count + tap
            // < 8 * count, the length of weights; both are not negative.
            let (pixels, weights) = unsafe {
                (
                    _mm256_i32gather_ps::<4>(line.as_ptr(), _mm256_add_epi32(starts, step)),
                    _mm256_i32gather_ps::<4>(
                        weights.as_ptr(),
                        _mm256_add_epi32(weight_steps, step),
                    ),
                )
            };
            sum = _mm256_add_ps(sum, _mm256_mul_ps(pixels, weights));
        }
        let rounded = _mm256_cvtps_epi32(sum);
        let words = _mm_packus_epi32(
            _mm256_castsi256_si128(rounded),
            _mm256_extracti128_si256::<1>(rounded),
        );
        // SAFETY: the chunk has eight bytes.
        unsafe { _mm_storel_epi64(result.as_mut_ptr().cast(), _mm_packus_epi16(words, words)) };
    }
    blocks * 8
}
