//! The forwarder against real servers on the loopback, each with its faults.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Instant;

use hickory_proto::op::ResponseCode;
use rustls::{ClientConfig, RootCertStore};

use super::*;
use crate::responder::Reaction::{Addrs, Alias, Code, Silence};
use crate::responder::{Reaction, Responder};
use crate::{Cache, Service};

/// Short enough for a test of silence, long enough that a busy machine answers within it.
const TEST_TIMES: Times = Times {
    query: Duration::from_millis(1500),
    name: Duration::from_millis(4500),
};
/// For servers that never answer.
const SILENT_TIMES: Times = Times {
    query: Duration::from_millis(40),
    name: Duration::from_millis(2000),
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn forwarder(servers: &[&Responder], hosts: &str, ipv6: bool, times: Times) -> Forwarder {
    let servers: Vec<SocketAddr> = servers.iter().map(|one| one.addr()).collect();
    let mut parsed = Hosts::default();
    parsed.read_hosts_conf(hosts.as_bytes()).unwrap();
    plain(&servers, parsed, ipv6, times)
}

fn plain(servers: &[SocketAddr], hosts: Hosts, ipv6: bool, times: Times) -> Forwarder {
    let servers: Vec<Server> = servers.iter().copied().map(Server::plain).collect();
    Forwarder::build(&servers, no_trust(), hosts, ipv6, times).unwrap()
}

/// A configuration that trusts no certificate.
pub(super) fn no_trust() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

fn resolve(forwarder: &Forwarder, name: &str) -> Result<Answer, DnsError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(forwarder.resolve(name))
}

/// Asks one server that reacts to every question alike, for IPv4 only.
fn resolve_by(react: impl Fn() -> Reaction + Send + 'static) -> Result<Answer, DnsError> {
    let server = Responder::start(move |_, _| react());
    resolve(&forwarder(&[&server], "", false, TEST_TIMES), "a.test")
}

fn one_of_each(_: &str, kind: RecordType) -> Reaction {
    match kind {
        RecordType::AAAA => Addrs(vec![ip("2001:db8::1")], 50),
        _ => Addrs(vec![ip("192.0.2.1"), ip("192.0.2.2")], 300),
    }
}

#[test]
fn an_answer_has_its_addresses_and_their_ttl() {
    let answer = resolve_by(|| Addrs(vec![ip("192.0.2.1"), ip("192.0.2.2")], 300)).unwrap();
    assert_eq!(*answer.addrs, [ip("192.0.2.1"), ip("192.0.2.2")]);
    assert_eq!(answer.ttl, Duration::from_secs(300));
}

#[test]
fn an_alias_lends_its_shorter_ttl() {
    let answer = resolve_by(|| Alias(20, ip("192.0.2.1"), 300)).unwrap();
    assert_eq!(*answer.addrs, [ip("192.0.2.1")]);
    assert_eq!(answer.ttl, Duration::from_secs(20));
}

#[test]
fn both_families_are_asked_and_ipv4_comes_first() {
    let server = Responder::start(one_of_each);
    let answer = resolve(&forwarder(&[&server], "", true, TEST_TIMES), "a.test").unwrap();
    assert_eq!(answer.addrs[..2], [ip("192.0.2.1"), ip("192.0.2.2")]);
    // IPv6's answer may come too late on a busy machine, and is then done without.
    if let Some(v6) = answer.addrs.get(2) {
        assert_eq!(
            (*v6, answer.ttl),
            (ip("2001:db8::1"), Duration::from_secs(50))
        );
    }
}

#[test]
fn aaaa_is_not_asked_without_ipv6() {
    let server = Responder::start(one_of_each);
    let answer = resolve(&forwarder(&[&server], "", false, TEST_TIMES), "a.test").unwrap();
    assert!(answer.addrs.iter().all(IpAddr::is_ipv4));
    assert_eq!(
        (server.asked(RecordType::A), server.asked(RecordType::AAAA)),
        (1, 0)
    );
}

#[test]
fn ipv4_does_not_wait_for_a_server_silent_about_ipv6() {
    let server = Responder::start(|_, kind| match kind {
        RecordType::AAAA => Silence,
        _ => Addrs(vec![ip("192.0.2.1")], 300),
    });
    let answer = resolve(&forwarder(&[&server], "", true, TEST_TIMES), "a.test").unwrap();
    assert_eq!(*answer.addrs, [ip("192.0.2.1")]);
}

