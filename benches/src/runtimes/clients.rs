//! Owns the same loop four times: connect, send, receive to the end, close. What differs is only
//! what each runtime asks for.

use std::io;

use crate::Load;

const REQUEST: &[u8] = b"GET /x HTTP/1.1\r\nHost: origin.test\r\n\r\n";
/// Receive buffer, bytes.
const BUFFER_BYTES: usize = 128 * 1024;

/// A task's share of the load: how many GETs the task at `place` makes.
fn share(load: Load, place: usize) -> usize {
    load.gets / load.in_flight + usize::from(place < load.gets % load.in_flight)
}

fn check(received: usize, load: Load) -> io::Result<()> {
    if received == load.answer_bytes {
        Ok(())
    } else {
        Err(io::Error::other(format!(
            "{received} bytes of {}",
            load.answer_bytes
        )))
    }
}

/// monoio on io_uring, with the flags of the product.
pub(crate) fn monoio_uring(load: Load) -> io::Result<()> {
    let mut builder = io_uring::IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun();
    monoio::RuntimeBuilder::<monoio::IoUringDriver>::new()
        .uring_builder(builder)
        .build()?
        .block_on(on_monoio(load))
}

/// monoio on epoll.
pub(crate) fn monoio_epoll(load: Load) -> io::Result<()> {
    monoio::RuntimeBuilder::<monoio::LegacyDriver>::new()
        .build()?
        .block_on(on_monoio(load))
}

async fn on_monoio(load: Load) -> io::Result<()> {
    let tasks: Vec<_> = (0..load.in_flight)
        .map(|place| {
            monoio::spawn(async move {
                for _ in 0..share(load, place) {
                    get_on_monoio(load).await?;
                }
                io::Result::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    Ok(())
}

async fn get_on_monoio(load: Load) -> io::Result<()> {
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    let mut stream = monoio::net::TcpStream::connect_addr(load.origin).await?;
    stream.write_all(REQUEST).await.0?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut received = 0;
    loop {
        let (count, back) = stream.read(buffer).await;
        buffer = back;
        match count? {
            0 => return check(received, load),
            count => received += count,
        }
    }
}

/// tokio-uring with its defaults.
pub(crate) fn tokio_uring(load: Load) -> io::Result<()> {
    tokio_uring::start(async move {
        let tasks: Vec<_> = (0..load.in_flight)
            .map(|place| {
                tokio_uring::spawn(async move {
                    for _ in 0..share(load, place) {
                        get_on_tokio_uring(load).await?;
                    }
                    io::Result::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    })
}

async fn get_on_tokio_uring(load: Load) -> io::Result<()> {
    let stream = tokio_uring::net::TcpStream::connect(load.origin).await?;
    stream.write_all(REQUEST).await.0?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut received = 0;
    loop {
        let (count, back) = stream.read(buffer).await;
        buffer = back;
        match count? {
            0 => return check(received, load),
            count => received += count,
        }
    }
}

/// tokio on one thread.
pub(crate) fn tokio_epoll(load: Load) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async move {
        let tasks: Vec<_> = (0..load.in_flight)
            .map(|place| {
                tokio::task::spawn_local(async move {
                    for _ in 0..share(load, place) {
                        get_on_tokio(load).await?;
                    }
                    io::Result::Ok(())
                })
            })
            .collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        Ok(())
    }))
}

async fn get_on_tokio(load: Load) -> io::Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(load.origin).await?;
    stream.write_all(REQUEST).await?;
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut received = 0;
    loop {
        buffer.clear();
        match stream.read_buf(&mut buffer).await? {
            0 => return check(received, load),
            count => received += count,
        }
    }
}
