//! Owns the state of one judgement: the hosts that failed since the last answer, and whether that is
//! nothing, a question, or an outage. Never asks anybody and never reads a clock.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Hosts that failed one after the other, with no answer between, at which it is asked at once whose
/// fault it is; and without which, where nobody can be asked, it is theirs.
const SUSPECTS: usize = 32;
/// How long fewer of them wait for any host's answer before it is asked.
const DOUBT: Duration = Duration::from_secs(1);
/// Time between two attempts to find the network back.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// Of these, one in so many is a row of the list: the references may have gone for good.
const ROW_PROBE_EVERY: u32 = 5;

/// One part's judgement.
#[derive(Default)]
pub(super) struct Judge {
    state: Mutex<State>,
    down: AtomicBool,
    /// Outages that are over; changed with the state alone.
    outages: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Answers counted when the suspects were found.
    answers: u64,
    suspects: HashSet<u64>,
    phase: Phase,
}

#[derive(Default)]
enum Phase {
    #[default]
    Up,
    /// Rows wait for an answer; `asked` where one of them asks for it.
    Doubtful { since: Instant, asked: bool },
    Down {
        since: Instant,
        probed: Instant,
        probes: u32,
    },
}

/// A row's place in the judgement: the outages there had been when it came to wait.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

/// Whom there is to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Nobody.
    Nobody,
    /// Somebody who never answered before: silence says little while few have failed.
    Unproven,
    /// Hosts that answered before.
    Proven,
}

/// What a waiting row does next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Its failure is recorded.
    Stands,
    /// It is tried again.
    TryAgain,
    /// It asks a reference for all.
    Ask,
    /// It waits.
    Wait,
}

impl Judge {
    /// Takes in a failure after so many answers.
    pub(super) fn suspect(&self, answers: u64, host: u64, now: Instant) -> Ticket {
        let mut state = self.state();
        self.settle(&mut state, answers);
        if state.suspects.len() < SUSPECTS {
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
    pub(super) fn look(
        &self,
        answers: u64,
        ticket: Ticket,
        reference: Reference,
        now: Instant,
    ) -> Look {
        let mut state = self.state();
        self.settle(&mut state, answers);
        let State {
            phase, suspects, ..
        } = &mut *state;
        let outages = self.outages();
        let many = suspects.len() >= SUSPECTS;
        match phase {
            Phase::Up if outages == ticket.0 => Look::Stands,
            Phase::Up => Look::TryAgain,
            Phase::Doubtful { since, .. } if !many && now.duration_since(*since) < DOUBT => {
                Look::Wait
            }
            Phase::Doubtful { .. } if !many && reference != Reference::Proven => Look::Stands,
            Phase::Doubtful { asked, .. } if reference != Reference::Nobody => {
                if std::mem::replace(asked, true) {
                    Look::Wait
                } else {
                    Look::Ask
                }
            }
            Phase::Doubtful { .. } => {
                self.begin(phase, now);
                Look::Wait
            }
            Phase::Down { probed, .. } if now.duration_since(*probed) < PROBE_EVERY => Look::Wait,
            Phase::Down { probed, probes, .. } => {
                *probed = now;
                *probes += 1;
                if reference != Reference::Nobody && !probes.is_multiple_of(ROW_PROBE_EVERY) {
                    Look::Ask
                } else {
                    Look::TryAgain
                }
            }
        }
    }

    /// Takes in what a reference said; its answer was counted where there was one.
    pub(super) fn asked(&self, reachable: bool, now: Instant) {
        let mut state = self.state();
        if !reachable && matches!(state.phase, Phase::Doubtful { .. }) {
            self.begin(&mut state.phase, now);
        }
    }

    /// Outages that are over.
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

    /// An answer clears every suspect, and ends an outage.
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
        // Every step leaves a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails so many hosts; the last one's ticket.
    fn fail(judge: &Judge, answers: u64, hosts: u64, now: Instant) -> Ticket {
        let tickets = (0..hosts).map(|host| judge.suspect(answers, host, now));
        tickets.last().expect("some host")
    }

    const MANY: u64 = SUSPECTS as u64;

    #[test]
    fn an_answer_within_the_time_of_doubt_lets_failures_stand() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 7, 3, start);
        assert_eq!(judge.look(7, ticket, Reference::Proven, start), Look::Wait);
        assert_eq!(
            judge.look(8, ticket, Reference::Proven, start),
            Look::Stands
        );
    }

