//! Owns how long a core did not run although it had work: its process was stopped, or the machine was
//! out of memory or overloaded. Measured by the gaps between the reactor's own ticks, and by the
//! kernel's count of time lost to memory pressure. Never reads a clock.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Time between two ticks of a running reactor.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// Longest gap that counts as normal: a large body's content coding, a busy neighbour, a late timer.
const GAP_USUAL: Duration = Duration::from_millis(300);

/// The time that one core lost.
#[derive(Debug)]
pub(crate) struct Stalls {
    ticked: Cell<Instant>,
    lost: Cell<Duration>,
    /// Lost in gaps since the kernel's count was last read.
    in_gaps: Cell<Duration>,
}

impl Stalls {
    /// A core that starts running now.
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            ticked: Cell::new(now),
            lost: Cell::new(Duration::ZERO),
            in_gaps: Cell::new(Duration::ZERO),
        }
    }

    /// Notes that the core is running. Called by its timer, and by whatever wakes it while timers are
    /// late.
    pub(crate) fn tick(&self, now: Instant) {
        let gap = self.gap(now);
        self.lost.set(self.lost.get() + gap);
        self.in_gaps.set(self.in_gaps.get() + gap);
        self.ticked.set(now);
    }

    /// Adds the time that the kernel has counted, since the last call, during which nothing on this
    /// machine could run for lack of memory. It includes the core's own gaps since then.
    pub(crate) fn lost_to_memory(&self, time: Duration) {
        let more = time.saturating_sub(self.in_gaps.take());
        self.lost.set(self.lost.get() + more);
    }

    /// The time lost so far, including that since the last tick.
    pub(crate) fn lost_by(&self, now: Instant) -> Duration {
        self.lost.get() + self.gap(now)
    }

    fn gap(&self, now: Instant) -> Duration {
        let gap = now.saturating_duration_since(self.ticked.get());
        if gap > GAP_USUAL {
            gap - TICK
        } else {
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_ticking_core_loses_no_time() {
        let mut now = Instant::now();
        let stalls = Stalls::new(now);
        for _ in 0..100 {
            now += 2 * TICK;
            stalls.tick(now);
        }
        assert_eq!(stalls.lost_by(now), Duration::ZERO);
    }

    #[test]
    fn a_gap_counts_once_and_before_its_tick() {
        let start = Instant::now();
        let stalls = Stalls::new(start);
        let now = start + 5 * SECOND;
        assert_eq!(stalls.lost_by(now), 5 * SECOND - TICK);
        stalls.tick(now);
        assert_eq!(stalls.lost_by(now), 5 * SECOND - TICK);
    }

    #[test]
    fn time_lost_to_memory_counts_beyond_the_gaps() {
        let start = Instant::now();
        let stalls = Stalls::new(start);
        let now = start + 3 * SECOND;
        stalls.tick(now);
        stalls.lost_to_memory(2 * SECOND);
        assert_eq!(stalls.lost_by(now), 3 * SECOND - TICK);
        stalls.lost_to_memory(2 * SECOND);
        assert_eq!(stalls.lost_by(now), 5 * SECOND - TICK);
    }
}
