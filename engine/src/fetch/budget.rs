//! Owns how many body bytes one core may have in memory. A body's share grows as its bytes arrive, so
//! an announced length costs nothing, and a body that waits for more does not block those that need
//! less. Never touches the bytes themselves.
//!
//! # No deadlock
//!
//! Bodies hold a part of the budget and wait for more, so all of them could wait for each other.
//! Therefore one body at a time, the one that has waited longest, may overdraw: it takes what it needs,
//! up to its own limit. Every body that holds bytes then
//!
//! - is being read and does not wait here: its running deadline ends it;
//! - waits here: it eventually becomes the longest-waiting one, because those before it end; or
//! - is complete: compute processes it and waits for no share.
//!
//! The next body may overdraw when the previous one is complete and its excess has been returned. So
//! the bytes held exceed the budget by at most one body, and every wait ends.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::limits::{BODY_FIRST_BYTES, BODY_FIRST_SCARCE_BYTES, SMALL_BODY_BYTES};
use crate::machine::sync::Permit;

/// One part in this many of the budget is reserved for small bodies.
const SMALL_PARTS: usize = 4;
/// Factor by which a share grows while at least half of the budget is free.
const STEP: usize = 4;
/// Factor by which a share grows while less than half of the budget is free.
const STEP_SCARCE: usize = 2;

/// The byte budget of one core; clones share it.
#[derive(Clone)]
pub(super) struct BodyBudget {
    state: Rc<RefCell<State>>,
}

struct State {
    capacity: usize,
    used: usize,
    overdrawing: bool,
    next_id: u64,
    /// Waiting bodies, the longest-waiting first.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    id: u64,
    has: usize,
    wants: usize,
    waker: Option<Waker>,
    granted: Option<Grant>,
}

#[derive(Clone, Copy)]
enum Grant {
    /// Within the budget.
    Within,
    /// Beyond the budget, like everything that this body takes later.
    Overdrawn,
}

impl State {
    /// Whether a share of `has` bytes may grow to `wants`.
    fn fits(&self, has: usize, wants: usize) -> bool {
        let kept = if wants <= SMALL_BODY_BYTES {
            0
        } else {
            self.capacity / SMALL_PARTS
        };
        self.used + wants.saturating_sub(has) <= self.capacity - kept
    }

    /// Whether at least half of the budget is free.
    const fn is_half_free(&self) -> bool {
        self.used <= self.capacity / 2
    }

    /// Grants every request that fits now, and lets the first of the others overdraw if none does yet.
    fn grant(&mut self) {
        for at in 0..self.waiting.len() {
            let Waiting { has, wants, .. } = self.waiting[at];
            if self.waiting[at].granted.is_none() && self.fits(has, wants) {
                self.give(at, Grant::Within);
            }
        }
        if self.overdrawing || self.used > self.capacity {
            return;
        }
        let mut waiting = self.waiting.iter();
        if let Some(first) = waiting.position(|waiting| waiting.granted.is_none()) {
            self.overdrawing = true;
            self.give(first, Grant::Overdrawn);
        }
    }

    fn give(&mut self, at: usize, grant: Grant) {
        let waiting = &mut self.waiting[at];
        waiting.granted = Some(grant);
        self.used += waiting.wants - waiting.has;
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }

    fn give_back(&mut self, bytes: usize, overdrew: bool) {
        self.used -= bytes;
        self.overdrawing &= !overdrew;
        if !self.waiting.is_empty() {
            self.grant();
        }
    }
}

