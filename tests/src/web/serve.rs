//! Owns a connection of the fake web: reads request heads and plays the steps of each reply. Never
//! holds a connection beyond its limits, whatever the script says.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use super::reply::{Reply, Step};
use super::request::{HEAD_BYTES_MAX, Request};
use super::site::Site;
use super::tls::{self, Face};

/// Longest wait for a request, and longest stall.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Most bytes of an endless answer.
const ENDLESS_BYTES_MAX: usize = 1 << 30;

/// A byte stream whose TCP connection can be reset.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn socket(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Accepts until the task is dropped; with a face each connection begins with TLS.
pub(crate) async fn accept(listener: TcpListener, site: Arc<Site>, tls: Option<Arc<Face>>) {
    loop {
        // An error is one lost connection or a full descriptor table; the next turn tells.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let local = stream
            .local_addr()
            .ok()
            .map(|local| local.ip().to_canonical());
        let open = site.connections().open(local);
        // The listener is on every address so that all of 127.0.0.0/8 answers; only that may.
        if !local.is_some_and(|local| site.may_serve(local)) {
            continue;
        }
        let (site, tls) = (Arc::clone(&site), tls.clone());
        tokio::spawn(async move {
            let _open = open;
            let _ = stream.set_nodelay(true);
            // An error here is a client that has left, which every fault invites.
            let _ = match tls {
                Some(face) => tls::serve(stream, &face, &site).await,
                None => serve(stream, &site).await,
            };
        });
    }
}

/// Plays an answer to a connection that has not begun as it should, without a request.
pub(crate) async fn misplay(mut stream: TcpStream, reply: Reply, site: &Site) -> io::Result<()> {
    let mut hello = vec![0; HEAD_BYTES_MAX];
    let _ = stream.read(&mut hello).await?;
    play(&mut stream, reply, site).await?;
    stream.shutdown().await
}

/// Answers request after request until one answer closes or the peer leaves.
pub(crate) async fn serve(mut wire: impl Wire, site: &Site) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(1024);
    while let Some(head) = read_head(&mut wire, &mut buffer).await? {
        let Some(request) = Request::parse(&head) else {
            return play(&mut wire, Reply::bare("400 Bad Request", &[]), site).await;
        };
        let reply = site.answer(&request);
        let keep_alive = reply.keep_alive;
        play(&mut wire, reply, site).await?;
        if !keep_alive {
            // A close with close_notify where there is TLS; a reset wire has nothing to say.
            let _ = wire.shutdown().await;
            return Ok(());
        }
    }
    Ok(())
}

/// The next head without its empty line; `None` when the peer closed between requests or idled.
/// Bytes behind the head stay in `buffer`.
async fn read_head(wire: &mut impl Wire, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = buffer[..end].to_vec();
            buffer.drain(..end + 4);
            return Ok(Some(head));
        }
        // A TLS record is no request: answering it at once is what makes a handshake fail fast.
        if buffer.first() == Some(&0x16) {
            return Ok(Some(std::mem::take(buffer)));
        }
        if buffer.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        match tokio::time::timeout(IDLE_MAX, wire.read_buf(buffer)).await {
            Ok(Ok(0)) | Err(_) => return Ok(None),
            Ok(result) => result?,
        };
    }
}

/// Plays every step of an answer.
async fn play(wire: &mut impl Wire, reply: Reply, site: &Site) -> io::Result<()> {
    for step in reply.steps {
        match step {
            Step::Send(bytes) => wire.write_all(&bytes).await?,
            Step::Drip(bytes, pause) => drip(wire, bytes, pause).await?,
            Step::Endless(bytes) => {
                for _ in 0..ENDLESS_BYTES_MAX / bytes.len().max(1) {
                    wire.write_all(&bytes).await?;
                }
            }
            Step::Pause(pause) => {
                wire.flush().await?;
                tokio::time::sleep(pause).await;
            }
            Step::Gather(answers) => {
                let _ = tokio::time::timeout(IDLE_MAX, site.gathering().wait(answers)).await;
            }
            Step::Stall => {
                wire.flush().await?;
                let mut ignored = [0; 256];
                // Ends when the peer closes or sends, or at the bound.
                let _ = tokio::time::timeout(IDLE_MAX, wire.read(&mut ignored)).await;
            }
            Step::Reset => {
                wire.flush().await?;
                wire.socket().set_zero_linger()?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Step::HalfClose => {
                wire.shutdown().await?;
                let mut ignored = [0; 256];
                let _ = tokio::time::timeout(IDLE_MAX, wire.read(&mut ignored)).await;
            }
            Step::Cut => {
                wire.flush().await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            Step::Beneath(bytes) => {
                wire.flush().await?;
                let socket = wire.socket();
                socket.writable().await?;
                // A few bytes into a buffer that was just flushed: they fit.
                socket.try_write(&bytes)?;
            }
        }
    }
    wire.flush().await
}

async fn drip(wire: &mut impl Wire, bytes: Bytes, pause: Duration) -> io::Result<()> {
    for byte in bytes {
        wire.write_all(&[byte]).await?;
        wire.flush().await?;
        tokio::time::sleep(pause).await;
    }
    Ok(())
}
