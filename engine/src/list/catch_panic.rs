//! Owns the containment of others' readers over bytes that may be anything: a panic in one is a broken
//! file, and not the end of a thread. Never stands in for checks of our own.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `work` gives; none where it panicked. Whatever it had hold of is then not to be used again.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_contained_and_a_result_is_passed_on() {
        assert_eq!(contained(|| 7), Some(7));
        assert_eq!(contained(|| -> i32 { panic!("on purpose") }), None);
    }
}
