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
