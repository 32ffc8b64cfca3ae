//! Owns the turn to the machine's own name servers: which names go to them, when all do, and their
//! service, which the first such name starts. Never asks a server itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::name::folded;
use crate::service::{Request, Service};
use crate::stats::Stats;

/// Time after the first query without a useful answer after which the authoritative servers count as
/// unreachable: about the first timeouts of four root servers.
pub(super) const REACH_TIME: Duration = Duration::from_millis(1500);
/// Least number of servers that must have been asked for that; a single domain has about two.
pub(super) const SILENT_SERVERS_MIN: usize = 3;

/// Domains of private networks (RFC 6761, 6762 with its appendix G, 8375; `internal` by ICANN).
const PRIVATE_DOMAINS: [&str; 11] = [
    "local",
    "internal",
    "lan",
    "home",
    "corp",
    "intranet",
    "private",
    "localdomain",
    "localhost",
    "home.arpa",
    "test",
];

/// The name servers to fall back to, if any.
pub(super) struct Fallback {
    state: State,
    takes_all: bool,
    stats: Arc<Stats>,
}

/// Starts the service that asks the name servers.
type Start = Box<dyn FnOnce() -> io::Result<Service> + Send>;

enum State {
    None,
    Ready(Start),
    Running(Service),
}

impl Fallback {
    /// No server to fall back to.
    pub(super) fn none(stats: Arc<Stats>) -> Self {
        Self {
            state: State::None,
            takes_all: false,
            stats,
        }
    }

    /// Falls back to the service that `start` starts.
    pub(super) fn new(
        start: impl FnOnce() -> io::Result<Service> + Send + 'static,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            state: State::Ready(Box::new(start)),
            ..Self::none(stats)
        }
    }

    /// Whether there is a fallback that does not take every name yet.
    pub(super) fn may_take_all(&self) -> bool {
        !self.takes_all && !matches!(self.state, State::None)
    }

    /// Takes every name from now on.
    pub(super) fn take_all(&mut self) {
        self.takes_all = true;
        self.stats.fell_back();
    }

    /// Whether `name` is to be handed to [`Fallback::pass`].
    pub(super) fn takes(&self, name: &str) -> bool {
        !matches!(self.state, State::None) && (self.takes_all || is_private(name))
    }

    /// Hands a request to the fallback. Without one the request is dropped, and so answered.
    pub(super) fn pass(&mut self, request: Request) {
        self.state = match std::mem::replace(&mut self.state, State::None) {
            State::Ready(start) => started(start),
            other => other,
        };
        if let State::Running(service) = &self.state {
            service.handle().pass(request);
        }
    }
}

fn started(start: Start) -> State {
    match start() {
        Ok(service) => State::Running(service),
        Err(error) => {
            tracing::warn!(%error, "the machine's name servers are not asked");
            State::None
        }
    }
}

/// Whether only the local network can resolve `name`: it has one label or is in a private domain.
pub fn is_private(name: &str) -> bool {
    let name = folded(name);
    let below = |domain: &&str| {
        let above = name.strip_suffix(*domain);
        above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
    };
    !name.contains('.') || PRIVATE_DOMAINS.iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_label_and_of_private_domains_are_private() {
        for name in [
            "minio",
            "NAS.",
            "a.b.internal",
            "x.Local.",
            "router.home.arpa",
        ] {
            assert!(is_private(name), "{name}");
        }
        for name in [
            "example.org",
            "notlocal.example",
            "xlocal.com",
            "a.arpa",
            "internal.com",
        ] {
            assert!(!is_private(name), "{name}");
        }
    }
}
