//! Owns the names of the fake web: a DNS responder over UDP and TCP (RFC 1035) whose answer depends
//! only on the name. Never forwards, never caches, and never answers with an address that does not
//! follow from the name.
//!
//! | name | answer |
//! |---|---|
//! | `*.ok.test` | A, an address of 127.0.0.0/8 that depends on the name alone |
//! | `ip-A-B-C-D.test` | A, the address in the name |
//! | `empty.*` | NOERROR without a record |
//! | `servfail.*`, `refused.*` | that response code |
//! | `silent.*` | nothing, ever |
//! | `NAME.dns.test` | what the row of that name in [`crate::web::faults`] says |
//! | anything else, `nx.*` among it | NXDOMAIN |

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use hickory_proto::op::{Message, MessageType, Metadata, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::web::faults::{self, Asked, Datagrams};

/// Seconds an answer may be cached.
const TTL_SECONDS: u32 = 60;
/// Largest query read, bytes: EDNS's usual size.
const QUERY_BYTES_MAX: usize = 4096;
/// Ports tried for one that is free for both UDP and TCP.
const PORT_TRIES: u32 = 20;

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

/// The responder's sockets.
pub(crate) struct Responder {
    udp: UdpSocket,
    tcp: TcpListener,
}

/// Binds UDP and TCP at the same port; port 0 is any that both have free.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<Responder> {
    let mut tries = PORT_TRIES;
    loop {
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok(Responder { udp, tcp }),
            Err(error) if address.port() != 0 || tries == 0 => return Err(error),
            Err(_) => tries -= 1,
        }
    }
}

impl Responder {
    pub(crate) fn port(&self) -> io::Result<u16> {
        Ok(self.udp.local_addr()?.port())
    }

    /// Answers queries until the task is dropped.
    pub(crate) async fn serve(self) {
        tokio::spawn(accept(self.tcp));
        let socket = Arc::new(self.udp);
        let mut buffer = vec![0; QUERY_BYTES_MAX];
        loop {
            // An error here is the ICMP of a client that has left; the socket stays good.
            let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
                continue;
            };
            let datagrams = datagrams_for(&buffer[..length], false);
            // A slow answer holds up nobody else.
            tokio::spawn(send(socket.clone(), datagrams, peer));
        }
    }
}

async fn send(socket: Arc<UdpSocket>, datagrams: Datagrams, peer: SocketAddr) {
    tokio::time::sleep(datagrams.after).await;
    let elsewhere = if datagrams.from_elsewhere {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()
    } else {
        None
    };
    for datagram in datagrams.all {
        let from = elsewhere.as_ref().unwrap_or(&socket);
        let _ = from.send_to(&datagram, peer).await;
    }
}

async fn accept(listener: TcpListener) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // An error is a client that has left.
            tokio::spawn(serve_stream(stream));
        }
    }
}

/// Answers the questions of one TCP connection; the first without an answer closes it.
async fn serve_stream(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let mut query = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut query).await?;
        let answers = datagrams_for(&query, true).all;
        if answers.is_empty() {
            return Ok(());
        }
        for answer in answers {
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream
                .write_all(&[&length.to_be_bytes()[..], &answer].concat())
                .await?;
        }
    }
}

/// What is sent for a query: what a fault says where the name is one's, else the usual answer.
fn datagrams_for(query: &[u8], tcp: bool) -> Datagrams {
    if let Ok(message) = Message::from_vec(query)
        && let Some(question) = message.queries.first()
        && let Some(fault) = faults::answer_on(&question.name().to_ascii())
    {
        let query = &message;
        return fault(&Asked { query, tcp });
    }
    Datagrams {
        all: respond(query, answer).into_iter().collect(),
        ..Datagrams::default()
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
