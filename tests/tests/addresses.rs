//! End to end: with the binary's defaults no URL, name or redirect leads to an address that is not
//! public, however it is spelled. Somebody listens at every address that this machine has, and counts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::namespace;
use turbo2ds_tests::harness::read::{rows_by_url, text};
use turbo2ds_tests::web::{Ports, Web};

/// Hosts that must not be connected to; those of 127.0.0.0/8 and ::1 would be answered.
const HOSTS: [&str; 40] = [
    // Loopback and "this machine", as WHATWG URLs spell them.
    "127.0.0.1",
    "127.255.255.254",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.01",
    "127.0.0.1.",
    "１２７.0.0.1",
    "%31%32%37.0.0.1",
    "0.0.0.0",
    "0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
    // IPv4 within IPv6: mapped, compatible, translated, NAT64 (well-known and local), 6to4, Teredo.
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1:0:0:80ff:fffe]",
    // Names with such addresses.
    "a.ok.test",
    "A.OK.TEST.",
    "ip-10-0-0-1.test",
    "ip-192-168-0-1.test",
    "ip-169-254-169-254.test",
    "ip-0-0-0-0.test",
    // The other blocks.
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "[fe80::1]",
    "[fc00::1]",
    "224.0.0.1",
    "255.255.255.255",
];

/// A host with a public address, which leads on to a host that is asked for in its path.
const PUBLIC: &str = "ip-11-0-0-1.test";
const PUBLIC_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(11, 0, 0, 1));
const LOCALHOST_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// What is at `/to/HOST` of the public host.
fn redirect_to(web: &Web, host: &str) -> String {
    let coded: String = host.bytes().map(|byte| format!("{byte:02x}")).collect();
    web.url_at(PUBLIC, &format!("/to/{coded}"))
}

fn check(urls: &[String], name_servers: String) {
    let job = Job::strict("list.txt", urls.join("\n")).option("--dns_servers", name_servers);
    job.succeed();
    let rows = rows_by_url(&job.output());
    assert_eq!(rows.len(), urls.len());
    let others: Vec<String> = rows
        .iter()
        .filter(|(_, row)| {
            text(row, "status") != "failed_to_download"
                || text(row, "error_message") != "address not allowed"
        })
        .map(|(url, row)| format!("{url}: {:?}", row["error_message"]))
        .collect();
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn no_private_address_is_connected_to_in_any_spelling() {
    // A machine without IPv6 has no address of it to connect to.
    let web = Web::start_also_at(Ports::default(), &[LOCALHOST_V6])
        .or_else(|_| Web::start(Ports::default()))
        .unwrap();
    let urls: Vec<String> = HOSTS
        .iter()
        .flat_map(|host| {
            [
                web.url_at(host, "/img/1.jpg"),
                web.tls_url_at(host, "/img/1.jpg"),
            ]
        })
        .collect();
    check(&urls, web.dns_server());
    let connected = web.connections();
    eprintln!(
        "{connected} of {} attempts at private addresses connected",
        urls.len()
    );
    assert_eq!(connected, 0);
}

#[test]
fn no_redirect_of_a_public_host_leads_to_a_private_address() {
    if !namespace::is_inside("no_redirect_of_a_public_host_leads_to_a_private_address") {
        return;
    }
    namespace::own(&["11.0.0.0/8"]);
    let web = Web::start_also_at(Ports::default(), &[PUBLIC_ADDRESS, LOCALHOST_V6]).unwrap();
    let urls: Vec<String> = HOSTS.iter().map(|host| redirect_to(&web, host)).collect();
    check(&urls, web.dns_server());
    // One connection or more to the public host, none to any other.
    let at_private = web.connections() - web.connections_to(PUBLIC_ADDRESS);
    eprintln!(
        "{at_private} of {} redirects to private addresses connected",
        urls.len()
    );
    assert_eq!(at_private, 0);
    assert_eq!(web.requests(), urls.len() as u64);
}
