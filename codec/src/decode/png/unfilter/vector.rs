//! Owns reversing the filters that use the left neighbour, in vectors, for pixels of 3 and 4 bytes. Never
//! reads or writes outside a row.
//!
//! Each pixel depends on the one before it, so two Paeth rows are done together: the lower half of the lanes
//! has a pixel of the upper row, the upper half the pixel of the lower row one step to the left, whose upper
//! neighbour is known by then.

use super::lanes::Lanes;

/// The mask that reduces sums to bytes.
#[inline(always)]
fn byte_mask() -> Lanes {
    Lanes::from_bytes(u64::MAX)
}

#[inline(always)]
fn word<const B: usize>(pixel: &[u8; B]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..B].copy_from_slice(pixel);
    u64::from_le_bytes(bytes)
}

#[inline(always)]
fn store<const B: usize>(pixel: &mut [u8; B], word: u64) {
    pixel.copy_from_slice(&word.to_le_bytes()[..B]);
}

/// Adds the left neighbour.
pub(super) fn sub<const B: usize>(row: &mut [u8]) {
    let mut left = Lanes::from_bytes(0);
    for pixel in row.as_chunks_mut::<B>().0 {
        left = left.plus(Lanes::from_bytes(word(pixel))).and(byte_mask());
        store(pixel, left.to_bytes());
    }
}

/// Adds the mean of the left and the upper neighbour, rounded down.
pub(super) fn average<const B: usize>(row: &mut [u8], above: &[u8]) {
    let mut left = Lanes::from_bytes(0);
    let above = above.as_chunks::<B>().0;
    for (pixel, up) in row.as_chunks_mut::<B>().0.iter_mut().zip(above) {
        let mean = left.plus(Lanes::from_bytes(word(up))).halved();
        left = mean.plus(Lanes::from_bytes(word(pixel))).and(byte_mask());
        store(pixel, left.to_bytes());
    }
}

/// The neighbours of the next pixel.
struct Paeth {
    left: Lanes,
    corner: Lanes,
}

impl Paeth {
    fn new() -> Self {
        Self {
            left: Lanes::from_bytes(0),
            corner: Lanes::from_bytes(0),
        }
    }

    /// Decodes one pixel and returns it.
    ///
    /// `3 * corner - left - up` is compared instead of the three distances: at or below the smaller of left
    /// and up the larger is nearest, at or above the larger the smaller, between them the corner. Ties are
    /// resolved as in the standard.
    #[inline(always)]
    fn step(&mut self, filtered: Lanes, up: Lanes) -> u64 {
        let (left, corner) = (self.left, self.corner);
        // The left neighbour is used last everywhere, since it is known last.
        let threefold = corner.plus(corner).plus(corner).minus(up);
        let threshold = threefold.minus(left);
        let (least, most) = (left.min(up), left.max(up));
        let not_least = most.above(threshold);
        let not_most = threshold.above(least);
        let side = not_least.excludes(least).or(not_most.excludes(most));
        let nearest = side.or(not_least.and(not_most).and(corner));
        self.left = filtered.plus(nearest).and(byte_mask());
        self.corner = up;
        self.left.to_bytes()
    }
}

/// Adds the Paeth predictor.
pub(super) fn paeth<const B: usize>(row: &mut [u8], above: &[u8]) {
    let mut state = Paeth::new();
    let above = above.as_chunks::<B>().0;
    for (pixel, up) in row.as_chunks_mut::<B>().0.iter_mut().zip(above) {
        let filtered = Lanes::from_bytes(word(pixel));
        store(pixel, state.step(filtered, Lanes::from_bytes(word(up))));
    }
}

/// `paeth` on `upper`, then on `lower` below it.
pub(super) fn paeth_pair<const B: usize>(upper: &mut [u8], lower: &mut [u8], above: &[u8]) {
    let mut state = Paeth::new();
    let (upper, lower) = (upper.as_chunks_mut::<B>().0, lower.as_chunks_mut::<B>().0);
    let above = above.as_chunks::<B>().0;
    let Some((last, delayed)) = lower.split_last_mut() else {
        return;
    };
    let Some((first, following)) = upper.split_first_mut() else {
        return;
    };
    let Some((first_above, above)) = above.split_first() else {
        return;
    };
    // The lanes of the lower row are zero in the first step, since it begins one step later.
    let up = Lanes::from_bytes(word(first_above));
    store(first, state.step(Lanes::from_bytes(word(first)), up));
    for ((pixel, up), late) in following.iter_mut().zip(above).zip(delayed) {
        let filtered = Lanes::from_bytes(word(pixel) | word(late) << 32);
        let up = Lanes::from_bytes(word(up)).low_halves(state.left);
        let done = state.step(filtered, up);
        store(pixel, done);
        store(late, done >> 32);
    }
    let up = Lanes::from_bytes(0).low_halves(state.left);
    let done = state.step(Lanes::from_bytes(word(last) << 32), up);
    store(last, done >> 32);
}
