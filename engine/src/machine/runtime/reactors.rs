//! Owns the cores' threads from their start until each gets its work. Every thread creates its own ring
//! and holds it, so a run cannot lose its rings to another process before it begins. Never runs work
//! before every ring is created.
//!
//! All rings are created before a run touches anything. If locked memory does not suffice for rings of
//! full size, all are closed and smaller ones are tried, down to [`RING_ENTRIES_MIN`]; cores that get
//! none use epoll. A kernel without DEFER_TASKRUN may refuse submissions while completions overflow, so
//! rings keep their full size there.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::grant::{Grant, memory_shortage, next_entries};
use super::locked::{least_bytes, limit_bytes};
use super::{Backend, PLAIN, RING_ENTRIES, RING_ENTRIES_MIN, Reactor, Ring, denied, examine, is};
use crate::config::IoBackend;
use crate::error::{Error, Message};
use crate::machine::Pin;

/// How long creating a ring is retried: the memory of closed rings is freed with a delay.
const RETRY_FOR: Duration = Duration::from_millis(500);
/// Time between two attempts.
const RETRY_EVERY: Duration = Duration::from_millis(5);

/// A command to a core's thread.
enum Command {
    /// Create a reactor and hold it.
    Create(Backend),
    /// Drop the reactor.
    Release,
    /// Run this on the reactor, then end.
    Run(Work),
}

type Work = Box<dyn FnOnce(Reactor) + Send>;

/// One core's thread.
struct CoreThread {
    commands: Sender<Command>,
    made: Receiver<io::Result<()>>,
    handle: JoinHandle<()>,
}

/// The cores' threads, each with its reactor. A thread without work ends when this is dropped.
pub(crate) struct Reactors {
    threads: std::vec::IntoIter<CoreThread>,
    grant: Grant,
}

impl Reactors {
    /// Starts a thread for each pin and makes each create its reactor.
    ///
    /// # Errors
    /// `LocalResource` if io_uring was demanded and not all cores can have it, or if not even epoll
    /// works.
    pub(crate) fn start(asked: IoBackend, pins: &[Pin]) -> Result<Self, Error> {
        let threads: Vec<CoreThread> = pins
            .iter()
            .enumerate()
            .map(|(index, pin)| CoreThread::start(index, *pin))
            .collect::<io::Result<_>>()
            .map_err(failed)?;
        let grant = grant_backends(asked, &threads)?;
        Ok(Self {
            threads: threads.into_iter(),
            grant,
        })
    }

    /// The backends that the cores got.
    pub(crate) const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// Gives the next core its work; `None` if every core has some.
    pub(crate) fn begin(
        &mut self,
        work: impl FnOnce(Reactor) + Send + 'static,
    ) -> Option<JoinHandle<()>> {
        let thread = self.threads.next()?;
        // The thread is waiting: it has answered the last command.
        let _ = thread.commands.send(Command::Run(Box::new(work)));
        Some(thread.handle)
    }
}

fn failed(error: io::Error) -> Error {
    Error::local_resource(
        Message::because("a reactor could not be started", error),
        "use --io epoll, or raise the limits on memory, threads and descriptors",
    )
}

