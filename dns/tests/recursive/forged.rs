//! Messages from an attacker or a broken server: none is accepted, none stops the machine.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use turbo2ds_dns::DnsError;
use turbo2ds_dns::recursive::{Machine, Output, Time};

use crate::dnslab::{Authority, Fault, Population, mixed};
use crate::simulate::{PORT, Simulation, settings};

const EVIL: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);
const GOOD: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const ROOT: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
const NS_ADDR: Ipv4Addr = Ipv4Addr::new(127, 9, 9, 9);

/// A machine with one root server, and the question it has sent.
struct Bench {
    machine: Machine,
    now: Time,
}

struct Asked {
    socket: u16,
    to: SocketAddr,
    message: Message,
}

impl Asked {
    fn name(&self) -> Name {
        self.message.queries[0].name().clone()
    }

    /// An empty answer that matches in everything.
    fn reply(&self) -> Message {
        let mut reply = Message::response(self.message.metadata.id, self.message.metadata.op_code);
        reply.metadata.authoritative = true;
        reply.add_query(self.message.queries[0].clone());
        reply
    }

    fn with_address(&self, addr: Ipv4Addr) -> Message {
        let mut reply = self.reply();
        reply.add_answer(a_record(self.name(), addr));
        reply
    }
}

fn a_record(name: Name, addr: Ipv4Addr) -> Record {
    Record::from_rdata(name, 3600, RData::A(A(addr)))
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

impl Bench {
    fn new() -> Self {
        let authority = Authority::new(Population::new(1, 1));
        let mut settings = settings(&authority);
        settings.roots = vec![IpAddr::from(ROOT)];
        Self {
            machine: Machine::new(settings, [3; 32]),
            now: Time::default(),
        }
    }

    fn ask(&mut self, name: &str) -> Asked {
        self.machine.ask(name, 1, self.now);
        self.sent()
    }

    /// The next datagram; the test fails if something else comes first.
    fn sent(&mut self) -> Asked {
        match self.machine.poll() {
            Some(Output::Udp { socket, to, bytes }) => Asked {
                socket,
                to,
                message: Message::from_vec(&bytes).unwrap(),
            },
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, asked: &Asked, reply: &Message) {
        let bytes = reply.to_vec().unwrap();
        self.machine
            .receive(asked.socket, asked.to, &bytes, self.now);
    }

    fn answer(&mut self) -> Result<Vec<IpAddr>, DnsError> {
        match self.machine.poll() {
            Some(Output::Answer { result, .. }) => result.map(|answer| answer.addrs.to_vec()),
            other => panic!("{other:?}"),
        }
    }

    /// Nothing was believed: the true answer, given now, is what comes out and what is kept.
    fn true_answer_wins(mut self, asked: &Asked) {
        assert_eq!(self.machine.cache_len(), 0);
        assert!(self.machine.poll().is_none());
        self.receive(asked, &asked.with_address(GOOD));
        assert_eq!(self.answer(), Ok(vec![GOOD.into()]));
        self.machine.ask("www.a.test", 2, self.now);
        assert_eq!(self.answer(), Ok(vec![GOOD.into()]));
    }
}

#[test]
fn a_wrong_id_is_not_believed() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    let mut forged = asked.with_address(EVIL);
    for step in 1..500 {
        forged.metadata.id = asked.message.metadata.id.wrapping_add(step);
        bench.receive(&asked, &forged);
    }
    bench.true_answer_wins(&asked);
}

#[test]
fn a_wrong_source_or_socket_is_not_believed() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    let forged = asked.with_address(EVIL).to_vec().unwrap();
    for from in ["127.1.0.2:53", "127.1.0.1:54", "[::1]:53"] {
        let from = from.parse().unwrap();
        bench
            .machine
            .receive(asked.socket, from, &forged, bench.now);
    }
    for socket in (0..64).filter(|one| *one != asked.socket) {
        bench.machine.receive(socket, asked.to, &forged, bench.now);
    }
    bench.true_answer_wins(&asked);
}

