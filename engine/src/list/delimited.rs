//! Owns reading csv and tsv (RFC 4180): the header, the ends of records, and records that are too short
//! or too long. `csv-core` splits the fields. Never drops a record, and never lets a quote swallow one:
//! see [`Quoting::Auto`].

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder, Terminator};
use memchr::{memchr, memmem};

use super::columns::{Column, Columns, Role};
use super::lines::{append_lossily, unquoted};
use super::losses::{Loss, Losses};
use super::quotes::Scan;
use super::text_batches::Records;
use super::window::{Line, Window};
use super::{broken, build, explode, missing};
use crate::config::{Dialect, Quoting};
use crate::error::Error;

/// The records of a delimited file.
pub(super) struct Delimited {
    path: PathBuf,
    window: Window,
    /// Lines consumed so far.
    lines: u64,
    /// The line in which the last record begins.
    record_line: u64,
    delimiter: u8,
    quoting: Quoting,
    fields: Fields,
    /// Fields of the header.
    width: usize,
    /// Index of each kept column in a record.
    places: Vec<usize>,
    columns: Columns,
    types: Arc<[DataType]>,
    builders: Vec<StringBuilder>,
}

/// A record before its fields are split.
struct Record {
    /// Its length in the window, including line ends.
    bytes: usize,
    /// Its text without the last line end.
    text: Range<usize>,
    lines: u64,
    quotes: Quotes,
}

/// The meaning of a record's quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// They enclose fields.
    Enclosing,
    /// They are ordinary characters.
    Literal,
    /// The quote at this offset is an ordinary character; those before it enclose fields.
    LiteralFrom(usize),
}

impl Delimited {
    /// Reads the header, or uses the columns of the dialect.
    pub(super) fn open(
        path: &Path,
        bytes: Box<dyn Read + Send>,
        delimiter: u8,
        dialect: &Dialect,
        columns: Columns,
        types: Arc<[DataType]>,
    ) -> Result<Self, Error> {
        let window = Window::new(bytes).map_err(|cause| broken(path, cause))?;
        let separators = (dialect.delimiter.unwrap_or(delimiter), window.line_end());
        let mut this = Self {
            path: path.to_owned(),
            window,
            lines: 0,
            record_line: 0,
            delimiter: separators.0,
            quoting: dialect.quoting,
            fields: Fields::new(separators),
            width: 0,
            places: Vec::new(),
            builders: columns
                .stored
                .iter()
                .map(|_| StringBuilder::new())
                .collect(),
            columns,
            types,
        };
        let names = match &dialect.columns {
            Some(names) => names.clone(),
            None => this.header()?,
        };
        this.width = names.len();
        this.places = this.places_in(&names)?;
        Ok(this)
    }

    /// The column names in the first record; empty for an empty file.
    fn header(&mut self) -> Result<Vec<String>, Error> {
        let Some(record) = self.next_record()? else {
            return Ok(Vec::new());
        };
        self.split(&record);
        self.window.consume(record.bytes);
        self.lines += record.lines;
        let names = (0..self.fields.len()).filter_map(|at| self.fields.get(at));
        Ok(names
            .map(|name| String::from_utf8_lossy(name).into_owned())
            .collect())
    }

    fn places_in(&self, names: &[String]) -> Result<Vec<usize>, Error> {
        if names.is_empty() {
            // An empty file has no rows either.
            return Ok(vec![0; self.columns.len()]);
        }
        let place = |column: &Column| {
            let found = names.iter().position(|name| *name == column.source);
            found.ok_or_else(|| self.no_column(column, names))
        };
        self.columns.stored.iter().map(place).collect()
    }

