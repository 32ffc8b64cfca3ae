//! Owns the HTTP and TLS servers of the simulated web: threads that share the served addresses by
//! SO_REUSEPORT, each with a runtime of its own. Decides nothing: the [`World`] does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::request::{Head, Request};
use super::world::SERVED_ADDRESSES;
use super::{Fate, Host, Outcome, Pool, World};

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;

/// Bytes of the first flight of a body, 10 segments (RFC 6928); each later one has twice as many.
const FIRST_FLIGHT_BYTES: usize = 10 * 1460;
/// How long a connection may idle, and a silent or stalled one is held.
const IDLE_MAX: Duration = Duration::from_secs(15);
const SILENCE_MAX: Duration = Duration::from_secs(120);
/// Largest request head.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Connections that may wait to be accepted, per listener.
const BACKLOG: u32 = 4096;

const PAGE: &str = "<!doctype html><title>Sorry</title><p>This image is no longer available.</p>\n";

/// What has been served, over all threads.
#[derive(Debug, Default)]
pub struct Served {
    /// Connections accepted.
    pub connections: AtomicU64,
    /// Requests answered or left without an answer.
    pub requests: AtomicU64,
    /// Bytes of bodies sent.
    pub body_bytes: AtomicU64,
}

/// What every connection knows.
pub struct Site {
    /// The plan.
    pub world: World,
    /// The images.
    pub pool: Pool,
    /// What latencies are multiplied by; 0 sends everything at once.
    pub latency_scale: f64,
    /// The counts.
    pub served: Served,
}

/// Listens on `port` at every served address; with an acceptor each connection begins with TLS. The
/// connections are tasks of the runtime that this is called on.
///
/// # Errors
/// A port that is taken or not allowed.
pub fn listen(port: u16, site: &Arc<Site>, tls: Option<&TlsAcceptor>) -> io::Result<()> {
    for last in 1..=SERVED_ADDRESSES {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 1, 0, last), port)))?;
        let listener = socket.listen(BACKLOG)?;
        tokio::spawn(accept(listener, Arc::clone(site), tls.cloned()));
    }
    Ok(())
}

async fn accept(listener: TcpListener, site: Arc<Site>, tls: Option<TlsAcceptor>) {
    loop {
        // An error is one lost connection, or a full table of descriptors: others will free some.
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        site.served.connections.fetch_add(1, Ordering::Relaxed);
        let (site, tls) = (Arc::clone(&site), tls.clone());
        tokio::spawn(async move {
            // An error here is a client that has left.
            let _ = converse(stream, &site, tls).await;
        });
    }
}

async fn converse(stream: TcpStream, site: &Site, tls: Option<TlsAcceptor>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match tls {
        None => answer_all(stream, site, "http").await,
        Some(tls) => {
            let stream = timeout(IDLE_MAX, tls.accept(stream)).await??;
            answer_all(stream, site, "https").await
        }
    }
}

/// Answers request after request until one answer closes or the client leaves.
async fn answer_all(
    mut wire: impl AsyncRead + AsyncWrite + Unpin,
    site: &Site,
    scheme: &str,
) -> io::Result<()> {
    let mut received = Vec::with_capacity(2048);
    loop {
        let request = match Head::parse(&received) {
            Head::Whole(len, request) => {
                received.drain(..len);
                request
            }
            Head::Partial if received.len() < HEAD_BYTES_MAX => {
                match timeout(IDLE_MAX, wire.read_buf(&mut received)).await {
                    Ok(Ok(1..)) => continue,
                    _ => return Ok(()),
                }
            }
            _ => return wire
                .write_all(
                    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                )
                .await,
        };
        site.served.requests.fetch_add(1, Ordering::Relaxed);
        let host = site.world.host(request.host);
        if host.fate == Fate::Silent {
            return hold(wire).await;
        }
        let reply = reply(site, &host, request, scheme);
        send(&mut wire, site, &host, &reply).await?;
        match reply.end {
            End::KeepAlive => {}
            End::Close => return wire.shutdown().await,
            End::Hold => return hold(wire).await,
        }
    }
}

