//! Owns the low-water mark of a socket (SO_RCVLOWAT): how many bytes must arrive before the reactor is
//! woken. A body of known length arrives in many packets, each of which would wake the reactor for
//! nothing.
//!
//! Never makes a reader miss bytes: the kernel limits the mark to half of its largest receive buffer,
//! wakes for less if memory is short, and always wakes at the end of the connection.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use monoio::net::TcpStream;

/// Smallest mark worth setting: fewer bytes arrive at once.
const LEAST: usize = 4096;

/// The mark of one connection; 1 by default.
#[derive(Debug, Default)]
pub(super) struct LowWater {
    raised: bool,
}

impl LowWater {
    /// Wakes the reader of `socket` only when `bytes` have arrived.
    pub(super) fn set(&mut self, socket: &TcpStream, bytes: usize) {
        if bytes < LEAST {
            self.lower(socket);
        } else {
            // A mark that cannot be set only costs wake-ups.
            self.raised |= set(socket, c_int::try_from(bytes).unwrap_or(c_int::MAX));
        }
    }

    /// Wakes the reader for every byte again.
    pub(super) fn lower(&mut self, socket: &TcpStream) {
        if std::mem::take(&mut self.raised) {
            set(socket, 1);
        }
    }
}

#[allow(unsafe_code)]
fn set(socket: &TcpStream, bytes: c_int) -> bool {
    let size = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: `socket` is borrowed and owns an open descriptor; the pointer is to a c_int, of which `size` is
    // the size, and the kernel reads it before the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const bytes).cast(),
            size,
        )
    };
    result == 0
}