    fn no_column(&self, column: &Column, names: &[String]) -> Error {
        if let [one] = names
            && let Some((word, _)) = [("`\\t`", '\t'), ("`;`", ';'), ("`,`", ','), ("`|`", '|')]
                .into_iter()
                .find(|(_, delimiter)| one.contains(*delimiter))
        {
            return Error::input(
                format!(
                    "`{}` has no column `{}`",
                    self.path.display(),
                    column.source
                ),
                format!("its header is one field that holds {word}; see --delimiter"),
            );
        }
        let present: Vec<&str> = names.iter().map(String::as_str).collect();
        missing(&self.path, &column.source, &present)
    }

    /// Finds the next record, skipping empty lines, without consuming it.
    fn next_record(&mut self) -> Result<Option<Record>, Error> {
        loop {
            let line = self.line(0)?;
            let Some(line) = line else {
                return Ok(None);
            };
            if line.text.is_empty() {
                self.window.consume(line.next);
                self.lines += 1;
                continue;
            }
            let quotes = match self.quoting {
                Quoting::None => Quotes::Literal,
                Quoting::Auto | Quoting::Rfc4180 => Quotes::Enclosing,
            };
            let record = Record {
                bytes: line.next,
                text: line.text,
                lines: 1,
                quotes,
            };
            let text = self.window.bytes(record.text.clone());
            if quotes == Quotes::Literal || memchr(b'"', text).is_none() {
                return Ok(Some(record));
            }
            let mut scan = Scan::new(self.delimiter);
            if !scan.line(text) {
                return Ok(Some(record));
            }
            return self.quoted_record(record, scan).map(Some);
        }
    }

    /// Finds the end of a record whose first line leaves a quote open.
    fn quoted_record(&mut self, first: Record, mut scan: Scan) -> Result<Record, Error> {
        let (mut end, mut lines, opened_at) = (first.bytes, 1, scan.opened_at());
        let swallows = self.quoting == Quoting::Auto
            && self.is_record_within(first.text.clone(), opened_at..usize::MAX);
        while !swallows
            && !self.window.is_over(end)
            && let Some(line) = self.line(end)?
        {
            if self.quoting == Quoting::Auto && self.is_swallowed_record(&line) {
                break;
            }
            end = line.next;
            lines += 1;
            if !scan.line(self.window.bytes(line.text.clone())) {
                return Ok(Record {
                    bytes: end,
                    text: first.text.start..line.text.end,
                    lines,
                    quotes: Quotes::Enclosing,
                });
            }
        }
        if self.quoting == Quoting::Rfc4180 {
            let line = self.lines + 1;
            return Err(Error::input(
                format!(
                    "cannot read `{}`: the quote that opens in line {line} is never closed",
                    self.path.display()
                ),
                "fix the line, or use --quoting auto or none",
            ));
        }
        Ok(Record {
            quotes: Quotes::LiteralFrom(opened_at),
            ..first
        })
    }

    /// Whether a quote that is open before this line would swallow a record in it.
    fn is_swallowed_record(&mut self, line: &Line) -> bool {
        let text = self.window.bytes(line.text.clone());
        let end = Scan::closes_at(text, self.delimiter).unwrap_or(text.len());
        self.is_record_within(line.text.clone(), 0..end)
    }

    /// Whether a line is a record by itself: it has as many fields as the header, and a URL in the URL
    /// column that begins `within` the text a quote would enclose. Quoted text does not look like that
    /// by chance.
    fn is_record_within(&mut self, line: Range<usize>, within: Range<usize>) -> bool {
        let Some(&url) = self.places.last() else {
            return false;
        };
        let text = self.window.bytes(line);
        if !memmem::find(text, b"://").is_some_and(|at| within.contains(&at)) {
            return false;
        }
        let closed = !Scan::new(self.delimiter).line(text);
        [false, true]
            .into_iter()
            .take(1 + usize::from(closed))
            .any(|quoting| {
                self.fields.read(text, quoting);
                self.fields.len() == self.width && self.fields.get(url).is_some_and(looks_like_url)
            })
    }

