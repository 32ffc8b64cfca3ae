//! The runtime comparison behind the choice of monoio: the same GET loop on a fresh connection each
//! time, on monoio (io_uring and epoll), tokio-uring and tokio. Owns the rounds and the table; the
//! loop is in [`clients`], the origin in [`origin`].
//!
//! The figure is the client thread's CPU per GET. The origin's is other threads' and does not count;
//! neither does that of io_uring's own workers, of which sockets need none.

mod clients;
mod origin;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use turbo2ds_benches::thread_cpu;

use crate::Found;
use crate::arguments::Arguments;
use crate::measure::Turns;
use crate::table::{Column, Table};

/// What every client is asked to do.
#[derive(Clone, Copy)]
struct Load {
    /// Where the origin listens.
    origin: SocketAddr,
    /// GETs in all.
    gets: usize,
    /// GETs at a time.
    in_flight: usize,
    /// Bytes of each answer, head and body.
    answer_bytes: usize,
}

impl Load {
    /// How many of the GETs the task at `place` makes.
    fn share(self, place: usize) -> usize {
        self.gets / self.in_flight + usize::from(place < self.gets % self.in_flight)
    }

    fn check(self, received: usize) -> io::Result<()> {
        if received == self.answer_bytes {
            return Ok(());
        }
        let text = format!("{received} bytes of {}", self.answer_bytes);
        Err(io::Error::other(text))
    }
}

type Client = fn(Load) -> io::Result<()>;

const CLIENTS: [(&str, Client); 4] = [
    ("monoio io_uring", clients::monoio_uring),
    ("monoio epoll", clients::monoio_epoll),
    ("tokio-uring", clients::tokio_uring),
    ("tokio epoll", clients::tokio_epoll),
];

pub(crate) fn measure(arguments: &Arguments) -> Found {
    let (origin, answer_bytes) = origin::start(arguments.body_bytes)?;
    let load = Load {
        origin,
        gets: arguments.gets,
        in_flight: arguments.in_flight,
        answer_bytes,
    };
    let turns = Turns::new(CLIENTS.len(), arguments.rounds, |side| {
        cpu_of(CLIENTS[side].1, load)
    })?;
    let title = format!(
        "runtimes: {} GETs of {} bytes on fresh connections, {} at a time, CPU of the client's thread",
        load.gets, arguments.body_bytes, load.in_flight
    );
    let mut table = Table::new(title, &[Column::new("us/GET", 1), Column::new("ratio", 3)]);
    for (side, (name, _)) in CLIENTS.iter().enumerate() {
        let cells = [turns.micros(side) / load.gets as f64, turns.ratio(side, 0)];
        table.row(*name, cells.map(Some));
    }
    Ok(vec![table])
}

/// CPU time of a client, on a thread of its own.
fn cpu_of(client: Client, load: Load) -> io::Result<Duration> {
    let measured = std::thread::spawn(move || {
        let before = thread_cpu();
        client(load).map(|()| thread_cpu() - before)
    });
    let joined = measured.join();
    joined.unwrap_or_else(|_| Err(io::Error::other("a client panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_load_add_up_to_it() {
        for (gets, in_flight) in [(1, 1), (7, 3), (3, 7), (2000, 32)] {
            let load = Load {
                origin: ([127, 0, 0, 1], 1).into(),
                gets,
                in_flight,
                answer_bytes: 0,
            };
            let shares = (0..in_flight).map(|place| load.share(place));
            assert_eq!(shares.sum::<usize>(), gets);
        }
    }
}
