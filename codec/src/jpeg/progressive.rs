//! Owns decoding progressive files: it gathers coefficients over all scans, then transforms them. A set of
//! 64 bits per block marks the nonzero coefficients, so that a refinement steps from zero to zero without
//! reading the coefficients between. Never decodes a file whose coefficients stay incomplete.

use std::arch::x86_64::_pdep_u64;
use std::ops::Range;

use super::bits::Bits;
use super::canvas::Canvas;
use super::huffman::{END, Kind, Made, Table};
use super::idct::{Block, Quantizers};
use super::markers::{COMPONENTS, Component, Data, Found, Frame, Markers, PLACES, Scan};

/// Most blocks of a component whose memory is kept for the next image: 32 MiB.
const KEPT_BLOCKS_MAX: usize = 1 << 18;
/// A coefficient that no scan has contained yet.
const UNKNOWN: i8 = -1;
/// Most low bits that a scan may leave to later ones.
const LOW_MAX: u32 = 13;
/// Refinement bits read at a time.
const REFINED_AT_ONCE: u32 = 32;

/// The blocks of a component, for whole MCUs.
struct Grid {
    /// Row by row.
    coefficients: Vec<Block>,
    /// The nonzero coefficients, in zigzag order from the lowest bit. The bit of the DC coefficient, which
    /// has scans of its own, is unused.
    present: Vec<u64>,
    blocks_per_row: usize,
    /// Low bits still missing, for each coefficient in zigzag order.
    low: [i8; 64],
}

impl Default for Grid {
    fn default() -> Self {
        Self {
            coefficients: Vec::new(),
            present: Vec::new(),
            blocks_per_row: 0,
            low: [UNKNOWN; 64],
        }
    }
}

impl Grid {
    fn clear(&mut self, component: &Component, frame: &Frame) {
        self.blocks_per_row = frame.mcus_wide * component.across;
        let blocks = self.blocks_per_row * frame.mcus_high * component.down;
        self.coefficients.clear();
        self.coefficients.resize(blocks, [0; 64]);
        self.present.clear();
        self.present.resize(blocks, 0);
        self.low = [UNKNOWN; 64];
    }

    /// Records what `scan` contains; `None` if it does not continue the earlier scans.
    fn follow(&mut self, scan: &Scan) -> Option<()> {
        if scan.first > 0 && self.low[0] == UNKNOWN {
            return None;
        }
        let expected = if scan.high == 0 {
            UNKNOWN
        } else {
            scan.high as i8
        };
        for low in &mut self.low[scan.first..=scan.last] {
            if *low != expected {
                return None;
            }
            *low = scan.low as i8;
        }
        Some(())
    }
}

/// The coefficients of one image after another.
#[derive(Default)]
pub(super) struct Progressive {
    grids: [Grid; COMPONENTS],
}

impl Progressive {
    /// Decodes all scans of a file, of which `scan` is the first, into the planes.
    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    pub(super) fn read(
        &mut self,
        markers: &mut Markers<'_>,
        frame: &Frame,
        scan: Scan,
        scans_max: u32,
        data: &mut Data,
        canvas: &mut Canvas<'_>,
    ) -> Option<()> {
        let quantizers = markers.quantizers()?;
        for (grid, component) in self.grids.iter_mut().zip(&frame.components) {
            grid.clear(component, frame);
        }
        let mut scan = scan;
        loop {
            if markers.scans() > scans_max {
                return None;
            }
            self.read_scan(markers, frame, &scan, data)?;
            match markers.next()? {
                Found::Scan(next) => scan = next,
                Found::End => break,
            }
        }
        for (plane, grid) in self.grids.iter().enumerate() {
            // libjpeg-turbo smooths coefficients that are not complete.
            if grid.low != [0; 64] {
                return None;
            }
            transform(
                grid,
                &frame.components[plane],
                plane,
                &quantizers[plane],
                canvas,
            );
        }
        Some(())
    }

