//! A name server for tests: real datagrams on the loopback, answers as the test scripts them.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};

/// What the server does with one question.
pub(crate) enum Reaction {
    /// The addresses, under the name asked for, with this TTL in seconds.
    Addrs(Vec<IpAddr>, u32),
    /// An alias of the first TTL to a name with an address of the second.
    Alias(u32, IpAddr, u32),
    /// No record and this code; `NoError` is NODATA.
    Code(ResponseCode),
    /// Nothing at all.
    Silence,
}

/// A question's identity: datagrams sent again because one got lost have the same.
type Asked = (u16, Name, RecordType);

/// The running server; stops when dropped.
pub(crate) struct Responder {
    addr: SocketAddr,
    asked: Arc<Mutex<HashSet<Asked>>>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Serves on a free port; `react` is called with each name (with its final dot) and type.
    pub(crate) fn start(react: impl Fn(&str, RecordType) -> Reaction + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(HashSet::new()));
        let seen = asked.clone();
        let thread = thread::spawn(move || {
            let mut datagram = [0; 4096];
            loop {
                let (len, peer) = socket.recv_from(&mut datagram).unwrap();
                if len == 0 {
                    return;
                }
                let question = Message::from_vec(&datagram[..len]).unwrap();
                let query = question.queries[0].clone();
                let identity = (
                    question.metadata.id,
                    query.name().clone(),
                    query.query_type(),
                );
                seen.lock().unwrap().insert(identity);
                let reaction = react(&query.name().to_string(), query.query_type());
                if let Some(answer) = answer(&question, &query, reaction) {
                    socket.send_to(&answer.to_vec().unwrap(), peer).unwrap();
                }
            }
        });
        Self {
            addr,
            asked,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Distinct questions seen so far of `kind`.
    pub(crate) fn asked(&self, kind: RecordType) -> usize {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, _, asked)| *asked == kind)
            .count()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(&[], self.addr).unwrap();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the responder panicked");
        }
    }
}

fn answer(question: &Message, query: &Query, reaction: Reaction) -> Option<Message> {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    match reaction {
        Reaction::Silence => return None,
        Reaction::Code(code) => answer.metadata.response_code = code,
        Reaction::Addrs(addrs, ttl) => {
            for addr in addrs {
                answer.add_answer(record(query.name(), ttl, addr));
            }
        }
        Reaction::Alias(alias_ttl, addr, ttl) => {
            let target = Name::from_ascii("target.test.").unwrap();
            let alias = RData::CNAME(CNAME(target.clone()));
            answer.add_answer(Record::from_rdata(query.name().clone(), alias_ttl, alias));
            answer.add_answer(record(&target, ttl, addr));
        }
    }
    Some(answer)
}

fn record(name: &Name, ttl: u32, addr: IpAddr) -> Record {
    let data = match addr {
        IpAddr::V4(addr) => RData::A(A(addr)),
        IpAddr::V6(addr) => RData::AAAA(AAAA(addr)),
    };
    Record::from_rdata(name.clone(), ttl, data)
}
