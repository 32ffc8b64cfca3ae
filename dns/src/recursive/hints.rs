//! Owns the root hints, and which addresses a name server may have.
//! Never asks: there is no priming (RFC 8109), so a stale hint costs a timeout at one of thirteen.
//! Source: IANA, <https://www.iana.org/domains/root>, its page of servers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// a.root-servers.net to m.root-servers.net, IPv4.
const ROOTS_V4: [[u8; 4]; 13] = [
    [198, 41, 0, 4],
    [170, 247, 170, 2],
    [192, 33, 4, 12],
    [199, 7, 91, 13],
    [192, 203, 230, 10],
    [192, 5, 5, 241],
    [192, 112, 36, 4],
    [198, 97, 190, 53],
    [192, 36, 148, 17],
    [192, 58, 128, 30],
    [193, 0, 14, 129],
    [199, 7, 83, 42],
    [202, 12, 27, 33],
];

/// The same, IPv6.
const ROOTS_V6: [[u16; 8]; 13] = [
    [0x2001, 0x503, 0xba3e, 0, 0, 0, 0x2, 0x30],
    [0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb],
    [0x2001, 0x500, 0x2, 0, 0, 0, 0, 0xc],
    [0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd],
    [0x2001, 0x500, 0xa8, 0, 0, 0, 0, 0xe],
    [0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf],
    [0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d],
    [0x2001, 0x500, 0x1, 0, 0, 0, 0, 0x53],
    [0x2001, 0x7fe, 0, 0, 0, 0, 0, 0x53],
    [0x2001, 0x503, 0xc27, 0, 0, 0, 0x2, 0x30],
    [0x2001, 0x7fd, 0, 0, 0, 0, 0, 0x1],
    [0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42],
    [0x2001, 0xdc3, 0, 0, 0, 0, 0, 0x35],
];

/// The addresses of the root servers: IPv4, then IPv6 if `ipv6`.
pub fn root_servers(ipv6: bool) -> Vec<IpAddr> {
    let v4 = ROOTS_V4.iter().map(|octets| IpAddr::from(*octets));
    let v6 = ROOTS_V6.iter().map(|groups| IpAddr::from(*groups));
    v4.chain(v6.filter(|_| ipv6)).collect()
}

/// Whether a name server may be asked at `addr`. A zone must not direct the resolver to this machine or
/// its private network.
pub(crate) fn is_public(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(addr: Ipv4Addr) -> bool {
    let [a, b, ..] = addr.octets();
    let shared = a == 100 && b & 0xc0 == 64;
    !(a == 0
        || a >= 224
        || shared
        || addr.is_loopback()
        || addr.is_private()
        || addr.is_link_local())
}

/// Global unicast (2000::/3), except ranges that embed IPv4 addresses or are for documentation.
fn is_public_v6(addr: Ipv6Addr) -> bool {
    let [first, second, ..] = addr.segments();
    let six_to_four = first == 0x2002;
    let special = first == 0x2001 && (second < 0x200 || second == 0xdb8);
    first & 0xe000 == 0x2000 && !six_to_four && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_server_is_public() {
        let roots = root_servers(true);
        assert_eq!(roots.len(), 26);
        assert!(roots.into_iter().all(is_public));
        assert!(root_servers(false).iter().all(IpAddr::is_ipv4));
    }

    #[test]
    fn no_server_is_asked_at_a_private_address() {
        for text in [
            "127.0.0.1",
            "0.0.0.0",
            "10.1.1.1",
            "192.168.1.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
