//! The whole resolver against real authorities from Debian, NSD and Knot DNS: a root, two top-level
//! domains and three zones, each server at its own loopback address on a common port that needs no
//! root. A server that is not installed is passed over, and that is said.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, Query};
use hickory_proto::rr::{Name, RecordType};
use turbo2ds_dns::recursive::Settings;
use turbo2ds_dns::{DnsError, Service};

use crate::loopback::{resolve, setup};

const HEAD: &str = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 120\n";
/// Addresses of the name that no datagram holds.
const MANY: u8 = 120;

/// The server of a.test.
const A_TEST: Ipv4Addr = Ipv4Addr::new(127, 99, 0, 3);

/// One server: its address and its zones, name and records.
struct Site {
    addr: Ipv4Addr,
    zones: Vec<(&'static str, String)>,
}

fn site(last: u8, zones: &[(&'static str, &str)]) -> Site {
    Site {
        addr: Ipv4Addr::new(127, 99, 0, last),
        zones: (zones.iter())
            .map(|(name, records)| (*name, format!("$ORIGIN {name}\n{HEAD}{records}\n")))
            .collect(),
    }
}

/// Nobody listens at 127.99.0.9, the first server of a.test by name; c.test is at a server whose
/// address is in another top-level domain.
fn sites() -> Vec<Site> {
    let many: String = (1..=MANY)
        .map(|n| format!("many A 203.0.113.{n}\n"))
        .collect();
    let a_test = format!(
        "@ NS ns1\n@ NS ns2\nns A 127.99.0.3\nns1 A 127.99.0.9\nns2 A 127.99.0.3\nwww A 198.51.100.1\n\
         away CNAME www.b.org.\nx.y A 198.51.100.3\ntext TXT \"no address\"\n*.wild A 198.51.100.4\n{many}"
    );
    vec![
        site(
            1,
            &[(
                ".",
                "@ NS ns.root.\nns.root. A 127.99.0.1\ntest. NS ns.nic.test.\norg. NS ns.nic.org.\n\
                 ns.nic.test. A 127.99.0.2\nns.nic.org. A 127.99.0.2\n",
            )],
        ),
        site(
            2,
            &[
                (
                    "test.",
                    "@ NS ns.nic\nns.nic A 127.99.0.2\na NS ns1.a\na NS ns2.a\nns1.a A 127.99.0.9\n\
                     ns2.a A 127.99.0.3\nc NS ns.b.org.\n",
                ),
                (
                    "org.",
                    "@ NS ns.nic\nns.nic A 127.99.0.2\nb NS ns.b\nns.b A 127.99.0.4\n",
                ),
            ],
        ),
        site(3, &[("a.test.", &a_test)]),
        site(
            4,
            &[
                ("b.org.", "@ NS ns\nns A 127.99.0.4\nwww A 198.51.100.2\n"),
                ("c.test.", "@ NS ns.b.org.\nwww A 198.51.100.5\n"),
            ],
        ),
    ]
}

fn nsd_config(folder: &Path, site: &Site, port: u16) -> String {
    let at = folder.display();
    let mut text = format!(
        "server:\n ip-address: {}\n port: {port}\n username: \"\"\n server-count: 1\n zonesdir: \"{at}\"\n \
         database: \"\"\n pidfile: \"{at}/pid\"\n zonelistfile: \"{at}/list\"\n xfrdfile: \"{at}/xfrd\"\n \
         xfrdir: \"{at}\"\nremote-control:\n control-enable: no\n",
        site.addr
    );
    for (zone, _) in &site.zones {
        text += &format!("zone:\n name: \"{zone}\"\n zonefile: \"{zone}zone\"\n");
    }
    text
}

fn knot_config(folder: &Path, site: &Site, port: u16) -> String {
    let at = folder.display();
    let mut text = format!(
        "server:\n  rundir: \"{at}\"\n  listen: {}@{port}\n  udp-workers: 1\n  tcp-workers: 1\n  \
         background-workers: 1\nlog:\n  - target: stderr\n    any: error\ndatabase:\n  storage: \"{at}\"\nzone:\n",
        site.addr
    );
    for (zone, _) in &site.zones {
        text += &format!(
            "  - domain: \"{zone}\"\n    storage: \"{at}\"\n    file: \"{zone}zone\"\n    \
             zonefile-load: whole\n    journal-content: none\n    semantic-checks: off\n"
        );
    }
    text
}

/// A server's process, ended with its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where Debian puts daemons is not on every user's path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// A port that is free at all addresses now.
fn free_port(sites: &[Site]) -> u16 {
    let is_free = |port: u16| {
        (sites.iter()).all(|site| {
            UdpSocket::bind((site.addr, port)).is_ok()
                && TcpListener::bind((site.addr, port)).is_ok()
        })
    };
    let drawn = || {
        let socket = UdpSocket::bind((sites[0].addr, 0)).ok()?;
        Some(socket.local_addr().ok()?.port())
    };
    let mut ports = std::iter::repeat_with(drawn).take(32).flatten();
    ports.find(|port| is_free(*port)).expect("a free port")
}

/// Asks a server directly, by a datagram of at most 1232 bytes.
fn asked(server: Ipv4Addr, port: u16, name: &str, kind: RecordType) -> Option<Message> {
    let mut question = Message::query();
    question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(1232);
    question.set_edns(edns);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    socket.connect((server, port)).unwrap();
    // Refused at once as long as nobody listens.
    socket.send(&question.to_vec().unwrap()).ok()?;
    let mut bytes = [0; 1232];
    let len = socket.recv(&mut bytes).ok()?;
    Message::from_vec(&bytes[..len]).ok()
}

/// Waits until the server answers for its zone.
fn wait_for(site: &Site, port: u16) {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let reply = asked(site.addr, port, site.zones[0].0, RecordType::SOA);
        if reply.is_some_and(|reply| !reply.answers.is_empty()) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the server at {} does not answer", site.addr);
}

/// Serves the hierarchy by one kind of server and resolves its names, where there is that server.
fn runs_against(name: &str, configure: fn(&Path, &Site, u16) -> String, options: &[&str]) {
    let Some(program) = program(name) else {
        eprintln!(
            "NOT TESTED against {name}: it is not installed (Debian: apt-get install nsd knot)"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let sites = sites();
    let port = free_port(&sites);
    let mut servers = Vec::new();
    for site in &sites {
        let folder = folder.path().join(site.addr.to_string());
        fs::create_dir(&folder).unwrap();
        for (zone, records) in &site.zones {
            fs::write(folder.join(format!("{zone}zone")), records).unwrap();
        }
        let config = folder.join("config");
        fs::write(&config, configure(&folder, site, port)).unwrap();
        let mut command = Command::new(&program);
        command.args(options).arg("-c").arg(&config);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        servers.push(Running(child));
    }
    for site in &sites {
        wait_for(site, port);
    }
    check_names(sites[0].addr, port);
}

fn check_names(root: Ipv4Addr, port: u16) {
    let service = Service::spawn_recursive(setup(Settings {
        port,
        roots: vec![root.into()],
        private_servers: true,
        sockets: 8,
        ..Settings::default()
    }))
    .unwrap();
    let addr = |last| Ok(vec![IpAddr::from([198, 51, 100, last])]);
    let expected = [
        ("www.a.test", addr(1)),
        // An alias into another top-level domain.
        ("away.a.test", addr(2)),
        ("www.b.org", addr(2)),
        ("x.y.a.test", addr(3)),
        ("any.thing.wild.a.test", addr(4)),
        ("www.c.test", addr(5)),
        // There is the name, and no address; not even the name; no such zone.
        ("text.a.test", Err(DnsError::NotFound)),
        ("y.a.test", Err(DnsError::NotFound)),
        ("nothing.a.test", Err(DnsError::NotFound)),
        ("www.nothing.test", Err(DnsError::NotFound)),
        ("www.no-such-tld", Err(DnsError::NotFound)),
    ];
    for _ in 0..2 {
        let names: Vec<String> = expected.iter().map(|(name, _)| (*name).into()).collect();
        for (name, result) in resolve(&service, &names) {
            let right = expected.iter().find(|(one, _)| *one == name).unwrap();
            let found = result.map(|answer| answer.addrs.to_vec());
            assert_eq!(found, right.1, "{name}");
        }
    }
    // Too many addresses for a datagram: they come by TCP.
    let short = asked(A_TEST, port, "many.a.test.", RecordType::A).expect("an answer");
    assert!(short.metadata.truncation);
    let many = resolve(&service, &["many.a.test".into()]);
    let addrs = &many[0].1.as_ref().expect("an answer over TCP").addrs;
    let is_one =
        |addr: &IpAddr| matches!(addr, IpAddr::V4(addr) if addr.octets()[..3] == [203, 0, 113]);
    assert!(addrs.len() >= 8 && addrs.iter().all(is_one), "{addrs:?}");
}

#[test]
fn names_served_by_nsd_are_resolved_from_its_root_down() {
    runs_against("nsd", nsd_config, &["-d"]);
}

#[test]
fn names_served_by_knot_dns_are_resolved_from_its_root_down() {
    runs_against("knotd", knot_config, &[]);
}
