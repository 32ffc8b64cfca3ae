//! Owns reading the bits and codes of a CCITT stream. Never knows a row.
//!
//! Past the end, zeros are read as far as a code needs them, so that the last codes can be looked up; the
//! stream is over when no bit is left. An invalid code consumes no bits, so that the search for the next end of
//! line starts at the error.

use std::convert::Infallible;
use std::sync::LazyLock;

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

/// Length of the longest code of each kind, in bits.
const WHITE_BITS: u32 = 12;
const BLACK_BITS: u32 = 13;
const MODE_BITS: u32 = 7;
/// Zeros at the start of an end of line; no code starts with as many.
pub(super) const END_OF_LINE_ZEROS: u32 = 11;

/// A run code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunCode {
    /// This many pixels, which end the run.
    Terminating(u16),
    /// This many pixels; the run continues.
    MakeUp(u16),
    /// The zeros of an end of line.
    EndOfLine,
    /// Not a code of the standard.
    Unknown,
}

/// A mode code of a two-dimensional row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ModeCode {
    Pass,
    Horizontal,
    Vertical(i8),
    Extension,
    /// The first zeros of an end of line.
    EndOfLine,
    Unknown,
}

/// A code and its length in bits.
type Entry<T> = (T, u8);

static WHITE: LazyLock<Vec<Entry<RunCode>>> =
    LazyLock::new(|| run_codes(WHITE_BITS, white::decode));
static BLACK: LazyLock<Vec<Entry<RunCode>>> =
    LazyLock::new(|| run_codes(BLACK_BITS, black::decode));
static MODES: LazyLock<Vec<Entry<ModeCode>>> = LazyLock::new(mode_codes);

/// The table of codes by the next `bits` bits.
fn run_codes(bits: u32, decode: fn(&mut Pattern) -> Option<u16>) -> Vec<Entry<RunCode>> {
    const MAKE_UP_MIN: u16 = 64;
    patterns(bits, |pattern| {
        let zeros = pattern.bits.leading_zeros() >= END_OF_LINE_ZEROS;
        match decode(pattern) {
            _ if zeros => (RunCode::EndOfLine, END_OF_LINE_ZEROS as u8),
            Some(run) if run < MAKE_UP_MIN => (RunCode::Terminating(run), pattern.consumed),
            Some(run) => (RunCode::MakeUp(run), pattern.consumed),
            None => (RunCode::Unknown, 0),
        }
    })
}

fn mode_codes() -> Vec<Entry<ModeCode>> {
    patterns(MODE_BITS, |pattern| {
        if pattern.bits == 0 {
            return (ModeCode::EndOfLine, MODE_BITS as u8);
        }
        let code = match mode::decode(pattern) {
            Some(Mode::Pass) => ModeCode::Pass,
            Some(Mode::Horizontal) => ModeCode::Horizontal,
            Some(Mode::Vertical(delta)) => ModeCode::Vertical(delta),
            Some(Mode::Extension) => ModeCode::Extension,
            Some(Mode::EOF) | None => return (ModeCode::Unknown, 0),
        };
        (code, pattern.consumed)
    })
}

fn patterns<T>(bits: u32, entry: impl Fn(&mut Pattern) -> Entry<T>) -> Vec<Entry<T>> {
    let all = (0..1_u16 << bits).map(|pattern| {
        entry(&mut Pattern {
            bits: pattern << (u16::BITS - bits),
            consumed: 0,
        })
    });
    all.collect()
}

/// Sixteen bits for the decoder of the crate that has the code tables.
struct Pattern {
    /// The bits from the top; zeros are shifted in.
    bits: u16,
    consumed: u8,
}

impl BitReader for Pattern {
    type Error = Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        let unwanted = u16::BITS.checked_sub(bits.into())?;
        Some(self.bits.checked_shr(unwanted).unwrap_or(0))
    }

    fn consume(&mut self, bits: u8) -> Result<(), Infallible> {
        self.bits = self.bits.checked_shl(bits.into()).unwrap_or(0);
        self.consumed += bits;
        Ok(())
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        0
    }
}

