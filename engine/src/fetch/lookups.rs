//! Owns a core's side of name resolution: its cache, the lookups in flight and the tasks that wait for
//! them. Names that failed while no name server could be reached are looked up again afterwards. Never
//! resolves a name itself: the service thread does, and answers through the core's mailbox.

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

/// Names in the cache of one core: the hosts of its open shards. The resolver's shared cache is larger.
const CACHE_NAMES_MAX: usize = 16_384;
/// Longest valid name as text (RFC 1035, 2.3.4): a longer one is neither looked up nor cached.
const NAME_CHARS_MAX: usize = 253;
type Found = Result<Arc<[IpAddr]>, DnsError>;

/// A lookup in flight.
struct Pending {
    /// Outages of the name servers that had ended when it began.
    outages: u64,
    waiters: Vec<oneshot::Sender<Found>>,
}

/// The resolver's answer, on its way through the mailbox.
pub(crate) struct NameAnswer {
    name: Arc<str>,
    result: Result<Answer, DnsError>,
}

/// What a core's [`Lookups`] are made of.
#[derive(Clone)]
pub(crate) struct LookupsParts {
    /// Names with a fixed address.
    pub fixed: Arc<FixedNames>,
    /// The name service.
    pub service: Handle,
    /// Most lookups in flight ahead of their URLs. Does not limit the lookups of fetches.
    pub look_ahead_max: usize,
    /// Longest time an answer is cached.
    pub ttl_max: Duration,
}

/// Resolves host names for one core.
pub(crate) struct Lookups {
    fixed: Arc<FixedNames>,
    cache: RefCell<Cache>,
    waiting: RefCell<HashMap<Arc<str>, Pending>>,
    outage: Arc<Outage>,
    /// The number of outages when the cache was last cleared of failures.
    outages_seen: Cell<u64>,
    service: Handle,
    stats: Arc<Stats>,
    look_ahead_max: usize,
    outbox: Arc<dyn Fn(NameAnswer) + Send + Sync>,
}

impl Lookups {
    /// A cache in front of the service. Answers arrive as messages through `outbox`.
    pub(crate) fn new<M: From<NameAnswer> + Send + 'static>(
        parts: LookupsParts,
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

    /// Whether another name may be looked up ahead.
    pub(crate) fn may_look_ahead(&self) -> bool {
        self.waiting.borrow().len() < self.look_ahead_max
    }

    /// Starts looking up a name before its URL is due.
    pub(crate) fn look_ahead(&self, name: &Arc<str>) {
        if !self.may_look_ahead() || self.known(name).is_some() {
            return;
        }
        let is_new = !self.waiting.borrow().contains_key(name);
        if is_new {
            self.ask(name.clone(), Vec::new());
        }
    }

    /// Stores an answer and wakes the tasks that wait for it.
    pub(crate) fn answered(&self, answer: NameAnswer) {
        let now = Instant::now();
        let NameAnswer { name, result } = answer;
        let Some(Pending { outages, waiters }) = self.waiting.borrow_mut().remove(&name) else {
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
            // A fetch whose deadline passed no longer receives it.
            let _ = waiter.send(found.clone());
        }
    }

    /// The answer, if no lookup is needed.
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

    /// Outages of the name servers that have ended.
    fn outages(&self) -> u64 {
        self.outage.since().names
    }

    /// Starts a lookup on behalf of `waiters`.
    fn ask(&self, name: Arc<str>, waiters: Vec<oneshot::Sender<Found>>) {
        let outages = self.outages();
        let look_up = Pending { outages, waiters };
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
