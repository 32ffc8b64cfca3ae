//! Owns choosing a filter for each row (RFC 2083, chapter 6) by libpng's heuristic: the one whose bytes, as
//! signed numbers, have the smallest sum of magnitudes, and the first in a tie. Never deflates.

/// Filters images; keeps working memory.
#[derive(Default)]
pub(super) struct Filter {
    /// The row under trial, and the best one so far.
    trial: Vec<u8>,
    best: Vec<u8>,
    zeros: Vec<u8>,
}

/// Writes a filtered row to its first argument, from the row, the row above and the bytes per pixel.
type Method = fn(&mut [u8], &[u8], &[u8], usize);

/// The filters in the order of the standard.
const METHODS: [Method; 5] = [none, sub, up, average, paeth];

impl Filter {
    /// Appends the filtered rows of `pixels`, each after its filter byte, to `out`.
    pub(super) fn rows(
        &mut self,
        pixels: &[u8],
        stride: usize,
        pixel_bytes: usize,
        out: &mut Vec<u8>,
    ) {
        for buffer in [&mut self.trial, &mut self.best, &mut self.zeros] {
            buffer.clear();
            buffer.resize(stride, 0);
        }
        let mut above = None;
        for row in pixels.chunks_exact(stride) {
            let filter = self.choose(row, above, pixel_bytes);
            out.push(filter);
            out.extend_from_slice(&self.best);
            above = Some(row);
        }
    }

    /// Stores the row of the best filter in `best` and returns the number of the filter.
    fn choose(&mut self, row: &[u8], above: Option<&[u8]>, pixel_bytes: usize) -> u8 {
        let above = above.unwrap_or(&self.zeros);
        let (mut least, mut chosen) = (u64::MAX, 0);
        for (number, method) in (0..).zip(METHODS) {
            method(&mut self.trial, row, above, pixel_bytes);
            let cost = cost(&self.trial);
            if cost < least {
                (least, chosen) = (cost, number);
                std::mem::swap(&mut self.trial, &mut self.best);
            }
        }
        chosen
    }
}

/// The sum of the magnitudes of bytes read as signed.
fn cost(row: &[u8]) -> u64 {
    let magnitude = |&byte: &u8| u16::from(byte.cast_signed().unsigned_abs());
    // Sums of 64 bytes fit 16 bits, of which a vector has twice as many as of 32 bits.
    row.chunks(64)
        .map(|bytes| u64::from(bytes.iter().map(magnitude).sum::<u16>()))
        .sum()
}

fn none(out: &mut [u8], row: &[u8], _: &[u8], _: usize) {
    out.copy_from_slice(row);
}

fn sub(out: &mut [u8], row: &[u8], _: &[u8], pixel_bytes: usize) {
    let (first, rest) = out.split_at_mut(pixel_bytes);
    first.copy_from_slice(&row[..pixel_bytes]);
    for ((out, &byte), &left) in rest.iter_mut().zip(&row[pixel_bytes..]).zip(row) {
        *out = byte.wrapping_sub(left);
    }
}

fn up(out: &mut [u8], row: &[u8], above: &[u8], _: usize) {
    for ((out, &byte), &up) in out.iter_mut().zip(row).zip(above) {
        *out = byte.wrapping_sub(up);
    }
}

fn average(out: &mut [u8], row: &[u8], above: &[u8], pixel_bytes: usize) {
    let (first, rest) = out.split_at_mut(pixel_bytes);
    for ((out, &byte), &up) in first.iter_mut().zip(row).zip(above) {
        *out = byte.wrapping_sub(up / 2);
    }
    let neighbours = row.iter().zip(&above[pixel_bytes..]);
    for ((out, &byte), (&left, &up)) in rest.iter_mut().zip(&row[pixel_bytes..]).zip(neighbours) {
        // The mean without a ninth bit: the common bits, and half of the differing ones.
        *out = byte.wrapping_sub((left & up) + ((left ^ up) >> 1));
    }
}

fn paeth(out: &mut [u8], row: &[u8], above: &[u8], pixel_bytes: usize) {
    let count = row.len() - pixel_bytes;
    let (first, rest) = out.split_at_mut(pixel_bytes);
    up(first, &row[..pixel_bytes], above, pixel_bytes);
    // Slices of equal length, so that the loop has no bounds checks and is vectorised.
    let (rest, row, lefts) = (&mut rest[..count], &row[pixel_bytes..], &row[..count]);
    let (row, ups, corners) = (&row[..count], &above[pixel_bytes..], &above[..count]);
    let ups = &ups[..count];
    for at in 0..count {
        let nearest = predict(lefts[at], ups[at], corners[at]);
        rest[at] = row[at].wrapping_sub(nearest);
    }
}

/// The one of left, up and corner that is nearest to `left + up - corner`; the first in a tie.
fn predict(left: u8, up: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, up, corner].map(i16::from);
    let threshold = 3 * c - a - b;
    let (least, most) = (a.min(b), a.max(b));
    let nearest = if threshold <= least {
        most
    } else if most <= threshold {
        least
    } else {
        c
    };
    nearest as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prediction_is_the_standards() {
        for left in 0..=255_u8 {
            for up in 0..=255_u8 {
                for corner in 0..=255_u8 {
                    let [a, b, c] = [left, up, corner].map(i32::from);
                    let (to_a, to_b) = ((b - c).abs(), (a - c).abs());
                    let to_c = (a + b - 2 * c).abs();
                    let nearest = if to_a <= to_b && to_a <= to_c {
                        left
                    } else if to_b <= to_c {
                        up
                    } else {
                        corner
                    };
                    assert_eq!(predict(left, up, corner), nearest);
                }
            }
        }
    }

    #[test]
    fn a_slope_to_the_right_takes_sub_and_one_downwards_takes_up() {
        let mut out = Vec::new();
        let slope: Vec<u8> = (0..40).map(|at| 60 + at * 3).collect();
        Filter::default().rows(&slope, 40, 1, &mut out);
        assert_eq!(out[0], 1);
        assert_eq!(out[2..], [3; 39]);
        let flat: Vec<u8> = (0..5_u8)
            .flat_map(|row| [row * 9 + 60, row * 5 + 9])
            .collect();
        out.clear();
        Filter::default().rows(&flat, 2, 1, &mut out);
        assert_eq!(out[3..6], [2, 9, 5]);
    }

    #[test]
    fn of_equal_filters_the_first_is_taken() {
        let mut out = Vec::new();
        Filter::default().rows(&[0; 12], 6, 3, &mut out);
        assert_eq!(out, [0; 14]);
    }

    #[test]
    fn the_cost_of_a_byte_is_its_distance_from_zero_both_ways() {
        assert_eq!(cost(&[1, 255, 128, 127]), 1 + 1 + 128 + 127);
        assert_eq!(cost(&[128; 1000]), 128_000);
    }
}
