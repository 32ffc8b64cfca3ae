//! Owns the faults of name server answers: codes, silence, truncation, forgeries, aliases, invalid
//! messages (RFC 1035, RFC 2181, RFC 5452).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, TXT};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::Expect::{Download, Success};
use super::{Expect, Fault, Way, row};

const NOT_FOUND: Expect = Download("dns not found");
const FAILURE: Expect = Download("dns failure");
const TIMED_OUT: Expect = Download("dns timed out");
const ADDRESS: Expect = Download("address not allowed");
const TTL_S: u32 = 60;
/// Where the fake web is.
const HOST: Ipv4Addr = Ipv4Addr::new(127, 3, 3, 3);

/// A question, and how it came.
pub(crate) struct Asked<'a> {
    pub(crate) query: &'a Message,
    pub(crate) tcp: bool,
}

/// What the name server sends for one question.
#[derive(Default)]
pub(crate) struct Datagrams {
    pub(crate) after: Duration,
    /// Over TCP each with its length before it; none closes the connection.
    pub(crate) all: Vec<Vec<u8>>,
    /// They come from a port that was not asked.
    pub(crate) from_elsewhere: bool,
}

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    name("dns-good", "one address", Success, |asked| one(asked.good())),
    name("dns-nxdomain", "no such name", NOT_FOUND, |asked| code(asked, ResponseCode::NXDomain)),
    name("dns-empty", "the name, and no address", NOT_FOUND, |asked| one(asked.reply())),
    name("dns-text-alone", "the name with a text and no address", NOT_FOUND, |asked| { let mut reply = asked.reply(); reply.add_answer(asked.record(RData::TXT(TXT::new(vec!["x".into()])))); one(reply) }),
    name("dns-servfail", "SERVFAIL", FAILURE, |asked| code(asked, ResponseCode::ServFail)),
    name("dns-refused", "REFUSED", FAILURE, |asked| code(asked, ResponseCode::Refused)),
    name("dns-notimp", "NOTIMP", FAILURE, |asked| code(asked, ResponseCode::NotImp)),
    name("dns-formerr", "FORMERR, with and without EDNS", FAILURE, |asked| code(asked, ResponseCode::FormErr)),
    name("dns-notauth", "NOTAUTH", FAILURE, |asked| code(asked, ResponseCode::NotAuth)),
    name("dns-code-unassigned", "a code nobody assigned", FAILURE, |asked| code(asked, ResponseCode::from(0, 13))),
    name("dns-silent", "nothing", TIMED_OUT, |_| Datagrams::default()),
    name("dns-slow", "the address after half a second", Success, |asked| Datagrams { after: Duration::from_millis(500), ..one(asked.good()) }),
    name("dns-edns-dropped", "nothing to a question with EDNS, from a server that speaks it else", TIMED_OUT, |asked| if asked.query.edns.is_some() { Datagrams::default() } else { one(asked.good()) }),

    name("dns-wrong-id", "an answer to another question's number", TIMED_OUT, |asked| { let mut reply = asked.good(); reply.metadata.id ^= 1; one(reply) }),
    name("dns-forgery-first", "an answer to another question's number, then the true one", Success, |asked| { let mut forged = asked.poison(); forged.metadata.id ^= 1; many([forged, asked.good()]) }),
    name("dns-wrong-question", "an answer to another question", TIMED_OUT, |asked| { let mut reply = asked.good(); reply.queries = vec![Query::query(here("other.dns.test."), RecordType::A)]; one(reply) }),
    name("dns-no-question", "an answer without the question", TIMED_OUT, |asked| { let mut reply = asked.good(); reply.queries.clear(); one(reply) }),
    name("dns-not-an-answer", "the question, sent back as it is", TIMED_OUT, |asked| one(asked.query.clone())),
    name("dns-other-port", "the true answer from a port that was not asked", TIMED_OUT, |asked| Datagrams { from_elsewhere: true, ..one(asked.good()) }),
    name("dns-twice", "the same answer twice", Success, |asked| many([asked.good(), asked.good()])),
    name("dns-other-opcode", "an answer to another kind of message", TIMED_OUT, |asked| { let mut reply = asked.good(); reply.metadata.op_code = OpCode::Notify; one(reply) }),

    name("dns-other-owner", "an address of a name that was not asked", NOT_FOUND, |asked| { let mut reply = asked.reply(); reply.add_answer(Record::from_rdata(here("bank.example."), TTL_S, RData::A(A(HOST)))); one(reply) }),
    name("dns-other-class", "an address of another class", NOT_FOUND, |asked| { let mut reply = asked.good(); for record in &mut reply.answers { record.dns_class = DNSClass::CH; } one(reply) }),
    name("dns-in-authority", "an address where only zones are told of", NOT_FOUND, |asked| { let mut reply = asked.reply(); reply.add_authority(asked.record(RData::A(A(HOST)))); one(reply) }),

    name("dns-alias", "an alias and its address", Success, |asked| chain(asked, 1)),
    name("dns-alias-chain", "six aliases and an address", Success, |asked| chain(asked, 6)),
    name("dns-alias-chain-long", "a hundred aliases and an address", FAILURE, |asked| chain(asked, 100)),
    name("dns-alias-backwards", "an alias behind its address", Success, |asked| { let mut chained = chained(asked, 2); chained.answers.reverse(); one(chained) }),
    name("dns-alias-to-itself", "an alias of itself", FAILURE, |asked| { let mut reply = asked.reply(); let own = asked.name(); reply.add_answer(asked.record(RData::CNAME(CNAME(own)))); one(reply) }),
    name("dns-alias-loop", "two aliases of each other", FAILURE, |asked| { let name = asked.name().to_ascii(); let to = name.strip_prefix("x.").map_or_else(|| format!("x.{name}"), str::to_owned); alias_to(asked, &to) }),
    name("dns-alias-to-nothing", "an alias of a name that does not exist", NOT_FOUND, |asked| alias_to(asked, "nx.test.")),
    name("dns-alias-elsewhere", "an alias whose address has to be asked for", Success, |asked| alias_to(asked, "alias.ok.test.")),
    name("dns-alias-to-private", "an alias of a name with a private address", ADDRESS, |asked| alias_to(asked, "ip-10-0-0-1.test.")),

    name("dns-private", "a private address", ADDRESS, |asked| addresses(asked, &[Ipv4Addr::new(192, 168, 0, 1)])),
    name("dns-metadata", "the address of a cloud's metadata", ADDRESS, |asked| addresses(asked, &[Ipv4Addr::new(169, 254, 169, 254)])),
    name("dns-unspecified", "0.0.0.0, as block lists answer", ADDRESS, |asked| addresses(asked, &[Ipv4Addr::UNSPECIFIED])),
    name("dns-all-private", "a hundred private addresses", ADDRESS, |asked| addresses(asked, &[Ipv4Addr::new(10, 9, 8, 7); 100])),
    name("dns-private-and-good", "a private address before an allowed one", Success, |asked| addresses(asked, &[Ipv4Addr::new(10, 0, 0, 1), HOST])),
    name("dns-many", "two hundred addresses, over TCP", Success, |asked| if asked.tcp { addresses(asked, &(0..200).map(|n| Ipv4Addr::new(127, 3, 4, n)).collect::<Vec<_>>()) } else { truncated(asked) }),
    name("dns-private-v6", "a private address of IPv6 to any question", ADDRESS, |asked| { let mut reply = asked.reply(); reply.add_answer(asked.record(RData::AAAA(AAAA(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1))))); reply.add_answer(asked.record(RData::A(A(Ipv4Addr::new(10, 0, 0, 1))))); one(reply) }),

    name("dns-truncated", "a truncated answer, the whole one over TCP", Success, |asked| if asked.tcp { one(asked.good()) } else { truncated(asked) }),
    name("dns-truncated-no-tcp", "a truncated answer, TCP closed", FAILURE, |asked| if asked.tcp { Datagrams::default() } else { truncated(asked) }),
    name("dns-truncated-twice", "a truncated answer, over TCP as well", FAILURE, truncated),
    name("dns-truncated-garbage", "a truncated answer, garbage over TCP", FAILURE, |asked| if asked.tcp { Datagrams { all: vec![vec![0xff; 600]], ..Datagrams::default() } } else { truncated(asked) }),

    name("dns-header-alone", "a header that promises an answer", TIMED_OUT, |asked| cut(asked, 12)),
    name("dns-cut", "an answer without its last bytes", FAILURE, |asked| { let bytes = bytes_of(&asked.good()); cut(asked, bytes.len() - 2) }),
    name("dns-one-byte", "one byte", TIMED_OUT, |asked| cut(asked, 1)),
    name("dns-no-bytes", "a datagram of nothing", TIMED_OUT, |asked| cut(asked, 0)),
    name("dns-noise", "noise behind the right number", TIMED_OUT, |asked| { let mut bytes = asked.query.metadata.id.to_be_bytes().to_vec(); bytes.extend((0..500_u32).map(|n| ((n * 89) >> 2) as u8 | 0x80)); Datagrams { all: vec![bytes], ..Datagrams::default() } }),
    name("dns-pointer-loop", "a name that points at itself", FAILURE, |asked| pointer(asked, 0)),
    name("dns-pointer-forward", "a name that points behind the message", FAILURE, |asked| pointer(asked, 0x3fff)),
    name("dns-counts-lie", "a header that promises 65,535 answers", FAILURE, |asked| { let mut bytes = bytes_of(&asked.good()); bytes[6..8].fill(0xff); Datagrams { all: vec![bytes], ..Datagrams::default() } }),
    name("dns-address-short", "an address of three bytes", FAILURE, |asked| { let mut bytes = bytes_of(&asked.good()); let at = bytes.len() - 5; bytes[at] = 3; bytes.pop(); Datagrams { all: vec![bytes], ..Datagrams::default() } }),
    name("dns-garbage-behind", "an answer with bytes of no meaning behind it", Success, |asked| { let mut bytes = bytes_of(&asked.good()); bytes.extend([0xaa; 40]); Datagrams { all: vec![bytes], ..Datagrams::default() } }),
];

