//! Owns where quoted fields of csv and tsv open and close (RFC 4180, as `csv-core` reads it: a quote
//! opens only at the start of a field, and text after a closing quote belongs to the field). Never
//! splits a field.

/// The position of a scan within a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// After a quote within quotes: the first of a pair, or the end.
    QuoteInQuoted,
}

/// A scan through the lines of one record.
pub(super) struct Scan {
    delimiter: u8,
    state: State,
    /// Offset of the last opening quote in its line.
    opened_at: usize,
}

impl Scan {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter,
            state: State::FieldStart,
            opened_at: 0,
        }
    }

    /// Offset in the first line of the quote that is open at its end.
    pub(super) fn opened_at(&self) -> usize {
        self.opened_at
    }

    /// Where a quote that is open before a line closes in it by RFC 4180, before a delimiter or the end
    /// of the line; `None` if it does not.
    pub(super) fn closes_at(text: &[u8], delimiter: u8) -> Option<usize> {
        let at = Self::first_quote(text)?;
        let next = text.get(at + 1);
        next.is_none_or(|next| *next == delimiter).then_some(at)
    }

    /// The first quote of a line that is not part of a pair.
    fn first_quote(text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(found) = memchr::memchr(b'"', text.get(at..)?) {
            let quote = at + found;
            if text.get(quote + 1) != Some(&b'"') {
                return Some(quote);
            }
            at = quote + 2;
        }
        None
    }

    /// Scans a line, given without its end; true if a quote is open after it.
    pub(super) fn line(&mut self, text: &[u8]) -> bool {
        for (at, &byte) in text.iter().enumerate() {
            if self.state == State::FieldStart && byte == b'"' {
                self.opened_at = at;
            }
            self.state = match self.state {
                State::Quoted if byte == b'"' => State::QuoteInQuoted,
                State::Quoted => State::Quoted,
                State::QuoteInQuoted if byte == b'"' => State::Quoted,
                State::FieldStart if byte == b'"' => State::Quoted,
                _ if byte == self.delimiter => State::FieldStart,
                _ => State::Unquoted,
            };
        }
        self.state == State::Quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_opens_at_the_start_of_a_field() {
        for (text, open) in [
            (&b"a,b"[..], false),
            (b"a,\"b", true),
            (b"a,\"b\"", false),
            (b"a,\"b\"\"", true),
            (b"a,\"b\"\"\"", false),
            (b"a,5\" disk", false),
            (b"a,\"b\" c,\"d", true),
            (b"\"\"", false),
            (b"\"", true),
        ] {
            assert_eq!(Scan::new(b',').line(text), open, "{}", text.escape_ascii());
        }
        let mut scan = Scan::new(b'\t');
        assert!(scan.line(b"\"one"));
        let closes_at = |text| Scan::closes_at(text, b'\t');
        assert_eq!(closes_at(b"a \"\"b\"\" c\"\t\"d\""), Some(9));
        assert_eq!(closes_at(b"two\""), Some(3));
        assert_eq!(closes_at(b"a \"\"b"), None);
        assert_eq!(closes_at(b"\"http://b\"\t\"x\""), None);
        assert!(!scan.line(b"two\"\t3"));
    }
}
