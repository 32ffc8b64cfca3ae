//! Owns inflating IDAT to filtered rows: at once with libdeflate and, if that fails, piece by piece as libpng
//! drives zlib, which decides what is accepted. Never reads a filter.
//!
//! Unlike zlib it accepts matches that reach further back than the stream header announces; the checksum
//! at the end protects the result.

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::Decompressor;

use super::passes::Passes;
use crate::error::CodecError;

/// Largest expansion of a deflate stream: 258 bytes for two bits.
const EXPANSION_MAX: usize = 1032;

/// Bytes that libpng passes to zlib at a time.
const READ_BYTES: usize = 8192;

/// Most bytes after the last row until the end of the stream. libpng has no limit; a longer tail is
/// refused.
const TAIL_BYTES_MAX: usize = 16 << 20;

/// Largest buffer of joined chunks that is kept.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Whether `data` is too short to inflate to `bytes`, whatever its content.
pub(super) fn cannot_expand_to(data: &[&[u8]], bytes: usize) -> bool {
    let stored: usize = data.iter().map(|piece| piece.len()).sum();
    stored.saturating_mul(EXPANSION_MAX) < bytes
}

/// Inflates streams; keeps working memory.
pub(super) struct Inflater {
    decompressor: Decompressor,
    joined: Vec<u8>,
}

impl Default for Inflater {
    fn default() -> Self {
        Self {
            decompressor: Decompressor::new(),
            joined: Vec::new(),
        }
    }
}

impl Inflater {
    /// Fills `rows` from the zlib stream in the pieces of `data`.
    pub(super) fn inflate(
        &mut self,
        data: &[&[u8]],
        passes: &Passes,
        rows: &mut [u8],
    ) -> Result<(), CodecError> {
        let stream = match data {
            [one] => one,
            pieces => {
                self.joined.clear();
                for piece in pieces {
                    self.joined.extend_from_slice(piece);
                }
                &self.joined[..]
            }
        };
        match self.decompressor.zlib_decompress(stream, rows) {
            Ok(written) if written == rows.len() => Ok(()),
            Ok(_) => Err(CodecError::Decode),
            Err(_) => follow_libpng(data, passes, rows),
        }
    }

    /// Frees memory after an unusually large file.
    pub(super) fn trim(&mut self) {
        if self.joined.capacity() > KEPT_BYTES_MAX {
            self.joined = Vec::new();
        }
    }
}

fn follow_libpng(data: &[&[u8]], passes: &Passes, rows: &mut [u8]) -> Result<(), CodecError> {
    let mut stream = Stream::new(data);
    let mut rest = rows;
    for bytes in passes.rows() {
        let (row, below) = rest.split_at_mut(bytes);
        stream.fill(row)?;
        rest = below;
    }
    stream.finish()
}

/// Inflates like libpng: pieces of at most 8 KiB in, a row out at a time. A zlib error is fatal before the
/// last row is complete and only a warning after it; zlib may check the checksum in the same call that
/// completes the last row.
pub(super) struct Stream<'a> {
    /// Unread pieces, the rest of the current one, and the part of it that zlib reads now.
    pieces: &'a [&'a [u8]],
    piece: &'a [u8],
    read: &'a [u8],
    zlib: Decompress,
    ended: bool,
}

impl<'a> Stream<'a> {
    pub(super) fn new(data: &'a [&'a [u8]]) -> Self {
        Self {
            pieces: data,
            piece: &[],
            read: &[],
            zlib: Decompress::new(true),
            ended: false,
        }
    }

    /// Fills a row.
    pub(super) fn fill(&mut self, mut row: &mut [u8]) -> Result<(), CodecError> {
        while !row.is_empty() {
            if self.ended {
                return Err(CodecError::Decode);
            }
            let (written, status) = self.step(row)?;
            row = &mut row[written..];
            self.ended = match status {
                Ok(Status::StreamEnd) => true,
                Ok(Status::Ok) => false,
                _ => return Err(CodecError::Decode),
            };
        }
        Ok(())
    }

    /// One call of zlib; returns the bytes written and its status. An error if no input is left.
    fn step(
        &mut self,
        out: &mut [u8],
    ) -> Result<(usize, Result<Status, flate2::DecompressError>), CodecError> {
        while self.read.is_empty() {
            if self.piece.is_empty() {
                (self.piece, self.pieces) = match self.pieces {
                    [first, rest @ ..] => (*first, rest),
                    [] => return Err(CodecError::Decode),
                };
            }
            let bytes = self.piece.len().min(READ_BYTES);
            (self.read, self.piece) = self.piece.split_at(bytes);
        }
        let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
        let status = self.zlib.decompress(self.read, out, FlushDecompress::None);
        self.read = &self.read[(self.zlib.total_in() - read) as usize..];
        Ok(((self.zlib.total_out() - written) as usize, status))
    }

    /// Reads to the end of the stream after the last row. Only running out of input is an error.
    pub(super) fn finish(&mut self) -> Result<(), CodecError> {
        if self.ended {
            return Ok(());
        }
        let mut tail = [0; 1024];
        let mut tail_bytes = 0;
        loop {
            let (written, status) = self.step(&mut tail)?;
            tail_bytes += written;
            if !matches!(status, Ok(Status::Ok)) || tail_bytes == 0 {
                return Ok(());
            }
            if tail_bytes > TAIL_BYTES_MAX {
                return Err(CodecError::Decode);
            }
        }
    }
}
