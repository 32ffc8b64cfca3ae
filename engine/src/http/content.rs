//! Owns the content codings (RFC 9110, 8.4.1): gzip, deflate, br and zstd. We ask for none; some
//! servers send them all the same, and some name one that nobody applied.
//! Never decodes past the cap: it holds while the bytes come out, not afterwards.

use std::io::{ErrorKind, Read};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::bufread::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use turbo2ds_codec::sniff;

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

/// Codings of one body that are undone: each step holds another copy of it.
const CODINGS_MAX: usize = 2;

/// The codings that fields name, in the order in which they were applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CodingList {
    known: [Option<Coding>; CODINGS_MAX],
    too_many: bool,
    /// A name that is no coding of ours.
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

    /// The last applied first.
    fn outer_first(&self) -> impl Iterator<Item = Coding> {
        self.known.into_iter().flatten().rev()
    }
}

/// What a body has to be decoded from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentEncoding {
    content: CodingList,
    /// Applied after the content's, under `chunked`.
    transfer: CodingList,
}

impl ContentEncoding {
    /// A content coding that we do not know leaves the bytes alone, and the known ones beside it too
    /// (WHATWG Fetch, "handle content codings"). A transfer coding is framing: there it stays unknown.
    pub(super) fn new(content: CodingList, transfer: CodingList) -> Self {
        let mut content = if content.unknown {
            CodingList::default()
        } else {
            content
        };
        content.too_many |= content.len() + transfer.len() > CODINGS_MAX;
        Self { content, transfer }
    }

    /// Whether the bytes stand as they come.
    pub fn is_identity(&self) -> bool {
        *self == Self::default()
    }
}

/// The decoded body, or none where it stands as it came: nothing was named, or what was named over
/// bytes that are an image already was never applied to them. With two codings the step between is
/// held to the cap as well.
///
/// # Errors
/// [`Failure::ResponseTooLarge`] over `cap`; [`Failure::IncompleteBody`] for a coding that ends
/// early; [`Failure::UnsupportedEncoding`] for a broken one, for more than two, and for an unknown one
/// of the transfer.
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
    for coding in transfer.outer_first() {
        decoded = Some(decode_one(coding, decoded.as_deref().unwrap_or(body), cap)?);
    }
    if content.too_many {
        let is_image = sniff(decoded.as_deref().unwrap_or(body)).is_some();
        return is_image
            .then_some(decoded)
            .ok_or(Failure::UnsupportedEncoding);
    }
    for coding in content.outer_first() {
        let coded = decoded.as_deref().unwrap_or(body);
        if let Some(plain) = decode_unless_image(coding, coded, cap)? {
            decoded = Some(plain);
        }
    }
    Ok(decoded)
}

/// None where `coded` is an image as it stands. Coded bytes that only begin like one, as those of br may,
/// decode, and to an image.
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
                .map_err(|error| stream_failure(error.kind()))
        })?;
        rest = member.into_inner();
        // What follows the last member is padding, and ignored as everywhere.
        if !rest.starts_with(MAGIC) {
            return Ok(());
        }
    }
}

const fn stream_failure(kind: ErrorKind) -> Failure {
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

/// The largest window that a decoder of the content coding must have (RFC 9659): 8 MB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

fn unzstd(body: &[u8], cap: usize, out: &mut Vec<u8>) -> Result<(), Failure> {
    let refused = |_| Failure::UnsupportedEncoding;
    let mut frames = zstd::Decoder::with_buffer(body).map_err(refused)?;
    frames
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(refused)?;
    pump(cap, out, |into| {
        frames
            .read(into)
            .map_err(|error| stream_failure(error.kind()))
    })
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
