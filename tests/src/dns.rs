//! Owns the names of the fake web: a DNS responder over UDP (RFC 1035) that decides by the name.
//! Never forwards, never caches, never answers with an address its name does not spell out.
//!
//! | name | answer |
//! |---|---|
//! | `*.ok.test` | A, an address of 127.0.0.0/8 that depends on the name alone |
//! | `ip-A-B-C-D.test` | A, the address in the name |
//! | `empty.*` | NOERROR without a record |
//! | `servfail.*`, `refused.*` | that response code |
//! | `silent.*` | nothing, ever |
//! | anything else, `nx.*` among it | NXDOMAIN |

use std::net::Ipv4Addr;

use hickory_proto::op::{Message, MessageType, Metadata, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::net::UdpSocket;

/// Seconds an answer may be cached.
const TTL_SECONDS: u32 = 60;
/// Largest query read, bytes: EDNS's usual size.
const QUERY_BYTES_MAX: usize = 4096;

/// What the responder does for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// One A record, or no record where another type is asked.
    Address(Ipv4Addr),
    /// NOERROR and no record.
    Empty,
    /// A bare response code.
    Code(ResponseCode),
    /// No datagram at all.
    Silence,
}

/// The answer for a name, case-blind, with or without the closing dot.
pub fn answer(name: &str) -> Answer {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let first = name.split('.').next().unwrap_or("");
    match first {
        "nx" => Answer::Code(ResponseCode::NXDomain),
        "servfail" => Answer::Code(ResponseCode::ServFail),
        "refused" => Answer::Code(ResponseCode::Refused),
        "silent" => Answer::Silence,
        "empty" => Answer::Empty,
        _ if name.ends_with(".ok.test") => Answer::Address(loopback_of(&name)),
        _ => spelled_out(&name).map_or(Answer::Code(ResponseCode::NXDomain), Answer::Address),
    }
}

/// A loopback address by FNV-1a of the name; no octet but the first is 0 or 255.
fn loopback_of(name: &str) -> Ipv4Addr {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [a, b, c, ..] = (hash ^ (hash >> 32)).to_le_bytes();
    let octet = |byte: u8| byte % 254 + 1;
    Ipv4Addr::new(127, octet(a), octet(b), octet(c))
}

/// The address in `ip-A-B-C-D.test`.
fn spelled_out(name: &str) -> Option<Ipv4Addr> {
    name.strip_prefix("ip-")?
        .strip_suffix(".test")?
        .replace('-', ".")
        .parse()
        .ok()
}

/// Answers queries until the task is dropped.
pub(crate) async fn serve(socket: UdpSocket) {
    let mut buffer = vec![0; QUERY_BYTES_MAX];
    loop {
        // An error here is the ICMP of a client that has left; the socket stays good.
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(reply) = respond(&buffer[..length], answer) {
            let _ = socket.send_to(&reply, peer).await;
        }
    }
}

/// The datagram that answers a query as `answer` says of its name, which it gets as it was asked; or
/// `None` for silence and for what is no query.
pub fn respond(query: &[u8], answer: impl FnOnce(&str) -> Answer) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    if query.metadata.message_type != MessageType::Query {
        return None;
    }
    let question = query.queries.first()?;
    let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
    reply.metadata = Metadata::response_from_request(&query.metadata);
    reply.metadata.recursion_available = true;
    reply.metadata.authoritative = true;
    reply.add_query(question.clone());
    match answer(&question.name().to_ascii()) {
        Answer::Silence => return None,
        Answer::Empty => {}
        Answer::Code(code) => reply.metadata.response_code = code,
        Answer::Address(address) if question.query_type() == RecordType::A => {
            let data = RData::A(A(address));
            reply.add_answer(Record::from_rdata(
                question.name().clone(),
                TTL_SECONDS,
                data,
            ));
        }
        Answer::Address(_) => {}
    }
    reply.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{OpCode, Query};
    use hickory_proto::rr::Name;

    #[test]
    fn a_host_of_the_fake_web_has_one_loopback_address() {
        let Answer::Address(address) = answer("a.ok.test") else {
            panic!("no address")
        };
        assert!(address.is_loopback());
        assert_eq!(answer("A.OK.test."), Answer::Address(address));
        assert_ne!(answer("b.ok.test"), Answer::Address(address));
    }

    #[test]
    fn an_address_in_the_name_is_the_answer() {
        let private = Ipv4Addr::new(10, 0, 0, 1);
        assert_eq!(answer("ip-10-0-0-1.test"), Answer::Address(private));
    }

    #[test]
    fn an_unknown_name_does_not_exist() {
        assert_eq!(answer("nx.test"), Answer::Code(ResponseCode::NXDomain));
        assert_eq!(answer("example.org"), Answer::Code(ResponseCode::NXDomain));
    }

    #[test]
    fn a_query_is_answered_with_its_own_id_and_question() {
        let mut query = Message::new(4711, MessageType::Query, OpCode::Query);
        let name = Name::from_ascii("a.ok.test.").unwrap();
        query.add_query(Query::query(name, RecordType::A));
        let reply = Message::from_vec(&respond(&query.to_vec().unwrap(), answer).unwrap()).unwrap();
        assert_eq!(reply.metadata.id, 4711);
        assert_eq!(reply.queries, query.queries);
        assert_eq!(reply.answers.len(), 1);
    }
}
