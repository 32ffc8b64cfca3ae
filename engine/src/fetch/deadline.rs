//! Owns the total deadline of one URL. It moves only while the URL waits for this machine instead of
//! the network, or while the machine does not run at all. Also owns which failure a passed deadline
//! means. Never ends a future of another URL.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use monoio::time::timeout_at;

use super::Stalls;
use crate::failure::Failure;

/// The deadline of one URL, on a clock that stops while the core does not run.
pub(crate) struct Deadline {
    stalls: Rc<Stalls>,
    at: Cell<Instant>,
    paused_since: Cell<Option<Instant>>,
    waits_for: Cell<Option<Failure>>,
}

impl Deadline {
    /// A deadline `timeout` from now, on a core that may stall.
    pub(crate) fn after(timeout: Duration, stalls: Rc<Stalls>) -> Self {
        let deadline = Self {
            stalls,
            at: Cell::new(Instant::now()),
            paused_since: Cell::new(None),
            waits_for: Cell::new(None),
        };
        deadline.at.set(deadline.core_now() + timeout);
        deadline
    }

    /// Time left, as if the pause ended now.
    pub(crate) fn remaining(&self) -> Duration {
        self.current().saturating_duration_since(self.core_now())
    }

    /// Runs `future` until the deadline; `None` if the deadline passed.
    pub(crate) async fn bound<F: Future>(&self, future: F) -> Option<F::Output> {
        self.until(|| self.current(), future).await
    }

    /// Runs `future` for an equal share of the time left among `sharers`; `None` if that time passed.
    pub(crate) async fn bound_share<F: Future>(
        &self,
        sharers: u32,
        future: F,
    ) -> Option<F::Output> {
        let end = self.core_now() + self.remaining() / sharers.max(1);
        self.until(|| end, future).await
    }

    /// Runs `future` until `end` on the deadline's clock. `end` may move meanwhile.
    async fn until<F: Future>(&self, end: impl Fn() -> Instant, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            let left = end().checked_duration_since(self.core_now())?;
            if left.is_zero() {
                return None;
            }
            let until = Instant::now() + left;
            if let Ok(output) = timeout_at(until.into(), future.as_mut()).await {
                return Some(output);
            }
        }
    }

    /// Runs `future` with the deadline paused, for waits on this machine's own resources.
    pub(crate) async fn paused<F: Future>(&self, future: F) -> F::Output {
        self.paused_since.set(Some(self.core_now()));
        let output = future.await;
        self.at.set(self.current());
        self.paused_since.set(None);
        output
    }

    /// The deadline as a time, if nothing pauses it from now on.
    pub(crate) fn at(&self) -> Instant {
        Instant::now() + self.remaining()
    }

    /// Runs `future`, which resolves a name. A deadline that passes meanwhile means `DnsTimedOut`.
    pub(crate) async fn resolving<F: Future>(&self, future: F) -> F::Output {
        self.waiting_for(Failure::DnsTimedOut, future).await
    }

    /// Runs `future`. A deadline that passes meanwhile means `failure`.
    pub(crate) async fn waiting_for<F: Future>(&self, failure: Failure, future: F) -> F::Output {
        self.waits_for.set(Some(failure));
        let output = future.await;
        self.waits_for.set(None);
        output
    }

    /// The failure to record if the deadline has passed.
    pub(crate) fn failure(&self) -> Failure {
        self.waits_for.get().unwrap_or(Failure::TimedOut)
    }

    /// Now, on the clock that stops while the core does not run.
    fn core_now(&self) -> Instant {
        let now = Instant::now();
        now - self.stalls.lost_by(now)
    }

    fn current(&self) -> Instant {
        let paused = self.paused_since.get().map_or(Duration::ZERO, |since| {
            self.core_now().saturating_duration_since(since)
        });
        self.at.get() + paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IoBackend;
    use crate::machine::runtime;

    fn run<F: Future>(future: F) -> F::Output {
        let (backend, _) = runtime::choose(IoBackend::Auto).expect("some backend works");
        runtime::block_on(backend, future).expect("the reactor starts")
    }

    /// A deadline on a running core.
    fn after(milliseconds: u64) -> Deadline {
        let stalls = Rc::new(Stalls::new(Instant::now()));
        Deadline::after(Duration::from_millis(milliseconds), stalls)
    }

    #[test]
    fn stalled_time_does_not_count() {
        let stalls = Rc::new(Stalls::new(Instant::now()));
        let deadline = Deadline::after(Duration::from_secs(10), stalls.clone());
        let before = deadline.remaining();
        stalls.tick(Instant::now() + Duration::from_secs(60));
        assert!(deadline.remaining() > before + Duration::from_secs(59));
    }

    #[test]
    fn a_share_ends_before_the_deadline() {
        let (ended, left) = run(async {
            let deadline = after(60_000);
            let ended = deadline.bound_share(3000, std::future::pending::<()>());
            (ended.await, deadline.remaining())
        });
        assert!(ended.is_none());
        assert!(left > Duration::from_secs(30));
    }

    #[test]
    fn a_future_that_never_ends_is_ended() {
        let ended = run(async { after(20).bound(std::future::pending::<()>()).await });
        assert!(ended.is_none());
    }

    #[test]
    fn the_failure_depends_on_what_was_awaited() {
        let failure = run(async {
            let deadline = after(20);
            assert_eq!(deadline.failure(), Failure::TimedOut);
            let host = deadline.waiting_for(Failure::HostRateLimited, std::future::pending::<()>());
            assert!(deadline.bound(host).await.is_none());
            deadline.failure()
        });
        assert_eq!(failure, Failure::HostRateLimited);
    }

    #[test]
    fn a_wait_on_local_resources_does_not_count() {
        let ended = run(async {
            let deadline = after(50);
            let wait = deadline.paused(monoio::time::sleep(Duration::from_millis(120)));
            deadline.bound(wait).await
        });
        assert!(ended.is_some());
    }
}
