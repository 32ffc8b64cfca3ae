//! Owns baseline files, and extended ones of 8 bits: all components in one scan, each block decoded,
//! transformed and put into its plane while it is warm.

use super::bits::Bits;
use super::canvas::Canvas;
use super::huffman::{END, Kind, Made, Table};
use super::idct::{Block, GROUP, Quantizers};
use super::markers::{COMPONENTS, Component, Data, Frame, Markers, PLACES, Scan, Stretch};

/// A block to decode into. What is behind the 64 coefficients is none: there goes what an end of block
/// would store.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Workspace([i16; WORKSPACE]);

/// As many as a byte has values, so that no place has to be checked.
const WORKSPACE: usize = 256;

impl Workspace {
    const ZERO: Self = Self([0; WORKSPACE]);

    fn block(&self) -> &Block {
        self.0.first_chunk().expect("it is larger than a block")
    }

    fn clear(&mut self) {
        self.0[..64].fill(0);
    }
}

/// The place in a block of the coefficient before one that is `index`th in the file's order. What is behind
/// the last goes where no coefficient is.
static PLACES_BEFORE: [u8; 256] = {
    let mut places = [64; 256];
    let mut index = 0;
    while index < 64 {
        places[index + 1] = PLACES[index];
        index += 1;
    }
    places
};

/// What a component's blocks are decoded with.
#[derive(Clone, Copy)]
struct Coding<'a> {
    component: Component,
    plane: usize,
    dc: &'a Table,
    ac: &'a Table,
    quantizers: &'a Quantizers,
}

