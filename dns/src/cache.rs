//! Owns one core's cache of answers, positive and negative, with a fixed maximum of entries.
//! Never reads a clock and never resolves.
//!
//! Eviction is second chance (the clock algorithm): it needs one reference bit and no list, and comes
//! close to LRU on names as skewed as those of URL lists. Negative answers are cached as in RFC 2308,
//! but for fixed times, since the service returns no SOA.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::answer::{Answer, DnsError};
use crate::name::folded;

/// Shorter TTLs are raised to this: a list names a host many times within seconds.
const TTL_MIN: Duration = Duration::from_secs(30);
/// Longer TTLs are cut to this: a run may last days.
const TTL_MAX: Duration = Duration::from_secs(3600);
/// How long "not found" is cached.
const NOT_FOUND_TTL: Duration = Duration::from_secs(60);
/// How long a failure is cached: long enough to stop a stampede, short enough to retry.
const FAILURE_TTL: Duration = Duration::from_secs(5);

/// Answers by name, up to a maximum number of names.
#[derive(Debug)]
pub struct Cache {
    /// Position of each name in `entries`.
    index: HashMap<Arc<str>, usize>,
    entries: Vec<Entry>,
    entries_max: usize,
    /// The clock hand: where the search for an entry to evict continues.
    hand: usize,
    ttl_min: Duration,
    ttl_max: Duration,
}

#[derive(Debug)]
struct Entry {
    name: Arc<str>,
    result: Result<Arc<[IpAddr]>, DnsError>,
    expires: Instant,
    /// Used since the hand last passed.
    referenced: bool,
}

impl Cache {
    /// An empty cache of at most `entries_max` names (at least one).
    pub fn new(entries_max: usize) -> Self {
        let entries_max = entries_max.max(1);
        Self {
            index: HashMap::new(),
            entries: Vec::new(),
            entries_max,
            hand: 0,
            ttl_min: TTL_MIN,
            ttl_max: TTL_MAX,
        }
    }

    /// Like [`Cache::new`], but keeps answers for at most `ttl_max`.
    pub fn with_ttl_max(entries_max: usize, ttl_max: Duration) -> Self {
        Self {
            ttl_min: TTL_MIN.min(ttl_max),
            ttl_max: TTL_MAX.min(ttl_max),
            ..Self::new(entries_max)
        }
    }

    /// The cached result for `name`, if it has not expired at `now`. Each call rotates the addresses of
    /// each family by one, which spreads load and keeps IPv4 first.
    pub fn get(&mut self, name: &str, now: Instant) -> Option<Result<Arc<[IpAddr]>, DnsError>> {
        let position = *self.index.get(folded(name).as_ref())?;
        let entry = &mut self.entries[position];
        if now >= entry.expires {
            return None;
        }
        entry.referenced = true;
        let result = entry.result.clone();
        if let Ok(addrs) = &mut entry.result {
            rotate(addrs);
        }
        Some(result)
    }

    /// Caches the result of a lookup of `name` made at `now`, replacing any earlier one.
    pub fn insert(&mut self, name: &str, result: Result<Answer, DnsError>, now: Instant) {
        let ttl = match &result {
            Ok(answer) => answer.ttl.clamp(self.ttl_min, self.ttl_max),
            Err(DnsError::NotFound) => NOT_FOUND_TTL,
            Err(DnsError::Failure | DnsError::TimedOut) => FAILURE_TTL,
        };
        let entry = Entry {
            name: folded(name).into(),
            result: result.map(|answer| answer.addrs),
            expires: now + ttl,
            referenced: false,
        };
        let position = match self.index.get(&entry.name) {
            Some(&position) => position,
            None if self.entries.len() < self.entries_max => {
                self.index.insert(entry.name.clone(), self.entries.len());
                self.entries.push(entry);
                return;
            }
            None => self.evict(now),
        };
        self.index.insert(entry.name.clone(), position);
        self.entries[position] = entry;
    }

    /// Forgets failures and timeouts, once the network that caused them is back.
    pub fn forget_failures(&mut self, now: Instant) {
        for entry in &mut self.entries {
            if let Err(DnsError::Failure | DnsError::TimedOut) = entry.result {
                entry.expires = now;
            }
        }
    }

    /// Number of cached names, including expired ones.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the cache has no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Removes the next entry that has expired, or was not used since the last round, from the index
    /// and returns its position. Takes at most two rounds: the first clears every bit.
    fn evict(&mut self, now: Instant) -> usize {
        loop {
            let position = self.hand;
            self.hand = (self.hand + 1) % self.entries.len();
            let entry = &mut self.entries[position];
            if now >= entry.expires || !entry.referenced {
                self.index.remove(&entry.name);
                return position;
            }
            entry.referenced = false;
        }
    }
}

