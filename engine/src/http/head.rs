//! Owns an answer's head: finding its end as the bytes come, and keeping the few fields that
//! matter. Parsing is httparse's (RFC 9112); what it has to be lenient about closes the connection.
//! Never keeps the head's bytes and never reads a body.

use std::borrow::Cow;

use httparse::{EMPTY_HEADER, Error as ParseError, ParserConfig, Response, Status};
use memchr::memchr_iter;

use crate::failure::Failure;
use crate::limits::{HEAD_BYTES_MAX, HEAD_FIELDS_MAX};

use super::content::{CodingList, ContentEncoding};
use super::framing::{Framing, FramingFields};
use super::outcome::{Answer, classify};
use super::range::WholeRange;
use super::retry::RetryAfter;

/// What an answer says before its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// 100..=999.
    pub status: u16,
    /// Where the body ends. Without meaning after a 2xx to `CONNECT`.
    pub framing: Framing,
    /// Whether another request may follow once the body was read to its end.
    pub keep_alive: bool,
    /// What the body has to be decoded from.
    pub encoding: ContentEncoding,
    /// The body's length, coded, of a 206 whose `Content-Range` says that it is the whole.
    pub whole_length: Option<u64>,
    /// The first `Location` value.
    pub location: Option<Vec<u8>>,
    /// The `Set-Cookie` values of a redirect, in order.
    pub cookies: Vec<Vec<u8>>,
    /// The `X-Robots-Tag` values, in order.
    pub robots: Vec<Vec<u8>>,
    /// The first `Retry-After` value, if it means something.
    pub retry_after: Option<RetryAfter>,
}

impl Head {
    /// Whether a 206 is the whole, as far as its head tells: a body whose length is not known yet has to
    /// come to [`Head::whole_length`].
    pub fn may_be_whole(&self) -> bool {
        match (self.whole_length, self.framing) {
            (Some(whole), Framing::Length(length)) => whole == length,
            (whole, _) => whole.is_some(),
        }
    }
}

/// What the bytes so far hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadParse {
    /// The head's end has not come yet.
    Partial,
    /// A head, and the bytes it took.
    Complete {
        /// The head.
        head: Head,
        /// Bytes before the body.
        consumed: usize,
    },
}

/// Parses the head at the start of `buf` in one go. See [`HeadScanner::scan`].
///
/// # Errors
/// As [`HeadScanner::scan`].
pub fn parse_head(buf: &[u8]) -> Result<HeadParse, Failure> {
    HeadScanner::default().scan(buf)
}

/// Looks for a head's end in a buffer that grows, each byte once, and parses when it is there.
#[derive(Clone, Debug, Default)]
pub struct HeadScanner {
    /// Bytes that need not be looked at again.
    scanned: usize,
    /// Where the line starts that has not ended yet.
    line_start: usize,
    /// A line that is not empty has ended.
    begun: bool,
    /// Empty lines' bytes before the status line.
    blank_bytes: usize,
    /// A line has ended without a carriage return.
    bare_line_feed: bool,
}

impl HeadScanner {
    /// Looks at `buf`, which starts where it started at the last call and has only grown. A
    /// scanner serves one head.
    ///
    /// # Errors
    /// [`Failure::MalformedResponse`] for what is no HTTP/1.x head or frames its body ambiguously;
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

    /// What is not HTTP is known by its first bytes, not after the whole limit.
    fn check_version(&mut self, within: &[u8]) -> Result<(), Failure> {
        let rest = within.get(self.blank_bytes..).unwrap_or_default();
        self.blank_bytes += rest
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        let came = within.get(self.blank_bytes..).unwrap_or_default();
        let length = came.len().min(VERSION.len());
        if came[..length] == VERSION[..length] {
            Ok(())
        } else {
            Err(Failure::MalformedResponse)
        }
    }
}

/// What every head starts with, after empty lines.
const VERSION: &[u8] = b"HTTP/1.";