/// Reads the one scan of a sequential file into its planes.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub(super) fn read(
    markers: &mut Markers<'_>,
    frame: &Frame,
    scan: &Scan,
    made: &mut Made,
    data: &mut Data,
    canvas: &mut Canvas<'_>,
) -> Option<()> {
    let whole = scan.parts().len() == COMPONENTS;
    if !whole || (scan.first, scan.last, scan.high, scan.low) != (0, 63, 0, 0) {
        return None;
    }
    markers.prepare(scan, &[Kind::Dc, Kind::AcPairs], made)?;
    let quantizers = markers.quantizers()?;
    markers.read_data(data)?;
    let [a, b, c] = [0, 1, 2].map(|index| {
        let part = scan.parts()[index];
        Some(Coding {
            component: frame.components[part.component],
            plane: part.component,
            dc: markers.dc(part)?,
            ac: markers.ac(part)?,
            quantizers: &quantizers[part.component],
        })
    });
    let codings = [a?, b?, c?];
    let mut pending = [Pending::new(), Pending::new(), Pending::new()];
    let units = frame.mcus_wide * frame.mcus_high;
    for stretch in data.stretches(units, scan.restart_interval)? {
        read_stretch(&codings, frame, &data.bytes, stretch, &mut pending, canvas)?;
    }
    for (coding, pending) in codings.iter().zip(&mut pending) {
        pending.flush(coding, canvas);
    }
    Some(())
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn read_stretch(
    codings: &[Coding<'_>; COMPONENTS],
    frame: &Frame,
    bytes: &[u8],
    stretch: Stretch,
    pending: &mut [Pending; COMPONENTS],
    canvas: &mut Canvas<'_>,
) -> Option<()> {
    let mut bits = Bits::new(bytes, stretch.start)?;
    let mut predictors = [0; COMPONENTS];
    for unit in stretch.units {
        let (mcu_row, mcu_column) = (unit / frame.mcus_wide, unit % frame.mcus_wide);
        let states = pending.iter_mut().zip(&mut predictors);
        for (coding, (pending, predictor)) in codings.iter().zip(states) {
            let Component { across, down, .. } = coding.component;
            for row in mcu_row * down..(mcu_row + 1) * down {
                for column in mcu_column * across..(mcu_column + 1) * across {
                    let block = pending.next();
                    let flat = read_block(&mut bits, coding.dc, coding.ac, block, predictor)?;
                    if column >= coding.component.blocks_wide || row >= coding.component.blocks_high
                    {
                        // Padding of the last MCU, in no plane.
                        block.clear();
                    } else if flat {
                        let dc = std::mem::take(&mut block.0[0]);
                        canvas.put_flat(coding.plane, column, row, dc, coding.quantizers);
                    } else {
                        pending.add(coding, column, row, canvas);
                    }
                }
            }
        }
    }
    bits.is_within(stretch.end).then_some(())
}

/// Decodes one block into zeros. True where it has no coefficient but the first.
#[inline(always)]
fn read_block(
    shared: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    block: &mut Workspace,
    predictor: &mut i32,
) -> Option<bool> {
    // A copy, to be kept in registers.
    let mut bits = *shared;
    bits.refill();
    let entry = dc.look(&bits);
    if entry.is_none() {
        return None;
    }
    *predictor += entry.value(bits.window());
    bits.skip(entry.bits());
    block.0[0] = i16::try_from(*predictor).ok()?;
    // Behind a refill's 56 bits: a difference has at most 27, a pair or a single coefficient at most 26.
    let mut place = 1;
    let mut pair = ac.look_for_pair(&bits);
    if pair.advances()[0] >= END {
        bits.skip(pair.bits());
        *shared = bits;
        return Some(true);
    }
    loop {
        let window = bits.window();
        let mut end_of_first = 0;
        if pair.is_none() {
            let entry = ac.look(&bits);
            if entry.is_none() {
                return None;
            }
            place += entry.advance();
            put(block, place, entry.value(window) as i16);
            bits.skip(entry.bits());
        } else {
            let ([first, second], values) = (pair.advances(), pair.values());
            end_of_first = place + first;
            place = end_of_first + second;
            put(block, end_of_first, values[0]);
            put(block, place, values[1]);
            bits.skip(pair.bits());
        }
        if place >= 64 {
            match end_of_first {
                64 => {
                    // The second belongs to the block to come.
                    place = 64;
                    let first_bits = pair.first_bits();
                    bits.put_back(window << first_bits, pair.bits() - first_bits);
                }
                // The first is behind the block, whatever the second is.
                65..=END => return None,
                _ => {}
            }
            break;
        }
        bits.refill();
        pair = ac.look_for_pair(&bits);
    }
    *shared = bits;
    (place == 64 || place > END).then_some(false)
}

/// Puts a coefficient into the place before `next`.
#[inline(always)]
fn put(block: &mut Workspace, next: usize, value: i16) {
    let place = PLACES_BEFORE[usize::from(next as u8)];
    block.0[usize::from(place)] = value;
}

/// A component's blocks that wait for as many as are transformed at once.
struct Pending {
    blocks: [Workspace; GROUP],
    /// Column and row.
    places: [(usize, usize); GROUP],
    count: usize,
}

impl Pending {
    fn new() -> Self {
        Self {
            blocks: [Workspace::ZERO; GROUP],
            places: [(0, 0); GROUP],
            count: 0,
        }
    }

    /// The block to decode into, all zeros.
    #[inline(always)]
    fn next(&mut self) -> &mut Workspace {
        &mut self.blocks[self.count % GROUP]
    }

    /// Takes in what was decoded into `next`.
    #[inline(always)]
    fn add(&mut self, coding: &Coding<'_>, column: usize, row: usize, canvas: &mut Canvas<'_>) {
        self.places[self.count % GROUP] = (column, row);
        self.count += 1;
        if self.count == GROUP {
            self.flush(coding, canvas);
        }
    }

    /// Transforms what waits.
    fn flush(&mut self, coding: &Coding<'_>, canvas: &mut Canvas<'_>) {
        let [a, b, c, d] = &self.blocks;
        let blocks = [a.block(), b.block(), c.block(), d.block()];
        let places = &self.places[..self.count];
        canvas.put(coding.plane, blocks, coding.quantizers, places);
        for block in &mut self.blocks {
            block.clear();
        }
        self.count = 0;
    }
}
