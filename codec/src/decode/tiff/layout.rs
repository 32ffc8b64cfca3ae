//! Owns the layout of pixel data: the strips or tiles of the planes, their sizes and offsets in the file, with
//! libtiff's estimates for missing or wrong byte counts. Never reads pixel data.

use super::directory::{Directory, compression, photometric};
use super::entries::Entry;
use crate::decode::outcome::Completeness;

/// Most strips whose arrays may be too short; with more, libtiff refuses the directory.
const PADDED_CHUNKS_MAX: u64 = 1_000_000;

/// The grid of strips or tiles of each plane.
pub(super) struct Layout {
    pub(super) tiled: bool,
    /// Width of a chunk in pixels.
    pub(super) width: u32,
    /// Rows of a chunk; the last strip may have fewer.
    pub(super) rows: u32,
    pub(super) across: u32,
    pub(super) down: u32,
    pub(super) planes: u32,
    /// Bytes of a row of pixels; with subsampling, those of a block row divided by its rows.
    pub(super) row_bytes: u64,
    /// Bytes and rows of a row of subsampled blocks.
    block_row: Option<(u64, u32)>,
    image_height: u32,
    byte_counts: ByteCounts,
}

/// The source of byte counts.
enum ByteCounts {
    Array,
    /// This many bytes for every chunk.
    Estimate(u64),
    /// Like `Estimate`, with the second number for the last chunk.
    EstimateWithLast(u64, u64),
}

impl Layout {
    /// The layout of `directory`; `None` if libtiff refuses it. `upsampled` means that the codec itself
    /// upsamples YCbCr.
    pub(super) fn new(directory: &Directory, upsampled: bool) -> Option<Self> {
        let (width, height) = (directory.width, directory.height);
        let planes = if directory.separate {
            u32::from(directory.samples)
        } else {
            1
        };
        let (chunk_width, rows, down) = match directory.tile {
            Some((width, rows)) => (width, rows, height.checked_div_ceil(rows)?),
            None => {
                let rows = directory.rows_per_strip.unwrap_or(u32::MAX);
                let down = if rows == u32::MAX {
                    1
                } else {
                    height.div_ceil(rows)
                };
                (width, rows.min(height), down)
            }
        };
        let bits = u64::from(directory.bits);
        let samples = if directory.separate {
            1
        } else {
            u64::from(directory.samples)
        };
        let mut layout = Self {
            tiled: directory.tile.is_some(),
            width: chunk_width,
            rows,
            across: width.checked_div_ceil(chunk_width)?,
            down,
            planes,
            row_bytes: (u64::from(chunk_width) * samples)
                .checked_mul(bits)?
                .div_ceil(8),
            block_row: None,
            image_height: height,
            byte_counts: ByteCounts::Array,
        };
        if directory.photometric == photometric::YCBCR && !directory.separate && !upsampled {
            layout.subsample(directory)?;
        }
        let chunks = u64::from(layout.across) * u64::from(down) * u64::from(planes);
        let sized = chunks > 0 && chunks <= u32::MAX.into() && layout.row_bytes > 0 && rows > 0;
        if !sized || (directory.offsets.count < chunks && chunks > PADDED_CHUNKS_MAX) {
            return None;
        }
        check_array(directory.offsets, chunks)?;
        layout.byte_counts = layout.byte_counts(directory, chunks)?;
        Some(layout)
    }

    fn subsample(&mut self, directory: &Directory) -> Option<()> {
        let (across, down) = directory.subsampling.unwrap_or((2, 2));
        let known = |factor| matches!(factor, 1 | 2 | 4);
        if directory.samples != 3 || !known(across) || !known(down) {
            return None;
        }
        let blocks = u64::from(self.width.div_ceil(across.into()));
        let samples = blocks * (u64::from(across) * u64::from(down) + 2);
        let bytes = samples.checked_mul(directory.bits.into())?.div_ceil(8);
        self.block_row = Some((bytes, down.into()));
        if !self.tiled {
            self.row_bytes = bytes / u64::from(down);
        }
        Some(())
    }

    /// Pixels of all chunks of a plane, including those past the edges of the image.
    pub(super) fn area(&self) -> u64 {
        let width = u64::from(self.across) * u64::from(self.width);
        let height = if self.tiled {
            u64::from(self.down) * u64::from(self.rows)
        } else {
            self.image_height.into()
        };
        width.saturating_mul(height)
    }

    /// Rows of the chunks in row `down` of the grid.
    pub(super) fn rows_at(&self, down: u32) -> u32 {
        if self.tiled {
            self.rows
        } else {
            self.rows.min(self.image_height - down * self.rows)
        }
    }

    /// Decoded bytes of a chunk of `rows` rows.
    pub(super) fn chunk_bytes(&self, rows: u32) -> u64 {
        match self.block_row {
            Some((bytes, block_rows)) => bytes * u64::from(rows.div_ceil(block_rows)),
            None => self.row_bytes * u64::from(rows),
        }
    }

    /// Bytes of a row of pixels, or of subsampled blocks.
    pub(super) fn stored_row_bytes(&self) -> u64 {
        self.block_row.map_or(self.row_bytes, |(bytes, _)| bytes)
    }

    /// Decoded bytes that libtiff requests to draw `rows` rows of a strip.
    pub(super) fn drawn_bytes(&self, rows: u32) -> u64 {
        match self.block_row {
            Some((_, block_rows)) if !self.tiled => {
                let rows = u64::from(rows.next_multiple_of(block_rows));
                (rows * self.row_bytes).min(self.chunk_bytes(rows as u32))
            }
            _ => self.chunk_bytes(rows),
        }
    }

