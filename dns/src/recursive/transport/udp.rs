//! Owns the UDP sockets. Each has a random port chosen by the kernel and a large receive buffer, and is
//! replaced after a number of queries, so that a server that is asked often cannot learn the ports.
//! Never parses a message: the machine checks source and id.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use super::source::{PortId, Source};
use crate::recursive::time::Time;

/// Receive buffer per socket, for answers that arrive while the thread is busy.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
/// Largest datagram; EDNS advertises far less.
const DATAGRAM_BYTES_MAX: usize = 4096;
/// Queries from one port before it is replaced.
const QUESTIONS_PER_PORT: u32 = 2048;
/// Least time that a replaced port still listens: longer than any lookup takes.
const RETIRED_TIME: Duration = Duration::from_secs(20);

/// A datagram to send.
#[derive(Debug)]
pub(super) struct Datagram {
    pub(super) socket: u16,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// The result of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    Yes,
    /// A temporary local error, such as a full buffer: to be sent again.
    Full,
    /// There is no route to the address.
    Unreachable,
}

/// The current socket of an index, and its predecessor while answers may still arrive there.
struct Port {
    sides: [Option<UdpSocket>; 2],
    present: usize,
    questions: u32,
    since: Time,
}

/// The UDP sockets.
pub(super) struct Ports {
    epoll: Arc<OwnedFd>,
    v4: Vec<Port>,
    v6: Vec<Port>,
    datagram: Box<[u8]>,
}

impl Ports {
    pub(super) fn open(epoll: &Arc<OwnedFd>, count: u16, ipv6: bool) -> io::Result<Self> {
        let family = |ipv6: bool| {
            (0..count)
                .map(|socket| {
                    let side = false;
                    let id = PortId { socket, ipv6, side };
                    Ok(Port {
                        sides: [Some(open(epoll, id)?), None],
                        present: 0,
                        questions: 0,
                        since: Time::default(),
                    })
                })
                .collect::<io::Result<Vec<_>>>()
        };
        Ok(Self {
            v4: family(false)?,
            v6: if ipv6 { family(true)? } else { Vec::new() },
            epoll: epoll.clone(),
            datagram: vec![0; DATAGRAM_BYTES_MAX].into(),
        })
    }

    pub(super) fn send(&mut self, datagram: &Datagram, now: Time) -> Sent {
        let ipv6 = datagram.to.is_ipv6();
        let family = if ipv6 { &mut self.v6 } else { &mut self.v4 };
        let Some(port) = family.get_mut(usize::from(datagram.socket)) else {
            return Sent::Unreachable;
        };
        port.questions += 1;
        if port.questions >= QUESTIONS_PER_PORT && now.since(port.since) >= RETIRED_TIME {
            port.replace(&self.epoll, datagram.socket, ipv6, now);
        }
        let Some(socket) = &port.sides[port.present] else {
            return Sent::Unreachable;
        };
        match socket.send_to(&datagram.bytes, datagram.to) {
            Ok(_) => Sent::Yes,
            Err(error) => match error.kind() {
                io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::HostUnreachable
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::Unsupported => Sent::Unreachable,
                _ => Sent::Full,
            },
        }
    }

    /// Receives one datagram from a readable socket; epoll reports the socket again if more are queued.
    pub(super) fn receive(&mut self, id: PortId) -> Option<(SocketAddr, &[u8])> {
        let family = if id.ipv6 { &self.v6 } else { &self.v4 };
        let port = family.get(usize::from(id.socket))?;
        let socket = port.sides[usize::from(id.side)].as_ref()?;
        let (len, from) = socket.recv_from(&mut self.datagram).ok()?;
        Some((from, &self.datagram[..len]))
    }
}

impl Port {
    /// Replaces the current socket, if a new one can be opened. The current one keeps listening; its
    /// predecessor is closed.
    fn replace(&mut self, epoll: &OwnedFd, socket: u16, ipv6: bool, now: Time) {
        let next = 1 - self.present;
        let id = PortId {
            socket,
            ipv6,
            side: next == 1,
        };
        self.sides[next] = None;
        self.questions = 0;
        self.since = now;
        match open(epoll, id) {
            Ok(opened) => {
                self.sides[next] = Some(opened);
                self.present = next;
            }
            Err(error) => tracing::debug!(%error, "a DNS socket keeps its port"),
        }
    }
}

fn open(epoll: &OwnedFd, id: PortId) -> io::Result<UdpSocket> {
    let any: SocketAddr = if id.ipv6 {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    // The kernel caps the size at its limit.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, RECEIVE_BUFFER_BYTES);
    epoll::add(
        epoll,
        &socket,
        Source::Udp(id).data(),
        epoll::EventFlags::IN,
    )?;
    Ok(socket)
}
