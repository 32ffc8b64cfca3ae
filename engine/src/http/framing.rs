//! Owns where a body ends (RFC 9112, 6): what cannot confuse two readers is accepted, and the
//! connection closed after it; what can is refused.
//! Never reads a body.

use crate::failure::Failure;

use super::content::CodingList;

/// Where the body of an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// Where the chunks say so.
    Chunked,
    /// Where the connection does.
    Eof,
}

/// What the framing fields of one head say, gathered field by field.
#[derive(Debug, Default)]
pub(super) struct FramingFields {
    length: Option<u64>,
    /// A transfer coding, `chunked` among them.
    transfer_seen: bool,
    chunked: bool,
    /// `identity` for a transfer coding: it was withdrawn and means none, but some would take the body
    /// to end with the connection.
    identity: bool,
}

impl FramingFields {
    /// Takes one `Content-Length` value. A list of equal numbers is one number.
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

    /// Takes one `Transfer-Encoding` value. Codings before the final `chunked` go to `codings`.
    pub(super) fn transfer_encoding(
        &mut self,
        value: &[u8],
        codings: &mut CodingList,
    ) -> Result<(), Failure> {
        for item in value.split(|&b| b == b',') {
            let item = item.trim_ascii();
            // Chunked is last and once, or nobody knows where the body ends.
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

    /// The framing, and whether the connection is at the start of an answer once the body is read.
    pub(super) fn resolve(&self, status: u16, http_1_1: bool) -> Result<(Framing, bool), Failure> {
        if self.transfer_seen && !self.chunked {
            return Err(Failure::MalformedResponse);
        }
        if matches!(status, 100..=199 | 204 | 205 | 304) {
            // A body that was announced all the same may come: leave it to the closed connection.
            let silent = !self.transfer_seen && self.length.unwrap_or(0) == 0;
            return Ok((Framing::Empty, silent && !self.identity));
        }
        let (framing, in_step) = match (self.chunked, self.length) {
            (true, length) => (Framing::Chunked, length.is_none() && http_1_1),
            (false, Some(length)) => (Framing::Length(length), true),
            (false, None) => (Framing::Eof, false),
        };
        Ok((framing, in_step && !self.identity))
    }
}

/// Digits and nothing else; a number beyond `u64` stays beyond every limit.
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
