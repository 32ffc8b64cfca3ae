//! Owns admission to work that must not outlive a run: commits, and the creation of files. Never waits for a
//! disk that does not respond.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Admits work, until it is closed permanently.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Passage>);

#[derive(Default)]
struct Passage {
    state: Mutex<State>,
    /// Notified when nothing is in progress any more.
    idle: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Work in progress.
    inside: usize,
}

impl Gate {
    /// Admits nothing further. Returns false if what is in progress does not end within `limit`: its disk
    /// may never respond.
    pub(crate) fn close(&self, limit: Duration) -> bool {
        let mut state = self.0.state();
        state.closed = true;
        let waited = self
            .0
            .idle
            .wait_timeout_while(state, limit, |state| state.inside > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.inside == 0
    }

    /// Runs `work` and returns its result, or `None` if the gate is closed.
    pub(super) fn through<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        {
            let mut state = self.0.state();
            if state.closed {
                return None;
            }
            state.inside += 1;
        }
        let _leaves = Leaves(&self.0);
        Some(work())
    }
}

impl Passage {
    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent after every statement, whatever panics elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work in progress. Dropping it ends the work, also on a panic.
struct Leaves<'a>(&'a Passage);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.inside -= 1;
        if state.inside == 0 {
            self.0.idle.notify_all();
        }
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
