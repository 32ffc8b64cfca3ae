//! Owns outage detection: whether failures are the hosts' own or the network of this machine is down.
//! If several hosts fail below HTTP and none answers meanwhile, it asks hosts that answered before. If
//! those are silent too, the network is down, and rows wait instead of being recorded as failed. Names
//! are judged separately from connections: a resolver can fail alone, and zones with dead servers are
//! no outage as long as any server answers for another name. Never fetches a row and never sends a byte
//! to a host: a reference is connected to and closed.

mod judge;
mod notices;

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use monoio::time::{sleep, timeout};
use turbo2ds_dns::Stats;

use crate::failure::Failure;
use crate::http::Host;
use crate::net::{ConnectError, connect};
use judge::{Judge, Reference, Verdict};

pub(crate) use notices::OutageNotices;

/// First pause of a waiting row; it doubles. Usually another host answers at once.
const LOOK_FIRST: Duration = Duration::from_millis(10);
/// Longest pause of a waiting row.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Hosts kept as references: they are asked whether anything answers at all.
const REFERENCES_MAX: usize = 8;
/// Every how many answers a reference is kept, so that they are of different times.
const REFERENCE_EVERY: u64 = 64;
/// Longest wait for a reference's answer.
const REFERENCE_TIMEOUT: Duration = Duration::from_secs(3);
/// Prefix of a top-level domain that does not exist, which is looked up as a probe.
const PROBE_LABEL: &str = "t2ds-";

/// A part of the network that can be down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Hosts: connections time out, or there is no route.
    Hosts,
    /// Names: no name server answers.
    Names,
}

impl Part {
    /// The part of the network that a failure may be due to; `None` if something answered or nothing
    /// was asked.
    const fn of(failure: Failure) -> Option<Self> {
        match failure {
            Failure::TimedOut | Failure::NetworkUnreachable => Some(Self::Hosts),
            Failure::DnsFailure | Failure::DnsTimedOut => Some(Self::Names),
            _ => None,
        }
    }
}

/// The outages that had ended when a fetch began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    /// Those of hosts.
    pub hosts: u64,
    /// Those of name servers.
    pub names: u64,
}

/// Outage detection, shared by all cores.
pub(crate) struct Outage {
    /// Longest wait for the network; zero turns outage detection off.
    wait_max: Duration,
    host_judge: Judge,
    name_judge: Judge,
    host_answers: AtomicU64,
    /// Counts the names that a server answered.
    name_answers: Arc<Stats>,
    /// Starts a lookup of a name.
    look_up: Box<dyn Fn(Arc<str>) + Send + Sync>,
    references: Mutex<VecDeque<SocketAddr>>,
    hasher: RandomState,
    given_up: AtomicBool,
}

impl Outage {
    /// Detection that waits at most `wait_max` for the network. `name_answers` counts the resolver's
    /// answers, and `look_up` starts a lookup.
    pub(crate) fn new(
        wait_max: Duration,
        name_answers: Arc<Stats>,
        look_up: impl Fn(Arc<str>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            wait_max,
            host_judge: Judge::default(),
            name_judge: Judge::default(),
            host_answers: AtomicU64::new(0),
            name_answers,
            look_up: Box::new(look_up),
            references: Mutex::default(),
            hasher: RandomState::new(),
            given_up: AtomicBool::new(false),
        }
    }

    /// Ends every wait, because the run is aborted.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Notes that a host answered, even with a refusal. `reference` is its address if it accepted a
    /// connection.
    pub(crate) fn host_answered(&self, reference: Option<SocketAddr>) {
        let before = self.host_answers.fetch_add(1, Ordering::Relaxed);
        let is_early = before < REFERENCES_MAX as u64;
        if let Some(address) = reference
            && (is_early || before.is_multiple_of(REFERENCE_EVERY))
        {
            let mut references = self.references();
            if !references.contains(&address) {
                references.truncate(REFERENCES_MAX - 1);
                references.push_front(address);
            }
        }
    }

    /// The outages that have ended so far, for a fetch that begins now.
    pub(crate) fn since(&self) -> Since {
        Since {
            hosts: self.host_judge.outages(),
            names: self.name_judge.outages(),
        }
    }

