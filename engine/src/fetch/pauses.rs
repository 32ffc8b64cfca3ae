//! Owns what hosts have asked of everybody: not to be asked before a moment (`Retry-After` on 429 and 503;
//! RFC 6585, 4 and RFC 9110, 15.6.4). One table for all cores, bounded, and empty unless `--retries` lets
//! rows wait.
//! Never reads a clock and never sleeps: the fetch does both. Never measures a host: how fast one that
//! has not asked for anything may be asked is not decided here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::{Host, Target};

/// Hosts remembered at a time; the one whose pause ends first goes.
const HOSTS_MAX: usize = 4096;
/// Longest pause that is remembered: a run may last longer.
const PAUSE_MAX: Duration = Duration::from_secs(86_400);
/// Time between two rows that waited for the same host, so that they do not all come back at once.
const SPACING: Duration = Duration::from_millis(10);

/// The hosts that are to be left alone.
#[derive(Default)]
pub(crate) struct Pauses {
    /// False while there is none, which is nearly always: then no request looks further.
    any: AtomicBool,
    hosts: Mutex<HashMap<HostKey, Pause>>,
}

/// A server, by its name or address and its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct HostKey(Host, u16);

struct Pause {
    /// When the host may be asked again.
    until: Instant,
    /// The turn of the next row that waits.
    next_turn: Instant,
    /// Counts how often the pause was set: a turn is worth nothing once the host has said it again.
    set: u32,
}

/// A row's place among those that wait for a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    host: HostKey,
    set: u32,
}

/// What a row may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Ask.
    Now,
    /// Look again then, with this turn.
    At(Instant, Turn),
    /// Wait for the deadline: too many are before it. Rows of a host that has much to do are not spent
    /// on it at once.
    Late,
    /// Give up: the host wants to be left alone for longer than the row has.
    Never,
}

impl Pauses {
    /// A host asked for a pause of this length.
    pub(super) fn note(&self, target: &Target, pause: Duration, now: Instant) {
        if pause.is_zero() {
            return;
        }
        let until = now + pause.min(PAUSE_MAX);
        let mut hosts = self.lock();
        let key = HostKey(target.host.clone(), target.port);
        if let Some(known) = hosts.get_mut(&key) {
            if until > known.until {
                known.until = until;
                known.next_turn = until;
                known.set = known.set.wrapping_add(1);
            }
            return;
        }
        make_room(&mut hosts, now);
        let pause = Pause {
            until,
            next_turn: until,
            set: 0,
        };
        hosts.insert(key, pause);
        self.any.store(true, Ordering::Relaxed);
    }

