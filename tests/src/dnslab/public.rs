//! Owns serving the hierarchy at public addresses, with its roots at the addresses of the real ones, in
//! a network namespace. The authority knows its servers by addresses in 127.0.0.0/8, which a resolver
//! never asks by default. The hosts stay on loopback, where the fake web serves them. Never decides
//! what is answered.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{RData, Record};

use super::Authority;
use super::population::{Role, addresses};

const PORT: u16 = 53;
const QUERY_BYTES_MAX: usize = 1500;
const STREAM_TIME_MAX: Duration = Duration::from_secs(2);

/// The real root servers, a to m (<https://www.iana.org/domains/root>).
pub const REAL_ROOTS: [[u8; 4]; 13] = [
    [198, 41, 0, 4],
    [170, 247, 170, 2],
    [192, 33, 4, 12],
    [199, 7, 91, 13],
    [192, 203, 230, 10],
    [192, 5, 5, 241],
    [192, 112, 36, 4],
    [198, 97, 190, 53],
    [192, 36, 148, 17],
    [192, 58, 128, 30],
    [193, 0, 14, 129],
    [199, 7, 83, 42],
    [202, 12, 27, 33],
];
/// First octet of every other server's public-looking address.
pub const PUBLIC_OCTET: u8 = 11;

/// Serves on port 53 of every place, two threads for each, until the process ends.
///
/// # Errors
/// The system's: the places must be this network namespace's own.
pub fn serve(authority: Authority) -> io::Result<()> {
    for (known, place) in places(&authority.all_addresses()) {
        let udp = UdpSocket::bind((place, PORT))?;
        let tcp = TcpListener::bind((place, PORT))?;
        thread::spawn(move || serve_datagrams(&authority, known, &udp));
        thread::spawn(move || {
            for stream in tcp.incoming().flatten() {
                // A client that goes away is no fault of the server.
                let _ = serve_stream(&authority, known, stream);
            }
        });
    }
    Ok(())
}

/// The servers: by the address the authority knows each by, and where it stands. The three roots stand
/// at all thirteen places.
fn places(known: &[Ipv4Addr]) -> Vec<(Ipv4Addr, Ipv4Addr)> {
    let roots = addresses(Role::Root);
    let others = known.iter().filter(|addr| !roots.contains(addr));
    let others = others.map(|&addr| (addr, public(addr)));
    let at_roots = roots.iter().cycle().zip(REAL_ROOTS);
    others
        .chain(at_roots.map(|(&addr, real)| (addr, Ipv4Addr::from(real))))
        .collect()
}

fn serve_datagrams(authority: &Authority, known: Ipv4Addr, udp: &UdpSocket) {
    let mut datagram = [0; QUERY_BYTES_MAX];
    loop {
        // An error here is the ICMP of a client that has left; the socket stays good.
        if let Ok((length, peer)) = udp.recv_from(&mut datagram)
            && let Some(reply) = authority.answer(known, &datagram[..length], false)
        {
            let _ = udp.send_to(&moved(reply), peer);
        }
    }
}

fn serve_stream(authority: &Authority, known: Ipv4Addr, mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(STREAM_TIME_MAX))?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut query)?;
    if let Some(reply) = authority.answer(known, &query, true).map(moved) {
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &reply].concat())?;
    }
    Ok(())
}

/// An answer with the addresses of servers and hosts as they stand.
fn moved(answer: Vec<u8>) -> Vec<u8> {
    let Ok(mut message) = Message::from_vec(&answer) else {
        return answer;
    };
    for record in message.answers.iter_mut().chain(&mut message.additionals) {
        move_address(record);
    }
    message.to_vec().unwrap_or(answer)
}

fn move_address(record: &mut Record) {
    if let RData::A(A(addr)) = &mut record.data {
        *addr = if addr.is_loopback() {
            public(*addr)
        } else {
            host(*addr)
        };
    }
}

fn public(addr: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = addr.octets();
    Ipv4Addr::new(PUBLIC_OCTET, b, c, d)
}

/// Where the host is that the population has at `addr`.
pub fn host(addr: Ipv4Addr) -> Ipv4Addr {
    let [_, b, c, d] = addr.octets();
    Ipv4Addr::new(127, b, c, d)
}
