//! Owns decoding TIFF's LZW (TIFF 6.0, section 13), including the old bit order that libtiff still supports.
//! Never interprets a byte.

const CLEAR: usize = 256;
const END: usize = 257;
const FIRST_FREE: usize = 258;
const CODE_BITS_MIN: u32 = 9;
const CODE_BITS_MAX: u32 = 12;
/// libtiff adds entries past the largest code, up to this number.
const TABLE_LEN: usize = (1 << CODE_BITS_MAX) - 1 + 1024;

#[derive(Clone, Copy, Default)]
struct Entry {
    prefix: u16,
    suffix: u8,
    first: u8,
    len: u16,
}

/// Reads bits from the high end of each byte, or from the low end as in files before TIFF 5.0.
struct Bits<'a> {
    stored: &'a [u8],
    at: usize,
    bits: u32,
    count: u32,
    low_first: bool,
}

impl Bits<'_> {
    fn take(&mut self, len: u32) -> Option<usize> {
        while self.count < len {
            let byte = u32::from(*self.stored.get(self.at)?);
            self.at += 1;
            if self.low_first {
                self.bits |= byte << self.count;
            } else {
                self.bits = self.bits << 8 | byte;
            }
            self.count += 8;
        }
        self.count -= len;
        let mask = (1 << len) - 1;
        if self.low_first {
            let code = self.bits & mask;
            self.bits >>= len;
            return Some(code as usize);
        }
        Some((self.bits >> self.count & mask) as usize)
    }
}

struct Table {
    entries: Vec<Entry>,
    /// The next free entry; `None` before the first clear code and once the table is full.
    free: Option<usize>,
    previous: usize,
    code_bits: u32,
    /// Codes get longer one entry early, except in old files.
    early: usize,
}

impl Table {
    fn new(low_first: bool) -> Self {
        let mut entries = vec![Entry::default(); TABLE_LEN];
        for (byte, entry) in (0..=u8::MAX).zip(&mut entries) {
            *entry = Entry {
                prefix: 0,
                suffix: byte,
                first: byte,
                len: 1,
            };
        }
        Self {
            entries,
            free: None,
            previous: 0,
            code_bits: CODE_BITS_MIN,
            early: if low_first { 0 } else { 1 },
        }
    }

    fn clear(&mut self) {
        self.free = Some(FIRST_FREE);
        self.code_bits = CODE_BITS_MIN;
    }

    /// Adds the string of the previous code plus the first byte of `code`; `None` if the code is invalid or
    /// the table is full.
    fn learn(&mut self, code: usize) -> Option<()> {
        let free = self.free?;
        if code > free {
            return None;
        }
        let previous = self.entries[self.previous];
        let suffix = if code == free {
            previous.first
        } else {
            self.entries[code].first
        };
        self.entries[free] = Entry {
            prefix: self.previous as u16,
            suffix,
            first: previous.first,
            len: previous.len.saturating_add(1),
        };
        if free + 1 + self.early >= 1 << self.code_bits {
            self.code_bits = (self.code_bits + 1).min(CODE_BITS_MAX);
        }
        self.free = (free + 1 < TABLE_LEN).then_some(free + 1);
        self.previous = code;
        Some(())
    }

    /// Writes the string of `code`, or as much of its start as fits.
    fn write(&self, code: usize, room: &mut [u8]) -> usize {
        let mut entry = self.entries[code];
        let len = usize::from(entry.len);
        for _ in room.len()..len {
            entry = self.entries[usize::from(entry.prefix)];
        }
        let len = len.min(room.len());
        for byte in room[..len].iter_mut().rev() {
            *byte = entry.suffix;
            entry = self.entries[usize::from(entry.prefix)];
        }
        len
    }
}

/// Decodes until `out` is full; returns false if the stream is malformed or ends early.
pub(super) fn decode(stored: &[u8], out: &mut [u8]) -> bool {
    fill(stored, out).is_some()
}

fn fill(stored: &[u8], out: &mut [u8]) -> Option<()> {
    let low_first = matches!(stored, [0, second, ..] if second & 1 == 1);
    let mut bits = Bits {
        stored,
        at: 0,
        bits: 0,
        count: 0,
        low_first,
    };
    let mut table = Table::new(low_first);
    let mut filled = 0;
    while filled < out.len() {
        let mut code = bits.take(table.code_bits)?;
        if code == CLEAR {
            while code == CLEAR {
                table.clear();
                code = bits.take(table.code_bits)?;
            }
            if code > CLEAR {
                return None;
            }
            table.previous = code;
        } else if code == END {
            return None;
        } else {
            table.learn(code)?;
        }
        filled += table.write(code, &mut out[filled..]);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packs codes of nine bits from the high end.
    fn packed(codes: &[u32]) -> Vec<u8> {
        let bits = codes
            .iter()
            .flat_map(|code| (0..9).rev().map(move |bit| code >> bit & 1));
        let bits: Vec<u32> = bits.collect();
        let byte = |bits: &[u32]| {
            bits.iter()
                .enumerate()
                .map(|(at, bit)| bit << (7 - at))
                .sum::<u32>() as u8
        };
        bits.chunks(8).map(byte).collect()
    }

    #[test]
    fn strings_are_learned_and_a_string_may_name_itself() {
        let mut out = [0; 7];
        assert!(decode(&packed(&[256, 7, 258, 8, 259, 257]), &mut out));
        assert_eq!(out, [7, 7, 7, 8, 7, 7, 8]);
    }

    #[test]
    fn a_stream_must_begin_with_a_clear_code() {
        assert!(!decode(&packed(&[7, 8, 257]), &mut [0; 2]));
    }

    #[test]
    fn a_full_buffer_ends_the_stream_within_a_string() {
        let mut out = [0; 4];
        assert!(decode(&packed(&[256, 1, 2, 258, 258]), &mut out));
        assert_eq!(out, [1, 2, 1, 2]);
        assert!(decode(&packed(&[256, 1, 2, 258]), &mut out[..3]));
    }

    #[test]
    fn an_early_end_and_an_unknown_code_leave_what_came_before() {
        for codes in [&[256, 1, 2, 257][..], &[256, 1, 2, 300], &[256, 1, 2]] {
            let mut out = [0; 4];
            assert!(!decode(&packed(codes), &mut out));
            assert_eq!(out, [1, 2, 0, 0]);
        }
    }
}
