//! Owns queries over TCP: one connection each (few answers are truncated), a bounded number at a time;
//! further ones are queued. Messages have a length prefix (RFC 1035, 4.2.2).
//! Never sets a timeout: the machine closes queries that take too long.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::source::Source;
use crate::recursive::machine::TcpQuery;

const CONNECTIONS_MAX: usize = 64;

/// A connection for one query.
struct Connection {
    query: TcpQuery,
    stream: TcpStream,
    /// The part of the query still to be written.
    unwritten: Vec<u8>,
    answer: Vec<u8>,
}

/// The open connections and the queued queries.
pub(super) struct Connections {
    epoll: Arc<OwnedFd>,
    open: HashMap<u32, Connection>,
    by_query: HashMap<TcpQuery, u32>,
    next_number: u32,
    queue: VecDeque<(TcpQuery, SocketAddr, Vec<u8>)>,
    results: VecDeque<(TcpQuery, Option<Vec<u8>>)>,
}

impl Connections {
    pub(super) fn new(epoll: Arc<OwnedFd>) -> Self {
        Self {
            epoll,
            open: HashMap::new(),
            by_query: HashMap::new(),
            next_number: 0,
            queue: VecDeque::new(),
            results: VecDeque::new(),
        }
    }

    /// Sends a query to `to`, now or when the number of connections allows.
    pub(super) fn open(&mut self, query: TcpQuery, to: SocketAddr, message: &[u8]) {
        let Ok(len) = u16::try_from(message.len()) else {
            self.results.push_back((query, None));
            return;
        };
        let framed = [&len.to_be_bytes()[..], message].concat();
        self.queue.push_back((query, to, framed));
        self.start_queued();
    }

    /// Abandons a query.
    pub(super) fn close(&mut self, query: TcpQuery) {
        if let Some(number) = self.by_query.remove(&query) {
            self.open.remove(&number);
            self.start_queued();
        } else {
            self.queue.retain(|(queued, ..)| *queued != query);
        }
    }

    /// Whether [`Connections::next_result`] has a result.
    pub(super) fn has_news(&self) -> bool {
        !self.results.is_empty()
    }

    /// The next completed query and its answer, or `None` if it failed.
    pub(super) fn next_result(&mut self) -> Option<(TcpQuery, Option<Vec<u8>>)> {
        self.results.pop_front()
    }

    /// Continues a connection that is writable or readable.
    pub(super) fn ready(&mut self, number: u32) {
        let Some(connection) = self.open.get_mut(&number) else {
            return;
        };
        let result = match connection.advance(&self.epoll, number) {
            Ok(false) => return,
            Ok(true) => Some(connection.answer.split_off(2)),
            Err(_) => None,
        };
        let query = connection.query;
        self.open.remove(&number);
        self.by_query.remove(&query);
        self.results.push_back((query, result));
        self.start_queued();
    }

    fn start_queued(&mut self) {
        while self.open.len() < CONNECTIONS_MAX
            && let Some((query, to, framed)) = self.queue.pop_front()
        {
            self.next_number = self.next_number.wrapping_add(1);
            let number = self.next_number;
            match start(&self.epoll, number, to) {
                Ok(stream) => {
                    let connection = Connection {
                        query,
                        stream,
                        unwritten: framed,
                        answer: Vec::new(),
                    };
                    self.open.insert(number, connection);
                    self.by_query.insert(query, number);
                }
                Err(_) => self.results.push_back((query, None)),
            }
        }
    }
}

fn start(epoll: &OwnedFd, number: u32, to: SocketAddr) -> io::Result<TcpStream> {
    let family = if to.is_ipv6() {
        AddressFamily::INET6
    } else {
        AddressFamily::INET
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let events = epoll::EventFlags::OUT;
    epoll::add(epoll, &socket, Source::Tcp(number).data(), events)?;
    Ok(socket.into())
}

impl Connection {
    /// Writes and reads without blocking; returns whether the answer is complete.
    fn advance(&mut self, epoll: &OwnedFd, number: u32) -> io::Result<bool> {
        if !self.unwritten.is_empty() {
            while !self.unwritten.is_empty() {
                match self.stream.write(&self.unwritten) {
                    Ok(written) => drop(self.unwritten.drain(..written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            let events = epoll::EventFlags::IN;
            epoll::modify(epoll, &self.stream, Source::Tcp(number).data(), events)?;
        }
        loop {
            let wanted = self.wanted();
            if wanted == 0 {
                return Ok(true);
            }
            let have = self.answer.len();
            self.answer.resize(have + wanted, 0);
            let read = self.stream.read(&mut self.answer[have..]);
            self.answer
                .truncate(have + read.as_ref().copied().unwrap_or(0));
            match read {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes missing of the length prefix, then of the message; zero once complete.
    fn wanted(&self) -> usize {
        match self.answer.first_chunk::<2>() {
            None => 2 - self.answer.len(),
            Some(len) => (2 + usize::from(u16::from_be_bytes(*len))) - self.answer.len(),
        }
    }
}
