//! Owns the low-water mark of a socket (SO_RCVLOWAT): how many bytes must have come before the
//! reactor is woken. A body of known length comes in flights, and each would wake it for nothing.
//!
//! The kernel bounds the mark by half of its largest receive buffer, wakes for less where memory is
//! short, and always at the connection's end; so a mark never hides bytes for ever.

use std::ffi::c_int;
use std::os::fd::AsRawFd;

use monoio::net::TcpStream;

/// Bytes worth a wait: less is there with the head, or comes at once.
const LEAST: usize = 4096;

/// The mark of one connection; 1 where it was never set.
#[derive(Debug, Default)]
pub(super) struct LowWater {
    raised: bool,
}

impl LowWater {
    /// Wakes the reader of `socket` only once `bytes` are there.
    pub(super) fn set(&mut self, socket: &TcpStream, bytes: usize) {
        if bytes < LEAST {
            self.lower(socket);
        } else {
            // A mark that cannot be set costs wake-ups and nothing else.
            self.raised |= set(socket, c_int::try_from(bytes).unwrap_or(c_int::MAX));
        }
    }

    /// Wakes it for every byte again.
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
