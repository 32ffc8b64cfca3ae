//! Owns what this machine gives a run: cores to pin to, descriptors, and from them the bounds of
//! what may be in flight. Read once at the start.

use core_affinity::CoreId;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::MachineConfig;
use crate::error::Error;
use crate::limits;

/// Descriptors kept for files, threads and what the runtime closes a moment later.
pub(crate) const RESERVED_FDS: usize = 48;
/// Descriptors one name may take while it is asked for: both address types, over several sockets.
pub(crate) const FDS_PER_NAME: usize = 6;
/// Most names asked for at a time.
pub(crate) const NAMES_OUTSTANDING_MAX: usize = 512;
/// Descriptors one download may take: its socket, one that is closing, and a share of the idle ones.
pub(crate) const FDS_PER_DOWNLOAD: usize = 2;

/// The machine as a run uses it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// A core per reactor.
    pub cores: Vec<CoreId>,
    /// Downloads in flight per core at the start.
    pub in_flight_start: usize,
    /// Downloads in flight per core at most.
    pub in_flight_max: usize,
    /// Idle connections per core at most.
    pub idle_connections_max: usize,
    /// Names asked for at a time at most.
    pub names_outstanding_max: usize,
    /// Body bytes per core at most.
    pub body_budget_bytes: usize,
}

impl Machine {
    /// Reads the machine and raises the descriptor limit to what is allowed.
    ///
    /// # Errors
    /// `LocalResource` where no core or next to no descriptor is left.
    pub fn read(config: &MachineConfig) -> Result<Self, Error> {
        let available = core_affinity::get_core_ids()
            .filter(|ids| !ids.is_empty())
            .ok_or_else(|| {
                Error::local_resource(
                    "the kernel tells no core to run on",
                    "check the affinity mask",
                )
            })?;
        let wanted = config.cores.unwrap_or(available.len()).max(1);
        // More cores asked for than there are: they share, in turn.
        let cores: Vec<CoreId> = available.iter().copied().cycle().take(wanted).collect();
        let fds_max = raise_fd_limit();
        let fd_bound = downloads_per_core(fds_max, cores.len()).ok_or_else(|| {
            Error::local_resource(
                format!(
                    "{fds_max} file descriptors are too few for {} cores",
                    cores.len()
                ),
                "raise the limit (ulimit -n 65536)",
            )
        })?;
        let in_flight_max = config
            .in_flight
            .unwrap_or(limits::IN_FLIGHT_MAX)
            .min(fd_bound)
            .max(1);
        let start = config.in_flight.unwrap_or(limits::IN_FLIGHT_START);
        Ok(Self {
            in_flight_start: start.min(in_flight_max),
            in_flight_max,
            idle_connections_max: (fd_bound / 4).min(limits::IN_FLIGHT_MAX / 4),
            names_outstanding_max: names_outstanding_max(fds_max),
            body_budget_bytes: body_budget(memory_bytes(), cores.len()),
            cores,
        })
    }
}

/// Names asked for at a time: a quarter of the descriptors is for them, the rest for downloads.
fn names_outstanding_max(fds: usize) -> usize {
    (fds / 4 / FDS_PER_NAME).clamp(1, NAMES_OUTSTANDING_MAX)
}

/// Downloads in flight that so many descriptors allow each core; `None` is too few to run.
pub(crate) fn downloads_per_core(fds: usize, cores: usize) -> Option<usize> {
    let reserved = RESERVED_FDS + names_outstanding_max(fds) * FDS_PER_NAME;
    let per_core = fds.saturating_sub(reserved) / cores.max(1);
    (per_core >= FDS_PER_DOWNLOAD * 2).then_some(per_core / FDS_PER_DOWNLOAD)
}

/// This machine's memory, bytes.
fn memory_bytes() -> usize {
    let info = rustix::system::sysinfo();
    let total = usize::try_from(info.totalram).unwrap_or(usize::MAX);
    total.saturating_mul(info.mem_unit as usize)
}

/// A core's share of a quarter of the memory, within the limit.
pub(crate) fn body_budget(memory_bytes: usize, cores: usize) -> usize {
    (memory_bytes / 4 / cores.max(1)).clamp(
        2 * limits::UNKNOWN_BODY_BYTES,
        limits::BODY_BUDGET_PER_CORE_BYTES,
    )
}

/// Raises the soft limit to the hard one and gives what holds then.
fn raise_fd_limit() -> usize {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let before = limit.current;
        limit.current = limit.maximum;
        if setrlimit(Resource::Nofile, limit).is_err() {
            limit.current = before;
        }
    }
    limit
        .current
        .map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX))
}
