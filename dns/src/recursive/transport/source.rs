//! Owns encoding the source of an event (the waker, a UDP socket, a TCP connection) as epoll user data.
//! Never opens, reads or closes one.

use rustix::event::epoll;

/// The source of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Waker,
    Udp(PortId),
    Tcp(u32),
}

impl Source {
    pub(super) fn data(self) -> epoll::EventData {
        let (kind, number) = match self {
            Self::Waker => (0, 0),
            Self::Udp(port) => (1, port.to_bits()),
            Self::Tcp(number) => (2, number),
        };
        epoll::EventData::new_u64(kind << 32 | u64::from(number))
    }

    pub(super) fn of(data: epoll::EventData) -> Option<Self> {
        let bits = data.u64();
        let number = u32::try_from(bits & u64::from(u32::MAX)).ok()?;
        match bits >> 32 {
            0 => Some(Self::Waker),
            1 => Some(Self::Udp(PortId::from_bits(number))),
            2 => Some(Self::Tcp(number)),
            _ => None,
        }
    }
}

/// Identifies a UDP socket by index, family and side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PortId {
    pub(super) socket: u16,
    pub(super) ipv6: bool,
    /// Alternates with each replacement of the socket.
    pub(super) side: bool,
}

impl PortId {
    fn to_bits(self) -> u32 {
        u32::from(self.socket) | u32::from(self.ipv6) << 16 | u32::from(self.side) << 17
    }

    fn from_bits(bits: u32) -> Self {
        let [a, b, ..] = bits.to_le_bytes();
        Self {
            socket: u16::from_le_bytes([a, b]),
            ipv6: bits >> 16 & 1 == 1,
            side: bits >> 17 & 1 == 1,
        }
    }
}
