//! Owns the start of a connection at the TLS port: peeks at the server name, so that a host's fault can
//! replace the handshake. Never serves a request.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::faults::{self, Handshake};
use super::serve;
use super::site::Site;
use crate::certs::Authority;

/// Largest hello that is looked at, bytes.
const HELLO_BYTES_MAX: usize = 16 * 1024;
/// Pause before another look at a hello that has not come whole.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Looks at one hello.
const LOOKS_MAX: u32 = 1000;

/// What the TLS port presents.
pub(super) struct Face {
    /// To hosts without a fault.
    pub(super) usual: Arc<ServerConfig>,
    /// Signs what the others present.
    pub(super) authority: Authority,
}

/// Serves one connection at the TLS port.
pub(super) async fn serve(stream: TcpStream, face: &Face, site: &Site) -> io::Result<()> {
    let host = host_asked_for(&stream).await?;
    let config = match host.as_deref().and_then(faults::handshake_of) {
        Some(Handshake::Raw(play)) => return serve::misplay(stream, play(), site).await,
        Some(Handshake::Server(make)) => {
            let host = host.as_deref().unwrap_or_default();
            make(&face.authority, host).map_err(io::Error::other)?
        }
        None => face.usual.clone(),
    };
    let stream = TlsAcceptor::from(config).accept(stream).await?;
    serve::serve(stream, site).await
}

/// The name in the client's hello; none for an address, and for what is no hello.
async fn host_asked_for(stream: &TcpStream) -> io::Result<Option<String>> {
    let mut hello = vec![0; HELLO_BYTES_MAX];
    for _ in 0..LOOKS_MAX {
        let length = stream.peek(&mut hello).await?;
        if length == 0 {
            return Ok(None);
        }
        let mut acceptor = Acceptor::default();
        acceptor.read_tls(&mut &hello[..length])?;
        match acceptor.accept() {
            Ok(Some(accepted)) => {
                let name = accepted.client_hello().server_name().map(str::to_owned);
                return Ok(name);
            }
            Ok(None) => tokio::time::sleep(LOOK_AGAIN).await,
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}
