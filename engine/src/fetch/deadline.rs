//! Owns one URL's total deadline: a point in time that moves only while this machine, not the web,
//! is what the URL waits for; and what it waits for, where that names its failure.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use monoio::time::timeout_at;

use crate::failure::Failure;

/// The deadline of one URL.
pub struct Deadline {
    at: Cell<Instant>,
    paused_since: Cell<Option<Instant>>,
    waits_for: Cell<Option<Failure>>,
}

impl Deadline {
    /// A deadline `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        Self {
            at: Cell::new(Instant::now() + timeout),
            paused_since: Cell::new(None),
            waits_for: Cell::new(None),
        }
    }

    /// Time left, as if the pause ended now.
    pub fn remaining(&self) -> Duration {
        self.at().saturating_duration_since(Instant::now())
    }

    /// Runs `future` until the deadline; none where it passed.
    pub async fn bound<F: Future>(&self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        loop {
            let now = Instant::now();
            let until = self.moved(now);
            if until <= now {
                return None;
            }
            if let Ok(output) = timeout_at(until.into(), future.as_mut()).await {
                return Some(output);
            }
        }
    }

    /// Runs `future` while the deadline stands still: for waits on this machine's own resources.
    pub async fn paused<F: Future>(&self, future: F) -> F::Output {
        self.paused_since.set(Some(Instant::now()));
        let output = future.await;
        self.at.set(self.moved(Instant::now()));
        self.paused_since.set(None);
        output
    }

    /// Where it is.
    pub fn at(&self) -> Instant {
        self.moved(Instant::now())
    }

    /// Runs `future`, which resolves a name, and remembers that while it does.
    pub async fn naming<F: Future>(&self, future: F) -> F::Output {
        self.waiting(Failure::DnsTimedOut, future).await
    }

    /// Runs `future`, and remembers while it does that a deadline which passes means this failure.
    pub async fn waiting<F: Future>(&self, failure: Failure, future: F) -> F::Output {
        self.waits_for.set(Some(failure));
        let output = future.await;
        self.waits_for.set(None);
        output
    }

    /// What it means that the time is over.
    pub fn failure(&self) -> Failure {
        self.waits_for.get().unwrap_or(Failure::TimedOut)
    }

    fn moved(&self, now: Instant) -> Instant {
        let paused = self
            .paused_since
            .get()
            .map_or(Duration::ZERO, |since| now - since);
        self.at.get() + paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IoBackend;
    use crate::runtime;

    fn run<F: Future>(future: F) -> F::Output {
        let (backend, _) = runtime::choose(IoBackend::Auto).expect("some backend works");
        runtime::block_on(backend, future).expect("the reactor starts")
    }

    #[test]
    fn what_never_ends_is_ended() {
        let ended = run(async {
            Deadline::after(Duration::from_millis(20))
                .bound(std::future::pending::<()>())
                .await
        });
        assert!(ended.is_none());
    }

    #[test]
    fn what_was_waited_for_names_the_failure() {
        let failure = run(async {
            let deadline = Deadline::after(Duration::from_millis(20));
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
            let deadline = Deadline::after(Duration::from_millis(50));
            let wait = deadline.paused(monoio::time::sleep(Duration::from_millis(120)));
            deadline.bound(wait).await
        });
        assert!(ended.is_some());
    }
}
