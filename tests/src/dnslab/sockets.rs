//! Owns serving the hierarchy over real sockets: each server has its own address in 127.0.0.0/8, all on
//! one port, over UDP and TCP, from one thread. Also owns delay and loss in both directions. Never
//! decides what is answered.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::fd::OwnedFd;

use super::{Authority, mixed};

/// How often the servers look whether they are to stop.
const LOOK: Duration = Duration::from_millis(50);
const QUERY_BYTES_MAX: usize = 1500;
/// Datagrams taken from one socket before the others have their turn.
const DATAGRAMS_AT_ONCE: usize = 64;
/// Room for questions that come while the thread is busy; the kernel gives what its limit allows.
const RECEIVE_BUFFER_BYTES: usize = 1 << 20;
const EVENTS_MAX: usize = 256;
/// Connections served at the same time; those beyond are closed.
const STREAMS_MAX: u32 = 256;

/// What the network between a resolver and the servers is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Network {
    /// Whether an answer takes its server's round trip.
    pub delayed: bool,
    /// Of a thousand datagrams, each way, how many are lost.
    pub loss_per_mille: u64,
}

/// The servers while they run; they stop when this is dropped.
pub struct Served {
    /// The port all listen on.
    pub port: u16,
    /// Questions that arrived, answered or not.
    pub questions: Arc<AtomicU64>,
    /// [`Network::loss_per_mille`], to be changed at will.
    pub loss_per_mille: Arc<AtomicU64>,
    alive: Arc<()>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// Serves every address of the hierarchy on a common free port, without delay or loss.
    ///
    /// # Errors
    /// The system's; no port is free at all addresses.
    pub fn start(authority: Authority) -> io::Result<Self> {
        let (port, sockets) = bind_anywhere(&authority.all_addresses())?;
        Self::serve(authority, port, sockets, Network::default())
    }

    /// The same on a given port over a given network; 53 is what other resolvers can be pointed at.
    ///
    /// # Errors
    /// The system's.
    pub fn start_on(authority: Authority, port: u16, network: Network) -> io::Result<Self> {
        let sockets = bind_all(&authority.all_addresses(), port)?;
        Self::serve(authority, port, sockets, network)
    }

    fn serve(
        authority: Authority,
        port: u16,
        sockets: Vec<Bound>,
        network: Network,
    ) -> io::Result<Self> {
        let questions = Arc::new(AtomicU64::new(0));
        let loss_per_mille = Arc::new(AtomicU64::new(network.loss_per_mille));
        let alive = Arc::new(());
        let watched = Arc::downgrade(&alive);
        let mut servers = Servers::new(authority, sockets, network.delayed)?;
        (servers.questions, servers.loss_per_mille) = (questions.clone(), loss_per_mille.clone());
        let thread = thread::Builder::new()
            .name("authority".into())
            .spawn(move || {
                let mut events = Vec::with_capacity(EVENTS_MAX);
                while watched.strong_count() > 0 && servers.turn(&mut events).is_ok() {}
            })?;
        Ok(Self {
            port,
            questions,
            loss_per_mille,
            alive,
            thread: Some(thread),
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.alive = Arc::new(());
        if let Some(thread) = self.thread.take() {
            // Servers that panicked have failed their test already.
            let _ = thread.join();
        }
    }
}

struct Bound {
    addr: Ipv4Addr,
    udp: UdpSocket,
    tcp: TcpListener,
    /// Questions over UDP so far.
    asked: u64,
}

fn bind_anywhere(addrs: &[Ipv4Addr]) -> io::Result<(u16, Vec<Bound>)> {
    let mut last = io::Error::other("no address");
    for _ in 0..16 {
        // A port that is free at one address is likely free at the others.
        let port = UdpSocket::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0))?
            .local_addr()?
            .port();
        match bind_all(addrs, port) {
            Ok(bound) => return Ok((port, bound)),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn bind_all(addrs: &[Ipv4Addr], port: u16) -> io::Result<Vec<Bound>> {
    let bind = |&addr: &Ipv4Addr| {
        let udp = UdpSocket::bind((addr, port))?;
        let tcp = TcpListener::bind((addr, port))?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&udp, RECEIVE_BUFFER_BYTES);
        let asked = 0;
        Ok(Bound {
            addr,
            udp,
            tcp,
            asked,
        })
    };
    addrs.iter().map(bind).collect()
}

/// An answer on its way, due at a moment: server, peer, bytes. Ordered by the moment.
type Delayed = Reverse<(Instant, usize, SocketAddr, Vec<u8>)>;

/// All servers and what is on its way from them.
struct Servers {
    authority: Authority,
    all: Vec<Bound>,
    epoll: OwnedFd,
    delayed: bool,
    on_the_way: BinaryHeap<Delayed>,
    questions: Arc<AtomicU64>,
    loss_per_mille: Arc<AtomicU64>,
    drawn: u64,
    streams: Arc<AtomicU32>,
}

impl Servers {
    fn new(authority: Authority, all: Vec<Bound>, delayed: bool) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // Even numbers are datagrams, odd ones connections.
        for (number, bound) in (0..).step_by(2).zip(&all) {
            let data = epoll::EventData::new_u64;
            epoll::add(&epoll, &bound.udp, data(number), epoll::EventFlags::IN)?;
            epoll::add(&epoll, &bound.tcp, data(number + 1), epoll::EventFlags::IN)?;
        }
        Ok(Self {
            authority,
            all,
            epoll,
            delayed,
            on_the_way: BinaryHeap::new(),
            questions: Arc::default(),
            loss_per_mille: Arc::default(),
            drawn: 0,
            streams: Arc::default(),
        })
    }

    /// Waits for the next question or answer due, and deals with all there are.
    fn turn(&mut self, events: &mut Vec<epoll::Event>) -> io::Result<()> {
        let next = self.on_the_way.peek();
        let sleep = next.map_or(LOOK, |Reverse((due, ..))| {
            due.saturating_duration_since(Instant::now()).min(LOOK)
        });
        let timeout = sleep.try_into().map_err(io::Error::other)?;
        let buffer = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, buffer, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            let number = usize::try_from(event.data.u64()).map_err(io::Error::other)?;
            if number % 2 == 0 {
                self.take_datagrams(number / 2);
            } else {
                self.take_streams(number / 2);
            }
        }
        let now = Instant::now();
        while let Some(Reverse((due, ..))) = self.on_the_way.peek()
            && *due <= now
            && let Some(Reverse((_, at, peer, reply))) = self.on_the_way.pop()
        {
            let _ = self.all[at].udp.send_to(&reply, peer);
        }
        Ok(())
    }

