//! Owns OpenCV's INTER_NEAREST: the source pixel at floor(position * scale), without centring. Never
//! mixes pixels.

use super::target::Target;
use crate::pixels::{Shape, Size};

pub(super) fn resize(source: &[u8], shape: Shape, scaled: Size, mut target: Target<'_>) {
    let columns = positions(shape.size.width, scaled.width, target.x, target.width);
    let rows = positions(shape.size.height, scaled.height, target.y, target.height);
    for (row, &y) in rows.iter().enumerate() {
        let line = &source[y * shape.stride()..][..shape.stride()];
        let into = target
            .row(row, shape.channels)
            .chunks_exact_mut(shape.channels);
        for (pixel, &x) in into.zip(&columns) {
            pixel.copy_from_slice(&line[x * shape.channels..][..shape.channels]);
        }
    }
}

fn positions(source: u32, scaled: u32, first: usize, count: usize) -> Vec<usize> {
    let scale = 1.0 / (f64::from(scaled) / f64::from(source));
    let last = source as usize - 1;
    (first..first + count)
        .map(|at| ((at as f64 * scale) as usize).min(last))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_floors_and_stay_inside() {
        assert_eq!(positions(5, 2, 0, 2), [0, 2]);
        assert_eq!(positions(2, 5, 0, 5), [0, 0, 0, 1, 1]);
        assert_eq!(positions(5, 2, 1, 1), [2]);
    }
}