impl BodyBudget {
    /// A budget of `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            state: Rc::new(RefCell::new(State {
                capacity,
                used: 0,
                overdrawing: false,
                next_id: 0,
                waiting: VecDeque::new(),
            })),
        }
    }

    /// An empty share.
    pub(super) fn share(&self) -> Share {
        Share {
            budget: self.clone(),
            bytes: 0,
            overdraws: false,
            permit: None,
        }
    }

    /// Bytes to reserve first for a body.
    pub(super) fn first_step(&self) -> usize {
        if self.state.borrow().is_half_free() {
            BODY_FIRST_BYTES
        } else {
            BODY_FIRST_SCARCE_BYTES
        }
    }

    /// Bytes to reserve next for a body that has `bytes`.
    pub(super) fn next_step(&self, bytes: usize) -> usize {
        bytes.saturating_mul(if self.state.borrow().is_half_free() {
            STEP
        } else {
            STEP_SCARCE
        })
    }

    /// Whether more bytes are held than the budget has.
    pub(super) fn is_exceeded(&self) -> bool {
        let state = self.state.borrow();
        state.used > state.capacity
    }
}

/// One body's share of the budget; returned on drop.
pub(crate) struct Share {
    budget: BodyBudget,
    bytes: usize,
    overdraws: bool,
    /// Its permit to exceed the budget.
    permit: Option<Permit>,
}

impl Share {
    /// Waits until the share has `bytes` in total.
    pub(super) async fn grow(&mut self, bytes: usize) {
        if bytes <= self.bytes {
            return;
        }
        if !self.try_grow(bytes) {
            let waiter = Waiter::join(&self.budget, self.bytes, bytes);
            match waiter.granted().await {
                Grant::Within => {}
                Grant::Overdrawn => self.overdraws = true,
            }
        }
        self.bytes = bytes;
    }

    fn try_grow(&self, bytes: usize) -> bool {
        let mut state = self.budget.state.borrow_mut();
        let fits = self.overdraws || state.fits(self.bytes, bytes);
        if fits {
            state.used += bytes - self.bytes;
        }
        fits
    }

    /// Sets the share of a complete body to `bytes`, even beyond the budget. It does not grow any more.
    pub(super) fn settle(&mut self, bytes: usize) {
        let overdrew = std::mem::take(&mut self.overdraws);
        let mut state = self.budget.state.borrow_mut();
        state.used += bytes;
        state.give_back(std::mem::replace(&mut self.bytes, bytes), overdrew);
    }

    /// Holds a permit for as long as the share.
    pub(super) fn hold(&mut self, permit: Permit) {
        self.permit = Some(permit);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut state = self.budget.state.borrow_mut();
        state.give_back(self.bytes, self.overdraws);
    }
}

/// A place in the queue; left on drop.
struct Waiter<'a> {
    budget: &'a BodyBudget,
    id: u64,
}

impl<'a> Waiter<'a> {
    fn join(budget: &'a BodyBudget, has: usize, wants: usize) -> Self {
        let mut state = budget.state.borrow_mut();
        let id = state.next_id;
        state.next_id += 1;
        state.waiting.push_back(Waiting {
            id,
            has,
            wants,
            waker: None,
            granted: None,
        });
        state.grant();
        Self { budget, id }
    }

