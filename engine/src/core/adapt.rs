//! Owns adapting the number of downloads in flight: more while the compute thread has too little to do
//! and the limit is reached, fewer while it cannot keep up. Never exceeds what descriptors allow.

use std::convert::Infallible;
use std::time::Instant;

use super::Core;
use crate::fetch::TICK;
use crate::limits;
use crate::limits::DIRTY_BYTES_MAX;
use crate::machine::{MemoryPressure, SystemFiles};
use crate::watch::{Duty, Wait};

/// Ticks between two reads of the memory pressure.
const PRESSURE_EVERY: u32 = 10;

impl Core {
    /// Adapts forever; the core drops it when the list is done.
    pub(super) async fn adapt(&self) -> Infallible {
        let mut pressure = MemoryPressure::new(SystemFiles::at("/"));
        let mut ticks = 0_u32;
        loop {
            monoio::time::sleep(TICK).await;
            self.fetcher.stalls.tick(Instant::now());
            ticks = ticks.wrapping_add(1);
            if ticks.is_multiple_of(PRESSURE_EVERY) {
                self.fetcher.stalls.lost_to_memory(pressure.since_last());
            }
            self.fetcher.expire_idle();
            let in_flight = self.places.in_flight();
            self.live.set_gauges(in_flight, self.open.borrow().len());
            self.live.set_wait(self.waits_for());
            self.post.begin(Duty::Turn, 0, 0);
            // While rows wait for the network, an idle compute thread does not mean too few downloads.
            if self.shared.config.machine.in_flight.is_some() || self.outage.is_down() {
                continue;
            }
            let now = self.places.limit();
            let next = next_limit(
                now,
                self.places.taken(),
                self.compute_permits.used(),
                self.shared.machine.in_flight_max,
            );
            if next != now {
                self.places.set_limit(next);
            }
        }
    }

    /// What rows are waiting for. The last stage that holds any comes first.
    fn waits_for(&self) -> Wait {
        if self.outage.is_down() {
            Wait::Network
        } else if self.dirty.bytes() >= DIRTY_BYTES_MAX {
            Wait::Disk
        } else if self.compute_permits.used() > 0 {
            Wait::Compute
        } else if self.places.in_flight() > 0 {
            Wait::Downloads
        } else if !self.open.borrow().is_empty() {
            Wait::Commit
        } else {
            Wait::List
        }
    }
}

/// The next limit, by the downloads in flight and the images waiting for compute or in it.
fn next_limit(limit: usize, in_flight: usize, computing: usize, most: usize) -> usize {
    let starving = computing < limits::COMPUTE_QUEUE_IMAGES / 4;
    let drowning = computing >= limits::COMPUTE_QUEUE_IMAGES;
    if starving && in_flight >= limit {
        (limit + limit / 2).min(most)
    } else if drowning {
        (limit - limit / 8).max(limits::IN_FLIGHT_START.min(most))
    } else {
        limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starving_compute_thread_gets_more_downloads_up_to_the_most() {
        assert_eq!(next_limit(64, 64, 0, 1024), 96);
        assert_eq!(next_limit(1000, 1000, 0, 1024), 1024);
        assert_eq!(next_limit(64, 10, 0, 1024), 64);
    }

    #[test]
    fn a_drowning_compute_thread_gets_fewer_but_never_under_the_start() {
        assert_eq!(next_limit(1024, 1024, 64, 1024), 896);
        assert_eq!(next_limit(64, 64, 64, 1024), 64);
    }
}