/// Makes every thread create its reactor.
fn grant_backends(asked: IoBackend, threads: &[CoreThread]) -> Result<Grant, Error> {
    let cores = threads.len();
    let limit = limit_bytes();
    let grant = if asked == IoBackend::Epoll {
        Grant::epoll(cores, None)
    } else {
        match retrying(
            0,
            limit,
            examine,
            |ring| matches!(ring, Ring::Denied(error) if is(error, Errno::NOMEM)),
        ) {
            Ring::Whole => rings(threads, true, limit)?,
            Ring::Plain => rings(threads, false, limit)?,
            Ring::Denied(error) if is(&error, Errno::NOMEM) => {
                Grant::epoll(cores, Some(memory_shortage(cores, limit)))
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
    for thread in &threads[grant.rings..] {
        thread.create(Backend::Epoll).map_err(failed)?;
    }
    Ok(grant)
}

/// Creates rings on as many threads as possible, in command, all of one size.
fn rings(threads: &[CoreThread], defer_taskrun: bool, limit: Option<u64>) -> Result<Grant, Error> {
    let cores = threads.len();
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
        let held = create_rings(threads, backend, entries, limit).map_err(failed)?;
        if held == cores || entries == smallest {
            let is_whole = held == cores && entries == RING_ENTRIES;
            let lack = match is_whole {
                true if defer_taskrun => None,
                true => Some(PLAIN.to_owned()),
                false => Some(memory_shortage(cores, limit)),
            };
            return Ok(Grant {
                cores,
                rings: held,
                backend: if held == 0 { Backend::Epoll } else { backend },
                lack,
            });
        }
        for thread in &threads[..held] {
            thread.send_command(Command::Release);
        }
        entries = next_entries(entries, cores, held, limit, smallest);
    }
}

/// Creates rings in command until one fails for lack of memory, and returns how many there are.
fn create_rings(
    threads: &[CoreThread],
    backend: Backend,
    entries: u32,
    limit: Option<u64>,
) -> io::Result<usize> {
    for (held, thread) in threads.iter().enumerate() {
        let needed = (held as u64 + 1) * least_bytes(entries);
        let lacks =
            |made: &io::Result<()>| made.as_ref().is_err_and(|error| is(error, Errno::NOMEM));
        let made = retrying(needed, limit, || thread.create(backend), lacks);
        if lacks(&made) {
            return Ok(held);
        }
        made?;
    }
    Ok(threads.len())
}

/// Retries while memory is lacking that closed rings may still free. Does not retry if `needed` bytes
/// exceed the limit anyway.
fn retrying<T>(
    needed: u64,
    limit: Option<u64>,
    mut attempt: impl FnMut() -> T,
    lacks: impl Fn(&T) -> bool,
) -> T {
    let end = Instant::now() + RETRY_FOR;
    loop {
        let made = attempt();
        let hopeless = limit.is_some_and(|limit| needed > limit);
        if !lacks(&made) || hopeless || Instant::now() >= end {
            return made;
        }
        thread::sleep(RETRY_EVERY);
    }
}

impl CoreThread {
    fn start(index: usize, pin: Pin) -> io::Result<Self> {
        let (commands, received) = channel();
        let (answers, made) = channel();
        let handle = thread::Builder::new()
            .name(format!("core-{index}"))
            .spawn(move || {
                pin.hold();
                serve(&received, &answers);
            })?;
        Ok(Self {
            commands,
            made,
            handle,
        })
    }

    /// Makes the thread create a reactor.
    fn create(&self, backend: Backend) -> io::Result<()> {
        self.send_command(Command::Create(backend));
        let ended = |_| Err(io::Error::other("its thread has ended"));
        self.made.recv().unwrap_or_else(ended)
    }

    fn send_command(&self, command: Command) {
        // If the thread has ended, `create` gets no answer.
        let _ = self.commands.send(command);
    }
}

/// A core's thread: handles commands until its work is done or the sender is gone.
fn serve(commands: &Receiver<Command>, made: &Sender<io::Result<()>>) {
    let mut reactor = None;
    for command in commands {
        match command {
            Command::Create(backend) => {
                let result = Reactor::new(backend).map(|new| reactor = Some(new));
                if made.send(result).is_err() {
                    return;
                }
            }
            Command::Release => reactor = None,
            Command::Run(work) => {
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
    fn impossible_rings_are_not_retried() {
        let mut tries = 0;
        let attempt = || {
            tries += 1;
            tries
        };
        assert_eq!(retrying(10, Some(9), attempt, |_| true), 1);
        let mut left = 3;
        let attempt = || {
            left -= 1;
            left
        };
        assert_eq!(retrying(9, Some(9), attempt, |left| *left > 0), 0);
    }
}