    async fn granted(self) -> Grant {
        poll_fn(|context| {
            let mut state = self.budget.state.borrow_mut();
            let at = state.position(self.id).expect("it is in the line");
            match state.waiting[at].granted {
                Some(grant) => {
                    state.waiting.remove(at);
                    Poll::Ready(grant)
                }
                None => {
                    state.waiting[at].waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl State {
    fn position(&self, id: u64) -> Option<usize> {
        self.waiting.iter().position(|waiting| waiting.id == id)
    }
}

impl Drop for Waiter<'_> {
    /// Returns a grant that was never received.
    fn drop(&mut self) {
        let mut state = self.budget.state.borrow_mut();
        let Some(at) = state.position(self.id) else {
            return;
        };
        let gone = state.waiting.remove(at).expect("it is in the line");
        if let Some(grant) = gone.granted {
            state.give_back(gone.wants - gone.has, matches!(grant, Grant::Overdrawn));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::task::Context;

    use futures_util::FutureExt;
    use futures_util::task::noop_waker;

    use super::*;

    const MB: usize = 1 << 20;

    fn grown(budget: &BodyBudget, bytes: usize) -> Option<Share> {
        let mut share = budget.share();
        share.grow(bytes).now_or_never().map(|()| share)
    }

    fn is_pending(future: Pin<&mut impl Future<Output = ()>>) -> bool {
        let waker = noop_waker();
        future.poll(&mut Context::from_waker(&waker)).is_pending()
    }

    fn used(budget: &BodyBudget) -> usize {
        budget.state.borrow().used
    }

    #[test]
    fn large_bodies_leave_a_reserve_for_small_ones() {
        let budget = BodyBudget::new(100 * MB);
        let large: Vec<_> = (0..7).filter_map(|_| grown(&budget, 10 * MB)).collect();
        assert_eq!(large.len(), 7);
        // The next one would use the reserve and overdraws; the one after it waits.
        let past = grown(&budget, 10 * MB).expect("one may overdraw");
        let mut waiting = budget.share();
        let mut wait = pin!(waiting.grow(10 * MB));
        assert!(is_pending(wait.as_mut()));
        let small: Vec<_> = (0..20).filter_map(|_| grown(&budget, MB)).collect();
        assert_eq!(small.len(), 20);
        drop((past, small));
        assert!(!is_pending(wait.as_mut()));
    }

    #[test]
    fn one_body_overdraws_if_all_wait_for_each_other() {
        let budget = BodyBudget::new(4 * MB);
        let shares: Vec<_> = (0..4).filter_map(|_| grown(&budget, MB)).collect();
        assert_eq!(shares.len(), 4);
        // Each is complete, and dropped, once it has what it waits for.
        let bodies = shares.into_iter().map(|mut share| async move {
            share.grow(50 * MB).await;
            share.settle(50 * MB);
        });
        let mut bodies: Vec<_> = bodies.map(Box::pin).collect();
        let holder = grown(&budget, 50 * MB).expect("one may overdraw");
        assert!(bodies.iter_mut().all(|body| is_pending(body.as_mut())));
        drop(holder);
        while !bodies.is_empty() {
            // In the order of arrival, one at a time.
            let mut others = bodies.iter_mut().skip(1);
            assert!(others.all(|body| is_pending(body.as_mut())));
            assert!(used(&budget) <= 54 * MB);
            assert!(!is_pending(bodies[0].as_mut()));
            drop(bodies.remove(0));
        }
        assert_eq!(used(&budget), 0);
    }

    #[test]
    fn only_one_body_overdraws_at_a_time() {
        let budget = BodyBudget::new(4 * MB);
        let mut first = grown(&budget, 50 * MB).expect("one may overdraw");
        first.settle(50 * MB);
        let mut second = budget.share();
        let mut wait = pin!(second.grow(50 * MB));
        assert!(is_pending(wait.as_mut()));
        drop(first);
        assert!(!is_pending(wait.as_mut()));
    }

    #[test]
    fn a_dropped_waiter_returns_its_grant() {
        let budget = BodyBudget::new(MB);
        let first = grown(&budget, MB).expect("free");
        let overdrawn = grown(&budget, MB).expect("one may overdraw");
        let [mut unseen, mut ungranted] = [budget.share(), budget.share()];
        let mut wait = Box::pin(unseen.grow(MB));
        assert!(is_pending(wait.as_mut()));
        let mut behind = Box::pin(ungranted.grow(MB));
        assert!(is_pending(behind.as_mut()));
        drop(behind);
        drop((first, overdrawn));
        // Granted, but not polled.
        assert_eq!(used(&budget), MB);
        drop(wait);
        drop((unseen, ungranted));
        assert_eq!(used(&budget), 0);
        assert!(!budget.state.borrow().overdrawing);
        assert!(budget.state.borrow().waiting.is_empty());
    }

    #[test]
    fn steps_are_small_if_the_budget_is_scarce() {
        let budget = BodyBudget::new(4 * MB);
        assert_eq!(budget.first_step(), BODY_FIRST_BYTES);
        assert_eq!(budget.next_step(MB), 4 * MB);
        let held = grown(&budget, 3 * MB);
        assert_eq!(budget.first_step(), BODY_FIRST_SCARCE_BYTES);
        assert_eq!(budget.next_step(MB), 2 * MB);
        drop(held);
    }
}
