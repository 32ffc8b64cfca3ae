//! Owns reading lines, bounded in length and with any line end, and the txt format, one URL per line. A
//! line that is quoted like a csv field (as pandas' `to_csv` without a header writes it) loses its
//! quotes. Never parses a URL.

use std::borrow::Cow;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::StringBuilder;
use arrow_schema::{DataType, Field, Schema};

use crate::error::Error;

use super::broken;
use super::losses::{Loss, Losses};
use super::text_batches::Records;
use super::window::Window;

/// A source of JSON texts or lines.
pub(super) trait Pieces: Send {
    /// The next piece, with its line or record number from 1; `None` at the end. The next call
    /// overwrites it.
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, Error>;
}

/// The non-empty lines of a file, without their line ends.
pub(super) struct Lines {
    path: PathBuf,
    window: Window,
    /// Lines read so far, including empty ones.
    count: u64,
}

impl Lines {
    pub(super) fn new(path: &Path, bytes: Box<dyn Read + Send>) -> Result<Self, Error> {
        Ok(Self {
            path: path.to_owned(),
            window: Window::new(bytes).map_err(|cause| broken(path, cause))?,
            count: 0,
        })
    }
}

impl Pieces for Lines {
    fn next(&mut self) -> Result<Option<(u64, &[u8])>, Error> {
        loop {
            let line = self.window.line(0);
            let Some(line) = line.map_err(|cause| broken(&self.path, cause))? else {
                return Ok(None);
            };
            self.count += 1;
            self.window.consume(line.next);
            if !line.text.is_empty() {
                return Ok(Some((self.count, self.window.consumed(&line))));
            }
        }
    }
}

/// A txt list: one URL per line.
pub(super) struct UrlLines {
    lines: Lines,
    urls: StringBuilder,
}

impl UrlLines {
    pub(super) fn new(path: &Path, bytes: Box<dyn Read + Send>) -> Result<Self, Error> {
        Ok(Self {
            lines: Lines::new(path, bytes)?,
            urls: StringBuilder::new(),
        })
    }
}

impl Records for UrlLines {
    fn append(&mut self, losses: &mut Losses) -> Result<Option<usize>, Error> {
        let Some((number, line)) = self.lines.next()? else {
            return Ok(None);
        };
        append_lossily(&mut self.urls, &unquoted(line), losses, number);
        Ok(Some(line.len()))
    }

    fn finish(&mut self, _losses: &mut Losses) -> Result<RecordBatch, Error> {
        let schema = Schema::new(vec![Field::new("url", DataType::Utf8, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(self.urls.finish())])
            .map_err(|cause| broken(&self.lines.path, cause))
    }
}

/// Removes the quotes of a line that is quoted as a whole, with every quote inside doubled.
pub(super) fn unquoted(line: &[u8]) -> Cow<'_, [u8]> {
    let inner = line.trim_ascii();
    let inner = inner
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let Some(inner) = inner else {
        return Cow::Borrowed(line);
    };
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        if byte == b'"' && bytes.next() != Some(&b'"') {
            return Cow::Borrowed(line);
        }
        out.push(byte);
    }
    Cow::Owned(out)
}

/// Appends the bytes of line `number` as UTF-8. Invalid bytes are replaced and counted.
pub(super) fn append_lossily(
    column: &mut StringBuilder,
    bytes: &[u8],
    losses: &mut Losses,
    number: u64,
) {
    match std::str::from_utf8(bytes) {
        Ok(text) => column.append_value(text),
        Err(_) => {
            losses.add_at(Loss::InvalidUtf8, number);
            column.append_value(String::from_utf8_lossy(bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_that_is_quoted_as_a_whole_loses_its_quotes() {
        for (line, expected) in [
            ("\"http://a/?b=1,2\"", "http://a/?b=1,2"),
            (" \"http://a\"\"b\" ", "http://a\"b"),
            ("\"\"", ""),
            ("\"", "\""),
            ("\"a\" b\"", "\"a\" b\""),
            ("http://a/\"b\"", "http://a/\"b\""),
            ("\"a\",\"b\"", "\"a\",\"b\""),
        ] {
            assert_eq!(&*unquoted(line.as_bytes()), expected.as_bytes(), "{line}");
        }
    }
}
