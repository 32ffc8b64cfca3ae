//! Owns recording the steps of a lookup for the user: each query and its outcome, in order.
//! Never decides anything, and does nothing without [`Settings::trace`](super::Settings::trace).
//!
//! A step may hold names that a server sent (the zone of a referral, an alias). They are escaped, except
//! for letters, digits and `-_` (RFC 1035, 5.1).

use super::Machine;
use super::exchange::{Exchange, Way};
use super::step::{Step, StepOutcome};
use crate::recursive::kind::Kind;
use crate::recursive::message::reply::Verdict;
use crate::recursive::time::Time;
use crate::recursive::wire_name;

/// Most steps kept between two calls; the query budget of a name is far smaller.
const STEPS_MAX: usize = 4096;

impl Machine {
    /// Records a step.
    pub(super) fn note(&mut self, exchange: &Exchange, outcome: StepOutcome, now: Time) {
        if !self.settings.trace || self.steps.len() >= STEPS_MAX {
            return;
        }
        let Some(task) = self.tasks.get(exchange.task) else {
            return;
        };
        self.steps.push(Step {
            name: wire_name::to_text(&task.name),
            kind: match task.kind {
                Kind::A => "A",
                Kind::Aaaa => "AAAA",
            },
            zone: wire_name::to_text(task.zone()),
            server: exchange.addr,
            tcp: exchange.way == Way::Tcp,
            took: now.since(exchange.sent),
            outcome,
        });
    }

    pub(super) fn note_verdict(&mut self, exchange: &Exchange, verdict: &Verdict, now: Time) {
        if self.settings.trace {
            self.note(exchange, StepOutcome::of(verdict), now);
        }
    }
}
