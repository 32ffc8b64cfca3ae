//! Owns a buffered window over a text that is read line by line, with lookahead: a record may turn out
//! to end earlier than it seemed. Never holds more than the longest record and one chunk.

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr2};

use super::RECORD_BYTES_MAX;

/// Bytes read at a time.
const CHUNK_BYTES: usize = 1 << 18;

/// The bytes that were not consumed yet.
pub(super) struct Window {
    source: Box<dyn Read + Send>,
    bytes: Vec<u8>,
    /// Where the window begins in `bytes`.
    start: usize,
    ended: bool,
    /// The end of a line: `\n`, or `\r` in files that only have that.
    line_end: u8,
}

/// A line, as offsets into the window.
pub(super) struct Line {
    /// The line without its end.
    pub(super) text: Range<usize>,
    /// Start of the next line.
    pub(super) next: usize,
}

impl Window {
    pub(super) fn new(source: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut window = Self {
            source,
            bytes: Vec::new(),
            start: 0,
            ended: false,
            line_end: b'\n',
        };
        window.fill()?;
        window.line_end = line_end_of(&window.bytes);
        Ok(window)
    }

    /// The byte that ends a line.
    pub(super) fn line_end(&self) -> u8 {
        self.line_end
    }

    /// Bytes at these offsets in the window.
    pub(super) fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[self.start + range.start..self.start + range.end]
    }

    /// Whether a record that began at the window's start is too long if it reaches `at`.
    pub(super) fn is_over(&self, at: usize) -> bool {
        at > RECORD_BYTES_MAX
    }

    /// The line that begins at `at`; `None` at the end of the text.
    ///
    /// # Errors
    /// Errors of the source, and `InvalidData` for a line that is too long.
    pub(super) fn line(&mut self, at: usize) -> io::Result<Option<Line>> {
        let mut searched = at;
        loop {
            let found = memchr(self.line_end, &self.bytes[self.start + searched..]);
            if let Some(length) = found {
                let end = searched + length;
                return Ok(Some(Line {
                    text: at..self.without_return(at, end),
                    next: end + 1,
                }));
            }
            let end = self.bytes.len() - self.start;
            if self.ended {
                let line = Line {
                    text: at..self.without_return(at, end),
                    next: end,
                };
                return Ok((end > at).then_some(line));
            }
            if end - at > RECORD_BYTES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "a line is over 16 MiB",
                ));
            }
            searched = end;
            self.fill()?;
        }
    }

    fn without_return(&self, from: usize, end: usize) -> usize {
        let has = end > from && self.bytes[self.start + end - 1] == b'\r';
        end - usize::from(has && self.line_end == b'\n')
    }

    /// Moves the start of the window past `bytes`.
    pub(super) fn consume(&mut self, bytes: usize) {
        self.start += bytes;
    }

    /// The text of the line that was just consumed.
    pub(super) fn consumed(&self, line: &Line) -> &[u8] {
        let start = self.start - line.next;
        &self.bytes[start + line.text.start..start + line.text.end]
    }

    fn fill(&mut self) -> io::Result<()> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let before = self.bytes.len();
        self.source
            .by_ref()
            .take(CHUNK_BYTES as u64)
            .read_to_end(&mut self.bytes)?;
        self.ended = self.bytes.len() == before;
        Ok(())
    }
}

/// The byte that ends the first line outside quotes, or the first line if the quotes are never closed.
fn line_end_of(bytes: &[u8]) -> u8 {
    let mut within = false;
    let unquoted = bytes.iter().position(|&byte| {
        within ^= byte == b'"';
        !within && matches!(byte, b'\n' | b'\r')
    });
    let first = unquoted.or_else(|| memchr2(b'\n', b'\r', bytes));
    match first {
        Some(at) if bytes[at] == b'\r' && bytes.get(at + 1).is_some_and(|next| *next != b'\n') => {
            b'\r'
        }
        _ => b'\n',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &'static [u8]) -> Vec<Vec<u8>> {
        let mut window = Window::new(Box::new(text)).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = window.line(0).unwrap() {
            lines.push(window.bytes(line.text.clone()).to_vec());
            window.consume(line.next);
        }
        lines
    }

    #[test]
    fn lines_end_as_in_their_file() {
        assert_eq!(lines(b"a\nb\r\n\nc"), [&b"a"[..], b"b", b"", b"c"]);
        assert_eq!(lines(b"a\rb\r"), [b"a", b"b"]);
        assert_eq!(lines(b"a\nb\rc\n"), [&b"a"[..], b"b\rc"]);
        assert_eq!(lines(b"\"a\nb\",c\rd\r"), [&b"\"a\nb\",c"[..], b"d"]);
        assert_eq!(lines(b"a\r"), [b"a"]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn lines_can_be_peeked_at() {
        let text: Vec<u8> = (0..200_000)
            .flat_map(|n| format!("{n}\n").into_bytes())
            .collect();
        let mut window = Window::new(Box::new(io::Cursor::new(text))).unwrap();
        let mut at = 0;
        for n in 0..100_000 {
            let line = window.line(at).unwrap().unwrap();
            assert_eq!(window.bytes(line.text), n.to_string().as_bytes());
            at = line.next;
        }
        let first = window.line(0).unwrap().unwrap();
        assert_eq!(window.bytes(first.text), b"0");
    }
}