const fn name(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    answer: fn(&Asked<'_>) -> Datagrams,
) -> Fault {
    row(name, does, expect, Way::Name(answer))
}

impl Asked<'_> {
    fn name(&self) -> Name {
        self.query
            .queries
            .first()
            .map_or_else(Name::root, |query| query.name().clone())
    }

    fn record(&self, data: RData) -> Record {
        Record::from_rdata(self.name(), TTL_S, data)
    }

    /// An answer with nothing in it.
    fn reply(&self) -> Message {
        let mut reply = Message::new(self.query.metadata.id, MessageType::Response, OpCode::Query);
        reply.metadata = Metadata::response_from_request(&self.query.metadata);
        reply.metadata.recursion_available = true;
        reply.metadata.authoritative = true;
        for query in &self.query.queries {
            reply.add_query(query.clone());
        }
        reply
    }

    fn is_for_addresses(&self) -> bool {
        let mut queries = self.query.queries.iter();
        queries.any(|query| query.query_type() == RecordType::A)
    }

    fn with(&self, addresses: &[Ipv4Addr]) -> Message {
        let mut reply = self.reply();
        for address in addresses.iter().filter(|_| self.is_for_addresses()) {
            reply.add_answer(self.record(RData::A(A(*address))));
        }
        reply
    }

    /// The address of the fake web.
    fn good(&self) -> Message {
        self.with(&[HOST])
    }

    /// An address that nobody may be led to.
    fn poison(&self) -> Message {
        self.with(&[Ipv4Addr::new(10, 6, 6, 6)])
    }
}

