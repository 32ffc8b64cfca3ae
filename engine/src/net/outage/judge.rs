//! Owns the state of outage detection: the hosts that failed since the last answer, and whether the
//! network is up, in doubt or down. Never does I/O and never reads a clock.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hosts that have to fail without any answer in between before a reference is asked at once. Without a
/// reference, fewer than this are recorded as the hosts' own failures.
const SUSPECTS_MAX: usize = 32;
/// How long fewer failed hosts wait for any answer before a reference is asked.
const DOUBT_MAX: Duration = Duration::from_secs(1);
/// Time between two probes while the network is down.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Every how many probes a row is tried instead of a reference, which may be gone for good.
const ROW_PROBE_EVERY: u32 = 5;

/// Detects outages of one part of the network.
#[derive(Default)]
pub(super) struct Judge {
    state: Mutex<State>,
    down: AtomicBool,
    /// Outages that have ended; changed only with the state locked.
    outages: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The count of answers that the suspects belong to.
    answers: u64,
    suspects: HashSet<u64>,
    phase: Phase,
}

#[derive(Default)]
enum Phase {
    #[default]
    Up,
    /// Rows wait for an answer; `asked` if one of them is asking a reference.
    Doubtful { since: Instant, asked: bool },
    Down {
        since: Instant,
        probed: Instant,
        probes: u32,
    },
}

/// A waiting row: the number of outages when it began to wait.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

/// Whether there is a reference to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// None.
    Nobody,
    /// One that has never answered: its silence means little while few hosts have failed.
    Unproven,
    /// Hosts that have answered before.
    Proven,
}

/// What a waiting row does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Its failure is recorded.
    Record,
    /// It is tried again.
    Retry,
    /// It asks a reference on behalf of all waiting rows.
    Probe,
    /// It waits.
    Wait,
}

impl Judge {
    /// Notes that `host` failed when `answers` had been counted.
    pub(super) fn suspect(&self, answers: u64, host: u64, now: Instant) -> Ticket {
        let mut state = self.state();
        self.settle(&mut state, answers);
        if state.suspects.len() < SUSPECTS_MAX {
            state.suspects.insert(host);
        }
        if matches!(state.phase, Phase::Up) {
            state.phase = Phase::Doubtful {
                since: now,
                asked: false,
            };
        }
        Ticket(self.outages())
    }

    /// What the holder of a ticket does next.
    pub(super) fn verdict(
        &self,
        answers: u64,
        ticket: Ticket,
        reference: Reference,
        now: Instant,
    ) -> Verdict {
        let mut state = self.state();
        self.settle(&mut state, answers);
        let State {
            phase, suspects, ..
        } = &mut *state;
        let outages = self.outages();
        let many = suspects.len() >= SUSPECTS_MAX;
        match phase {
            Phase::Up if outages == ticket.0 => Verdict::Record,
            Phase::Up => Verdict::Retry,
            Phase::Doubtful { since, .. } if !many && now.duration_since(*since) < DOUBT_MAX => {
                Verdict::Wait
            }
            Phase::Doubtful { .. } if !many && reference != Reference::Proven => Verdict::Record,
            Phase::Doubtful { asked, .. } if reference != Reference::Nobody => {
                if std::mem::replace(asked, true) {
                    Verdict::Wait
                } else {
                    Verdict::Probe
                }
            }
            Phase::Doubtful { .. } => {
                self.begin(phase, now);
                Verdict::Wait
            }
            Phase::Down { probed, .. } if now.duration_since(*probed) < PROBE_EVERY => {
                Verdict::Wait
            }
            Phase::Down { probed, probes, .. } => {
                *probed = now;
                *probes += 1;
                if reference != Reference::Nobody && !probes.is_multiple_of(ROW_PROBE_EVERY) {
                    Verdict::Probe
                } else {
                    Verdict::Retry
                }
            }
        }
    }

    /// Notes whether a reference answered. Its answer has already been counted.
    pub(super) fn probed(&self, reachable: bool, now: Instant) {
        let mut state = self.state();
        if !reachable && matches!(state.phase, Phase::Doubtful { .. }) {
            self.begin(&mut state.phase, now);
        }
    }

    /// Outages that have ended.
    pub(super) fn outages(&self) -> u64 {
        self.outages.load(Ordering::Relaxed)
    }

    pub(super) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(super) fn down_since(&self) -> Option<Instant> {
        match self.state().phase {
            Phase::Down { since, .. } => Some(since),
            Phase::Up | Phase::Doubtful { .. } => None,
        }
    }

    fn begin(&self, phase: &mut Phase, now: Instant) {
        *phase = Phase::Down {
            since: now,
            probed: now,
            probes: 0,
        };
        self.down.store(true, Ordering::Relaxed);
    }

