//! Owns which server of a zone is asked next. Never sends.

use std::time::Duration;

use super::Machine;
use super::exchange::below;
use super::settings::TRIES_MAX;
use super::slab::Id;
use crate::recursive::servers::Room;
use crate::recursive::time::Time;

/// One choice in so many falls on any untried server, so that one that was slow once, or was never
/// tried, gets to show what it can do.
const EXPLORE_ONE_IN: u32 = 32;
/// What each try of a server in vain counts for against its others.
const TRY_COST: Duration = Duration::from_millis(150);
/// Pause while as many queries are open as may be.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The candidate of that number.
    Ask(usize),
    /// Somebody, but not before a while: our own limits say so.
    Later(Duration),
    Nobody,
}

impl Machine {
    /// The cheapest server that may still be asked: by its round trip, raised by what was tried in
    /// vain, blurred so that equals share the load.
    pub(super) fn choose(&mut self, id: Id, now: Time) -> Choice {
        let full = self.exchanges.len() >= self.settings.queries_outstanding_max;
        let Some(task) = self.tasks.get(id) else {
            return Choice::Nobody;
        };
        let explore = below(&mut self.rng, EXPLORE_ONE_IN) == 0;
        let mut barred = 0_u32;
        let mut soonest: Option<Duration> = None;
        loop {
            let mut best: Option<(Duration, usize)> = None;
            for (at, candidate) in task.candidates.iter().enumerate() {
                if barred >> at & 1 == 1 || candidate.failed || candidate.tcp {
                    continue;
                }
                let (cost, dead) = self.servers.standing(candidate.addr, now);
                if candidate.tries >= if dead { 1 } else { TRIES_MAX } {
                    continue;
                }
                let tries = u32::from(candidate.tries);
                let blur = cost.as_micros() / 4 + 4_000;
                let blur = below(&mut self.rng, u32::try_from(blur).unwrap_or(u32::MAX));
                let blur = Duration::from_micros(u64::from(blur));
                let score = if explore && tries == 0 && !dead {
                    blur / 1000
                } else {
                    cost * (1 + tries) + TRY_COST * tries + blur
                };
                if best.is_none_or(|(least, _)| score < least) {
                    best = Some((score, at));
                }
            }
            let Some((_, at)) = best else {
                break;
            };
            if full {
                return Choice::Later(FULL_PAUSE);
            }
            match self.servers.room(task.candidates[at].addr, now) {
                Room::Now => return Choice::Ask(at),
                Room::After(wait) => {
                    barred |= 1 << at;
                    soonest = Some(soonest.map_or(wait, |least| least.min(wait)));
                }
            }
        }
        soonest.map_or(Choice::Nobody, Choice::Later)
    }
}
