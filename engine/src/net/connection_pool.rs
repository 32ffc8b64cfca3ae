//! Owns the idle connections of one core, bounded in number and age. Never opens a connection.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::Transport;
use crate::http::Scheme;

/// Longest time a connection stays idle; most servers close it after 5 to 75 s.
const IDLE_MAX: Duration = Duration::from_secs(15);
/// Most idle connections to one host.
const IDLE_PER_HOST_MAX: usize = 8;

/// What two requests must share to use the same connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PoolKey {
    /// Plain or TLS.
    pub scheme: Scheme,
    /// Host name or address as in the URL, since TLS and virtual hosts depend on it.
    pub host: String,
    /// Port.
    pub port: u16,
}

struct Idle {
    transport: Transport,
    since: Instant,
    serial: u64,
}

/// The idle connections of one core.
pub(crate) struct Pool {
    hosts: HashMap<PoolKey, Vec<Idle>>,
    /// Oldest first; entries whose serial is no longer in `hosts` are skipped.
    order: VecDeque<(PoolKey, u64)>,
    count: usize,
    idle_connections_max: usize,
    next_serial: u64,
}

impl Pool {
    /// A pool of at most `idle_connections_max`.
    pub(crate) fn new(idle_connections_max: usize) -> Self {
        Self {
            hosts: HashMap::new(),
            order: VecDeque::new(),
            count: 0,
            idle_connections_max,
            next_serial: 0,
        }
    }

    /// The most recently used idle connection for `key`, unless it is too old.
    pub(crate) fn take(&mut self, key: &PoolKey, now: Instant) -> Option<Transport> {
        let list = self.hosts.get_mut(key)?;
        let idle = list.pop();
        if list.is_empty() {
            self.hosts.remove(key);
        }
        let idle = idle?;
        self.count -= 1;
        (now.duration_since(idle.since) < IDLE_MAX).then_some(idle.transport)
    }

    /// Keeps an idle connection, and closes the oldest one if the pool is full.
    pub(crate) fn put(&mut self, key: PoolKey, transport: Transport, now: Instant) {
        self.expire(now);
        let per_host = self.hosts.get(&key).map_or(0, Vec::len);
        if per_host >= IDLE_PER_HOST_MAX || self.idle_connections_max == 0 {
            return;
        }
        while self.count >= self.idle_connections_max {
            if !self.drop_oldest() {
                break;
            }
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        self.order.push_back((key.clone(), serial));
        self.hosts.entry(key).or_default().push(Idle {
            transport,
            since: now,
            serial,
        });
        self.count += 1;
    }

    /// Closes connections that were idle for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some((key, serial)) = self.order.front() {
            let alive = self
                .hosts
                .get(key)
                .and_then(|list| list.iter().find(|i| i.serial == *serial));
            if alive.is_some_and(|idle| now.duration_since(idle.since) < IDLE_MAX) {
                return;
            }
            self.drop_oldest();
        }
    }

    /// Closes every idle connection, to free descriptors.
    pub(crate) fn clear(&mut self) {
        self.hosts.clear();
        self.order.clear();
        self.count = 0;
    }

    /// Removes the front of the order, and its connection if that is still idle.
    fn drop_oldest(&mut self) -> bool {
        let Some((key, serial)) = self.order.pop_front() else {
            return false;
        };
        if let Some(list) = self.hosts.get_mut(&key) {
            let before = list.len();
            list.retain(|idle| idle.serial != serial);
            self.count -= before - list.len();
            if list.is_empty() {
                self.hosts.remove(&key);
            }
        }
        true
    }
}
