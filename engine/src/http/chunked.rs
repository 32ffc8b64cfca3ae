//! Owns the chunked transfer coding (RFC 9112, section 7.1), fed in any pieces. Trailers are read
//! and dropped. Every line is bounded.

use crate::failure::Failure;

/// Longest chunk-size line with its extensions, bytes.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// Most bytes of trailers.
const TRAILER_BYTES_MAX: usize = 8 * 1024;
/// Most hex digits of a size.
const SIZE_DIGITS_MAX: usize = 15;

/// What a call to [`ChunkedDecoder::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that were used.
    pub consumed: usize,
    /// The body is whole.
    pub done: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailers,
    Done,
}

/// The decoder.
#[derive(Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// A line that is not yet whole, without its line end.
    line: Vec<u8>,
    trailer_bytes: usize,
}

impl Default for ChunkedDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl ChunkedDecoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self { state: State::Size, line: Vec::new(), trailer_bytes: 0 }
    }

    /// Takes in what came, appends the body's bytes to `out`, which never grows past `cap`.
    ///
    /// # Errors
    /// `MalformedResponse`, `ResponseTooLarge`.
    pub fn feed(&mut self, input: &[u8], out: &mut Vec<u8>, cap: usize) -> Result<Progress, Failure> {
        let mut at = 0;
        while at < input.len() && self.state != State::Done {
            match self.state {
                State::Data { left } => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                    out.extend_from_slice(&input[at..at + count]);
                    at += count;
                    let left = left - count as u64;
                    self.state = if left == 0 { State::DataEnd } else { State::Data { left } };
                }
                _ => {
                    let (used, whole) = self.take_line(&input[at..])?;
                    at += used;
                    if whole {
                        self.end_line(out.len(), cap)?;
                    }
                }
            }
        }
        Ok(Progress { consumed: at, done: self.state == State::Done })
    }

    /// Moves bytes up to a line end into `line`; true where the line is whole.
    fn take_line(&mut self, input: &[u8]) -> Result<(usize, bool), Failure> {
        let end = input.iter().position(|&byte| byte == b'\n');
        let piece = &input[..end.unwrap_or(input.len())];
        let most = if self.state == State::Trailers { TRAILER_BYTES_MAX } else { SIZE_LINE_BYTES_MAX };
        if self.line.len() + piece.len() > most {
            return Err(Failure::MalformedResponse);
        }
        self.line.extend_from_slice(piece);
        Ok((piece.len() + usize::from(end.is_some()), end.is_some()))
    }

    fn end_line(&mut self, body_bytes: usize, cap: usize) -> Result<(), Failure> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        self.state = match self.state {
            State::Size => match chunk_size(line)? {
                0 => State::Trailers,
                size if size > (cap - body_bytes.min(cap)) as u64 => {
                    return Err(Failure::ResponseTooLarge);
                }
                left => State::Data { left },
            },
            State::DataEnd if line.is_empty() => State::Size,
            State::Trailers if line.is_empty() => State::Done,
            State::Trailers => {
                self.trailer_bytes += line.len();
                if self.trailer_bytes > TRAILER_BYTES_MAX {
                    return Err(Failure::MalformedResponse);
                }
                State::Trailers
            }
            _ => return Err(Failure::MalformedResponse),
        };
        self.line.clear();
        Ok(())
    }
}

/// Hex digits, then nothing, white space, or an extension.
fn chunk_size(line: &[u8]) -> Result<u64, Failure> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let rest = line[digits..].trim_ascii_start();
    if digits == 0 || digits > SIZE_DIGITS_MAX || !(rest.is_empty() || rest[0] == b';') {
        return Err(Failure::MalformedResponse);
    }
    std::str::from_utf8(&line[..digits])
        .ok()
        .and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or(Failure::MalformedResponse)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"4\r\nWiki\r\n6;ext=1\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nX: y\r\n\r\n";
    const TEXT: &[u8] = b"Wikipedia in \r\n\r\nchunks.";

    fn decode(pieces: &[&[u8]], cap: usize) -> Result<(Vec<u8>, bool), Failure> {
        let mut decoder = ChunkedDecoder::new();
        let mut out = Vec::new();
        let mut done = false;
        for piece in pieces {
            done = decoder.feed(piece, &mut out, cap)?.done;
        }
        Ok((out, done))
    }

    #[test]
    fn a_body_split_at_any_byte_is_the_same_body() {
        for at in 0..=BODY.len() {
            let (head, tail) = BODY.split_at(at);
            assert_eq!(decode(&[head, tail], 1000), Ok((TEXT.to_vec(), true)), "{at}");
        }
    }

    #[test]
    fn a_body_split_at_random_is_the_same_body() {
        let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
        for _ in 0..200 {
            let mut pieces = Vec::new();
            let mut rest = BODY;
            while !rest.is_empty() {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let (piece, tail) = rest.split_at((seed % 5 + 1).min(rest.len() as u64) as usize);
                pieces.push(piece);
                rest = tail;
            }
            assert_eq!(decode(&pieces, 1000), Ok((TEXT.to_vec(), true)));
        }
    }

    #[test]
    fn what_follows_the_end_is_not_used() {
        let mut input = BODY.to_vec();
        input.extend_from_slice(b"HTTP/1.1 200 OK");
        let progress = ChunkedDecoder::new().feed(&input, &mut Vec::new(), 1000);
        assert_eq!(progress, Ok(Progress { consumed: BODY.len(), done: true }));
    }

    #[test]
    fn sizes_that_can_be_read_two_ways_are_refused() {
        let bad: [&[u8]; 7] =
            [b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"\r\n", b" 1\r\n", b"1g\r\n", b"fffffffffffffffff\r\n"];
        for input in bad {
            assert_eq!(decode(&[input], 1000), Err(Failure::MalformedResponse), "{input:?}");
        }
        assert_eq!(decode(&[b"1\r\nab\r\n"], 1000), Err(Failure::MalformedResponse));
    }

    #[test]
    fn a_chunk_over_the_cap_is_refused_before_it_is_read() {
        assert_eq!(decode(&[b"3e9\r\n"], 1000), Err(Failure::ResponseTooLarge));
        assert_eq!(decode(&[b"fffffffffffffff\r\n"], 1000), Err(Failure::ResponseTooLarge));
    }

    #[test]
    fn lines_and_trailers_without_end_are_refused() {
        assert_eq!(decode(&[&[b'0'; 300]], 1000), Err(Failure::MalformedResponse));
        let mut input = b"0\r\n".to_vec();
        input.extend_from_slice("X: y\r\n".repeat(5000).as_bytes());
        assert_eq!(decode(&[&input], 1000), Err(Failure::MalformedResponse));
    }
}