    /// Frees memory after an unusually large image.
    pub(super) fn trim(&mut self) {
        for grid in &mut self.grids {
            if grid.coefficients.len() > KEPT_BLOCKS_MAX {
                *grid = Grid::default();
            }
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn read_scan(
        &mut self,
        markers: &mut Markers<'_>,
        frame: &Frame,
        scan: &Scan,
        data: &mut Data,
    ) -> Option<()> {
        let (is_dc, refines) = (scan.first == 0, scan.high > 0);
        let band_is_legal = if is_dc {
            scan.last == 0
        } else {
            scan.first <= scan.last && scan.last < 64 && scan.parts().len() == 1
        };
        let bits_are_legal = scan.low <= LOW_MAX && (!refines || scan.low + 1 == scan.high);
        if !band_is_legal || !bits_are_legal {
            return None;
        }
        for part in scan.parts() {
            self.grids[part.component].follow(scan)?;
        }
        let kinds: &[Kind] = match (is_dc, refines) {
            (true, false) => &[Kind::Dc],
            (true, true) => &[],
            (false, _) => &[Kind::Ac],
        };
        // Progressive files have tables of their own, which are not worth keeping.
        markers.prepare(scan, kinds, &mut Made::default())?;
        markers.read_data(data)?;
        match (is_dc, refines) {
            (true, false) => self.dc_first(markers, frame, scan, data),
            (true, true) => self.dc_refine(frame, scan, data),
            (false, false) => self.ac_first(markers, frame, scan, data),
            (false, true) => self.ac_refine(markers, frame, scan, data),
        }
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn dc_first(
        &mut self,
        markers: &Markers<'_>,
        frame: &Frame,
        scan: &Scan,
        data: &Data,
    ) -> Option<()> {
        let mut tables = [None; COMPONENTS];
        for part in scan.parts() {
            tables[part.component] = Some(markers.dc(*part)?);
        }
        self.read_dc(frame, scan, data, |bits, component, predictor| {
            let entry = tables[component]?.look(bits.window());
            if entry.is_none() {
                return None;
            }
            *predictor += entry.value(bits.window());
            bits.skip(entry.bits());
            i16::try_from(*predictor).ok()
        })
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn dc_refine(&mut self, frame: &Frame, scan: &Scan, data: &Data) -> Option<()> {
        self.read_dc(frame, scan, data, |bits, _, _| Some(bits.take(1) as i16))
    }

    /// Adds what `next` reads, shifted to its position, to the DC coefficient of every block. `next` gets
    /// the component and the sum of its differences since the last restart.
    #[inline(always)]
    fn read_dc(
        &mut self,
        frame: &Frame,
        scan: &Scan,
        data: &Data,
        mut next: impl FnMut(&mut Bits<'_>, usize, &mut i32) -> Option<i16>,
    ) -> Option<()> {
        for_stretches(frame, scan, data, |mut bits, units| {
            let mut predictors = [0; COMPONENTS];
            for unit in units {
                for_blocks(frame, scan, unit, |component, column, row| {
                    bits.refill();
                    let value = next(&mut bits, component, &mut predictors[component])?;
                    let grid = &mut self.grids[component];
                    let index = row * grid.blocks_per_row + column;
                    grid.coefficients[index][0] |= value << scan.low;
                    Some(())
                })?;
            }
            Some(bits)
        })
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn ac_first(
        &mut self,
        markers: &Markers<'_>,
        frame: &Frame,
        scan: &Scan,
        data: &Data,
    ) -> Option<()> {
        let Ac { table, grid, wide } = self.ac(markers, frame, scan)?;
        for_stretches(frame, scan, data, move |mut bits, units| {
            let mut unit = units.start;
            while unit < units.end {
                let index = unit / wide * grid.blocks_per_row + unit % wide;
                let block = &mut grid.coefficients[index];
                // A run of ends of block covers the blocks after this one too.
                let ends = first_band(&mut bits, table, block, &mut grid.present[index], scan)?;
                unit += 1 + ends;
            }
            (unit == units.end).then_some(bits)
        })
    }

    #[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
    fn ac_refine(
        &mut self,
        markers: &Markers<'_>,
        frame: &Frame,
        scan: &Scan,
        data: &Data,
    ) -> Option<()> {
        let Ac { table, grid, wide } = self.ac(markers, frame, scan)?;
        for_stretches(frame, scan, data, move |mut bits, units| {
            let mut ends = 0;
            let (mut column, mut row) = (units.start % wide, units.start / wide);
            for _ in units {
                let index = row * grid.blocks_per_row + column;
                let block = &mut grid.coefficients[index];
                let present = &mut grid.present[index];
                if ends > 0 {
                    let chosen = *present & band(scan.first, scan.last);
                    grow(block, next_bits(&mut bits, chosen), scan.low);
                    ends -= 1;
                } else {
                    ends = refine_band(&mut bits, table, block, present, scan)?;
                }
                column += 1;
                if column == wide {
                    (column, row) = (0, row + 1);
                }
            }
            (ends == 0).then_some(bits)
        })
    }

    /// What a scan of AC coefficients reads with and into: it has one component.
    fn ac<'a>(
        &'a mut self,
        markers: &'a Markers<'_>,
        frame: &Frame,
        scan: &Scan,
    ) -> Option<Ac<'a>> {
        let part = scan.parts()[0];
        Some(Ac {
            table: markers.ac(part)?,
            grid: &mut self.grids[part.component],
            wide: frame.components[part.component].blocks_wide,
        })
    }
}

/// The component of a scan of AC coefficients.
struct Ac<'a> {
    table: &'a Table,
    grid: &'a mut Grid,
    /// Blocks of a row.
    wide: usize,
}

/// Calls `read` with the bits and the units of each stretch between restarts; it returns what is left of
/// the bits. `None` if it fails or reads past the end of a stretch.
#[inline(always)]
fn for_stretches<'d>(
    frame: &Frame,
    scan: &Scan,
    data: &'d Data,
    mut read: impl FnMut(Bits<'d>, Range<usize>) -> Option<Bits<'d>>,
) -> Option<()> {
    for stretch in data.stretches(units(frame, scan), scan.restart_interval)? {
        let bits = read(Bits::new(&data.bytes, stretch.start)?, stretch.units)?;
        if !bits.is_within(stretch.end) {
            return None;
        }
    }
    Some(())
}

/// Number of units of a scan, between which restarts may be: blocks if it has one component, else MCUs.
fn units(frame: &Frame, scan: &Scan) -> usize {
    match scan.parts() {
        [part] => {
            let component = &frame.components[part.component];
            component.blocks_wide * component.blocks_high
        }
        _ => frame.mcus_wide * frame.mcus_high,
    }
}

/// Calls `each` with the component, column and row of each block of a unit.
#[inline(always)]
fn for_blocks(
    frame: &Frame,
    scan: &Scan,
    unit: usize,
    mut each: impl FnMut(usize, usize, usize) -> Option<()>,
) -> Option<()> {
    if let [part] = scan.parts() {
        let wide = frame.components[part.component].blocks_wide;
        return each(part.component, unit % wide, unit / wide);
    }
    let (mcu_row, mcu_column) = (unit / frame.mcus_wide, unit % frame.mcus_wide);
    for part in scan.parts() {
        let Component { across, down, .. } = frame.components[part.component];
        for row in mcu_row * down..(mcu_row + 1) * down {
            for column in mcu_column * across..(mcu_column + 1) * across {
                each(part.component, column, row)?;
            }
        }
    }
    Some(())
}

/// The bits from `first` to `last`.
#[inline(always)]
fn band(first: usize, last: usize) -> u64 {
    (u64::MAX >> (63 - last)) & (u64::MAX << first)
}

/// Number of blocks after this one that are in the run of ends of block.
#[inline(always)]
fn run_of_ends(bits: &mut Bits<'_>, advance: usize) -> usize {
    let count = advance - END;
    (1 << count) - 1 + bits.take(count as u32) as usize
}

/// Decodes the band of a block in its first scan; returns the number of blocks after it without one.
#[inline(always)]
fn first_band(
    bits: &mut Bits<'_>,
    table: &Table,
    block: &mut Block,
    present: &mut u64,
    scan: &Scan,
) -> Option<usize> {
    let mut place = scan.first;
    let mut found = *present;
    let mut ends = 0;
    while place <= scan.last {
        bits.refill();
        let entry = table.look(bits.window());
        if entry.is_none() {
            return None;
        }
        let value = (entry.value(bits.window()) << scan.low) as i16;
        bits.skip(entry.bits());
        if entry.advance() >= END {
            ends = run_of_ends(bits, entry.advance());
            break;
        }
        place += entry.advance();
        if place > scan.last + 1 {
            return None;
        }
        block[usize::from(PLACES[(place - 1) & 63]) & 63] = value;
        found |= u64::from(value != 0) << ((place - 1) & 63);
    }
    *present = found;
    Some(ends)
}

/// Reads a bit for each of `chosen`; returns those whose bit is set.
#[inline]
#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
fn next_bits(bits: &mut Bits<'_>, chosen: u64) -> u64 {
    let (mut left, mut grown) = (chosen, 0);
    while left != 0 {
        bits.refill();
        let count = left.count_ones().min(REFINED_AT_ONCE);
        // The first bit belongs to the first coefficient, the lowest of the set.
        let given = bits.take(count).reverse_bits() >> (64 - count);
        grown |= _pdep_u64(given, left);
        // Removes those whose bit was read.
        left &= !_pdep_u64(u64::MAX >> (64 - count), left);
    }
    grown
}

/// Moves the coefficients of `grown` away from zero.
#[inline(always)]
fn grow(block: &mut Block, grown: u64, low: u32) {
    let mut left = grown;
    while left != 0 {
        let place = PLACES[left.trailing_zeros() as usize & 63];
        let coefficient = &mut block[usize::from(place) & 63];
        let away_from_zero = 1 | (*coefficient >> 15);
        *coefficient = coefficient.wrapping_add(away_from_zero << low);
        left &= left - 1;
    }
}

/// Refines the band of a block; returns the number of blocks after it that get no new coefficient.
#[inline]
#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
fn refine_band(
    bits: &mut Bits<'_>,
    table: &Table,
    block: &mut Block,
    present: &mut u64,
    scan: &Scan,
) -> Option<usize> {
    let (before, mut rest) = (*present, band(scan.first, scan.last));
    let (mut added, mut grown, mut ends) = (0, 0, 0);
    while rest != 0 {
        bits.refill();
        let entry = table.look(bits.window());
        if entry.is_none() || entry.value_bits() > 1 {
            return None;
        }
        let value = entry.value(bits.window()) << scan.low;
        bits.skip(entry.bits());
        if entry.advance() >= END {
            ends = run_of_ends(bits, entry.advance());
            grown |= next_bits(bits, before & rest);
            break;
        }
        // The zero that ends the run: of the new coefficient, or the last of 16 without one.
        let target = _pdep_u64(1 << (entry.advance() - 1), !before & rest);
        if target == 0 {
            return None;
        }
        grown |= next_bits(bits, before & rest & (target - 1));
        let place = PLACES[target.trailing_zeros() as usize & 63];
        block[usize::from(place) & 63] = value as i16;
        added |= if value == 0 { 0 } else { target };
        // The places after the target.
        rest &= !(target | (target - 1));
    }
    grow(block, grown, scan.low);
    *present = before | added;
    Some(ends)
}

/// Transforms the blocks of a component and writes them to its plane.
fn transform(
    grid: &Grid,
    component: &Component,
    plane: usize,
    quantizers: &Quantizers,
    canvas: &mut Canvas<'_>,
) {
    for row in 0..component.blocks_high {
        let blocks = &grid.coefficients[row * grid.blocks_per_row..][..component.blocks_wide];
        canvas.put(plane, (0, row), blocks.len(), quantizers, |at| &blocks[at]);
    }
}