/// Rotates the addresses of each family by one; in place unless a reader still holds the list.
fn rotate(addrs: &mut Arc<[IpAddr]>) {
    if addrs.len() < 2 {
        return;
    }
    let v4 = addrs.iter().take_while(|addr| addr.is_ipv4()).count();
    let (v4, v6) = Arc::make_mut(addrs).split_at_mut(v4);
    for family in [v4, v6] {
        if !family.is_empty() {
            family.rotate_left(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(addrs: &[&str], ttl_s: u64) -> Result<Answer, DnsError> {
        let addrs = addrs
            .iter()
            .map(|text| text.parse::<IpAddr>().unwrap())
            .collect();
        Ok(Answer {
            addrs,
            ttl: Duration::from_secs(ttl_s),
        })
    }

    fn after(start: Instant, s: u64) -> Instant {
        start + Duration::from_secs(s)
    }

    #[test]
    fn failures_are_forgotten_and_answers_are_not() {
        let (mut cache, start) = (Cache::new(4), Instant::now());
        cache.insert("a.test", answer(&["192.0.2.1"], 100), start);
        cache.insert("b.test", Err(DnsError::NotFound), start);
        cache.insert("c.test", Err(DnsError::Failure), start);
        cache.insert("d.test", Err(DnsError::TimedOut), start);
        cache.forget_failures(start);
        let known =
            ["a.test", "b.test", "c.test", "d.test"].map(|name| cache.get(name, start).is_some());
        assert_eq!(known, [true, true, false, false]);
    }

    #[test]
    fn an_answer_lives_for_its_ttl_and_not_a_second_longer() {
        let (mut cache, start) = (Cache::new(4), Instant::now());
        cache.insert("a.test", answer(&["192.0.2.1"], 100), start);
        assert!(cache.get("a.test", after(start, 99)).is_some());
        assert!(cache.get("a.test", after(start, 100)).is_none());
    }

    #[test]
    fn a_ttl_has_a_floor_and_a_ceiling() {
        let (mut cache, start) = (Cache::new(4), Instant::now());
        cache.insert("short.test", answer(&["192.0.2.1"], 0), start);
        cache.insert("long.test", answer(&["192.0.2.1"], 86_400), start);
        assert!(cache.get("short.test", after(start, 29)).is_some());
        assert!(cache.get("short.test", after(start, 30)).is_none());
        assert!(cache.get("long.test", after(start, 3599)).is_some());
        assert!(cache.get("long.test", after(start, 3600)).is_none());
    }

    #[test]
    fn the_ceiling_may_be_set_and_holds_against_the_floor() {
        let (mut cache, start) = (
            Cache::with_ttl_max(4, Duration::from_secs(5)),
            Instant::now(),
        );
        cache.insert("a.test", answer(&["192.0.2.1"], 600), start);
        assert!(cache.get("a.test", after(start, 4)).is_some());
        assert!(cache.get("a.test", after(start, 5)).is_none());
    }

    #[test]
    fn a_name_not_found_is_believed_longer_than_a_failure() {
        let (mut cache, start) = (Cache::new(4), Instant::now());
        cache.insert("none.test", Err(DnsError::NotFound), start);
        cache.insert("fail.test", Err(DnsError::Failure), start);
        cache.insert("slow.test", Err(DnsError::TimedOut), start);
        assert_eq!(
            cache.get("fail.test", after(start, 4)),
            Some(Err(DnsError::Failure))
        );
        assert_eq!(
            cache.get("slow.test", after(start, 4)),
            Some(Err(DnsError::TimedOut))
        );
        assert_eq!(cache.get("fail.test", after(start, 5)), None);
        assert_eq!(cache.get("slow.test", after(start, 5)), None);
        assert_eq!(
            cache.get("none.test", after(start, 59)),
            Some(Err(DnsError::NotFound))
        );
        assert_eq!(cache.get("none.test", after(start, 60)), None);
    }

    #[test]
    fn addresses_turn_between_gets_within_their_family() {
        let (mut cache, now) = (Cache::new(4), Instant::now());
        cache.insert(
            "a.test",
            answer(&["192.0.2.1", "192.0.2.2", "2001:db8::1"], 60),
            now,
        );
        let first = cache.get("a.test", now).unwrap().unwrap();
        let second = cache.get("a.test", now).unwrap().unwrap();
        let third = cache.get("a.test", now).unwrap().unwrap();
        assert_eq!([first[0], first[1]], [second[1], second[0]]);
        assert_eq!(first, third);
        assert_eq!(first[2], second[2]);
    }

    #[test]
    fn any_spelling_of_a_name_finds_the_one_entry() {
        let (mut cache, now) = (Cache::new(4), Instant::now());
        cache.insert("A.Test.", answer(&["192.0.2.1"], 60), now);
        cache.insert("a.test", answer(&["192.0.2.2"], 60), now);
        assert_eq!(cache.len(), 1);
        assert_eq!(
            cache.get("a.TEST", now).unwrap().unwrap()[0].to_string(),
            "192.0.2.2"
        );
    }

    #[test]
    fn a_full_cache_keeps_the_name_that_is_asked_for() {
        let (mut cache, now) = (Cache::new(8), Instant::now());
        cache.insert("hot.test", answer(&["192.0.2.1"], 60), now);
        for n in 0..1000 {
            cache.insert(&format!("cold{n}.test"), answer(&["192.0.2.2"], 60), now);
            assert!(
                cache.get("hot.test", now).is_some(),
                "lost after {n} others"
            );
            assert!(cache.len() <= 8 && cache.index.len() == cache.len());
        }
    }

    #[test]
    fn an_expired_entry_makes_room_even_if_it_was_asked_for() {
        let (mut cache, start) = (Cache::new(2), Instant::now());
        cache.insert("old.test", Err(DnsError::Failure), start);
        cache.insert("new.test", answer(&["192.0.2.1"], 600), start);
        cache.get("old.test", start);
        cache.get("new.test", start);
        cache.insert("next.test", answer(&["192.0.2.2"], 600), after(start, 10));
        assert!(cache.get("new.test", after(start, 10)).is_some());
        assert!(cache.get("next.test", after(start, 10)).is_some());
    }
}
