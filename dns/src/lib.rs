//! Names to addresses, on one thread, for every core of the process.
//!
//! Owns: asking (the [`Forwarder`] asks the machine's name servers, [`recursive`] the authorities
//! themselves), sharing one question among all who wait for it ([`Service`]), and remembering answers
//! ([`Cache`], one per core; the recursive resolver's own; [`FixedNames`]).
//! Never: reads a clock (`now` is an argument, or the caller's clock is; the forwarder only arms
//! timers), judges an address it hands out (the caller filters), sees an IP literal, or hands on bytes
//! a server sent other than addresses.
//!
//! Names are compared in one spelling: ASCII lower case, no final dot. Any spelling may be given.
//! Standards: RFC 1034/1035 (names, messages), RFC 2308 (negative answers), resolv.conf(5), hosts(5).

#![forbid(unsafe_code)]

mod cache;
mod fixed;
mod forwarder;
mod name;
pub mod recursive;
#[cfg(test)]
mod responder;
mod service;
mod stats;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use cache::Cache;
pub use fixed::FixedNames;
use forwarder::merged;
pub use forwarder::{Forwarder, ForwarderError, Server, ServerWay, system_servers};
pub use service::{Handle, Reply, Service};
pub use stats::{Stats, StatsSnapshot};

/// Why a name gave no address. The set is closed and holds nothing of the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DnsError {
    /// The name does not exist (NXDOMAIN), has no address (NODATA), or cannot be a name at all.
    #[error("dns not found")]
    NotFound,
    /// Every server asked refused, failed or could not be reached; also what a closing
    /// [`Service`] answers.
    #[error("dns failure")]
    Failure,
    /// No server answered in time.
    #[error("dns timed out")]
    TimedOut,
}

/// The addresses of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In the order to try them, IPv4 first; never empty.
    pub addrs: Arc<[IpAddr]>,
    /// How long the answer may be used, the least of its records.
    pub ttl: Duration,
}

/// One way to find the addresses of a name.
///
/// A resolver moves to the thread of its [`Service`] and stays there, so its futures need not be
/// `Send`. Each future must end by itself: the service sets no deadline.
pub trait Resolve: Send + 'static {
    /// Finds the addresses of `name`, which is lower case, without a final dot, and no IP literal.
    fn resolve(&self, name: &str) -> impl Future<Output = Result<Answer, DnsError>>;
}
