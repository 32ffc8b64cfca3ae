//! Owns the machine's own name servers, as they stand behind the resolver that walks from the root:
//! asked for names that no public server can know, and for every name once no authority can be
//! reached. Started by the first such name; never asked where it may not be.

use std::sync::Arc;
use std::time::Duration;

use super::Setup;
use crate::name::folded;
use crate::service::{Request, Service};
use crate::stats::Stats;

/// Silence after the first question before no authority is taken to be within reach: the first waits
/// of four root servers, more or less.
pub(super) const REACH_TIME: Duration = Duration::from_millis(1500);
/// Servers that must have been silent for that. A single domain has two or so.
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

/// Who is asked instead.
pub(super) struct Behind {
    state: State,
    takes_all: bool,
    stats: Arc<Stats>,
}

enum State {
    Nobody,
    Ready(Box<Setup>),
    Running(Service),
}

impl Behind {
    pub(super) fn new(setup: Option<Setup>, stats: Arc<Stats>) -> Self {
        Self {
            state: setup.map_or(State::Nobody, |setup| State::Ready(Box::new(setup))),
            takes_all: false,
            stats,
        }
    }

    /// Whether there is somebody who does not take every name yet.
    pub(super) fn may_take_all(&self) -> bool {
        !self.takes_all && !matches!(self.state, State::Nobody)
    }

    /// From now on every name goes here.
    pub(super) fn take_all(&mut self) {
        self.takes_all = true;
        self.stats.fell_back();
    }

    pub(super) fn takes(&self, name: &str) -> bool {
        !matches!(self.state, State::Nobody) && (self.takes_all || is_private(name))
    }

    /// Hands a request on. One that nobody can take is dropped, and so answered.
    pub(super) fn pass(&mut self, request: Request) {
        self.state = match std::mem::replace(&mut self.state, State::Nobody) {
            State::Ready(setup) => self.started(*setup),
            other => other,
        };
        if let State::Running(service) = &self.state {
            service.handle().pass(request);
        }
    }

    fn started(&self, setup: Setup) -> State {
        match Service::start_recursive(setup, None, self.stats.clone()) {
            Ok(service) => State::Running(service),
            Err(error) => {
                tracing::warn!(%error, "the machine's name servers are not asked");
                State::Nobody
            }
        }
    }
}

/// Whether only this network can know the name: it has one label, or ends in a private domain.
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
