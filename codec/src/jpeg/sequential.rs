//! Owns decoding baseline files, and extended ones of 8 bits, with all components in one scan. A run of
//! MCUs is decoded, then transformed and written to the planes while it is in the cache. Never reads
//! several scans.

use super::bits::Bits;
use super::canvas::Canvas;
use super::huffman::{Kind, Made};
use super::idct::{Block, Quantizers};
use super::markers::{COMPONENTS, Component, Data, Frame, Markers, Scan, Stretch};
use super::run::{Run, Tables};

/// How the blocks of a component are decoded, and where they are in an MCU.
struct Coding<'a> {
    component: Component,
    plane: usize,
    tables: Tables<'a>,
    quantizers: &'a Quantizers,
    /// Index of its first block in an MCU.
    start: usize,
}

impl Coding<'_> {
    /// Number of its blocks in an MCU.
    fn blocks(&self) -> usize {
        self.component.across * self.component.down
    }
}

/// Decodes the scan of a sequential file into the planes.
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
    markers.prepare(scan, &[Kind::DcSteps, Kind::AcSteps], made)?;
    let quantizers = markers.quantizers()?;
    markers.read_data(data)?;
    let mut start = 0;
    let [a, b, c] = [0, 1, 2].map(|index| {
        let part = scan.parts()[index];
        let (dc, ac) = (markers.dc(part)?, markers.ac(part)?);
        let coding = Coding {
            component: frame.components[part.component],
            plane: part.component,
            tables: Tables { dc, ac },
            quantizers: &quantizers[part.component],
            start,
        };
        start += coding.blocks();
        Some(coding)
    });
    let codings = [a?, b?, c?];
    let of_a_unit: Vec<_> = codings
        .iter()
        .flat_map(|coding| std::iter::repeat_n(coding.tables, coding.blocks()))
        .collect();
    let mut run = Run::new(&of_a_unit)?;
    let units = frame.mcus_wide * frame.mcus_high;
    for stretch in data.stretches(units, scan.restart_interval)? {
        read_stretch(&codings, frame, &data.bytes, stretch, &mut run, canvas)?;
    }
    Some(())
}

/// Decodes the MCUs between two restarts, as many of a row at a time as fit a run.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
fn read_stretch(
    codings: &[Coding<'_>; COMPONENTS],
    frame: &Frame,
    bytes: &[u8],
    stretch: Stretch,
    run: &mut Run<'_>,
    canvas: &mut Canvas<'_>,
) -> Option<()> {
    let unit_blocks = codings.iter().map(Coding::blocks).sum::<usize>();
    let mut bits = Bits::new(bytes, stretch.start)?;
    let mut predictors = [0; COMPONENTS];
    let mut first = stretch.units.start;
    while first < stretch.units.end {
        let (row, column) = (first / frame.mcus_wide, first % frame.mcus_wide);
        let left = (stretch.units.end - first).min(frame.mcus_wide - column);
        let units = run.units_max().min(left);
        run.read(&mut bits, units * unit_blocks)?;
        let blocks = &mut run.blocks()[..units * unit_blocks];
        for (coding, predictor) in codings.iter().zip(&mut predictors) {
            add_up(coding, unit_blocks, blocks, predictor)?;
            transform(coding, unit_blocks, blocks, (column, row), canvas);
        }
        run.clear(units * unit_blocks);
        first += units;
    }
    bits.is_within(stretch.end).then_some(())
}

/// Turns the DC differences of a component into DC coefficients.
fn add_up(
    coding: &Coding<'_>,
    unit_blocks: usize,
    blocks: &mut [Block],
    predictor: &mut i32,
) -> Option<()> {
    let (mut sum, mut beyond) = (*predictor, false);
    for unit in blocks.chunks_exact_mut(unit_blocks) {
        for block in &mut unit[coding.start..][..coding.blocks()] {
            // No overflow: a difference has at most 11 bits, and a run at most 128 of them.
            sum += i32::from(block[0]);
            block[0] = sum as i16;
            beyond |= sum != i32::from(block[0]);
        }
    }
    *predictor = sum;
    (!beyond).then_some(())
}

/// Transforms the blocks of a component in some MCUs of a row and writes them to its plane. `first` is the
/// column and row of the first MCU.
fn transform(
    coding: &Coding<'_>,
    unit_blocks: usize,
    blocks: &[Block],
    first: (usize, usize),
    canvas: &mut Canvas<'_>,
) {
    let Component {
        across,
        down,
        blocks_wide,
        blocks_high,
        ..
    } = coding.component;
    let first_column = first.0 * across;
    // Blocks past the image are padding of the last MCUs and in no plane.
    let columns = (blocks.len() / unit_blocks * across).min(blocks_wide - first_column);
    let rows = down.min(blocks_high - first.1 * down);
    for row in 0..rows {
        let first_block = coding.start + row * across;
        let place = (first_column, first.1 * down + row);
        canvas.put(coding.plane, place, columns, coding.quantizers, |column| {
            let (unit, inside) = (column / across, column % across);
            &blocks[unit * unit_blocks + first_block + inside]
        });
    }
}
