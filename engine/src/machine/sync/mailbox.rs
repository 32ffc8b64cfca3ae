//! Owns the queue of messages into a reactor: other threads push, and one task of the reactor takes. A
//! wake-up is one byte on a socket pair, written only if the reader may be asleep. It works the same on
//! io_uring and epoll. Never moves a task's waker to another thread.

use std::io::{self, Write};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam::queue::SegQueue;
use monoio::io::AsyncReadRent;
use monoio::net::UnixStream;

struct Shared<T> {
    messages: SegQueue<T>,
    /// Whether a byte is in the socket, or the reader is awake and will look at the queue again.
    notified: AtomicBool,
    wake: StdUnixStream,
}

/// Creates a mailbox; the [`Inbox`] runs on the reactor's thread.
///
/// # Errors
/// The kernel's error for `socketpair`.
pub(crate) fn mailbox<T>() -> io::Result<(Outbox<T>, Inbox<T>)> {
    let (read, wake) = StdUnixStream::pair()?;
    wake.set_nonblocking(true)?;
    read.set_nonblocking(true)?;
    let shared = Arc::new(Shared {
        messages: SegQueue::new(),
        notified: AtomicBool::new(false),
        wake,
    });
    Ok((
        Outbox {
            shared: shared.clone(),
        },
        Inbox { shared, read },
    ))
}

/// The sending side, for any thread. The queue is bounded by its users: every message answers a request
/// of the reactor.
pub struct Outbox<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

impl<T> Outbox<T> {
    /// Sends a message, and wakes the reactor if it may be asleep.
    pub fn send(&self, message: T) {
        self.shared.messages.push(message);
        if !self.shared.notified.swap(true, Ordering::AcqRel) {
            // One byte into an empty socket buffer cannot block. If the reader is closed, the run has
            // ended.
            let _ = (&self.shared.wake).write(&[1]);
        }
    }
}

/// The receiving side, not yet on a reactor.
pub(crate) struct Inbox<T> {
    shared: Arc<Shared<T>>,
    read: StdUnixStream,
}

impl<T> Inbox<T> {
    /// Passes every message to `take` until that returns false, and calls `rest` whenever the queue is
    /// empty. Runs on the reactor's thread.
    ///
    /// # Errors
    /// The error of the socket pair.
    pub(crate) async fn run(
        self,
        mut take: impl FnMut(T) -> bool,
        mut rest: impl FnMut(),
    ) -> io::Result<()> {
        let mut stream = UnixStream::from_std(self.read)?;
        let mut buffer = vec![0_u8; 8];
        loop {
            let (read, back) = stream.read(buffer).await;
            read?;
            buffer = back;
            // A swap, not a store: it synchronizes with the sender's swap and so sees what was pushed
            // before it. A later push writes a new byte.
            self.shared.notified.swap(false, Ordering::AcqRel);
            while let Some(message) = self.shared.messages.pop() {
                if !take(message) {
                    return Ok(());
                }
            }
            rest();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IoBackend;
    use crate::machine::runtime;

    #[test]
    fn every_message_of_every_thread_arrives_on_both_backends() {
        for asked in [IoBackend::Epoll, IoBackend::Auto] {
            let (backend, _) = runtime::choose(asked).expect("some backend works");
            let (outbox, inbox) = mailbox::<u64>().expect("a socket pair");
            let senders: Vec<_> = (0..4_u64)
                .map(|sender| {
                    let outbox = outbox.clone();
                    std::thread::spawn(move || {
                        (0..1000).for_each(|n| outbox.send(sender * 1000 + n));
                    })
                })
                .collect();
            let mut sum = 0;
            let mut left = 4000;
            runtime::block_on(
                backend,
                inbox.run(
                    |message| {
                        sum += message;
                        left -= 1;
                        left > 0
                    },
                    || {},
                ),
            )
            .expect("the reactor starts")
            .expect("the mailbox runs");
            assert_eq!(sum, (0..4000).sum::<u64>());
            for sender in senders {
                sender.join().expect("a sender ends");
            }
        }
    }
}
