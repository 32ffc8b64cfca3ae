//! Owns how much memory all compute threads together decode into: an image that would take them over
//! it waits until others are done, one that takes all of it goes alone, and next. Never allocates.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The memory there is.
#[derive(Debug)]
pub(super) struct Room {
    bytes: u64,
    taken: Mutex<Taken>,
    given_back: Condvar,
}

#[derive(Debug)]
struct Taken {
    bytes: u64,
    /// Threads that wait for all of it. While there are any, nobody else begins: among many threads
    /// some part is always taken.
    for_all: usize,
}

impl Room {
    pub(super) const fn new(bytes: u64) -> Self {
        Self {
            bytes,
            taken: Mutex::new(Taken {
                bytes: 0,
                for_all: 0,
            }),
            given_back: Condvar::new(),
        }
    }

    /// Waits until `bytes` are free, or nobody else has any. A thread that holds a part must not ask
    /// for another.
    pub(super) fn take(&self, bytes: u64) -> Part<'_> {
        let all = bytes >= self.bytes;
        let mut taken = self.lock();
        taken.for_all += usize::from(all);
        let full = |taken: &mut Taken| match all {
            true => taken.bytes > 0,
            false => taken.for_all > 0 || taken.bytes.saturating_add(bytes) > self.bytes,
        };
        let waited = self.given_back.wait_while(taken, full);
        let mut taken = waited.unwrap_or_else(PoisonError::into_inner);
        taken.for_all -= usize::from(all);
        taken.bytes += bytes;
        Part { room: self, bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // The numbers are whole after every statement, whatever panics elsewhere.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of the memory; given back on drop.
#[derive(Debug)]
pub(super) struct Part<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.room.lock().bytes -= self.bytes;
        self.room.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Whether a part is there within a while, with what the test holds.
    fn is_free(room: &Room, bytes: u64) -> bool {
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                drop(room.take(bytes));
                // The test may have stopped waiting.
                let _ = sender.send(());
            });
            let free = receiver.recv_timeout(Duration::from_millis(100)).is_ok();
            if !free {
                // Lets the thread end.
                room.lock().bytes = 0;
                room.given_back.notify_all();
            }
            free
        })
    }

    #[test]
    fn what_fits_is_given_at_once_and_what_does_not_waits() {
        let room = Room::new(10);
        let held = room.take(6);
        assert!(is_free(&room, 4));
        drop(held);
        let held = room.take(6);
        assert!(!is_free(&room, 5));
        std::mem::forget(held);
    }

    #[test]
    fn an_image_larger_than_all_of_it_goes_alone() {
        let room = Room::new(10);
        assert!(is_free(&room, 1000));
        let alone = room.take(1000);
        assert!(!is_free(&room, 1));
        std::mem::forget(alone);
    }

    #[test]
    fn who_waits_for_all_of_it_is_next() {
        let room = Room::new(10);
        let held = room.take(1);
        std::thread::scope(|scope| {
            let alone = scope.spawn(|| drop(room.take(u64::MAX)));
            while room.lock().for_all == 0 {
                std::thread::yield_now();
            }
            assert!(!alone.is_finished());
            // It would fit, and does not begin.
            assert!(!is_free(&room, 1));
        });
        std::mem::forget(held);
        let taken = room.lock();
        assert_eq!((taken.bytes, taken.for_all), (0, 0));
    }
}
