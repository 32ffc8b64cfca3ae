//! Owns Huffman decoding (ITU-T T.81, annex C): tables that give, for the next bits, the length of the
//! code, the number of value bits, and how far it advances in the block. Never consumes bits.

use std::collections::VecDeque;
use std::sync::Arc;

/// Codes up to this length take one table lookup.
const LOOK: u32 = 10;
const LONGEST: usize = 16;
/// The advance of an end of block, and the base of that of a run of them: past any place of a block.
pub(super) const END: usize = 128;

/// The meaning of a code; zero for none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Entry(u32);

impl Entry {
    fn new(code_bits: u32, value_bits: u32, advance: usize) -> Self {
        let advance = advance as u32;
        Self((code_bits + value_bits) | code_bits << 8 | value_bits << 16 | advance << 24)
    }

    /// Of a DC difference: the symbol is its number of bits.
    fn dc(code_bits: u32, symbol: u8) -> Self {
        match symbol {
            0..=11 => Self::new(code_bits, symbol.into(), 1),
            _ => Self::default(),
        }
    }

    /// Of an AC coefficient: the symbol is a run of zeros and the number of value bits.
    fn ac(code_bits: u32, symbol: u8) -> Self {
        let (run, value_bits) = (usize::from(symbol >> 4), u32::from(symbol & 15));
        match (run, value_bits) {
            (15, 0) => Self::new(code_bits, 0, 16),
            (_, 0) => Self::new(code_bits, 0, END + run),
            (_, 1..=10) => Self::new(code_bits, value_bits, run + 1),
            _ => Self::default(),
        }
    }

    #[inline(always)]
    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Number of bits of code and value.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 0xFF
    }

    #[inline(always)]
    fn code_bits(self) -> u32 {
        self.0 >> 8 & 0xFF
    }

    #[inline(always)]
    pub(super) fn value_bits(self) -> u32 {
        self.0 >> 16 & 0xFF
    }

    /// Distance to the place after the coefficient; there is no coefficient from [`END`] on.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 24) as usize
    }

    /// The value after the code; negative if it begins with a 0 bit.
    #[inline(always)]
    pub(super) fn value(self, window: u64) -> i32 {
        let rest = window << self.code_bits();
        let magnitude = ((rest >> 1) >> (63 - self.value_bits())) as i32;
        let below = !((rest as i64) >> 63) as i32;
        magnitude - (below & ((1 << self.value_bits()) - 1))
    }
}

/// One or two coefficients whose codes and values fit [`LOOK`] bits and whose values fit 8 bits.
#[derive(Clone, Copy)]
pub(super) struct Step(u32);

impl Step {
    /// No such coefficient: its advance cannot be that of one.
    const NONE: Self = Self(64 << 8);

    /// `second` is the default entry if there is only one.
    fn new(first: Entry, second: Entry, values: [i8; 2]) -> Self {
        let bits = first.bits() + second.bits();
        // An end of block has the value zero, which changes nothing at any later place.
        let skip = (first.advance() - 1).min(15) as u32;
        let advance = (first.advance() + second.advance()) as u32;
        let [first, second] = values.map(|value| u32::from(value as u8));
        Self(bits | skip << 4 | advance << 8 | first << 16 | second << 24)
    }

    /// Number of bits in total.
    #[inline(always)]
    pub(super) fn bits(self) -> u32 {
        self.0 & 15
    }

    /// Places before the first coefficient, at most 15.
    #[inline(always)]
    pub(super) fn skip(self) -> usize {
        (self.0 >> 4) as usize & 15
    }

    /// Distance to the place after the last coefficient, at most [`END`] + 31; the block ends from [`END`]
    /// on.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 8) as usize & 0xFF
    }

    #[inline(always)]
    pub(super) fn values(self) -> [i16; 2] {
        [16, 24].map(|at| i16::from((self.0 >> at) as i8))
    }
}

/// The kind of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Dc,
    Ac,
    /// DC, looked up in steps.
    DcSteps,
    /// AC, looked up in steps.
    AcSteps,
}

impl Kind {
    fn is_dc(self) -> bool {
        matches!(self, Self::Dc | Self::DcSteps)
    }

    fn has_steps(self) -> bool {
        matches!(self, Self::DcSteps | Self::AcSteps)
    }
}

/// A table as specified in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Specification {
    /// Number of codes of each length, 1 to 16 bits.
    pub(super) counts: [u8; LONGEST],
    /// Symbols in the order of their codes.
    pub(super) symbols: [u8; 256],
}

/// Most tables kept; nearly all files without optimized tables use the four of the standard.
const MADE_MAX: usize = 8;

/// The most recent tables, which the next file is likely to use again.
#[derive(Default)]
pub(super) struct Made(VecDeque<Arc<Table>>);

