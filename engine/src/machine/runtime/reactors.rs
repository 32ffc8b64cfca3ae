//! Owns the cores' threads from their start until each gets its work: every one makes its own ring, and
//! holds it. Rings that were granted to a run cannot be lost to another process before it begins.
//!
//! All rings are made before a run touches anything. Where locked memory does not last for rings of the
//! full size, all are given back and smaller ones are tried, down to [`RING_ENTRIES_MIN`]; cores that get
//! none of those have epoll. A kernel without DEFER_TASKRUN may refuse submissions while completions
//! overflow, so that rings keep their size there.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::grant::{Grant, short_of_memory, smaller};
use super::locked::{least_bytes, limit_bytes};
use super::{Backend, PLAIN, RING_ENTRIES, RING_ENTRIES_MIN, Reactor, Ring, denied, examine, is};
use crate::config::IoBackend;
use crate::error::{Error, Message};
use crate::machine::Pin;

/// How long a ring is tried again for, after the last that could be made: closed rings give their memory
/// back a moment later.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time between two tries.
const TRY_AGAIN: Duration = Duration::from_millis(5);

/// What a core's thread is told.
enum Order {
    /// Make a reactor and hold it.
    Make(Backend),
    /// Give the reactor back.
    GiveBack,
    /// Take the reactor and do this to its end.
    Work(Work),
}

type Work = Box<dyn FnOnce(Reactor) + Send>;

/// One core's thread.
struct Seat {
    orders: Sender<Order>,
    made: Receiver<io::Result<()>>,
    thread: JoinHandle<()>,
}

/// The cores' threads, each with its reactor. Dropped before it got work, a thread ends.
pub(crate) struct Reactors {
    seats: std::vec::IntoIter<Seat>,
    grant: Grant,
}

impl Reactors {
    /// Starts a thread for each pin and has each make its reactor.
    ///
    /// # Errors
    /// `LocalResource` where io_uring was demanded and not all cores can have it, and where not even
    /// epoll works.
    pub(crate) fn start(asked: IoBackend, pins: &[Pin]) -> Result<Self, Error> {
        let seats: Vec<Seat> = pins
            .iter()
            .enumerate()
            .map(|(index, pin)| Seat::start(index, *pin))
            .collect::<io::Result<_>>()
            .map_err(failed)?;
        let grant = take(asked, &seats)?;
        Ok(Self {
            seats: seats.into_iter(),
            grant,
        })
    }

    /// What the cores got.
    pub(crate) const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Gives the next core its work; `None` where every core has some.
    pub(crate) fn begin(
        &mut self,
        work: impl FnOnce(Reactor) + Send + 'static,
    ) -> Option<JoinHandle<()>> {
        let seat = self.seats.next()?;
        // It waits for orders: it has answered the last one.
        let _ = seat.orders.send(Order::Work(Box::new(work)));
        Some(seat.thread)
    }
}

fn failed(error: io::Error) -> Error {
    Error::local_resource(
        Message::because("a reactor could not be started", error),
        "use --io epoll, or raise the limits on memory, threads and descriptors",
    )
}

/// Has every seat make its reactor.
fn take(asked: IoBackend, seats: &[Seat]) -> Result<Grant, Error> {
    let cores = seats.len();
    let limit = limit_bytes();
    let grant = if asked == IoBackend::Epoll {
        Grant::epoll(cores, None)
    } else {
        match patiently(
            0,
            limit,
            examine,
            |ring| matches!(ring, Ring::Denied(error) if is(error, Errno::NOMEM)),
        ) {
            Ring::Whole => rings(seats, true, limit)?,
            Ring::Plain => rings(seats, false, limit)?,
            Ring::Denied(error) if is(&error, Errno::NOMEM) => {
                Grant::epoll(cores, Some(short_of_memory(cores, limit)))
            }
            Ring::Denied(error) if asked == IoBackend::Uring => return Err(denied(error)),
            Ring::Denied(error) => Grant::epoll(cores, Some(denied(error).message().to_owned())),
        }
    };
    if asked == IoBackend::Uring && !grant.is_for_all() {
        let lack = grant.lack.unwrap_or_default();
        return Err(Error::local_resource(
            format!(
                "io_uring is asked for, and {} of {cores} cores can have it",
                grant.rings
            ),
            format!("{lack}; or use --io auto, or fewer --processes_count"),
        ));
    }
    for seat in &seats[grant.rings..] {
        seat.make(Backend::Epoll).map_err(failed)?;
    }
    Ok(grant)
}

