//! Owns reading the samples of a strip or tile: location, bit order, codec, predictor, byte order. Never draws
//! a pixel, and never does more work than the sizes of the file and the image allow.

use super::directory::{Directory, compression};
use super::jpeg::{Jpeg, JpegChunk};
use super::layout::Layout;
use super::samples::{Fetched, reverse_each};
use super::{fax, lzw, packbits, predictor};
use crate::error::CodecError;

/// One chunk of one plane.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) across: u32,
    pub(super) down: u32,
    pub(super) plane: u32,
}

/// Reads chunks.
pub(super) struct Chunks<'a, 'b> {
    directory: &'a Directory<'a>,
    pub(super) layout: Layout,
    jpeg: Jpeg<'b>,
    /// Stored bytes that may still be read. Chunks may overlap in a file, so a small file could ask for
    /// endless work.
    budget: u64,
    /// Size of libtiff's buffer for stored bytes: grown in steps of 1024, never shrunk.
    stored_room: u64,
    reversed: Vec<u8>,
    fax: Option<fax::Fax>,
}

impl<'a, 'b> Chunks<'a, 'b> {
    pub(super) fn new(directory: &'a Directory<'a>, layout: Layout, jpeg: Jpeg<'b>) -> Self {
        let decoded = u64::from(layout.across)
            .saturating_mul(layout.down.into())
            .saturating_mul(layout.planes.into())
            .saturating_mul(layout.chunk_bytes(layout.rows));
        Self {
            directory,
            layout,
            jpeg,
            budget: (directory.body.len() as u64)
                .saturating_add(decoded)
                .saturating_mul(4),
            stored_room: 0,
            reversed: Vec::new(),
            fax: None,
        }
    }

    /// Reads a chunk into `out`, which is zeroed and as long as the bytes wanted.
    ///
    /// # Errors
    /// `TooComplex` if chunks have more stored bytes than the file can contain.
    pub(super) fn read(&mut self, place: Place, out: &mut [u8]) -> Result<Fetched, CodecError> {
        let index = self.layout.index(place.across, place.down, place.plane);
        let (offset, count) = self.layout.place(self.directory, index);
        let Some(count) = self.plausible(count, place) else {
            return Ok(Fetched::Missing);
        };
        let Some(stored) = bytes_at(self.directory.body, offset, count) else {
            return Ok(Fetched::Missing);
        };
        self.budget = self
            .budget
            .checked_sub(count)
            .ok_or(CodecError::TooComplex)?;
        self.stored_room = self.stored_room.max(count.next_multiple_of(1024));
        let Ok(predictor) = self.predictor() else {
            return Ok(Fetched::Missing);
        };
        let fetched = self.decode(stored, place, out)?;
        if fetched != Fetched::Whole {
            return Ok(fetched);
        }
        if predictor
            .undo(out, self.layout.row_bytes as usize)
            .is_none()
        {
            return Ok(Fetched::Broken);
        }
        if !predictor.orders_bytes() {
            self.order_bytes(out);
        }
        Ok(Fetched::Whole)
    }

    /// Reads an uncompressed chunk regardless of its byte count, as libtiff does if the caller has a buffer for
    /// a whole chunk. Bytes missing in the file stay zero.
    pub(super) fn read_plain(&self, place: Place, out: &mut [u8]) -> Fetched {
        let index = self.layout.index(place.across, place.down, place.plane);
        let (offset, _) = self.layout.place(self.directory, index);
        let stored = usize::try_from(offset).ok();
        let Some(stored) = stored.and_then(|start| self.directory.body.get(start..)) else {
            return Fetched::Missing;
        };
        let there = stored.len().min(out.len());
        out[..there].copy_from_slice(&stored[..there]);
        if there < out.len() {
            return Fetched::Broken;
        }
        if self.directory.low_bit_first {
            out.iter_mut().for_each(|byte| *byte = byte.reverse_bits());
        }
        self.order_bytes(out);
        Fetched::Whole
    }

    pub(super) fn is_plain(&self) -> bool {
        self.directory.compression == compression::NONE
    }

