//! Owns one open connection, plain or TLS, behind the reads and writes that HTTP needs. Never opens a
//! socket.

use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::TcpStream;

use super::connect::read_failure;
use super::low_water::LowWater;
use super::tls::{TlsContext, TlsStream};
use crate::failure::Failure;

/// A TCP connection and its low-water mark.
pub(crate) struct PlainStream {
    socket: TcpStream,
    low_water: LowWater,
}

impl PlainStream {
    /// The socket, for TLS through a proxy's tunnel.
    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }
}

/// An open connection.
pub(crate) enum Transport {
    /// TCP.
    Plain(PlainStream),
    /// TLS over TCP.
    Tls(Box<TlsStream>),
}

impl Transport {
    /// A plain TCP connection.
    pub(crate) fn plain(socket: TcpStream) -> Self {
        Self::Plain(PlainStream {
            socket,
            low_water: LowWater::default(),
        })
    }

    /// Starts TLS for `host` over an open socket.
    ///
    /// # Errors
    /// See [`TlsStream::connect`].
    pub(crate) async fn tls(
        context: &TlsContext,
        socket: TcpStream,
        host: &str,
    ) -> Result<Self, Failure> {
        Ok(Self::Tls(Box::new(
            TlsStream::connect(context, socket, host).await?,
        )))
    }

    /// Sends all of `bytes` and returns the buffer.
    ///
    /// # Errors
    /// The connection's failure.
    pub(crate) async fn write_all(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Plain(PlainStream { socket, .. }) => {
                let (result, back) = socket.write_all(bytes).await;
                result.map(|_| back).map_err(|error| read_failure(&error))
            }
            Self::Tls(stream) => stream.write_all(bytes).await,
        }
    }

    /// Reads into the spare capacity of `into`, of which there must be some; 0 is the end of the
    /// stream.
    ///
    /// # Errors
    /// The connection's failure; the buffer is lost with it.
    pub(crate) async fn read(&mut self, into: &mut Vec<u8>) -> Result<usize, Failure> {
        debug_assert!(into.len() < into.capacity());
        match self {
            Self::Plain(PlainStream { socket, .. }) => {
                let buffer = std::mem::take(into);
                let (start, end) = (buffer.len(), buffer.capacity());
                let (result, back) = socket.read(buffer.slice_mut(start..end)).await;
                *into = back.into_inner();
                result.map_err(|error| read_failure(&error))
            }
            Self::Tls(stream) => stream.read(into).await,
        }
    }

    /// Reads into the spare capacity of `into` until it holds at least `len` bytes; false if the
    /// connection ends first.
    ///
    /// # Errors
    /// The connection's failure; the buffer is lost with it.
    pub(crate) async fn read_to(
        &mut self,
        into: &mut Vec<u8>,
        len: usize,
    ) -> Result<bool, Failure> {
        while into.len() < len {
            // Before each read: a mark above what is still to come is never reached.
            if let Self::Plain(PlainStream { socket, low_water }) = self {
                low_water.set(socket, len - into.len());
            }
            if self.read(into).await? == 0 {
                return Ok(false);
            }
        }
        if let Self::Plain(PlainStream { socket, low_water }) = self {
            low_water.lower(socket);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::config::IoBackend;
    use crate::machine::runtime;

    /// What a client reads of `flights`, each sent whole, on both backends: whether the first
    /// `len` bytes came, and what the next read returned.
    fn read_of(flights: &'static [usize], len: usize) -> Vec<(bool, Vec<u8>, usize)> {
        [IoBackend::Epoll, IoBackend::Auto]
            .map(|asked| {
                let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
                let address = listener.local_addr().expect("bound");
                let server = thread::spawn(move || {
                    let (mut stream, _) = listener.accept().expect("a client");
                    for (number, &bytes) in flights.iter().enumerate() {
                        stream.write_all(&vec![number as u8; bytes]).expect("sent");
                        thread::yield_now();
                    }
                });
                let (backend, _) = runtime::choose(asked).expect("some backend works");
                let read = runtime::block_on(backend, async {
                    let socket = TcpStream::connect_addr(address).await.expect("accepted");
                    let mut transport = Transport::plain(socket);
                    let mut bytes = Vec::with_capacity(len);
                    let whole = transport.read_to(&mut bytes, len).await.expect("read");
                    let mut rest = Vec::with_capacity(64);
                    let behind = transport.read(&mut rest).await.expect("read");
                    (whole, bytes, behind)
                });
                server.join().expect("the server ends");
                read.expect("a reactor")
            })
            .into()
    }

    #[test]
    fn a_body_in_several_packets_is_read_whole_with_what_follows() {
        for (whole, bytes, behind) in read_of(&[3000, 20_000, 100_000, 7], 123_000) {
            assert!(whole);
            let sum: usize = bytes.iter().map(|&byte| byte as usize).sum();
            assert_eq!((bytes.len(), sum), (123_000, 220_000));
            assert_eq!(behind, 7);
        }
    }

    #[test]
    fn a_body_that_ends_early_is_reported() {
        for (whole, bytes, behind) in read_of(&[3000, 20_000], 123_000) {
            assert!(!whole);
            assert_eq!((bytes.len(), behind), (23_000, 0));
        }
    }
}
