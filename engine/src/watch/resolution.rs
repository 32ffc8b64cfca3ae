//! Owns reporting on name resolution: a line in the summary, JSON, and warnings while the run can still
//! be stopped. Never counts: the resolver and the cores do.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use turbo2ds_dns::{Stats, StatsSnapshot};

use crate::config::Resolver;

/// Fewest finished lookups for a warning during the run.
const NAMES_MIN: u64 = 500;
/// Fewest finished lookups for a warning at the end of the run, which may be small.
const NAMES_AT_END_MIN: u64 = 20;
/// Share of names without an answer above which to warn. Public lists have 5 % or less.
const FAILED_SHARE_MAX: f64 = 0.15;
/// Share of names that do not exist above which to warn. Old lists have 25 %.
const NOT_FOUND_SHARE_MAX: f64 = 0.6;

/// Watches the name resolution of one run.
pub(crate) struct ResolutionMonitor {
    stats: Arc<Stats>,
    resolver: Resolver,
    warned_fall_back: bool,
    warned_failures: bool,
}

impl ResolutionMonitor {
    pub(crate) fn new(stats: Arc<Stats>, resolver: Resolver) -> Self {
        Self {
            stats,
            resolver,
            warned_fall_back: false,
            warned_failures: false,
        }
    }

    pub(crate) fn snapshot(&self) -> StatsSnapshot {
        self.stats.snapshot()
    }

    /// The warnings that are due now; each is given once. `at_end` means that no further lookup will
    /// follow.
    pub(crate) fn notes(&mut self, at_end: bool) -> Vec<String> {
        self.notes_on(&self.stats.snapshot(), at_end)
    }

    fn notes_on(&mut self, names: &StatsSnapshot, at_end: bool) -> Vec<String> {
        let mut notes = Vec::new();
        if names.fell_back && !std::mem::replace(&mut self.warned_fall_back, true) {
            notes.push(FELL_BACK.to_owned());
        }
        let enough = if at_end { NAMES_AT_END_MIN } else { NAMES_MIN };
        if !self.warned_failures
            && names.asked() >= enough
            && let Some(warning) = warning(names, self.resolver)
        {
            self.warned_failures = true;
            notes.push(warning);
        }
        notes
    }
}

const FELL_BACK: &str = "no root name server answers (port 53 closed to the world?): names are asked of \
     the servers of /etc/resolv.conf instead; `--dns system` does so from the start";

fn warning(names: &StatsSnapshot, resolver: Resolver) -> Option<String> {
    let share = |count: u64| count as f64 / names.asked().max(1) as f64;
    let silent = names.failed + names.timed_out;
    if share(silent) > FAILED_SHARE_MAX {
        let hint = match (resolver, names.fell_back) {
            (Resolver::Recursive, false) => {
                "a router or firewall may drop part of the queries: try --dns_max_queries 256, or \
                 --dns system"
            }
            _ => {
                "the name servers may be overloaded: try --dns_max_queries 128, other servers \
                 (--dns 9.9.9.9), or --dns recursive where port 53 is open"
            }
        };
        return Some(format!(
            "{:.0} % of {} names got no answer ({} failed, {} timed out)\nhint: {hint}",
            100.0 * share(silent),
            names.asked(),
            names.failed,
            names.timed_out,
        ));
    }
    (share(names.not_found) > NOT_FOUND_SHARE_MAX).then(|| {
        format!(
            "{:.0} % of {} names do not exist\nhint: names that only this network knows need --dns system",
            100.0 * share(names.not_found),
            names.asked(),
        )
    })
}

