//! Owns the data of tasks and questions: a task is the lookup of one name and type.
//! Never advances one: [`super::walk`] and [`super::waits`] do.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::slab::Id;
use crate::answer::{Answer, DnsError};
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;

/// Tasks by name and type.
pub(super) type TaskIndex = HashMap<(Arc<[u8]>, Kind), Id>;

/// Who waits for the outcome of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    Question(Id),
    /// A task that needs the address of a name server, if it is still at this step.
    Server {
        task: Id,
        step: u32,
    },
    /// A task whose name is an alias, with the TTL of the alias.
    Alias {
        task: Id,
        ttl_s: u32,
    },
}

/// An active question.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) token: u64,
    pub(super) name: Arc<[u8]>,
    /// The IPv4 result, while the IPv6 result is outstanding.
    pub(super) v4: Option<Result<Answer, DnsError>>,
}

/// A result to be delivered to one waiter.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) waiter: Waiter,
    pub(super) result: Result<Answer, DnsError>,
    /// Granted queries that were not used.
    pub(super) unspent: u16,
}

/// The limits of a lookup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) depth: u8,
    pub(super) aliases: u8,
    pub(super) budget: u16,
    pub(super) deadline: Time,
}

/// How a lookup proceeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookUp {
    /// The result was cached and is queued for delivery.
    Known,
    Joined(Id),
    Started(Id),
}

/// The outcome of a task.
#[derive(Debug)]
pub(super) enum Finding {
    Addrs { addrs: Vec<IpAddr>, ttl_s: u32 },
    NotFound { ttl_s: u32 },
    Failed(DnsError),
}

/// One server of the zone that a task is at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) addr: IpAddr,
    pub(super) tries: u8,
    /// Whether an answer showed that asking again is useless.
    pub(super) failed: bool,
    /// Whether it did not understand EDNS.
    pub(super) no_edns: bool,
    /// Whether it is or was asked over TCP.
    pub(super) tcp: bool,
    /// Whether that was because of an answer in another case.
    pub(super) case_suspect: bool,
    /// Whether it is asked in lower case, since TCP failed too.
    pub(super) lower_case: bool,
}

impl Candidate {
    pub(super) const fn new(addr: IpAddr) -> Self {
        Self {
            addr,
            tries: 0,
            failed: false,
            no_edns: false,
            tcp: false,
            case_suspect: false,
            lower_case: false,
        }
    }
}

/// The lookup of one name and type.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: Arc<[u8]>,
    pub(super) kind: Kind,
    pub(super) waiters: Vec<Waiter>,
    /// Number of name server lookups that this one is nested in.
    pub(super) depth: u8,
    /// Number of aliases followed to this name.
    pub(super) aliases: u8,
    /// Number of queries it may still send.
    pub(super) budget: u16,
    pub(super) started: Time,
    pub(super) deadline: Time,
    /// By how much the deadline was extended because of our own limits.
    pub(super) put_off: Duration,
    /// When it is due next; timers for other times are ignored.
    pub(super) alarm: Time,
    /// Length of the name of its zone, a suffix of `name`.
    pub(super) zone_len: usize,
    /// Whether the servers of the zone came from the cache and may be stale.
    pub(super) zone_cached: bool,
    /// Incremented with each zone entered.
    pub(super) step: u32,
    pub(super) candidates: Vec<Candidate>,
    /// Servers known by name only; the last is looked up next.
    pub(super) names: Vec<Box<[u8]>>,
    /// Number of name servers being looked up, and that were looked up in this zone.
    pub(super) lookups: u8,
    pub(super) lookups_made: u8,
    /// The tasks it waits for; ids of completed ones are no longer valid.
    pub(super) waits_for: Vec<Id>,
    /// Open exchanges of this step, latest last.
    pub(super) exchanges: Vec<Id>,
    /// Whether the latest exchange has not timed out yet.
    pub(super) in_time: bool,
    /// Whether it waits for the target of an alias.
    pub(super) at_alias: bool,
    /// Whether a server answered "not found" non-authoritatively.
    pub(super) weak_not_found: bool,
    /// Whether a server answered with an error.
    pub(super) refused: bool,
    /// Whether it was restarted above a stale zone.
    pub(super) restarted: bool,
}

impl Task {
    pub(super) fn new(
        name: Arc<[u8]>,
        kind: Kind,
        terms: Terms,
        waiter: Waiter,
        now: Time,
    ) -> Self {
        Self {
            name,
            kind,
            waiters: vec![waiter],
            depth: terms.depth,
            aliases: terms.aliases,
            budget: terms.budget,
            started: now,
            deadline: terms.deadline,
            put_off: Duration::ZERO,
            alarm: Time::default(),
            zone_len: 1,
            zone_cached: false,
            step: 0,
            candidates: Vec::new(),
            names: Vec::new(),
            lookups: 0,
            lookups_made: 0,
            waits_for: Vec::new(),
            exchanges: Vec::new(),
            in_time: false,
            at_alias: false,
            weak_not_found: false,
            refused: false,
            restarted: false,
        }
    }

    pub(super) fn zone(&self) -> &[u8] {
        &self.name[self.name.len() - self.zone_len..]
    }

    pub(super) fn candidate(&mut self, addr: IpAddr) -> Option<&mut Candidate> {
        self.candidates.iter_mut().find(|one| one.addr == addr)
    }
}
