//! Owns the pauses that hosts have asked for with `Retry-After` on 429 and 503 (RFC 6585, 4 and RFC
//! 9110, 15.6.4). One table for all cores, bounded, and empty unless `--retries` lets rows wait. Never
//! reads a clock and never sleeps: the fetch does both. Never limits the rate of a host that has not
//! asked for a pause.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::{Host, Target};

/// Most hosts in the table; the one whose pause ends first is dropped.
const HOSTS_MAX: usize = 4096;
/// Longest pause that is honoured.
const PAUSE_MAX: Duration = Duration::from_secs(86_400);
/// Time between two rows that waited for the same host, so that they do not all return at once.
const SPACING: Duration = Duration::from_millis(10);

/// The hosts that asked for a pause.
#[derive(Default)]
pub(crate) struct Pauses {
    /// Whether there is any, which is rare: otherwise no request locks the table.
    any: AtomicBool,
    hosts: Mutex<HashMap<HostKey, Pause>>,
}

/// A server, by its name or address and its port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct HostKey(Host, u16);

struct Pause {
    /// When requests may resume.
    until: Instant,
    /// When the next waiting row may start.
    next_turn: Instant,
    /// How often the pause was set: a turn is void once the host has asked again.
    generation: u32,
}

/// A waiting row's permission to send a request to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    host: HostKey,
    generation: u32,
}

/// Whether a row may send its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Now,
    /// Ask again at this time, with this turn.
    At(Instant, Turn),
    /// Wait until the deadline: too many rows are ahead of it. Failing at once would use up the rows of
    /// a busy host.
    TooLate,
    /// Give up: the pause is longer than the row's time.
    Denied,
}

