//! Owns the origin: one answer for everybody, then the end of the connection. Blocking threads, so
//! that no client shares a runtime with it.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Threads that accept.
const ACCEPTORS: usize = 8;

/// Starts the origin; gives its address and the bytes of an answer.
pub(crate) fn start(body_bytes: usize) -> io::Result<(SocketAddr, usize)> {
    let listener = Arc::new(TcpListener::bind("127.0.0.1:0")?);
    let address = listener.local_addr()?;
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {body_bytes}\r\nConnection: close\r\n\r\n")
            .into_bytes();
    answer.resize(answer.len() + body_bytes, b'x');
    let answer_bytes = answer.len();
    let answer = Arc::new(answer);
    for _ in 0..ACCEPTORS {
        let (listener, answer) = (listener.clone(), answer.clone());
        thread::spawn(move || {
            // A client that went away is its own affair.
            while let Ok((stream, _)) = listener.accept() {
                let _ = serve(stream, &answer);
            }
        });
    }
    Ok((address, answer_bytes))
}

fn serve(mut stream: TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut request = Vec::with_capacity(512);
    let mut piece = [0_u8; 512];
    while !request.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&piece[..count]);
    }
    stream.write_all(answer)
}
