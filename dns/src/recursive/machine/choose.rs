//! Owns choosing the next server of a zone to ask. Never sends.

use std::time::Duration;

use super::Machine;
use super::exchange::below;
use super::settings::TRIES_MAX;
use super::slab::Id;
use crate::recursive::servers::Admission;
use crate::recursive::time::Time;

/// One choice in this many takes any untried server, so that the estimate of one that was slow once,
/// or never tried, gets updated.
const EXPLORE_ONE_IN: u32 = 32;
/// Added to the cost of a server for each unsuccessful try.
const TRY_COST: Duration = Duration::from_millis(150);
/// Pause while the maximum of queries is open.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// The server to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// The candidate with this index.
    Ask(usize),
    /// A candidate, but only after this time, because of our own limits.
    Later(Duration),
    Nobody,
}

impl Machine {
    /// Chooses the server with the lowest cost that may still be asked: its round-trip time, raised for
    /// each unsuccessful try, with random jitter so that equal servers share the load.
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
                let jitter = cost.as_micros() / 4 + 4_000;
                let jitter = below(&mut self.rng, u32::try_from(jitter).unwrap_or(u32::MAX));
                let jitter = Duration::from_micros(u64::from(jitter));
                let score = if explore && tries == 0 && !dead {
                    jitter / 1000
                } else {
                    cost * (1 + tries) + TRY_COST * tries + jitter
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
            match self.servers.admission(task.candidates[at].addr, now) {
                Admission::Now => return Choice::Ask(at),
                Admission::After(wait) => {
                    barred |= 1 << at;
                    soonest = Some(soonest.map_or(wait, |least| least.min(wait)));
                }
            }
        }
        soonest.map_or(Choice::Nobody, Choice::Later)
    }
}
