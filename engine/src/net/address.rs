//! Owns which addresses may be connected to: no special-purpose address, unless the user allows its
//! network. Never resolves and never connects: the caller checks every address of every hop, and
//! connects only to allowed ones.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), the multicast blocks,
//! and two deprecated forms that some network stacks still route.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// A network that is denied unless the user allows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpecialBlock {
    /// The network.
    pub net: IpNet,
    /// Its name in the registry.
    pub name: &'static str,
    /// Where it is defined.
    pub rfc: &'static str,
}

const fn v4(octets: [u8; 4], prefix: u8, name: &'static str, rfc: &'static str) -> SpecialBlock {
    let [a, b, c, d] = octets;
    let net = IpNet::new_assert(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix);
    SpecialBlock { net, name, rfc }
}

const fn v6(segments: [u16; 8], prefix: u8, name: &'static str, rfc: &'static str) -> SpecialBlock {
    let [a, b, c, d, e, f, g, h] = segments;
    let net = IpNet::new_assert(IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix);
    SpecialBlock { net, name, rfc }
}

/// Every special-purpose block. A block inside another comes before it, so that the first match is the
/// most specific. Blocks that the registries call globally reachable are denied too.
#[rustfmt::skip]
pub(crate) static SPECIAL_BLOCKS: &[SpecialBlock] = &[
    v4([0, 0, 0, 0], 8, "This network", "RFC 791"),
    v4([10, 0, 0, 0], 8, "Private-Use", "RFC 1918"),
    v4([100, 64, 0, 0], 10, "Shared Address Space", "RFC 6598"),
    v4([127, 0, 0, 0], 8, "Loopback", "RFC 1122"),
    v4([169, 254, 0, 0], 16, "Link Local", "RFC 3927"),
    v4([172, 16, 0, 0], 12, "Private-Use", "RFC 1918"),
    v4([192, 0, 0, 0], 29, "IPv4 Service Continuity Prefix", "RFC 7335"),
    v4([192, 0, 0, 8], 32, "IPv4 Dummy Address", "RFC 7600"),
    v4([192, 0, 0, 9], 32, "Port Control Protocol Anycast", "RFC 7723"),
    v4([192, 0, 0, 10], 32, "TURN Anycast", "RFC 8155"),
    v4([192, 0, 0, 170], 31, "NAT64/DNS64 Discovery", "RFC 7050"),
    v4([192, 0, 0, 0], 24, "IETF Protocol Assignments", "RFC 6890"),
    v4([192, 0, 2, 0], 24, "Documentation (TEST-NET-1)", "RFC 5737"),
    v4([192, 31, 196, 0], 24, "AS112-v4", "RFC 7535"),
    v4([192, 52, 193, 0], 24, "AMT", "RFC 7450"),
    v4([192, 88, 99, 2], 32, "6a44-Relay Anycast Address", "RFC 6751"),
    v4([192, 88, 99, 0], 24, "Deprecated (6to4 Relay Anycast)", "RFC 7526"),
    v4([192, 168, 0, 0], 16, "Private-Use", "RFC 1918"),
    v4([192, 175, 48, 0], 24, "Direct Delegation AS112 Service", "RFC 7534"),
    v4([198, 18, 0, 0], 15, "Benchmarking", "RFC 2544"),
    v4([198, 51, 100, 0], 24, "Documentation (TEST-NET-2)", "RFC 5737"),
    v4([203, 0, 113, 0], 24, "Documentation (TEST-NET-3)", "RFC 5737"),
    v4([224, 0, 0, 0], 4, "Multicast", "RFC 5771"),
    v4([255, 255, 255, 255], 32, "Limited Broadcast", "RFC 8190"),
    v4([240, 0, 0, 0], 4, "Reserved", "RFC 1112"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, "Unspecified Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, "Loopback Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, "IPv4-compatible Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "IPv4-mapped Address", "RFC 4291"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, "IPv4-translated Address", "RFC 2765"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "IPv4-IPv6 Translation", "RFC 6052"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, "IPv4-IPv6 Translation, local use", "RFC 8215"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, "Discard-Only Address Block", "RFC 6666"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, "Dummy IPv6 Prefix", "RFC 9780"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, "TEREDO", "RFC 4380"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128, "Port Control Protocol Anycast", "RFC 7723"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128, "TURN Anycast", "RFC 8155"),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128, "DNS-SD SRP Anycast", "RFC 9665"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, "Benchmarking", "RFC 5180"),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32, "AMT", "RFC 7450"),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48, "AS112-v6", "RFC 7535"),
    v6([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28, "Deprecated (ORCHID)", "RFC 4843"),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28, "ORCHIDv2", "RFC 7343"),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28, "Drone Remote ID Entity Tags", "RFC 9374"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "IETF Protocol Assignments", "RFC 2928"),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "Documentation", "RFC 3849"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4", "RFC 3056"),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, "Direct Delegation AS112 Service", "RFC 7534"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "Documentation", "RFC 9637"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, "Segment Routing (SRv6) SIDs", "RFC 9602"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "Unique-Local", "RFC 4193"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "Link-Local Unicast", "RFC 4291"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, "Deprecated (Site-Local)", "RFC 3879"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "Multicast", "RFC 4291"),
];