/// The line in the summary; `None` if there were no lookups.
pub(crate) fn line(names: &StatsSnapshot) -> Option<String> {
    let asked = names.asked();
    if asked == 0 {
        return None;
    }
    let mut text = format!("names: {asked} asked, {} found", names.found);
    for (count, what) in [
        (names.not_found, "not found"),
        (names.failed, "failed"),
        (names.timed_out, "timed out"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    if names.queries > 0 {
        text += &format!("; {:.2} queries each", per_cold_name(names));
    }
    if !names.latency_p50.is_zero() {
        let [p50, p99] = [names.latency_p50, names.latency_p99].map(milliseconds);
        text += &format!("; {p50:.0} ms in the median, {p99:.0} ms at p99");
    }
    if names.wanted > 0 {
        let ready = 100.0 * names.ready as f64 / names.wanted as f64;
        text += &format!("; {ready:.1} % there when needed");
    }
    Some(text)
}

/// The statistics as JSON.
pub(crate) fn json(names: &StatsSnapshot) -> Value {
    json!({
        "asked": names.asked(),
        "found": names.found,
        "not_found": names.not_found,
        "failed": names.failed,
        "timed_out": names.timed_out,
        "answered_at_once": names.at_once,
        "queries": names.queries,
        "tcp_queries": names.tcp_queries,
        "queries_per_name": per_cold_name(names),
        "wanted": names.wanted,
        "ready": names.ready,
        "p50_ms": milliseconds(names.latency_p50),
        "p99_ms": milliseconds(names.latency_p99),
        "fell_back": names.fell_back,
    })
}

fn per_cold_name(names: &StatsSnapshot) -> f64 {
    names.queries as f64 / names.cold().max(1) as f64
}

fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: u64, not_found: u64, failed: u64, timed_out: u64) -> StatsSnapshot {
        StatsSnapshot {
            found,
            not_found,
            failed,
            timed_out,
            ..StatsSnapshot::default()
        }
    }

    #[test]
    fn the_line_has_only_what_happened() {
        assert_eq!(line(&StatsSnapshot::default()), None);
        let full = StatsSnapshot {
            at_once: 20,
            queries: 200,
            wanted: 400,
            ready: 300,
            latency_p50: Duration::from_millis(34),
            latency_p99: Duration::from_millis(410),
            ..names(90, 20, 0, 10)
        };
        assert_eq!(
            line(&full).unwrap(),
            "names: 120 asked, 90 found, 20 not found, 10 timed out; 2.00 queries each; 34 ms in the \
             median, 410 ms at p99; 75.0 % there when needed"
        );
        assert_eq!(line(&names(5, 0, 0, 0)).unwrap(), "names: 5 asked, 5 found");
    }

    #[test]
    fn a_high_share_of_failures_gives_a_warning_with_a_hint() {
        assert_eq!(warning(&names(900, 50, 20, 20), Resolver::Recursive), None);
        let bad = names(800, 0, 100, 100);
        let text = warning(&bad, Resolver::Recursive).unwrap();
        assert!(
            text.starts_with("20 % of 1000 names got no answer"),
            "{text}"
        );
        assert!(text.contains("hint: a router"), "{text}");
        let text = warning(&bad, Resolver::System).unwrap();
        assert!(text.contains("--dns recursive"), "{text}");
        let text = warning(&names(300, 700, 0, 0), Resolver::Recursive).unwrap();
        assert!(
            text.contains("do not exist") && text.contains("--dns system"),
            "{text}"
        );
    }

    #[test]
    fn a_warning_waits_for_enough_names_and_comes_once() {
        let mut watch = ResolutionMonitor::new(Arc::default(), Resolver::Recursive);
        let few = names(30, 0, 70, 0);
        assert!(watch.notes_on(&few, false).is_empty());
        assert_eq!(watch.notes_on(&few, true).len(), 1);
        assert!(watch.notes_on(&names(0, 0, 900, 0), true).is_empty());
        let fallen = StatsSnapshot {
            fell_back: true,
            ..few
        };
        assert_eq!(watch.notes_on(&fallen, false), [FELL_BACK]);
        assert!(watch.notes_on(&fallen, false).is_empty());
    }
}