fn here(name: &str) -> Name {
    Name::from_ascii(name).expect("the names in this table are names")
}

fn bytes_of(message: &Message) -> Vec<u8> {
    message
        .to_vec()
        .expect("the messages of this table are small")
}

fn one(message: Message) -> Datagrams {
    many([message])
}

fn many(messages: impl IntoIterator<Item = Message>) -> Datagrams {
    Datagrams {
        all: messages
            .into_iter()
            .map(|message| bytes_of(&message))
            .collect(),
        ..Datagrams::default()
    }
}

fn code(asked: &Asked<'_>, code: ResponseCode) -> Datagrams {
    let mut reply = asked.reply();
    reply.metadata.response_code = code;
    one(reply)
}

fn addresses(asked: &Asked<'_>, addresses: &[Ipv4Addr]) -> Datagrams {
    one(asked.with(addresses))
}

fn truncated(asked: &Asked<'_>) -> Datagrams {
    let mut reply = asked.reply();
    reply.metadata.truncation = true;
    one(reply)
}

fn alias_to(asked: &Asked<'_>, to: &str) -> Datagrams {
    let mut reply = asked.reply();
    reply.add_answer(asked.record(RData::CNAME(CNAME(here(to)))));
    one(reply)
}

fn chain(asked: &Asked<'_>, links: u32) -> Datagrams {
    one(chained(asked, links))
}

/// Aliases one after the other, and the address at their end.
fn chained(asked: &Asked<'_>, links: u32) -> Message {
    let mut reply = asked.reply();
    let first = asked.name();
    let mut owner = first.clone();
    for link in 0..links {
        let to = here(&format!("link{link}.{first}"));
        let alias = RData::CNAME(CNAME(to.clone()));
        reply.add_answer(Record::from_rdata(owner, TTL_S, alias));
        owner = to;
    }
    if asked.is_for_addresses() {
        reply.add_answer(Record::from_rdata(owner, TTL_S, RData::A(A(HOST))));
    }
    reply
}

/// The true answer's first bytes.
fn cut(asked: &Asked<'_>, length: usize) -> Datagrams {
    let mut bytes = bytes_of(&asked.good());
    bytes.truncate(length);
    Datagrams {
        all: vec![bytes],
        ..Datagrams::default()
    }
}

/// An answer whose owner's name is a pointer to `at`, or to itself where that is 0.
fn pointer(asked: &Asked<'_>, at: u16) -> Datagrams {
    let mut bytes = bytes_of(&asked.reply());
    bytes[6..8].copy_from_slice(&1_u16.to_be_bytes());
    let at = if at == 0 { bytes.len() as u16 } else { at };
    bytes.extend((0xc000 | at).to_be_bytes());
    bytes.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 3, 3, 3]);
    Datagrams {
        all: vec![bytes],
        ..Datagrams::default()
    }
}