/// Which addresses a URL may lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressPolicy {
    allow: Vec<IpNet>,
}

/// How an IPv6 address embeds an IPv4 address.
enum Embedding {
    /// The IPv6 address reaches the IPv4 address, whose policy alone decides.
    Alias(Ipv4Addr),
    /// Packets pass through these IPv4 addresses: the block and each of them must be allowed.
    Tunnel([Ipv4Addr; 2]),
}

impl AddressPolicy {
    /// Denies every special-purpose address, except those within `allow`.
    pub(crate) fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether `addr` may be connected to.
    ///
    /// An alias of an IPv4 address has the policy of that address: `::ffff:127.0.0.1` is allowed if and
    /// only if 127.0.0.1 is. So a broad IPv6 network in the list allows no IPv4 address.
    pub(crate) fn allows(&self, addr: IpAddr) -> bool {
        match embedding(addr) {
            None => self.allows_itself(addr),
            Some(Embedding::Alias(v4)) => self.allows_itself(v4.into()),
            Some(Embedding::Tunnel(ends)) => {
                self.allows_itself(addr) && ends.iter().all(|&v4| self.allows_itself(v4.into()))
            }
        }
    }

    fn allows_itself(&self, addr: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&addr)) || special_block(addr).is_none()
    }
}

/// The special-purpose block that contains `addr`, regardless of what it embeds.
pub(crate) fn special_block(addr: IpAddr) -> Option<&'static SpecialBlock> {
    SPECIAL_BLOCKS
        .iter()
        .find(|block| block.net.contains(&addr))
}

/// The IPv4 address that `addr` embeds, if any.
fn embedding(addr: IpAddr) -> Option<Embedding> {
    let IpAddr::V6(addr) = addr else {
        return None;
    };
    let octets = addr.octets();
    let v4_at =
        |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
    let last = v4_at(12);
    match addr.segments() {
        // The unspecified address and loopback have blocks of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // Mapped (RFC 4291), and NAT64 under the well-known prefix (RFC 6052), which DNS64 gives to
        // every IPv4 host.
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            Some(Embedding::Alias(last))
        }
        // IPv4-compatible (RFC 4291) and IPv4-translated (RFC 2765).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Some(Embedding::Tunnel([last; 2])),
        [0x64, 0xff9b, 1, ..] => Some(Embedding::Tunnel([local_nat64(octets); 2])),
        // 6to4 (RFC 3056): the relay's address.
        [0x2002, ..] => Some(Embedding::Tunnel([v4_at(2); 2])),
        // Teredo (RFC 4380): the server's address, and the client's with every bit flipped.
        [0x2001, 0, ..] => Some(Embedding::Tunnel([
            v4_at(4),
            Ipv4Addr::from_bits(!last.to_bits()),
        ])),
        _ => None,
    }
}