impl Pauses {
    /// Records that the host of `target` asked for a pause of this length.
    pub(super) fn record(&self, target: &Target, pause: Duration, now: Instant) {
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
                known.generation = known.generation.wrapping_add(1);
            }
            return;
        }
        make_room(&mut hosts, now);
        let pause = Pause {
            until,
            next_turn: until,
            generation: 0,
        };
        hosts.insert(key, pause);
        self.any.store(true, Ordering::Relaxed);
    }

    /// Whether there are no pauses. Does not lock the table.
    pub(super) fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Relaxed)
    }

    /// Whether a row with this `deadline` may send its request to `target`. `turn` is what the last
    /// call gave it.
    pub(super) fn admit(
        &self,
        target: &Target,
        turn: Option<&Turn>,
        now: Instant,
        deadline: Instant,
    ) -> Admission {
        let mut hosts = self.lock();
        let key = HostKey(target.host.clone(), target.port);
        let Some(pause) = hosts.get_mut(&key) else {
            return Admission::Now;
        };
        if pause.is_over(now) {
            hosts.remove(&key);
            self.any.store(!hosts.is_empty(), Ordering::Relaxed);
            return Admission::Now;
        }
        if turn.is_some_and(|turn| turn.generation == pause.generation && turn.host == key) {
            return Admission::Now;
        }
        match pause.next_turn(now, deadline) {
            Ok(at) => Admission::At(
                at,
                Turn {
                    generation: pause.generation,
                    host: key,
                },
            ),
            Err(admission) => admission,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<HostKey, Pause>> {
        // The table is consistent after every statement.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pause {
    /// Whether no row has to wait any more.
    fn is_over(&self, now: Instant) -> bool {
        self.until <= now && self.next_turn <= now
    }

    /// Assigns the next turn, if it is before `deadline`.
    fn next_turn(&mut self, now: Instant, deadline: Instant) -> Result<Instant, Admission> {
        if self.until >= deadline {
            return Err(Admission::Denied);
        }
        let at = self.next_turn.max(now);
        if at >= deadline {
            return Err(Admission::TooLate);
        }
        self.next_turn = at + SPACING;
        Ok(at)
    }
}

/// Removes the pauses that are over, or else the one that ends first.
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

    /// When each of these rows may send its request, in milliseconds from now.
    fn turns(
        pauses: &Pauses,
        host: &Target,
        rows: u32,
        now: Instant,
        deadline: Instant,
    ) -> Vec<u128> {
        let turn = |_| match pauses.admit(host, None, now, deadline) {
            Admission::At(at, _) => (at - now).as_millis(),
            other => panic!("{other:?}"),
        };
        (0..rows).map(turn).collect()
    }

    #[test]
    fn a_host_without_a_pause_is_asked_at_once() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let (asked, other) = (target("http://a.example/x"), target("http://b.example/x"));
        assert_eq!(
            pauses.admit(&asked, None, now, now + SECOND),
            Admission::Now
        );
        pauses.record(&asked, Duration::ZERO, now);
        assert_eq!(
            pauses.admit(&asked, None, now, now + SECOND),
            Admission::Now
        );
        pauses.record(&asked, SECOND, now);
        for free in [
            &other,
            &target("http://a.example:81/x"),
            &target("https://a.example/x"),
        ] {
            assert_eq!(pauses.admit(free, None, now, now + SECOND), Admission::Now);
        }
    }

    #[test]
    fn rows_of_a_paused_host_wait_and_are_spaced() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let host = target("http://a.example/x");
        pauses.record(&host, SECOND, now);
        let deadline = now + 10 * SECOND;
        assert_eq!(
            turns(&pauses, &host, 4, now, deadline),
            [1000, 1010, 1020, 1030]
        );
        // After the pause, new rows come after those that wait.
        let later = now + Duration::from_millis(1015);
        assert_eq!(turns(&pauses, &host, 2, later, deadline), [25, 35]);
        // And at once when all have been sent.
        let end = now + Duration::from_millis(1060);
        assert_eq!(pauses.admit(&host, None, end, deadline), Admission::Now);
        assert!(pauses.is_empty() && pauses.lock().is_empty());
    }

    #[test]
    fn a_turn_is_valid_until_the_host_asks_again() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let host = target("http://a.example/x");
        let deadline = now + 10 * SECOND;
        pauses.record(&host, SECOND, now);
        let Admission::At(at, turn) = pauses.admit(&host, None, now, deadline) else {
            panic!("there is a pause");
        };
        pauses.record(&host, SECOND / 2, now);
        assert_eq!(
            pauses.admit(&host, Some(&turn), at, deadline),
            Admission::Now,
            "a shorter one changes nothing"
        );
        pauses.record(&host, SECOND, at);
        let other = target("http://b.example/x");
        pauses.record(&other, SECOND, now);
        let elsewhere = pauses.admit(&other, Some(&turn), now, deadline);
        assert!(
            matches!(elsewhere, Admission::At(..)),
            "a turn is one host's: {elsewhere:?}"
        );
        let again = pauses.admit(&host, Some(&turn), at, deadline);
        assert!(
            matches!(again, Admission::At(next, _) if next == at + SECOND),
            "{again:?}"
        );
    }

    #[test]
    fn a_pause_beyond_the_deadline_is_not_waited_for() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        let host = target("http://a.example/x");
        pauses.record(&host, 2 * SECOND, now);
        assert_eq!(
            pauses.admit(&host, None, now, now + SECOND),
            Admission::Denied
        );
        assert_eq!(
            pauses.admit(&host, None, now, now + 2 * SECOND),
            Admission::Denied
        );
        let tight = now + 2 * SECOND + SPACING;
        assert_eq!(turns(&pauses, &host, 1, now, tight), [2000]);
        assert_eq!(pauses.admit(&host, None, now, tight), Admission::TooLate);
        // A row that is too late takes no turn.
        assert_eq!(turns(&pauses, &host, 1, now, now + 9 * SECOND), [2010]);
        pauses.record(&host, Duration::MAX, now);
        assert_eq!(
            pauses.admit(&host, None, now, now + 9 * SECOND),
            Admission::Denied
        );
    }

    #[test]
    fn the_table_is_bounded_and_drops_the_pause_that_ends_first() {
        let (pauses, now) = (Pauses::default(), Instant::now());
        for n in 0..HOSTS_MAX as u64 + 3 {
            let host = target(&format!("http://h{n}.example/"));
            pauses.record(&host, SECOND + Duration::from_millis(n), now);
        }
        assert_eq!(pauses.lock().len(), HOSTS_MAX);
        let deadline = now + 99 * SECOND;
        assert_eq!(
            pauses.admit(&target("http://h2.example/"), None, now, deadline),
            Admission::Now
        );
        assert_eq!(
            turns(&pauses, &target("http://h3.example/"), 1, now, deadline),
            [1003]
        );
        // Pauses that are over are removed first.
        let later = now + 2 * SECOND;
        pauses.record(&target("http://new.example/"), SECOND, later);
        assert!(pauses.lock().len() < HOSTS_MAX);
    }
}
