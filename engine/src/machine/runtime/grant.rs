//! Owns which cores of a run get an io_uring ring, of which size, and how that is reported. Never
//! creates a ring.

use std::fmt;

use super::locked::{enough_bytes, least_bytes, raised_limit};
use super::{Backend, RING_ENTRIES};
use crate::text::{bytes, grouped};

/// The I/O backends of a run's cores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Cores of the run.
    pub(crate) cores: usize,
    /// Cores with a ring; the others use epoll.
    pub(crate) rings: usize,
    /// The backend of the cores with a ring; epoll if there are none.
    pub(crate) backend: Backend,
    /// Why not every core has a ring of full size, if that was wanted.
    pub(crate) lack: Option<String>,
}

impl Grant {
    /// Epoll on all cores.
    pub(super) fn epoll(cores: usize, lack: Option<String>) -> Self {
        Self {
            cores,
            rings: 0,
            backend: Backend::Epoll,
            lack,
        }
    }

    /// Whether every core has a ring of full size.
    pub(crate) fn is_whole(&self) -> bool {
        let full =
            matches!(self.backend, Backend::Uring { entries, .. } if entries == RING_ENTRIES);
        full && self.is_for_all()
    }

    /// Whether every core has a ring.
    pub(crate) const fn is_for_all(&self) -> bool {
        self.rings == self.cores
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Backend::Uring { entries, .. } = self.backend else {
            return f.write_str("epoll");
        };
        if !self.is_for_all() {
            let (rings, cores) = (self.rings, self.cores);
            return write!(
                f,
                "io_uring on {rings} of {cores} cores (rings of {entries} entries) and epoll on the others"
            );
        }
        f.write_str(self.backend.as_str())?;
        if entries == RING_ENTRIES {
            return Ok(());
        }
        write!(f, " with rings of {entries} entries")
    }
}

/// The message if locked memory is short: the limit, and a sufficient one.
pub(super) fn memory_shortage(cores: usize, limit: Option<u64>) -> String {
    let Some(limit) = limit else {
        return "the kernel has no memory for more rings".to_owned();
    };
    format!(
        "the limit on locked memory, {} for all processes of this user, is too low for {cores} rings of \
         {RING_ENTRIES} entries; {} bytes are enough ({})",
        bytes(limit),
        grouped(memory_for(cores)),
        raised_limit(memory_for(cores))
    )
}

/// Locked memory that suffices for rings of full size on `cores` cores, bytes.
fn memory_for(cores: usize) -> u64 {
    enough_bytes(RING_ENTRIES) * cores as u64
}

/// The ring size to try next after only `held` of `cores` got a ring of `entries`: the largest with
/// which the rings of all cores fit the limit, and the memory that the held rings and one more would
/// take. At least `smallest`.
pub(super) fn next_entries(
    entries: u32,
    cores: usize,
    held: usize,
    limit: Option<u64>,
    smallest: u32,
) -> u32 {
    let room = (held as u64 + 1) * least_bytes(entries) - 1;
    let room = room.min(limit.unwrap_or(u64::MAX));
    let mut next = entries / 2;
    while next > smallest && cores as u64 * least_bytes(next) > room {
        next /= 2;
    }
    next.max(smallest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uring(entries: u32) -> Backend {
        Backend::Uring {
            defer_taskrun: true,
            entries,
        }
    }

    #[test]
    fn rings_shrink_until_all_cores_can_have_one() {
        if rustix::param::page_size() != 4096 {
            return;
        }
        let next =
            |entries, cores, held, limit| next_entries(entries, cores, held, Some(limit), 256);
        // There was memory for 20 rings of 101 pages: 64 of 26 pages fit, 64 of 51 do not.
        assert_eq!(next(4096, 64, 20, 8 << 20), 1024);
        assert_eq!(next(4096, 24, 20, 8 << 20), 2048);
        assert_eq!(next(4096, 64, 1, 512 << 10), 256);
        // Other processes of this user use most of the limit.
        assert_eq!(next(4096, 64, 4, 8 << 20), 256);
        assert_eq!(next(4096, 2, 0, 64 << 10), 256);
        assert_eq!(next_entries(4096, 4, 3, None, 256), 2048);
    }

    #[test]
    fn the_backends_are_described_in_one_line() {
        let said = |rings, backend| {
            Grant {
                cores: 64,
                rings,
                backend,
                lack: None,
            }
            .to_string()
        };
        let whole = "io_uring (single issuer, deferred task work)";
        assert_eq!(said(64, uring(4096)), whole);
        assert_eq!(
            said(64, uring(1024)),
            format!("{whole} with rings of 1024 entries")
        );
        assert_eq!(
            said(18, uring(256)),
            "io_uring on 18 of 64 cores (rings of 256 entries) and epoll on the others"
        );
        assert_eq!(Grant::epoll(64, None).to_string(), "epoll");
        let short = memory_shortage(64, Some(8 << 20));
        assert!(short.contains("33,554,432 bytes"), "{short}");
        assert!(short.contains("ulimit -l 32768"), "{short}");
    }
}
