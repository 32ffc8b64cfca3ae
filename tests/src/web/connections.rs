//! Owns counting the fake web's connections (accepted by address, open now, open at most), and replies
//! that wait for each other. Never touches a connection.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Addresses counted one by one; past it only their sum is right.
const ADDRESSES_MAX: usize = 100_000;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_address: HashMap<IpAddr, u64>,
    accepted: u64,
    open: u64,
    peak: u64,
}

impl Connections {
    /// Counts one that was accepted, and as open until the value is dropped.
    pub(crate) fn open(self: &Arc<Self>, at: Option<IpAddr>) -> Open {
        let mut counts = self.lock();
        counts.accepted += 1;
        counts.open += 1;
        counts.peak = counts.peak.max(counts.open);
        if let Some(at) = at
            && (counts.by_address.len() < ADDRESSES_MAX || counts.by_address.contains_key(&at))
        {
            *counts.by_address.entry(at).or_default() += 1;
        }
        Open(self.clone())
    }

    /// Accepted so far, at one address or all.
    pub(crate) fn accepted(&self, at: Option<IpAddr>) -> u64 {
        let counts = self.lock();
        match at {
            Some(at) => counts.by_address.get(&at).copied().unwrap_or(0),
            None => counts.accepted,
        }
    }

    /// Most that were open at a time.
    pub(crate) fn peak(&self) -> u64 {
        self.lock().peak
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // Counts are whole after every statement, so a panic elsewhere spoils nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where answers wait for each other.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    reached: watch::Sender<u64>,
}

impl Gathering {
    /// Counts one more, and waits until there are so many.
    pub(crate) async fn wait(&self, answers: u64) {
        let mut reached = self.reached.subscribe();
        // Only the last wakes the others: each of thousands would wake thousands.
        self.reached.send_if_modified(|count| {
            *count = count.saturating_add(1);
            *count >= answers
        });
        // The sender is this value, which outlives the wait.
        let _ = reached.wait_for(|count| *count >= answers).await;
    }

    /// Counts from nothing.
    pub(crate) fn begin(&self) {
        self.reached.send_replace(0);
    }

    /// Lets everyone go who waits or ever will.
    pub(crate) fn end(&self) {
        self.reached.send_replace(u64::MAX);
    }
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Open(Arc<Connections>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_at_most_is_remembered() {
        let connections = Arc::new(Connections::default());
        let here = IpAddr::from([127, 0, 0, 1]);
        let both = [connections.open(Some(here)), connections.open(None)];
        drop(both);
        drop(connections.open(Some(here)));
        assert_eq!(connections.peak(), 2);
        assert_eq!(connections.accepted(None), 3);
        assert_eq!(connections.accepted(Some(here)), 2);
    }
}
