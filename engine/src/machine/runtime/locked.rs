//! Owns how much locked memory rings use, and whether this kernel counts it. Never keeps a ring.
//!
//! Kernels before 5.12 and recent ones (such as 6.18) count rings against RLIMIT_MEMLOCK, for all
//! processes of a user together, unless the process has CAP_IPC_LOCK. The memory of a closed ring is
//! freed with a delay of about 30 ms.

use std::io;

use io_uring::IoUring;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{PROBE_ENTRIES, is};

/// Size of a submission.
const SUBMISSION_BYTES: u64 = 64;
/// Size of a submission's index.
const INDEX_BYTES: u64 = 4;
/// Size of a completion.
const COMPLETION_BYTES: u64 = 16;
/// Size of the heads of both queues, rounded up.
const HEAD_BYTES: u64 = 512;

/// The two areas of a ring, bytes: the submissions, and both queues (with two completions for each
/// submission).
const fn areas(entries: u32) -> [u64; 2] {
    let entries = entries as u64;
    let queues = HEAD_BYTES + entries * (INDEX_BYTES + 2 * COMPLETION_BYTES);
    [entries * SUBMISSION_BYTES, queues]
}

/// Least locked memory of a ring, bytes: whole pages, as recent kernels count.
pub(super) fn least_bytes(entries: u32) -> u64 {
    let page = rustix::param::page_size() as u64;
    areas(entries)
        .iter()
        .map(|area| area.next_multiple_of(page))
        .sum()
}

/// Locked memory that suffices for a ring on every kernel, bytes: each area is a power of two, as
/// kernels before 5.12 count.
pub(crate) const fn enough_bytes(entries: u32) -> u64 {
    let [submissions, queues] = areas(entries);
    submissions.next_power_of_two() + queues.next_power_of_two()
}

/// The soft limit on locked memory, bytes; `None` is no limit.
pub(super) fn limit_bytes() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}

/// How to raise the limit to `bytes`.
pub(crate) fn raised_limit(bytes: u64) -> String {
    format!(
        "ulimit -l {}, LimitMEMLOCK={bytes} in a unit, docker --ulimit memlock={bytes}",
        bytes / 1024
    )
}

/// Whether this kernel counts rings of this process as locked memory: it does if no ring can be created
/// under a limit of 0. `None` if io_uring does not work at all. Lowers the soft limit of the whole
/// process for a moment, so it must not be called while other threads create rings.
pub(crate) fn are_rings_counted() -> Option<bool> {
    let before = getrlimit(Resource::Memlock);
    let none = Rlimit {
        current: Some(0),
        maximum: before.maximum,
    };
    setrlimit(Resource::Memlock, none).ok()?;
    let made: io::Result<IoUring> = IoUring::builder().build(PROBE_ENTRIES);
    setrlimit(Resource::Memlock, before).ok()?;
    match made {
        Ok(_) => Some(false),
        Err(error) if is(&error, Errno::NOMEM) => Some(true),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RING_ENTRIES, RING_ENTRIES_MIN};
    use super::*;

    /// Pages of 4 KB as counted by Linux 6.18, derived from the number of rings that fit 8 MB: 20, 40,
    /// 78, 157 and 292.
    #[test]
    fn a_ring_uses_as_much_as_measured() {
        if rustix::param::page_size() != 4096 {
            return;
        }
        for (entries, pages) in [(4096, 101), (2048, 51), (1024, 26), (512, 13), (256, 7)] {
            assert_eq!(least_bytes(entries), pages * 4096, "{entries}");
        }
    }

    #[test]
    fn the_sufficient_limit_is_never_below_the_use() {
        let mut entries = RING_ENTRIES_MIN;
        while entries <= RING_ENTRIES {
            assert!(
                enough_bytes(entries) >= least_bytes(entries) || rustix::param::page_size() > 4096
            );
            entries *= 2;
        }
        assert_eq!(enough_bytes(RING_ENTRIES), 512 * 1024);
    }
}
