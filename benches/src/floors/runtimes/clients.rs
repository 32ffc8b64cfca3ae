//! Owns one loop for every runtime: connect, send, receive to the end, close. What differs is a
//! stream's three calls and how a task is started.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

use super::Load;

const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nHost: origin.test\r\n\r\n";
/// Receive buffer, bytes.
const BUFFER_BYTES: usize = 128 * 1024;

/// A runtime's TCP stream. Buffers are lent and come back, as io_uring needs it.
trait Stream: Sized {
    async fn connect(address: SocketAddr) -> io::Result<Self>;

    async fn send(&mut self, bytes: &'static [u8]) -> io::Result<()>;

    /// Writes over `buffer` from its start; 0 is the end.
    async fn receive(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>);
}

/// The GETs of the task at `place`, one after the other.
async fn gets<S: Stream>(load: Load, place: usize) -> io::Result<()> {
    for _ in 0..load.share(place) {
        get::<S>(load).await?;
    }
    Ok(())
}

async fn get<S: Stream>(load: Load) -> io::Result<()> {
    let mut stream = S::connect(load.origin).await?;
    stream.send(REQUEST).await?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut received = 0;
    loop {
        let (count, back) = stream.receive(buffer).await;
        buffer = back;
        match count? {
            0 => return load.check(received),
            count => received += count,
        }
    }
}

/// Starts a task per place, all at once, and waits for all.
async fn all<T: Future<Output = io::Result<()>>>(
    load: Load,
    start: impl Fn(usize) -> T,
) -> io::Result<()> {
    let tasks: Vec<T> = (0..load.in_flight).map(start).collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}

/// monoio on io_uring, with the flags of the product.
pub(super) fn monoio_uring(load: Load) -> io::Result<()> {
    let mut builder = io_uring::IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun();
    monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
        .uring_builder(builder)
        .build()?
        .block_on(on_monoio(load))
}

/// monoio on epoll.
pub(super) fn monoio_epoll(load: Load) -> io::Result<()> {
    monoio::RuntimeBuilder::<monoio::LegacyDriver>::new()
        .build()?
        .block_on(on_monoio(load))
}

async fn on_monoio(load: Load) -> io::Result<()> {
    let start = |place| monoio::spawn(gets::<monoio::net::TcpStream>(load, place));
    all(load, start).await
}

/// tokio-uring with its defaults.
pub(super) fn tokio_uring(load: Load) -> io::Result<()> {
    tokio_uring::start(all(load, |place| {
        let task = tokio_uring::spawn(gets::<tokio_uring::net::TcpStream>(load, place));
        async { task.await.map_err(io::Error::other)? }
    }))
}

/// tokio on one thread.
pub(super) fn tokio_epoll(load: Load) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(all(load, |place| {
        let task = tokio::task::spawn_local(gets::<tokio::net::TcpStream>(load, place));
        async { task.await.map_err(io::Error::other)? }
    })))
}

impl Stream for monoio::net::TcpStream {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect_addr(address).await
    }

    async fn send(&mut self, bytes: &'static [u8]) -> io::Result<()> {
        monoio::io::AsyncWriteRentExt::write_all(self, bytes)
            .await
            .0
            .map(drop)
    }

    async fn receive(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        monoio::io::AsyncReadRent::read(self, buffer).await
    }
}

impl Stream for tokio_uring::net::TcpStream {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect(address).await
    }

    async fn send(&mut self, bytes: &'static [u8]) -> io::Result<()> {
        self.write_all(bytes).await.0
    }

    async fn receive(&mut self, buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        self.read(buffer).await
    }
}

impl Stream for tokio::net::TcpStream {
    async fn connect(address: SocketAddr) -> io::Result<Self> {
        Self::connect(address).await
    }

    async fn send(&mut self, bytes: &'static [u8]) -> io::Result<()> {
        tokio::io::AsyncWriteExt::write_all(self, bytes).await
    }

    async fn receive(&mut self, mut buffer: Vec<u8>) -> (io::Result<usize>, Vec<u8>) {
        buffer.clear();
        (
            tokio::io::AsyncReadExt::read_buf(self, &mut buffer).await,
            buffer,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::origin;
    use super::*;

    #[test]
    fn every_runtime_that_works_here_gets_every_answer_whole() {
        let (origin, answer_bytes) = origin::start(300_000).expect("an origin");
        let load = Load {
            origin,
            gets: 20,
            in_flight: 3,
            answer_bytes,
        };
        monoio_epoll(load).expect("monoio on epoll");
        tokio_epoll(load).expect("tokio on epoll");
        let wrong = Load {
            answer_bytes: answer_bytes + 1,
            ..load
        };
        assert!(monoio_epoll(wrong).is_err() && tokio_epoll(wrong).is_err());
        if io_uring::IoUring::new(8).is_err() {
            return eprintln!("io_uring does not work here: half of this test is skipped");
        }
        monoio_uring(load).expect("monoio on io_uring");
        tokio_uring(load).expect("tokio-uring");
    }
}
