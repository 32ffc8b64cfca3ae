//! Owns what a decoding process may still do once it has started: compute in its own memory, talk over
//! one socket, end. Nothing here needs a privilege. Never widens it.

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

/// Limits that are nothing at all. A core file: none of an image's, and none of a hostile list's thousands.
/// A file's size and new descriptors: nothing is written but memory that is there, nothing opened. Processes
/// and threads: none are made. Processor time has none: it would be of the process's life, and the run
/// bounds each image's.
const NOTHING: [Resource; 4] = [
    Resource::Core,
    Resource::Fsize,
    Resource::Nofile,
    Resource::Nproc,
];

/// Confines this process for good, to private memory of at most `data_max` bytes.
///
/// # Errors
/// The system's, where it cannot filter calls, and where this process has several threads. A kernel
/// without landlock is no error: no call that would open anything passes the filter.
pub(super) fn confine(data_max: u64) -> io::Result<()> {
    // A run that is killed has its processes killed with it, whatever they are at.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Where the machine runs out of memory this process goes first: its image is tried again.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // Nobody but root traces it or reads its memory; nor does a program that collects core dumps, which
    // the limit on their size does not bind.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    forbid_what_landlock_knows().map_err(io::Error::other)?;
    for resource in NOTHING {
        lower(resource, 0)?;
    }
    lower(Resource::Data, data_max)?;
    let filter = calls::program()?;
    // Standard error as late as can be: until here it is told what this machine denies.
    close_from(1)?;
    seccompiler::apply_filter_all_threads(&filter).map_err(io::Error::other)
}

/// Closes all descriptors from `first` on: what the run, or who started it, let be inherited.
#[allow(unsafe_code)]
pub(super) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: the call takes three numbers. No value of this process owns a descriptor that it closes: `serve`
    // calls it from 3 before it opens anything, and `confine` from 1 when the memory is mapped. What the
    // standard streams answer without one is no error.
    if unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } == 0 {
        return Ok(());
    }
    // Before Linux 5.9. The folder's own descriptor is among them, and closed by then.
    let open: Vec<u32> = std::fs::read_dir("/proc/self/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for descriptor in open.into_iter().filter(|open| *open >= first) {
        // SAFETY: the call takes a number, which is not below `first`: no value owns it, as above.
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

/// No file, no port, no signal to others and none of their abstract sockets, as far as the kernel guards them.
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
