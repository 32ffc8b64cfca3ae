//! Owns the settings of the resolver, their defaults, and the fixed bounds on one lookup.
//! Never parses an option: the caller does.

use std::net::IpAddr;
use std::time::Duration;

use crate::recursive::hints::{is_public, root_servers};
use crate::recursive::record_cache::TtlBounds;
use crate::recursive::servers::ServerLimits;

/// The port of DNS (RFC 1035, 4.2).
const DNS_PORT: u16 = 53;

/// Time limit of a question, from its start.
const NAME_TIME: Duration = Duration::from_millis(4500);
/// The same when forwarding to recursive servers, which may need as long themselves.
const FORWARDED_NAME_TIME: Duration = Duration::from_secs(8);
/// Time limit of the lookup of a name server's address.
pub(super) const NS_TIME: Duration = Duration::from_secs(3);
/// Time after which a question is answered with a stale answer, if there is one (RFC 8767, section 5).
pub(super) const STALE_AFTER: Duration = Duration::from_millis(1800);
/// By how much waits for our own limits may extend the deadline of a task, in total.
pub(super) const PUT_OFF_MAX: Duration = Duration::from_secs(15);
/// How long to wait for AAAA after the A answer has arrived (as RFC 8305, section 3).
pub(super) const AAAA_GRACE: Duration = Duration::from_millis(100);
/// Most queries for one question, including lookups of name servers and aliases.
pub(super) const QUERIES_PER_NAME_MAX: u16 = 40;
/// Of these, queries for the lookup of one name server; what it does not use is returned.
pub(super) const QUERIES_PER_NS_MAX: u16 = 14;
/// Most name servers looked up by name for one zone (bounds what a malicious zone can cause).
pub(super) const NS_LOOKUPS_MAX: u8 = 5;
/// Of these, at the same time.
pub(super) const NS_LOOKUPS_AT_ONCE: u8 = 2;
/// Nesting depth of lookups of name servers.
pub(super) const DEPTH_MAX: u8 = 4;
/// Most aliases followed from one name, not counting those within one answer.
pub(super) const ALIASES_MAX: u8 = 10;
/// Most tries of one server for one zone.
pub(super) const TRIES_MAX: u8 = 6;
/// Most servers considered for one zone.
pub(super) const CANDIDATES_MAX: usize = 26;

/// The settings of the resolver.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether to query AAAA records, and ask servers over IPv6; for machines with an IPv6 route.
    pub ipv6: bool,
    /// The port of all servers; 53 outside tests.
    pub port: u16,
    /// The root servers or, with `forward`, the recursive servers.
    pub roots: Vec<IpAddr>,
    /// Whether `roots` are recursive servers. No referral is followed then, and no other server asked.
    pub forward: bool,
    /// Time limit of a question, from its start.
    pub name_time: Duration,
    /// Whether servers at private and loopback addresses may be asked; never outside tests.
    pub private_servers: bool,
    /// UDP sockets, each on a random port. More of them make forging answers harder.
    pub sockets: u16,
    /// Active questions. Further ones wait, and their time limit starts when they do.
    pub names_active_max: usize,
    /// Open queries, including those past their timeout.
    pub queries_outstanding_max: usize,
    /// Limits on the queries to one server.
    pub server: ServerLimits,
    /// Memory bound of the cache in bytes.
    pub cache_bytes_max: usize,
    /// Bounds on the TTL of answers.
    pub ttl: TtlBounds,
    /// Whether to record every step for [`Machine::take_steps`](super::Machine::take_steps).
    pub trace: bool,
}

impl Settings {
    /// Settings to ask recursive servers instead of authoritative ones. They are the machine's own, so
    /// they may have any address and get any number of queries.
    pub fn forwarding(servers: Vec<IpAddr>, port: u16) -> Self {
        Self {
            port,
            roots: servers,
            forward: true,
            name_time: FORWARDED_NAME_TIME,
            private_servers: true,
            server: ServerLimits {
                outstanding_max: 4096,
                rate_per_s: 100_000.0,
                burst: 10_000.0,
            },
            ..Self::default()
        }
    }

    /// Whether a server may be asked at `addr`.
    pub(super) fn may_ask(&self, addr: IpAddr) -> bool {
        (self.ipv6 || addr.is_ipv4()) && (self.private_servers || is_public(addr))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ipv6: false,
            port: DNS_PORT,
            roots: root_servers(false),
            forward: false,
            name_time: NAME_TIME,
            private_servers: false,
            sockets: 64,
            names_active_max: 2048,
            queries_outstanding_max: 16_384,
            server: ServerLimits {
                outstanding_max: 256,
                rate_per_s: 2000.0,
                burst: 500.0,
            },
            cache_bytes_max: 256 << 20,
            ttl: TtlBounds {
                min: Duration::from_secs(60),
                max: Duration::from_secs(86_400),
            },
            trace: false,
        }
    }
}
