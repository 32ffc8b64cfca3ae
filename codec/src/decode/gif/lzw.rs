//! Owns GIF's LZW stream, by OpenCV's rules. Never knows a colour.
//!
//! Rules that differ from the specification's: an end code only clears the table, what follows in
//! the blocks is still decoded; a full frame may be followed by one more code, if that code ends in
//! the last byte of the last block; anything else beyond the frame is an error.

use super::Reader;

const CODE_BITS_MAX: u32 = 12;
const TABLE_LEN: usize = 1 << CODE_BITS_MAX;

/// A string of the table: the string of `prefix`, then `suffix`.
#[derive(Clone, Copy, Default)]
struct Entry {
    prefix: u16,
    suffix: u8,
    first: u8,
    len: u16,
}

/// The string table. The entry at `next` waits for its suffix: the first index of the code to come.
struct Table {
    entries: Vec<Entry>,
    literals: usize,
    next: usize,
    code_bits: u32,
}

impl Table {
    fn new(literal_bits: u32) -> Self {
        let literals = 1 << literal_bits;
        let mut entries = vec![Entry::default(); TABLE_LEN + 1];
        for (code, entry) in entries[..literals].iter_mut().enumerate() {
            let index = code as u8;
            *entry = Entry {
                prefix: 0,
                suffix: index,
                first: index,
                len: 1,
            };
        }
        let mut table = Self {
            entries,
            literals,
            next: 0,
            code_bits: 0,
        };
        table.clear();
        table
    }

    fn clear_code(&self) -> usize {
        self.literals
    }

    fn end_code(&self) -> usize {
        self.literals + 1
    }

    fn clear(&mut self) {
        self.next = self.end_code();
        self.code_bits = self.literals.ilog2() + 1;
    }

    /// Completes the waiting entry by `code` and begins the next one; None for a code that is not
    /// in the table.
    fn learn(&mut self, code: usize) -> Option<()> {
        if self.next == TABLE_LEN {
            return Some(());
        }
        if code > self.next {
            return None;
        }
        let first = self.entries[code].first;
        self.entries[self.next].suffix = first;
        self.next += 1;
        self.entries[self.next] = Entry {
            prefix: code as u16,
            suffix: 0,
            first,
            len: self.entries[code].len + 1,
        };
        Some(())
    }

    /// Writes the string of `code`; None where `room` is too short.
    fn write(&self, code: usize, room: &mut [u8]) -> Option<usize> {
        let len = usize::from(self.entries[code].len);
        let target = room.get_mut(..len)?;
        let mut code = code;
        for index in target.iter_mut().rev() {
            let entry = self.entries[code];
            *index = entry.suffix;
            code = usize::from(entry.prefix);
        }
        Some(len)
    }

    fn widen(&mut self) {
        if self.next == 1 << self.code_bits && self.code_bits < CODE_BITS_MAX {
            self.code_bits += 1;
        }
    }
}

/// Fills `indices` from the sub-blocks at `reader`; None where they give less or more.
pub(super) fn decode(reader: &mut Reader, indices: &mut [u8]) -> Option<()> {
    let literal_bits = u32::from(reader.byte()?);
    if !(2..CODE_BITS_MAX).contains(&literal_bits) {
        return None;
    }
    let mut table = Table::new(literal_bits);
    let (mut bits, mut bit_count, mut filled) = (0_u32, 0, 0);
    let mut block_left = reader.byte()?;
    while block_left > 0 {
        if bit_count < table.code_bits {
            bits |= u32::from(reader.byte()?) << bit_count;
            block_left -= 1;
            bit_count += 8;
        }
        while bit_count >= table.code_bits {
            let code = (bits & ((1 << table.code_bits) - 1)) as usize;
            bits >>= table.code_bits;
            bit_count -= table.code_bits;
            if code == table.clear_code() {
                table.clear();
                continue;
            }
            if code == table.end_code() {
                table.clear();
                break;
            }
            if filled == indices.len() {
                return (block_left == 0 && reader.byte()? == 0).then_some(());
            }
            table.learn(code)?;
            filled += table.write(code, &mut indices[filled..])?;
            table.widen();
        }
        if block_left == 0 {
            block_left = reader.byte()?;
        }
    }
    (filled == indices.len()).then_some(())
}
