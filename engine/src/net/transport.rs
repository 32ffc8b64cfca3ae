//! Owns one open connection, plain or TLS, behind the two calls HTTP needs.

use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;

use super::connect::read_failure;
use super::tls::{TlsContext, TlsStream};
use crate::failure::Failure;

/// An open connection.
pub enum Transport {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
}

impl Transport {
    /// TLS for `host` over an open socket.
    ///
    /// # Errors
    /// See [`TlsStream::connect`].
    pub async fn tls(context: &TlsContext, socket: TcpStream, host: &str) -> Result<Self, Failure> {
        Ok(Self::Tls(Box::new(
            TlsStream::connect(context, socket, host).await?,
        )))
    }

    /// Sends all of `bytes` and gives the buffer back.
    ///
    /// # Errors
    /// The connection's failure.
    pub async fn write_all(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Plain(socket) => {
                let (result, back) = socket.write_all(bytes).await;
                result.map(|_| back).map_err(|error| read_failure(&error))
            }
            Self::Tls(stream) => stream.write_all(bytes).await,
        }
    }

    /// Appends what comes next to `into`, within its capacity (which must have room); 0 is the end.
    ///
    /// # Errors
    /// The connection's failure; the buffer is lost with it.
    pub async fn read(&mut self, into: &mut Vec<u8>) -> Result<usize, Failure> {
        debug_assert!(into.len() < into.capacity());
        match self {
            Self::Plain(socket) => {
                let buffer = std::mem::take(into);
                let (start, end) = (buffer.len(), buffer.capacity());
                let (result, back) = socket.read(buffer.slice_mut(start..end)).await;
                *into = back.into_inner();
                result.map_err(|error| read_failure(&error))
            }
            Self::Tls(stream) => stream.read(into).await,
        }
    }
}
