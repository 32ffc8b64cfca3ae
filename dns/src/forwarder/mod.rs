//! Owns asking the machine's recursive name servers, over hickory-resolver.
//! Never recurses itself, never uses search domains (every name is absolute), and never reads a
//! clock: it arms timers, and hickory keeps time for the answers it caches for all cores.
//!
//! Each server has a hickory resolver of its own. In a pool, hickory 0.26.3 returns the first REFUSED or
//! SERVFAIL it gets without trying another server, and does not count it against the server that sent
//! it; the forwarder therefore chooses the next server itself.

mod config;
mod upstream;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use hickory_proto::rr::{Name, RecordType};
use hickory_resolver::Hosts;
use rustls::ClientConfig;
use tokio::time::{sleep, timeout};

use config::system_hosts;
pub use config::{ForwarderError, system_servers};
use upstream::{Refusal, Upstream, answer_of};
pub use upstream::{Server, ServerWay};

use crate::answer::{Answer, DnsError, Resolve, merged};

/// Most servers asked for one name and type; with fewer servers, tries of those that do not answer.
const ATTEMPTS_MAX: usize = 3;
/// How long to wait for AAAA after the A answer has arrived (as RFC 8305, section 3).
const AAAA_GRACE: Duration = Duration::from_millis(100);
/// Pause after a query could not be sent for lack of a descriptor, port, memory or route.
const LOCAL_PAUSE: Duration = Duration::from_millis(50);

/// Time limits of one lookup.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// For one server's answer to one query, including retransmissions over UDP.
    query: Duration,
    /// For one name, over all servers and types.
    name: Duration,
}

const TIMES: Times = Times {
    query: Duration::from_millis(2500),
    name: Duration::from_secs(8),
};

const _: () = assert!(TIMES.query.as_millis() * ATTEMPTS_MAX as u128 <= TIMES.name.as_millis());

/// Resolves by forwarding: the hosts file first, then the name servers.
///
/// A and, if enabled, AAAA are queried at the same time. If a server fails, the next is asked; the last
/// one that answered is asked first. A lookup ends within 8 s.
pub struct Forwarder {
    servers: Vec<Upstream>,
    /// The server to ask first.
    preferred: Cell<usize>,
    hosts: Hosts,
    ipv6: bool,
    times: Times,
}

impl Resolve for Forwarder {
    async fn resolve(&self, name: &str) -> Result<Answer, DnsError> {
        let name = absolute(name).ok_or(DnsError::NotFound)?;
        if let Some(answer) = self.in_hosts(&name) {
            return Ok(answer);
        }
        timeout(self.times.name, self.ask(&name))
            .await
            .unwrap_or(Err(DnsError::TimedOut))
    }
}

impl Forwarder {
    /// A forwarder to `servers`, asked in this order, at most three per name. AAAA is queried only with
    /// `ipv6`, which is for machines with an IPv6 route. `tls` has the trust anchors for servers asked
    /// over TLS; its ALPN protocols must be empty, since they differ between TLS and HTTPS.
    ///
    /// # Errors
    /// `servers` is empty.
    pub fn to_servers(
        servers: &[Server],
        ipv6: bool,
        tls: ClientConfig,
    ) -> Result<Self, ForwarderError> {
        Self::build(servers, tls, system_hosts(), ipv6, TIMES)
    }

    fn build(
        servers: &[Server],
        tls: ClientConfig,
        hosts: Hosts,
        ipv6: bool,
        times: Times,
    ) -> Result<Self, ForwarderError> {
        if servers.is_empty() {
            return Err(ForwarderError::NoServer);
        }
        let servers = servers
            .iter()
            .map(|server| Upstream::new(server, tls.clone(), times.query))
            .collect::<Result<_, _>>()
            .map_err(ForwarderError::Setup)?;
        Ok(Self {
            servers,
            preferred: Cell::new(0),
            hosts,
            ipv6,
            times,
        })
    }

    /// Looks `name` up in the hosts file. A name found there in one family is not queried in the other.
    fn in_hosts(&self, name: &Name) -> Option<Answer> {
        let find = |kind| {
            let query = hickory_proto::op::Query::query(name.clone(), kind);
            let lookup = self
                .hosts
                .lookup_static_host(&query)
                .ok_or(DnsError::NotFound)?;
            answer_of(&lookup, kind)
        };
        let v6 = if self.ipv6 {
            find(RecordType::AAAA)
        } else {
            Err(DnsError::NotFound)
        };
        merged(find(RecordType::A), v6).ok()
    }

    async fn ask(&self, name: &Name) -> Result<Answer, DnsError> {
        let v4 = self.ask_in_turn(name, RecordType::A);
        if !self.ipv6 {
            return v4.await;
        }
        both(v4, self.ask_in_turn(name, RecordType::AAAA)).await
    }

    /// Asks one server after the other, the preferred one first. A failure is final once every server
    /// has failed; a timeout is retried up to [`ATTEMPTS_MAX`] times, since datagrams get lost. A query
    /// that could not be sent is not an attempt: it is retried after a pause, within the name's time.
    async fn ask_in_turn(&self, name: &Name, kind: RecordType) -> Result<Answer, DnsError> {
        let mut at = self.preferred.get();
        let mut attempts = 0;
        loop {
            match self.servers[at].ask(name, kind).await {
                Ok(answer) => {
                    self.preferred.set(at);
                    return Ok(answer);
                }
                Err(Refusal::Final(DnsError::NotFound)) => {
                    self.preferred.set(at);
                    return Err(DnsError::NotFound);
                }
                Err(Refusal::Final(error)) => {
                    attempts += 1;
                    let all_failed = attempts >= self.servers.len() && error == DnsError::Failure;
                    if all_failed || attempts == ATTEMPTS_MAX {
                        return Err(error);
                    }
                }
                Err(Refusal::Local) => sleep(LOCAL_PAUSE).await,
            }
            at = (at + 1) % self.servers.len();
        }
    }
}

/// `name` as an absolute wire name; `None` if it is not a valid name (RFC 1035, 2.3.4).
fn absolute(name: &str) -> Option<Name> {
    let labels = name.split('.').map(str::as_bytes);
    if labels.clone().any(<[u8]>::is_empty) {
        return None;
    }
    Name::from_labels(labels).ok()
}

/// Waits for both families. An A answer waits at most [`AAAA_GRACE`] for AAAA, which some servers never
/// answer.
async fn both(
    v4: impl Future<Output = Result<Answer, DnsError>>,
    v6: impl Future<Output = Result<Answer, DnsError>>,
) -> Result<Answer, DnsError> {
    let (mut v4, mut v6) = (pin!(v4), pin!(v6));
    tokio::select! {
        biased;
        found = &mut v4 => {
            let other = match found {
                Ok(_) => timeout(AAAA_GRACE, v6).await.unwrap_or(Err(DnsError::TimedOut)),
                Err(_) => v6.await,
            };
            merged(found, other)
        }
        found = &mut v6 => merged(v4.await, found),
    }
}

#[cfg(test)]
mod tests;