    /// The byte count, limited to ten times the decoded size if it is large.
    fn plausible(&self, count: u64, place: Place) -> Option<u64> {
        const MARGIN: u64 = 4096;
        let decoded = self
            .layout
            .chunk_bytes(self.layout.rows.max(self.layout.rows_at(place.down)));
        let limited = count > 1 << 20 && (count - MARGIN) / 10 > decoded;
        let count = if limited {
            decoded * 10 + MARGIN
        } else {
            count
        };
        (1..=i64::MAX as u64).contains(&count).then_some(count)
    }

    /// libtiff's sanity check of a tile before it is drawn: without compression its buffer for stored bytes must
    /// equal the tile, so tiles that are not a multiple of 1024 bytes are refused.
    pub(super) fn tile_fits(&self) -> bool {
        const LARGE: u64 = 100_000_000;
        let tile = self.layout.chunk_bytes(self.layout.rows);
        if self.is_plain() {
            return self.stored_room == tile;
        }
        tile <= LARGE || self.stored_room >= tile / 1000
    }

    fn predictor(&self) -> Result<predictor::Predictor, predictor::Unsupported> {
        match self.directory.compression {
            compression::LZW | compression::ADOBE_DEFLATE | compression::DEFLATE => {
                predictor::Predictor::new(self.directory)
            }
            _ => Ok(predictor::Predictor::None),
        }
    }

    fn decode(
        &mut self,
        stored: &[u8],
        place: Place,
        out: &mut [u8],
    ) -> Result<Fetched, CodecError> {
        if self.directory.compression == compression::JPEG {
            let chunk = JpegChunk {
                width: self.layout.width,
                rows: self.layout.rows_at(place.down),
                row_bytes: self.layout.row_bytes as usize,
                last_strip: !self.layout.tiled && place.down + 1 == self.layout.down,
            };
            return Ok(self.jpeg.decode(self.directory, stored, &chunk, out));
        }
        let stored = if self.directory.low_bit_first {
            self.reversed.clear();
            self.reversed
                .extend(stored.iter().map(|byte| byte.reverse_bits()));
            &self.reversed
        } else {
            stored
        };
        let whole = match self.directory.compression {
            compression::CCITT_RLE
            | compression::CCITT_RLE_WORDS
            | compression::CCITT_T4
            | compression::CCITT_T6
                if self.directory.bits == 1 =>
            {
                let (scheme, width) = (fax::Scheme::new(self.directory), self.layout.width);
                let fax = self.fax.get_or_insert_with(|| fax::Fax::new(scheme, width));
                fax.decode(stored, out)
            }
            compression::NONE => copy(stored, out),
            compression::PACK_BITS => packbits::decode(stored, out),
            compression::LZW => lzw::decode(stored, out),
            compression::ADOBE_DEFLATE | compression::DEFLATE => inflate(stored, out),
            _ => return Ok(Fetched::Missing),
        };
        Ok(if whole {
            Fetched::Whole
        } else {
            Fetched::Broken
        })
    }

    /// Converts samples to the byte order of this machine.
    fn order_bytes(&self, samples: &mut [u8]) {
        let jpeg = self.directory.compression == compression::JPEG;
        if self.directory.big_endian != cfg!(target_endian = "big") && !jpeg {
            match self.directory.bits {
                16 => reverse_each::<2>(samples),
                32 => reverse_each::<4>(samples),
                64 => reverse_each::<8>(samples),
                _ => {}
            }
        }
    }
}

fn bytes_at(body: &[u8], offset: u64, count: u64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    body.get(start..start.checked_add(usize::try_from(count).ok()?)?)
}

fn copy(stored: &[u8], out: &mut [u8]) -> bool {
    let Some(stored) = stored.get(..out.len()) else {
        return false;
    };
    out.copy_from_slice(stored);
    true
}

/// Inflates a zlib stream until `out` is full; the rest is ignored.
fn inflate(stored: &[u8], out: &mut [u8]) -> bool {
    let mut state = flate2::Decompress::new(true);
    let status = state.decompress(stored, out, flate2::FlushDecompress::None);
    let filled = state.total_out() as usize;
    // The library may have written past the valid output.
    out[filled..].fill(0);
    filled == out.len() && status.is_ok()
}