#[test]
fn a_wrong_question_is_not_believed() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    for (other, kind) in [
        (name("www.b.test."), RecordType::A),
        (asked.name(), RecordType::AAAA),
    ] {
        let mut forged = asked.with_address(EVIL);
        forged.queries = vec![Query::query(other, kind)];
        bench.receive(&asked, &forged);
    }
    let mut without = asked.with_address(EVIL);
    without.queries.clear();
    bench.receive(&asked, &without);
    // The question itself, sent back.
    bench.receive(&asked, &asked.message);
    bench.true_answer_wins(&asked);
}

#[test]
fn a_question_in_other_letters_is_asked_again_over_tcp_and_not_believed() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    assert_ne!(asked.name().to_ascii(), "www.a.test.", "the case is mixed");
    let mut forged = asked.with_address(EVIL);
    forged.queries = vec![Query::query(name("www.a.test."), RecordType::A)];
    bench.receive(&asked, &forged);
    bench.receive(&asked, &forged);
    let tcp = bench.machine.poll();
    assert!(matches!(tcp, Some(Output::Tcp { .. })), "{tcp:?}");
    bench.receive(&asked, &asked.with_address(GOOD));
    let closed = bench.machine.poll();
    assert!(matches!(closed, Some(Output::TcpClosed(_))), "{closed:?}");
    assert_eq!(bench.answer(), Ok(vec![GOOD.into()]));
}

#[test]
fn ids_sockets_and_letters_cannot_be_foreseen() {
    let mut bench = Bench::new();
    let (mut pairs, mut sockets, mut spellings) = (HashSet::new(), HashSet::new(), HashSet::new());
    for n in 0..400 {
        let asked = bench.ask(&format!("{n}.a-name-of-some-length.test"));
        pairs.insert((asked.socket, asked.message.metadata.id));
        sockets.insert(asked.socket);
        let letters = asked.name().to_ascii();
        spellings.insert(letters.split_once('.').map(|(_, rest)| rest.to_owned()));
    }
    assert_eq!(pairs.len(), 400);
    assert_eq!(sockets.len(), 64);
    assert!(spellings.len() > 390, "{}", spellings.len());
}

/// The servers of `zone`, with an address for each where one is given.
fn referral(asked: &Asked, zone: &str, servers: &[(&str, Option<Ipv4Addr>)]) -> Message {
    let mut reply = asked.reply();
    reply.metadata.authoritative = false;
    for (server, addr) in servers {
        let ns = RData::NS(NS(name(server)));
        reply.add_authority(Record::from_rdata(name(zone), 3600, ns));
        if let Some(addr) = addr {
            reply.add_additional(a_record(name(server), *addr));
        }
    }
    reply
}

#[test]
fn records_outside_the_zone_asked_never_enter_the_cache() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    let to_test = referral(&asked, "test.", &[("ns.test.", Some(NS_ADDR))]);
    bench.receive(&asked, &to_test);
    // The servers of "test" speak for nothing but "test".
    let asked = bench.sent();
    assert_eq!(asked.to, (NS_ADDR, PORT).into());
    let mut reply = asked.reply();
    let alias = RData::CNAME(CNAME(name("www.victim.org.")));
    reply.add_answer(Record::from_rdata(asked.name(), 3600, alias));
    reply.add_answer(a_record(name("www.victim.org."), EVIL));
    let ns = RData::NS(NS(name("ns.test.")));
    reply.add_authority(Record::from_rdata(name("org."), 3600, ns.clone()));
    reply.add_authority(Record::from_rdata(name("victim.org."), 3600, ns));
    reply.add_additional(a_record(name("www.victim.org."), EVIL));
    bench.receive(&asked, &reply);
    // The alias's target is asked for, from the root.
    let asked = bench.sent();
    assert_eq!(asked.to, (ROOT, PORT).into());
    assert!(
        asked
            .name()
            .to_ascii()
            .eq_ignore_ascii_case("www.victim.org.")
    );
    bench.receive(&asked, &asked.with_address(GOOD));
    assert_eq!(bench.answer(), Ok(vec![GOOD.into()]));
    bench.machine.ask("www.victim.org", 2, bench.now);
    assert_eq!(bench.answer(), Ok(vec![GOOD.into()]));
}

