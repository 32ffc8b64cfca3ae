//! Owns the head of a response: finding its end while bytes arrive, and keeping the few fields that
//! matter. httparse does the parsing (RFC 9112). A head that needs leniency closes the connection.
//! Never keeps the head's bytes and never reads a body.

use std::borrow::Cow;

use httparse::{EMPTY_HEADER, Error as ParseError, ParserConfig, Response, Status};
use memchr::memchr_iter;

use crate::failure::Failure;
use crate::limits::{HEAD_BYTES_MAX, HEAD_FIELDS_MAX};

use super::content_coding::{CodingList, ContentEncoding};
use super::content_range::WholeRange;
use super::framing::{Framing, FramingFields};
use super::retry::RetryAfter;
use super::status::{StatusAction, classify};

/// The status and the fields of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// 100..=999.
    pub status: u16,
    /// Where the body ends. Meaningless after a 2xx to `CONNECT`.
    pub framing: Framing,
    /// Whether another request may follow once the whole body was read.
    pub keep_alive: bool,
    /// The codings of the body.
    pub encoding: ContentEncoding,
    /// The coded length of the body, for a 206 whose `Content-Range` covers the whole.
    pub whole_length: Option<u64>,
    /// The first `Location` value.
    pub location: Option<Vec<u8>>,
    /// The `Set-Cookie` values of a redirect, in order.
    pub cookies: Vec<Vec<u8>>,
    /// The `X-Robots-Tag` values, in order.
    pub robots: Vec<Vec<u8>>,
    /// The first valid `Retry-After` value.
    pub retry_after: Option<RetryAfter>,
}

impl Head {
    /// Whether a 206 can be the whole, judging by its head. A body of unknown length must turn out to
    /// have [`Head::whole_length`] bytes.
    pub fn may_be_whole(&self) -> bool {
        match (self.whole_length, self.framing) {
            (Some(whole), Framing::Length(length)) => whole == length,
            (whole, _) => whole.is_some(),
        }
    }
}

/// The result of scanning the bytes received so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadParse {
    /// The end of the head has not arrived yet.
    Partial,
    /// A head and its length.
    Complete {
        /// The head.
        head: Head,
        /// Bytes before the body.
        consumed: usize,
    },
}

/// Parses the head at the start of `buf` at once. See [`HeadScanner::scan`].
///
/// # Errors
/// As [`HeadScanner::scan`].
pub fn parse_head(buf: &[u8]) -> Result<HeadParse, Failure> {
    HeadScanner::default().scan(buf)
}

/// Looks for the end of a head in a growing buffer, at each byte once, and then parses the head.
#[derive(Clone, Debug, Default)]
pub struct HeadScanner {
    /// Bytes already scanned.
    scanned: usize,
    /// Start of the current line.
    line_start: usize,
    /// Whether a non-empty line has ended.
    begun: bool,
    /// Bytes of empty lines before the status line.
    blank_bytes: usize,
    /// Whether a line has ended without a carriage return.
    bare_line_feed: bool,
}

impl HeadScanner {
    /// Scans `buf`, which may only have grown since the last call. A scanner serves one head.
    ///
    /// # Errors
    /// [`Failure::MalformedResponse`] if it is not an HTTP/1.x head or its framing is ambiguous;
    /// [`Failure::HeaderTooLarge`] over [`HEAD_BYTES_MAX`] or [`HEAD_FIELDS_MAX`].
    pub fn scan(&mut self, buf: &[u8]) -> Result<HeadParse, Failure> {
        let within = &buf[..buf.len().min(HEAD_BYTES_MAX)];
        self.check_version(within)?;
        let start = self.scanned.min(within.len());
        for at in memchr_iter(b'\n', &within[start..]).map(|at| start + at) {
            let line = &within[self.line_start..at];
            let is_empty = line.iter().all(|&b| b == b'\r');
            self.bare_line_feed |= line.last() != Some(&b'\r');
            if is_empty && self.begun {
                let head = parse_block(&within[..=at], self.bare_line_feed)?;
                return Ok(HeadParse::Complete {
                    head,
                    consumed: at + 1,
                });
            }
            self.begun |= !is_empty;
            self.line_start = at + 1;
        }
        self.scanned = within.len();
        if within.len() == HEAD_BYTES_MAX {
            return Err(Failure::HeaderTooLarge);
        }
        Ok(HeadParse::Partial)
    }

