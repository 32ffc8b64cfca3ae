//! Owns what rings take of a user's locked memory: how many bytes, and whether this kernel counts them.
//! Never makes a ring that stays.
//!
//! Kernels before 5.12 and recent ones (6.18 among them) count rings against RLIMIT_MEMLOCK, for all
//! processes of a user together, unless the process has CAP_IPC_LOCK. What a closed ring took is given
//! back a moment later, some 30 ms.

use std::io;

use io_uring::IoUring;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{PROBE_ENTRIES, is};

/// Bytes of a submission, of its index, of a completion, and of the queues' heads, rounded up.
const SUBMISSION_BYTES: u64 = 64;
const INDEX_BYTES: u64 = 4;
const COMPLETION_BYTES: u64 = 16;
const HEAD_BYTES: u64 = 512;

/// The two areas of a ring, bytes: submissions, and both queues (there are two completions for each
/// submission).
const fn areas(entries: u32) -> [u64; 2] {
    let entries = entries as u64;
    let queues = HEAD_BYTES + entries * (INDEX_BYTES + 2 * COMPLETION_BYTES);
    [entries * SUBMISSION_BYTES, queues]
}

/// Locked memory that a ring takes at least, bytes: whole pages, as recent kernels count.
pub(super) fn least_bytes(entries: u32) -> u64 {
    let page = rustix::param::page_size() as u64;
    areas(entries)
        .iter()
        .map(|area| area.next_multiple_of(page))
        .sum()
}

/// Locked memory that is enough for a ring on every kernel, bytes: each area is a power of two of
/// pages, as kernels before 5.12 count.
pub(crate) const fn enough_bytes(entries: u32) -> u64 {
    let [submissions, queues] = areas(entries);
    submissions.next_power_of_two() + queues.next_power_of_two()
}

/// The soft limit of locked memory, bytes; `None` is no limit.
pub(super) fn limit_bytes() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}

/// The ways to a limit of so many bytes.
pub(crate) fn raised_limit(bytes: u64) -> String {
    format!(
        "ulimit -l {}, LimitMEMLOCK={bytes} in a unit, docker --ulimit memlock={bytes}",
        bytes / 1024
    )
}

/// Whether this kernel counts rings of this process as locked memory: it does where none can be made
/// under a limit of nothing. `None` where io_uring does not work at all. Lowers the soft limit of the
/// whole process for the moment, so that a process that does anything else must not call it.
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

    /// What Linux 6.18 counted, in pages of 4 KB, by the number of rings that 8 MB let a user make:
    /// 20, 40, 78, 157 and 292.
    #[test]
    fn a_ring_takes_what_was_measured() {
        if rustix::param::page_size() != 4096 {
            return;
        }
        for (entries, pages) in [(4096, 101), (2048, 51), (1024, 26), (512, 13), (256, 7)] {
            assert_eq!(least_bytes(entries), pages * 4096, "{entries}");
        }
    }

    #[test]
    fn enough_is_never_less_than_what_is_taken() {
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
