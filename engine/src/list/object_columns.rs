//! Owns how the parquet crate reads an object: the footer from its tail, and of each kept column only its own
//! bytes, read ahead across row groups. Every page header is checked before the crate sees it. Never decodes a page.

use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, Length};

use super::object::ObjectFile;
use super::parquet_pages;
use crate::net::storage::{HELD_BYTES_MAX, ReadAhead};

/// Fewest bytes that a column may hold; a page has about one megabyte.
const COLUMN_BYTES_MIN: u64 = 2 * 1024 * 1024;

/// The end of an object, which holds the footer.
pub(super) struct ObjectFooter<'a>(pub(super) &'a ObjectFile);

impl Length for ObjectFooter<'_> {
    fn len(&self) -> u64 {
        self.0.bytes().unwrap_or(0)
    }
}

impl ChunkReader for ObjectFooter<'_> {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let length = usize::try_from(self.len().saturating_sub(start));
        let length = length.map_err(|_| too_long())?;
        self.get_bytes(start, length).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64).ok_or_else(too_long)?;
        if end > self.len() {
            return Err(too_long());
        }
        Ok(self.0.read(start..end)?)
    }
}

fn too_long() -> ParquetError {
    ParquetError::EOF("a part of it reaches beyond its end".to_owned())
}

/// The kept columns of an object.
pub(super) struct ObjectColumns(Arc<Kept>);

struct Kept {
    object: ObjectFile,
    columns: Vec<Column>,
}

/// A page header, which is read when it is asked for: the crate also opens what it then does not read.
pub(super) struct Header {
    kept: Arc<Kept>,
    start: u64,
    bytes: Option<Cursor<Bytes>>,
}

/// One column in all row groups that are read.
struct Column {
    /// Its chunks, in the order of the row groups.
    chunks: Vec<(Range<u64>, ColumnChunkMetaData)>,
    ahead: Mutex<ReadAhead>,
}

impl ObjectColumns {
    /// Reads the columns that `keeps` of these row groups, and asks for their first pages at once.
    ///
    /// # Errors
    /// `InvalidData` if the footer names bytes that are not there.
    pub(super) fn new(
        object: &ObjectFile,
        groups: &[RowGroupMetaData],
        keeps: impl Fn(usize) -> bool,
    ) -> io::Result<Self> {
        let bytes = object.bytes().unwrap_or(0);
        let leaves = groups.first().map_or(0, RowGroupMetaData::num_columns);
        let kept: Vec<usize> = (0..leaves).filter(|leaf| keeps(*leaf)).collect();
        let held_max = (HELD_BYTES_MAX / kept.len().max(1) as u64).max(COLUMN_BYTES_MIN);
        let mut columns = Vec::with_capacity(kept.len());
        for leaf in kept {
            let mut chunks = Vec::with_capacity(groups.len());
            for group in groups {
                let chunk = group
                    .columns()
                    .get(leaf)
                    .ok_or_else(parquet_pages::implausible)?;
                let range = parquet_pages::range(chunk)?;
                if range.end > bytes {
                    return Err(parquet_pages::implausible());
                }
                chunks.push((range, chunk.clone()));
            }
            let mut ranges: Vec<Range<u64>> =
                chunks.iter().map(|(range, _)| range.clone()).collect();
            ranges.sort_by_key(|range| range.start);
            let mut ahead = object.ahead(ranges, held_max);
            ahead.start();
            columns.push(Column {
                chunks,
                ahead: Mutex::new(ahead),
            });
        }
        Ok(Self(Arc::new(Kept {
            object: object.clone(),
            columns,
        })))
    }
}

impl Kept {
    /// The column and the chunk that a byte is in.
    fn at(&self, place: u64) -> io::Result<(&Column, &Range<u64>, &ColumnChunkMetaData)> {
        let chunks = self.columns.iter().flat_map(|column| {
            let chunks = column.chunks.iter();
            chunks.map(move |(range, chunk)| (column, range, chunk))
        });
        let mut chunks = chunks.filter(|(_, range, _)| range.contains(&place));
        chunks.next().ok_or_else(parquet_pages::implausible)
    }

    /// The header that begins at `start`, checked.
    fn header(&self, start: u64) -> io::Result<Bytes> {
        let (column, range, chunk) = self.at(start)?;
        let mut ahead = column.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        parquet_pages::checked_header(chunk, start..range.end, |length| {
            self.object.told(ahead.peek(start, length))
        })
    }
}

impl Read for Header {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = match &mut self.bytes {
            Some(bytes) => bytes,
            None => self
                .bytes
                .insert(Cursor::new(self.kept.header(self.start)?)),
        };
        bytes.read(buffer)
    }
}

impl Length for ObjectColumns {
    fn len(&self) -> u64 {
        self.0.object.bytes().unwrap_or(0)
    }
}

impl ChunkReader for ObjectColumns {
    type T = Header;

    /// The crate asks so for page headers alone.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(Header {
            kept: self.0.clone(),
            start,
            bytes: None,
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length == 0 {
            // An empty page may stand at the end of its chunk.
            return Ok(Bytes::new());
        }
        let (column, range, _) = self.0.at(start)?;
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > range.end)
        {
            return Err(too_long());
        }
        let mut ahead = column.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.0.object.told(ahead.take(start, length))?;
        if taken.len() == length {
            Ok(taken)
        } else {
            Err(too_long())
        }
    }
}
