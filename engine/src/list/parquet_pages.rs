//! Owns checking the page headers of a parquet file (parquet.thrift, in Thrift's compact protocol)
//! before the parquet crate reads them: it allocates whatever a header claims, such as pages of
//! gigabytes and dictionaries of billions. Never reads a page.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use parquet::basic::{Compression, Type};
use parquet::file::metadata::ColumnChunkMetaData;

/// Bytes of a header that are read first.
const HEADER_BYTES: usize = 4 * 1024;
/// Most bytes of a header: its statistics may hold long values.
const HEADER_BYTES_MAX: usize = 1024 * 1024;
/// Largest decompressed page, bytes; writers make pages of about one megabyte.
const PAGE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Highest compression ratio of deflate, the densest of the codecs below.
const EXPANSION_MAX: u64 = 1100;
/// Bytes allowed beyond that ratio, for very small pages.
const EXPANSION_ROOM_BYTES: u64 = 64 * 1024;
/// Deepest nesting of structs and lists.
const DEPTH_MAX: u32 = 8;

/// Fails if the pages of a column chunk claim more than they can contain.
///
/// # Errors
/// Errors of the file; `InvalidData` for headers that are invalid or claim too much.
pub(crate) fn check(file: &File, column: &ColumnChunkMetaData) -> io::Result<()> {
    check_with(column, |at, length| {
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    })
}

/// [`check`], for bytes that `read_at` reads: from which place, and how many.
///
/// # Errors
/// Those of `read_at`; `InvalidData` for headers that are invalid or claim too much.
pub(crate) fn check_with(
    column: &ColumnChunkMetaData,
    mut read_at: impl FnMut(u64, usize) -> io::Result<Bytes>,
) -> io::Result<()> {
    let Range { start, end } = range(column)?;
    let mut left = unsigned(column.num_values())?;
    let mut at = start;
    while at < end && left > 0 {
        let (header, _, next) = read_header(column, at..end, |length| read_at(at, length))?;
        left = left.saturating_sub(header.data_values);
        at = next;
    }
    Ok(())
}

/// The bytes of a column chunk.
///
/// # Errors
/// `InvalidData` if there can be no such bytes.
pub(crate) fn range(column: &ColumnChunkMetaData) -> io::Result<Range<u64>> {
    let start = column
        .dictionary_page_offset()
        .unwrap_or(column.data_page_offset());
    let (start, length) = (unsigned(start)?, unsigned(column.compressed_size())?);
    let end = start.checked_add(length).ok_or_else(implausible)?;
    Ok(start..end)
}

/// The header of a page of this column chunk, which the page and the rest of the chunk follow. `peek` returns as many
/// bytes from the start of `rest` as it is asked for.
///
/// # Errors
/// Errors of `peek`; `InvalidData` if the page claims more than it can contain.
pub(crate) fn checked_header(
    column: &ColumnChunkMetaData,
    rest: Range<u64>,
    peek: impl FnMut(usize) -> io::Result<Bytes>,
) -> io::Result<Bytes> {
    read_header(column, rest, peek).map(|(_, header, _)| header)
}

pub(crate) fn implausible() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "its pages are implausible")
}

fn unsigned(number: i64) -> io::Result<u64> {
    u64::try_from(number).map_err(|_| implausible())
}

/// The fields of a page header that are checked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Header {
    uncompressed: u64,
    compressed: u64,
    /// Values of a data page; 0 for other pages.
    data_values: u64,
    dictionary_values: u64,
}

impl Header {
    fn check(&self, column: &ColumnChunkMetaData) -> io::Result<()> {
        let dense = self.compressed.saturating_mul(EXPANSION_MAX) + EXPANSION_ROOM_BYTES;
        let most = match column.compression() {
            Compression::UNCOMPRESSED => self.compressed,
            Compression::ZSTD(_) | Compression::BROTLI(_) => PAGE_BYTES_MAX,
            _ => dense.min(PAGE_BYTES_MAX),
        };
        let value_bytes = match column.column_type() {
            Type::FIXED_LEN_BYTE_ARRAY | Type::BOOLEAN => 1,
            _ => 4,
        };
        let values_fit = self.dictionary_values.saturating_mul(value_bytes) <= self.uncompressed;
        if self.uncompressed <= most && values_fit {
            Ok(())
        } else {
            Err(implausible())
        }
    }
}

