//! Owns counting rows by result. Never counts anything else.

use std::collections::HashMap;

use turbo2ds_writers::Stage;

use crate::failure::Failure;

/// Counts of rows by result.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Written samples.
    pub successes: u64,
    /// Rows without a usable body.
    pub failed_to_download: u64,
    /// Rows whose body gave no image.
    pub failed_to_resize: u64,
    /// Failures by kind.
    pub failures: HashMap<Failure, u64>,
}

impl Tally {
    /// Counts a failure.
    pub fn fail(&mut self, failure: Failure) {
        self.fail_many(failure, 1);
    }

    /// Counts a failure several times.
    pub fn fail_many(&mut self, failure: Failure, count: u64) {
        match failure.stage() {
            Stage::Download => self.failed_to_download += count,
            Stage::Resize => self.failed_to_resize += count,
        }
        *self.failures.entry(failure).or_default() += count;
    }

    /// Adds another tally to this one.
    pub fn add(&mut self, other: &Self) {
        self.successes += other.successes;
        self.failed_to_download += other.failed_to_download;
        self.failed_to_resize += other.failed_to_resize;
        for (failure, count) in &other.failures {
            *self.failures.entry(*failure).or_default() += count;
        }
    }

    /// All rows.
    pub fn count(&self) -> u64 {
        self.successes + self.failed_to_download + self.failed_to_resize
    }
}