impl Made {
    /// A table for `given`; `None` if the counts do not make a prefix code.
    pub(super) fn table(&mut self, kind: Kind, given: &Specification) -> Option<Arc<Table>> {
        let same = |table: &Arc<Table>| table.kind == kind && table.given == *given;
        let table = match self.0.iter().position(same) {
            Some(index) => self.0.remove(index)?,
            None => Table::new(kind, given)?.into(),
        };
        self.0.push_front(table.clone());
        self.0.truncate(MADE_MAX);
        Some(table)
    }
}

/// A lookup table.
pub(super) struct Table {
    quick: [Entry; 1 << LOOK],
    /// Filled for kinds looked up in steps.
    steps: [Step; 1 << LOOK],
    kind: Kind,
    given: Specification,
    /// For each length, one past its last code, left-aligned to 16 bits.
    limits: [u32; LONGEST + 1],
    /// For each length, what to add to a code to get the index of its symbol.
    places: [i32; LONGEST + 1],
}

impl Table {
    /// `None` if the counts do not make a prefix code.
    fn new(kind: Kind, given: &Specification) -> Option<Box<Self>> {
        let mut table = Box::new(Self {
            quick: [Entry::default(); 1 << LOOK],
            steps: [Step::NONE; 1 << LOOK],
            kind,
            given: *given,
            limits: [0; LONGEST + 1],
            places: [0; LONGEST + 1],
        });
        let (mut code, mut place) = (0u32, 0usize);
        for bits in 1..=LONGEST as u32 {
            let count = u32::from(given.counts[bits as usize - 1]);
            table.places[bits as usize] = place as i32 - code as i32;
            for _ in 0..count {
                let symbol = *given.symbols.get(place)?;
                // A code fits its length and is never all ones. A difference of more than 15 bits makes a
                // table invalid even if it is not used.
                if code + 1 >= 1 << bits || kind.is_dc() && symbol > 15 {
                    return None;
                }
                table.enter(code, bits, symbol);
                code += 1;
                place += 1;
            }
            table.limits[bits as usize] = code << (LONGEST as u32 - bits);
            code <<= 1;
        }
        if kind.has_steps() {
            table.fill_steps();
        }
        Some(table)
    }

    fn enter(&mut self, code: u32, bits: u32, symbol: u8) {
        if bits <= LOOK {
            let entry = self.entry(bits, symbol);
            let (first, span) = (code << (LOOK - bits), 1 << (LOOK - bits));
            self.quick[first as usize..][..span].fill(entry);
        }
    }

    fn fill_steps(&mut self) {
        for index in 0..self.steps.len() {
            let window = (index as u64) << (64 - LOOK);
            self.steps[index] = self.make_step(window);
        }
    }

    /// The step for the first [`LOOK`] bits of `window`.
    fn make_step(&self, window: u64) -> Step {
        let Some((first, value)) = self.whole(window, LOOK) else {
            return Step::NONE;
        };
        let left = LOOK - first.bits();
        match self.whole(window << first.bits(), left) {
            Some((second, second_value)) if !self.kind.is_dc() && first.advance() < END => {
                Step::new(first, second, [value, second_value])
            }
            _ => Step::new(first, Entry::default(), [value; 2]),
        }
    }

    /// The entry whose code and value are within the first `bits` of `window`, if the value fits 8 bits.
    fn whole(&self, window: u64, bits: u32) -> Option<(Entry, i8)> {
        let entry = self.look(window);
        let value = i8::try_from(entry.value(window)).ok()?;
        (!entry.is_none() && entry.bits() <= bits).then_some((entry, value))
    }

    fn entry(&self, bits: u32, symbol: u8) -> Entry {
        match self.kind {
            Kind::Dc | Kind::DcSteps => Entry::dc(bits, symbol),
            Kind::Ac | Kind::AcSteps => Entry::ac(bits, symbol),
        }
    }

    /// The step for the next bits, of which at least [`LOOK`] must be available.
    #[inline(always)]
    pub(super) fn step(&self, window: u64) -> Step {
        self.steps[(window >> (64 - LOOK)) as usize]
    }

    /// The entry for the next bits, of which at least 16 must be available. It is none for bits that are
    /// not a code, and for symbols that 8-bit images cannot have.
    #[inline(always)]
    pub(super) fn look(&self, window: u64) -> Entry {
        let entry = self.quick[(window >> (64 - LOOK)) as usize];
        if entry.is_none() {
            return self.look_long((window >> 48) as u32);
        }
        entry
    }

    #[cold]
    #[inline(never)]
    fn look_long(&self, code: u32) -> Entry {
        let mut lengths = 1..=LONGEST;
        let Some(length) = lengths.find(|&length| code < self.limits[length]) else {
            return Entry::default();
        };
        let code = (code >> (LONGEST - length)) as i32;
        let place = usize::try_from(code + self.places[length]).unwrap_or(usize::MAX);
        match self.given.symbols.get(place) {
            Some(symbol) => self.entry(length as u32, *symbol),
            None => Entry::default(),
        }
    }
}
