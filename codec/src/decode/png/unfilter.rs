//! Owns reversing the five row filters of PNG (RFC 2083, chapter 6) in place. Never interprets a sample.

use crate::error::CodecError;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod lanes;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vector;

/// The filter that predicts from three neighbours; most rows of photographs use it.
const PAETH: u8 = 4;

/// Reverses the filters of a pass, whose rows are a filter byte and `row_bytes` each. The rows are moved to
/// the start of `pass` without filter bytes and gaps. `pixel_bytes` is the distance to the left neighbour.
pub(super) fn rows(
    pass: &mut [u8],
    row_bytes: usize,
    pixel_bytes: usize,
) -> Result<(), CodecError> {
    let zeros = vec![0; row_bytes];
    let stored_bytes = row_bytes + 1;
    let count = pass.len() / stored_bytes;
    let mut at = 0;
    while at < count {
        let (done, rest) = pass.split_at_mut(at * stored_bytes);
        let above = match at {
            0 => &zeros[..],
            _ => &done[(at - 1) * row_bytes..][..row_bytes],
        };
        let (upper, rest) = rest.split_at_mut(stored_bytes);
        let lower = rest.get_mut(..stored_bytes).unwrap_or_default();
        let reversed = reverse(upper, lower, above, pixel_bytes)?;
        for at in at..at + reversed {
            let start = at * stored_bytes + 1;
            pass.copy_within(start..start + row_bytes, at * row_bytes);
        }
        at += reversed;
    }
    Ok(())
}

/// Reverses the filter of one row, which keeps its filter byte.
pub(super) fn row(stored: &mut [u8], above: &[u8], pixel_bytes: usize) -> Result<(), CodecError> {
    reverse(stored, &mut [], above, pixel_bytes).map(drop)
}

/// Reverses the filter of row `upper` and, if both together are cheaper, of `lower` below it. Returns the
/// number of rows done.
fn reverse(
    upper: &mut [u8],
    lower: &mut [u8],
    above: &[u8],
    pixel_bytes: usize,
) -> Result<usize, CodecError> {
    let Some((&mut filter, row)) = upper.split_first_mut() else {
        return Err(CodecError::Decode);
    };
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    match (filter, pixel_bytes, lower.split_first_mut()) {
        (PAETH, 3, Some((&mut PAETH, below))) => {
            vector::paeth_pair::<3>(row, below, above);
            return Ok(2);
        }
        (PAETH, 4, Some((&mut PAETH, below))) => {
            vector::paeth_pair::<4>(row, below, above);
            return Ok(2);
        }
        _ => {}
    }
    match (filter, pixel_bytes) {
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        (1 | 3 | PAETH, 3) => look_left::<3>(filter, row, above),
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        (1 | 3 | PAETH, 4) => look_left::<4>(filter, row, above),
        _ => scalar(filter, row, above, pixel_bytes)?,
    }
    Ok(1)
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn look_left<const B: usize>(filter: u8, row: &mut [u8], above: &[u8]) {
    match filter {
        1 => vector::sub::<B>(row),
        3 => vector::average::<B>(row, above),
        _ => vector::paeth::<B>(row, above),
    }
}

/// Reverses any filter at any distance.
fn scalar(filter: u8, row: &mut [u8], above: &[u8], bpp: usize) -> Result<(), CodecError> {
    match filter {
        0 => {}
        1 => {
            for at in bpp..row.len() {
                row[at] = row[at].wrapping_add(row[at - bpp]);
            }
        }
        2 => {
            for (byte, &up) in row.iter_mut().zip(above) {
                *byte = byte.wrapping_add(up);
            }
        }
        3 => {
            for (at, &up) in above.iter().enumerate().take(row.len()) {
                let left = if at < bpp { 0 } else { row[at - bpp] };
                let mean = (u16::from(left) + u16::from(up)) / 2;
                row[at] = row[at].wrapping_add(mean as u8);
            }
        }
        PAETH => {
            for (at, &up) in above.iter().enumerate().take(row.len()) {
                let (left, corner) = match at < bpp {
                    true => (0, 0),
                    false => (row[at - bpp], above[at - bpp]),
                };
                row[at] = row[at].wrapping_add(paeth(left, up, corner));
            }
        }
        _ => return Err(CodecError::Decode),
    }
    Ok(())
}

/// The one of left, up and corner that is nearest to `left + up - corner`; the first in a tie.
fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, up, corner].map(i16::from);
    let (to_left, to_up, to_corner) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_left <= to_up && to_left <= to_corner {
        left
    } else if to_up <= to_corner {
        up
    } else {
        corner
    }
}

