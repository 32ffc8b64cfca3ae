//! Owns an answer's head: status line and fields, over httparse, and what they say of the body's
//! framing (RFC 9112, section 6). Lenient where nothing but taste is hurt, strict where two readers
//! could see two different bodies.

use httparse::{Header, ParserConfig, Response, Status};

use super::retry::RetryAfter;
use crate::failure::Failure;
use crate::limits::{HEAD_BYTES_MAX, HEAD_FIELDS_MAX};

/// What a buffer holds.
#[derive(Debug)]
pub enum HeadParse {
    /// Not yet a whole head.
    Partial,
    /// A head, and how many bytes of the buffer it took.
    Complete {
        /// The head.
        head: Head,
        /// Its length, bytes.
        consumed: usize,
    },
}

/// What we use of a head.
#[derive(Clone, Debug)]
pub struct Head {
    /// 100..=999.
    pub status: u16,
    /// How the body ends.
    pub framing: Framing,
    /// The connection may serve again once the body is read.
    pub keep_alive: bool,
    /// The body's content coding.
    pub encoding: ContentEncoding,
    /// Location, as sent.
    pub location: Option<Vec<u8>>,
    /// Every X-Robots-Tag, as sent.
    pub robots: Vec<Vec<u8>>,
    /// Retry-After, where it can be read.
    pub retry_after: Option<RetryAfter>,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none by the status.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// By its last chunk.
    Chunked,
    /// With the connection.
    Eof,
}

/// A content coding, outermost last as applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentEncoding {
    /// As it is.
    Identity,
    /// One or two codings that we know, in the order in which the server applied them.
    Coded(Vec<Coding>),
    /// One that we do not know, or too many.
    Unsupported,
}

/// A coding we can undo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950, or RFC 1951 without its wrapping, as some servers send it.
    Deflate,
    /// RFC 7932.
    Brotli,
}

/// Reads a head from the front of `buffer`, which holds everything received so far.
///
/// # Errors
/// `MalformedResponse`, `HeaderTooLarge`.
pub fn parse_head(buffer: &[u8]) -> Result<HeadParse, Failure> {
    let window = &buffer[..buffer.len().min(HEAD_BYTES_MAX)];
    // The parser starts over with each call, so it is asked only once the head's end is there.
    if !has_blank_line(window) {
        return if window.len() == HEAD_BYTES_MAX {
            Err(Failure::HeaderTooLarge)
        } else if looks_like_http(window) {
            Ok(HeadParse::Partial)
        } else {
            Err(Failure::MalformedResponse)
        };
    }
    let mut fields = [httparse::EMPTY_HEADER; HEAD_FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    let mut config = ParserConfig::default();
    config
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_multiple_spaces_in_response_status_delimiters(true)
        .ignore_invalid_headers_in_responses(true);
    match config.parse_response(&mut response, window) {
        Ok(Status::Complete(consumed)) => {
            let http_11 = response.version == Some(1);
            let status = response.code.ok_or(Failure::MalformedResponse)?;
            let head = read_fields(status, http_11, response.headers)?;
            Ok(HeadParse::Complete { head, consumed })
        }
        Ok(Status::Partial) => Ok(HeadParse::Partial),
        Err(httparse::Error::TooManyHeaders) => Err(Failure::HeaderTooLarge),
        Err(_) => Err(Failure::MalformedResponse),
    }
}

/// Whether the start may still become an HTTP/1.x status line.
fn looks_like_http(bytes: &[u8]) -> bool {
    const START: &[u8] = b"HTTP/1.";
    let first = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let bytes = &bytes[first..];
    let shared = bytes.len().min(START.len());
    bytes[..shared] == START[..shared]
}

fn has_blank_line(bytes: &[u8]) -> bool {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    let bytes = &bytes[start..];
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == b'\n') {
        from += at + 1;
        if matches!(bytes.get(from), Some(b'\n'))
            || matches!(bytes.get(from..from + 2), Some(b"\r\n"))
        {
            return true;
        }
    }
    false
}

