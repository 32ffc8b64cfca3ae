//! Caps decode memory across threads. An image that would exceed the cap waits for others to finish; an image
//! that needs all of it is decoded alone, and before any other that waits. Never allocates.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A cap on the memory that all threads together decode into.
#[derive(Debug)]
pub(super) struct DecodeBudget {
    bytes: u64,
    taken: Mutex<Taken>,
    released: Condvar,
}

#[derive(Debug)]
struct Taken {
    bytes: u64,
    /// Threads that wait for the whole budget. While there is one, no other share is granted: with many
    /// threads, some share would always be held.
    for_all: usize,
}

impl DecodeBudget {
    pub(super) const fn new(bytes: u64) -> Self {
        Self {
            bytes,
            taken: Mutex::new(Taken {
                bytes: 0,
                for_all: 0,
            }),
            released: Condvar::new(),
        }
    }

    /// Waits until `bytes` are free and no thread waits for the whole budget; if `bytes` is the whole budget or
    /// more, until no share is held. A thread that holds a share must not take another.
    pub(super) fn take(&self, bytes: u64) -> DecodeShare<'_> {
        let all = bytes >= self.bytes;
        let mut taken = self.lock();
        taken.for_all += usize::from(all);
        let full = |taken: &mut Taken| match all {
            true => taken.bytes > 0,
            false => taken.for_all > 0 || taken.bytes.saturating_add(bytes) > self.bytes,
        };
        let waited = self.released.wait_while(taken, full);
        let mut taken = waited.unwrap_or_else(PoisonError::into_inner);
        taken.for_all -= usize::from(all);
        taken.bytes += bytes;
        DecodeShare {
            budget: self,
            bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        // The counters are consistent after every statement, so a poisoned lock is usable.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share of the budget; released on drop.
#[derive(Debug)]
pub(super) struct DecodeShare<'a> {
    budget: &'a DecodeBudget,
    bytes: u64,
}

impl Drop for DecodeShare<'_> {
    fn drop(&mut self) {
        self.budget.lock().bytes -= self.bytes;
        self.budget.released.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Whether a share is granted within 100 ms while the test holds its own shares.
    fn is_free(budget: &DecodeBudget, bytes: u64) -> bool {
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                drop(budget.take(bytes));
                // The test may have stopped waiting.
                let _ = sender.send(());
            });
            let free = receiver.recv_timeout(Duration::from_millis(100)).is_ok();
            if !free {
                // Unblocks the thread.
                budget.lock().bytes = 0;
                budget.released.notify_all();
            }
            free
        })
    }

    #[test]
    fn a_share_that_fits_is_granted_at_once_and_others_wait() {
        let budget = DecodeBudget::new(10);
        let held = budget.take(6);
        assert!(is_free(&budget, 4));
        drop(held);
        let held = budget.take(6);
        assert!(!is_free(&budget, 5));
        std::mem::forget(held);
    }

    #[test]
    fn an_image_larger_than_all_of_it_goes_alone() {
        let budget = DecodeBudget::new(10);
        assert!(is_free(&budget, 1000));
        let alone = budget.take(1000);
        assert!(!is_free(&budget, 1));
        std::mem::forget(alone);
    }

    #[test]
    fn a_thread_that_waits_for_all_of_it_is_next() {
        let budget = DecodeBudget::new(10);
        let held = budget.take(1);
        std::thread::scope(|scope| {
            let alone = scope.spawn(|| drop(budget.take(u64::MAX)));
            while budget.lock().for_all == 0 {
                std::thread::yield_now();
            }
            assert!(!alone.is_finished());
            // It would fit, but is not granted.
            assert!(!is_free(&budget, 1));
        });
        std::mem::forget(held);
        let taken = budget.lock();
        assert_eq!((taken.bytes, taken.for_all), (0, 0));
    }
}
