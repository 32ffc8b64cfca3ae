//! Owns waking the dns thread from other threads: one eventfd, written once for any number of wake-ups
//! before the thread looks. Never carries data.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

/// Wakes the thread that polls [`Waker::fd`].
#[derive(Debug)]
pub(crate) struct Waker {
    fd: OwnedFd,
    /// Whether the eventfd was written since [`Waker::clear`].
    pending: AtomicBool,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            fd: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            pending: AtomicBool::new(false),
        })
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Makes the thread look at its requests, now or before it next sleeps.
    pub(crate) fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            // A write fails only if the counter is full, which wakes the thread too.
            let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
        }
    }

    /// To be called before the requests are read: later ones wake again.
    pub(crate) fn clear(&self) {
        self.pending.store(false, Ordering::Release);
    }

    /// To be called when the descriptor is readable.
    pub(crate) fn drain(&self) {
        let mut count = [0_u8; 8];
        let _ = rustix::io::read(&self.fd, &mut count);
    }
}