fn read_fields(status: u16, http_11: bool, fields: &[Header<'_>]) -> Result<Head, Failure> {
    let mut length = None;
    let mut transfer: Option<bool> = None;
    let mut connection = (false, false);
    let mut head = Head {
        status,
        framing: Framing::Eof,
        keep_alive: false,
        encoding: ContentEncoding::Identity,
        location: None,
        robots: Vec::new(),
        retry_after: None,
    };
    let mut codings: Vec<&[u8]> = Vec::new();
    for field in fields {
        let value = field.value;
        if field.name.eq_ignore_ascii_case("content-length") {
            length = Some(merge_length(length, value)?);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if transfer.is_some() {
                return Err(Failure::MalformedResponse);
            }
            transfer = Some(value.trim_ascii().eq_ignore_ascii_case(b"chunked"));
        } else if field.name.eq_ignore_ascii_case("connection") {
            connection.0 |= has_token(value, b"close");
            connection.1 |= has_token(value, b"keep-alive");
        } else if field.name.eq_ignore_ascii_case("content-encoding") {
            codings.extend(tokens(value));
        } else if field.name.eq_ignore_ascii_case("location") {
            head.location.get_or_insert_with(|| value.to_vec());
        } else if field.name.eq_ignore_ascii_case("x-robots-tag") {
            head.robots.push(value.to_vec());
        } else if field.name.eq_ignore_ascii_case("retry-after") {
            head.retry_after = RetryAfter::parse(value);
        }
    }
    let both = transfer.is_some() && length.is_some();
    head.framing = framing(status, transfer, length)?;
    head.encoding = encoding(&codings);
    let persistent = if http_11 { !connection.0 } else { connection.1 && !connection.0 };
    head.keep_alive = persistent && !both && head.framing != Framing::Eof;
    Ok(head)
}

/// Chunked wins over a length; a coding of the transfer that is not plain chunked is refused, since
/// its end cannot be told.
fn framing(
    status: u16,
    transfer: Option<bool>,
    length: Option<u64>,
) -> Result<Framing, Failure> {
    if (100..200).contains(&status) || matches!(status, 204 | 304) {
        return Ok(Framing::Empty);
    }
    match (transfer, length) {
        (Some(true), _) => Ok(Framing::Chunked),
        (Some(false), _) => Err(Failure::MalformedResponse),
        (None, Some(length)) => Ok(Framing::Length(length)),
        (None, None) => Ok(Framing::Eof),
    }
}

/// A length is digits alone; a repeated one (also as a list) must say the same.
fn merge_length(before: Option<u64>, value: &[u8]) -> Result<u64, Failure> {
    let mut merged = before;
    for part in value.split(|&byte| byte == b',') {
        let part = part.trim_ascii();
        let digits = !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(part)
            .ok()
            .filter(|_| digits)
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or(Failure::MalformedResponse)?;
        if merged.is_some_and(|merged| merged != number) {
            return Err(Failure::MalformedResponse);
        }
        merged = Some(number);
    }
    merged.ok_or(Failure::MalformedResponse)
}

fn encoding(codings: &[&[u8]]) -> ContentEncoding {
    let mut known = Vec::new();
    for coding in codings {
        match coding.to_ascii_lowercase().as_slice() {
            b"identity" | b"" => {}
            b"gzip" | b"x-gzip" => known.push(Coding::Gzip),
            b"deflate" => known.push(Coding::Deflate),
            b"br" => known.push(Coding::Brotli),
            _ => return ContentEncoding::Unsupported,
        }
    }
    match known.len() {
        0 => ContentEncoding::Identity,
        1 | 2 => ContentEncoding::Coded(known),
        _ => ContentEncoding::Unsupported,
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    tokens(value).any(|found| found.eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Head, Failure> {
        match parse_head(text.as_bytes())? {
            HeadParse::Complete { head, consumed } => {
                assert_eq!(consumed, text.len());
                Ok(head)
            }
            HeadParse::Partial => panic!("the head is whole: {text:?}"),
        }
    }

    fn framing_of(fields: &str) -> Result<Framing, Failure> {
        head(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n")).map(|head| head.framing)
    }

    #[test]
    fn a_head_split_at_any_byte_is_partial_until_its_end() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Robots-Tag: noai\r\n\r\n";
        for end in 0..text.len() {
            assert!(matches!(parse_head(&text[..end]), Ok(HeadParse::Partial)), "{end}");
        }
        let Ok(HeadParse::Complete { head, consumed }) = parse_head(text) else {
            panic!("the head is whole");
        };
        assert_eq!((consumed, head.framing), (text.len(), Framing::Length(5)));
        assert_eq!(head.robots, vec![b"noai".to_vec()]);
        assert!(head.keep_alive);
    }

    #[test]
    fn lengths_that_can_be_read_two_ways_are_refused() {
        for value in ["-1", "+5", "0x10", "5, 6", "", "5 5", "99999999999999999999999"] {
            let found = framing_of(&format!("Content-Length: {value}\r\n"));
            assert_eq!(found, Err(Failure::MalformedResponse), "{value:?}");
        }
        let twice = framing_of("Content-Length: 5\r\nContent-Length: 6\r\n");
        assert_eq!(twice, Err(Failure::MalformedResponse));
        assert_eq!(framing_of("Content-Length: 5, 5\r\n"), Ok(Framing::Length(5)));
    }

    #[test]
    fn chunked_wins_over_a_length_and_ends_the_connection() {
        let both = head("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
        let both = both.expect("a head");
        assert_eq!((both.framing, both.keep_alive), (Framing::Chunked, false));
        let other = framing_of("Transfer-Encoding: gzip, chunked\r\n");
        assert_eq!(other, Err(Failure::MalformedResponse));
    }

    #[test]
    fn old_and_sloppy_servers_are_understood() {
        let lf = head("HTTP/1.1 200 OK\nContent-Length: 3\n\n").expect("LF line ends");
        assert_eq!(lf.framing, Framing::Length(3));
        let old = head("HTTP/1.0 200 OK\r\n\r\n").expect("HTTP/1.0");
        assert_eq!((old.framing, old.keep_alive), (Framing::Eof, false));
        let no_reason = head("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n").expect("no reason");
        assert_eq!(no_reason.status, 200);
    }

    #[test]
    fn what_is_not_http_is_refused_early() {
        assert_eq!(parse_head(b"SSH-2.0-x").err(), Some(Failure::MalformedResponse));
        assert_eq!(parse_head(b"<html>").err(), Some(Failure::MalformedResponse));
    }

    #[test]
    fn a_head_without_end_is_too_large() {
        let mut text = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        text.resize(HEAD_BYTES_MAX, b'a');
        assert_eq!(parse_head(&text).err(), Some(Failure::HeaderTooLarge));
        let fields = "X: y\r\n".repeat(HEAD_FIELDS_MAX + 1);
        assert_eq!(framing_of(&fields), Err(Failure::HeaderTooLarge));
    }

    #[test]
    fn codings_are_known_or_unsupported() {
        let coded = |value: &str| {
            let text = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {value}\r\n\r\n");
            head(&text).expect("a head").encoding
        };
        assert_eq!(coded("identity"), ContentEncoding::Identity);
        assert_eq!(coded("X-GZIP"), ContentEncoding::Coded(vec![Coding::Gzip]));
        assert_eq!(coded("zstd"), ContentEncoding::Unsupported);
        assert_eq!(coded("gzip, gzip, gzip"), ContentEncoding::Unsupported);
    }
}
