//! Owns the names of the world, the addresses that are true of them and those that only a liar gives,
//! and which zones each server may speak for by what entitled servers said before.
//! Never sends: [`super::script`] does.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every name there is; the empty one is the root.
pub const NAMES: [&str; 18] = [
    "",
    "test",
    "org",
    "a.test",
    "b.test",
    "victim.org",
    "cdn.org",
    "www.a.test",
    "img.a.test",
    "x.y.a.test",
    "www.b.test",
    "www.victim.org",
    "www.cdn.org",
    "ns.test",
    "ns.a.test",
    "ns.b.test",
    "ns.victim.org",
    "ns.cdn.org",
];
/// The names a caller asks for.
pub const HOSTS: std::ops::Range<usize> = 7..13;

/// The only server known from the start.
pub const ROOT_SERVER: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

fn low(name: usize) -> u8 {
    u8::try_from(name).unwrap_or(u8::MAX)
}

/// What an entitled server says the address of a name is.
pub fn true_v4(name: usize) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, low(name))
}

/// The same for IPv6.
pub fn true_v6(name: usize) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0x200, 0, 0, 0, 0, 0, low(name).into())
}

/// What anybody else says.
pub fn evil_v4(name: usize) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, low(name))
}

/// The same for IPv6.
pub fn evil_v6(name: usize) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, low(name).into())
}

/// Whether only a liar gives this address.
pub fn is_evil(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.octets()[..3] == [203, 0, 113],
        IpAddr::V6(addr) => addr.segments()[..2] == [0x2001, 0xdb8],
    }
}

/// Whether `name` is `zone` or below it.
pub fn is_within(name: &str, zone: &str) -> bool {
    zone.is_empty()
        || name == zone
        || name
            .strip_suffix(zone)
            .is_some_and(|above| above.ends_with('.'))
}

/// Which zones each server may speak for.
pub struct Entitled(HashMap<IpAddr, Vec<usize>>);

impl Entitled {
    pub fn new() -> Self {
        Self(HashMap::from([(ROOT_SERVER.into(), vec![0])]))
    }

    /// Whether the server may say something of the name.
    pub fn speaks_for(&self, server: IpAddr, name: &str) -> bool {
        let zones = self.0.get(&server);
        zones.is_some_and(|zones| zones.iter().any(|&zone| is_within(name, NAMES[zone])))
    }

    /// Whether the server may hand on the zone: it speaks for one above.
    pub fn may_delegate(&self, server: IpAddr, zone: usize) -> bool {
        let above = |&one: &usize| one != zone && is_within(NAMES[zone], NAMES[one]);
        self.0
            .get(&server)
            .is_some_and(|zones| zones.iter().any(above))
    }

    /// The true addresses of `name_server` may speak for the zone from now on.
    pub fn delegate(&mut self, zone: usize, name_server: usize) {
        for addr in [
            IpAddr::from(true_v4(name_server)),
            IpAddr::from(true_v6(name_server)),
        ] {
            let zones = self.0.entry(addr).or_default();
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
    }
}
