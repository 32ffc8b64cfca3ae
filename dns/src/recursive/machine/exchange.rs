//! Owns the open queries, over UDP and TCP, and matching answers to them by id, socket and source
//! (RFC 5452). Never reads a message: the question is compared in [`super::answers`].

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use rand::{Rng, RngExt};

use super::slab::{Id, Slab};
use crate::recursive::servers::ServerId;
use crate::recursive::time::Time;

/// Identifies a query over TCP to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TcpQuery(pub(super) Id);

impl TcpQuery {
    /// As a number that identifies no other query.
    pub fn to_bits(self) -> u64 {
        self.0.to_bits()
    }

    /// From the number that [`TcpQuery::to_bits`] returned.
    pub fn from_bits(bits: u64) -> Self {
        Self(Id::from_bits(bits))
    }
}

/// The transport of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Udp { socket: u16 },
    Tcp,
}

/// One open query.
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
    /// Whether it has timed out, and the timeout was counted against the server.
    pub(super) late: bool,
}

/// The open queries.
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

    /// Draws a socket and a message id that no open exchange uses. The bound on open exchanges is far
    /// below the number of combinations, so this takes few draws.
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

    /// The exchange that a datagram with this id, source and socket may answer.
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

/// A random number below `bound`.
pub(super) fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    rng.random_range(0..bound.max(1))
}
