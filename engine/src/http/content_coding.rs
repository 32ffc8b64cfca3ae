//! Owns the content codings (RFC 9110, 8.4.1): gzip, deflate, br and zstd. Requests ask for none, but
//! some servers send them anyway, and some name one that was never applied. Never decodes past the cap,
//! which is checked during decoding.

use std::io::{ErrorKind, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use turbo2ds_codec::sniff;

use crate::failure::Failure;

/// A supported coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952, one member or more.
    Gzip,
    /// RFC 1950, or bare RFC 1951, as some servers send it.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, within the window of RFC 9659.
    Zstd,
}

impl Coding {
    fn of(name: &[u8]) -> Option<Self> {
        let is = |names: &[&[u8]]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is(&[b"gzip", b"x-gzip"]) {
            Some(Self::Gzip)
        } else if is(&[b"deflate"]) {
            Some(Self::Deflate)
        } else if is(&[b"br"]) {
            Some(Self::Brotli)
        } else if is(&[b"zstd"]) {
            Some(Self::Zstd)
        } else {
            None
        }
    }
}

/// Most codings of one body: each step holds another copy of it.
const CODINGS_MAX: usize = 2;

/// The codings that header fields name, in the order in which they were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CodingList {
    known: [Option<Coding>; CODINGS_MAX],
    too_many: bool,
    /// Whether an unsupported coding was named.
    unknown: bool,
}

impl CodingList {
    /// Adds the coding that was applied next.
    pub(super) fn push(&mut self, name: &[u8]) {
        if name.is_empty() || name.eq_ignore_ascii_case(b"identity") {
            return;
        }
        let Some(coding) = Coding::of(name) else {
            self.unknown = true;
            return;
        };
        match self.known.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(coding),
            None => self.too_many = true,
        }
    }

    fn len(&self) -> usize {
        self.known.iter().flatten().count()
    }

    /// The codings in the order in which they are removed: the last applied first.
    fn last_applied_first(&self) -> impl Iterator<Item = Coding> {
        self.known.into_iter().flatten().rev()
    }
}

/// The codings of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentEncoding {
    content: CodingList,
    /// Applied after the content codings, under `chunked`.
    transfer: CodingList,
}

impl ContentEncoding {
    /// If any content coding is unknown, none is removed (WHATWG Fetch, "handle content codings"). An
    /// unknown transfer coding is kept, because it is part of the framing, and fails later.
    pub(super) fn new(content: CodingList, transfer: CodingList) -> Self {
        let mut content = if content.unknown {
            CodingList::default()
        } else {
            content
        };
        content.too_many |= content.len() + transfer.len() > CODINGS_MAX;
        Self { content, transfer }
    }

    /// Whether the body needs no decoding.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}

/// The decoded body, or `None` if it needs no decoding: no coding was named, or the body already is an
/// image and the named coding was never applied. With two codings the cap also holds for the step
/// between.
///
/// # Errors
/// [`Failure::ResponseTooLarge`] over `cap`; [`Failure::IncompleteBody`] for a coding that ends early;
/// [`Failure::UnsupportedEncoding`] for a broken coding, for more than two, and for an unknown transfer
/// coding.
pub fn decode_content(
    encoding: ContentEncoding,
    body: &[u8],
    cap: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let ContentEncoding { content, transfer } = encoding;
    if transfer.unknown || transfer.too_many {
        return Err(Failure::UnsupportedEncoding);
    }
    let mut decoded: Option<Vec<u8>> = None;
    for coding in transfer.last_applied_first() {
        decoded = Some(decode_one(coding, decoded.as_deref().unwrap_or(body), cap)?);
    }
    if content.too_many {
        let is_image = sniff(decoded.as_deref().unwrap_or(body)).is_some();
        return is_image
            .then_some(decoded)
            .ok_or(Failure::UnsupportedEncoding);
    }
    for coding in content.last_applied_first() {
        let coded = decoded.as_deref().unwrap_or(body);
        if let Some(plain) = decode_unless_image(coding, coded, cap)? {
            decoded = Some(plain);
        }
    }
    Ok(decoded)
}

/// `None` if `coded` already is an image. Coded bytes may begin like an image (brotli has no magic
/// number), but then they decode to one.
fn decode_unless_image(
    coding: Coding,
    coded: &[u8],
    cap: usize,
) -> Result<Option<Vec<u8>>, Failure> {
    let decoded = decode_one(coding, coded, cap);
    if sniff(coded).is_none() {
        return decoded.map(Some);
    }
    Ok(decoded.ok().filter(|plain| sniff(plain).is_some()))
}

fn decode_one(coding: Coding, body: &[u8], cap: usize) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    match coding {
        Coding::Gzip => gunzip(body, cap, &mut out),
        Coding::Deflate => inflate(body, cap, &mut out),
        Coding::Brotli => unbrotli(body, cap, &mut out),
        Coding::Zstd => unzstd(body, cap, &mut out),
    }?;
    Ok(out)
}

/// Initial size of the output; it doubles from there.
const GROWTH_BYTES: usize = 64 * 1024;

/// Fills `out` from `read`, which returns 0 at the end of the stream. Fails at the first byte past
/// `cap`, before allocating for it.
fn read_capped(
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
            let size = (filled * 2).max(GROWTH_BYTES).min(cap);
            out.reserve_exact(size - filled);
            out.resize(start + size, 0);
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
        read_capped(left, out, |into| {
            member
                .read(into)
                .map_err(|error| decode_failure(error.kind()))
        })?;
        rest = member.into_inner();
        // Bytes after the last member are padding and ignored, as in other clients.
        if !rest.starts_with(MAGIC) {
            return Ok(());
        }
    }
}

const fn decode_failure(kind: ErrorKind) -> Failure {
    match kind {
        ErrorKind::UnexpectedEof => Failure::IncompleteBody,
        _ => Failure::UnsupportedEncoding,
    }
}

fn inflate(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let mut stream = Decompress::new(has_zlib_header(body));
    let mut ended = false;
    read_capped(cap, out, |into| {
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

/// RFC 1950, 2.2: the method is 8, and the first two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => true,
    }
}

fn unbrotli(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    // Strict: without the large-window extension, whose windows can take a gigabyte.
    let mut state = BrotliState::new_strict(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    );
    let (mut input_left, mut at, mut total) = (body.len(), 0, 0);
    let mut ended = false;
    read_capped(cap, out, |into| {
        let (mut output_left, mut written) = (into.len(), 0);
        if ended {
            return Ok(0);
        }
        let result = BrotliDecompressStream(
            &mut input_left,
            &mut at,
            body,
            &mut output_left,
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

/// The largest window that a decoder must support (RFC 9659): 8 MB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

fn unzstd(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let refused = |_| Failure::UnsupportedEncoding;
    let mut frames = zstd::Decoder::with_buffer(body).map_err(refused)?;
    frames
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(refused)?;
    read_capped(cap, out, |into| {
        frames
            .read(into)
            .map_err(|error| decode_failure(error.kind()))
    })
}

#[cfg(test)]
#[path = "content_coding_tests.rs"]
mod tests;
