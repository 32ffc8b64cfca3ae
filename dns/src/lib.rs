//! Resolves names to addresses, on one thread, for every core of the process.
//!
//! Owns: asking ([`Forwarder`] asks the machine's name servers, [`recursive`] the authoritative servers
//! themselves), sharing one query among all requests for a name ([`Service`]), and caching answers
//! ([`Cache`], one per core; the recursive resolver's own; [`FixedNames`]).
//! Never: reads a clock (`now` or the clock is an argument; the forwarder only arms timers), filters
//! the addresses it returns (the caller does), resolves an IP literal, or passes on anything a server
//! sent but addresses.
//!
//! Names are compared in ASCII lower case without a trailing dot; callers may spell them either way.
//! Standards: RFC 1034/1035 (names, messages), RFC 2308 (negative answers), resolv.conf(5), hosts(5).

#![forbid(unsafe_code)]
#![deny(unreachable_pub)]

mod answer;
mod cache;
mod fixed;
mod forwarder;
mod name;
pub mod recursive;
#[cfg(test)]
mod responder;
mod service;
mod stats;
mod waker;

pub use answer::{Answer, DnsError, Resolve};
pub use cache::Cache;
pub use fixed::FixedNames;
pub use forwarder::{Forwarder, ForwarderError, Server, ServerWay, system_servers};
pub use service::{Handle, Reply, Service};
pub use stats::{Stats, StatsSnapshot};