/// The IPv4 address under the local-use NAT64 prefix, whose length is /48 or /96 (RFC 6052, section
/// 2.2). The /48 form ends in five zero octets and skips octet 8.
fn local_nat64(octets: [u8; 16]) -> Ipv4Addr {
    match octets {
        [_, _, _, _, _, _, a, b, 0, c, d, 0, 0, 0, 0, 0] => Ipv4Addr::new(a, b, c, d),
        [.., a, b, c, d] => Ipv4Addr::new(a, b, c, d),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn policy(allow: &[&str]) -> AddressPolicy {
        AddressPolicy::new(allow.iter().map(|net| net.parse().unwrap()).collect())
    }

    /// The address after `addr`, or before it, if there is one.
    fn step(addr: IpAddr, up: bool) -> Option<IpAddr> {
        match addr {
            IpAddr::V4(v4) => {
                let bits = v4.to_bits();
                let next = if up {
                    bits.checked_add(1)
                } else {
                    bits.checked_sub(1)
                };
                next.map(|bits| Ipv4Addr::from_bits(bits).into())
            }
            IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                let next = if up {
                    bits.checked_add(1)
                } else {
                    bits.checked_sub(1)
                };
                next.map(|bits| Ipv6Addr::from_bits(bits).into())
            }
        }
    }

    /// Whether the addresses of `block` are aliases of IPv4 addresses, whose policy alone decides.
    fn is_alias(block: &SpecialBlock) -> bool {
        matches!(block.name, "IPv4-mapped Address" | "IPv4-IPv6 Translation")
    }

    #[test]
    fn the_first_and_last_address_of_every_block_are_denied() {
        let policy = policy(&[]);
        for block in SPECIAL_BLOCKS.iter().filter(|block| !is_alias(block)) {
            assert_eq!(block.net, block.net.trunc(), "{} has host bits", block.name);
            for addr in [block.net.network(), block.net.broadcast()] {
                assert!(
                    !policy.allows(addr),
                    "{addr} of {} ({})",
                    block.name,
                    block.rfc
                );
            }
        }
    }

    #[test]
    fn the_neighbours_of_a_block_have_the_policy_of_their_own_block() {
        let policy = policy(&[]);
        for block in SPECIAL_BLOCKS.iter() {
            let before = step(block.net.network(), false);
            let after = step(block.net.broadcast(), true);
            for addr in [before, after].into_iter().flatten() {
                assert!(!block.net.contains(&addr));
                if embedding(addr).is_none() {
                    assert_eq!(policy.allows(addr), special_block(addr).is_none(), "{addr}");
                }
            }
        }
    }

    #[test]
    fn public_neighbours_of_denied_blocks_are_allowed() {
        let policy = policy(&[]);
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "191.255.255.255",
            "192.0.1.0",
            "192.0.1.255",
            "192.0.3.0",
            "192.31.195.255",
            "192.31.197.0",
            "192.52.192.255",
            "192.52.194.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "192.175.47.255",
            "192.175.49.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "198.51.101.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "8.8.8.8",
            "2001:200::",
            "2001:db7:ffff::1",
            "2001:db9::",
            "2001:4860:4860::8888",
            "2003::",
            "2620:4f:7fff::1",
            "2620:4f:8001::",
            "2606:4700::1111",
            "2a00::1",
        ] {
            assert!(policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn well_known_targets_of_forged_requests_are_denied() {
        let policy = policy(&[]);
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "10.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "100.100.100.200",
            "255.255.255.255",
            "239.255.255.250",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn an_alias_has_the_policy_of_its_ipv4_address() {
        let denied = policy(&[]);
        for prefix in ["::ffff:", "64:ff9b::"] {
            for v4 in [
                "127.0.0.1",
                "10.0.0.1",
                "169.254.169.254",
                "224.0.0.1",
                "0.0.0.0",
            ] {
                assert!(!denied.allows(ip(&format!("{prefix}{v4}"))), "{prefix}{v4}");
            }
            assert!(
                denied.allows(ip(&format!("{prefix}8.8.8.8"))),
                "{prefix}8.8.8.8"
            );
        }
    }

    #[test]
    fn an_allowed_ipv4_network_also_allows_its_aliases() {
        let policy = policy(&["127.0.0.0/8"]);
        assert!(policy.allows(ip("127.0.0.1")));
        assert!(policy.allows(ip("::ffff:127.0.0.1")));
        assert!(policy.allows(ip("64:ff9b::127.0.0.1")));
        assert!(!policy.allows(ip("::ffff:10.0.0.1")));
        assert!(!policy.allows(ip("::1")));
    }

    #[test]
    fn a_broad_ipv6_network_allows_no_ipv4_address() {
        let policy = policy(&["::/0"]);
        assert!(policy.allows(ip("::1")) && policy.allows(ip("fd00::1")));
        for text in [
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::192.168.0.1",
            "64:ff9b:1:7f00:0:100::",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::",
            "::127.0.0.1",
            "::ffff:0:10.0.0.1",
            // Teredo with a private server, then with a private client (every bit flipped).
            "2001:0:a00:1::f7f7:f7f7",
            "2001:0:808:808::f5ff:fffe",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn an_allowed_tunnel_reaches_public_addresses() {
        for (net, addr) in [
            ("64:ff9b:1::/48", "64:ff9b:1::8.8.8.8"),
            ("64:ff9b:1::/48", "64:ff9b:1:808:8:800::"),
            ("2002::/16", "2002:808:808::1"),
            ("2001::/32", "2001:0:808:808::f7f7:f7f7"),
            ("::/96", "::8.8.8.8"),
            ("::ffff:0:0:0/96", "::ffff:0:8.8.8.8"),
        ] {
            assert!(policy(&[net]).allows(ip(addr)), "{addr}");
            assert!(!policy(&[]).allows(ip(addr)), "{addr}");
        }
    }

    #[test]
    fn an_allowed_network_allows_nothing_else() {
        let policy = policy(&["10.1.0.0/16", "fd00:1::/32", "::1/128"]);
        for text in [
            "10.1.0.0",
            "10.1.255.255",
            "fd00:1::",
            "fd00:1:ffff::",
            "::1",
        ] {
            assert!(policy.allows(ip(text)), "{text}");
        }
        for text in [
            "10.0.255.255",
            "10.2.0.0",
            "fd00:0:ffff::",
            "fd00:2::",
            "::",
            "::2",
        ] {
            assert!(!policy.allows(ip(text)), "{text}");
        }
    }

    #[test]
    fn the_block_of_a_denied_address_is_named() {
        let name = |text| special_block(ip(text)).map(|block| block.name);
        assert_eq!(name("192.168.0.1"), Some("Private-Use"));
        assert_eq!(name("255.255.255.255"), Some("Limited Broadcast"));
        assert_eq!(name("::1"), Some("Loopback Address"));
        assert_eq!(name("2001::1"), Some("TEREDO"));
        assert_eq!(name("2001:5::"), Some("IETF Protocol Assignments"));
        assert_eq!(name("8.8.8.8"), None);
    }
}
