//! Owns batching text records: how many go into a batch, and that good rows are returned before an
//! error. Never knows a format.

use arrow_array::RecordBatch;

use crate::error::Error;

use super::{BATCH_BYTES, Losses, RowSource};

/// A stream of records that builds batches.
pub(super) trait Records: Send {
    /// Appends the next record to the batch and returns its length in bytes; `None` at the end.
    fn append(&mut self, losses: &mut Losses) -> Result<Option<usize>, Error>;

    /// Closes the batch.
    fn finish(&mut self, losses: &mut Losses) -> Result<RecordBatch, Error>;
}

/// The batches of a stream of records.
pub(super) struct TextSource<R> {
    records: R,
    rows: usize,
    end: End,
    losses: Losses,
}

/// Whether the stream has ended.
enum End {
    NotYet,
    Failed(Error),
    Reached,
}

impl<R: Records> TextSource<R> {
    /// `rows` is the most per batch; `losses` is still empty.
    pub(super) fn new(records: R, rows: usize, losses: Losses) -> Self {
        Self {
            records,
            rows,
            end: End::NotYet,
            losses,
        }
    }

    /// Fills one batch and returns its number of rows; 0 at the end.
    fn fill(&mut self) -> usize {
        let (mut rows, mut bytes) = (0, 0);
        while matches!(self.end, End::NotYet) && rows < self.rows && bytes < BATCH_BYTES {
            match self.records.append(&mut self.losses) {
                Ok(Some(taken)) => {
                    rows += 1;
                    bytes += taken;
                }
                Ok(None) => self.end = End::Reached,
                Err(error) => self.end = End::Failed(error),
            }
        }
        rows
    }
}

impl<R: Records> RowSource for TextSource<R> {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        if self.fill() > 0 {
            let batch = self.records.finish(&mut self.losses);
            if batch.is_err() {
                self.end = End::Reached;
            }
            return Some(batch);
        }
        match std::mem::replace(&mut self.end, End::Reached) {
            End::Failed(error) => Some(Err(error)),
            End::NotYet | End::Reached => None,
        }
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }
}