/// The header at the start of `rest`, checked, its bytes, and where the next one begins.
fn read_header(
    column: &ColumnChunkMetaData,
    rest: Range<u64>,
    mut peek: impl FnMut(usize) -> io::Result<Bytes>,
) -> io::Result<(Header, Bytes, u64)> {
    let mut room = HEADER_BYTES;
    loop {
        let left = usize::try_from(rest.end - rest.start);
        let wanted = left.map_or(room, |left| left.min(room));
        let bytes = peek(wanted)?;
        let mut reader = Compact { bytes: &bytes };
        match reader.page_header() {
            Some(header) => {
                header.check(column)?;
                let length = bytes.len() - reader.bytes.len();
                let next = rest.start.checked_add(length as u64 + header.compressed);
                let next = next
                    .filter(|next| *next <= rest.end)
                    .ok_or_else(implausible)?;
                return Ok((header, bytes.slice(..length), next));
            }
            None if wanted < room || room >= HEADER_BYTES_MAX => return Err(implausible()),
            None => room *= 16,
        }
    }
}

/// Reads Thrift's compact protocol; `None` if the bytes end early or are invalid.
struct Compact<'a> {
    bytes: &'a [u8],
}

// Types of fields and elements.
const I32: u8 = 5;
const STRUCT: u8 = 12;

impl Compact<'_> {
    fn page_header(&mut self) -> Option<Header> {
        let mut header = Header::default();
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            match (id, kind) {
                (2, I32) => header.uncompressed = self.size()?,
                (3, I32) => header.compressed = self.size()?,
                (5 | 8, STRUCT) => header.data_values = self.values()?,
                (7, STRUCT) => header.dictionary_values = self.values()?,
                _ => self.skip(kind, DEPTH_MAX)?,
            }
        }
        Some(header)
    }

    /// The number of values: field 1 of the headers of data and dictionary pages.
    fn values(&mut self) -> Option<u64> {
        let (mut values, mut id) = (0, 0);
        while let Some(kind) = self.field(&mut id)? {
            match (id, kind) {
                (1, I32) => values = self.size()?,
                _ => self.skip(kind, DEPTH_MAX)?,
            }
        }
        Some(values)
    }

    /// The type of the next field, whose id is stored in `id`; `Some(None)` at the end of the struct.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        *id = match byte >> 4 {
            0 => self.signed()?,
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(Some(byte & 15))
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            // The value of a boolean field is in its type.
            1 | 2 => {}
            3 => drop(self.byte()?),
            4..=6 => drop(self.varint()?),
            7 => drop(self.take(8)?),
            8 => {
                let length = self.varint()?;
                self.take(length)?;
            }
            9 | 10 => self.skip_list(depth)?,
            STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth)?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn skip_list(&mut self, depth: u32) -> Option<()> {
        let byte = self.byte()?;
        let count = match byte >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        for _ in 0..count {
            match byte & 15 {
                // In a list, a boolean takes a byte.
                1 | 2 => drop(self.byte()?),
                // Each takes at least one byte, so the loop is bounded.
                kind => self.skip(kind, depth)?,
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn take(&mut self, count: u64) -> Option<&[u8]> {
        let (taken, rest) = self.bytes.split_at_checked(usize::try_from(count).ok()?)?;
        self.bytes = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A 32-bit number that cannot be negative.
    fn size(&mut self) -> Option<u64> {
        let number = i32::try_from(self.signed()?).ok()?;
        u64::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dictionary page of 9 bytes, 11 after decompression, with 2 values.
    const DICTIONARY: &[u8] = &[
        0x15, 0x04, 0x15, 0x16, 0x15, 0x12, 0x4c, 0x15, 0x04, 0x15, 0x00, 0x12, 0x00, 0x00,
    ];

    #[test]
    fn only_the_header_is_read() {
        let mut bytes = DICTIONARY.to_vec();
        bytes.push(0xff);
        let mut reader = Compact { bytes: &bytes };
        let header = reader.page_header().expect("a header");
        let expected = Header {
            uncompressed: 11,
            compressed: 9,
            data_values: 0,
            dictionary_values: 2,
        };
        assert_eq!(header, expected);
        assert_eq!(reader.bytes, [0xff]);
    }

    #[test]
    fn a_truncated_header_is_refused() {
        for end in 0..DICTIONARY.len() {
            let mut reader = Compact {
                bytes: &DICTIONARY[..end],
            };
            assert_eq!(reader.page_header(), None, "{end} bytes");
        }
    }

    #[test]
    fn a_size_beyond_32_bits_is_refused() {
        let whole = |number: &[u8]| Compact { bytes: number }.size();
        assert_eq!(whole(&[0xfe, 0xff, 0xff, 0xff, 0x0f]), Some(0x7fff_ffff));
        assert_eq!(whole(&[0x80, 0x80, 0x80, 0x80, 0x10]), None);
        assert_eq!(whole(&[0x01]), None);
    }

    #[test]
    fn deeply_nested_structs_are_refused() {
        let deep = [0x1c].repeat(10_000);
        assert_eq!(Compact { bytes: &deep }.page_header(), None);
    }
}
