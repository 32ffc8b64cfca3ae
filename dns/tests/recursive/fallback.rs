//! The fallback to recursive name servers, for private names and, if no authoritative server is
//! reachable, for every name; and the recorded steps of a lookup.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record};
use turbo2ds_dns::recursive::{Settings, StepOutcome, Tracer};
use turbo2ds_dns::{DnsError, Service};

use crate::dnslab::sockets::Served;
use crate::dnslab::{Authority, Fault, Population};
use crate::loopback::{resolve, setup};
use crate::simulate::settings;

/// The fallback answers every name with this address.
const FALLBACK_ADDR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);

/// Starts a recursive name server, which serves until the process ends, and returns settings to ask it.
fn fallback() -> Settings {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        answer_all(&socket, |reply, name| {
            let data = RData::A(A(FALLBACK_ADDR));
            reply.add_answer(Record::from_rdata(name, 60, data));
        });
    });
    Settings::forwarding(vec![addr.ip()], addr.port())
}

fn answer_all(socket: &UdpSocket, fill: impl Fn(&mut Message, hickory_proto::rr::Name)) {
    let mut query = [0; 1500];
    while let Ok((length, peer)) = socket.recv_from(&mut query) {
        let query = Message::from_vec(&query[..length]).unwrap();
        let question = query.queries[0].clone();
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.metadata.recursion_available = true;
        reply.add_query(question.clone());
        fill(&mut reply, question.name().clone());
        socket.send_to(&reply.to_vec().unwrap(), peer).unwrap();
    }
}

/// Four root servers on one port; `serve` gets each one's socket.
fn roots(serve: impl Fn(UdpSocket)) -> Settings {
    let first = UdpSocket::bind("127.7.7.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    serve(first);
    let mut addrs = vec![IpAddr::from([127, 7, 7, 1])];
    for last in 2..5 {
        let addr = SocketAddr::from(([127, 7, 7, last], port));
        serve(UdpSocket::bind(addr).unwrap());
        addrs.push(addr.ip());
    }
    Settings {
        port,
        roots: addrs,
        private_servers: true,
        sockets: 4,
        ..Settings::default()
    }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("www.site{n}.com")).collect()
}

#[test]
fn silent_roots_are_given_up_after_a_while_and_every_name_goes_to_the_fallback() {
    let silent = std::cell::RefCell::new(Vec::new());
    let settings = roots(|socket| silent.borrow_mut().push(socket));
    let service = Service::spawn_backed(setup(settings), setup(fallback())).unwrap();
    let start = Instant::now();
    let results = resolve(&service, &names(50));
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(results.len(), 50);
    for (name, result) in results {
        assert_eq!(
            *result.unwrap().addrs,
            [IpAddr::from(FALLBACK_ADDR)],
            "{name}"
        );
    }
    let start = Instant::now();
    assert!(resolve(&service, &["late.site.org".into()])[0].1.is_ok());
    assert!(start.elapsed() < Duration::from_secs(1));
    let stats = service.handle().stats().snapshot();
    assert!(
        stats.fell_back && stats.asked() == 51 && stats.found == 51,
        "{stats:?}"
    );
}

#[test]
fn roots_that_refuse_or_deny_without_authority_are_given_up_at_once() {
    for code in [ResponseCode::Refused, ResponseCode::NXDomain] {
        given_up_at_once(code);
    }
}

fn given_up_at_once(code: ResponseCode) {
    let settings = roots(|socket| {
        std::thread::spawn(move || {
            answer_all(&socket, |reply, _| reply.metadata.response_code = code);
        });
    });
    let service = Service::spawn_backed(setup(settings), setup(fallback())).unwrap();
    let start = Instant::now();
    // A name that cannot exist says nothing of the servers.
    let impossible = resolve(&service, &["a..b".into()]);
    assert_eq!(impossible[0].1, Err(DnsError::NotFound));
    assert!(!service.handle().stats().snapshot().fell_back);
    let results = resolve(&service, &names(5));
    assert!(results.iter().all(|(_, one)| one.is_ok()), "{code}");
    assert!(
        start.elapsed() < Duration::from_millis(1400),
        "{:?}",
        start.elapsed()
    );
    assert!(service.handle().stats().snapshot().fell_back);
}

#[test]
fn without_a_fallback_silent_roots_are_failures() {
    let silent = std::cell::RefCell::new(Vec::new());
    let settings = roots(|socket| silent.borrow_mut().push(socket));
    let service = Service::spawn_recursive(setup(settings)).unwrap();
    assert_eq!(resolve(&service, &names(1))[0].1, Err(DnsError::TimedOut));
    let stats = service.handle().stats().snapshot();
    assert!(
        !stats.fell_back && stats.timed_out == 1 && stats.queries > 3,
        "{stats:?}"
    );
}

fn lab() -> (Authority, Served, Settings) {
    let authority = Authority::new(Population::new(3, 2));
    let served = Served::start(authority).unwrap();
    let settings = Settings {
        port: served.port,
        sockets: 4,
        ..settings(&authority)
    };
    (authority, served, settings)
}

#[test]
fn only_private_names_go_to_the_fallback_while_the_authorities_answer() {
    let (authority, _served, settings) = lab();
    let service = Service::spawn_backed(setup(settings), setup(fallback())).unwrap();
    let public = authority.population.host(Fault::None, 4);
    // A domain whose servers are all dead says nothing of the way to the others.
    let dead = authority.population.host(Fault::AllDead, 1);
    let asked = [
        public.clone(),
        dead.clone(),
        "minio".into(),
        "a.b.internal".into(),
    ];
    for (name, result) in resolve(&service, &asked) {
        let from_fallback = result
            .as_ref()
            .is_ok_and(|one| *one.addrs == [IpAddr::from(FALLBACK_ADDR)]);
        assert_eq!(
            from_fallback,
            name != public && name != dead,
            "{name}: {result:?}"
        );
        assert_eq!(result.is_err(), name == dead, "{name}");
    }
    assert!(!service.handle().stats().snapshot().fell_back);
}

#[test]
fn a_look_up_shows_each_question_from_the_root_to_the_answer() {
    let (authority, _served, settings) = lab();
    let mut tracer = Tracer::open(setup(settings), false).unwrap();
    let host = authority.population.host(Fault::Truncates, 1);
    let traced = tracer.look_up(&host).unwrap();
    let addrs = traced.result.unwrap().addrs;
    let zones: Vec<&str> = traced.steps.iter().map(|step| step.zone.as_str()).collect();
    let domain = host.split_once('.').unwrap().1;
    let tld = domain.split_once('.').unwrap().1;
    let below = [format!("{tld}."), format!("{domain}.")];
    assert_eq!(zones, [".", &below[0], &below[1], &below[1]]);
    for (step, zone) in traced.steps.iter().zip(&below) {
        assert!(
            matches!(&step.outcome, StepOutcome::Referral { zone: to, .. } if to == zone),
            "{step:?}"
        );
    }
    assert_eq!(traced.steps[2].outcome, StepOutcome::Truncated);
    assert_eq!(traced.steps[3].outcome, StepOutcome::Addrs(addrs.to_vec()));
    assert!(!traced.steps[2].tcp && traced.steps[3].tcp && tracer.has_heard());
    // Known by now: nobody is asked.
    let again = tracer.look_up(&host).unwrap();
    assert!(again.result.is_ok() && again.steps.is_empty());
}
