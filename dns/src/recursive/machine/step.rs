//! Owns the steps of a look-up as a person is shown them. Never notes one: [`super::trace`] does.

use std::net::IpAddr;
use std::time::Duration;

use crate::recursive::message::reply::Verdict;
use crate::recursive::wire_name;

/// One question to one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The name asked for, with its final dot.
    pub name: String,
    /// `A` or `AAAA`.
    pub kind: &'static str,
    /// The zone whose server was asked, with its final dot.
    pub zone: String,
    /// The server.
    pub server: IpAddr,
    /// Whether it was asked over TCP.
    pub tcp: bool,
    /// From the question to the answer, or to the end of the wait.
    pub took: Duration,
    /// What came of it.
    pub outcome: StepOutcome,
}

/// What came of one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepOutcome {
    /// Addresses.
    Addrs(Vec<IpAddr>),
    /// The name is another's alias.
    Alias(String),
    /// The name, or what was asked of it, does not exist.
    NotFound,
    /// The same from a server that does not claim to know.
    UnsureNotFound,
    /// The servers of a zone further down.
    Referral {
        /// The zone, with its final dot.
        zone: String,
        /// Addresses of its servers that came along.
        addrs: usize,
        /// Servers to be looked up by name, if need be.
        names: usize,
    },
    /// SERVFAIL, REFUSED or another error.
    Refused,
    /// The server does not serve the zone.
    Lame,
    /// The server did not understand the question.
    Unsupported,
    /// The message makes no sense.
    Malformed,
    /// Too long for a datagram: asked again over TCP.
    Truncated,
    /// Nothing came in time.
    Silent,
    /// No message came over TCP.
    TcpFailed,
    /// There is no way to the server's address.
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