#[test]
fn a_name_with_ipv6_only_is_found_by_it() {
    let server = Responder::start(|_, kind| match kind {
        RecordType::AAAA => Addrs(vec![ip("2001:db8::1")], 50),
        _ => Code(ResponseCode::NoError),
    });
    let answer = resolve(&forwarder(&[&server], "", true, TEST_TIMES), "a.test").unwrap();
    assert_eq!(*answer.addrs, [ip("2001:db8::1")]);
}

#[test]
fn nxdomain_and_nodata_are_not_found() {
    assert_eq!(
        resolve_by(|| Code(ResponseCode::NXDomain)),
        Err(DnsError::NotFound)
    );
    assert_eq!(
        resolve_by(|| Code(ResponseCode::NoError)),
        Err(DnsError::NotFound)
    );
}

#[test]
fn servfail_and_refused_are_failures() {
    assert_eq!(
        resolve_by(|| Code(ResponseCode::ServFail)),
        Err(DnsError::Failure)
    );
    assert_eq!(
        resolve_by(|| Code(ResponseCode::Refused)),
        Err(DnsError::Failure)
    );
}

#[test]
fn silence_times_out_after_every_attempt() {
    let server = Responder::start(|_, _| Silence);
    let forwarder = forwarder(&[&server], "", false, SILENT_TIMES);
    assert_eq!(resolve(&forwarder, "a.test"), Err(DnsError::TimedOut));
    // Datagrams sent again within an attempt share its id, so they are one question here.
    assert!(server.asked(RecordType::A) <= ATTEMPTS_MAX);
}

#[test]
fn a_name_ends_within_its_time_whatever_its_servers_do() {
    let server = Responder::start(|_, _| Silence);
    let times = Times {
        query: Duration::from_secs(3600),
        name: Duration::from_millis(50),
    };
    let forwarder = forwarder(&[&server], "", true, times);
    assert_eq!(resolve(&forwarder, "a.test"), Err(DnsError::TimedOut));
}

#[test]
fn a_server_that_refuses_is_followed_by_the_next_which_is_then_asked_first() {
    for code in [
        ResponseCode::Refused,
        ResponseCode::ServFail,
        ResponseCode::FormErr,
    ] {
        let lame = Responder::start(move |_, _| Code(code));
        let good = Responder::start(one_of_each);
        let forwarder = forwarder(&[&lame, &good], "", false, TEST_TIMES);
        assert!(resolve(&forwarder, "a.test").is_ok(), "{code}");
        assert!(resolve(&forwarder, "b.test").is_ok(), "{code}");
        assert_eq!(
            (lame.asked(RecordType::A), good.asked(RecordType::A)),
            (1, 2),
            "{code}"
        );
    }
}

#[test]
fn a_silent_server_is_followed_by_the_next() {
    let silent = Responder::start(|_, _| Silence);
    let good = Responder::start(one_of_each);
    let times = Times {
        query: Duration::from_millis(800),
        ..TEST_TIMES
    };
    let forwarder = forwarder(&[&silent, &good], "", false, times);
    assert!(resolve(&forwarder, "a.test").is_ok());
}

/// A broadcast address: the kernel refuses to send to it from an ordinary socket.
fn unsendable() -> SocketAddr {
    (IpAddr::from([255, 255, 255, 255]), 53).into()
}

#[test]
fn a_server_that_cannot_be_sent_to_is_followed_by_the_next() {
    let good = Responder::start(one_of_each);
    let servers = [unsendable(), good.addr()];
    let forwarder = plain(&servers, Hosts::default(), false, TEST_TIMES);
    assert!(resolve(&forwarder, "a.test").is_ok());
    assert_eq!(forwarder.preferred.get(), 1);
}

#[test]
fn what_keeps_this_side_from_sending_is_waited_out_and_never_a_failure() {
    let times = Times {
        query: Duration::from_secs(1),
        name: Duration::from_millis(200),
    };
    let forwarder = plain(&[unsendable()], Hosts::default(), false, times);
    assert_eq!(resolve(&forwarder, "a.test"), Err(DnsError::TimedOut));
}

#[test]
fn an_encrypted_server_that_is_not_there_is_a_failure_at_once() {
    // A listener that has gone leaves a port where nobody listens.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = gone.local_addr().unwrap();
    drop(gone);
    for way in [
        ServerWay::Tls {
            name: "localhost".into(),
        },
        ServerWay::Https {
            name: "localhost".into(),
            path: "/dns-query".into(),
        },
    ] {
        let servers = [Server { addr, way }];
        let forwarder =
            Forwarder::build(&servers, no_trust(), Hosts::default(), false, TEST_TIMES).unwrap();
        let start = Instant::now();
        assert_eq!(resolve(&forwarder, "a.test"), Err(DnsError::Failure));
        assert!(start.elapsed() < TEST_TIMES.name / 2);
    }
}

