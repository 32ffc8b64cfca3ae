//! Owns the steps of a lookup as shown to the user. Never records one: [`super::trace`] does.

use std::net::IpAddr;
use std::time::Duration;

use crate::recursive::message::reply::Verdict;
use crate::recursive::wire_name;

/// One query to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The queried name, with a trailing dot.
    pub name: String,
    /// `A` or `AAAA`.
    pub kind: &'static str,
    /// The zone whose server was asked, with a trailing dot.
    pub zone: String,
    /// The server.
    pub server: IpAddr,
    /// Whether the query went over TCP.
    pub tcp: bool,
    /// Time from the query to the answer or the timeout.
    pub took: Duration,
    /// The outcome.
    pub outcome: StepOutcome,
}

/// The outcome of one query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Addresses.
    Addrs(Vec<IpAddr>),
    /// The name is an alias of this name.
    Alias(String),
    /// The name does not exist, or has no record of this type.
    NotFound,
    /// The same, but not authoritatively.
    UnsureNotFound,
    /// A referral to the servers of a child zone.
    Referral {
        /// The zone, with a trailing dot.
        zone: String,
        /// Number of glue addresses.
        addrs: usize,
        /// Number of servers known by name only.
        names: usize,
    },
    /// SERVFAIL, REFUSED or another error code.
    Refused,
    /// The server does not serve the zone.
    Lame,
    /// The server does not support the query (FORMERR, NOTIMP).
    Unsupported,
    /// The message is malformed.
    Malformed,
    /// The answer was truncated; the query is repeated over TCP.
    Truncated,
    /// The query timed out.
    Silent,
    /// The query over TCP failed.
    TcpFailed,
    /// There is no route to the server's address.
    Unreachable,
}

impl StepOutcome {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Addrs { addrs, .. } => StepOutcome::Addrs(addrs.clone()),
            Verdict::Alias { target, .. } => StepOutcome::Alias(wire_name::to_text(target)),
            Verdict::NotFound { .. } => StepOutcome::NotFound,
            Verdict::WeakNotFound => StepOutcome::UnsureNotFound,
            Verdict::Referral(referral) => StepOutcome::Referral {
                zone: wire_name::to_text(&referral.zone),
                addrs: referral.servers.len(),
                names: referral.names.len(),
            },
            Verdict::Lame => StepOutcome::Lame,
            Verdict::Unsupported => StepOutcome::Unsupported,
            Verdict::Refused => StepOutcome::Refused,
            Verdict::Malformed => StepOutcome::Malformed,
        }
    }
}