    fn take_datagrams(&mut self, at: usize) {
        let mut datagram = [0; QUERY_BYTES_MAX];
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Ok((len, peer)) = self.all[at].udp.recv_from(&mut datagram) else {
                return;
            };
            self.take_question(at, peer, &datagram[..len]);
        }
    }

    fn take_question(&mut self, at: usize, peer: SocketAddr, query: &[u8]) {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let bound = &mut self.all[at];
        bound.asked += 1;
        let (addr, dropped) = (bound.addr, self.authority.drops(bound.addr, bound.asked));
        if self.is_lost() || dropped {
            return;
        }
        let Some(reply) = self.authority.answer(addr, query, false) else {
            return;
        };
        if self.is_lost() {
            return;
        }
        if self.delayed {
            let due = Instant::now() + self.authority.round_trip(addr);
            self.on_the_way.push(Reverse((due, at, peer, reply)));
        } else {
            let _ = self.all[at].udp.send_to(&reply, peer);
        }
    }

    fn is_lost(&mut self) -> bool {
        self.drawn += 1;
        let draw = mixed(self.authority.population.seed, self.drawn);
        draw % 1000 < self.loss_per_mille.load(Ordering::Relaxed)
    }

    /// Each connection has a thread of its own for its one question: they are few.
    fn take_streams(&mut self, at: usize) {
        while let Ok((stream, _)) = self.all[at].tcp.accept() {
            self.questions.fetch_add(1, Ordering::Relaxed);
            let (authority, addr) = (self.authority, self.all[at].addr);
            let wait = self.delayed.then(|| authority.round_trip(addr));
            let streams = self.streams.clone();
            if streams.fetch_add(1, Ordering::Relaxed) >= STREAMS_MAX {
                streams.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            thread::spawn(move || {
                // A client that goes away is no fault of the server.
                let _ = serve_stream(&authority, addr, stream, wait);
                streams.fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

fn serve_stream(
    authority: &Authority,
    addr: Ipv4Addr,
    mut stream: TcpStream,
    wait: Option<Duration>,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut query)?;
    thread::sleep(wait.unwrap_or_default() * 2);
    if let Some(reply) = authority.answer(addr, &query, true) {
        let len = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&len.to_be_bytes()[..], &reply].concat())?;
    }
    Ok(())
}
