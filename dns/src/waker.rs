//! Owns waking the resolver's thread from another: one eventfd, written once however many ask.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};

/// Wakes the thread that waits for [`Waker::fd`].
#[derive(Debug)]
pub(crate) struct Waker {
    fd: OwnedFd,
    /// Written and not cleared yet.
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

    /// Makes the thread look at its requests, now or before it sleeps next.
    pub(crate) fn wake(&self) {
        if !self.pending.swap(true, Ordering::AcqRel) {
            // A counter that is full wakes as well.
            let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
        }
    }

    /// Called before the requests are looked at: what comes after wakes again.
    pub(crate) fn clear(&self) {
        self.pending.store(false, Ordering::Release);
    }

    /// Called when the descriptor is readable.
    pub(crate) fn drain(&self) {
        let mut count = [0_u8; 8];
        let _ = rustix::io::read(&self.fd, &mut count);
    }
}
