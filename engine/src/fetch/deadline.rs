//! Owns one URL's total deadline: a point in time that moves only while this machine, not the web,
//! is what the URL waits for, or does not run at all; and what it waits for, where that names its failure.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

use monoio::time::timeout_at;

use super::Stalls;
use crate::failure::Failure;

/// The deadline of one URL. It is kept on a clock that stands still while the core does not run.
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
        deadline.at.set(deadline.running() + timeout);
        deadline
    }

    /// Time left, as if the pause ended now.
    pub(crate) fn remaining(&self) -> Duration {
        self.moved().saturating_duration_since(self.running())
    }

    /// Runs `future` until the deadline; none where it passed.
    pub(crate) async fn bound<F: Future>(&self, future: F) -> Option<F::Output> {
        self.until(|| self.moved(), future).await
    }

    /// Runs `future` for an equal share of what is left among so many; none where that passed.
    pub(crate) async fn bound_share<F: Future>(
        &self,
        sharers: u32,
        future: F,
    ) -> Option<F::Output> {
        let end = self.running() + self.remaining() / sharers.max(1);
        self.until(|| end, future).await
    }

    /// Runs `future` until `end` on the deadline's clock, which may move meanwhile.
    async fn until<F: Future>(&self, end: impl Fn() -> Instant, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            let left = end().checked_duration_since(self.running())?;
            if left.is_zero() {
                return None;
            }
            let until = Instant::now() + left;
            if let Ok(output) = timeout_at(until.into(), future.as_mut()).await {
                return Some(output);
            }
        }
    }

    /// Runs `future` while the deadline stands still: for waits on this machine's own resources.
    pub(crate) async fn paused<F: Future>(&self, future: F) -> F::Output {
        self.paused_since.set(Some(self.running()));
        let output = future.await;
        self.at.set(self.moved());
        self.paused_since.set(None);
        output
    }

    /// Where it is, if the core runs and nothing pauses it.
    pub(crate) fn at(&self) -> Instant {
        Instant::now() + self.remaining()
    }

    /// Runs `future`, which resolves a name, and remembers that while it does.
    pub(crate) async fn naming<F: Future>(&self, future: F) -> F::Output {
        self.waiting(Failure::DnsTimedOut, future).await
    }

    /// Runs `future`, and remembers while it does that a deadline which passes means this failure.
    pub(crate) async fn waiting<F: Future>(&self, failure: Failure, future: F) -> F::Output {
        self.waits_for.set(Some(failure));
        let output = future.await;
        self.waits_for.set(None);
        output
    }

    /// What it means that the time is over.
    pub(crate) fn failure(&self) -> Failure {
        self.waits_for.get().unwrap_or(Failure::TimedOut)
    }

    /// Now, on the clock that stands still while the core does not run.
    fn running(&self) -> Instant {
        let now = Instant::now();
        now - self.stalls.lost_by(now)
    }

    fn moved(&self) -> Instant {
        let paused = self.paused_since.get().map_or(Duration::ZERO, |since| {
            self.running().saturating_duration_since(since)
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

    /// A deadline on a core that runs.
    fn after(milliseconds: u64) -> Deadline {
        let stalls = Rc::new(Stalls::new(Instant::now()));
        Deadline::after(Duration::from_millis(milliseconds), stalls)
    }

    #[test]
    fn time_in_which_the_core_did_not_run_does_not_count() {
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
    fn what_never_ends_is_ended() {
        let ended = run(async { after(20).bound(std::future::pending::<()>()).await });
        assert!(ended.is_none());
    }

    #[test]
    fn what_was_waited_for_names_the_failure() {
        let failure = run(async {
            let deadline = after(20);
            assert_eq!(deadline.failure(), Failure::TimedOut);
            let host = deadline.waiting(Failure::HostRateLimited, std::future::pending::<()>());
            assert!(deadline.bound(host).await.is_none());
            deadline.failure()
        });
        assert_eq!(failure, Failure::HostRateLimited);
    }

    #[test]
    fn a_wait_for_this_machine_does_not_count() {
        let ended = run(async {
            let deadline = after(50);
            let wait = deadline.paused(monoio::time::sleep(Duration::from_millis(120)));
            deadline.bound(wait).await
        });
        assert!(ended.is_some());
    }
}
