//! Owns decoding a run of blocks without a branch on where a block ends: the branch is unpredictable, and
//! a misprediction costs as much as two table lookups. Conditional moves select the place, the block and
//! the table of the next lookup instead. Never transforms.

use std::hint::select_unpredictable;

use super::bits::Bits;
use super::huffman::{END, Table};
use super::idct::Block;
use super::markers::PLACES;

/// Most blocks of a run: 16 KiB of coefficients, which fit the L1 cache together with the tables.
const BLOCKS_MAX: usize = 128;

/// The place in a block of each coefficient, by its index in zigzag order. Past the last it is 64: the
/// first place of the next block, which is overwritten later.
static PLACES_OR_BEHIND: [u8; 256] = {
    let mut places = [64; 256];
    let mut index = 0;
    while index < 64 {
        places[index] = PLACES[index];
        index += 1;
    }
    places
};

/// The tables of a component.
#[derive(Clone, Copy)]
pub(super) struct Tables<'a> {
    pub(super) dc: &'a Table,
    pub(super) ac: &'a Table,
}

/// Blocks of as many whole MCUs as fit, and the tables to decode them with.
pub(super) struct Run<'a> {
    /// For each block, the AC table of that block and the DC table of the next.
    tables: [Tables<'a>; BLOCKS_MAX + 1],
    first_dc: &'a Table,
    /// Zero except for what was read since [`Self::clear`]; has one extra block.
    blocks: Vec<Block>,
    units_max: usize,
}

/// The state between two table lookups.
struct State<'a> {
    block: usize,
    /// Index after the last coefficient, in zigzag order.
    place: usize,
    table: &'a Table,
    tables: Tables<'a>,
}

impl<'a> Run<'a> {
    /// For MCUs with one block for each of `of_a_unit`; `None` if four do not fit.
    pub(super) fn new(of_a_unit: &[Tables<'a>]) -> Option<Self> {
        // Four MCUs at a time make whole groups of blocks to transform.
        let units_max = BLOCKS_MAX.checked_div(of_a_unit.len())? / 4 * 4;
        if units_max == 0 {
            return None;
        }
        let mut tables = [*of_a_unit.first()?; BLOCKS_MAX + 1];
        for (at, tables) in tables.iter_mut().enumerate() {
            tables.ac = of_a_unit[at % of_a_unit.len()].ac;
            tables.dc = of_a_unit[(at + 1) % of_a_unit.len()].dc;
        }
        Some(Self {
            tables,
            first_dc: of_a_unit[0].dc,
            blocks: vec![[0; 64]; BLOCKS_MAX + 1],
            units_max,
        })
    }

    /// Number of MCUs that fit.
    pub(super) fn units_max(&self) -> usize {
        self.units_max
    }

    /// The blocks read; the one after the last has no meaning.
    pub(super) fn blocks(&mut self) -> &mut [Block] {
        &mut self.blocks
    }

    /// Zeroes the first `count` blocks.
    pub(super) fn clear(&mut self, count: usize) {
        self.blocks[..=count].fill([0; 64]);
    }

    /// Decodes `count` blocks into zeroed ones. DC coefficients are stored as differences, as in the file.
    /// `None` if the bits are not a code, or a code extends past the end of its block.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    pub(super) fn read(&mut self, shared: &mut Bits<'_>, count: usize) -> Option<()> {
        assert!(count <= BLOCKS_MAX);
        let tables = &self.tables;
        let blocks = self.blocks[..=count].as_flattened_mut();
        // A copy that can stay in registers.
        let mut bits = *shared;
        let mut state = State {
            block: 0,
            place: 0,
            table: self.first_dc,
            tables: tables[0],
        };
        while state.block < count {
            // Two lookups take at most 54 of the 56 bits.
            bits.refill();
            // SAFETY: the loop condition holds `state.block` below `count`; `blocks` has `count` + 1 blocks
            // and `tables` has `BLOCKS_MAX` + 1 entries, of which the assertion above has `count` + 1.
            unsafe { state.step(&mut bits, tables, blocks)? };
            if state.block == count {
                break;
            }
            // SAFETY: as before; a step advances `state.block` by at most one, and `count` was left above.
            unsafe { state.step(&mut bits, tables, blocks)? };
        }
        *shared = bits;
        Some(())
    }
}

impl<'a> State<'a> {
    /// Looks up the next bits and stores the coefficients found.
    ///
    /// # Safety
    /// `tables` has an entry, and `blocks` 64 values, for `self.block` and for the next block.
    #[inline(always)]
    unsafe fn step(
        &mut self,
        bits: &mut Bits<'_>,
        tables: &[Tables<'a>],
        blocks: &mut [i16],
    ) -> Option<()> {
        let window = bits.window();
        let step = self.table.step(window);
        // At most 63 plus the most that a step advances.
        let mut end = self.place + step.advance();
        if end & 64 == 0 {
            let [first, second] = step.values();
            // SAFETY: the caller guarantees this block and the next. `place` is at most 63: it is 0 after a
            // block, and else a value below 64. `skip` is at most 15, `end` at most 63 + END + 31: below 256.
            unsafe {
                // The second comes first: if there is none, the first overwrites it at the same place.
                put(blocks, self.block, end - 1, second);
                put(blocks, self.block, self.place + step.skip(), first);
            }
            bits.skip(step.bits());
        } else {
            // No short code, or its second belongs to the next block, or it is the last coefficient.
            let entry = self.table.look(window);
            end = self.place + entry.advance();
            if entry.is_none() || end > 64 && end < END {
                return None;
            }
            // SAFETY: the caller guarantees this block and the next. `end` - 1 is below 256: `place` is at most
            // 63, and `advance` at most END + 15.
            unsafe { put(blocks, self.block, end - 1, entry.value(window) as i16) };
            bits.skip(entry.bits());
        }
        let ended = end >= 64;
        self.block += usize::from(ended);
        self.place = select_unpredictable(ended, 0, end);
        self.table = select_unpredictable(ended, self.tables.dc, self.tables.ac);
        // SAFETY: the caller guarantees an entry for the block after the one this step began with, and
        // `self.block` has grown by at most one.
        self.tables = unsafe { *tables.get_unchecked(self.block) };
        Some(())
    }
}

/// Stores a coefficient in a block by its index in zigzag order.
///
/// # Safety
/// `blocks` has 64 values for `block` and for the next one, and `place` is below 256.
#[inline(always)]
unsafe fn put(blocks: &mut [i16], block: usize, place: usize, value: i16) {
    debug_assert!((block + 1) * 64 < blocks.len() && place < 256);
    // SAFETY: the caller guarantees that `place` is below 256, the length of the table, whose values are at
    // most 64: within `block` or the first value of the next one.
    unsafe {
        let place = *PLACES_OR_BEHIND.get_unchecked(place);
        *blocks.get_unchecked_mut(block * 64 + usize::from(place)) = value;
    }
}
