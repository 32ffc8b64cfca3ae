//! Owns the judgement whether failures are the hosts' or this machine's own line: when one host after
//! the other fails below HTTP and nobody answers meanwhile, it asks hosts that answered before, and
//! where those are silent too the network is down, so that rows wait instead of being recorded as
//! failed. Names are judged apart from connections: a resolver can fail alone, and zones whose servers
//! are dead are no outage as long as any server answers for another name. Never fetches a row and never
//! sends a byte to a host: a reference is connected to and let go.

mod judge;
mod watch;

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
use judge::{Judge, Look, Reference};

pub(crate) use watch::OutageWatch;

/// Time before the first look of a row that waits; it doubles. Mostly another host answers at once.
const LOOK_FIRST: Duration = Duration::from_millis(10);
/// Time between two later looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Hosts remembered to ask whether anything answers at all.
const REFERENCES_MAX: usize = 8;
/// Of the answers, one in so many is remembered: the references are of different moments.
const REFERENCE_EVERY: u64 = 64;
/// How long a reference may take to answer.
const REFERENCE_TIMEOUT: Duration = Duration::from_secs(3);
/// What a top-level domain begins with that is asked for to hear that there is none.
const PROBE_LABEL: &str = "t2ds-";

/// What can be out of reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Hosts: connections time out, or there is no route.
    Hosts,
    /// Names: no server answers for them.
    Names,
}

impl Part {
    /// The part a failure speaks of; none where something answered or nothing was asked.
    const fn of(failure: Failure) -> Option<Self> {
        match failure {
            Failure::TimedOut | Failure::NetworkUnreachable => Some(Self::Hosts),
            Failure::DnsFailure | Failure::DnsTimedOut => Some(Self::Names),
            _ => None,
        }
    }
}

/// The outages that were over when something began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    /// Those of hosts.
    pub hosts: u64,
    /// Those of name servers.
    pub names: u64,
}

/// The judgement all cores share.
pub(crate) struct Outage {
    /// The longest a run waits; zero turns the judgement off.
    wait_max: Duration,
    host_judge: Judge,
    name_judge: Judge,
    host_answers: AtomicU64,
    /// Counts the names that a server answered.
    name_answers: Arc<Stats>,
    /// Has the resolver look a name up.
    look_up: Box<dyn Fn(Arc<str>) + Send + Sync>,
    references: Mutex<VecDeque<SocketAddr>>,
    hasher: RandomState,
    given_up: AtomicBool,
}

impl Outage {
    /// A judgement that waits at most `wait_max` for the network; `name_answers` counts the resolver's
    /// answers, and `look_up` has it look up a name.
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

    /// Ends every wait: the run is over before its end.
    pub(crate) fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// A host answered, if only with a refusal; `reference` where it took a connection.
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

    /// Where a fetch that begins now stands among the outages.
    pub(crate) fn since(&self) -> Since {
        Since {
            hosts: self.host_judge.outages(),
            names: self.name_judge.outages(),
        }
    }

    /// Judges a failure of `host`, of which the fetch began at `since`. False, mostly with the next
    /// answer of any other: it is the host's. True, after the network has come back: the row is to be
    /// tried again.
    pub(crate) async fn outlasts(&self, failure: Failure, host: &Host, since: Since) -> bool {
        let Some(part) = Part::of(failure).filter(|_| !self.wait_max.is_zero()) else {
            return false;
        };
        // Hosts of which none ever answered may all be dead; only without a route it is us.
        let can_judge = part == Part::Names
            || failure == Failure::NetworkUnreachable
            || !self.references().is_empty();
        if !can_judge {
            return false;
        }
        // The network was away, and came back before the row's time was over: it had less than its time.
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
                .look(answers, ticket, reference, Instant::now())
            {
                Look::Stands => return false,
                Look::TryAgain => return true,
                Look::Ask => {
                    let reachable = match part {
                        Part::Hosts => self.a_reference_answers().await,
                        Part::Names => self.a_name_server_answers().await,
                    };
                    self.judge(part).asked(reachable, Instant::now());
                }
                Look::Wait => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LOOK_EVERY);
                }
            }
        }
    }

    /// Waits while the network is down.
    pub(crate) async fn over(&self) {
        while self.is_down() {
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether rows wait for the network.
    pub(crate) fn is_down(&self) -> bool {
        self.host_judge.is_down() || self.name_judge.is_down()
    }

    /// What is out of reach, and since when.
    fn down(&self) -> Option<(Part, Instant)> {
        let since = |part| Some((part, self.judge(part).down_since()?));
        since(Part::Hosts).or_else(|| since(Part::Names))
    }

    async fn a_reference_answers(&self) -> bool {
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

    /// Whether any name server answers: one that nobody has asked for is looked up, below a top-level
    /// domain that there is not, so that no cache knows it and the root, or whoever resolves for us, has
    /// to say so. The zones whose servers are dead have no part in it.
    async fn a_name_server_answers(&self) -> bool {
        let before = self.answers(Part::Names);
        let nonce = self.hasher.hash_one(Instant::now());
        let name = format!("turbo2ds.{PROBE_LABEL}{nonce:016x}");
        // Its answer is counted as any other's.
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
        // A list of addresses is whole between any two of its steps.
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
    fn failures_that_somebody_answered_with_are_of_no_part() {
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
