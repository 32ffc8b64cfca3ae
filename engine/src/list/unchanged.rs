//! Owns the check that a file does not change while it is read: if it changes, or its number of rows
//! differs, reading ends with an error. Never reads a byte itself.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;

use super::RowSource;
use super::files::changed;
use super::losses::Losses;
use super::source::Watch;
use crate::error::Error;

/// A file's rows, as long as the file does not change.
pub(super) struct UnchangedRows {
    source: Box<dyn RowSource>,
    path: PathBuf,
    watch: Watch,
    /// Number of rows when the list was opened.
    expected: Option<u64>,
    rows: u64,
    ended: bool,
}

impl UnchangedRows {
    pub(super) fn new(
        source: Box<dyn RowSource>,
        path: &Path,
        watch: Watch,
        expected: Option<u64>,
    ) -> Self {
        Self {
            source,
            path: path.to_owned(),
            watch,
            expected,
            rows: 0,
            ended: false,
        }
    }

    fn check_end(&self) -> Result<(), Error> {
        match self.expected {
            Some(rows) if rows != self.rows => Err(changed(&self.path)),
            _ => self.watch.check_end(),
        }
    }
}

impl RowSource for UnchangedRows {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        if self.ended {
            return None;
        }
        let next = self.source.next_batch();
        // Neither rows nor errors of a changed file can be trusted.
        let checked = self.watch.check(&self.path);
        let next = match (checked, next) {
            (Err(error), _) => Some(Err(error)),
            (Ok(()), None) => self.check_end().err().map(Err),
            (Ok(()), Some(Ok(batch))) => {
                self.rows += batch.num_rows() as u64;
                return Some(Ok(batch));
            }
            (Ok(()), failed) => failed,
        };
        self.ended = true;
        next
    }

    fn skip(&mut self, rows: u64) -> u64 {
        let skipped = self.source.skip(rows);
        self.rows += skipped;
        skipped
    }

    fn losses(&self) -> Losses {
        self.source.losses()
    }
}
