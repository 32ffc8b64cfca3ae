//! Owns a forward proxy on loopback, for absolute-form requests and CONNECT. It connects every request
//! to 127.0.0.1 on the requested port, so only the proxy can resolve the names. It keeps the request
//! lines for tests. Never connects anywhere else.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Largest request head it reads, bytes.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A running proxy; it ends with the process.
pub struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// What the kernel answered to bind or listen.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let seen = seen.clone();
                // A connection that breaks is the client's to report.
                thread::spawn(move || drop(serve(client, &seen)));
            }
        });
        Ok(Self { address, heads })
    }

    /// Its URL, with these credentials.
    pub fn url(&self, credentials: &str) -> String {
        format!("http://{credentials}@{}", self.address)
    }

    /// The heads of all requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn serve(mut client: TcpStream, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = read_head(&mut client)?;
    seen.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head.clone());
    let mut words = head.split(' ');
    let (method, target) = (words.next(), words.next().unwrap_or_default());
    let refused = || io::Error::other("no port in the target");
    if method == Some("CONNECT") {
        let port = port_of(target).ok_or_else(refused)?;
        let origin = TcpStream::connect(("127.0.0.1", port))?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
        return tunnel(client, origin);
    }
    let rest = target.strip_prefix("http://").ok_or_else(refused)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = port_of(authority).ok_or_else(refused)?;
    let mut origin = TcpStream::connect(("127.0.0.1", port))?;
    origin.write_all(head.replacen(target, path, 1).as_bytes())?;
    tunnel(client, origin)
}

fn port_of(authority: &str) -> Option<u16> {
    authority.rsplit_once(':')?.1.parse().ok()
}

fn read_head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        client.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

/// Bytes both ways until each side has said its last.
fn tunnel(client: TcpStream, origin: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_origin) = (client.try_clone()?, origin.try_clone()?);
    let up = thread::spawn(move || {
        let copied = io::copy(&mut from_client, &mut to_origin);
        let _ = to_origin.shutdown(Shutdown::Write);
        copied
    });
    let (mut from_origin, mut to_client) = (origin, client);
    let down = io::copy(&mut from_origin, &mut to_client);
    let _ = to_client.shutdown(Shutdown::Write);
    let _ = up.join();
    down.map(drop)
}
