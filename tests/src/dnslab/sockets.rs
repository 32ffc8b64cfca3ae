//! Owns serving the hierarchy over real sockets: each server its own address of 127.0.0.0/8, all on
//! one port, over UDP and TCP. Never decides what is answered.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Authority;

/// How often a server looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
const QUERY_BYTES_MAX: usize = 1500;

/// The servers while they run; they stop when this is dropped.
pub struct Served {
    /// The port all listen on.
    pub port: u16,
    /// Questions answered or dropped.
    pub questions: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Served {
    /// Serves every address of the hierarchy, one thread for each, on a common free port.
    ///
    /// # Errors
    /// The system's; no port is free at all addresses.
    pub fn start(authority: Authority) -> io::Result<Self> {
        let (port, sockets) = bind_anywhere(&authority.all_addresses())?;
        Self::serve(authority, port, sockets)
    }

    /// The same on a given port; 53 is what other resolvers can be pointed at.
    ///
    /// # Errors
    /// The system's.
    pub fn start_on(authority: Authority, port: u16) -> io::Result<Self> {
        let sockets = bind_all(&authority.all_addresses(), port)?;
        Self::serve(authority, port, sockets)
    }

    fn serve(authority: Authority, port: u16, sockets: Vec<Bound>) -> io::Result<Self> {
        let questions = Arc::new(AtomicU64::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for (addr, udp, tcp) in sockets {
            udp.set_read_timeout(Some(LOOK))?;
            tcp.set_nonblocking(true)?;
            let (stop, questions) = (stop.clone(), questions.clone());
            threads.push(
                thread::Builder::new()
                    .name("authority".into())
                    .spawn(move || serve(&authority, addr, &udp, &tcp, &stop, &questions))?,
            );
        }
        Ok(Self {
            port,
            questions,
            stop,
            threads,
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A server that panicked has failed its test already.
            let _ = thread.join();
        }
    }
}

type Bound = (Ipv4Addr, UdpSocket, TcpListener);

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
        Ok((addr, udp, TcpListener::bind((addr, port))?))
    };
    addrs.iter().map(bind).collect()
}

/// Serves one address. TCP is looked at when UDP is quiet or has just been truncated.
fn serve(
    authority: &Authority,
    addr: Ipv4Addr,
    udp: &UdpSocket,
    tcp: &TcpListener,
    stop: &AtomicBool,
    questions: &AtomicU64,
) {
    let mut datagram = [0; QUERY_BYTES_MAX];
    let mut counts: HashMap<Ipv4Addr, u64> = HashMap::new();
    while !stop.load(Ordering::Relaxed) {
        if let Ok((len, peer)) = udp.recv_from(&mut datagram) {
            questions.fetch_add(1, Ordering::Relaxed);
            let count = counts.entry(addr).or_default();
            *count += 1;
            if !authority.drops(addr, *count)
                && let Some(reply) = authority.answer(addr, &datagram[..len], false)
            {
                let _ = udp.send_to(&reply, peer);
            }
        }
        while let Ok((stream, _)) = tcp.accept() {
            questions.fetch_add(1, Ordering::Relaxed);
            // A client that goes away is no fault of the server.
            let _ = serve_stream(authority, addr, stream);
        }
    }
}

fn serve_stream(authority: &Authority, addr: Ipv4Addr, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut len = [0; 2];
    stream.read_exact(&mut len)?;
    let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut query)?;
    if let Some(reply) = authority.answer(addr, &query, true) {
        let len = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&len.to_be_bytes()[..], &reply].concat())?;
    }
    Ok(())
}