    /// Refuses anything but HTTP at its first bytes instead of at the limit.
    fn check_version(&mut self, within: &[u8]) -> Result<(), Failure> {
        let rest = within.get(self.blank_bytes..).unwrap_or_default();
        self.blank_bytes += rest
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let received = within.get(self.blank_bytes..).unwrap_or_default();
        let length = received.len().min(VERSION.len());
        if received[..length] == VERSION[..length] {
            Ok(())
        } else {
            Err(Failure::MalformedResponse)
        }
    }
}

/// The start of every head, after empty lines.
const VERSION: &[u8] = b"HTTP/1.";

/// Replaces a later minor version by 1.1, the latest known one (RFC 9110, 2.5).
fn with_known_version(block: &[u8]) -> Cow<'_, [u8]> {
    let blank = block
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let minor = blank.count() + VERSION.len();
    match block.get(minor..minor + 2) {
        Some([b'2'..=b'9', b' ']) => {
            let mut block = block.to_vec();
            block[minor] = b'1';
            block.into()
        }
        _ => block.into(),
    }
}

/// How strictly a head is parsed.
#[derive(Clone, Copy)]
enum Rules {
    /// RFC 9112; every line is a field.
    Strict,
    /// As browsers do: invalid fields are skipped, and folded lines are joined.
    Lenient,
}

impl Rules {
    fn config(self) -> ParserConfig {
        let mut config = ParserConfig::default();
        if let Self::Lenient = self {
            config
                .allow_spaces_after_header_name_in_responses(true)
                .allow_obsolete_multiline_headers_in_responses(true)
                .allow_multiple_spaces_in_response_status_delimiters(true)
                .ignore_invalid_headers_in_responses(true);
        }
        config
    }
}

fn parse_block(block: &[u8], bare_line_feed: bool) -> Result<Head, Failure> {
    let block = &*with_known_version(block);
    match parse_with(Rules::Strict, block) {
        Ok(mut head) => {
            head.keep_alive &= !bare_line_feed;
            Ok(head)
        }
        Err(ParseFailure::Rejected(failure)) => Err(failure),
        Err(ParseFailure::Syntax) => parse_leniently(block),
    }
}

/// Parses a head leniently. Its connection is not reused.
fn parse_leniently(block: &[u8]) -> Result<Head, Failure> {
    match parse_with(Rules::Lenient, block) {
        Ok(mut head) => {
            head.keep_alive = false;
            Ok(head)
        }
        Err(ParseFailure::Rejected(failure)) => Err(failure),
        Err(ParseFailure::Syntax) => Err(Failure::MalformedResponse),
    }
}

enum ParseFailure {
    Rejected(Failure),
    Syntax,
}

impl From<Failure> for ParseFailure {
    fn from(failure: Failure) -> Self {
        Self::Rejected(failure)
    }
}

