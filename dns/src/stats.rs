//! Owns the counters of name resolution: lookups by outcome, queries, latencies. The dns thread and the
//! cores write them; progress and reports read them. Never reads a clock and never holds a name.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::answer::{Answer, DnsError};

/// Live counters of one resolver.
#[derive(Debug, Default)]
pub struct Stats {
    found: AtomicU64,
    not_found: AtomicU64,
    failed: AtomicU64,
    timed_out: AtomicU64,
    at_once: AtomicU64,
    answers: AtomicU64,
    queries: AtomicU64,
    tcp_queries: AtomicU64,
    wanted: AtomicU64,
    ready: AtomicU64,
    fell_back: AtomicBool,
    latency: Histogram,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Names answered with addresses.
    pub found: u64,
    /// Names that do not exist or have no address.
    pub not_found: u64,
    /// Names whose servers all refused or failed.
    pub failed: u64,
    /// Names whose servers did not answer in time.
    pub timed_out: u64,
    /// Of all these, names answered from the resolver's cache or the hosts file, without a query.
    pub at_once: u64,
    /// Queries sent over UDP or TCP, except those hickory-resolver sends.
    pub queries: u64,
    /// Of these, queries over TCP.
    pub tcp_queries: u64,
    /// Names that URLs needed, counted once per URL.
    pub wanted: u64,
    /// Of these, names already in the core's cache.
    pub ready: u64,
    /// Whether no authoritative server was reachable, so that the machine's name servers are asked.
    pub fell_back: bool,
    /// Median time to an answer, not counting names answered at once.
    pub latency_p50: Duration,
    /// 99th percentile of the same.
    pub latency_p99: Duration,
}

impl Stats {
    /// Counts a name that a URL needs; `ready` if its core has the answer already.
    pub fn wanted(&self, ready: bool) {
        self.wanted.fetch_add(1, Ordering::Relaxed);
        self.ready.fetch_add(ready.into(), Ordering::Relaxed);
    }

    /// Lookups so far that a server answered with addresses or "not found": a sign that servers are
    /// reachable.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// Counts an answer that took `took`: zero if it was known without a query.
    pub(crate) fn answered(&self, result: &Result<Answer, DnsError>, took: Duration) {
        let class = match result {
            Ok(_) => &self.found,
            Err(DnsError::NotFound) => &self.not_found,
            Err(DnsError::Failure) => &self.failed,
            Err(DnsError::TimedOut) => &self.timed_out,
        };
        class.fetch_add(1, Ordering::Relaxed);
        if took.is_zero() {
            self.at_once.fetch_add(1, Ordering::Relaxed);
        } else {
            self.latency.add(took);
            let was_answered = matches!(result, Ok(_) | Err(DnsError::NotFound));
            self.answers
                .fetch_add(was_answered.into(), Ordering::Relaxed);
        }
    }

    pub(crate) fn query(&self, over_tcp: bool) {
        self.queries.fetch_add(1, Ordering::Relaxed);
        self.tcp_queries
            .fetch_add(over_tcp.into(), Ordering::Relaxed);
    }

    pub(crate) fn fell_back(&self) {
        self.fell_back.store(true, Ordering::Relaxed);
    }

    /// Reads all counters. They change meanwhile, so sums may be off by a few.
    pub fn snapshot(&self) -> StatsSnapshot {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [latency_p50, latency_p99] = self.latency.quantiles([50, 99]);
        StatsSnapshot {
            found: get(&self.found),
            not_found: get(&self.not_found),
            failed: get(&self.failed),
            timed_out: get(&self.timed_out),
            at_once: get(&self.at_once),
            queries: get(&self.queries),
            tcp_queries: get(&self.tcp_queries),
            wanted: get(&self.wanted),
            ready: get(&self.ready),
            fell_back: self.fell_back.load(Ordering::Relaxed),
            latency_p50,
            latency_p99,
        }
    }
}

