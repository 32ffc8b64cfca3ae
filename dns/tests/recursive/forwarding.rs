//! The machine forwarding to recursive servers: it asks them for complete answers, accepts non-authoritative
//! ones, and asks no other server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, CNAME, NS};
use hickory_proto::rr::{Name, RData, Record};
use turbo2ds_dns::recursive::{Machine, Output, Settings, Time};
use turbo2ds_dns::{Answer, DnsError};

const PORT: u16 = 5300;
const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 1)];
const WWW: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 7);

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

struct Bench {
    machine: Machine,
    now: Time,
    asked: Vec<SocketAddr>,
}

impl Bench {
    fn new(servers: &[Ipv4Addr]) -> Self {
        let servers = servers.iter().copied().map(IpAddr::from).collect();
        let settings = Settings::forwarding(servers, PORT);
        Self {
            machine: Machine::new(settings, [7; 32]),
            now: Time::default(),
            asked: Vec::new(),
        }
    }

    /// What becomes of `www.a.test.` where each question meets `server`; silence is `None`.
    fn resolve(
        &mut self,
        server: impl Fn(SocketAddr, &mut Message) -> Option<()>,
    ) -> Result<Answer, DnsError> {
        self.machine.ask("www.a.test", 1, self.now);
        loop {
            match self.machine.poll() {
                Some(Output::Udp { socket, to, bytes }) => {
                    self.asked.push(to);
                    let question = Message::from_vec(&bytes).unwrap();
                    assert!(question.metadata.recursion_desired);
                    let (id, code) = (question.metadata.id, question.metadata.op_code);
                    let mut reply = Message::response(id, code);
                    reply.add_query(question.queries[0].clone());
                    if server(to, &mut reply).is_some() {
                        let bytes = reply.to_vec().unwrap();
                        self.machine.receive(socket, to, &bytes, self.now);
                    }
                }
                Some(Output::Answer { token, result }) => {
                    assert_eq!(token, 1);
                    return result;
                }
                Some(other) => panic!("{other:?}"),
                None => {
                    self.now = self.machine.next_wake().expect("something is waited for");
                    self.machine.tick(self.now);
                }
            }
        }
    }
}

fn address(reply: &mut Message, owner: &Name) {
    reply.add_answer(Record::from_rdata(owner.clone(), 300, RData::A(A(WWW))));
}

#[test]
fn an_answer_without_authority_counts_through_all_its_aliases() {
    let mut bench = Bench::new(&SERVERS[..1]);
    let answer = bench.resolve(|_, reply| {
        let owner = reply.queries[0].name().clone();
        let target = name("edge.cdn.example.");
        let alias = RData::CNAME(CNAME(target.clone()));
        reply.add_answer(Record::from_rdata(owner, 60, alias));
        address(reply, &target);
        Some(())
    });
    let answer = answer.unwrap();
    assert_eq!(*answer.addrs, [IpAddr::from(WWW)]);
    assert_eq!(answer.ttl, Duration::from_secs(60));
    assert_eq!(bench.asked.len(), 1);
}

#[test]
fn no_such_name_and_no_address_are_believed_without_an_soa() {
    for code in [ResponseCode::NXDomain, ResponseCode::NoError] {
        let mut bench = Bench::new(&SERVERS[..1]);
        let result = bench.resolve(|_, reply| {
            reply.metadata.response_code = code;
            Some(())
        });
        assert_eq!(result, Err(DnsError::NotFound), "{code:?}");
    }
}

#[test]
fn a_server_that_fails_or_is_silent_is_followed_by_the_other() {
    for code in [
        None,
        Some(ResponseCode::ServFail),
        Some(ResponseCode::Refused),
    ] {
        let mut bench = Bench::new(&SERVERS);
        let first = std::cell::Cell::new(None);
        let result = bench.resolve(|to, reply| {
            if first.get().is_none_or(|first| first == to) {
                first.set(Some(to));
                reply.metadata.response_code = code?;
                return Some(());
            }
            let owner = reply.queries[0].name().clone();
            address(reply, &owner);
            Some(())
        });
        assert!(result.is_ok(), "{code:?}: {result:?}");
    }
}

#[test]
fn a_referral_is_not_followed() {
    let mut bench = Bench::new(&SERVERS[..1]);
    let result = bench.resolve(|_, reply| {
        let server = name("ns.a.test.");
        let delegation = RData::NS(NS(server.clone()));
        reply.add_authority(Record::from_rdata(name("a.test."), 300, delegation));
        let glue = RData::A(A(Ipv4Addr::new(203, 0, 113, 1)));
        reply.add_additional(Record::from_rdata(server, 300, glue));
        Some(())
    });
    assert_eq!(result, Err(DnsError::Failure));
    let server = SocketAddr::from((SERVERS[0], PORT));
    assert!(
        bench.asked.iter().all(|&to| to == server),
        "{:?}",
        bench.asked
    );
}

#[test]
fn servers_that_are_all_silent_end_as_timed_out_within_the_names_time() {
    let mut bench = Bench::new(&SERVERS);
    assert_eq!(bench.resolve(|_, _| None), Err(DnsError::TimedOut));
    let took = bench.now.since(Time::default());
    assert!(took <= Duration::from_secs(8), "{took:?}");
}