/// The stored bits, most significant first.
pub(super) struct Bits<'a> {
    stored: &'a [u8],
    next: usize,
    /// Bits that were read and not taken, from the top.
    window: u32,
    held: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(stored: &'a [u8]) -> Self {
        Self {
            stored,
            next: 0,
            window: 0,
            held: 0,
        }
    }

    /// The next `count` bits, up to 16, without taking them; `None` if no bit is left.
    pub(super) fn peek(&mut self, count: u32) -> Option<u32> {
        while self.held < count {
            match self.stored.get(self.next) {
                Some(&byte) => {
                    self.window |= u32::from(byte) << (24 - self.held);
                    self.held += 8;
                    self.next += 1;
                }
                None if self.held == 0 => return None,
                None => self.held = count,
            }
        }
        Some(self.window >> (32 - count))
    }

    /// Takes `count` of the bits that were peeked.
    pub(super) fn take(&mut self, count: u32) {
        self.window = self.window.checked_shl(count).unwrap_or(0);
        self.held = self.held.saturating_sub(count);
    }

    /// Skips to the next multiple of `bytes`, 1 or 2.
    pub(super) fn align(&mut self, bytes: u32) {
        self.take(self.held % (bytes * 8));
        if bytes == 2 && self.held == 0 && !self.next.is_multiple_of(2) {
            self.next += 1;
        }
    }

    pub(super) fn run_code(&mut self, is_black: bool) -> Option<RunCode> {
        if is_black {
            self.look_up(BLACK_BITS, &BLACK)
        } else {
            self.look_up(WHITE_BITS, &WHITE)
        }
    }

    pub(super) fn mode_code(&mut self) -> Option<ModeCode> {
        self.look_up(MODE_BITS, &MODES)
    }

    fn look_up<T: Copy>(&mut self, bits: u32, table: &[Entry<T>]) -> Option<T> {
        let (code, taken) = table[self.peek(bits)? as usize];
        self.take(taken.into());
        Some(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T.4 has 64 terminating codes and 40 make-up codes for each colour.
    #[test]
    fn every_code_of_the_standard_is_there_once() {
        for table in [&*WHITE, &*BLACK] {
            let mut runs: Vec<(u16, u8)> = table
                .iter()
                .filter_map(|(code, bits)| match code {
                    RunCode::Terminating(run) | RunCode::MakeUp(run) => Some((*run, *bits)),
                    _ => None,
                })
                .collect();
            runs.sort_unstable();
            runs.dedup();
            assert_eq!(runs.len(), 104);
            let expected = (0..64).chain((1..=40).map(|times| times * 64));
            assert!(runs.iter().map(|(run, _)| *run).eq(expected));
        }
        let vertical = |delta| {
            MODES
                .iter()
                .any(|(code, _)| *code == ModeCode::Vertical(delta))
        };
        assert!((-3..=3).all(vertical));
    }

    #[test]
    fn behind_the_end_stand_zeros_until_no_bit_is_left() {
        let mut bits = Bits::new(&[0b1010_0000]);
        bits.take(0);
        assert_eq!(bits.peek(3), Some(0b101));
        bits.take(3);
        assert_eq!(bits.peek(7), Some(0));
        bits.take(7);
        assert_eq!(bits.peek(1), None);
    }

    #[test]
    fn rows_begin_at_bytes_or_words() {
        let mut bits = Bits::new(&[1, 2, 3, 4, 5]);
        assert_eq!(bits.peek(3), Some(0));
        bits.take(3);
        bits.align(1);
        assert_eq!(bits.peek(8), Some(2));
        bits.take(1);
        bits.align(2);
        assert_eq!(bits.peek(8), Some(3));
        bits.take(8);
        bits.align(2);
        assert_eq!(bits.peek(8), Some(5));
    }
}
