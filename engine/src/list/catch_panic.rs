//! Owns catching panics of third-party readers on untrusted bytes: a panic means a broken file and must
//! not end the thread. Never replaces checks of the engine's own.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` if it panicked. The caller must not use what `work` had borrowed after a panic.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_a_result_is_returned() {
        assert_eq!(contained(|| 7), Some(7));
        assert_eq!(contained(|| -> i32 { panic!("on purpose") }), None);
    }
}
