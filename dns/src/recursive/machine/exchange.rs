//! Owns the datagrams and TCP queries that are waited for, and what an answer must match to be one:
//! id and socket, source, question (RFC 5452). Never looks past the question.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use rand::{Rng, RngExt};

use super::slab::{Id, Slab};
use crate::recursive::servers::ServerId;
use crate::recursive::time::Time;

/// A query over TCP, as the caller names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpQuery(pub(super) Id);

impl TcpQuery {
    /// As a number that names no other query.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// From that number.
    pub fn from_bits(bits: u64) -> Self {
        Self(Id::from_bits(bits))
    }
}

/// How a query went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Udp { socket: u16 },
    Tcp,
}

/// One query that is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) task: Id,
    pub(super) server: ServerId,
    pub(super) addr: IpAddr,
    pub(super) id: u16,
    pub(super) way: Way,
    pub(super) sent: Time,
    pub(super) case_seed: u64,
    pub(super) edns: bool,
    /// Its time has passed and the server's silence was counted.
    pub(super) late: bool,
}

/// All that are open.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    all: Slab<Exchange>,
    /// UDP exchanges by socket and id.
    by_id: HashMap<(u16, u16), Id>,
}

impl Default for Slab<Exchange> {
    fn default() -> Self {
        Self::new()
    }
}

impl Exchanges {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, id: Id) -> Option<&Exchange> {
        self.all.get(id)
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Exchange> {
        self.all.get_mut(id)
    }

    /// A socket and an id on it that no open exchange has. With the bound on open exchanges far
    /// below what ids and sockets give, a few draws find one.
    pub(super) fn draw(&self, rng: &mut impl Rng, sockets: u16) -> (u16, u16) {
        loop {
            let bits = rng.next_u32();
            let [a, b, c, d] = bits.to_le_bytes();
            let socket = u16::from_le_bytes([a, b]) % sockets.max(1);
            let id = u16::from_le_bytes([c, d]);
            if !self.by_id.contains_key(&(socket, id)) {
                return (socket, id);
            }
        }
    }

    pub(super) fn open(&mut self, exchange: Exchange) -> Id {
        let id = self.all.insert(exchange);
        if let Way::Udp { socket } = exchange.way {
            self.by_id.insert((socket, exchange.id), id);
        }
        id
    }

    pub(super) fn close(&mut self, id: Id) -> Option<Exchange> {
        let exchange = self.all.remove(id)?;
        if let Way::Udp { socket } = exchange.way {
            self.by_id.remove(&(socket, exchange.id));
        }
        Some(exchange)
    }

    /// The exchange a datagram with this id from this source on this socket may answer.
    pub(super) fn matching(
        &self,
        socket: u16,
        from: SocketAddr,
        port: u16,
        id: u16,
    ) -> Option<(Id, Exchange)> {
        let at = *self.by_id.get(&(socket, id))?;
        let exchange = *self.all.get(at)?;
        (exchange.addr == from.ip() && from.port() == port).then_some((at, exchange))
    }
}

/// A number below `bound`.
pub(super) fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    rng.random_range(0..bound.max(1))
}
