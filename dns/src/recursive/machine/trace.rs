//! Owns what a person is shown of a look-up: each question sent and what came of it, in order.
//! Never decides anything, and costs nothing where nobody asked for it.
//!
//! A step may hold names that a server sent (the zone referred to, an alias): they are written with
//! every byte but letters, digits and `-_` escaped (RFC 1035, 5.1).

use std::net::IpAddr;
use std::time::Duration;

use super::exchange::{Exchange, Way};
use super::{Machine, Time};
use crate::recursive::Kind;
use crate::recursive::message::reply::Verdict;
use crate::recursive::name;

/// Steps kept between two calls; a name's budget of queries is far smaller.
const STEPS_MAX: usize = 4096;

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

impl Machine {
    /// Notes a step that is no verdict on a message.
    pub(super) fn note(&mut self, exchange: &Exchange, outcome: StepOutcome, now: Time) {
        if !self.settings.trace || self.steps.len() >= STEPS_MAX {
            return;
        }
        let Some(task) = self.tasks.get(exchange.task) else {
            return;
        };
        self.steps.push(Step {
            name: name::to_text(&task.name),
            kind: match task.kind {
                Kind::A => "A",
                Kind::Aaaa => "AAAA",
            },
            zone: name::to_text(task.zone()),
            server: exchange.addr,
            tcp: exchange.way == Way::Tcp,
            took: now.since(exchange.sent),
            outcome,
        });
    }

    pub(super) fn note_verdict(&mut self, exchange: &Exchange, verdict: &Verdict, now: Time) {
        if self.settings.trace {
            self.note(exchange, outcome_of(verdict), now);
        }
    }
}

fn outcome_of(verdict: &Verdict) -> StepOutcome {
    match verdict {
        Verdict::Addrs { addrs, .. } => StepOutcome::Addrs(addrs.clone()),
        Verdict::Alias { target, .. } => StepOutcome::Alias(name::to_text(target)),
        Verdict::NotFound { .. } => StepOutcome::NotFound,
        Verdict::WeakNotFound => StepOutcome::UnsureNotFound,
        Verdict::Referral(referral) => StepOutcome::Referral {
            zone: name::to_text(&referral.zone),
            addrs: referral.servers.len(),
            names: referral.names.len(),
        },
        Verdict::Lame => StepOutcome::Lame,
        Verdict::Unsupported => StepOutcome::Unsupported,
        Verdict::Refused => StepOutcome::Refused,
        Verdict::Malformed => StepOutcome::Malformed,
    }
}
