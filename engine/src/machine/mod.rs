//! Owns what this machine gives a run: cores to pin to, descriptors, memory, and from them the bounds
//! of what may be in flight. Read once at the start.
//!
//! [`cgroup`] is what control groups allow of it, [`files`] the way to /proc, /sys and /etc,
//! [`pressure`] what lack of memory costs it during the run. [`runtime`] and [`sync`] are what runs tasks on its
//! cores, [`doctor`] holds it against what a run needs.

pub mod allocator;
mod cgroup;
pub mod doctor;
mod files;
mod pressure;
pub(crate) mod runtime;
pub(crate) mod sync;

use core_affinity::CoreId;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::MachineConfig;
use crate::error::Error;
use crate::limits::{self, FDS_PER_NAME};

pub(crate) use cgroup::Cgroup;
pub(crate) use files::Tree;
#[cfg(test)]
pub(crate) use files::testing;
pub(crate) use pressure::MemoryPressure;

/// Descriptors kept for files, threads and what the runtime closes a moment later.
pub(crate) const RESERVED_FDS: usize = 48;
/// Most names asked for at a time.
pub(crate) const NAMES_OUTSTANDING_MAX: usize = 512;
/// Descriptors one download may take: its socket, one that is closing, and a share of the idle ones.
pub(crate) const FDS_PER_DOWNLOAD: usize = 2;

/// Of the downloads that descriptors allow, those to one open shard, which has a descriptor too.
const FD_BOUND_PER_SHARD: usize = 8;
/// Shards that may be open however few descriptors there are: one of them waits for another's.
const OPEN_SHARDS_LEAST: usize = 32;

/// Where a thread runs: on one core, or where the kernel likes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pin(Option<CoreId>);

impl Pin {
    /// Binds the calling thread.
    pub fn hold(self) {
        if let Some(core) = self.0 {
            core_affinity::set_for_current(core);
        }
    }
}

/// The machine as a run uses it.
#[derive(Clone, Debug)]
pub struct Machine {
    /// A core per reactor.
    pub cores: Vec<Pin>,
    /// Downloads in flight per core at the start.
    pub in_flight_start: usize,
    /// Downloads in flight per core at most.
    pub in_flight_max: usize,
    /// Slow downloads per core beside these at most.
    pub aside_max: usize,
    /// Shards per core that may be open, as far as descriptors go.
    pub open_shards_max: usize,
    /// Idle connections per core at most.
    pub idle_connections_max: usize,
    /// Names asked for at a time at most.
    pub names_outstanding_max: usize,
    /// Body bytes per core at most.
    pub body_budget_bytes: usize,
    /// Bytes that all compute threads together decode into.
    pub decoding_bytes_max: usize,
}

