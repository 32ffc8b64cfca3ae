//! Owns the confinement of a decoding process once it has started: it may compute in its own memory, use one
//! socket and exit. Needs no privileges. Never loosens the confinement.

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;

use super::calls;

/// Resources whose limit is set to 0. Core files: a hostile list could cause thousands. File size and
/// descriptors: the process only writes memory that is already mapped, and opens nothing. Processes and
/// threads: it creates none. There is no limit on CPU time, which would count over the life of the process; the
/// run bounds the CPU time of each image.
const NOTHING: [Resource; 4] = [
    Resource::Core,
    Resource::Fsize,
    Resource::Nofile,
    Resource::Nproc,
];

/// Confines this process irreversibly, with at most `data_max` bytes of private memory.
///
/// # Errors
/// The system's error if calls cannot be filtered or this process has several threads. A kernel without
/// landlock is not an error: the filter blocks every call that would open anything.
pub(super) fn confine(data_max: u64) -> io::Result<()> {
    // If the run is killed, the kernel kills this process too.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // If memory runs out, this process should be killed first: its image is retried.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Only root can trace it or read its memory. Programs that collect core dumps are blocked too; the limit on
    // core size does not apply to them.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    forbid_what_landlock_knows().map_err(io::Error::other)?;
    for resource in NOTHING {
        lower(resource, 0)?;
    }
    lower(Resource::Data, data_max)?;
    let filter = calls::program()?;
    // Closes standard error as late as possible: until here, errors are reported on it.
    close_from(1)?;
    seccompiler::apply_filter_all_threads(&filter).map_err(io::Error::other)
}

/// Closes all descriptors from `first` on: those inherited from the run or from its parent.
#[allow(unsafe_code)]
pub(super) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the call takes three integers. No value in this process owns a descriptor that it closes: `serve`
    // passes 3 before it opens anything, and `confine` passes 1 after the memory is mapped. The standard
    // streams treat a closed descriptor as success.
    if unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } == 0 {
        return Ok(());
    }
    // Before Linux 5.9. The list includes the directory's own descriptor, which is closed by then.
    let open: Vec<u32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|open| *open >= first) {
        // SAFETY: the call takes an integer that is at least `first`: no value owns it, as above.
        unsafe { libc::close(descriptor.cast_signed()) };
    }
    Ok(())
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let most = getrlimit(resource)
        .maximum
        .map_or(most, |now| now.min(most));
    let limit = Rlimit {
        current: Some(most),
        maximum: Some(most),
    };
    Ok(setrlimit(resource, limit)?)
}

/// Denies files, ports, signals to other processes and their abstract sockets, as far as the kernel's landlock
/// supports it.
pub(super) fn forbid_what_landlock_knows() -> Result<(), RulesetError> {
    let abi = ABI::V6;
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .restrict_self()?;
    Ok(())
}
