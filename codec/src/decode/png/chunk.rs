//! Owns splitting a PNG into chunks, and the checks that libpng and OpenCV make of any chunk. Never
//! interprets one.

use crate::error::CodecError;

/// OpenCV's limit on an unknown chunk in bytes, including length and checksum.
const UNKNOWN_CHUNK_BYTES_MAX: usize = 8_000_000;

/// A chunk that is completely in the body.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) name: [u8; 4],
    pub(super) data: &'a [u8],
    /// The bytes that the checksum covers: name and data.
    covered: &'a [u8],
    crc: u32,
}

impl Chunk<'_> {
    pub(super) fn is_intact(&self) -> bool {
        libdeflater::crc32(self.covered) == self.crc
    }

    /// Whether a reader must know this chunk.
    pub(super) fn is_critical(&self) -> bool {
        self.name[0].is_ascii_uppercase()
    }

    /// Whether OpenCV's own reader accepts it.
    pub(super) fn passes_opencv(&self) -> bool {
        match (&self.name, self.data.len()) {
            (b"IHDR", bytes) => bytes == 13,
            (b"acTL", bytes) => bytes == 8,
            (b"fcTL", bytes) => bytes == 26,
            (b"bKGD", bytes) => matches!(bytes, 1 | 2 | 6),
            (b"fdAT" | b"IDAT" | b"IEND" | b"PLTE" | b"tEXt" | b"tRNS", _) => true,
            (_, bytes) => bytes + 12 <= UNKNOWN_CHUNK_BYTES_MAX,
        }
    }

    /// Whether its name consists of letters, of which the third is upper case.
    fn has_valid_name(&self) -> bool {
        self.name.iter().all(u8::is_ascii_alphabetic) && self.name[2].is_ascii_uppercase()
    }
}

/// The remaining chunks of a file.
pub(super) struct Chunks<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Chunks<'a> {
    /// The next chunk; an error if the file ends before IEND.
    pub(super) fn next(&mut self) -> Result<Chunk<'a>, CodecError> {
        let chunk = self.split().ok_or(CodecError::Decode)?;
        if chunk.has_valid_name() {
            Ok(chunk)
        } else {
            Err(CodecError::Decode)
        }
    }

    fn split(&mut self) -> Option<Chunk<'a>> {
        let (length, after) = self.rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let name = *after.first_chunk::<4>()?;
        let (covered, after) = after.split_at_checked(4 + length)?;
        let (crc, after) = after.split_first_chunk::<4>()?;
        self.rest = after;
        Some(Chunk {
            name,
            data: &covered[4..],
            covered,
            crc: u32::from_be_bytes(*crc),
        })
    }
}
