//! Owns reading a dataset's files back from a store: forward with requests ahead, and in any order by blocks
//! that are kept for a while. Never writes.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};

use super::place::Place;
use crate::dataset::disk::{RandomAccess, Ranges};
use crate::net::storage::{Found, Objects, ReadAhead};

/// Bytes of a request for bytes in any order.
const BLOCK_BYTES: u64 = 4 * 1024 * 1024;
/// Blocks that are kept of one file: columns are read side by side.
const BLOCKS_KEPT: usize = 8;

impl Place {
    fn found(&self, name: &str) -> io::Result<Found> {
        let key = self.key(name);
        let found = self
            .objects
            .wait(|objects| async move { objects.head(&key).await })?;
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// A file's bytes from its start.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn stream(&self, name: &str) -> io::Result<Box<dyn Read + Send>> {
        let found = self.found(name)?;
        let key = self.key(name);
        let ahead = ReadAhead::whole(&self.objects, &key, &found.version, 0, found.bytes);
        Ok(Box::new(Stream {
            ahead,
            at: 0,
            bytes: found.bytes,
            piece: Bytes::new(),
        }))
    }

    /// A file's bytes in any order.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn random(&self, name: &str) -> io::Result<RandomAccess> {
        let found = self.found(name)?;
        Ok(RandomAccess::new(Blocks {
            objects: self.objects.clone(),
            key: self.key(name),
            found,
            kept: Mutex::default(),
        }))
    }
}

struct Stream {
    ahead: ReadAhead,
    at: u64,
    bytes: u64,
    piece: Bytes,
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.ahead.bytes_at(self.at)?;
            self.at += self.piece.len() as u64;
            if self.piece.is_empty() && self.at < self.bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// An object, in blocks of the same length.
struct Blocks {
    objects: Objects,
    key: String,
    found: Found,
    /// The blocks that were used last, by their numbers.
    kept: Mutex<VecDeque<(u64, Bytes)>>,
}

impl Blocks {
    fn block(&self, number: u64) -> io::Result<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = kept.iter().position(|(kept, _)| *kept == number) {
            // The last one that was used goes last.
            let block = kept.remove(at).into_iter().next();
            let (number, bytes) = block.unwrap_or_default();
            kept.push_back((number, bytes.clone()));
            return Ok(bytes);
        }
        let start = number * BLOCK_BYTES;
        let end = (start + BLOCK_BYTES).min(self.found.bytes);
        let (key, version) = (self.key.clone(), self.found.version.clone());
        let read = self
            .objects
            .wait(|objects| async move { objects.read(&key, start..end, &version).await });
        let bytes = read?;
        if bytes.len() as u64 != end - start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if kept.len() == BLOCKS_KEPT {
            kept.pop_front();
        }
        kept.push_back((number, bytes.clone()));
        Ok(bytes)
    }
}

impl Ranges for Blocks {
    fn length(&self) -> u64 {
        self.found.bytes
    }

    fn read_at(&self, at: u64, length: usize) -> io::Result<Bytes> {
        let end = at
            .checked_add(length as u64)
            .filter(|end| *end <= self.found.bytes);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut joined = BytesMut::new();
        let mut at = at;
        while at < end {
            let block = self.block(at / BLOCK_BYTES)?;
            // A block is no longer than its constant, which fits.
            let from = (at % BLOCK_BYTES) as usize;
            let to = block
                .len()
                .min(from + usize::try_from(end - at).unwrap_or(usize::MAX));
            let piece = block.slice(from..to);
            if joined.is_empty() && piece.len() == length {
                return Ok(piece);
            }
            joined.extend_from_slice(&piece);
            at += piece.len() as u64;
        }
        Ok(joined.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::remote::testing::place;
    use crate::net::storage::Put;

    #[test]
    fn an_object_is_read_forward_and_in_any_order() {
        let place = place("memory://reading");
        let content: Vec<u8> = (0..9_500_000_u32)
            .map(|at| (at >> 8) as u8 ^ at as u8)
            .collect();
        let (key, bytes) = (place.key("00000.tar"), content.clone());
        let put = place
            .objects
            .wait(|objects| async move { objects.put(&key, bytes, Put::Create).await });
        put.expect("memory");
        let mut read = Vec::new();
        place
            .stream("00000.tar")
            .expect("there")
            .read_to_end(&mut read)
            .expect("read");
        assert!(read == content);
        let random = place.random("00000.tar").expect("there");
        for (at, length) in [
            (0, 4),
            (4_194_300, 8),
            (9_499_996, 4),
            (1, 9_000_000),
            (100, 0),
        ] {
            let read = random.read_at(at, length).expect("bytes");
            let at = usize::try_from(at).expect("small");
            assert!(read == content[at..at + length], "{at} {length}");
        }
        let error = random.read_at(9_499_999, 2).expect_err("too many");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        let missing = place.stream("00001.tar").err().map(|error| error.kind());
        assert_eq!(missing, Some(io::ErrorKind::NotFound));
    }
}