    /// Whether there is none, without a look at the table.
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Relaxed)
    }

    /// Whether a row that must have asked before `deadline` may ask `target`. `turn` is what it was given
    /// the last time.
    pub(super) fn leave(
        &self,
        target: &Target,
        turn: Option<&Turn>,
        now: Instant,
        deadline: Instant,
    ) -> Leave {
        let mut hosts = self.lock();
        let key = HostKey(target.host.clone(), target.port);
        let Some(pause) = hosts.get_mut(&key) else {
            return Leave::Now;
        };
        if pause.is_over(now) {
            hosts.remove(&key);
            self.any.store(!hosts.is_empty(), Ordering::Relaxed);
            return Leave::Now;
        }
        if turn.is_some_and(|turn| turn.set == pause.set && turn.host == key) {
            return Leave::Now;
        }
        match pause.next_turn(now, deadline) {
            Ok(at) => Leave::At(
                at,
                Turn {
                    set: pause.set,
                    host: key,
                },
            ),
            Err(leave) => leave,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HostKey, Pause>> {
        // Entries are whole after every statement, so a panic elsewhere spoils nothing.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pause {
    /// Whether nobody has to wait any more.
    fn is_over(&self, now: Instant) -> bool {
        self.until <= now && self.next_turn <= now
    }

    /// The turn of one more row, before its deadline.
    fn next_turn(&mut self, now: Instant, deadline: Instant) -> Result<Instant, Leave> {
        if self.until >= deadline {
            return Err(Leave::Never);
        }
        let at = self.next_turn.max(now);
        if at >= deadline {
            return Err(Leave::Late);
        }
        self.next_turn = at + SPACING;
        Ok(at)
    }
}

/// Forgets the pauses that are over, and the one that is over first where that is not enough.
fn make_room(hosts: &mut HashMap<HostKey, Pause>, now: Instant) {
    if hosts.len() < HOSTS_MAX {
        return;
    }
    hosts.retain(|_, pause| !pause.is_over(now));
    if hosts.len() < HOSTS_MAX {
        return;
    }
    let first = hosts.iter().min_by_key(|(_, pause)| pause.until);
    if let Some(key) = first.map(|(key, _)| key.clone()) {
        hosts.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn target(url: &str) -> Target {
        Target::parse(url).unwrap()
    }

    /// When each of these rows may ask, from the moment on: milliseconds.
    fn turns(
        pauses: &Pauses,
        host: &Target,
        rows: u32,
        now: Instant,
        deadline: Instant,
    ) -> Vec<u128> {
        let turn = |_| match pauses.leave(host, None, now, deadline) {
            Leave::At(at, _) => (at - now).as_millis(),
            other => panic!("{other:?}"),
        };
        (0..rows).map(turn).collect()
    }

    #[test]
    fn a_host_that_asked_for_nothing_is_asked_at_once() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let (asked, other) = (target("http://a.example/x"), target("http://b.example/x"));
        assert_eq!(pauses.leave(&asked, None, now, now + SECOND), Leave::Now);
        pauses.note(&asked, Duration::ZERO, now);
        assert_eq!(pauses.leave(&asked, None, now, now + SECOND), Leave::Now);
        pauses.note(&asked, SECOND, now);
        for free in [
            &other,
            &target("http://a.example:81/x"),
            &target("https://a.example/x"),
        ] {
            assert_eq!(pauses.leave(free, None, now, now + SECOND), Leave::Now);
        }
    }

    #[test]
    fn rows_of_a_paused_host_wait_for_its_end_and_come_one_after_the_other() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let host = target("http://a.example/x");
        pauses.note(&host, SECOND, now);
        let deadline = now + 10 * SECOND;
        assert_eq!(
            turns(&pauses, &host, 4, now, deadline),
            [1000, 1010, 1020, 1030]
        );
        // After the pause, those that begin come behind those that wait.
        let later = now + Duration::from_millis(1015);
        assert_eq!(turns(&pauses, &host, 2, later, deadline), [25, 35]);
        // And at once when all have gone.
        let end = now + Duration::from_millis(1060);
        assert_eq!(pauses.leave(&host, None, end, deadline), Leave::Now);
        assert!(pauses.is_empty() && pauses.lock().is_empty());
    }

    #[test]
    fn a_turn_holds_until_the_host_says_it_again() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let host = target("http://a.example/x");
        let deadline = now + 10 * SECOND;
        pauses.note(&host, SECOND, now);
        let Leave::At(at, turn) = pauses.leave(&host, None, now, deadline) else {
            panic!("there is a pause");
        };
        pauses.note(&host, SECOND / 2, now);
        assert_eq!(
            pauses.leave(&host, Some(&turn), at, deadline),
            Leave::Now,
            "a shorter one changes nothing"
        );
        pauses.note(&host, SECOND, at);
        let other = target("http://b.example/x");
        pauses.note(&other, SECOND, now);
        let elsewhere = pauses.leave(&other, Some(&turn), now, deadline);
        assert!(
            matches!(elsewhere, Leave::At(..)),
            "a turn is one host's: {elsewhere:?}"
        );
        let again = pauses.leave(&host, Some(&turn), at, deadline);
        assert!(
            matches!(again, Leave::At(next, _) if next == at + SECOND),
            "{again:?}"
        );
    }

    #[test]
    fn a_pause_beyond_the_deadline_is_not_waited_for_and_a_turn_beyond_it_is() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let host = target("http://a.example/x");
        pauses.note(&host, 2 * SECOND, now);
        assert_eq!(pauses.leave(&host, None, now, now + SECOND), Leave::Never);
        assert_eq!(
            pauses.leave(&host, None, now, now + 2 * SECOND),
            Leave::Never
        );
        let tight = now + 2 * SECOND + SPACING;
        assert_eq!(turns(&pauses, &host, 1, now, tight), [2000]);
        assert_eq!(pauses.leave(&host, None, now, tight), Leave::Late);
        // What is late takes nobody's place.
        assert_eq!(turns(&pauses, &host, 1, now, now + 9 * SECOND), [2010]);
        pauses.note(&host, Duration::MAX, now);
        assert_eq!(
            pauses.leave(&host, None, now, now + 9 * SECOND),
            Leave::Never
        );
    }

    #[test]
    fn the_table_is_bounded_and_the_pause_that_ends_first_goes() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        for n in 0..HOSTS_MAX as u64 + 3 {
            let host = target(&format!("http://h{n}.example/"));
            pauses.note(&host, SECOND + Duration::from_millis(n), now);
        }
        assert_eq!(pauses.lock().len(), HOSTS_MAX);
        let deadline = now + 99 * SECOND;
        assert_eq!(
            pauses.leave(&target("http://h2.example/"), None, now, deadline),
            Leave::Now
        );
        assert_eq!(
            turns(&pauses, &target("http://h3.example/"), 1, now, deadline),
            [1003]
        );
        // What is over makes room first.
        let later = now + 2 * SECOND;
        pauses.note(&target("http://new.example/"), SECOND, later);
        assert!(pauses.lock().len() < HOSTS_MAX);
    }
}
