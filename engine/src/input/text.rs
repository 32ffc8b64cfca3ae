//! Owns the batching of text records: how many go into a batch, and that the good rows before an
//! error come out first. Never knows a format.

use arrow_array::RecordBatch;

use crate::error::Error;

use super::{BATCH_BYTES, INFERENCE_BYTES, LossyCounts, RowSource};

/// A stream of records that gathers a batch.
pub(super) trait Records: Send {
    /// Appends the next record to the batch and says how many bytes it took; `None` at the end.
    fn append(&mut self, lossy: &mut LossyCounts) -> Result<Option<usize>, Error>;

    /// Closes the batch. The first batch decides the columns' types.
    fn finish(&mut self, lossy: &mut LossyCounts) -> Result<RecordBatch, Error>;
}

/// The batches of a stream of records.
pub(super) struct TextSource<R> {
    records: R,
    rows: usize,
    bytes_max: usize,
    end: End,
    lossy: LossyCounts,
}

/// Where the stream stands.
enum End {
    NotYet,
    Failed(Error),
    Reached,
}

impl<R: Records> TextSource<R> {
    /// `rows` is the most per batch.
    pub(super) fn new(records: R, rows: usize) -> Self {
        Self {
            records,
            rows,
            bytes_max: INFERENCE_BYTES,
            end: End::NotYet,
            lossy: LossyCounts::default(),
        }
    }

    /// Fills one batch; 0 rows at the end.
    fn fill(&mut self) -> usize {
        let (mut rows, mut bytes) = (0, 0);
        while matches!(self.end, End::NotYet) && rows < self.rows && bytes < self.bytes_max {
            match self.records.append(&mut self.lossy) {
                Ok(Some(taken)) => {
                    rows += 1;
                    bytes += taken;
                }
                Ok(None) => self.end = End::Reached,
                Err(error) => self.end = End::Failed(error),
            }
        }
        self.bytes_max = BATCH_BYTES;
        rows
    }
}

impl<R: Records> RowSource for TextSource<R> {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        if self.fill() > 0 {
            let batch = self.records.finish(&mut self.lossy);
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

    fn lossy(&self) -> LossyCounts {
        self.lossy
    }
}
