//! Owns the resources of this machine: cores to pin to, descriptors and memory, and the limits on work
//! in flight that follow from them. Read once, at the start of a run. Never reads a list or a dataset.
//!
//! [`cgroup`] reads the limits of control groups, [`system_files`] reads /proc, /sys and /etc, and
//! [`pressure`] measures the time lost to memory pressure. [`runtime`] and [`sync`] run tasks on the
//! cores, and [`doctor`] compares the machine with the needs of a run.

pub mod allocator;
mod cgroup;
pub mod doctor;
mod pressure;
pub(crate) mod runtime;
pub(crate) mod sync;
mod system_files;

use core_affinity::CoreId;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::MachineConfig;
use crate::error::Error;
use crate::limits::{self, FDS_PER_NAME};

pub(crate) use cgroup::Cgroup;
pub(crate) use pressure::MemoryPressure;
pub(crate) use system_files::SystemFiles;
#[cfg(test)]
pub(crate) use system_files::testing;

/// Descriptors reserved for files, threads, and sockets that the runtime closes with a delay.
pub(crate) const RESERVED_FDS: usize = 48;
/// Most DNS lookups at a time.
pub(crate) const NAMES_OUTSTANDING_MAX: usize = 512;
/// Descriptors per download: its socket, one that is closing, and a share of the idle ones.
pub(crate) const FDS_PER_DOWNLOAD: usize = 2;

/// Downloads per open shard, if descriptors limit both: each shard has a descriptor too.
const FD_BOUND_PER_SHARD: usize = 8;
/// Open shards that are always allowed, even with few descriptors.
const OPEN_SHARDS_LEAST: usize = 32;

/// The core that a thread is pinned to; by default, none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pin(Option<CoreId>);

impl Pin {
    /// Pins the calling thread.
    pub fn hold(self) {
        if let Some(core) = self.0 {
            core_affinity::set_for_current(core);
        }
    }
}

/// The resources of a run.
#[derive(Clone, Debug)]
pub struct Machine {
    /// A core per reactor.
    pub cores: Vec<Pin>,
    /// Downloads in flight per core at the start.
    pub in_flight_start: usize,
    /// Most downloads in flight per core.
    pub in_flight_max: usize,
    /// Most slow downloads per core, which do not count as in flight.
    pub aside_max: usize,
    /// Most open shards per core, as limited by descriptors.
    pub open_shards_max: usize,
    /// Most idle connections per core.
    pub idle_connections_max: usize,
    /// Most DNS lookups at a time.
    pub names_outstanding_max: usize,
    /// Most body bytes per core.
    pub body_budget_bytes: usize,
    /// Caps decode memory across threads, bytes.
    pub decoding_bytes_max: usize,
}

impl Machine {
    /// Reads the machine and raises the descriptor limit to the hard limit. With `beside_others`, other
    /// workers may run on this machine, which would all pin themselves to the same first cores.
    ///
    /// # Errors
    /// `LocalResource` if there is no usable core, or hardly any descriptors.
    pub fn read(config: &MachineConfig, beside_others: bool) -> Result<Self, Error> {
        let available = core_affinity::get_core_ids()
            .filter(|ids| !ids.is_empty())
            .ok_or_else(|| {
                Error::local_resource(
                    "the kernel tells no core to run on",
                    "check the affinity mask",
                )
            })?;
        let groups = Cgroup::read(&SystemFiles::at("/"));
        let wanted = config
            .cores
            .unwrap_or_else(|| cores_of_quota(available.len(), groups.cpu_quota))
            .max(1);
        // If more cores are asked for than there are, threads share them in turn.
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
            // A given number does not leave room for closing and idle sockets: idle ones are closed, or
            // the download waits.
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

/// Most DNS lookups at a time: they may use a quarter of the descriptors, and downloads the rest.
fn names_outstanding_max(fds: usize) -> usize {
    (fds / 4 / FDS_PER_NAME).clamp(1, NAMES_OUTSTANDING_MAX)
}

/// Downloads in flight per core that `fds` descriptors allow; `None` if there are too few to run.
pub(crate) fn downloads_per_core(fds: usize, cores: usize) -> Option<usize> {
    let reserved = RESERVED_FDS + names_outstanding_max(fds) * FDS_PER_NAME;
    let per_core = fds.saturating_sub(reserved) / cores.max(1);
    (per_core >= FDS_PER_DOWNLOAD * 2).then_some(per_core / FDS_PER_DOWNLOAD)
}

/// The memory available to this process, bytes: the lowest of this machine's memory, its control
/// groups' limits and its own.
fn memory_bytes(groups: &Cgroup) -> usize {
    let info = rustix::system::sysinfo();
    let total = usize::try_from(info.totalram).unwrap_or(usize::MAX);
    // The program and its libraries have their share of the address space already, and of what is left an
    // allocator can fill about half: large bodies leave gaps in it.
    let addresses = getrlimit(Resource::As).current;
    let addresses = addresses.map(|limit| limit.saturating_sub(mapped_bytes()) / 2);
    [
        addresses,
        getrlimit(Resource::Data).current,
        groups.memory_bytes,
    ]
    .into_iter()
    .flatten()
    .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    .fold(total.saturating_mul(info.mem_unit as usize), usize::min)
}

/// Address space that this process uses now, bytes; 0 if the kernel does not tell.
fn mapped_bytes() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    pages
        .unwrap_or(0)
        .saturating_mul(rustix::param::page_size() as u64)
}

/// Cores to use of those available, limited by the CPU quota of control groups.
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

/// Cores that a CPU quota can keep busy, rounded up.
pub(crate) fn cores_paid_for(quota: f64) -> u64 {
    // A quota is positive, and the conversion saturates.
    (quota.ceil() as u64).max(1)
}

/// Decode memory of all threads together: a quarter of the memory, within the limits.
fn decoding_bytes_max(memory_bytes: usize, cores: usize) -> usize {
    let by_cores = limits::DECODING_PER_CORE_BYTES.saturating_mul(cores);
    by_cores.max(limits::DECODING_BYTES).min(memory_bytes / 4)
}

/// Body bytes per core: its share of a quarter of the memory, within the limit.
pub(crate) fn body_budget(memory_bytes: usize, cores: usize) -> usize {
    (memory_bytes / 4 / cores.max(1)).clamp(
        2 * limits::SMALL_BODY_BYTES,
        limits::BODY_BUDGET_PER_CORE_BYTES,
    )
}

/// Raises the soft limit on descriptors to the hard limit, and returns the limit in force.
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
    fn a_lower_memory_limit_of_a_control_group_counts() {
        let machine = memory_bytes(&groups(None));
        assert_eq!(memory_bytes(&groups(Some(64 << 20))), 64 << 20);
        assert_eq!(memory_bytes(&groups(Some(u64::MAX))), machine);
        // A quarter of 64 MB is for bodies, whatever the number of cores.
        assert_eq!(body_budget(64 << 20, 2), 8 << 20);
        assert_eq!(decoding_bytes_max(64 << 20, 2), 16 << 20);
        assert_eq!(decoding_bytes_max(1 << 40, 2), limits::DECODING_BYTES);
    }

    #[test]
    fn the_body_budget_follows_the_lowest_limit_of_all_ancestors() {
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
    fn a_cpu_quota_limits_the_cores_and_is_rounded_up() {
        assert_eq!(cores_of_quota(8, None), 8);
        for (quota, cores) in [(0.1, 1), (1.0, 1), (1.5, 2), (2.0, 2), (7.01, 8), (64.0, 8)] {
            assert_eq!(cores_of_quota(8, Some(quota)), cores, "{quota}");
        }
    }
}
