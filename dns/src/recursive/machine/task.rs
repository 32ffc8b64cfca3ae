//! Owns what a task is: one name and type on its way down from the closest known zone.
//! Never moves by itself: [`super::walk`] and [`super::waits`] move it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::slab::Id;
use crate::answer::{Answer, DnsError};
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;

/// Tasks by what they look up.
pub(super) type TaskIndex = HashMap<(Arc<[u8]>, Kind), Id>;

/// Who is told a task's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    Question(Id),
    /// A task that needs the address of a name server, in the step of that number.
    Server {
        task: Id,
        step: u32,
    },
    /// A task whose name is an alias, with the TTL of the way there.
    Alias {
        task: Id,
        ttl_s: u32,
    },
}

/// A question being worked on.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) token: u64,
    pub(super) name: Arc<[u8]>,
    /// IPv4's result, once it is there and IPv6's is waited for.
    pub(super) v4: Option<Result<Answer, DnsError>>,
}

/// A result on its way to one who waits for it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) waiter: Waiter,
    pub(super) result: Result<Answer, DnsError>,
    /// Queries granted and not used.
    pub(super) unspent: u16,
}

/// On what terms a look-up is made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) depth: u8,
    pub(super) aliases: u8,
    pub(super) budget: u16,
    pub(super) deadline: Time,
}

/// How a look-up was taken up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookUp {
    /// The result is on its way already.
    Known,
    Joined(Id),
    Started(Id),
}

/// What a task found.
#[derive(Debug)]
pub(super) enum Finding {
    Addrs { addrs: Vec<IpAddr>, ttl_s: u32 },
    NotFound { ttl_s: u32 },
    Failed(DnsError),
}

/// One server of the zone a task is at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) addr: IpAddr,
    pub(super) tries: u8,
    /// Answered in a way that makes asking again useless.
    pub(super) failed: bool,
    /// Did not understand EDNS.
    pub(super) no_edns: bool,
    /// Is, or was, asked over TCP.
    pub(super) tcp: bool,
    /// That because an answer came with letters in another case.
    pub(super) case_suspect: bool,
    /// And TCP did not help: asked in lower case.
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

/// One name and type being looked up.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) name: Arc<[u8]>,
    pub(super) kind: Kind,
    pub(super) waiters: Vec<Waiter>,
    /// Look-ups of servers this one is nested in.
    pub(super) depth: u8,
    /// Aliases followed on the way here.
    pub(super) aliases: u8,
    /// Queries it may still send.
    pub(super) budget: u16,
    pub(super) started: Time,
    pub(super) deadline: Time,
    /// By how much the deadline was put off, for our own limits.
    pub(super) put_off: Duration,
    /// When it is to be looked at again; alarms of other moments are void.
    pub(super) alarm: Time,
    /// Length of the zone's name, which is the end of `name`.
    pub(super) zone_len: usize,
    /// Whether the zone's servers came from the cache and may be outdated.
    pub(super) zone_cached: bool,
    /// Grows with each zone entered.
    pub(super) step: u32,
    pub(super) candidates: Vec<Candidate>,
    /// Servers known by name only, in the order to look them up, next last.
    pub(super) names: Vec<Box<[u8]>>,
    /// Name servers being looked up, and how many were.
    pub(super) lookups: u8,
    pub(super) lookups_made: u8,
    /// The tasks it waits for; ids of those that have ended lead nowhere.
    pub(super) waits_for: Vec<Id>,
    /// Open exchanges of this step, the latest last.
    pub(super) exchanges: Vec<Id>,
    /// Whether the latest exchange is still within its time.
    pub(super) in_time: bool,
    /// Waits for the target of its alias.
    pub(super) at_alias: bool,
    /// Some server said "not found" without being sure.
    pub(super) weak_not_found: bool,
    /// Some server answered, with an error.
    pub(super) refused: bool,
    /// Has begun anew from above an outdated zone.
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