#[test]
fn glue_for_a_name_outside_the_zone_is_looked_up_instead() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    let to_test = referral(&asked, "test.", &[("ns.test.", Some(NS_ADDR))]);
    bench.receive(&asked, &to_test);
    let asked = bench.sent();
    let outside = referral(&asked, "a.test.", &[("ns.victim.org.", Some(EVIL))]);
    bench.receive(&asked, &outside);
    let asked = bench.sent();
    assert_eq!(asked.to, (ROOT, PORT).into());
    assert!(
        asked
            .name()
            .to_ascii()
            .eq_ignore_ascii_case("ns.victim.org.")
    );
}

#[test]
fn a_referral_that_does_not_lead_down_is_refused() {
    for zone in [".", "test.", "b.test.", "org.", "b.www.a.test."] {
        let mut bench = Bench::new();
        let asked = bench.ask("www.a.test");
        let to_test = referral(&asked, "test.", &[("ns.test.", Some(NS_ADDR))]);
        bench.receive(&asked, &to_test);
        let known = bench.machine.cache_len();
        let asked = bench.sent();
        let wrong = referral(&asked, zone, &[("ns.test.", Some(EVIL))]);
        bench.receive(&asked, &wrong);
        assert_eq!(bench.answer(), Err(DnsError::Failure), "{zone}");
        // The failure is remembered, the servers are not.
        assert_eq!(bench.machine.cache_len(), known + 1, "{zone}");
    }
}

#[test]
fn servers_at_private_addresses_are_not_asked_unless_allowed() {
    let authority = Authority::new(Population::new(1, 1));
    let mut settings = settings(&authority);
    settings.roots = vec![IpAddr::from([198, 41, 0, 4])];
    settings.private_servers = false;
    let mut bench = Bench::new();
    bench.machine = Machine::new(settings, [3; 32]);
    let asked = bench.ask("www.a.test");
    let inside = Ipv4Addr::new(192, 168, 0, 1);
    let reply = referral(&asked, "test.", &[("ns.test.", Some(inside))]);
    bench.receive(&asked, &reply);
    assert_eq!(bench.answer(), Err(DnsError::TimedOut));
}

/// Each server of each zone below is another made-up name without an address (the NXNS attack).
#[test]
fn a_zone_of_made_up_servers_causes_a_bounded_number_of_queries() {
    let mut bench = Bench::new();
    let mut asked = bench.ask("www.a.test");
    let mut queries = 0_u64;
    loop {
        queries += 1;
        assert!(queries <= 41, "one name, {queries} queries");
        let full = asked.name().to_ascii().to_ascii_lowercase();
        let zone = full.split_once('.').map_or(".", |(_, zone)| zone);
        let names: Vec<String> = (0..13)
            .map(|n| format!("ns{queries}x{n}.z{queries}x{n}.victim{n}.org."))
            .collect();
        let servers: Vec<(&str, Option<Ipv4Addr>)> =
            names.iter().map(|name| (name.as_str(), None)).collect();
        let reply = referral(&asked, zone, &servers);
        bench.receive(&asked, &reply);
        asked = loop {
            match bench.machine.poll() {
                Some(Output::Udp { socket, to, bytes }) => {
                    break Asked {
                        socket,
                        to,
                        message: Message::from_vec(&bytes).unwrap(),
                    };
                }
                Some(Output::Answer { result, .. }) => {
                    assert!(result.is_err());
                    return;
                }
                Some(other) => panic!("{other:?}"),
                None => {
                    let wake = bench.machine.next_wake().expect("something is waited for");
                    bench.now = bench.now.max(wake);
                    bench.machine.tick(bench.now);
                }
            }
        };
    }
}

