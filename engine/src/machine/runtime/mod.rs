//! Owns choosing the I/O backend and starting reactors on it. Never does I/O of its own, except for the
//! probe: one NOP on one ring.
//!
//! [`locked`] knows how much locked memory rings use, [`grant`] says which cores got rings, and
//! [`reactors`] are the threads that create their own rings and hold them until the run begins.
//!
//! monoio's own detection only checks whether a ring can be set up. If a seccomp filter denies only
//! `io_uring_enter`, monoio would then spin forever. The probe therefore enters the ring.

mod grant;
mod locked;
mod reactors;

use std::future::Future;
use std::io;

use io_uring::{IoUring, opcode};
use monoio::time::TimeDriver;
use monoio::{IoUringDriver, LegacyDriver, Runtime, RuntimeBuilder};
use rustix::io::Errno;

use crate::config::IoBackend;
use crate::error::{Error, Message};

pub(crate) use grant::Grant;
pub(crate) use locked::{are_rings_counted, enough_bytes, raised_limit};
pub(crate) use reactors::Reactors;

/// Submission queue entries of a reactor's ring.
pub(crate) const RING_ENTRIES: u32 = 4096;
/// Entries of the smallest ring of a reactor, which is monoio's minimum. monoio submits the queue when
/// it is full, so fewer entries only cost system calls.
pub(crate) const RING_ENTRIES_MIN: u32 = 256;
/// Entries of the probe's ring.
const PROBE_ENTRIES: u32 = 8;

/// The backend of one reactor, with flags that this kernel accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    /// io_uring.
    Uring {
        /// Whether SINGLE_ISSUER and DEFER_TASKRUN are set: completions run only when the reactor asks
        /// for them.
        defer_taskrun: bool,
        /// Submission queue entries; the completion queue has twice as many.
        entries: u32,
    },
    /// epoll.
    Epoll,
}

impl Backend {
    /// The name in logs and reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Uring {
                defer_taskrun: true,
                ..
            } => "io_uring (single issuer, deferred task work)",
            Self::Uring {
                defer_taskrun: false,
                ..
            } => "io_uring",
            Self::Epoll => "epoll",
        }
    }
}

/// Chooses the backend of one reactor: the one asked for, or the best that works here. Also returns the
/// reason for a fallback, as text for the log.
///
/// # Errors
/// `LocalResource` if io_uring was demanded and does not work.
pub(crate) fn choose(asked: IoBackend) -> Result<(Backend, Option<String>), Error> {
    if asked == IoBackend::Epoll {
        return Ok((Backend::Epoll, None));
    }
    let with = |defer_taskrun| Backend::Uring {
        defer_taskrun,
        entries: RING_ENTRIES,
    };
    match examine() {
        Ring::Whole => Ok((with(true), None)),
        Ring::Plain => Ok((with(false), Some(PLAIN.to_owned()))),
        Ring::Denied(error) if asked == IoBackend::Uring => Err(denied(error)),
        Ring::Denied(error) => Ok((Backend::Epoll, Some(denied(error).message().to_owned()))),
    }
}

/// Why rings lack a flag.
const PLAIN: &str = "this kernel lacks SINGLE_ISSUER or DEFER_TASKRUN (Linux 6.1)";

/// Why there are no rings.
fn denied(error: io::Error) -> Error {
    Error::local_resource(
        Message::because("io_uring does not work here", error),
        "use --io auto, or allow io_uring_setup, io_uring_enter and io_uring_register",
    )
}

/// Whether io_uring works for this process.
#[derive(Debug)]
pub(crate) enum Ring {
    /// It works with every flag that a reactor wants.
    Whole,
    /// It works without SINGLE_ISSUER and DEFER_TASKRUN.
    Plain,
    /// It does not work: the kernel's error.
    Denied(io::Error),
}

