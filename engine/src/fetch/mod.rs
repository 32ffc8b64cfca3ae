//! Owns fetching one URL: attempts, redirects, and one deadline for all of them. Never looks at pixels
//! and never writes a row.

mod body;
mod budget;
mod buffers;
mod deadline;
mod dial;
mod exchange;
mod lookups;
mod pauses;
mod stalls;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::config::FetchConfig;
use crate::failure::Failure;
use crate::http::{Backoff, Proxies, RedirectChain, RetryAfter, Target};
use crate::limits;
use crate::machine::sync::Semaphore;
use crate::net::address::AddressPolicy;
use crate::net::outage::Outage;
use crate::net::{Pool, TlsContext};

use budget::BodyBudget;
use exchange::Outcome;

pub(crate) use budget::Share;
pub(crate) use buffers::Buffers;
pub(crate) use deadline::Deadline;
pub(crate) use lookups::{Lookups, LookupsParts, NameAnswer};
pub(crate) use pauses::Pauses;
use pauses::{Admission, Turn};
pub(crate) use stalls::{Stalls, TICK};

/// Fetches URLs on one core. Lives on the reactor's thread.
pub(crate) struct Fetcher {
    config: Arc<FetchConfig>,
    tls: TlsContext,
    proxies: Arc<Proxies>,
    policy: AddressPolicy,
    /// The core's name cache and its handle to the resolver.
    pub names: Rc<Lookups>,
    outage: Arc<Outage>,
    pauses: Arc<Pauses>,
    pool: RefCell<Pool>,
    /// Body buffers between uses.
    pub buffers: RefCell<Buffers>,
    /// Body bytes that may be in memory.
    budget: BodyBudget,
    /// Permits for bodies that exceed the budget after decoding.
    large_bodies: Semaphore,
    /// Time during which the core did not run.
    pub stalls: Rc<Stalls>,
    random: Cell<u64>,
    /// How often this machine was short of descriptors, ports or memory.
    pub shortages: Cell<u64>,
    /// Whether a warning about names that only the proxy can resolve was logged.
    unresolved_warned: Cell<bool>,
}

/// A complete body and its share of the byte budget.
pub(crate) struct Body {
    /// The bytes, content coding removed.
    pub bytes: Vec<u8>,
    /// The budget, held until the bytes are gone.
    pub share: Share,
}

/// The failure of one attempt, with what the server said about the next one.
struct AttemptFailure {
    failure: Failure,
    retry_after: Option<RetryAfter>,
    /// The target whose host asked for a pause.
    paused: Option<Target>,
}

impl From<Failure> for AttemptFailure {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            retry_after: None,
            paused: None,
        }
    }
}

/// What a [`Fetcher`] is made of.
pub(crate) struct FetcherParts {
    /// The run's fetch options.
    pub config: Arc<FetchConfig>,
    /// The process-wide TLS configuration.
    pub tls: TlsContext,
    /// Proxies from the environment.
    pub proxies: Arc<Proxies>,
    /// Name cache of the core.
    pub names: Rc<Lookups>,
    /// Outage detection, which learns of every host that answers.
    pub outage: Arc<Outage>,
    /// Pauses that hosts asked for, shared by all cores.
    pub pauses: Arc<Pauses>,
    /// Idle connections kept.
    pub idle_connections_max: usize,
    /// Body bytes in memory.
    pub budget_bytes: usize,
    /// Seed of the backoff's jitter.
    pub seed: u64,
}

impl Fetcher {
    /// Puts the parts together.
    pub(crate) fn new(parts: FetcherParts) -> Self {
        let policy = AddressPolicy::new(parts.config.allow_net.clone());
        Self {
            policy,
            config: parts.config,
            tls: parts.tls,
            proxies: parts.proxies,
            names: parts.names,
            outage: parts.outage,
            pauses: parts.pauses,
            pool: RefCell::new(Pool::new(parts.idle_connections_max)),
            buffers: RefCell::new(Buffers::new(parts.budget_bytes / 4)),
            budget: BodyBudget::new(parts.budget_bytes),
            large_bodies: Semaphore::new(limits::LARGE_BODIES_PER_CORE),
            stalls: Rc::new(Stalls::new(Instant::now())),
            random: Cell::new(parts.seed | 1),
            shortages: Cell::new(0),
            unresolved_warned: Cell::new(false),
        }
    }

