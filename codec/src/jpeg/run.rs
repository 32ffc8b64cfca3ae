//! Owns the decoding of a run of blocks, one after the other, without a branch on where a block ends: that
//! cannot be guessed, and a wrong guess costs as much as two looks into a table. The end of a block chooses
//! the place, the block and the table of the next look by conditional moves instead. Never transforms.

use std::hint::select_unpredictable;

use super::bits::Bits;
use super::huffman::{END, Table};
use super::idct::Block;
use super::markers::PLACES;

/// Blocks of a run at most: 16 KiB of coefficients, and the tables beside them stay in the first cache.
const BLOCKS_MAX: usize = 128;

/// Where the coefficient stands that is `index`th in the file's order; behind the last, where the block to
/// come has its first, which is put there later.
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

/// Room for as many whole units as fit, and what decodes them.
pub(super) struct Run<'a> {
    /// Of each block the table of its other coefficients, and that of the next block's first.
    tables: [Tables<'a>; BLOCKS_MAX + 1],
    first_dc: &'a Table,
    /// Zeros but for what was read since [`Self::clear`]; one block more than there are.
    blocks: Vec<Block>,
    units_max: usize,
}

/// What a look into a table goes on from.
struct State<'a> {
    block: usize,
    /// Behind the last coefficient, in the file's order.
    place: usize,
    table: &'a Table,
    tables: Tables<'a>,
}

impl<'a> Run<'a> {
    /// For units that have one block for each of `of_a_unit`. None where there is no room for four.
    pub(super) fn new(of_a_unit: &[Tables<'a>]) -> Option<Self> {
        // Whole groups of four units are whole groups of blocks to transform.
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

    /// Units that there is room for.
    pub(super) fn units_max(&self) -> usize {
        self.units_max
    }

    /// What was read, block by block; the one behind the last is of no meaning.
    pub(super) fn blocks(&mut self) -> &mut [Block] {
        &mut self.blocks
    }

    /// Makes the first `count` blocks zeros again.
    pub(super) fn clear(&mut self, count: usize) {
        self.blocks[..=count].fill([0; 64]);
    }

    /// Decodes `count` blocks into zeros, each first coefficient as the difference that stands in the file.
    /// None where the bits are no code, or end behind a block.
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
    pub(super) fn read(&mut self, shared: &mut Bits<'_>, count: usize) -> Option<()> {
        assert!(count <= BLOCKS_MAX);
        let tables = &self.tables;
        let blocks = self.blocks[..=count].as_flattened_mut();
        // A copy, to be kept in registers.
        let mut bits = *shared;
        let mut state = State {
            block: 0,
            place: 0,
            table: self.first_dc,
            tables: tables[0],
        };
        while state.block < count {
            // Of 56 bits two looks take at most 54.
            bits.refill();
            // SAFETY: the block is less than `count`, and there are as many blocks, tables, and one more.
            unsafe { state.step(&mut bits, tables, blocks)? };
            if state.block == count {
                break;
            }
            // SAFETY: as before.
            unsafe { state.step(&mut bits, tables, blocks)? };
        }
        *shared = bits;
        Some(())
    }
}

impl<'a> State<'a> {
    /// One look into a table, and what it tells.
    ///
    /// # Safety
    /// Both slices have room for the block and for the one behind it.
    #[inline(always)]
    unsafe fn step(
        &mut self,
        bits: &mut Bits<'_>,
        tables: &[Tables<'a>],
        blocks: &mut [i16],
    ) -> Option<()> {
        let window = bits.window();
        let step = self.table.step(window);
        // At most 63 and what a step advances at most.
        let mut end = self.place + step.advance();
        if end & 64 == 0 {
            let [first, second] = step.values();
            // SAFETY: the block has room, and as `advance` and `skip` say the indices are below 256.
            unsafe {
                // The second first: where there is none, the first then goes to the same place.
                put(blocks, self.block, end - 1, second);
                put(blocks, self.block, self.place + step.skip(), first);
            }
            bits.skip(step.bits());
        } else {
            // No short code, or one whose second belongs to the next block, or the block's last coefficient.
            let entry = self.table.look(window);
            end = self.place + entry.advance();
            if entry.is_none() || end > 64 && end < END {
                return None;
            }
            // SAFETY: the block has room, and the index is below 256: `advance` is at most END + 15.
            unsafe { put(blocks, self.block, end - 1, entry.value(window) as i16) };
            bits.skip(entry.bits());
        }
        let ended = end >= 64;
        self.block += usize::from(ended);
        self.place = select_unpredictable(ended, 0, end);
        self.table = select_unpredictable(ended, self.tables.dc, self.tables.ac);
        // SAFETY: there are tables for one block behind the one that there was.
        self.tables = unsafe { *tables.get_unchecked(self.block) };
        Some(())
    }
}

/// Puts a coefficient into a block, at its place in the file's order.
///
/// # Safety
/// There are the block and the one behind it, and `place` is below 256.
#[inline(always)]
unsafe fn put(blocks: &mut [i16], block: usize, place: usize, value: i16) {
    debug_assert!((block + 1) * 64 < blocks.len() && place < 256);
    // SAFETY: as of the caller; what stands in the table is at most 64.
    unsafe {
        let place = *PLACES_OR_BEHIND.get_unchecked(place);
        *blocks.get_unchecked_mut(block * 64 + usize::from(place)) = value;
    }
}