/// Keeps a connection open without a word until the client leaves.
async fn hold(mut wire: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut ignored = [0; 512];
    let silence = async { while wire.read(&mut ignored).await.is_ok_and(|len| len > 0) {} };
    let _ = timeout(SILENCE_MAX, silence).await;
    Ok(())
}

/// How a connection goes on behind an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    KeepAlive,
    Close,
    Hold,
}

struct Reply {
    head: String,
    body: Bytes,
    end: End,
}

fn reply(site: &Site, host: &Host, request: Request, scheme: &str) -> Reply {
    let image = || {
        site.pool
            .get(site.world.image_of_row(request.row, site.pool.count()))
    };
    let outcome = match request.moved {
        true => Outcome::Image,
        false => site.world.outcome(request.row),
    };
    let plain = |status: &str| {
        whole(
            host,
            status,
            "text/html",
            Bytes::from_static(PAGE.as_bytes()),
            "",
        )
    };
    match outcome {
        Outcome::Image => whole(host, "200 OK", image().media_type, image().file.clone(), ""),
        Outcome::Missing => plain("404 Not Found"),
        Outcome::Forbidden => plain("403 Forbidden"),
        Outcome::TooMany => plain("429 Too Many Requests"),
        Outcome::Unavailable => plain("503 Service Unavailable"),
        Outcome::Placeholder => plain("200 OK"),
        Outcome::Moved => {
            let to = site.world.moved_to(request.row).name();
            let location = format!("Location: {scheme}://{to}/moved/{}.jpg\r\n", request.row);
            whole(host, "302 Found", "text/html", Bytes::new(), &location)
        }
        Outcome::Cut | Outcome::Stalled => {
            let mut reply = whole(host, "200 OK", image().media_type, image().file.clone(), "");
            reply.body.truncate(reply.body.len() / 2);
            reply.end = if outcome == Outcome::Cut {
                End::Close
            } else {
                End::Hold
            };
            reply
        }
    }
}

/// An answer with the fields that servers of images commonly send.
fn whole(host: &Host, status: &str, media_type: &str, body: Bytes, more: &str) -> Reply {
    let (connection, end) = match host.closes {
        true => ("close", End::Close),
        false => ("keep-alive", End::KeepAlive),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: nginx\r\nDate: Sat, 01 Nov 2025 12:00:00 GMT\r\n\
         Content-Type: {media_type}\r\nContent-Length: {}\r\n{more}\
         Last-Modified: Mon, 04 Mar 2024 08:15:00 GMT\r\nETag: \"65e5818c-{:x}\"\r\n\
         Cache-Control: public, max-age=31536000\r\nAccept-Ranges: bytes\r\n\
         Connection: {connection}\r\n\r\n",
        body.len(),
        body.len(),
    );
    Reply { head, body, end }
}

/// Sends an answer as a far host would: after its latency, in flights that double.
async fn send(
    wire: &mut (impl AsyncWrite + Unpin),
    site: &Site,
    host: &Host,
    reply: &Reply,
) -> io::Result<()> {
    let pause = host.latency.mul_f64(site.latency_scale);
    let mut flight = if pause.is_zero() {
        usize::MAX
    } else {
        FIRST_FLIGHT_BYTES
    };
    wait(pause).await;
    let first = reply.body.slice(..reply.body.len().min(flight));
    let mut start = bytes::Buf::chain(reply.head.as_bytes(), first.clone());
    wire.write_all_buf(&mut start).await?;
    let mut sent = first.len();
    while sent < reply.body.len() {
        wire.flush().await?;
        wait(pause).await;
        flight = flight.saturating_mul(2);
        let end = reply.body.len().min(sent.saturating_add(flight));
        wire.write_all(&reply.body[sent..end]).await?;
        sent = end;
    }
    site.served
        .body_bytes
        .fetch_add(sent as u64, Ordering::Relaxed);
    wire.flush().await
}

async fn wait(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}
