//! Owns a counting semaphore among the tasks of one thread: fair, in any unit (permits, bytes). Never
//! crosses threads.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

struct Waiter {
    id: u64,
    amount: usize,
    waker: Option<Waker>,
    granted: bool,
}

struct State {
    capacity: usize,
    used: usize,
    next_id: u64,
    waiters: VecDeque<Waiter>,
}

impl State {
    /// Whether `amount` may be granted now. A single holder may exceed the capacity, so that no request
    /// waits forever, however large.
    fn fits(&self, amount: usize) -> bool {
        self.used == 0 || self.used + amount <= self.capacity
    }

    fn grant_waiting(&mut self) {
        let mut at = 0;
        while at < self.waiters.len() {
            if self.waiters[at].granted {
                at += 1;
                continue;
            }
            if !self.fits(self.waiters[at].amount) {
                return;
            }
            self.used += self.waiters[at].amount;
            self.waiters[at].granted = true;
            if let Some(waker) = self.waiters[at].waker.take() {
                waker.wake();
            }
            at += 1;
        }
    }
}

/// A counting semaphore; clones share it.
#[derive(Clone)]
pub(crate) struct Semaphore {
    state: Rc<RefCell<State>>,
}

impl Semaphore {
    /// A semaphore of `capacity` units.
    pub(crate) fn new(capacity: usize) -> Self {
        let state = State {
            capacity,
            used: 0,
            next_id: 0,
            waiters: VecDeque::new(),
        };
        Self {
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// Units held now.
    pub(crate) fn used(&self) -> usize {
        self.state.borrow().used
    }

    /// Changes the capacity; held permits stay valid.
    pub(crate) fn set_capacity(&self, capacity: usize) {
        let mut state = self.state.borrow_mut();
        state.capacity = capacity;
        state.grant_waiting();
    }

    /// Waits for `amount` units; dropping the permit returns them.
    pub(crate) async fn acquire(&self, amount: usize) -> Permit {
        if let Some(permit) = self.try_acquire(amount) {
            return permit;
        }
        let id = {
            let mut state = self.state.borrow_mut();
            let id = state.next_id;
            state.next_id += 1;
            state.waiters.push_back(Waiter {
                id,
                amount,
                waker: None,
                granted: false,
            });
            id
        };
        Waiting {
            semaphore: self,
            id,
            done: false,
        }
        .await;
        self.permit(amount)
    }

    /// Takes `amount` units if they are free and nobody waits.
    pub(crate) fn try_acquire(&self, amount: usize) -> Option<Permit> {
        let mut state = self.state.borrow_mut();
        if !state.waiters.is_empty() || !state.fits(amount) {
            return None;
        }
        state.used += amount;
        Some(self.permit(amount))
    }

    fn permit(&self, amount: usize) -> Permit {
        Permit {
            semaphore: self.clone(),
            amount,
        }
    }

    fn release(&self, amount: usize) {
        let mut state = self.state.borrow_mut();
        state.used -= amount;
        state.grant_waiting();
    }
}

/// Held units; returned on drop.
pub(crate) struct Permit {
    semaphore: Semaphore,
    amount: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.amount > 0 {
            self.semaphore.release(self.amount);
        }
    }
}

struct Waiting<'a> {
    semaphore: &'a Semaphore,
    id: u64,
    done: bool,
}

impl Future for Waiting<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let semaphore = self.semaphore;
        let mut state = semaphore.state.borrow_mut();
        let Some(at) = state.waiters.iter().position(|waiter| waiter.id == self.id) else {
            return Poll::Ready(());
        };
        if state.waiters[at].granted {
            state.waiters.remove(at);
            self.done = true;
            return Poll::Ready(());
        }
        state.waiters[at].waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    /// Leaves the queue, and returns a grant that was never received.
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut state = self.semaphore.state.borrow_mut();
        if let Some(at) = state.waiters.iter().position(|waiter| waiter.id == self.id)
            && let Some(waiter) = state.waiters.remove(at)
        {
            if waiter.granted {
                state.used -= waiter.amount;
            }
            state.grant_waiting();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use futures_util::task::noop_waker;

    use super::*;

    #[test]
    fn a_dropped_permit_returns_its_units() {
        let semaphore = Semaphore::new(2);
        let one = semaphore.acquire(2).now_or_never().expect("free");
        assert!(semaphore.acquire(1).now_or_never().is_none());
        drop(one);
        assert!(semaphore.acquire(1).now_or_never().is_some());
        assert_eq!(semaphore.used(), 0);
    }

    #[test]
    fn a_request_over_the_capacity_is_granted_alone() {
        let semaphore = Semaphore::new(2);
        let alone = semaphore.acquire(5).now_or_never();
        assert_eq!(semaphore.used(), 5);
        assert!(semaphore.try_acquire(1).is_none());
        drop(alone);
    }

    #[test]
    fn a_large_request_is_not_overtaken() {
        let semaphore = Semaphore::new(4);
        let held = semaphore.acquire(3).now_or_never().expect("free");
        let mut large = pin!(semaphore.acquire(4));
        let waker = noop_waker();
        assert!(
            large
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        assert!(semaphore.acquire(1).now_or_never().is_none());
        drop(held);
        assert!(
            large
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_ready()
        );
    }

    #[test]
    fn a_dropped_waiter_leaves_the_queue() {
        let semaphore = Semaphore::new(1);
        let held = semaphore.acquire(1).now_or_never().expect("free");
        {
            let mut given_up = pin!(semaphore.acquire(1));
            let waker = noop_waker();
            assert!(
                given_up
                    .as_mut()
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
            drop(held);
        }
        assert_eq!(semaphore.used(), 0);
        assert!(semaphore.acquire(1).now_or_never().is_some());
    }
}
