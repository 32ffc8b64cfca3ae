//! Owns parsing the markers of a file: tables, frame and scan headers, and removing byte stuffing from
//! entropy-coded data. Everywhere, `None` means that the file is for libjpeg-turbo. Never decodes a code.

use std::sync::Arc;

use memchr::memchr;

use super::bits::PADDING;
use super::huffman::{Kind, Made, Specification, Table};
use super::idct::Quantizers;

/// Components of a frame that the reader supports.
pub(super) const COMPONENTS: usize = 3;
/// Most memory for the data of a scan that is kept for the next file.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// Most blocks of an MCU of several components.
const MCU_BLOCKS_MAX: usize = 10;

/// The place in a block, row by row, of each coefficient in zigzag order.
pub(super) static PLACES: [u8; 64] = places();

const fn places() -> [u8; 64] {
    let mut places = [0; 64];
    let (mut row, mut column, mut index) = (0u8, 0u8, 0);
    while index < 64 {
        places[index] = row * 8 + column;
        // Even diagonals go up and right, odd ones down and left.
        let up = (row + column) % 2 == 0;
        let (along, across) = if up { (column, row) } else { (row, column) };
        let (along, across) = if along == 7 {
            (7, across + 1)
        } else {
            (along + 1, across.saturating_sub(1))
        };
        (row, column) = if up { (across, along) } else { (along, across) };
        index += 1;
    }
    places
}

/// One component of the frame.
#[derive(Clone, Copy, Default)]
pub(super) struct Component {
    id: u8,
    /// Blocks in an MCU, across and down.
    pub(super) across: usize,
    pub(super) down: usize,
    quantizers: usize,
    /// Blocks that contain a part of the image.
    pub(super) blocks_wide: usize,
    pub(super) blocks_high: usize,
}

/// The frame header.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) progressive: bool,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) components: [Component; COMPONENTS],
    /// MCUs in a scan of all components.
    pub(super) mcus_wide: usize,
    pub(super) mcus_high: usize,
}

/// One component of a scan, with the numbers of its tables.
#[derive(Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) component: usize,
    dc: usize,
    ac: usize,
}

/// The scan header.
#[derive(Clone, Copy)]
pub(super) struct Scan {
    parts: [Part; COMPONENTS],
    count: usize,
    /// First and last coefficient, in zigzag order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Successive approximation: low bits missing before and after this scan.
    pub(super) high: u32,
    pub(super) low: u32,
    /// MCUs between restarts; 0 for none.
    pub(super) restart_interval: usize,
}

impl Scan {
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts[..self.count]
    }
}

/// A Huffman table as specified in the file, and its lookup table once it was needed.
#[derive(Default)]
struct Slot {
    given: Option<Specification>,
    ready: Option<Arc<Table>>,
}

/// Parses marker after marker.
pub(super) struct Markers<'a> {
    body: &'a [u8],
    at: usize,
    quantizers: [Option<Quantizers>; 4],
    dc: [Slot; 4],
    ac: [Slot; 4],
    restart_interval: usize,
    pub(super) frame: Option<Frame>,
    scans: u32,
}

/// What [`Markers::next`] stopped at.
pub(super) enum Found {
    Scan(Scan),
    End,
}

impl<'a> Markers<'a> {
    pub(super) fn new(body: &'a [u8]) -> Option<Self> {
        body.starts_with(&[0xFF, 0xD8]).then(|| Self {
            body,
            at: 2,
            quantizers: [None; 4],
            dc: Default::default(),
            ac: Default::default(),
            restart_interval: 0,
            frame: None,
            scans: 0,
        })
    }

    /// Parses up to the data of the next scan or to the end of the image.
    pub(super) fn next(&mut self) -> Option<Found> {
        loop {
            let marker = self.marker()?;
            if marker == 0xD9 {
                return Some(Found::End);
            }
            let segment = self.segment()?;
            match marker {
                0xC0..=0xC2 => self.read_frame(segment, marker == 0xC2)?,
                0xC4 => self.read_codes(segment)?,
                0xDA => {
                    self.scans += 1;
                    return self.read_scan(segment).map(Found::Scan);
                }
                0xDB => self.read_quantizers(segment)?,
                0xDD => {
                    let interval = segment.try_into().ok()?;
                    self.restart_interval = u16::from_be_bytes(interval).into();
                }
                0xE0..=0xEF | 0xFE => {}
                _ => return None,
            }
        }
    }