/// Rings on as many seats as can have them, all of one size, the first seats first.
fn rings(seats: &[Seat], defer_taskrun: bool, limit: Option<u64>) -> Result<Grant, Error> {
    let cores = seats.len();
    let smallest = if defer_taskrun {
        RING_ENTRIES_MIN
    } else {
        RING_ENTRIES
    };
    let mut entries = RING_ENTRIES;
    loop {
        let backend = Backend::Uring {
            defer_taskrun,
            entries,
        };
        let held = held(seats, backend, entries, limit).map_err(failed)?;
        if held == cores || entries == smallest {
            let is_whole = held == cores && entries == RING_ENTRIES;
            let lack = match is_whole {
                true if defer_taskrun => None,
                true => Some(PLAIN.to_owned()),
                false => Some(short_of_memory(cores, limit)),
            };
            return Ok(Grant {
                cores,
                rings: held,
                backend: if held == 0 { Backend::Epoll } else { backend },
                lack,
            });
        }
        for seat in &seats[..held] {
            seat.tell(Order::GiveBack);
        }
        entries = smaller(entries, cores, held, limit, smallest);
    }
}

/// Makes rings, seat by seat, until one is refused for lack of memory; how many there are then.
fn held(seats: &[Seat], backend: Backend, entries: u32, limit: Option<u64>) -> io::Result<usize> {
    for (held, seat) in seats.iter().enumerate() {
        let needed = (held as u64 + 1) * least_bytes(entries);
        let lacks =
            |made: &io::Result<()>| made.as_ref().is_err_and(|error| is(error, Errno::NOMEM));
        let made = patiently(needed, limit, || seat.make(backend), lacks);
        if lacks(&made) {
            return Ok(held);
        }
        made?;
    }
    Ok(seats.len())
}

/// Tries again while memory is lacking that a closed ring may still give back: never where `needed`
/// bytes are over the limit in any case.
fn patiently<T>(
    needed: u64,
    limit: Option<u64>,
    mut attempt: impl FnMut() -> T,
    lacks: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let made = attempt();
        let hopeless = limit.is_some_and(|limit| needed > limit);
        if !lacks(&made) || hopeless || Instant::now() >= end {
            return made;
        }
        thread::sleep(TRY_AGAIN);
    }
}

impl Seat {
    fn start(index: usize, pin: Pin) -> io::Result<Self> {
        let (orders, told) = channel();
        let (tell, made) = channel();
        let thread = thread::Builder::new()
            .name(format!("core-{index}"))
            .spawn(move || {
                pin.hold();
                serve(&told, &tell);
            })?;
        Ok(Self {
            orders,
            made,
            thread,
        })
    }

    /// Has the thread make a reactor.
    fn make(&self, backend: Backend) -> io::Result<()> {
        self.tell(Order::Make(backend));
        let ended = |_| Err(io::Error::other("its thread has ended"));
        self.made.recv().unwrap_or_else(ended)
    }

    fn tell(&self, order: Order) {
        // A thread that has ended answers nothing, which `make` sees.
        let _ = self.orders.send(order);
    }
}

/// A core's thread: obeys until it got its work and did it, or nobody is there any more.
fn serve(orders: &Receiver<Order>, made: &Sender<io::Result<()>>) {
    let mut reactor = None;
    for order in orders {
        match order {
            Order::Make(backend) => {
                let result = Reactor::new(backend).map(|new| reactor = Some(new));
                if made.send(result).is_err() {
                    return;
                }
            }
            Order::GiveBack => reactor = None,
            Order::Work(work) => {
                if let Some(reactor) = reactor {
                    work(reactor);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_core_runs_its_work_on_the_reactor_it_holds() {
        for asked in [IoBackend::Auto, IoBackend::Epoll] {
            let pins = [Pin::default(); 3];
            let mut reactors = Reactors::start(asked, &pins).expect("some backend works");
            assert_eq!(reactors.grant().cores, 3);
            let (tell, told) = channel();
            let threads: Vec<_> = (0..3)
                .map(|number| {
                    let tell = tell.clone();
                    let work = move |mut reactor: Reactor| {
                        let got = reactor.block_on(async move { number });
                        tell.send(got).expect("the test listens");
                    };
                    reactors.begin(work).expect("a core")
                })
                .collect();
            assert!(reactors.begin(|_| {}).is_none());
            drop(tell);
            let mut got: Vec<i32> = told.iter().collect();
            got.sort_unstable();
            assert_eq!(got, [0, 1, 2]);
            for thread in threads {
                thread.join().expect("no panic");
            }
        }
    }

    #[test]
    fn what_cannot_be_had_is_not_waited_for() {
        let mut tries = 0;
        let attempt = || {
            tries += 1;
            tries
        };
        assert_eq!(patiently(10, Some(9), attempt, |_| true), 1);
        let mut left = 3;
        let attempt = || {
            left -= 1;
            left
        };
        assert_eq!(patiently(9, Some(9), attempt, |left| *left > 0), 0);
    }
}