    /// Decides on a failure of `host`, whose fetch began at `since`. Returns false if the failure is
    /// the host's own, usually as soon as any other host answers. Returns true after an outage has
    /// ended: the row has to be tried again.
    pub(crate) async fn outlasts(&self, failure: Failure, host: &Host, since: Since) -> bool {
        let Some(part) = Part::of(failure).filter(|_| !self.wait_max.is_zero()) else {
            return false;
        };
        // If no host ever answered, all of them may be dead; only a missing route is this machine's.
        let can_judge = part == Part::Names
            || failure == Failure::NetworkUnreachable
            || !self.references().is_empty();
        if !can_judge {
            return false;
        }
        // The network was down during a part of the row's time.
        let seen = match part {
            Part::Hosts => since.hosts,
            Part::Names => since.names,
        };
        if self.judge(part).outages() != seen {
            return true;
        }
        let suspect = self.hasher.hash_one(host);
        let answers = self.answers(part);
        let ticket = self.judge(part).suspect(answers, suspect, Instant::now());
        let mut pause = LOOK_FIRST;
        loop {
            if self.given_up.load(Ordering::Relaxed) {
                return false;
            }
            let reference = match part {
                Part::Names => Reference::Unproven,
                Part::Hosts if self.references().is_empty() => Reference::Nobody,
                Part::Hosts => Reference::Proven,
            };
            let answers = self.answers(part);
            match self
                .judge(part)
                .verdict(answers, ticket, reference, Instant::now())
            {
                Verdict::Record => return false,
                Verdict::Retry => return true,
                Verdict::Probe => {
                    let reachable = match part {
                        Part::Hosts => self.reference_answers().await,
                        Part::Names => self.name_server_answers().await,
                    };
                    self.judge(part).probed(reachable, Instant::now());
                }
                Verdict::Wait => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LOOK_EVERY);
                }
            }
        }
    }

    /// Waits until the network is up.
    pub(crate) async fn wait_until_up(&self) {
        while self.is_down() {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether the network is down.
    pub(crate) fn is_down(&self) -> bool {
        self.host_judge.is_down() || self.name_judge.is_down()
    }

    /// Which part of the network is down, and since when.
    fn down(&self) -> Option<(Part, Instant)> {
        let since = |part| Some((part, self.judge(part).down_since()?));
        since(Part::Hosts).or_else(|| since(Part::Names))
    }

    async fn reference_answers(&self) -> bool {
        let addresses: Vec<SocketAddr> = self.references().iter().copied().collect();
        let mut asked: FuturesUnordered<_> = addresses
            .into_iter()
            .map(|address| timeout(REFERENCE_TIMEOUT, connect(address)))
            .collect();
        while let Some(answer) = asked.next().await {
            if let Ok(Ok(_) | Err(ConnectError::Remote(Failure::ConnectionRefused))) = answer {
                self.host_answered(None);
                return true;
            }
        }
        false
    }

    /// Whether any name server answers. Looks up a new name under a top-level domain that does not
    /// exist: no cache has it, so the root or the forwarder has to answer. Zones with dead servers are
    /// not involved.
    async fn name_server_answers(&self) -> bool {
        let before = self.answers(Part::Names);
        let nonce = self.hasher.hash_one(Instant::now());
        let name = format!("turbo2ds.{PROBE_LABEL}{nonce:016x}");
        // Its answer is counted like any other.
        (self.look_up)(name.into());
        let end = Instant::now() + REFERENCE_TIMEOUT;
        while self.answers(Part::Names) == before {
            if Instant::now() > end {
                return false;
            }
            sleep(LOOK_FIRST).await;
        }
        true
    }

    fn answers(&self, part: Part) -> u64 {
        match part {
            Part::Hosts => self.host_answers.load(Ordering::Relaxed),
            Part::Names => self.name_answers.answers(),
        }
    }

    const fn judge(&self, part: Part) -> &Judge {
        match part {
            Part::Hosts => &self.host_judge,
            Part::Names => &self.name_judge,
        }
    }

    fn references(&self) -> MutexGuard<'_, VecDeque<SocketAddr>> {
        // The list is consistent after every statement.
        self.references
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_few_and_of_different_hosts() {
        let outage = Outage::new(Duration::from_secs(1), Arc::default(), drop);
        for answer in 0..2000u64 {
            let last = u8::try_from(answer / 3 % 100).expect("a byte");
            outage.host_answered(Some(SocketAddr::from(([192, 0, 2, last], 80))));
        }
        let references: Vec<SocketAddr> = outage.references().iter().copied().collect();
        assert_eq!(references.len(), REFERENCES_MAX);
        for (at, one) in references.iter().enumerate() {
            assert!(!references[at + 1..].contains(one), "{one} is there twice");
        }
    }

    #[test]
    fn failures_with_an_answer_are_no_sign_of_an_outage() {
        assert_eq!(Part::of(Failure::TimedOut), Some(Part::Hosts));
        assert_eq!(Part::of(Failure::DnsTimedOut), Some(Part::Names));
        for answered in [
            Failure::HttpStatus(503),
            Failure::ConnectionRefused,
            Failure::ConnectionReset,
            Failure::DnsNotFound,
            Failure::TlsHandshake,
        ] {
            assert_eq!(Part::of(answered), None);
        }
    }
}
