//! Owns the reference form of the separable filters: each result sample on its own, in double precision.
//! The other forms are tested against it, and it resizes images too wide for a line of floats. Never uses
//! working memory.

use super::passes::Sample;
use super::raster::{Picture, Source};
use super::taps::{Axis, Taps};

/// Fills `target`.
pub(super) fn resize<S: Sample>(
    source: Source<'_>,
    columns: &Axis,
    rows: &Axis,
    target: Picture<'_, S>,
) {
    let channels = source.channels;
    let lines = target.samples.chunks_mut(target.stride);
    for (line, row) in lines.zip(rows.iter()) {
        for (pixel, column) in line.chunks_exact_mut(channels).zip(columns.iter()) {
            for (channel, sample) in pixel.iter_mut().enumerate() {
                *sample = S::of(value(&source, column, row, channel));
            }
        }
    }
}

/// One result sample before rounding.
pub(super) fn value(source: &Source<'_>, column: Taps<'_>, row: Taps<'_>, channel: usize) -> f64 {
    let sum: f64 = rows_of(column)
        .map(|(x, weight)| {
            let down = rows_of(row).map(|(y, weight)| {
                let sample = source.samples[y * source.stride + x * source.channels + channel];
                f64::from(sample) * weight
            });
            weight * (f64::from(row.rest) + down.sum::<f64>())
        })
        .sum();
    f64::from(column.rest) + sum
}

/// The source positions of `taps` and their weights.
fn rows_of(taps: Taps<'_>) -> impl Iterator<Item = (usize, f64)> {
    let weights = taps.weights.iter().map(|&weight| f64::from(weight));
    weights
        .enumerate()
        .map(move |(tap, weight)| (taps.start + tap, weight))
}