    fn marker(&mut self) -> Option<u8> {
        if *self.body.get(self.at)? != 0xFF {
            return None;
        }
        while *self.body.get(self.at)? == 0xFF {
            self.at += 1;
        }
        self.at += 1;
        Some(self.body[self.at - 1])
    }

    fn segment(&mut self) -> Option<&'a [u8]> {
        let rest = self.body.get(self.at..)?;
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?));
        let segment = rest.get(2..length)?;
        self.at += length;
        Some(segment)
    }

    fn read_quantizers(&mut self, mut segment: &[u8]) -> Option<()> {
        if self.scans > 0 {
            return None;
        }
        while let Some((&head, rest)) = segment.split_first() {
            let wide = match head >> 4 {
                0 => false,
                1 => true,
                _ => return None,
            };
            let bytes = if wide { 128 } else { 64 };
            let values = rest.get(..bytes)?;
            let mut table = Quantizers([0; 64]);
            for (index, place) in PLACES.iter().enumerate() {
                let value = if wide {
                    u16::from_be_bytes([values[index * 2], values[index * 2 + 1]])
                } else {
                    values[index].into()
                };
                // Products keep their low 16 bits, so the sign does not matter.
                table.0[usize::from(*place)] = value as i16;
            }
            *self.quantizers.get_mut(usize::from(head & 15))? = Some(table);
            segment = &rest[bytes..];
        }
        Some(())
    }

    fn read_codes(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&head, rest)) = segment.split_first() {
            let counts: [u8; 16] = *rest.first_chunk()?;
            let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let given = rest.get(16..16 + total)?;
            let mut symbols = [0; 256];
            symbols.get_mut(..total)?.copy_from_slice(given);
            let slots = match head >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return None,
            };
            *slots.get_mut(usize::from(head & 15))? = Slot {
                given: Some(Specification { counts, symbols }),
                ready: None,
            };
            segment = &rest[16 + total..];
        }
        Some(())
    }

    fn read_frame(&mut self, segment: &[u8], progressive: bool) -> Option<()> {
        if self.frame.is_some() || segment.len() != 6 + 3 * COMPONENTS {
            return None;
        }
        let [8, h1, h0, w1, w0, 3] = *segment.first_chunk()? else {
            return None;
        };
        let (height, width) = (u16::from_be_bytes([h1, h0]), u16::from_be_bytes([w1, w0]));
        let (width, height) = (usize::from(width), usize::from(height));
        let mut components = [Component::default(); COMPONENTS];
        for (component, given) in components.iter_mut().zip(segment[6..].chunks_exact(3)) {
            component.id = given[0];
            component.across = usize::from(given[1] >> 4);
            component.down = usize::from(given[1] & 15);
            component.quantizers = usize::from(given[2]);
            if !(1..=4).contains(&component.across) || !(1..=4).contains(&component.down) {
                return None;
            }
        }
        let [a, b, c] = components.map(|component| component.id);
        let blocks: usize = components.iter().map(|c| c.across * c.down).sum();
        if a == b || b == c || a == c || blocks > MCU_BLOCKS_MAX || width == 0 || height == 0 {
            return None;
        }
        let across = components.iter().map(|c| c.across).max()?;
        let down = components.iter().map(|c| c.down).max()?;
        for component in &mut components {
            component.blocks_wide = (width * component.across).div_ceil(across * 8);
            component.blocks_high = (height * component.down).div_ceil(down * 8);
        }
        self.frame = Some(Frame {
            progressive,
            width,
            height,
            components,
            mcus_wide: width.div_ceil(across * 8),
            mcus_high: height.div_ceil(down * 8),
        });
        Some(())
    }

    fn read_scan(&mut self, segment: &[u8]) -> Option<Scan> {
        let frame = self.frame?;
        let (&count, rest) = segment.split_first()?;
        let count = usize::from(count);
        if !(1..=COMPONENTS).contains(&count) || rest.len() != count * 2 + 3 {
            return None;
        }
        let mut parts = [Part::default(); COMPONENTS];
        let mut seen = [false; COMPONENTS];
        for (part, given) in parts.iter_mut().zip(rest[..count * 2].chunks_exact(2)) {
            let component = frame.components.iter().position(|c| c.id == given[0])?;
            if std::mem::replace(&mut seen[component], true) {
                return None;
            }
            *part = Part {
                component,
                dc: usize::from(given[1] >> 4),
                ac: usize::from(given[1] & 15),
            };
        }
        let [first, last, approximation] = *rest[count * 2..].first_chunk()?;
        Some(Scan {
            parts,
            count,
            first: first.into(),
            last: last.into(),
            high: u32::from(approximation >> 4),
            low: u32::from(approximation & 15),
            restart_interval: self.restart_interval,
        })
    }

    /// Number of scans found so far.
    pub(super) fn scans(&self) -> u32 {
        self.scans
    }

    /// The quantization tables of the components.
    pub(super) fn quantizers(&self) -> Option<[Quantizers; COMPONENTS]> {
        let [a, b, c] = self.frame?.components.map(|component| {
            let table = self.quantizers.get(component.quantizers)?;
            *table
        });
        Some([a?, b?, c?])
    }

    /// Builds the lookup tables that a scan needs.
    pub(super) fn prepare(&mut self, scan: &Scan, kinds: &[Kind], made: &mut Made) -> Option<()> {
        for part in scan.parts() {
            for &kind in kinds {
                let slot = match kind {
                    Kind::Dc | Kind::DcSteps => self.dc.get_mut(part.dc)?,
                    Kind::Ac | Kind::AcSteps => self.ac.get_mut(part.ac)?,
                };
                if slot.ready.is_none() {
                    slot.ready = Some(made.table(kind, slot.given.as_ref()?)?);
                }
            }
        }
        Some(())
    }

    /// The DC table of a component, after [`Markers::prepare`].
    pub(super) fn dc(&self, part: Part) -> Option<&Table> {
        self.dc.get(part.dc)?.ready.as_deref()
    }

    /// The AC table of a component, after [`Markers::prepare`].
    pub(super) fn ac(&self, part: Part) -> Option<&Table> {
        self.ac.get(part.ac)?.ready.as_deref()
    }

    /// Copies the data of a scan without stuffing to `data`, up to the next marker other than a restart, and
    /// records the end of each stretch between restarts.
    pub(super) fn read_data(&mut self, data: &mut Data) -> Option<()> {
        data.clear();
        loop {
            let rest = self.body.get(self.at..)?;
            let length = memchr(0xFF, rest)?;
            data.bytes.extend_from_slice(&rest[..length]);
            match *rest.get(length + 1)? {
                0 => data.bytes.push(0xFF),
                marker @ 0xD0..=0xD7 => {
                    if usize::from(marker - 0xD0) != data.ends.len() % 8 {
                        return None;
                    }
                    data.ends.push(data.bytes.len());
                }
                0xFF => return None,
                _ => {
                    self.at += length;
                    data.ends.push(data.bytes.len());
                    data.bytes.extend_from_slice(&[0; PADDING]);
                    return Some(());
                }
            }
            self.at += length + 2;
        }
    }
}

