//! Owns the counters of one running core, for the progress display. Never the source of written
//! statistics, which come from the shards.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use turbo2ds_dns::StatsSnapshot;

use crate::failure::Failure;
use crate::watch::Tally;
use crate::watch::Wait;

/// Counters of one core: its reactor writes them, and the main thread reads them.
#[derive(Default)]
pub(crate) struct Live {
    successes: AtomicU64,
    body_bytes: AtomicU64,
    failures: Mutex<HashMap<Failure, u64>>,
    in_flight: AtomicUsize,
    open_shards: AtomicUsize,
    /// A [`Wait`] as a number.
    wait: AtomicU8,
    over: AtomicBool,
}

/// The counters of all cores together at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// Counts of rows by result.
    pub tally: Tally,
    /// Body bytes received.
    pub body_bytes: u64,
    /// Downloads in flight.
    pub in_flight: usize,
    /// Open shards.
    pub open_shards: usize,
    /// Name resolution of the whole process.
    pub names: StatsSnapshot,
}

impl Live {
    /// Counts a received body.
    pub(crate) fn received(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a written sample.
    pub(crate) fn succeeded(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failed row.
    pub(crate) fn failed(&self, failure: Failure) {
        *self.lock().entry(failure).or_default() += 1;
    }

    /// Subtracts the rows of a shard that is retried.
    pub(crate) fn taken_back(&self, tally: &Tally) {
        self.successes.fetch_sub(tally.successes, Ordering::Relaxed);
        let mut failures = self.lock();
        for (failure, count) in &tally.failures {
            if let Some(have) = failures.get_mut(failure) {
                *have -= count;
            }
        }
    }

    /// Sets the downloads in flight and the open shards.
    pub(crate) fn set_gauges(&self, in_flight: usize, open_shards: usize) {
        self.in_flight.store(in_flight, Ordering::Relaxed);
        self.open_shards.store(open_shards, Ordering::Relaxed);
    }

    /// Sets what the core waits for.
    pub(crate) fn set_wait(&self, wait: Wait) {
        self.wait.store(wait as u8, Ordering::Relaxed);
    }

    /// Notes that the core has no rows left.
    pub(crate) fn set_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether the core has no rows left.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// What the core waits for.
    pub(crate) fn waits_for(&self) -> Wait {
        Wait::of(self.wait.load(Ordering::Relaxed))
    }

    /// Finished rows.
    pub(crate) fn rows(&self) -> u64 {
        let failures: u64 = self.lock().values().sum();
        self.successes.load(Ordering::Relaxed) + failures
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Failure, u64>> {
        // The counts are consistent after every statement, so a poisoned lock is harmless.
        self.failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Snapshot {
    /// Adds up all cores. Leaves out name resolution, which is counted elsewhere.
    pub(crate) fn of(cores: &[std::sync::Arc<Live>]) -> Self {
        let mut sum = Self::default();
        for live in cores {
            sum.tally.successes += live.successes.load(Ordering::Relaxed);
            sum.body_bytes += live.body_bytes.load(Ordering::Relaxed);
            sum.in_flight += live.in_flight.load(Ordering::Relaxed);
            sum.open_shards += live.open_shards.load(Ordering::Relaxed);
            for (&failure, &count) in live.lock().iter() {
                sum.tally.fail_many(failure, count);
            }
        }
        sum
    }
}
