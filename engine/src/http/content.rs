//! Owns the content codings (RFC 9110, 8.4.1): gzip, deflate and br. We ask for none; some servers
//! send them all the same.
//! Never decodes past the cap: it holds while the bytes come out, not afterwards.

use std::io::{ErrorKind, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use crate::failure::Failure;

/// One coding that we undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952, one member or more.
    Gzip,
    /// RFC 1950, or RFC 1951 bare, as some servers send it.
    Deflate,
    /// RFC 7932.
    Brotli,
}

/// What a body has to be decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Nothing.
    Identity,
    /// One coding.
    Coded(Coding),
    /// Two codings; the outer one is undone first.
    CodedTwice {
        /// Applied first.
        inner: Coding,
        /// Applied last.
        outer: Coding,
    },
    /// A coding we do not know, or more than two.
    Unsupported,
}

impl ContentEncoding {
    /// Adds the coding that was applied next.
    pub(super) fn push(&mut self, name: &[u8]) {
        let coding = match name.to_ascii_lowercase().as_slice() {
            b"" | b"identity" => return,
            b"gzip" | b"x-gzip" => Some(Coding::Gzip),
            b"deflate" => Some(Coding::Deflate),
            b"br" => Some(Coding::Brotli),
            _ => None,
        };
        *self = match (*self, coding) {
            (Self::Identity, Some(coding)) => Self::Coded(coding),
            (Self::Coded(inner), Some(outer)) => Self::CodedTwice { inner, outer },
            _ => Self::Unsupported,
        };
    }
}

/// Appends the decoded body to `out`, at most `cap` bytes; with two codings the step between is
/// held to the cap as well.
///
/// # Errors
/// [`Failure::ResponseTooLarge`] over `cap`; [`Failure::IncompleteBody`] for a coding that ends
/// early; [`Failure::UnsupportedEncoding`] for an unknown or broken one.
pub fn decode_content(
    encoding: ContentEncoding,
    body: &[u8],
    cap: usize,
    out: &mut Vec<u8>,
) -> Result<(), Failure> {
    match encoding {
        ContentEncoding::Identity if body.len() > cap => Err(Failure::ResponseTooLarge),
        ContentEncoding::Identity => {
            out.extend_from_slice(body);
            Ok(())
        }
        ContentEncoding::Coded(coding) => decode_one(coding, body, cap, out),
        ContentEncoding::CodedTwice { inner, outer } => {
            let mut between = Vec::new();
            decode_one(outer, body, cap, &mut between)?;
            decode_one(inner, &between, cap, out)
        }
        ContentEncoding::Unsupported => Err(Failure::UnsupportedEncoding),
    }
}

fn decode_one(coding: Coding, body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    match coding {
        Coding::Gzip => gunzip(body, cap, out),
        Coding::Deflate => inflate(body, cap, out),
        Coding::Brotli => unbrotli(body, cap, out),
    }
}

/// Bytes that the output grows by at first; it doubles from there.
const GROWTH_BYTES: usize = 64 * 1024;

/// Fills `out` from `read`, which returns 0 at the stream's end, and fails at the first byte past
/// `cap` without having made room for it.
fn pump(
    cap: usize,
    out: &mut Vec<u8>,
    mut read: impl FnMut(&mut [u8]) -> Result<usize, Failure>,
) -> Result<(), Failure> {
    let start = out.len();
    let mut filled = 0;
    loop {
        if filled == cap {
            return match read(&mut [0])? {
                0 => Ok(()),
                _ => Err(Failure::ResponseTooLarge),
            };
        }
        if start + filled == out.len() {
            let room = (filled * 2).max(GROWTH_BYTES).min(cap);
            out.reserve_exact(room - filled);
            out.resize(start + room, 0);
        }
        let count = read(&mut out[start + filled..])?;
        filled += count;
        if count == 0 {
            out.truncate(start + filled);
            return Ok(());
        }
    }
}

fn gunzip(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    const MAGIC: &[u8] = b"\x1f\x8b";
    let start = out.len();
    let mut rest = body;
    loop {
        let mut member = GzDecoder::new(rest);
        let left = cap - (out.len() - start);
        pump(left, out, |into| {
            member
                .read(into)
                .map_err(|error| gzip_failure(error.kind()))
        })?;
        rest = member.into_inner();
        // What follows the last member is padding, and ignored as everywhere.
        if !rest.starts_with(MAGIC) {
            return Ok(());
        }
    }
}

const fn gzip_failure(kind: ErrorKind) -> Failure {
    match kind {
        ErrorKind::UnexpectedEof => Failure::IncompleteBody,
        _ => Failure::UnsupportedEncoding,
    }
}

fn inflate(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let mut stream = Decompress::new(has_zlib_header(body));
    let mut ended = false;
    pump(cap, out, |into| {
        let before = stream.total_out();
        while !ended && stream.total_out() == before {
            let read_before = stream.total_in();
            let rest = usize::try_from(read_before).map_or(&[][..], |at| &body[at..]);
            let status = stream
                .decompress(rest, into, FlushDecompress::None)
                .map_err(|_| Failure::UnsupportedEncoding)?;
            ended = status == Status::StreamEnd;
            let stuck = stream.total_in() == read_before && stream.total_out() == before;
            if stuck && !ended {
                return Err(Failure::IncompleteBody);
            }
        }
        usize::try_from(stream.total_out() - before).map_err(|_| Failure::ResponseTooLarge)
    })
}

/// RFC 1950, 2.2: the method is 8 and the first two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => true,
    }
}

fn unbrotli(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    // Strict: without the large-window extension, whose windows reach a gigabyte.
    let mut state = BrotliState::new_strict(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let (mut left, mut at, mut total) = (body.len(), 0, 0);
    let mut ended = false;
    pump(cap, out, |into| {
        let (mut room, mut written) = (into.len(), 0);
        if ended {
            return Ok(0);
        }
        let result = BrotliDecompressStream(
            &mut left,
            &mut at,
            body,
            &mut room,
            &mut written,
            into,
            &mut total,
            &mut state,
        );
        match result {
            BrotliResult::ResultSuccess => ended = true,
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Err(Failure::IncompleteBody),
            BrotliResult::ResultFailure => return Err(Failure::UnsupportedEncoding),
        }
        Ok(written)
    })
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