    /// Fetches one URL within the run's total deadline.
    ///
    /// # Errors
    /// The row's failure.
    pub(crate) async fn fetch(&self, target: &Target) -> Result<Body, Failure> {
        let deadline = Deadline::after(self.config.timeout, self.stalls.clone());
        let attempts = deadline.bound(self.attempts(target, &deadline));
        attempts.await.unwrap_or_else(|| Err(deadline.failure()))
    }

    /// Closes connections that were idle for too long.
    pub(crate) fn expire_idle(&self) {
        self.pool.borrow_mut().expire(Instant::now());
    }

    async fn attempts(&self, target: &Target, deadline: &Deadline) -> Result<Body, Failure> {
        let mut attempt = 0;
        let mut turn = None;
        loop {
            let failed = match self.follow(target, &mut turn, deadline).await {
                Ok(body) => return Ok(body),
                Err(failed) => failed,
            };
            if attempt >= self.config.retries || !failed.failure.may_change() {
                return Err(failed.failure);
            }
            match &failed.paused {
                Some(host) => self.wait_for_host(host, &mut turn, deadline).await?,
                None => {
                    let wait = self.pause_before(attempt, &failed, deadline)?;
                    monoio::time::sleep(wait).await;
                }
            }
            attempt += 1;
        }
    }

    /// How long to wait before the next attempt, or the failure to record.
    fn pause_before(
        &self,
        attempt: u32,
        failed: &AttemptFailure,
        deadline: &Deadline,
    ) -> Result<Duration, Failure> {
        let asked_to_wait = failed.retry_after.is_some();
        Backoff::default()
            .next(
                attempt,
                failed.retry_after,
                SystemTime::now(),
                self.next_random(),
                deadline.remaining(),
            )
            .ok_or(match failed.failure {
                Failure::HttpStatus(429 | 503) if asked_to_wait => Failure::HostRateLimited,
                other => other,
            })
    }

    /// One attempt: the request and its redirects.
    async fn follow(
        &self,
        target: &Target,
        turn: &mut Option<Turn>,
        deadline: &Deadline,
    ) -> Result<Body, AttemptFailure> {
        let mut chain = RedirectChain::new(target);
        loop {
            self.wait_for_host(chain.target(), turn, deadline).await?;
            match self.exchange(&chain, deadline).await {
                Ok(Outcome::Body(body)) => return Ok(body),
                Ok(Outcome::Redirect(head)) => {
                    chain.follow(&head, self.config.redirects_max, SystemTime::now())?;
                }
                Err(failed) => {
                    return Err(AttemptFailure {
                        paused: self.record_pause(chain.target(), &failed),
                        ..failed
                    });
                }
            }
        }
    }

    /// If the host of `target` asked for a pause, waits until it is the row's turn.
    async fn wait_for_host(
        &self,
        target: &Target,
        turn: &mut Option<Turn>,
        deadline: &Deadline,
    ) -> Result<(), Failure> {
        let limited = Failure::HostRateLimited;
        while !self.pauses.is_empty() {
            let now = Instant::now();
            match self.pauses.admit(target, turn.as_ref(), now, deadline.at()) {
                Admission::Now => return Ok(()),
                Admission::Denied => return Err(limited),
                Admission::TooLate => deadline.waiting_for(limited, std::future::pending()).await,
                Admission::At(at, own) => {
                    let sleep = monoio::time::sleep(at.saturating_duration_since(now));
                    deadline.waiting_for(limited, sleep).await;
                    *turn = Some(own);
                }
            }
        }
        Ok(())
    }

    /// Records for all rows that the host of `target` asked for a pause, if rows may wait.
    fn record_pause(&self, target: &Target, failed: &AttemptFailure) -> Option<Target> {
        let is_limited = matches!(failed.failure, Failure::HttpStatus(429 | 503));
        let retry_after = failed
            .retry_after
            .filter(|_| is_limited && self.config.retries > 0)?;
        let pause = retry_after.wait(SystemTime::now());
        if pause.is_zero() {
            return None;
        }
        self.pauses.record(target, pause, Instant::now());
        Some(target.clone())
    }

    /// xorshift64*, which is good enough for jitter.
    fn next_random(&self) -> u64 {
        let mut x = self.random.get();
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.set(x);
        x.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
