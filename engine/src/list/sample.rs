//! Owns `--sample_rate`: which rows of a file are selected. It depends only on the seed and the row's
//! position in the list, so that a resumed run and every worker select the same rows. Never reads a
//! file.

use arrow_array::{BooleanArray, RecordBatch};

use super::losses::Losses;
use super::{RowSource, broken};
use crate::config::Sample;
use crate::error::Error;

/// The selected rows of another source.
pub(super) struct Sampled {
    source: Box<dyn RowSource>,
    /// A row is selected if the hash of its number is below this.
    threshold: u64,
    seed: u64,
    row: u64,
}

impl Sampled {
    /// Selects rows of file number `file` in the list.
    pub(super) fn new(source: Box<dyn RowSource>, sample: Sample, file: u64) -> Self {
        Self {
            source,
            // The cast saturates: a rate of 1 would miss one row in 2^64, which `selects` handles.
            threshold: (sample.rate * 2f64.powi(64)) as u64,
            seed: mixed(sample.seed ^ mixed(file)),
            row: 0,
        }
    }

    fn selects(&self, row: u64) -> bool {
        self.threshold == u64::MAX || mixed(self.seed ^ mixed(row)) < self.threshold
    }
}

impl RowSource for Sampled {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        loop {
            let batch = match self.source.next_batch()? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let rows = self.row..self.row + batch.num_rows() as u64;
            self.row = rows.end;
            let selected: BooleanArray = rows.map(|row| Some(self.selects(row))).collect();
            match arrow_select::filter::filter_record_batch(&batch, &selected) {
                Ok(batch) if batch.num_rows() == 0 => {}
                Ok(batch) => return Some(Ok(batch)),
                Err(cause) => return Some(Err(broken(std::path::Path::new("the list"), cause))),
            }
        }
    }

    fn losses(&self) -> Losses {
        self.source.losses()
    }
}

/// SplitMix64's finalizer: every bit of the number affects every bit of the hash.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoRows;

    impl RowSource for NoRows {
        fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
            None
        }

        fn losses(&self) -> Losses {
            Losses::default()
        }
    }

    fn selected(rate: f64, seed: u64, file: u64) -> Vec<u64> {
        let selected = Sampled::new(Box::new(NoRows), Sample { rate, seed }, file);
        (0..100_000).filter(|&row| selected.selects(row)).collect()
    }

    #[test]
    fn the_seed_decides_which_rows_are_sampled() {
        let tenth = selected(0.1, 1, 0);
        assert!((9_500..10_500).contains(&tenth.len()), "{}", tenth.len());
        assert_eq!(tenth, selected(0.1, 1, 0));
        assert_ne!(tenth, selected(0.1, 2, 0));
        assert_ne!(tenth, selected(0.1, 1, 1));
        // More of the same rows, not others.
        let more = selected(0.2, 1, 0);
        assert!(tenth.iter().all(|row| more.binary_search(row).is_ok()));
        assert_eq!(selected(1.0, 1, 0).len(), 100_000);
    }
}
