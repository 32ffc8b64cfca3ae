//! Owns admission to the commit thread: one commit at a time, and none once the run is over. Never waits
//! for a disk that does not respond.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Admits one commit at a time, until it is closed permanently.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Passage>);

#[derive(Default)]
struct Passage {
    state: Mutex<State>,
    left: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    under_way: bool,
}

impl Gate {
    /// Admits no further commit. Returns false if the one in progress does not end within `limit`: its
    /// disk may never respond.
    pub(crate) fn close(&self, limit: Duration) -> bool {
        let mut state = self.0.state();
        state.closed = true;
        let waited = self
            .0
            .left
            .wait_timeout_while(state, limit, |state| state.under_way);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !state.under_way
    }

    /// Runs `work` and returns its result, or `None` if the gate is closed.
    pub(super) fn through<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        {
            let turn = self
                .0
                .left
                .wait_while(self.0.state(), |state| state.under_way);
            let mut state = turn.unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return None;
            }
            state.under_way = true;
        }
        let _leaves = Leaves(&self.0);
        Some(work())
    }
}

impl Passage {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A commit in progress. Dropping it ends the commit, also on a panic.
struct Leaves<'a>(&'a Passage);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.state().under_way = false;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_closed_gate_lets_nothing_through_and_waits_for_what_is_under_way() {
        let gate = Gate::default();
        let (inside, began) = std::sync::mpsc::channel();
        let (finish, until) = std::sync::mpsc::channel::<()>();
        let worker = gate.clone();
        let thread = thread::spawn(move || {
            worker.through(|| {
                inside.send(()).expect("the test listens");
                until.recv().expect("the test says when");
            })
        });
        began.recv().expect("the commit begins");
        assert!(!gate.close(Duration::from_millis(20)), "one is under way");
        finish.send(()).expect("the commit waits");
        assert_eq!(thread.join().expect("no panic"), Some(()));
        assert!(gate.close(Duration::from_secs(10)));
        assert_eq!(gate.through(|| ()), None);
    }
}