/// Answers each question for an alias of `next` of its name and number; gives how many were asked
/// until the failure, which must come before `most`.
fn aliases_followed(most: usize, next: impl Fn(&str, usize) -> String) -> usize {
    let mut bench = Bench::new();
    let mut asked = bench.ask("w0.test");
    for n in 1..=most {
        let mut reply = asked.reply();
        let at = asked.name().to_ascii().to_ascii_lowercase();
        let alias = RData::CNAME(CNAME(name(&next(&at, n))));
        reply.add_answer(Record::from_rdata(asked.name(), 60, alias));
        bench.receive(&asked, &reply);
        match bench.machine.poll() {
            Some(Output::Udp { socket, to, bytes }) => {
                let message = Message::from_vec(&bytes).unwrap();
                asked = Asked {
                    socket,
                    to,
                    message,
                };
            }
            Some(Output::Answer { result, .. }) => {
                assert_eq!(result, Err(DnsError::Failure));
                return n;
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("it goes on");
}

#[test]
fn aliases_in_a_circle_end_in_a_failure() {
    aliases_followed(40, |at, _| match at {
        "w0.test." => "w1.test.".to_owned(),
        _ => "w0.test.".to_owned(),
    });
}

#[test]
fn a_long_chain_of_aliases_ends() {
    let n = aliases_followed(59, |_, n| format!("w{n}.test."));
    assert!(n > 8, "a chain of {n} is followed");
}

#[test]
fn an_absence_without_authority_is_believed_only_if_no_server_knows_better() {
    let mut bench = Bench::new();
    let asked = bench.ask("www.a.test");
    let other = Ipv4Addr::new(127, 9, 9, 10);
    let servers = [("ns1.test.", Some(NS_ADDR)), ("ns2.test.", Some(other))];
    let reply = referral(&asked, "test.", &servers);
    bench.receive(&asked, &reply);
    let asked = bench.sent();
    let mut weak = asked.reply();
    weak.metadata.authoritative = false;
    weak.metadata.response_code = ResponseCode::NXDomain;
    bench.receive(&asked, &weak);
    let asked = bench.sent();
    bench.receive(&asked, &asked.with_address(GOOD));
    assert_eq!(bench.answer(), Ok(vec![GOOD.into()]));
}

/// Changes one to four bytes, cuts off, or repeats a piece.
fn mutate(draw: u64, bytes: &mut Vec<u8>) {
    let pick = |n: u64, bound: usize| {
        usize::try_from(mixed(draw, n) % bound.max(1) as u64).unwrap_or_default()
    };
    match draw % 8 {
        0 => bytes.truncate(pick(1, bytes.len())),
        1 => {
            let from = pick(1, bytes.len());
            let piece = bytes[from..].to_vec();
            bytes.extend(piece);
        }
        2 => {}
        changes => {
            for n in 0..=changes / 2 {
                // The id stays, so that most get past the first check.
                let at = 2 + pick(2 * n + 2, bytes.len() - 2);
                bytes[at] = mixed(draw, 2 * n + 3).to_le_bytes()[0];
            }
        }
    }
}

#[test]
fn broken_answers_never_panic_and_every_name_ends_in_time() {
    let mut answers = 0;
    for seed in 0..12 {
        let authority = Authority::new(Population::new(seed, 64));
        let mut simulation = Simulation::new(authority, settings(&authority), seed);
        simulation.tamper = Some(mutate);
        let names =
            (0..60).flat_map(|n| Fault::ALL.map(|fault| authority.population.host(fault, n)));
        let resolved = simulation.resolve(names.collect::<Vec<_>>(), 100);
        assert_eq!(resolved.len(), 60 * Fault::ALL.len());
        let slowest = resolved.iter().map(|one| one.took).max();
        assert!(slowest <= Some(Duration::from_secs(6)), "{slowest:?}");
        assert!(simulation.queries <= 41 * resolved.len() as u64);
        assert_eq!(simulation.machine.open(), 0);
        answers += simulation.queries;
    }
    assert!(answers > 40_000, "{answers}");
}
