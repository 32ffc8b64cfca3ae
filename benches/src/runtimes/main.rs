//! The runtime comparison behind the choice of monoio: the same GET loop on a fresh connection each
//! time, on monoio (io_uring and epoll), tokio-uring and tokio. Owns the rounds and the table; the
//! loops are in [`clients`], the origin in [`origin`].
//!
//! `runtimes [GETS] [IN_FLIGHT] [BODY_BYTES] [ROUNDS]`; prints the client thread's CPU per GET, in
//! microseconds, as the median over the rounds and its ratio to the first row. The runtimes take
//! turns within a round. The origin's CPU is other threads' and does not count; neither does that of
//! io_uring's own workers, of which sockets need none.

mod clients;
mod origin;

use std::error::Error;
use std::time::Duration;

use turbo2ds_benches::{median, thread_cpu};

/// What every client is asked to do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Where the origin listens.
    pub(crate) origin: std::net::SocketAddr,
    /// GETs in all.
    pub(crate) gets: usize,
    /// GETs at a time.
    pub(crate) in_flight: usize,
    /// Bytes of each answer, head and body.
    pub(crate) answer_bytes: usize,
}

type Client = fn(Load) -> std::io::Result<()>;

const CLIENTS: [(&str, Client); 4] = [
    ("monoio io_uring", clients::monoio_uring),
    ("monoio epoll", clients::monoio_epoll),
    ("tokio-uring", clients::tokio_uring),
    ("tokio epoll", clients::tokio_epoll),
];

fn main() -> Result<(), Box<dyn Error>> {
    let numbers: Vec<usize> = std::env::args()
        .skip(1)
        .map(|arg| arg.parse())
        .collect::<Result<_, _>>()?;
    let number = |at: usize, default| numbers.get(at).copied().unwrap_or(default);
    let (gets, in_flight) = (number(0, 2000), number(1, 32));
    let (body_bytes, rounds) = (number(2, 100_000), number(3, 5));
    let (origin, answer_bytes) = origin::start(body_bytes)?;
    let load = Load {
        origin,
        gets,
        in_flight,
        answer_bytes,
    };
    println!("{gets} GETs of {body_bytes} bytes, {in_flight} at a time, {rounds} rounds");
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); CLIENTS.len()];
    // The first round warms up and is not counted.
    for round in 0..=rounds {
        for ((_, client), samples) in CLIENTS.iter().zip(&mut samples) {
            let cpu = cpu_of(*client, load)?;
            if round > 0 {
                samples.push(cpu.as_secs_f64() * 1e6 / gets as f64);
            }
        }
    }
    let medians: Vec<f64> = samples.iter_mut().map(|samples| median(samples)).collect();
    for ((name, _), micros) in CLIENTS.iter().zip(&medians) {
        println!("{name:16} {micros:8.1} us/GET  x{:.2}", micros / medians[0]);
    }
    Ok(())
}

/// CPU time of a client, on a thread of its own.
fn cpu_of(client: Client, load: Load) -> Result<Duration, Box<dyn Error>> {
    let measured = std::thread::spawn(move || {
        let before = thread_cpu();
        client(load).map(|()| thread_cpu() - before)
    });
    Ok(measured.join().map_err(|_| "a client panicked")??)
}