    /// The index of a chunk in the arrays of the file.
    pub(super) fn index(&self, across: u32, down: u32, plane: u32) -> u64 {
        let in_plane = u64::from(down) * u64::from(self.across) + u64::from(across);
        u64::from(plane) * u64::from(self.across) * u64::from(self.down) + in_plane
    }

    /// The offset and number of the stored bytes of a chunk.
    pub(super) fn place(&self, directory: &Directory, index: u64) -> (u64, u64) {
        let last = u64::from(self.across) * u64::from(self.down) * u64::from(self.planes) - 1;
        let count = match self.byte_counts {
            ByteCounts::Estimate(count) => count,
            ByteCounts::EstimateWithLast(_, count) if index == last => count,
            ByteCounts::EstimateWithLast(count, _) => count,
            ByteCounts::Array => stored_count(directory, index),
        };
        (directory.offsets.integer(index).unwrap_or(0), count)
    }

    /// Whether the stored bytes of every chunk are in the file. This is unknown if counts are estimated from
    /// the file size, or a chunk has no offset or bytes.
    pub(super) fn completeness(&self, directory: &Directory) -> Completeness {
        if matches!(self.byte_counts, ByteCounts::EstimateWithLast(..)) {
            return Completeness::Unknown;
        }
        let file_bytes = directory.body.len() as u64;
        let chunks = u64::from(self.across) * u64::from(self.down) * u64::from(self.planes);
        // An array with too few entries gives 0 for the other chunks.
        for index in 0..chunks {
            match self.place(directory, index) {
                (0, _) | (_, 0) => return Completeness::Unknown,
                (offset, count) if offset.saturating_add(count) > file_bytes => {
                    return Completeness::Truncated;
                }
                _ => {}
            }
        }
        Completeness::Complete
    }

    fn byte_counts(&self, directory: &Directory, chunks: u64) -> Option<ByteCounts> {
        let plain = directory.compression == compression::NONE;
        let Some(array) = directory.byte_counts else {
            let needed = if directory.separate {
                directory.samples.into()
            } else {
                1
            };
            let one_per_plane = if directory.separate {
                chunks == needed
            } else {
                chunks <= 1
            };
            return if one_per_plane {
                self.estimate(directory, chunks)
            } else {
                None
            };
        };
        check_array(array, chunks)?;
        if array.count < chunks && chunks > PADDED_CHUNKS_MAX {
            return None;
        }
        let (first, second) = (stored_count(directory, 0), stored_count(directory, 1));
        let one_is_bad = chunks == 1 && !self.tiled && self.single_count_is_bad(directory, first);
        let many_are_bad = plain && !directory.separate && chunks > 2 && first != second;
        if one_is_bad || (many_are_bad && first != 0 && second != 0) {
            return self.estimate(directory, chunks);
        }
        Some(ByteCounts::Array)
    }

    /// Whether the byte count of a single strip is wrong.
    fn single_count_is_bad(&self, directory: &Directory, count: u64) -> bool {
        let offset = directory.offsets.integer(0).unwrap_or(0);
        let file_bytes = directory.body.len() as u64;
        if offset == 0 || count == 0 {
            return offset != 0;
        }
        let beyond_file = offset <= file_bytes && count > file_bytes - offset;
        directory.compression == compression::NONE
            && (beyond_file || count < self.row_bytes * u64::from(self.image_height))
    }

    /// Estimates byte counts from the size of the image, or of the file if data is compressed.
    fn estimate(&self, directory: &Directory, chunks: u64) -> Option<ByteCounts> {
        if directory.compression == compression::NONE {
            let per_plane = self.across * self.down;
            let bytes = if self.tiled {
                self.chunk_bytes(self.rows)
            } else {
                self.row_bytes * u64::from(self.image_height / per_plane)
            };
            return Some(ByteCounts::Estimate(bytes));
        }
        let file_bytes = directory.body.len() as u64;
        let overhead = directory.overhead?;
        let mut space = if file_bytes < overhead {
            file_bytes
        } else {
            file_bytes - overhead
        };
        if directory.separate {
            space /= u64::from(directory.samples);
        }
        let last_offset = directory.offsets.integer(chunks - 1).unwrap_or(0);
        let last = if last_offset.checked_add(space)? > file_bytes {
            file_bytes.saturating_sub(last_offset)
        } else {
            space
        };
        Some(ByteCounts::EstimateWithLast(space, last))
    }
}

/// Refuses an array whose values are not integers or not all in the file. Surplus entries are ignored.
fn check_array(array: Entry, chunks: u64) -> Option<()> {
    let len = array.count.min(chunks);
    if len > 0 {
        array.integer(0)?;
        array.integer(len - 1)?;
    }
    Some(())
}

fn stored_count(directory: &Directory, index: u64) -> u64 {
    let array = directory.byte_counts;
    array.and_then(|array| array.integer(index)).unwrap_or(0)
}

/// Division that checks for a divisor of zero.
trait CheckedDivCeil: Sized {
    fn checked_div_ceil(self, divisor: Self) -> Option<Self>;
}

impl CheckedDivCeil for u32 {
    fn checked_div_ceil(self, divisor: Self) -> Option<Self> {
        (divisor != 0).then(|| self.div_ceil(divisor))
    }
}