impl StatsSnapshot {
    /// Names the resolver has answered.
    pub const fn asked(&self) -> u64 {
        self.found + self.not_found + self.failed + self.timed_out
    }

    /// Names that took at least one query.
    pub const fn cold(&self) -> u64 {
        self.asked().saturating_sub(self.at_once)
    }
}

/// Buckets per doubling, as a power of two: a bucket spans at most an eighth of its lower bound.
const STEPS_LOG2: u32 = 3;
/// Durations from 128 us to 34 s are resolved; others fall into the first or last bucket.
const FIRST_LOG2: u32 = 7;
const LAST_LOG2: u32 = 25;
const BUCKETS: usize = ((LAST_LOG2 - FIRST_LOG2) << STEPS_LOG2) as usize;

/// A histogram of durations.
#[derive(Debug)]
struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Histogram {
    fn add(&self, span: Duration) {
        self.0[bucket(span)].fetch_add(1, Ordering::Relaxed);
    }

    /// The upper bound of the bucket that holds each percentile; zero if nothing was counted.
    fn quantiles<const N: usize>(&self, percents: [u64; N]) -> [Duration; N] {
        let counts = self.0.each_ref().map(|one| one.load(Ordering::Relaxed));
        let total: u64 = counts.iter().sum();
        percents.map(|percent| {
            let rank = (total * percent).div_ceil(100).max(1);
            let mut below = 0;
            let at = counts.iter().position(|count| {
                below += count;
                below >= rank
            });
            at.map_or(Duration::ZERO, upper_end)
        })
    }
}

fn bucket(span: Duration) -> usize {
    let us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
    let log2 = us.max(1).ilog2();
    if log2 < FIRST_LOG2 {
        return 0;
    }
    let step = (us >> (log2 - STEPS_LOG2)) & ((1 << STEPS_LOG2) - 1);
    let at = u64::from((log2 - FIRST_LOG2) << STEPS_LOG2) + step;
    usize::try_from(at).map_or(BUCKETS - 1, |at| at.min(BUCKETS - 1))
}

fn upper_end(bucket: usize) -> Duration {
    let bucket = bucket as u64 + 1;
    let log2 = u64::from(FIRST_LOG2) + (bucket >> STEPS_LOG2);
    let step = bucket & ((1 << STEPS_LOG2) - 1);
    Duration::from_micros(((1 << STEPS_LOG2) + step) << (log2 - u64::from(STEPS_LOG2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_falls_into_a_bucket_that_ends_at_most_an_eighth_above_it() {
        for us in (128..2_000_000).step_by(97) {
            let span = Duration::from_micros(us);
            let end = upper_end(bucket(span));
            assert!(
                end > span && end <= span * 9 / 8 + Duration::from_micros(1),
                "{span:?} {end:?}"
            );
        }
        assert_eq!(bucket(Duration::ZERO), 0);
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_times_counted() {
        let stats = Stats::default();
        assert_eq!(stats.snapshot().latency_p99, Duration::ZERO);
        for ms in 1..=100 {
            stats.answered(&Err(DnsError::TimedOut), Duration::from_millis(ms));
        }
        let seen = stats.snapshot();
        let within = |found: Duration, ms: u64| {
            found >= Duration::from_millis(ms) && found <= Duration::from_millis(ms * 9 / 8)
        };
        assert!(within(seen.latency_p50, 50), "{seen:?}");
        assert!(within(seen.latency_p99, 99), "{seen:?}");
    }

    #[test]
    fn what_is_answered_at_once_is_counted_and_has_no_latency() {
        let stats = Stats::default();
        stats.answered(&Err(DnsError::NotFound), Duration::ZERO);
        stats.answered(&Err(DnsError::Failure), Duration::from_millis(3));
        let seen = stats.snapshot();
        assert_eq!((seen.asked(), seen.at_once, seen.cold()), (2, 1, 1));
        assert!(seen.latency_p50 > Duration::from_millis(2));
    }
}
