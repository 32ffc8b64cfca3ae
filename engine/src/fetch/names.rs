//! Owns a core's side of name resolution: its cache, the look-ups in flight and who waits for them.
//! What failed while no name server could be reached is asked again once they are back.
//! Never resolves: the service thread does, and answers through the core's mailbox.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use turbo2ds_dns::{Answer, Cache, DnsError, FixedNames, Handle, Stats};

use crate::failure::Failure;
use crate::machine::sync::Outbox;
use crate::net::outage::Outage;

/// Names one core remembers: those of its open shards' hosts. The resolver remembers more for all.
const CACHE_NAMES_MAX: usize = 16_384;
/// Longest name there can be, as text (RFC 1035, 2.3.4): a longer one is neither asked nor remembered.
const NAME_CHARS_MAX: usize = 253;
type Found = Result<Arc<[IpAddr]>, DnsError>;

/// A look-up in flight.
struct LookUp {
    /// Outages of the name servers that were over when it was asked.
    outages: u64,
    waiters: Vec<oneshot::Sender<Found>>,
}

/// The resolver's answer, on its way through the mailbox.
pub(crate) struct NameAnswer {
    name: Arc<str>,
    result: Result<Answer, DnsError>,
}

/// What a core's names are made of.
#[derive(Clone)]
pub(crate) struct NamesParts {
    /// Names with a fixed address.
    pub fixed: Arc<FixedNames>,
    /// The name service.
    pub service: Handle,
    /// Look-ups that may be in flight ahead of their URLs; what a fetch itself asks for always goes out.
    pub look_ahead_max: usize,
    /// Longest time an answer is believed.
    pub ttl_max: Duration,
}

/// A core's names.
pub(crate) struct Names {
    fixed: Arc<FixedNames>,
    cache: RefCell<Cache>,
    waiting: RefCell<HashMap<Arc<str>, LookUp>>,
    outage: Arc<Outage>,
    /// Outages after which the cache was last cleared of failures.
    outages_seen: Cell<u64>,
    service: Handle,
    stats: Arc<Stats>,
    look_ahead_max: usize,
    outbox: Arc<dyn Fn(NameAnswer) + Send + Sync>,
}

impl Names {
    /// A cache in front of the service; answers come back as messages of `outbox`.
    pub(crate) fn new<M: From<NameAnswer> + Send + 'static>(
        parts: NamesParts,
        outage: Arc<Outage>,
        outbox: Outbox<M>,
    ) -> Self {
        let outbox: Arc<dyn Fn(NameAnswer) + Send + Sync> =
            Arc::new(move |answer| outbox.send(M::from(answer)));
        let cache = Cache::with_ttl_max(CACHE_NAMES_MAX, parts.ttl_max);
        Self {
            fixed: parts.fixed,
            cache: RefCell::new(cache),
            waiting: RefCell::new(HashMap::new()),
            outages_seen: Cell::new(outage.since().names),
            outage,
            stats: parts.service.stats(),
            service: parts.service,
            look_ahead_max: parts.look_ahead_max,
            outbox,
        }
    }

    /// The addresses of `name`, from the cache or the service.
    ///
    /// # Errors
    /// The DNS failures.
    pub(crate) async fn resolve(&self, name: &Arc<str>) -> Result<Arc<[IpAddr]>, Failure> {
        let known = self.known(name);
        self.stats.wanted(known.is_some());
        if let Some(found) = known {
            return found.map_err(failure_of);
        }
        let (sender, receiver) = oneshot::channel();
        let asked = match self.waiting.borrow_mut().get_mut(name) {
            Some(look_up) => {
                look_up.waiters.push(sender);
                None
            }
            None => Some(sender),
        };
        if let Some(sender) = asked {
            self.ask(name.clone(), vec![sender]);
        }
        receiver
            .await
            .unwrap_or(Err(DnsError::Failure))
            .map_err(failure_of)
    }

    /// Whether a further name may be asked ahead.
    pub(crate) fn may_look_ahead(&self) -> bool {
        self.waiting.borrow().len() < self.look_ahead_max
    }

    /// Asks for a name before its URL is due.
    pub(crate) fn look_ahead(&self, name: &Arc<str>) {
        if !self.may_look_ahead() || self.known(name).is_some() {
            return;
        }
        let is_new = !self.waiting.borrow().contains_key(name);
        if is_new {
            self.ask(name.clone(), Vec::new());
        }
    }

    /// Takes an answer in and tells who waits.
    pub(crate) fn answered(&self, answer: NameAnswer) {
        let now = Instant::now();
        let NameAnswer { name, result } = answer;
        let Some(LookUp { outages, waiters }) = self.waiting.borrow_mut().remove(&name) else {
            return;
        };
        let has_failed = matches!(result, Err(DnsError::Failure | DnsError::TimedOut));
        if has_failed && outages != self.outages() {
            if !waiters.is_empty() {
                self.ask(name, waiters);
            }
            return;
        }
        let found = result
            .as_ref()
            .map(|answer| answer.addrs.clone())
            .map_err(|error| *error);
        self.cache.borrow_mut().insert(&name, result, now);
        for waiter in waiters {
            // A fetch whose deadline passed has gone.
            let _ = waiter.send(found.clone());
        }
    }

    /// What is known without asking.
    fn known(&self, name: &str) -> Option<Found> {
        if name.len() > NAME_CHARS_MAX {
            return Some(Err(DnsError::NotFound));
        }
        if let Some(addresses) = self.fixed.get(name) {
            return Some(Ok(addresses));
        }
        let (mut cache, now) = (self.cache.borrow_mut(), Instant::now());
        let outages = self.outages();
        if self.outages_seen.replace(outages) != outages {
            cache.forget_failures(now);
        }
        cache.get(name, now)
    }

    /// Outages of the name servers that are over.
    fn outages(&self) -> u64 {
        self.outage.since().names
    }

    /// Asks the service, for those who wait for the answer.
    fn ask(&self, name: Arc<str>, waiters: Vec<oneshot::Sender<Found>>) {
        let outages = self.outages();
        let look_up = LookUp { outages, waiters };
        self.waiting.borrow_mut().insert(name.clone(), look_up);
        let outbox = self.outbox.clone();
        let echo = name.clone();
        let reply = Box::new(move |result| outbox(NameAnswer { name: echo, result }));
        self.service.request(name, reply);
    }
}

fn failure_of(error: DnsError) -> Failure {
    match error {
        DnsError::NotFound => Failure::DnsNotFound,
        DnsError::Failure => Failure::DnsFailure,
        DnsError::TimedOut => Failure::DnsTimedOut,
    }
}
