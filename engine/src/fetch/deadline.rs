//! Owns one URL's total deadline: a point in time that moves only while this machine, not the web,
//! is what the URL waits for; and what it waits for, where that names its failure.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use monoio::time::timeout_at;

/// The deadline of one URL.
pub struct Deadline {
    at: Cell<Instant>,
    paused_since: Cell<Option<Instant>>,
    waits_for_name: Cell<bool>,
}

impl Deadline {
    /// A deadline `timeout` from now.
    pub fn after(timeout: Duration) -> Self {
        Self {
            at: Cell::new(Instant::now() + timeout),
            paused_since: Cell::new(None),
            waits_for_name: Cell::new(false),
        }
    }

    /// Time left, as if the pause ended now.
    pub fn remaining(&self) -> Duration {
        self.moved(Instant::now())
            .saturating_duration_since(Instant::now())
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

    /// Runs `future`, which resolves a name, and remembers that while it does.
    pub async fn naming<F: Future>(&self, future: F) -> F::Output {
        self.waits_for_name.set(true);
        let output = future.await;
        self.waits_for_name.set(false);
        output
    }

    /// Whether a name was being resolved when the time was over.
    pub fn waits_for_name(&self) -> bool {
        self.waits_for_name.get()
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
    fn a_wait_for_this_machine_does_not_count() {
        let ended = run(async {
            let deadline = Deadline::after(Duration::from_millis(50));
            let wait = deadline.paused(monoio::time::sleep(Duration::from_millis(120)));
            deadline.bound(wait).await
        });
        assert!(ended.is_some());
    }
}
