//! Owns how many requests a store gets at a time: more while it answers, half as many when it asks to slow
//! down. And how long a request waits before it is tried again. Never sends one.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use std::sync::Arc;

/// Requests in flight at the start.
const START: usize = 32;
/// Most requests in flight.
const MOST: usize = 64;
/// Fewest.
const LEAST: usize = 2;
/// Answers after which one more request may be in flight.
const ANSWERS_PER_STEP: usize = 32;
/// How long the limit stays after it was lowered: requests that were on their way are refused too.
const CALM: Duration = Duration::from_secs(1);
/// The first wait before another try.
const WAIT_FIRST: Duration = Duration::from_millis(100);
/// The longest wait between two tries.
const WAIT_MOST: Duration = Duration::from_secs(20);

/// Requests in flight to one store.
#[derive(Debug)]
pub(super) struct Pace {
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Places that exist.
    limit: usize,
    /// Places to be taken away when they are free.
    owed: usize,
    answers: usize,
    lowered: Option<Instant>,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(START)),
            state: Mutex::new(State {
                limit: START,
                owed: 0,
                answers: 0,
                lowered: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. Places are given in the order in which they were asked for.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        self.places.clone().acquire_owned().await.ok()
    }

    /// Gives a place back after an answer that was no complaint.
    pub(super) fn answered(&self, place: Option<OwnedSemaphorePermit>) {
        let mut state = self.state();
        state.answers += 1;
        if state.owed == 0 && state.answers >= ANSWERS_PER_STEP && state.limit < MOST {
            state.answers = 0;
            state.limit += 1;
            self.places.add_permits(1);
        }
        Self::release(&mut state, place);
    }

    /// Gives a place back after a failure; `slow_down` if the store asks for fewer requests.
    pub(super) fn failed(&self, place: Option<OwnedSemaphorePermit>, slow_down: bool) {
        let mut state = self.state();
        let now = Instant::now();
        let calm = state.lowered.is_some_and(|since| now - since < CALM);
        if slow_down && !calm {
            let target = (state.limit / 2).max(LEAST);
            state.owed += state.limit - target;
            state.limit = target;
            state.answers = 0;
            state.lowered = Some(now);
            tracing::debug!(in_flight = target, "the store asks for fewer requests");
        }
        Self::release(&mut state, place);
    }

    fn release(state: &mut State, place: Option<OwnedSemaphorePermit>) {
        if let Some(place) = place
            && state.owed > 0
        {
            state.owed -= 1;
            place.forget();
        }
    }

    /// Requests that may be in flight now.
    #[cfg(test)]
    fn limit(&self) -> usize {
        self.state().limit
    }
}

/// The wait before another try, of which `tries` have failed: doubled each time, and drawn from its upper half so that
/// many clients spread. `random` is in 0..1.
pub(super) fn backoff(tries: u32, random: f64) -> Duration {
    let wait = WAIT_FIRST.saturating_mul(1 << tries.min(16)).min(WAIT_MOST);
    wait.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        assert_eq!(backoff(0, 0.0), WAIT_FIRST / 2);
        assert_eq!(backoff(3, 1.0), WAIT_FIRST * 8);
        assert_eq!(backoff(60, 1.0), WAIT_MOST);
    }

    #[test]
    fn complaints_halve_what_is_in_flight_and_answers_raise_it_again() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let pace = Pace::new();
            let mut places = Vec::new();
            for _ in 0..START {
                places.push(pace.turn().await);
            }
            pace.failed(places.pop().flatten(), true);
            // Complaints on what was on its way count once.
            pace.failed(places.pop().flatten(), true);
            assert_eq!(pace.limit(), START / 2);
            for place in places.drain(..) {
                pace.failed(place, false);
            }
            assert_eq!(pace.places.available_permits(), START / 2);
            for _ in 0..ANSWERS_PER_STEP {
                let place = pace.turn().await;
                pace.answered(place);
            }
            assert_eq!(pace.limit(), START / 2 + 1);
            assert_eq!(pace.places.available_permits(), START / 2 + 1);
        });
    }
}
