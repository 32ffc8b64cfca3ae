//! Owns the number of downloads in flight: more while the compute thread has too little to do and
//! every place is taken, fewer while it cannot keep up. Never past what descriptors allow.

use std::convert::Infallible;
use std::time::Duration;

use super::Core;
use super::shards::DIRTY_BYTES_MAX;
use crate::limits;
use crate::watchdog::{Duty, Wait};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Core {
    /// Adapts for ever; the core drops it when the list is done.
    pub(super) async fn adapt(&self) -> Infallible {
        loop {
            monoio::time::sleep(LOOK_EVERY).await;
            self.fetcher.expire_idle();
            let in_flight = self.in_flight.used();
            self.live.set_gauges(in_flight, self.open.borrow().len());
            self.live.set_wait(self.waits_for());
            self.post.begin(Duty::Turn, 0, 0);
            // Rows that wait for the network say nothing of what would be too few.
            if self.shared.config.machine.in_flight.is_some() || self.outage.is_down() {
                continue;
            }
            let now = self.in_flight_max.get();
            let next = next_limit(
                now,
                in_flight,
                self.compute_room.used(),
                self.most_in_flight(),
            );
            if next != now {
                self.in_flight_max.set(next);
                self.in_flight.set_capacity(next);
            }
        }
    }

    /// What keeps rows from ending, the last in their way first.
    fn waits_for(&self) -> Wait {
        if self.outage.is_down() {
            Wait::Network
        } else if self.dirty.bytes() >= DIRTY_BYTES_MAX {
            Wait::Disk
        } else if self.compute_room.used() > 0 {
            Wait::Compute
        } else if self.in_flight.used() > 0 {
            Wait::Downloads
        } else if !self.open.borrow().is_empty() {
            Wait::Commit
        } else {
            Wait::List
        }
    }

    fn most_in_flight(&self) -> usize {
        self.shared.machine.in_flight_max
    }
}

/// The next limit from what is in flight and how many images wait for or are in compute.
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
