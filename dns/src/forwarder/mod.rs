//! Owns asking the recursive name servers the machine is configured with, over hickory-resolver.
//! Never recurses itself, never uses search domains (every name is absolute), and never reads a
//! clock: it arms timers, and hickory keeps its own time for the answers it shares between cores.
//!
//! Each server is a hickory resolver of its own. In one pool, hickory 0.26.3 returns the first
//! REFUSED or SERVFAIL it meets without trying another server, and without holding it against the
//! one that sent it; which server comes next is therefore decided here.

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

/// Servers asked for one name and type, or, where there are fewer, tries of silent ones.
const ATTEMPTS_MAX: usize = 3;
/// How long IPv6 addresses are waited for once IPv4's are there (the idea of RFC 8305, section 3).
const AAAA_GRACE: Duration = Duration::from_millis(100);
/// Pause after a question could not be sent: no file descriptor, port, memory or route.
const LOCAL_PAUSE: Duration = Duration::from_millis(50);

/// The time one name may take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// One server's answer to one query, retransmissions over UDP included.
    query: Duration,
    /// One name, all servers and types included.
    name: Duration,
}

const TIMES: Times = Times {
    query: Duration::from_millis(2500),
    name: Duration::from_secs(8),
};

const _: () = assert!(TIMES.query.as_millis() * ATTEMPTS_MAX as u128 <= TIMES.name.as_millis());

/// Resolves by forwarding: the hosts file first, then the name servers.
///
/// A (and AAAA, where asked for) are asked at the same time. A server that fails is followed by the
/// next; the one that answered last is asked first. One name ends within 8 s.
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
    /// A forwarder to `servers`, asked in this order; one name is asked of at most three. AAAA is
    /// asked only with `ipv6`: say so where the machine can reach IPv6. `tls` says whom to trust where
    /// servers are spoken to over TLS; it names no protocol above (ALPN), which differs with the way.
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

    /// What the hosts file says; a name found there in one family is not asked for in the other.
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

    /// Asks one server after the other, the preferred first. A failure is final once each server
    /// has failed; silence is tried up to [`ATTEMPTS_MAX`] times, since datagrams get lost. What
    /// keeps this side from sending is no attempt: it is waited out, under the time of the name.
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

/// `name` as an absolute wire name, or `None` where no such name can exist (RFC 1035, 2.3.4).
fn absolute(name: &str) -> Option<Name> {
    let labels = name.split('.').map(str::as_bytes);
    if labels.clone().any(<[u8]>::is_empty) {
        return None;
    }
    Name::from_labels(labels).ok()
}

/// Both families' answers. IPv4's never wait longer than [`AAAA_GRACE`] for IPv6's, which some
/// servers do not answer at all.
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
