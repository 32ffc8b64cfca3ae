//! Owns the shared cache of records: which entries are served at a given time, and their lifetimes.
//! Never reads a clock, never resolves, and never decides what is evicted: [`super::store`] does.

use std::net::IpAddr;
use std::time::Duration;

use super::entry::{self, Delegation, Outcome, Tag};
use super::store::Store;
use crate::answer::DnsError;
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;
use crate::recursive::wire_name;

/// How long a failure is cached.
const FAILURE_TTL: Duration = Duration::from_secs(30);
/// How long an expired answer may be served while no server can be reached (RFC 8767, section 5).
pub(super) const STALE_MAX_S: u32 = 24 * 3600;
/// How long a stale answer is served before resolving is tried again (RFC 8767, section 4).
const STALE_TTL: Duration = Duration::from_secs(30);
/// Longest TTL of "not found" (RFC 2308, section 5, allows up to three hours).
const NEGATIVE_TTL_MAX_S: u32 = 3600;
/// Bounds on the TTL of a delegation.
const DELEGATION_TTL_S: (u32, u32) = (300, 86_400);

/// Bounds that the TTL of an answer is clamped to.
#[derive(Clone, Copy, Debug)]
pub struct TtlBounds {
    /// Shortest TTL.
    pub min: Duration,
    /// Longest TTL.
    pub max: Duration,
}

/// A cached result for a name and type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Addrs {
        addrs: Vec<IpAddr>,
        ttl_s: u32,
    },
    /// Not found, or failed recently.
    Error {
        error: DnsError,
        ttl_s: u32,
    },
}

/// The shared cache.
#[derive(Debug)]
pub(crate) struct RecordCache {
    pub(super) store: Store,
    bounds: TtlBounds,
}

impl RecordCache {
    pub(crate) fn new(bytes_max: usize, bounds: TtlBounds) -> Self {
        Self {
            store: Store::new(bytes_max),
            bounds,
        }
    }

    /// The entry for `name`, unless it has expired. Each call rotates the addresses by one.
    pub(crate) fn get(&mut self, kind: Kind, name: &[u8], now: Time) -> Option<Known> {
        let found = self.store.get(kind.into(), name)?;
        let ttl_s = found.expires_s.checked_sub(entry::secs(now))?;
        if ttl_s == 0 {
            return None;
        }
        match entry::read_outcome(kind, found.payload)? {
            Outcome::Addrs(mut addrs) => {
                if !addrs.is_empty() {
                    let by = usize::from(found.turn) % addrs.len();
                    addrs.rotate_left(by);
                }
                Some(Known::Addrs { addrs, ttl_s })
            }
            Outcome::Error(error) => Some(Known::Error { error, ttl_s }),
        }
    }

    /// Whether there are addresses, expired or not, that may be served if no server can be reached.
    pub(crate) fn has_stale(&mut self, kind: Kind, name: &[u8], now: Time) -> bool {
        self.store.get(kind.into(), name).is_some_and(|found| {
            let usable = found.good_until_s.saturating_add(STALE_MAX_S) > entry::secs(now);
            usable
                && matches!(
                    entry::read_outcome(kind, found.payload),
                    Some(Outcome::Addrs(_))
                )
        })
    }

    /// Caches addresses.
    pub(crate) fn put_addrs(
        &mut self,
        kind: Kind,
        name: &[u8],
        addrs: &[IpAddr],
        ttl_s: u32,
        now: Time,
    ) {
        let [min, max] = [self.bounds.min, self.bounds.max].map(|span| Time::at(span).secs());
        let ttl_s = ttl_s.clamp(min, max.max(min));
        let data = entry::addrs(kind, name, addrs);
        self.store.put(data, entry::secs(now) + ttl_s);
    }

    /// Caches "not found".
    pub(crate) fn put_not_found(&mut self, kind: Kind, name: &[u8], ttl_s: u32, now: Time) {
        let min = Time::at(self.bounds.min).secs();
        let ttl_s = ttl_s.clamp(min.min(NEGATIVE_TTL_MAX_S), NEGATIVE_TTL_MAX_S);
        let data = entry::error(kind, name, DnsError::NotFound);
        self.store.put(data, entry::secs(now) + ttl_s);
    }

    /// Caches a failure. If stale addresses are there, it extends their lifetime by [`STALE_TTL`]
    /// instead.
    pub(crate) fn put_failure(&mut self, kind: Kind, name: &[u8], error: DnsError, now: Time) {
        if self.has_stale(kind, name, now) {
            let until = entry::secs(now) + Time::at(STALE_TTL).secs();
            self.store.extend(kind.into(), name, until);
            return;
        }
        let ttl_s = Time::at(FAILURE_TTL).secs();
        let data = entry::error(kind, name, error);
        self.store.put(data, entry::secs(now) + ttl_s);
    }

    /// The servers of `zone` itself.
    pub(crate) fn delegation(&mut self, zone: &[u8], now: Time) -> Option<Delegation> {
        let found = self.store.get(Tag::Delegation, zone)?;
        if found.expires_s <= entry::secs(now) {
            return None;
        }
        entry::read_delegation(found.payload)
    }

    /// The closest zone at or above `name` with a cached delegation, excluding the root.
    pub(crate) fn closest<'a>(
        &mut self,
        name: &'a [u8],
        now: Time,
    ) -> Option<(&'a [u8], Delegation)> {
        let mut zone = name;
        while zone != wire_name::ROOT {
            if let Some(delegation) = self.delegation(zone, now) {
                return Some((zone, delegation));
            }
            zone = wire_name::parent(zone);
        }
        None
    }

    /// Caches the servers of `zone`.
    pub(crate) fn put_delegation(
        &mut self,
        zone: &[u8],
        delegation: &Delegation,
        ttl_s: u32,
        now: Time,
    ) {
        let (min, max) = DELEGATION_TTL_S;
        let data = entry::delegation(zone, delegation);
        self.store
            .put(data, entry::secs(now) + ttl_s.clamp(min, max));
    }

    /// Removes the servers of `zone`, since none of them serves it.
    pub(crate) fn forget_delegation(&mut self, zone: &[u8]) {
        self.store.remove(Tag::Delegation, zone);
    }

    /// Accounted memory in bytes, never more than the bound.
    pub(crate) fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Number of entries of all kinds.
    pub(crate) fn len(&self) -> usize {
        self.store.len()
    }
}