/// Probes a ring with all flags, then with fewer.
pub(crate) fn examine() -> Ring {
    match probe(&builder(true)) {
        Ok(()) => Ring::Whole,
        Err(error) if is(&error, Errno::INVAL) && probe(&builder(false)).is_ok() => Ring::Plain,
        Err(error) => Ring::Denied(error),
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// One thread's reactor. It stays on the thread that created it, because its ring has a single issuer.
pub(crate) enum Reactor {
    /// On io_uring.
    Uring(Runtime<TimeDriver<IoUringDriver>>),
    /// On epoll.
    Epoll(Runtime<TimeDriver<LegacyDriver>>),
}

impl Reactor {
    /// Creates the ring or the epoll instance.
    ///
    /// # Errors
    /// The kernel's error.
    pub(crate) fn new(backend: Backend) -> io::Result<Self> {
        match backend {
            Backend::Uring {
                defer_taskrun,
                entries,
            } => RuntimeBuilder::<TimeDriver<IoUringDriver>>::new()
                .uring_builder(builder(defer_taskrun))
                .with_entries(entries)
                .build()
                .map(Self::Uring),
            Backend::Epoll => RuntimeBuilder::<TimeDriver<LegacyDriver>>::new()
                .build()
                .map(Self::Epoll),
        }
    }

    /// Runs `future` on this thread until it ends.
    pub(crate) fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        match self {
            Self::Uring(runtime) => runtime.block_on(future),
            Self::Epoll(runtime) => runtime.block_on(future),
        }
    }
}

/// Runs `future` on this thread's own reactor until it ends.
///
/// # Errors
/// The kernel's error if the ring or the epoll instance cannot be created.
pub(crate) fn block_on<F: Future>(backend: Backend, future: F) -> io::Result<F::Output> {
    Ok(Reactor::new(backend)?.block_on(future))
}

fn builder(defer_taskrun: bool) -> io_uring::Builder {
    let mut builder = IoUring::builder();
    if defer_taskrun {
        builder.setup_single_issuer().setup_defer_taskrun();
    }
    builder
}

/// Sets up a ring, submits a NOP and reaps it.
#[allow(unsafe_code)]
fn probe(builder: &io_uring::Builder) -> io::Result<()> {
    let mut ring: IoUring = builder.build(PROBE_ENTRIES)?;
    // SAFETY: the entry is a NOP, which has no pointer: there is no memory that it could outlive.
    unsafe { ring.submission().push(&opcode::Nop::new().build()) }
        .map_err(|_| io::Error::other("the submission queue is full"))?;
    let submitted = ring.submit_and_wait(1)?;
    let reaped = ring.completion().next().is_some();
    if submitted == 1 && reaped {
        Ok(())
    } else {
        Err(io::Error::other("a NOP did not come back"))
    }
}

#[cfg(test)]
mod tests {
    use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
    use monoio::net::UnixStream;

    use super::*;

    #[test]
    fn epoll_is_chosen_on_request() {
        let (backend, reason) = choose(IoBackend::Epoll).expect("epoll always works");
        assert_eq!(backend, Backend::Epoll);
        assert!(reason.is_none());
    }

    #[test]
    fn a_chosen_backend_runs_a_future() {
        let (backend, _) = choose(IoBackend::Auto).expect("some backend works");
        assert_eq!(
            block_on(backend, async { 7 }).expect("the reactor starts"),
            7
        );
    }

    /// Eight times as many reads as the smallest ring has entries, four times as many as it has
    /// completions: all are in flight before the first byte arrives, and all bytes arrive at once.
    #[test]
    fn a_small_ring_loses_nothing_beyond_its_capacity() {
        let pairs = 8 * RING_ENTRIES_MIN as usize;
        let (Backend::Uring { defer_taskrun, .. }, _) =
            choose(IoBackend::Auto).expect("some backend works")
        else {
            return;
        };
        let backend = Backend::Uring {
            defer_taskrun,
            entries: RING_ENTRIES_MIN,
        };
        let read = block_on(backend, async {
            let (mut writers, mut readers) = (Vec::new(), Vec::new());
            for _ in 0..pairs {
                let (ours, mut theirs) = UnixStream::pair().expect("a pair");
                writers.push(ours);
                readers.push(monoio::spawn(async move {
                    theirs.read(vec![0_u8; 1]).await.0.expect("a byte")
                }));
            }
            let written = writers
                .iter_mut()
                .map(|writer| writer.write_all(vec![7_u8]));
            for result in futures_util::future::join_all(written).await {
                result.0.expect("the peer is there");
            }
            let mut read = 0;
            for reader in readers {
                read += reader.await;
            }
            read
        });
        assert_eq!(read.expect("the reactor starts"), pairs);
    }
}