impl Machine {
    /// Reads the machine and raises the descriptor limit to what is allowed. `beside_others` tells that
    /// other workers may be on it: these would all bind themselves to the same first cores.
    ///
    /// # Errors
    /// `LocalResource` where no core or next to no descriptor is left.
    pub fn read(config: &MachineConfig, beside_others: bool) -> Result<Self, Error> {
        let available = core_affinity::get_core_ids()
            .filter(|ids| !ids.is_empty())
            .ok_or_else(|| {
                Error::local_resource(
                    "the kernel tells no core to run on",
                    "check the affinity mask",
                )
            })?;
        let groups = Cgroup::read(&Tree::at("/"));
        let wanted = config
            .cores
            .unwrap_or_else(|| cores_of_quota(available.len(), groups.cpu_quota))
            .max(1);
        // More cores asked for than there are: they share, in turn.
        let bound = !beside_others || wanted >= available.len();
        let pin = |core| Pin(Some(core).filter(|_| bound));
        let cores: Vec<Pin> = available
            .iter()
            .copied()
            .map(pin)
            .cycle()
            .take(wanted)
            .collect();
        let fds_max = raise_fd_limit();
        let memory = memory_bytes(&groups);
        let fd_bound = downloads_per_core(fds_max, cores.len()).ok_or_else(|| {
            Error::local_resource(
                format!(
                    "{fds_max} file descriptors are too few for {} cores",
                    cores.len()
                ),
                "raise the limit (ulimit -n 65536)",
            )
        })?;
        let in_flight_max = match config.in_flight {
            // Who asks for so many gets them without the share of closing and idle sockets: these
            // give way, or the download waits.
            Some(given) => given.min(fd_bound * FDS_PER_DOWNLOAD),
            None => limits::IN_FLIGHT_MAX.min(fd_bound),
        }
        .max(1);
        let start = config.in_flight.unwrap_or(limits::IN_FLIGHT_START);
        Ok(Self {
            in_flight_start: start.min(in_flight_max),
            in_flight_max,
            aside_max: fd_bound
                .saturating_sub(in_flight_max)
                .min(limits::SLOW_DOWNLOADS_MAX),
            open_shards_max: (fd_bound / FD_BOUND_PER_SHARD)
                .clamp(OPEN_SHARDS_LEAST, limits::OPEN_SHARDS_PER_CORE_MAX),
            idle_connections_max: (fd_bound / 4).min(limits::IN_FLIGHT_MAX / 4),
            names_outstanding_max: names_outstanding_max(fds_max),
            body_budget_bytes: body_budget(memory, cores.len()),
            decoding_bytes_max: decoding_bytes_max(memory, cores.len()),
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

/// The memory this process may have, bytes: the least of this machine's, its control groups' and its
/// own limits.
fn memory_bytes(groups: &Cgroup) -> usize {
    let info = rustix::system::sysinfo();
    let total = usize::try_from(info.totalram).unwrap_or(usize::MAX);
    let own = [Resource::As, Resource::Data].map(|limit| getrlimit(limit).current);
    own.into_iter()
        .chain([groups.memory_bytes])
        .flatten()
        .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
        .fold(total.saturating_mul(info.mem_unit as usize), usize::min)
}

/// Cores to use of those there are, by the time that control groups pay for.
fn cores_of_quota(available: usize, quota: Option<f64>) -> usize {
    let Some(quota) = quota else {
        return available;
    };
    let paid = usize::try_from(cores_paid_for(quota)).unwrap_or(usize::MAX);
    if paid < available {
        tracing::info!(
            "the control group pays for {quota:.2} of {available} cores: {paid} are used \
             (--processes_count uses more)"
        );
    }
    paid.min(available)
}

/// Cores that a quota of CPU time keeps busy, the last of them perhaps not all the time.
pub(crate) fn cores_paid_for(quota: f64) -> u64 {
    // A quota is positive; beyond any number of cores the conversion stays there.
    (quota.ceil() as u64).max(1)
}

/// What all cores may decode into: a quarter of the memory, within the limits.
fn decoding_bytes_max(memory_bytes: usize, cores: usize) -> usize {
    let by_cores = limits::DECODING_PER_CORE_BYTES.saturating_mul(cores);
    by_cores.max(limits::DECODING_BYTES).min(memory_bytes / 4)
}

/// A core's share of a quarter of the memory, within the limit.
pub(crate) fn body_budget(memory_bytes: usize, cores: usize) -> usize {
    (memory_bytes / 4 / cores.max(1)).clamp(
        2 * limits::SMALL_BODY_BYTES,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(memory_bytes: Option<u64>) -> Cgroup {
        Cgroup {
            memory_bytes,
            ..Cgroup::default()
        }
    }

    #[test]
    fn a_control_groups_memory_is_what_there_is_where_it_is_less_than_the_machines() {
        let machine = memory_bytes(&groups(None));
        assert_eq!(memory_bytes(&groups(Some(64 << 20))), 64 << 20);
        assert_eq!(memory_bytes(&groups(Some(u64::MAX))), machine);
        // Of 64 MB a quarter is for bodies, whatever the cores.
        assert_eq!(body_budget(64 << 20, 2), 8 << 20);
        assert_eq!(decoding_bytes_max(64 << 20, 2), 16 << 20);
        assert_eq!(decoding_bytes_max(1 << 40, 2), limits::DECODING_BYTES);
    }

    #[test]
    fn the_budget_of_bodies_is_by_the_least_group_on_the_way_up() {
        let (_folder, tree) = testing::tree(&[
            ("proc/self/cgroup", "0::/system.slice/run.scope\n"),
            ("sys/fs/cgroup/system.slice/run.scope/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "104857600\n"),
        ]);
        let memory = memory_bytes(&Cgroup::read(&tree));
        assert_eq!(memory, 100 << 20);
        assert_eq!(body_budget(memory, 1), 25 << 20);
    }

    #[test]
    fn a_quota_of_cpu_time_bounds_the_cores_and_is_rounded_up() {
        assert_eq!(cores_of_quota(8, None), 8);
        for (quota, cores) in [(0.1, 1), (1.0, 1), (1.5, 2), (2.0, 2), (7.01, 8), (64.0, 8)] {
            assert_eq!(cores_of_quota(8, Some(quota)), cores, "{quota}");
        }
    }
}
