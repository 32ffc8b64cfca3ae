//! Owns reading bits, most significant first, from entropy-coded data without byte stuffing. Never
//! fails: past the end it reads zeros, and the caller checks at the end how far it read.

/// Least number of bits available after a refill.
pub(super) const REFILLED: u32 = 56;

/// Bytes read at a time.
const WORD: usize = 8;
/// Zero bytes required after the data: so many that a reader at the last word has read past the end of
/// the data.
pub(super) const PADDING: usize = 2 * WORD;

/// A position in the data and the bits from there.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// First byte that is not wholly within the `held` bits of the window; at most `last`.
    next: usize,
    /// First byte of the last full word.
    last: usize,
    /// The next bits, from the top. Below the `held` bits it has what the next refill puts there.
    window: u64,
    held: u32,
}

impl<'a> Bits<'a> {
    /// Reads `padded` from byte `start`; `None` if less than a word follows.
    pub(super) fn new(padded: &'a [u8], start: usize) -> Option<Self> {
        let last = padded.len().checked_sub(WORD)?;
        (start <= last).then_some(Self {
            data: padded,
            next: start,
            last,
            window: 0,
            held: 0,
        })
    }

    /// Makes at least [`REFILLED`] bits available, without a branch on how many there are.
    #[inline(always)]
    pub(super) fn refill(&mut self) {
        // SAFETY: `next` is at most `last`: `new` checks this for `start`, and the `min` below keeps it.
        // `last` is the length minus a word, so a word is readable there.
        let word = unsafe {
            self.data
                .as_ptr()
                .add(self.next)
                .cast::<[u8; WORD]>()
                .read()
        };
        self.window |= u64::from_be_bytes(word) >> self.held;
        self.next = (self.next + ((63 - self.held) >> 3) as usize).min(self.last);
        self.held |= REFILLED;
    }

    /// The next bits, from the top.
    #[inline(always)]
    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// Skips `count` bits, at most as many as are available.
    #[inline(always)]
    pub(super) fn skip(&mut self, count: u32) {
        self.window <<= count;
        self.held -= count;
    }

    /// Reads `count` bits, 0 to 32, as a number.
    #[inline(always)]
    pub(super) fn take(&mut self, count: u32) -> u64 {
        let value = (self.window >> 1) >> (63 - count);
        self.skip(count);
        value
    }

    /// Whether no bit was taken at or after byte `end`, where the padding begins.
    pub(super) fn is_within(&self, end: usize) -> bool {
        self.next as u64 * 8 - u64::from(self.held) <= end as u64 * 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_in_order_whatever_their_counts() {
        let data: Vec<u8> = (0..64u32).map(|i| (i * 37 + 11) as u8).collect();
        let mut bits = Bits::new(&data, 3).unwrap();
        let mut place = 24;
        for count in [1, 7, 3, 26, 13, 32, 0, 5, 30, 17, 2, 31, 8, 9] {
            bits.refill();
            let mut expected = 0;
            for bit in place..place + count as usize {
                expected = expected << 1 | u64::from(data[bit / 8] >> (7 - bit % 8) & 1);
            }
            assert_eq!(bits.take(count), expected, "{count} bits at {place}");
            place += count as usize;
        }
        assert!(bits.is_within(place.div_ceil(8)));
        assert!(!bits.is_within(place / 8 - 1));
    }

    #[test]
    fn behind_the_end_there_are_zeros_and_it_is_told() {
        let mut data = vec![0xFF; 2];
        data.resize(2 + PADDING, 0);
        let mut bits = Bits::new(&data, 0).unwrap();
        for _ in 0..20 {
            bits.refill();
            bits.skip(40);
        }
        assert_eq!(bits.window(), 0);
        assert!(!bits.is_within(2));
    }

    #[test]
    fn the_last_bit_is_within_and_the_one_behind_it_is_not() {
        for length in 0..40 {
            let mut data = vec![0xA5; length];
            data.resize(length + PADDING, 0);
            let mut bits = Bits::new(&data, 0).unwrap();
            for _ in 0..length {
                bits.refill();
                assert_eq!(bits.take(8), 0xA5);
            }
            assert!(bits.is_within(length));
            bits.refill();
            bits.skip(1);
            assert!(!bits.is_within(length));
        }
    }

    #[test]
    fn less_than_a_word_is_not_read_from() {
        assert!(Bits::new(&[0; 7], 0).is_none());
        assert!(Bits::new(&[0; 12], 5).is_none());
    }
}
