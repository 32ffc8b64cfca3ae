//! Owns the chunked transfer coding (RFC 9112, 7.1) as a state machine that accepts input split at any
//! byte. Never allocates before a chunk's size has passed the limit, and keeps neither extensions nor
//! trailer fields.

use crate::failure::Failure;

/// Most hexadecimal digits of a chunk's size: 64 bits.
const SIZE_DIGITS_MAX: u32 = 16;
/// Most bytes of chunk extensions in one body, so that small chunks cannot carry unlimited bytes.
const EXTENSION_BYTES_MAX: usize = 16 * 1024;
/// Most bytes of the trailer section.
const TRAILER_BYTES_MAX: usize = 8 * 1024;

/// What one call of [`ChunkedDecoder::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that belong to this body.
    pub consumed: usize,
    /// Whether the body ended; the rest of the input does not belong to it.
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size {
        digits: u32,
    },
    /// Spaces between the size and what follows it.
    SizeSpace,
    Extension,
    /// After a carriage return: only a line feed may follow.
    SizeLf,
    Data,
    DataEnd,
    DataLf,
    Trailer {
        line_empty: bool,
    },
    TrailerLf {
        line_empty: bool,
    },
    Done,
}

/// Decodes one chunked body.
#[derive(Clone, Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Size of the current chunk, then the bytes left of it.
    chunk: u64,
    body_left: u64,
    extension_left: usize,
    trailer_left: usize,
    bare_line_feed: bool,
}

impl ChunkedDecoder {
    /// A decoder for a body of at most `body_bytes_max` bytes.
    pub const fn new(body_bytes_max: usize) -> Self {
        Self {
            state: State::Size { digits: 0 },
            chunk: 0,
            body_left: body_bytes_max as u64,
            extension_left: EXTENSION_BYTES_MAX,
            trailer_left: TRAILER_BYTES_MAX,
            bare_line_feed: false,
        }
    }

    /// Whether the connection may serve another request after this body. A server that ends lines with
    /// a bare line feed is read, but its connection is not reused.
    pub const fn reusable(&self) -> bool {
        matches!(self.state, State::Done) && !self.bare_line_feed
    }

    /// Decodes the part of `input` that belongs to the body and appends the data to `out`. If the
    /// connection ends before `done`, the caller reports [`Failure::IncompleteBody`].
    ///
    /// # Errors
    /// [`Failure::MalformedResponse`] for a bad size or line; [`Failure::ResponseTooLarge`] as soon as
    /// a chunk's size exceeds the limit; [`Failure::HeaderTooLarge`] for too large a trailer section.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, Failure> {
        let mut at = 0;
        while at < input.len() && self.state != State::Done {
            if self.state == State::Data {
                at += self.take_data(&input[at..], out);
            } else {
                self.step(input[at])?;
                at += 1;
            }
        }
        Ok(Progress {
            consumed: at,
            done: self.state == State::Done,
        })
    }

    fn take_data(&mut self, input: &[u8], out: &mut Vec<u8>) -> usize {
        let wanted = usize::try_from(self.chunk).unwrap_or(usize::MAX);
        let taken = wanted.min(input.len());
        out.extend_from_slice(&input[..taken]);
        self.chunk -= taken as u64;
        if self.chunk == 0 {
            self.state = State::DataEnd;
        }
        taken
    }

    fn step(&mut self, byte: u8) -> Result<(), Failure> {
        self.state = match (self.state, byte) {
            (State::Size { digits }, _) if byte.is_ascii_hexdigit() => {
                self.size_digit(digits, byte)?
            }
            (State::Size { digits: 1.. } | State::SizeSpace, b' ' | b'\t') => {
                self.spend_extension()?;
                State::SizeSpace
            }
            (State::Size { digits: 1.. } | State::SizeSpace, b';') => State::Extension,
            (State::Size { digits: 1.. } | State::SizeSpace | State::Extension, b'\r') => {
                State::SizeLf
            }
            (State::Size { digits: 1.. } | State::SizeSpace | State::Extension, b'\n') => {
                self.bare_line_feed = true;
                self.size_line_ended()?
            }
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.spend_extension()?;
                State::Extension
            }
            (State::SizeLf, b'\n') => self.size_line_ended()?,
            (State::DataEnd, b'\r') => State::DataLf,
            (State::DataEnd, b'\n') => {
                self.bare_line_feed = true;
                State::Size { digits: 0 }
            }
            (State::DataLf, b'\n') => State::Size { digits: 0 },
            (State::Trailer { .. } | State::TrailerLf { .. }, _) => self.trailer_byte(byte)?,
            _ => return Err(Failure::MalformedResponse),
        };
        Ok(())
    }

    fn size_digit(&mut self, digits: u32, byte: u8) -> Result<State, Failure> {
        if digits == SIZE_DIGITS_MAX {
            return Err(Failure::MalformedResponse);
        }
        let value = char::from(byte)
            .to_digit(16)
            .ok_or(Failure::MalformedResponse)?;
        self.chunk = self.chunk << 4 | u64::from(value);
        Ok(State::Size { digits: digits + 1 })
    }

    fn spend_extension(&mut self) -> Result<(), Failure> {
        self.extension_left = self
            .extension_left
            .checked_sub(1)
            .ok_or(Failure::MalformedResponse)?;
        Ok(())
    }

    fn size_line_ended(&mut self) -> Result<State, Failure> {
        if self.chunk == 0 {
            return Ok(State::Trailer { line_empty: true });
        }
        self.body_left = self
            .body_left
            .checked_sub(self.chunk)
            .ok_or(Failure::ResponseTooLarge)?;
        Ok(State::Data)
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, Failure> {
        self.trailer_left = self
            .trailer_left
            .checked_sub(1)
            .ok_or(Failure::HeaderTooLarge)?;
        let (line_empty, after_return) = match self.state {
            State::TrailerLf { line_empty } => (line_empty, true),
            State::Trailer { line_empty } => (line_empty, false),
            _ => return Err(Failure::MalformedResponse),
        };
        match byte {
            b'\n' => {
                self.bare_line_feed |= !after_return;
                Ok(if line_empty {
                    State::Done
                } else {
                    State::Trailer { line_empty: true }
                })
            }
            _ if after_return => Err(Failure::MalformedResponse),
            b'\r' => Ok(State::TrailerLf { line_empty }),
            _ => Ok(State::Trailer { line_empty: false }),
        }
    }
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;