    fn split(&mut self, record: &Record) {
        let text = self.window.bytes(record.text.clone());
        match record.quotes {
            Quotes::Enclosing => self.fields.read(text, true),
            Quotes::Literal => self.fields.read(text, false),
            Quotes::LiteralFrom(at) => self.fields.read_with_literal_quote_at(text, at),
        }
    }

    fn line(&mut self, at: usize) -> Result<Option<Line>, Error> {
        let line = self.window.line(at);
        line.map_err(|cause| broken(&self.path, cause))
    }

    /// Splits the next record into fields and returns its length; `None` at the end.
    pub(super) fn advance(&mut self, losses: &mut Losses) -> Result<Option<usize>, Error> {
        let Some(record) = self.next_record()? else {
            return Ok(None);
        };
        self.split(&record);
        let number = self.lines + 1;
        self.record_line = number;
        if matches!(record.quotes, Quotes::LiteralFrom(_))
            || self.reads_better_without_quotes(&record)
        {
            losses.add_at(Loss::UnbalancedQuote, number);
        }
        if self.fields.len() < self.width {
            losses.add_at(Loss::ShortRecord, number);
        } else if self.fields.len() > self.width {
            losses.add_at(Loss::LongRecord, number);
        }
        self.window.consume(record.bytes);
        self.lines += record.lines;
        Ok(Some(record.bytes))
    }

    /// Whether a line with a wrong number of fields has the right number, and a URL in the URL column,
    /// if its quotes are ordinary characters. If so, its fields are split that way.
    fn reads_better_without_quotes(&mut self, record: &Record) -> bool {
        let text = self.window.bytes(record.text.clone());
        let may_be = self.quoting == Quoting::Auto
            && record.quotes == Quotes::Enclosing
            && self.fields.len() != self.width
            && record.lines == 1
            && memchr(b'"', text).is_some();
        let Some(&url) = self.places.last().filter(|_| may_be) else {
            return false;
        };
        let has_url = |fields: &Fields| fields.get(url).is_some_and(looks_like_url);
        if has_url(&self.fields) {
            return false;
        }
        self.fields.read(text, false);
        let reads = self.fields.len() == self.width && has_url(&self.fields);
        if !reads {
            self.fields.read(text, true);
        }
        reads
    }

    /// The fields of the kept columns in the record that [`Self::advance`] split.
    pub(super) fn kept(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.places.iter().map(|&place| self.fields.get(place))
    }
}

fn looks_like_url(field: &[u8]) -> bool {
    let field = field.trim_ascii_start();
    let field = field.strip_prefix(b"\"").unwrap_or(field);
    memmem::find(&field[..field.len().min(16)], b"://").is_some()
}

impl Records for Delimited {
    fn append(&mut self, losses: &mut Losses) -> Result<Option<usize>, Error> {
        let Some(bytes) = self.advance(losses)? else {
            return Ok(None);
        };
        let number = self.record_line;
        for (builder, &place) in self.builders.iter_mut().zip(&self.places) {
            match self.fields.get(place) {
                Some(field) => append_lossily(builder, field, losses, number),
                None => builder.append_null(),
            }
        }
        Ok(Some(bytes))
    }

    fn finish(&mut self, losses: &mut Losses) -> Result<RecordBatch, Error> {
        let mut misfits = 0;
        let columns = self.columns.stored.iter().zip(self.types.iter());
        let arrays: Vec<ArrayRef> = columns
            .zip(&mut self.builders)
            .map(|((column, kind), builder)| {
                let texts = builder.finish();
                if column.role == Role::Url && self.columns.explode_url {
                    explode::from_texts(&texts)
                } else {
                    build::from_texts(texts, kind, &mut misfits)
                }
            })
            .collect();
        losses.add(Loss::Misfit, misfits);
        self.columns
            .batch(arrays)
            .map_err(|cause| broken(&self.path, cause))
    }
}

/// The fields of one record.
struct Fields {
    /// Readers in which quotes enclose fields, or are ordinary characters.
    quoted: Reader,
    literal: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    delimiter: u8,
    line_end: [u8; 1],
}