/// The block with 1.1 for a later minor version, which is read as the latest one known (RFC 9110, 2.5).
fn of_known_version(block: &[u8]) -> Cow<'_, [u8]> {
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

/// What the parser takes.
#[derive(Clone, Copy)]
enum Rules {
    /// RFC 9112; every line is a field.
    Strict,
    /// As browsers do: fields that are no fields are passed over, folded lines are one line.
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
    let block = &*of_known_version(block);
    match parse_with(Rules::Strict, block) {
        Ok(mut head) => {
            head.keep_alive &= !bare_line_feed;
            Ok(head)
        }
        Err(Refused::ByUs(failure)) => Err(failure),
        Err(Refused::BySyntax) => parse_leniently(block),
    }
}

/// No more answers are taken from a server that needs leniency.
fn parse_leniently(block: &[u8]) -> Result<Head, Failure> {
    match parse_with(Rules::Lenient, block) {
        Ok(mut head) => {
            head.keep_alive = false;
            Ok(head)
        }
        Err(Refused::ByUs(failure)) => Err(failure),
        Err(Refused::BySyntax) => Err(Failure::MalformedResponse),
    }
}

enum Refused {
    ByUs(Failure),
    BySyntax,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::ByUs(failure)
    }
}

fn parse_with(rules: Rules, block: &[u8]) -> Result<Head, Refused> {
    let mut fields = [EMPTY_HEADER; HEAD_FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    match rules.config().parse_response(&mut response, block) {
        Ok(Status::Complete(consumed)) if consumed == block.len() => {}
        Err(ParseError::TooManyHeaders) => return Err(Failure::HeaderTooLarge.into()),
        _ => return Err(Refused::BySyntax),
    }
    if let Rules::Lenient = rules {
        nothing_framing_passed_over(block, response.headers)?;
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

/// If the parser passed over a framing field as invalid, the body's end would be guessed: as many
/// lines must start with such a name as there are such fields.
fn nothing_framing_passed_over(
    block: &[u8],
    fields: &[httparse::Header<'_>],
) -> Result<(), Failure> {
    let lines = block.split(|&b| b == b'\n');
    let lines = lines.filter(|line| frames(line.trim_ascii_start()));
    let fields = fields.iter().filter(|field| frames(field.name.as_bytes()));
    if lines.count() == fields.count() {
        Ok(())
    } else {
        Err(Failure::MalformedResponse)
    }
}

fn frames(line: &[u8]) -> bool {
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
    let mut gathered = Gathered::new(status);
    for field in fields {
        gathered.take(field)?;
    }
    gathered.head(http_1_1)
}

/// A head whose fields are being read.
struct Gathered {
    head: Head,
    framing: FramingFields,
    content: CodingList,
    transfer: CodingList,
    range: WholeRange,
    connection: Connection,
    is_redirect: bool,
}

impl Gathered {
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
            is_redirect: classify(status) == Answer::Redirect,
        }
    }

    fn take(&mut self, field: &httparse::Header<'_>) -> Result<(), Failure> {
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
            self.range.take(&value());
        } else if is("x-robots-tag") {
            head.robots.push(value().into_owned());
        } else if is("retry-after") {
            head.retry_after = head.retry_after.or_else(|| RetryAfter::parse(&value()));
        }
        Ok(())
    }

    fn head(mut self, http_1_1: bool) -> Result<Head, Failure> {
        let status = self.head.status;
        let (framing, in_step) = self.framing.resolve(status, http_1_1)?;
        self.head.framing = framing;
        self.head.encoding = ContentEncoding::new(self.content, self.transfer);
        self.head.whole_length = self.range.length().filter(|_| status == 206);
        self.head.keep_alive = in_step && self.connection.persists(http_1_1);
        Ok(self.head)
    }
}

/// A folded value as one line (RFC 9112, 5.2).
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
