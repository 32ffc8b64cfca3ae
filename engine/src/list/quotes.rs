//! Owns where quoted fields of csv and tsv open and close (RFC 4180, as `csv-core` reads it: a quote
//! opens at a field's beginning alone, and what follows a closing quote belongs to the field). Never
//! takes a field apart.

/// How far into a record a scan has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// Behind a quote within quotes: the second of a pair, or the end.
    QuoteInQuoted,
}

/// A scan through the lines of one record.
pub(super) struct Scan {
    delimiter: u8,
    state: State,
    /// Where in the last line the quote opened that is open behind it, or opened last.
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

    /// Where in the first line the quote opened that is open behind it.
    pub(super) fn opened_at(&self) -> usize {
        self.opened_at
    }

    /// Where the quote that is open before a line closes in it as RFC 4180 has it, before a delimiter or the
    /// line's end; none where it does not.
    pub(super) fn closes_at(text: &[u8], delimiter: u8) -> Option<usize> {
        let at = Self::first_quote(text)?;
        let next = text.get(at + 1);
        next.is_none_or(|next| *next == delimiter).then_some(at)
    }

    /// The first quote of a line that is no half of a pair.
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

    /// Passes over a line without its end; whether a quote is open behind it.
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
    fn a_quote_opens_at_a_field_and_closes_at_its_like() {
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
