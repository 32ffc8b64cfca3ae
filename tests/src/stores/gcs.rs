//! Owns a double of Google Cloud Storage: objects and uploads in this process' memory, and what of the XML API a
//! client of object_store asks for. Never checks who asks.
//!
//! Objects have generations; a precondition is a generation, of which 0 is none. Uploads in parts are seen once
//! they are complete. `GET ?uploads` lists those that are not.

mod answer;
mod state;

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::http1::Head;
use state::State;

/// A double that runs until it is dropped.
pub struct GcsDouble {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
}

impl GcsDouble {
    /// Starts one that has this bucket, on a free port.
    ///
    /// # Errors
    /// What the kernel answered to bind or listen.
    pub fn start(bucket: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::new(bucket)));
        let is_over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&is_over);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let state = Arc::clone(&state);
                // A connection that breaks is the client's to report.
                thread::spawn(move || drop(serve(&client, &state)));
            }
        });
        Ok(Self { address, is_over })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for GcsDouble {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // The listener looks whether it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(client: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut from = BufReader::new(client);
    let mut to = client;
    while let Some(head) = Head::read(&mut from)? {
        if head.field("expect").is_some() {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = head.request_body(&mut from)?;
        let answer = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            answer::to(&mut state, &head, body)
        };
        answer.head.write(&mut to)?;
        if head.word(0) != "HEAD" {
            to.write_all(&answer.body)?;
        }
        if head.closes() {
            break;
        }
    }
    client.shutdown(Shutdown::Both)
}

#[cfg(test)]
#[path = "gcs/tests.rs"]
mod tests;
