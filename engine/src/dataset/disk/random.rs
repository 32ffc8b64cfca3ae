//! Owns reading the bytes of a file in any order, wherever the file is. Never interprets them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that a reader from some place on reads at a time.
const STEP_BYTES: usize = 64 * 1024;

/// Bytes that are read by their place.
pub(crate) trait Ranges: Send + Sync {
    /// How many there are.
    fn length(&self) -> u64;

    /// `length` bytes that begin at `at`.
    ///
    /// # Errors
    /// The store's; `UnexpectedEof` if there are fewer.
    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes>;
}

/// A file whose bytes are read in any order. Cheap to clone.
#[derive(Clone)]
pub(crate) struct RandomAccess(Arc<dyn Ranges>);

impl RandomAccess {
    /// What these ranges are of.
    pub(crate) fn new(ranges: impl Ranges + 'static) -> Self {
        Self(Arc::new(ranges))
    }

    /// A file of a file system.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self::new(Plain { file, length }))
    }

    /// How many bytes there are.
    pub(crate) fn length(&self) -> u64 {
        self.0.length()
    }

    /// `length` bytes that begin at `at`.
    ///
    /// # Errors
    /// The store's; `UnexpectedEof` if there are fewer.
    pub(crate) fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        self.0.read_at(at, length)
    }
}

struct Plain {
    file: File,
    length: u64,
}

impl Ranges for Plain {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        // A broken footer may ask for more than there is.
        if at
            .checked_add(length as u64)
            .is_none_or(|end| end > self.length)
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes.into())
    }
}

impl Ranges for Bytes {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let start = usize::try_from(at).ok();
        let end = start.and_then(|start| start.checked_add(length));
        match (start, end) {
            (Some(start), Some(end)) if end <= self.len() => Ok(self.slice(start..end)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Length for RandomAccess {
    fn len(&self) -> u64 {
        self.0.length()
    }
}

impl ChunkReader for RandomAccess {
    type T = Forward;

    fn get_read(&self, start: u64) -> ParquetResult<Forward> {
        Ok(Forward {
            ranges: self.clone(),
            at: start,
            piece: Bytes::new(),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let read = self.read_at(start, length);
        read.map_err(|error| ParquetError::External(error.into()))
    }
}

/// The bytes of a file from some place on.
pub(crate) struct Forward {
    ranges: RandomAccess,
    at: u64,
    piece: Bytes,
}

impl Read for Forward {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let left = self.ranges.len().saturating_sub(self.at);
            let length = usize::try_from(left).map_or(STEP_BYTES, |left| left.min(STEP_BYTES));
            self.piece = self.ranges.read_at(self.at, length)?;
            self.at += length as u64;
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bytes_are_read_by_their_place_and_forward_from_it() {
        let content: Vec<u8> = (0..200_000_u32).map(|at| at as u8).collect();
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&content).expect("written");
        let sources = [
            RandomAccess::of_file(file).expect("a file"),
            RandomAccess::new(Bytes::from(content.clone())),
        ];
        for source in sources {
            assert_eq!(source.len(), 200_000);
            assert_eq!(
                source.read_at(1000, 10).expect("bytes"),
                content[1000..1010]
            );
            for (at, length) in [(199_999, 2), (u64::MAX, 1), (0, usize::MAX)] {
                let error = source.read_at(at, length).expect_err("too many");
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            }
            let mut rest = Vec::new();
            let mut reader = source.get_read(100_000).expect("a reader");
            reader.read_to_end(&mut rest).expect("the rest");
            assert!(rest == content[100_000..]);
        }
    }
}
