//! Owns the limit on downloads in flight of one core, and which rows do not count against it: a row
//! whose host is far slower than others gives its place to the next row and continues outside the
//! limit, so that slow hosts do not take all places. The number of such rows is bounded; further slow
//! rows keep their place. Never ends a row: its deadline does.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use monoio::time::timeout;

use crate::machine::sync::{Permit, Semaphore};

/// Shortest time after which a row counts as slow.
const SLOW_LEAST: Duration = Duration::from_secs(1);
/// A row counts as slow after this multiple of the mean time: if the link is slow, all rows are, and
/// more of them at a time would only slow each other down.
const SLOW_FACTOR: u32 = 8;
/// Weight of one row in the running mean of the time that rows take: one in this many.
const MEAN_OF: u32 = 64;

/// The places for downloads of one core.
pub(super) struct Places {
    usual: Semaphore,
    limit: Cell<usize>,
    aside: Semaphore,
    /// Running mean of the time of successful fetches.
    mean: Cell<Duration>,
}

impl Places {
    /// `limit` places in flight, and `aside` places for slow rows.
    pub(super) fn new(limit: usize, aside: usize) -> Self {
        Self {
            usual: Semaphore::new(limit),
            limit: Cell::new(limit),
            aside: Semaphore::new(aside),
            mean: Cell::new(Duration::ZERO),
        }
    }

    /// Waits for a place.
    pub(super) async fn take(&self) -> Permit {
        self.usual.acquire(1).await
    }

    /// The limit, without slow rows.
    pub(super) const fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Changes the limit; taken places stay taken.
    pub(super) fn set_limit(&self, limit: usize) {
        self.limit.set(limit);
        self.usual.set_capacity(limit);
    }

    /// Taken places, without slow rows.
    pub(super) fn taken(&self) -> usize {
        self.usual.used()
    }

    /// Rows in flight, including slow ones.
    pub(super) fn in_flight(&self) -> usize {
        self.usual.used() + self.aside.used()
    }

    /// Fetches a row in its place. A slow row moves to a place aside if there is one. Returns the place
    /// that the row has at the end.
    pub(super) async fn hold<T, E>(
        &self,
        place: Permit,
        fetch: impl Future<Output = Result<T, E>>,
    ) -> (Result<T, E>, Permit) {
        let begun = Instant::now();
        let mut fetch = pin!(fetch);
        let mut place = place;
        let fetched = match timeout(self.patience(), fetch.as_mut()).await {
            Ok(fetched) => fetched,
            Err(_) => {
                if let Some(aside) = self.aside.try_acquire(1) {
                    place = aside;
                }
                fetch.await
            }
        };
        if fetched.is_ok() {
            self.learn(begun.elapsed());
        }
        (fetched, place)
    }

    fn patience(&self) -> Duration {
        SLOW_LEAST.max(self.mean.get() * SLOW_FACTOR)
    }

    fn learn(&self, took: Duration) {
        let mean = self.mean.get();
        self.mean.set(mean - mean / MEAN_OF + took / MEAN_OF);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::future::{Either, select};
    use futures_util::stream::FuturesUnordered;

    use super::*;
    use crate::config::IoBackend;
    use crate::machine::runtime;

    fn run<F: Future>(future: F) -> F::Output {
        let (backend, _) = runtime::choose(IoBackend::Auto).expect("some backend works");
        runtime::block_on(backend, future).expect("the reactor starts")
    }

    /// Starts rows that never end, as places allow, and then a good one. Returns how many are in flight
    /// when that has ended.
    async fn in_flight_of_slow(places: &Places, rows: usize) -> usize {
        let slow = (0..rows).map(|_| async {
            let place = places.take().await;
            let never = std::future::pending::<Result<(), ()>>();
            places.hold(place, never).await
        });
        let mut slow = slow.collect::<FuturesUnordered<_>>();
        let good = std::pin::pin!(async {
            let place = places.take().await;
            drop(places.hold(place, async { Ok::<_, ()>(()) }).await);
        });
        match select(slow.next(), good).await {
            Either::Right(_) => places.in_flight(),
            Either::Left(_) => panic!("what never ends has ended"),
        }
    }

    #[test]
    fn slow_rows_make_room_for_a_good_one() {
        let in_flight = run(async {
            let places = Places::new(4, 100);
            in_flight_of_slow(&places, 8).await
        });
        assert_eq!(in_flight, 8);
    }

    #[test]
    fn rows_are_slow_by_what_the_others_take() {
        let places = Places::new(1, 1);
        assert_eq!(places.patience(), SLOW_LEAST);
        for _ in 0..1000 {
            places.learn(Duration::from_secs(3));
        }
        assert!(places.patience() > Duration::from_secs(23));
        for _ in 0..1000 {
            places.learn(Duration::from_millis(10));
        }
        assert_eq!(places.patience(), SLOW_LEAST);
    }
}