impl Fields {
    /// Creates readers for these separators of fields and records.
    fn new((delimiter, line_end): (u8, u8)) -> Self {
        let reader = |quoting| {
            ReaderBuilder::new()
                .delimiter(delimiter)
                .quoting(quoting)
                .terminator(Terminator::Any(line_end))
                .build()
        };
        Self {
            quoted: reader(true),
            literal: reader(false),
            bytes: vec![0; 1024],
            ends: vec![0; 64],
            count: 0,
            delimiter,
            line_end: [line_end],
        }
    }

    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends[..self.count].get(at)?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    /// Splits a record, given without its line end. An open quote ends with the text.
    fn read(&mut self, text: &[u8], quoting: bool) {
        let reader = if quoting {
            &mut self.quoted
        } else {
            &mut self.literal
        };
        // The fields are never longer than the record.
        if self.bytes.len() < text.len() {
            self.bytes.resize(text.len(), 0);
        }
        let line_end = self.line_end;
        let (mut written, mut rest) = (0, [text, &line_end, b""].into_iter());
        let mut input = rest.next().unwrap_or_default();
        self.count = 0;
        loop {
            let (result, taken, bytes, ends) = reader.read_record(
                input,
                &mut self.bytes[written..],
                &mut self.ends[self.count..],
            );
            input = &input[taken..];
            written += bytes;
            self.count += ends;
            match result {
                ReadRecordResult::Record | ReadRecordResult::End => break,
                ReadRecordResult::InputEmpty => input = rest.next().unwrap_or_default(),
                ReadRecordResult::OutputFull => self.bytes.resize(self.bytes.len() + 64, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
            }
        }
        if rest.next().is_none() {
            // A reader that has seen the end of its input must be reset.
            reader.reset();
        }
    }
}

impl Fields {
    /// Splits a record in which the quote at `from`, the start of a field, is an ordinary character.
    fn read_with_literal_quote_at(&mut self, text: &[u8], from: usize) {
        match from.checked_sub(1) {
            // Without the delimiter after the previous field.
            Some(end) => self.read(&text[..end], true),
            None => self.count = 0,
        }
        let delimiter = self.delimiter;
        for field in text[from..].split(|byte| *byte == delimiter) {
            self.push(&unquoted(field));
        }
    }

    fn push(&mut self, field: &[u8]) {
        let start = self.count.checked_sub(1).map_or(0, |last| self.ends[last]);
        self.bytes.truncate(start);
        self.bytes.extend_from_slice(field);
        self.ends.truncate(self.count);
        self.ends.push(self.bytes.len());
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_with_and_without_quotes() {
        let mut fields = Fields::new((b',', b'\n'));
        let mut read = |text: &[u8], quoting| {
            fields.read(text, quoting);
            let all = (0..fields.len()).filter_map(|at| fields.get(at));
            let all = all.map(|field| String::from_utf8_lossy(field).into_owned());
            all.collect::<Vec<_>>()
        };
        assert_eq!(read(b"a,\"b,\"\"c\",", true), ["a", "b,\"c", ""]);
        assert_eq!(read(b"a,\"b", true), ["a", "b\n"]);
        assert_eq!(read(b"x,y", true), ["x", "y"]);
        assert_eq!(read(b"a,\"b,c\"", false), ["a", "\"b", "c\""]);
        fields.read_with_literal_quote_at(b"\"a, b\",\"open,\"http://c\",d", 7);
        let all: Vec<&[u8]> = (0..fields.len()).filter_map(|at| fields.get(at)).collect();
        assert_eq!(all, [&b"a, b"[..], b"\"open", b"http://c", b"d"]);
        let mut read = |text: &[u8], quoting| {
            fields.read(text, quoting);
            (0..fields.len()).filter_map(|at| fields.get(at)).count()
        };
        let wide: String = (0..500).map(|n| format!("{n},")).collect();
        assert_eq!(read(wide.as_bytes(), true), 501);
    }
}
