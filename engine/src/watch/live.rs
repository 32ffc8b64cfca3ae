//! Owns one core's counters while it runs, for the progress display. The statistics that are
//! written come from the shards, never from here.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use turbo2ds_dns::StatsSnapshot;

use crate::failure::Failure;
use crate::watch::Tally;
use crate::watch::Wait;

/// Counters of one core; its reactor writes, the main thread reads.
#[derive(Default)]
pub(crate) struct Live {
    successes: AtomicU64,
    body_bytes: AtomicU64,
    failures: Mutex<HashMap<Failure, u64>>,
    in_flight: AtomicUsize,
    open_shards: AtomicUsize,
    /// A [`Wait`] by its number.
    wait: AtomicU8,
    over: AtomicBool,
}

/// All cores at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// Rows by how they ended.
    pub tally: Tally,
    /// Body bytes received.
    pub body_bytes: u64,
    /// Downloads in flight.
    pub in_flight: usize,
    /// Shards open.
    pub open_shards: usize,
    /// Name resolution, of the whole process.
    pub names: StatsSnapshot,
}

impl Live {
    /// A body came in.
    pub(crate) fn received(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A sample was written.
    pub(crate) fn succeeded(&self) {
        self.successes.fetch_add(1, Ordering::Relaxed);
    }

    /// A row failed.
    pub(crate) fn failed(&self, failure: Failure) {
        *self.lock().entry(failure).or_default() += 1;
    }

    /// A shard's rows are done again.
    pub(crate) fn taken_back(&self, tally: &Tally) {
        self.successes.fetch_sub(tally.successes, Ordering::Relaxed);
        let mut failures = self.lock();
        for (failure, count) in &tally.failures {
            if let Some(have) = failures.get_mut(failure) {
                *have -= count;
            }
        }
    }

    /// What the core has open now.
    pub(crate) fn set_gauges(&self, in_flight: usize, open_shards: usize) {
        self.in_flight.store(in_flight, Ordering::Relaxed);
        self.open_shards.store(open_shards, Ordering::Relaxed);
    }

    /// What the core waits for now.
    pub(crate) fn set_wait(&self, wait: Wait) {
        self.wait.store(wait as u8, Ordering::Relaxed);
    }

    /// The core has no row any more.
    pub(crate) fn set_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether the core has no row any more.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// What the core waits for.
    pub(crate) fn waits_for(&self) -> Wait {
        Wait::of(self.wait.load(Ordering::Relaxed))
    }

    /// Rows that have ended.
    pub(crate) fn rows(&self) -> u64 {
        let failures: u64 = self.lock().values().sum();
        self.successes.load(Ordering::Relaxed) + failures
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Failure, u64>> {
        // A count is whole between any two of its steps, so a poisoned lock holds no broken state.
        self.failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Snapshot {
    /// Sums up all cores; the names are not theirs.
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