#[test]
fn a_name_that_does_not_exist_is_not_asked_of_the_next_server() {
    let first = Responder::start(|_, _| Code(ResponseCode::NXDomain));
    let second = Responder::start(one_of_each);
    let forwarder = forwarder(&[&first, &second], "", false, TEST_TIMES);
    assert_eq!(resolve(&forwarder, "a.test"), Err(DnsError::NotFound));
    assert_eq!(second.asked(RecordType::A), 0);
}

#[test]
fn the_hosts_file_comes_before_any_server_and_for_both_families() {
    let server = Responder::start(one_of_each);
    let hosts = "192.0.2.77 Fixed.test alias.test # a comment\n2001:db8::77 six.test\n";
    let forwarder = forwarder(&[&server], hosts, true, TEST_TIMES);
    for (name, addr) in [
        ("fixed.test", "192.0.2.77"),
        ("alias.test", "192.0.2.77"),
        ("six.test", "2001:db8::77"),
    ] {
        assert_eq!(*resolve(&forwarder, name).unwrap().addrs, [ip(addr)]);
    }
    assert_eq!(
        (server.asked(RecordType::A), server.asked(RecordType::AAAA)),
        (0, 0)
    );
}

#[test]
fn a_name_without_dots_is_asked_for_as_it_stands() {
    let server = Responder::start(|name, _| match name {
        "intranet." => Addrs(vec![ip("192.0.2.1")], 60),
        _ => Code(ResponseCode::NXDomain),
    });
    assert!(resolve(&forwarder(&[&server], "", false, TEST_TIMES), "intranet").is_ok());
}

#[test]
fn what_cannot_be_a_name_is_not_found_and_not_asked() {
    let server = Responder::start(one_of_each);
    let forwarder = forwarder(&[&server], "", false, TEST_TIMES);
    let (label, long) = ("a".repeat(64), "a.".repeat(200) + "test");
    for name in ["", "a..test", ".test", &label, &long] {
        assert_eq!(
            resolve(&forwarder, name),
            Err(DnsError::NotFound),
            "{name:?}"
        );
    }
    assert_eq!(server.asked(RecordType::A), 0);
}

#[test]
fn more_addresses_than_are_kept_are_cut() {
    let answer = resolve_by(|| Addrs((1..=60).map(|n| IpAddr::from([192, 0, 2, n])).collect(), 60));
    assert_eq!(answer.unwrap().addrs.len(), 16);
}

#[test]
fn a_hundred_requests_for_one_name_are_one_question_of_each_type() {
    let server = Responder::start(one_of_each);
    let service = Service::spawn(
        forwarder(&[&server], "", true, TEST_TIMES),
        64,
        Instant::now,
    )
    .unwrap();
    let (sender, replies) = channel();
    for _ in 0..100 {
        let sender = sender.clone();
        let reply = Box::new(move |result| sender.send(result).unwrap());
        service.handle().request("a.test".into(), reply);
    }
    for _ in 0..100 {
        assert!(replies.recv().unwrap().is_ok());
    }
    assert_eq!(
        (server.asked(RecordType::A), server.asked(RecordType::AAAA)),
        (1, 1)
    );
}

#[test]
fn many_names_at_once_are_all_answered() {
    let server = Responder::start(one_of_each);
    let service = Service::spawn(
        forwarder(&[&server], "", false, TEST_TIMES),
        50,
        Instant::now,
    )
    .unwrap();
    let (sender, replies) = channel();
    for n in 0..500 {
        let sender = sender.clone();
        let reply = Box::new(move |result| sender.send(result).unwrap());
        service.handle().request(format!("{n}.test").into(), reply);
    }
    for _ in 0..500 {
        assert!(replies.recv().unwrap().is_ok());
    }
}

#[test]
fn an_answer_on_the_wire_lives_in_the_cache_for_its_ttl() {
    let (mut cache, start) = (Cache::new(8), Instant::now());
    cache.insert(
        "a.test",
        resolve_by(|| Addrs(vec![ip("192.0.2.1")], 300)),
        start,
    );
    assert!(
        cache
            .get("a.test", start + Duration::from_secs(299))
            .is_some()
    );
    assert!(
        cache
            .get("a.test", start + Duration::from_secs(300))
            .is_none()
    );
}

#[test]
fn an_empty_list_of_servers_is_an_error() {
    assert!(matches!(
        Forwarder::to_servers(&[], false, no_trust()),
        Err(ForwarderError::NoServer)
    ));
}