/// The entropy-coded data of a scan.
#[derive(Default)]
pub(super) struct Data {
    /// The bytes, followed by zeros.
    pub(super) bytes: Vec<u8>,
    /// The end of each stretch between restarts.
    pub(super) ends: Vec<usize>,
}

impl Data {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Frees memory after an unusually large file.
    pub(super) fn trim(&mut self) {
        if self.bytes.capacity() + self.ends.capacity() * size_of::<usize>() > KEPT_BYTES_MAX {
            *self = Self::default();
        }
    }

    /// The stretches with the numbers of their units; `None` if their count does not match `units` and the
    /// restart interval.
    pub(super) fn stretches(
        &self,
        units: usize,
        interval: usize,
    ) -> Option<impl Iterator<Item = Stretch>> {
        let interval = if interval == 0 { units } else { interval };
        if self.ends.len() != units.div_ceil(interval) {
            return None;
        }
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied()).enumerate();
        Some(spans.map(move |(index, (start, end))| Stretch {
            start,
            end,
            units: index * interval..((index + 1) * interval).min(units),
        }))
    }
}

/// Data between two restarts.
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) units: std::ops::Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_stand_in_zigzag() {
        assert_eq!(PLACES[..10], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24]);
        assert_eq!(PLACES[58..], [61, 54, 47, 55, 62, 63]);
        let mut all = PLACES.to_vec();
        all.sort_unstable();
        assert!(all.iter().copied().eq(0..64));
    }
}