    /// Clears every suspect, and ends an outage, if there was an answer.
    fn settle(&self, state: &mut State, answers: u64) {
        if answers == state.answers {
            return;
        }
        state.answers = answers;
        state.suspects.clear();
        if matches!(state.phase, Phase::Down { .. }) {
            self.outages.fetch_add(1, Ordering::Relaxed);
            self.down.store(false, Ordering::Relaxed);
        }
        state.phase = Phase::Up;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails `hosts` hosts and returns the last one's ticket.
    fn fail(judge: &Judge, answers: u64, hosts: u64, now: Instant) -> Ticket {
        let tickets = (0..hosts).map(|host| judge.suspect(answers, host, now));
        tickets.last().expect("some host")
    }

    const MANY: u64 = SUSPECTS_MAX as u64;

    #[test]
    fn an_answer_while_in_doubt_records_the_failures() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 7, 3, start);
        assert_eq!(
            judge.verdict(7, ticket, Reference::Proven, start),
            Verdict::Wait
        );
        assert_eq!(
            judge.verdict(8, ticket, Reference::Proven, start),
            Verdict::Record
        );
    }

    #[test]
    fn an_unproven_reference_is_asked_only_if_many_hosts_failed() {
        let start = Instant::now();
        let later = start + DOUBT_MAX;
        let judge = Judge::default();
        let ticket = fail(&judge, 7, MANY - 1, start);
        assert_eq!(
            judge.verdict(7, ticket, Reference::Unproven, later),
            Verdict::Record
        );
        let ticket = fail(&judge, 7, MANY, start);
        assert_eq!(
            judge.verdict(7, ticket, Reference::Unproven, later),
            Verdict::Probe
        );
        judge.probed(false, later);
        assert!(judge.is_down());
    }

    #[test]
    fn few_failed_hosts_are_recorded_without_a_reference() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 7, MANY - 1, start);
        for _ in 0..1000 {
            judge.suspect(7, 0, start);
        }
        assert_eq!(
            judge.verdict(7, ticket, Reference::Nobody, start),
            Verdict::Wait
        );
        assert_eq!(
            judge.verdict(7, ticket, Reference::Nobody, start + DOUBT_MAX),
            Verdict::Record
        );
        assert!(!judge.is_down());
    }

    #[test]
    fn failures_are_recorded_if_a_reference_answers() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = judge.suspect(7, 0, start);
        let later = start + DOUBT_MAX;
        assert_eq!(
            judge.verdict(7, ticket, Reference::Proven, start),
            Verdict::Wait
        );
        assert_eq!(
            judge.verdict(7, ticket, Reference::Proven, later),
            Verdict::Probe
        );
        assert_eq!(
            judge.verdict(7, ticket, Reference::Proven, later),
            Verdict::Wait,
            "one asks"
        );
        judge.probed(true, later);
        assert_eq!(
            judge.verdict(8, ticket, Reference::Proven, later),
            Verdict::Record
        );
        assert!(!judge.is_down());
    }

    #[test]
    fn rows_wait_and_are_retried_after_the_next_answer() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 7, MANY, start);
        assert_eq!(
            judge.verdict(7, ticket, Reference::Proven, start),
            Verdict::Probe
        );
        judge.probed(false, start);
        assert!(judge.is_down());
        assert_eq!(judge.down_since(), Some(start));
        assert_eq!(
            judge.verdict(7, ticket, Reference::Proven, start),
            Verdict::Wait
        );
        let probes: Vec<Verdict> = (1..=10)
            .map(|n| judge.verdict(7, ticket, Reference::Proven, start + n * PROBE_EVERY))
            .collect();
        let rows = probes.iter().filter(|look| **look == Verdict::Retry);
        assert_eq!(rows.count(), 2, "one probe in five is a row");
        let later = judge.suspect(7, 1, start);
        assert_eq!(
            judge.verdict(8, later, Reference::Proven, start),
            Verdict::Retry
        );
        assert_eq!(
            judge.verdict(8, ticket, Reference::Proven, start),
            Verdict::Retry
        );
        assert!(!judge.is_down());
        let next = fail(&judge, 8, MANY, start);
        assert_eq!(
            judge.verdict(9, next, Reference::Proven, start),
            Verdict::Record
        );
    }

    #[test]
    fn without_a_reference_every_probe_is_a_row() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 0, MANY, start);
        assert_eq!(
            judge.verdict(0, ticket, Reference::Nobody, start),
            Verdict::Wait
        );
        assert!(judge.is_down());
        let next = start + PROBE_EVERY;
        assert_eq!(
            judge.verdict(0, ticket, Reference::Nobody, next),
            Verdict::Retry
        );
        assert_eq!(
            judge.verdict(0, ticket, Reference::Nobody, next),
            Verdict::Wait
        );
    }
}