    #[test]
    fn who_never_answered_is_asked_only_where_many_have_failed() {
        let start = Instant::now();
        let later = start + DOUBT;
        let judge = Judge::default();
        let ticket = fail(&judge, 7, MANY - 1, start);
        assert_eq!(
            judge.look(7, ticket, Reference::Unproven, later),
            Look::Stands
        );
        let ticket = fail(&judge, 7, MANY, start);
        assert_eq!(judge.look(7, ticket, Reference::Unproven, later), Look::Ask);
        judge.asked(false, later);
        assert!(judge.is_down());
    }

    #[test]
    fn few_hosts_or_one_host_many_times_stand_where_nobody_can_be_asked() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 7, MANY - 1, start);
        for _ in 0..1000 {
            judge.suspect(7, 0, start);
        }
        assert_eq!(judge.look(7, ticket, Reference::Nobody, start), Look::Wait);
        assert_eq!(
            judge.look(7, ticket, Reference::Nobody, start + DOUBT),
            Look::Stands
        );
        assert!(!judge.is_down());
    }

    #[test]
    fn where_a_reference_answers_the_failures_stand() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = judge.suspect(7, 0, start);
        let later = start + DOUBT;
        assert_eq!(judge.look(7, ticket, Reference::Proven, start), Look::Wait);
        assert_eq!(judge.look(7, ticket, Reference::Proven, later), Look::Ask);
        assert_eq!(
            judge.look(7, ticket, Reference::Proven, later),
            Look::Wait,
            "one asks"
        );
        judge.asked(true, later);
        assert_eq!(
            judge.look(8, ticket, Reference::Proven, later),
            Look::Stands
        );
        assert!(!judge.is_down());
    }

    #[test]
    fn where_none_does_rows_wait_and_are_tried_again_after_the_next_answer() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 7, MANY, start);
        assert_eq!(judge.look(7, ticket, Reference::Proven, start), Look::Ask);
        judge.asked(false, start);
        assert!(judge.is_down());
        assert_eq!(judge.down_since(), Some(start));
        assert_eq!(judge.look(7, ticket, Reference::Proven, start), Look::Wait);
        let probes: Vec<Look> = (1..=10)
            .map(|n| judge.look(7, ticket, Reference::Proven, start + n * PROBE_EVERY))
            .collect();
        let rows = probes.iter().filter(|look| **look == Look::TryAgain);
        assert_eq!(rows.count(), 2, "one probe in five is a row");
        let later = judge.suspect(7, 1, start);
        assert_eq!(
            judge.look(8, later, Reference::Proven, start),
            Look::TryAgain
        );
        assert_eq!(
            judge.look(8, ticket, Reference::Proven, start),
            Look::TryAgain
        );
        assert!(!judge.is_down());
        let next = fail(&judge, 8, MANY, start);
        assert_eq!(judge.look(9, next, Reference::Proven, start), Look::Stands);
    }

    #[test]
    fn without_a_reference_many_hosts_are_an_outage_and_every_probe_a_row() {
        let start = Instant::now();
        let judge = Judge::default();
        let ticket = fail(&judge, 0, MANY, start);
        assert_eq!(judge.look(0, ticket, Reference::Nobody, start), Look::Wait);
        assert!(judge.is_down());
        let next = start + PROBE_EVERY;
        assert_eq!(
            judge.look(0, ticket, Reference::Nobody, next),
            Look::TryAgain
        );
        assert_eq!(judge.look(0, ticket, Reference::Nobody, next), Look::Wait);
    }
}
