//! Owns the choice of I/O backend and the start of a reactor on it. Never does I/O of its own
//! beyond the probe: one ring, one NOP, reaped or given up.
//!
//! monoio's own detection only asks whether a ring can be set up; where a seccomp filter denies
//! `io_uring_enter` alone it would then spin for ever. The probe enters the ring, so it cannot.

use std::future::Future;
use std::io;

use io_uring::{IoUring, opcode};
use monoio::time::TimeDriver;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::config::IoBackend;
use crate::error::Error;

/// Submission queue entries of a reactor's ring.
pub const RING_ENTRIES: u32 = 4096;

/// The backend a run uses, with the flags that this kernel accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// io_uring; `defer_taskrun` tells whether completions run only when the reactor asks.
    Uring {
        /// SINGLE_ISSUER and DEFER_TASKRUN are set.
        defer_taskrun: bool,
    },
    /// epoll.
    Epoll,
}

impl Backend {
    /// The name for logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uring {
                defer_taskrun: true,
            } => "io_uring (single issuer, deferred task work)",
            Self::Uring {
                defer_taskrun: false,
            } => "io_uring",
            Self::Epoll => "epoll",
        }
    }
}

/// Chooses the backend: what was asked for, or the best that works here. The reason for a fallback
/// comes back as text for the log.
///
/// # Errors
/// `LocalResource` where io_uring was demanded and does not work.
pub fn choose(asked: IoBackend) -> Result<(Backend, Option<String>), Error> {
    if asked == IoBackend::Epoll {
        return Ok((Backend::Epoll, None));
    }
    let denied = match examine() {
        Ring::Whole => {
            let defer_taskrun = true;
            return Ok((Backend::Uring { defer_taskrun }, None));
        }
        Ring::Plain => {
            let defer_taskrun = false;
            let reason = "this kernel lacks SINGLE_ISSUER or DEFER_TASKRUN (Linux 6.1)".to_owned();
            return Ok((Backend::Uring { defer_taskrun }, Some(reason)));
        }
        Ring::Denied(error) => format!("io_uring does not work here: {error}"),
    };
    if asked == IoBackend::Uring {
        return Err(Error::local_resource(
            denied,
            "use --io auto, or allow io_uring_setup, io_uring_enter and io_uring_register",
        ));
    }
    Ok((Backend::Epoll, Some(denied)))
}

/// What io_uring is worth to this process.
#[derive(Debug)]
pub enum Ring {
    /// It works, with every flag a reactor wants.
    Whole,
    /// It works without SINGLE_ISSUER and DEFER_TASKRUN.
    Plain,
    /// It does not work, for this reason of the kernel's.
    Denied(io::Error),
}

/// Sets a ring up, enters it and reaps one NOP: with all flags, then with fewer.
pub fn examine() -> Ring {
    match probe(&builder(true)) {
        Ok(()) => Ring::Whole,
        Err(error)
            if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error())
                && probe(&builder(false)).is_ok() =>
        {
            Ring::Plain
        }
        Err(error) => Ring::Denied(error),
    }
}

/// Runs `future` on this thread's own reactor until it ends.
///
/// # Errors
/// What the kernel answered when the ring or the epoll instance was made.
pub fn block_on<F: Future>(backend: Backend, future: F) -> io::Result<F::Output> {
    match backend {
        Backend::Uring { defer_taskrun } => {
            let mut runtime = RuntimeBuilder::<TimeDriver<IoUringDriver>>::new()
                .uring_builder(builder(defer_taskrun))
                .with_entries(RING_ENTRIES)
                .build()?;
            Ok(runtime.block_on(future))
        }
        Backend::Epoll => {
            let mut runtime = RuntimeBuilder::<TimeDriver<LegacyDriver>>::new().build()?;
            Ok(runtime.block_on(future))
        }
    }
}

fn builder(defer_taskrun: bool) -> io_uring::Builder {
    let mut builder = IoUring::builder();
    if defer_taskrun {
        builder.setup_single_issuer().setup_defer_taskrun();
    }
    builder
}

/// Sets a ring up with the flags, submits a NOP and reaps it.
#[allow(unsafe_code)]
fn probe(builder: &io_uring::Builder) -> io::Result<()> {
    let mut ring: IoUring = builder.build(8)?;
    // SAFETY: a NOP refers to no memory, so nothing can outlive it.
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
    use super::*;

    #[test]
    fn epoll_is_chosen_where_it_is_asked_for() {
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
}
