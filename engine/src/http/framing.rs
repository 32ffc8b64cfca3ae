//! Owns where a body ends (RFC 9112, 6). Irregular framing that all readers understand alike is
//! accepted, and the connection is closed afterwards; ambiguous framing is refused. Never reads a body.

use crate::failure::Failure;

use super::content_coding::CodingList;

/// Where the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// After this many bytes.
    Length(u64),
    /// At the last chunk.
    Chunked,
    /// At the end of the connection.
    Eof,
}

/// The framing fields of one head, collected field by field.
#[derive(Debug, Default)]
pub(super) struct FramingFields {
    length: Option<u64>,
    /// Whether any transfer coding was named, including `chunked`.
    transfer_seen: bool,
    chunked: bool,
    /// Whether `identity` was named as a transfer coding. It was withdrawn and means none, but some
    /// readers take the body to end with the connection.
    identity: bool,
}

impl FramingFields {
    /// Adds one `Content-Length` value. A list of equal numbers counts as one number.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), Failure> {
        for item in value.split(|&b| b == b',') {
            let number = decimal(item.trim_ascii()).ok_or(Failure::MalformedResponse)?;
            if self.length.is_some_and(|seen| seen != number) {
                return Err(Failure::MalformedResponse);
            }
            self.length = Some(number);
        }
        Ok(())
    }

    /// Adds one `Transfer-Encoding` value. Codings before the final `chunked` go to `codings`.
    pub(super) fn transfer_encoding(
        &mut self,
        value: &[u8],
        codings: &mut CodingList,
    ) -> Result<(), Failure> {
        for item in value.split(|&b| b == b',') {
            let item = item.trim_ascii();
            // `chunked` must come once and last, or the end of the body is unknown.
            if self.chunked || item.is_empty() {
                return Err(Failure::MalformedResponse);
            }
            if item.eq_ignore_ascii_case(b"identity") {
                self.identity = true;
                continue;
            }
            self.transfer_seen = true;
            if item.eq_ignore_ascii_case(b"chunked") {
                self.chunked = true;
            } else {
                codings.push(item);
            }
        }
        Ok(())
    }

    /// The framing, and whether the connection is at the start of the next response once the body was
    /// read.
    pub(super) fn resolve(&self, status: u16, http_1_1: bool) -> Result<(Framing, bool), Failure> {
        if self.transfer_seen && !self.chunked {
            return Err(Failure::MalformedResponse);
        }
        if matches!(status, 100..=199 | 204 | 205 | 304) {
            // An announced body may still follow: do not reuse the connection.
            let nothing_announced = !self.transfer_seen && self.length.unwrap_or(0) == 0;
            return Ok((Framing::Empty, nothing_announced && !self.identity));
        }
        let (framing, reusable) = match (self.chunked, self.length) {
            (true, length) => (Framing::Chunked, length.is_none() && http_1_1),
            (false, Some(length)) => (Framing::Length(length), true),
            (false, None) => (Framing::Eof, false),
        };
        Ok((framing, reusable && !self.identity))
    }
}

/// Parses digits and nothing else. Saturates, so that a number beyond `u64` exceeds every limit.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0_u64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    }))
}