fn parse_with(rules: Rules, block: &[u8]) -> Result<Head, ParseFailure> {
    let mut fields = [EMPTY_HEADER; HEAD_FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    match rules.config().parse_response(&mut response, block) {
        Ok(Status::Complete(consumed)) if consumed == block.len() => {}
        Err(ParseError::TooManyHeaders) => return Err(Failure::HeaderTooLarge.into()),
        _ => return Err(ParseFailure::Syntax),
    }
    if let Rules::Lenient = rules {
        check_no_framing_field_skipped(block, response.headers)?;
    }
    let status = response
        .code
        .filter(|code| *code >= 100)
        .ok_or(Failure::MalformedResponse)?;
    Ok(read_fields(
        status,
        response.version == Some(1),
        response.headers,
    )?)
}

/// Refuses a head whose framing fields the parser skipped as invalid, since the end of the body would
/// be a guess. As many lines must start with such a name as there are such fields.
fn check_no_framing_field_skipped(
    block: &[u8],
    fields: &[httparse::Header<'_>],
) -> Result<(), Failure> {
    let lines = block.split(|&b| b == b'\n');
    let lines = lines.filter(|line| is_framing_field(line.trim_ascii_start()));
    let fields = fields
        .iter()
        .filter(|field| is_framing_field(field.name.as_bytes()));
    if lines.count() == fields.count() {
        Ok(())
    } else {
        Err(Failure::MalformedResponse)
    }
}

fn is_framing_field(line: &[u8]) -> bool {
    [&b"content-length"[..], b"transfer-encoding"]
        .iter()
        .any(|name| {
            line.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
        })
}

fn read_fields(
    status: u16,
    http_1_1: bool,
    fields: &[httparse::Header<'_>],
) -> Result<Head, Failure> {
    let mut builder = HeadBuilder::new(status);
    for field in fields {
        builder.add(field)?;
    }
    builder.head(http_1_1)
}

/// Builds a head field by field.
struct HeadBuilder {
    head: Head,
    framing: FramingFields,
    content: CodingList,
    transfer: CodingList,
    range: WholeRange,
    connection: Connection,
    is_redirect: bool,
}

impl HeadBuilder {
    fn new(status: u16) -> Self {
        let head = Head {
            status,
            framing: Framing::Empty,
            keep_alive: false,
            encoding: ContentEncoding::default(),
            whole_length: None,
            location: None,
            cookies: Vec::new(),
            robots: Vec::new(),
            retry_after: None,
        };
        Self {
            head,
            framing: FramingFields::default(),
            content: CodingList::default(),
            transfer: CodingList::default(),
            range: WholeRange::default(),
            connection: Connection::default(),
            is_redirect: classify(status) == StatusAction::Redirect,
        }
    }

    fn add(&mut self, field: &httparse::Header<'_>) -> Result<(), Failure> {
        let value = || unfolded(field.value);
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let head = &mut self.head;
        if is("content-length") {
            self.framing.content_length(&value())?;
        } else if is("transfer-encoding") {
            self.framing
                .transfer_encoding(&value(), &mut self.transfer)?;
        } else if is("content-encoding") {
            value()
                .split(|&b| b == b',')
                .for_each(|coding| self.content.push(coding.trim_ascii()));
        } else if is("connection") {
            self.connection.read(&value());
        } else if is("location") {
            head.location.get_or_insert_with(|| value().into_owned());
        } else if self.is_redirect && is("set-cookie") {
            head.cookies.push(value().into_owned());
        } else if is("content-range") {
            self.range.add(&value());
        } else if is("x-robots-tag") {
            head.robots.push(value().into_owned());
        } else if is("retry-after") {
            head.retry_after = head.retry_after.or_else(|| RetryAfter::parse(&value()));
        }
        Ok(())
    }

    fn head(mut self, http_1_1: bool) -> Result<Head, Failure> {
        let status = self.head.status;
        let (framing, reusable) = self.framing.resolve(status, http_1_1)?;
        self.head.framing = framing;
        self.head.encoding = ContentEncoding::new(self.content, self.transfer);
        self.head.whole_length = self.range.length().filter(|_| status == 206);
        self.head.keep_alive = reusable && self.connection.persists(http_1_1);
        Ok(self.head)
    }
}

/// Joins a folded value into one line (RFC 9112, 5.2).
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let line = value
        .iter()
        .map(|&b| if matches!(b, b'\r' | b'\n') { b' ' } else { b });
    Cow::Owned(line.collect())
}

#[derive(Default)]
struct Connection {
    close: bool,
    keep_alive: bool,
}

impl Connection {
    fn read(&mut self, value: &[u8]) {
        for option in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    fn persists(&self, http_1_1: bool) -> bool {
        !self.close && (http_1_1 || self.keep_alive)
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