#[cfg(all(test, any(target_arch = "x86_64", target_arch = "aarch64")))]
mod tests {
    use super::*;

    /// Bytes of a linear congruential generator.
    fn noise(len: usize, mut seed: u32) -> Vec<u8> {
        let mut next = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    /// What `rows` should make of stored rows.
    fn slowly(stored: &[u8], row_bytes: usize, pixel_bytes: usize) -> Vec<u8> {
        let mut above = vec![0; row_bytes];
        let mut pixels = Vec::new();
        for stored in stored.chunks_exact(row_bytes + 1) {
            let mut row = stored[1..].to_vec();
            scalar(stored[0], &mut row, &above, pixel_bytes).unwrap();
            pixels.extend_from_slice(&row);
            above = row;
        }
        pixels
    }

    fn check(stored: &[u8], row_bytes: usize, pixel_bytes: usize) {
        let mut pass = stored.to_vec();
        rows(&mut pass, row_bytes, pixel_bytes).unwrap();
        let slow = slowly(stored, row_bytes, pixel_bytes);
        assert_eq!(
            pass[..slow.len()],
            slow,
            "{row_bytes} bytes of {pixel_bytes}"
        );
    }

    #[test]
    fn rows_agree_with_the_scalar_filters_at_every_width_and_order_of_filters() {
        for pixel_bytes in 1..=8 {
            for pixels in 1..40 {
                let row_bytes = pixels * pixel_bytes;
                let mut stored = noise(30 * (row_bytes + 1), row_bytes as u32);
                for row in stored.chunks_exact_mut(row_bytes + 1) {
                    // Paeth twice as often as the others, so that pairs and single rows occur.
                    row[0] = [0, 1, 2, 3, 4, 4][usize::from(row[0]) % 6];
                }
                check(&stored, row_bytes, pixel_bytes);
            }
        }
    }

    /// Every up and corner beside every fifth left.
    #[test]
    fn paeth_agrees_with_the_scalar_one_whatever_the_neighbours() {
        for left in (0..=255_u8).step_by(5) {
            // Groups of two pixels: the first becomes `left` below `corner`, the second is
            // stored as zero, below `up`, so that it becomes the prediction.
            let mut above = Vec::new();
            for (corner, up) in
                (0..=255_u8).flat_map(|corner| (0..=255_u8).map(move |up| (corner, up)))
            {
                above.extend_from_slice(&[corner, corner, corner, up, up, up]);
            }
            let mut slow = vec![0; above.len()];
            for at in 0..above.len() {
                slow[at] = match at / 3 % 2 {
                    0 => left,
                    _ => paeth(left, above[at], above[at - 3]),
                };
            }
            let mut row = vec![0; above.len()];
            for at in (0..row.len()).filter(|at| at / 3 % 2 == 0) {
                let (before, corner) = match at {
                    0..3 => (0, 0),
                    _ => (slow[at - 3], above[at - 3]),
                };
                row[at] = left.wrapping_sub(paeth(before, above[at], corner));
            }
            vector::paeth::<3>(&mut row, &above);
            assert!(row == slow, "left {left}");
        }
    }

    #[test]
    fn an_unknown_filter_is_an_error() {
        assert_eq!(rows(&mut [5, 1, 2, 3], 3, 3), Err(CodecError::Decode));
    }

    #[test]
    fn rows_close_up_over_their_filter_bytes() {
        let mut pass = [1, 1, 1, 2, 1, 1];
        rows(&mut pass, 2, 1).unwrap();
        assert_eq!(pass[..4], [1, 2, 2, 3]);
    }
}
