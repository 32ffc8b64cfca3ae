//! Owns what can be set of the resolver, with its defaults, and the fixed bounds on one name.
//! Never reads an option: the caller does.

use std::net::IpAddr;
use std::time::Duration;

use crate::recursive::hints::{is_public, root_servers};
use crate::recursive::record_cache::TtlBounds;
use crate::recursive::servers::ServerLimits;

/// The port of DNS (RFC 1035, 4.2).
const DNS_PORT: u16 = 53;

/// Time one question may take from its start.
const NAME_TIME: Duration = Duration::from_millis(4500);
/// The same where other resolvers do the walking, which may take them as long.
const FORWARDED_NAME_TIME: Duration = Duration::from_secs(8);
/// Time the look-up of one name server's address may take.
pub(super) const NS_TIME: Duration = Duration::from_secs(3);
/// Time before a question with an outdated answer at hand is given it (RFC 8767, section 5).
pub(super) const STALE_AFTER: Duration = Duration::from_millis(1800);
/// How long waits for our own limits may put off the end of a name's time, all together.
pub(super) const PUT_OFF_MAX: Duration = Duration::from_secs(15);
/// How long IPv6's addresses are waited for once IPv4's are there (the idea of RFC 8305, section 3).
pub(super) const AAAA_GRACE: Duration = Duration::from_millis(100);
/// Queries one question may cost, all its look-ups of servers and aliases included.
pub(super) const QUERIES_PER_NAME_MAX: u16 = 40;
/// Of those, what the look-up of one name server may take; what it leaves comes back.
pub(super) const QUERIES_PER_NS_MAX: u16 = 14;
/// Name servers looked up by name for one zone (bounds what a zone of made-up servers can cause).
pub(super) const NS_LOOKUPS_MAX: u8 = 5;
/// Of those, at the same time.
pub(super) const NS_LOOKUPS_AT_ONCE: u8 = 2;
/// Look-ups of servers for look-ups of servers.
pub(super) const DEPTH_MAX: u8 = 4;
/// Aliases followed from one name, beyond those within one answer.
pub(super) const ALIASES_MAX: u8 = 10;
/// Tries of one server for one zone on the way.
pub(super) const TRIES_MAX: u8 = 6;
/// Servers considered for one zone.
pub(super) const CANDIDATES_MAX: usize = 26;

/// What can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether to look for IPv6 addresses and ask servers over IPv6: only where there is a route.
    pub ipv6: bool,
    /// The port servers listen on; 53 outside tests.
    pub port: u16,
    /// The root servers; or, with `forward`, the recursive ones.
    pub roots: Vec<IpAddr>,
    /// Whether `roots` are recursive servers, which are asked for whole answers: nothing is walked,
    /// and no other server is ever asked.
    pub forward: bool,
    /// Time one question may take from its start.
    pub name_time: Duration,
    /// Whether servers at private and loopback addresses may be asked; never outside tests.
    pub private_servers: bool,
    /// UDP sockets, each on a random port. More make forged answers harder.
    pub sockets: u16,
    /// Questions worked on at the same time; those beyond wait, and their time starts later.
    pub names_active_max: usize,
    /// Datagrams waited for at the same time, late ones included.
    pub queries_outstanding_max: usize,
    /// What one server is burdened with at most.
    pub server: ServerLimits,
    /// Memory of the cache, bytes.
    pub cache_bytes_max: usize,
    /// Bounds on the life of answers.
    pub ttl: TtlBounds,
    /// Whether every step is noted, for [`Machine::take_steps`](super::Machine::take_steps).
    pub trace: bool,
}

impl Settings {
    /// To ask recursive servers in place of the authorities. They are the machine's own: they may
    /// stand at any address, and get as many questions as there are.
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
