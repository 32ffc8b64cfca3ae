//! Owns lines: bounded in length, with any line end, without a byte order mark; and the txt format.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::builder::StringBuilder;
use arrow_schema::{DataType, Field, Schema};

use crate::error::Error;

use super::text::Records;
use super::{LossyCounts, RECORD_BYTES_MAX, broken};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Something that gives one JSON text, or one line, after the other.
pub(super) trait Pieces: Send {
    /// The next piece, in a buffer that the next call overwrites; `None` at the end.
    fn next(&mut self) -> Result<Option<&[u8]>, Error>;
}

/// The lines of a file that are not empty, without their ends.
pub(super) struct Lines {
    path: PathBuf,
    bytes: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    at_start: bool,
}

impl Lines {
    pub(super) fn new(path: &Path, bytes: Box<dyn Read + Send>) -> Self {
        Self {
            path: path.to_owned(),
            bytes: BufReader::with_capacity(1 << 18, bytes),
            line: Vec::new(),
            at_start: true,
        }
    }
}

impl Pieces for Lines {
    fn next(&mut self) -> Result<Option<&[u8]>, Error> {
        loop {
            self.line.clear();
            let mut bounded = self.bytes.by_ref().take(RECORD_BYTES_MAX as u64 + 1);
            let read = bounded
                .read_until(b'\n', &mut self.line)
                .map_err(|cause| broken(&self.path, &cause))?;
            if read == 0 {
                return Ok(None);
            }
            if read > RECORD_BYTES_MAX {
                return Err(broken(&self.path, &"a line is over 16 MiB"));
            }
            let skip = if self.at_start && self.line.starts_with(BOM) {
                BOM.len()
            } else {
                0
            };
            self.at_start = false;
            let mut end = self.line.len();
            while end > skip && matches!(self.line[end - 1], b'\n' | b'\r') {
                end -= 1;
            }
            if end > skip {
                return Ok(Some(&self.line[skip..end]));
            }
        }
    }
}

/// A txt list: a URL per line.
pub(super) struct UrlLines {
    lines: Lines,
    urls: StringBuilder,
}

impl UrlLines {
    pub(super) fn new(path: &Path, bytes: Box<dyn Read + Send>) -> Self {
        Self {
            lines: Lines::new(path, bytes),
            urls: StringBuilder::new(),
        }
    }
}

impl Records for UrlLines {
    fn append(&mut self, lossy: &mut LossyCounts) -> Result<Option<usize>, Error> {
        let Some(line) = self.lines.next()? else {
            return Ok(None);
        };
        append_lossily(&mut self.urls, line, lossy);
        Ok(Some(line.len()))
    }

    fn finish(&mut self, _lossy: &mut LossyCounts) -> Result<RecordBatch, Error> {
        let schema = Schema::new(vec![Field::new("url", DataType::Utf8, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(self.urls.finish())])
            .map_err(|cause| broken(&self.lines.path, &cause))
    }
}

/// Appends bytes that should be UTF-8.
pub(super) fn append_lossily(column: &mut StringBuilder, bytes: &[u8], lossy: &mut LossyCounts) {
    match std::str::from_utf8(bytes) {
        Ok(text) => column.append_value(text),
        Err(_) => {
            lossy.invalid_utf8 += 1;
            column.append_value(String::from_utf8_lossy(bytes));
        }
    }
}
