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

/// Which zones each server may speak for. A server's name may be an alias: then it is at the address of
/// the name that it leads to.
pub struct Entitled {
    zones: HashMap<IpAddr, Vec<usize>>,
    /// Zone and name server, as entitled servers said.
    delegations: Vec<(usize, usize)>,
    /// Alias and target, likewise.
    aliases: Vec<(usize, usize)>,
}

impl Entitled {
    pub fn new() -> Self {
        Self {
            zones: HashMap::from([(ROOT_SERVER.into(), vec![0])]),
            delegations: Vec::new(),
            aliases: Vec::new(),
        }
    }

    /// Whether the server may say something of the name.
    pub fn speaks_for(&self, server: IpAddr, name: &str) -> bool {
        let zones = self.zones.get(&server);
        zones.is_some_and(|zones| zones.iter().any(|&zone| is_within(name, NAMES[zone])))
    }

    /// The server names a server of a zone; that counts if it speaks for one above.
    pub fn delegate(&mut self, server: IpAddr, zone: usize, name_server: usize) {
        let above = |&one: &usize| one != zone && is_within(NAMES[zone], NAMES[one]);
        let zones = self.zones.get(&server);
        if zones.is_some_and(|zones| zones.iter().any(above))
            && !self.delegations.contains(&(zone, name_server))
        {
            self.delegations.push((zone, name_server));
            self.entitle();
        }
    }

    /// The server calls a name another's alias; that counts if it speaks for it.
    pub fn alias(&mut self, server: IpAddr, name: usize, target: usize) {
        if self.speaks_for(server, NAMES[name]) && !self.aliases.contains(&(name, target)) {
            self.aliases.push((name, target));
            self.entitle();
        }
    }

    /// Works out who speaks for what by all that was said.
    fn entitle(&mut self) {
        for &(zone, name_server) in &self.delegations {
            let mut reached = vec![name_server];
            let mut at = 0;
            while let Some(&name) = reached.get(at) {
                at += 1;
                for &(alias, target) in &self.aliases {
                    if alias == name && !reached.contains(&target) {
                        reached.push(target);
                    }
                }
            }
            for name in reached {
                for addr in [IpAddr::from(true_v4(name)), IpAddr::from(true_v6(name))] {
                    let zones = self.zones.entry(addr).or_default();
                    if !zones.contains(&zone) {
                        zones.push(zone);
                    }
                }
            }
        }
    }
}
