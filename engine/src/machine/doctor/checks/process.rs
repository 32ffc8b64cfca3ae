//! Owns the checks of the process's resources: cores, CPU time, memory, threads, descriptors, io_uring, vector
//! instructions, the clock.

use rustix::io::Errno;

use crate::limits;
use crate::limits::DIRTY_BYTES_MAX;
use crate::machine::doctor::facts::{Facts, Kernel, Process};
use crate::machine::doctor::finding::{Finding, Severity};
use crate::machine::doctor::profile::Profile;
use crate::machine::runtime::{Ring, raised_limit};
use crate::machine::{body_budget, cores_paid_for, downloads_per_core};
use crate::text::{bytes, grouped};

/// Memory per core besides bodies and unwritten shards, bytes: one large decoded photo and its result.
const PIXEL_BYTES_PER_CORE: u64 = 64 * 1024 * 1024;
/// Memory of the process that does not depend on the number of cores, bytes: code, the list's batches, the
/// resolver.
const BASE_BYTES: u64 = 256 * 1024 * 1024;
/// Memory per core below which a run is likely to be killed, bytes.
const BYTES_PER_CORE_LEAST: u64 = 100 * 1024 * 1024;
/// Plausible clock values, seconds since 1970: from the start of 2025 to the start of 2100.
const CLOCK_S: std::ops::Range<i64> = 1_735_689_600..4_102_444_800;

pub(super) fn all(facts: &Facts, profile: Profile, cores: u64) -> Vec<Finding> {
    let (kernel, process) = (&facts.kernel, &facts.process);
    vec![
        cpus(kernel, process, profile, cores),
        cpu_time(kernel, cores),
        memory(kernel, cores),
        tasks(kernel, profile),
        descriptors(kernel, process, profile, cores),
        machine_descriptors(kernel, profile),
        memlock(process, profile),
        ring(kernel, process),
        vectors(process),
        clock(process),
    ]
}

fn cpus(kernel: &Kernel, process: &Process, profile: Profile, cores: u64) -> Finding {
    let online = kernel
        .cpus_online
        .map_or(String::new(), |n| format!(" of {n} online"));
    let finding = Finding::ok(
        "cores",
        format!("{} usable{online}, {cores} pinned", process.cores),
        format!("{} usable cores", profile.cores),
    );
    if process.cores == 0 {
        return finding.at(
            Severity::Fail,
            "allow this process a core (taskset -p, cpuset.cpus)",
        );
    }
    if cores > process.cores {
        let fix = format!(
            "--processes_count {}: more cores than there are share them in turn",
            process.cores
        );
        return finding.at(Severity::Warn, fix);
    }
    if process.cores < profile.cores {
        let held_back = kernel
            .cpus_online
            .is_some_and(|online| online > process.cores);
        let fix = if held_back {
            "allow the others (AllowedCPUs=, docker --cpuset-cpus, taskset), or name a smaller --profile"
        } else {
            "name the --profile of this machine's size, or none"
        };
        return finding.at(Severity::Warn, fix);
    }
    finding
}

fn cpu_time(kernel: &Kernel, cores: u64) -> Finding {
    let wanted = format!("no quota, or at least {cores} cores' time for {cores} pinned");
    let Some(quota) = kernel.cgroup.cpu_quota else {
        return Finding::ok("cpu quota", "none", wanted);
    };
    let finding = Finding::ok(
        "cpu quota",
        format!("{quota:.2} cores' time each second"),
        wanted,
    );
    let paid = cores_paid_for(quota);
    if paid >= cores {
        return finding;
    }
    let severity = if quota * 2.0 < cores as f64 {
        Severity::Fail
    } else {
        Severity::Warn
    };
    finding.at(
        severity,
        format!("--processes_count {paid}, or lift the quota (CPUQuota=, docker --cpus)"),
    )
}

fn memory(kernel: &Kernel, cores: u64) -> Finding {
    let total = kernel.memory_bytes;
    let group = kernel.cgroup.memory_bytes.unwrap_or(u64::MAX);
    let budget = body_budget(
        usize::try_from(total.unwrap_or(u64::MAX).min(group)).unwrap_or(usize::MAX),
        usize::try_from(cores).unwrap_or(usize::MAX),
    );
    let per_core = budget as u64 + DIRTY_BYTES_MAX as u64 + PIXEL_BYTES_PER_CORE;
    let need = BASE_BYTES + cores * per_core;
    let wanted = format!(
        "{} at most: {cores} cores x ({} of bodies + {} unwritten + {} of pixels) + {}",
        bytes(need),
        bytes(budget as u64),
        bytes(DIRTY_BYTES_MAX as u64),
        bytes(PIXEL_BYTES_PER_CORE),
        bytes(BASE_BYTES)
    );
    let (limit, whose) = match (kernel.cgroup.memory_bytes, total) {
        (Some(group), Some(total)) if group < total => (group, "the control group's limit"),
        (Some(group), None) => (group, "the control group's limit"),
        (_, Some(total)) => (total, "the machine's"),
        (None, None) => return Finding::ok("memory", "not told by /proc/meminfo", wanted).noted(),
    };
    let finding = Finding::ok("memory", format!("{} ({whose})", bytes(limit)), wanted);
    if limit >= need {
        return finding;
    }
    let severity = if limit < cores * BYTES_PER_CORE_LEAST {
        Severity::Fail
    } else {
        Severity::Warn
    };
    let fits = (limit.saturating_sub(BASE_BYTES) / per_core).max(1);
    finding.at(
        severity,
        format!("--processes_count {fits}, or raise the limit (MemoryMax=, docker --memory): past it the run is killed"),
    )
}

fn tasks(kernel: &Kernel, profile: Profile) -> Finding {
    let wanted = format!(
        "{} threads, {} with io_uring's workers",
        profile.threads(),
        grouped(profile.tasks())
    );
    let Some(limit) = kernel.cgroup.tasks else {
        return Finding::ok("threads", "no limit", wanted);
    };
    let finding = Finding::ok("threads", format!("limit of {}", grouped(limit)), wanted);
    let fix = format!(
        "TasksMax={} in the unit, or docker --pids-limit {0}",
        profile.tasks()
    );
    match limit {
        _ if limit < profile.threads() => finding.at(Severity::Fail, fix),
        _ if limit < profile.tasks() => finding.at(Severity::Warn, fix),
        _ => finding,
    }
}

fn descriptors(kernel: &Kernel, process: &Process, profile: Profile, cores: u64) -> Finding {
    let need = profile.descriptors();
    let wanted = format!(
        "{} descriptors (hard limit) for {} downloads in flight",
        grouped(need),
        grouped(profile.in_flight())
    );
    let Some(hard) = process.descriptors[1] else {
        return Finding::ok("descriptors", "no limit", wanted);
    };
    let soft = process.descriptors[0].map_or_else(|| "none".to_owned(), grouped);
    let per_core = downloads_per_core(
        usize::try_from(hard).unwrap_or(usize::MAX),
        usize::try_from(cores).unwrap_or(usize::MAX),
    );
    let allowed = per_core.map_or(0, |n| n.min(limits::IN_FLIGHT_MAX) as u64);
    let finding = Finding::ok(
        "descriptors",
        format!(
            "hard limit {}, soft {soft} (raised by a run): {} downloads in flight per core",
            grouped(hard),
            grouped(allowed)
        ),
        wanted,
    );
    if hard >= need {
        return finding;
    }
    let raisable = kernel.nr_open.is_none_or(|most| most >= need);
    let first = if raisable {
        String::new()
    } else {
        format!("sysctl -w fs.nr_open={need}; ")
    };
    let fix = format!(
        "{first}LimitNOFILE={need} in the unit, docker --ulimit nofile={need}, or `turbo2ds tune --print \
         --profile {profile} limits`"
    );
    let severity = if allowed < limits::IN_FLIGHT_START as u64 {
        Severity::Fail
    } else {
        Severity::Warn
    };
    finding.at(severity, fix)
}

fn machine_descriptors(kernel: &Kernel, profile: Profile) -> Finding {
    let need = profile.descriptors();
    let wanted = format!("room for {} more on the whole machine", grouped(need));
    let (Some(open), Some(max)) = (kernel.files_open, kernel.file_max) else {
        return Finding::ok("file table", "not told by /proc/sys/fs", wanted).noted();
    };
    let found = if max > u64::MAX / 4 {
        format!("{} open, no limit", grouped(open))
    } else {
        format!("{} of {} open", grouped(open), grouped(max))
    };
    let finding = Finding::ok("file table", found, wanted);
    if max.saturating_sub(open) >= need {
        return finding;
    }
    let enough = open.saturating_add(2 * need);
    finding.at(Severity::Warn, format!("sysctl -w fs.file-max={enough}"))
}

fn memlock(process: &Process, profile: Profile) -> Finding {
    let limit = process.memlock_bytes;
    let found = limit.map_or_else(|| "no limit".to_owned(), bytes);
    let counted = match process.rings.counted {
        Some(false) => {
            let found = format!("{found}; this kernel does not count this user's rings");
            return Finding::ok("locked memory", found, "any limit: rings are not counted");
        }
        Some(true) => "this kernel counts this user's rings",
        None => "whether this kernel counts rings cannot be tried",
    };
    let need = profile.rings_bytes();
    let finding = Finding::ok(
        "locked memory",
        format!("{found}; {counted}"),
        format!(
            "{} bytes for the rings of {} cores ({} a ring), once for each run of this user",
            grouped(need),
            profile.cores,
            bytes(need / profile.cores)
        ),
    );
    if limit.is_none_or(|limit| limit >= need) {
        return finding;
    }
    finding.at(Severity::Warn, raised_limit(profile.memlock_bytes()))
}

fn ring(kernel: &Kernel, process: &Process) -> Finding {
    let wanted = "io_uring with SINGLE_ISSUER and DEFER_TASKRUN (Linux 6.1) on every core";
    let finding = |found: String| Finding::ok("io_uring", found, wanted);
    let granted = match &process.rings.granted {
        Ok(granted) => granted,
        Err(error) => return finding(error.message().to_owned()).at(Severity::Fail, error.hint()),
    };
    let found = format!("a run has {granted}");
    let error = match (&process.rings.works, &granted.lack) {
        (Ring::Whole, None) => return finding(found),
        (Ring::Plain, _) if granted.is_whole() => return finding(found).noted(),
        (Ring::Whole | Ring::Plain, lack) => {
            let fix = lack.clone().unwrap_or_default();
            return finding(found).at(Severity::Warn, fix);
        }
        (Ring::Denied(error), _) => error,
    };
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    let found = format!(
        "{}: {error}; a run has {granted}",
        errno.map_or("no errno", name_of)
    );
    let fix = match errno {
        Some(Errno::PERM) if kernel.uring_disabled.is_some_and(|level| level > 0) => {
            "sysctl -w kernel.io_uring_disabled=0"
        }
        Some(Errno::PERM | Errno::ACCESS) => {
            "allow io_uring_setup, io_uring_enter and io_uring_register (docker --security-opt seccomp=PROFILE, \
             SystemCallFilter=@aio)"
        }
        Some(Errno::NOSYS) => {
            "a kernel with CONFIG_IO_URING, and a seccomp filter that lets io_uring's three calls through"
        }
        Some(Errno::NOMEM) => granted
            .lack
            .as_deref()
            .unwrap_or("raise the limit of locked memory (LimitMEMLOCK=, ulimit -l)"),
        Some(Errno::MFILE | Errno::NFILE) => {
            "raise the limit of descriptors (LimitNOFILE=, ulimit -n)"
        }
        _ => "report it, with `uname -r`; --io epoll silences a run's warning",
    };
    finding(found).at(Severity::Warn, fix)
}

fn name_of(errno: Errno) -> &'static str {
    match errno {
        Errno::PERM => "EPERM",
        Errno::ACCESS => "EACCES",
        Errno::NOSYS => "ENOSYS",
        Errno::NOMEM => "ENOMEM",
        Errno::MFILE => "EMFILE",
        Errno::NFILE => "ENFILE",
        Errno::INVAL => "EINVAL",
        Errno::OPNOTSUPP => "EOPNOTSUPP",
        _ => "another errno",
    }
}

fn vectors(process: &Process) -> Finding {
    let wanted = "AVX2 and FMA on x86-64; NEON, which every aarch64 has";
    if process.vectors {
        return Finding::ok("vectors", "those the codec is written for", wanted);
    }
    Finding::ok("vectors", "no AVX2: resizing runs on the slow path", wanted).at(
        Severity::Warn,
        "a virtual machine that shows the host's processor (qemu -cpu host)",
    )
}

fn clock(process: &Process) -> Finding {
    let wanted = "a date from 2025 to 2099: certificates are judged by it";
    if CLOCK_S.contains(&process.clock_s) {
        return Finding::ok("clock", "plausible", wanted);
    }
    let found = format!("{} s since 1970", process.clock_s);
    Finding::ok("clock", found, wanted).at(Severity::Fail, "timedatectl set-ntp true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::machine::Cgroup;
    use crate::machine::doctor::checks::testing::{P, facts, kernel};
    use crate::machine::runtime::{Backend, Grant};
    use std::io;

    #[test]
    fn fewer_cores_than_the_profile_has_is_a_warning_that_says_why() {
        let mut f = facts();
        f.process.cores = 4;
        let held = cpus(&f.kernel, &f.process, P, 4);
        assert_eq!(held.severity, Severity::Warn);
        assert!(held.fix.unwrap().contains("AllowedCPUs"));
        f.kernel.cpus_online = Some(4);
        assert!(
            cpus(&f.kernel, &f.process, P, 4)
                .fix
                .unwrap()
                .contains("--profile")
        );
        // More cores pinned than there are.
        assert!(
            cpus(&f.kernel, &f.process, P, 8)
                .fix
                .unwrap()
                .contains("--processes_count 4")
        );
        f.process.cores = 0;
        assert_eq!(cpus(&f.kernel, &f.process, P, 1).severity, Severity::Fail);
    }

    #[test]
    fn a_quota_below_the_pinned_cores_warns_and_below_half_of_them_fails() {
        let of = |quota| {
            let cgroup = Cgroup {
                cpu_quota: quota,
                ..Cgroup::default()
            };
            cpu_time(&Kernel { cgroup, ..kernel() }, 8)
        };
        assert_eq!(of(None).severity, Severity::Ok);
        assert_eq!(of(Some(8.0)).severity, Severity::Ok);
        assert_eq!(of(Some(7.5)).severity, Severity::Ok);
        assert_eq!(of(Some(6.5)).severity, Severity::Warn);
        assert!(of(Some(6.5)).fix.unwrap().contains("--processes_count 7"));
        assert_eq!(of(Some(0.5)).severity, Severity::Fail);
        assert!(of(Some(0.5)).fix.unwrap().contains("--processes_count 1"));
    }

    #[test]
    fn a_groups_memory_counts_where_it_is_less_than_the_machines() {
        let of = |group, total| {
            let cgroup = Cgroup {
                memory_bytes: group,
                ..Cgroup::default()
            };
            memory(
                &Kernel {
                    cgroup,
                    memory_bytes: total,
                    ..kernel()
                },
                8,
            )
        };
        assert_eq!(of(None, Some(64 << 30)).severity, Severity::Ok);
        assert_eq!(of(Some(32 << 30), Some(64 << 30)).severity, Severity::Ok);
        let tight = of(Some(1 << 30), Some(64 << 30));
        assert_eq!(tight.severity, Severity::Warn);
        assert!(tight.found.contains("control group"), "{tight:?}");
        assert!(tight.fix.unwrap().contains("--processes_count 4"));
        assert_eq!(of(Some(512 << 20), Some(64 << 30)).severity, Severity::Fail);
        assert_eq!(of(None, None).severity, Severity::Note);
    }

    #[test]
    fn too_few_threads_fail_and_too_few_for_workers_warn() {
        let of = |limit| {
            let cgroup = Cgroup {
                tasks: limit,
                ..Cgroup::default()
            };
            tasks(&Kernel { cgroup, ..kernel() }, P).severity
        };
        assert_eq!(of(None), Severity::Ok);
        assert_eq!(of(Some(P.tasks())), Severity::Ok);
        assert_eq!(of(Some(P.tasks() - 1)), Severity::Warn);
        assert_eq!(of(Some(P.threads() - 1)), Severity::Fail);
    }

    #[test]
    fn few_descriptors_warn_and_next_to_none_fail() {
        let of = |hard| {
            let mut f = facts();
            f.process.descriptors = [Some(1024), hard];
            descriptors(&f.kernel, &f.process, P, P.cores)
        };
        assert_eq!(of(None).severity, Severity::Ok);
        assert_eq!(of(Some(P.descriptors())).severity, Severity::Ok);
        let few = of(Some(8192));
        assert_eq!(few.severity, Severity::Warn);
        assert!(few.fix.unwrap().contains("LimitNOFILE=20480"));
        assert_eq!(of(Some(1024)).severity, Severity::Fail);
        assert!(of(Some(16)).found.contains("0 downloads"));
    }

    #[test]
    fn a_kernel_that_allows_fewer_descriptors_is_told_first() {
        let mut f = facts();
        f.kernel.nr_open = Some(10_000);
        f.process.descriptors = [Some(1024), Some(10_000)];
        let fix = descriptors(&f.kernel, &f.process, P, P.cores).fix.unwrap();
        assert!(fix.starts_with("sysctl -w fs.nr_open=20480; "), "{fix}");
    }

    #[test]
    fn a_machine_that_runs_out_of_descriptors_is_a_warning() {
        let of = |open, max| {
            let kernel = Kernel {
                files_open: open,
                file_max: max,
                ..kernel()
            };
            machine_descriptors(&kernel, P).severity
        };
        assert_eq!(of(Some(1000), Some(i64::MAX as u64)), Severity::Ok);
        assert_eq!(of(Some(90_000), Some(100_000)), Severity::Warn);
        assert_eq!(of(None, Some(1)), Severity::Note);
    }

    #[test]
    fn locked_memory_is_short_only_where_rings_are_counted() {
        let of = |counted, limit| {
            let mut f = facts();
            f.process.rings.counted = counted;
            f.process.memlock_bytes = limit;
            memlock(&f.process, P)
        };
        assert_eq!(of(Some(false), Some(0)).severity, Severity::Ok);
        assert_eq!(of(Some(true), None).severity, Severity::Ok);
        assert_eq!(of(Some(true), Some(P.rings_bytes())).severity, Severity::Ok);
        assert_eq!(of(None, Some(P.rings_bytes())).severity, Severity::Ok);
        let short = of(Some(true), Some(P.rings_bytes() - 1));
        assert_eq!(short.severity, Severity::Warn);
        assert!(short.wanted.contains("4,194,304 bytes"), "{short:?}");
        assert!(short.fix.unwrap().contains("LimitMEMLOCK=8388608"));
        assert_eq!(of(None, Some(0)).severity, Severity::Warn);
    }

    #[test]
    fn fewer_or_smaller_rings_than_cores_are_a_warning_with_the_limit_that_would_do() {
        let mut f = facts();
        f.process.rings.granted = Ok(Grant {
            cores: 8,
            rings: 3,
            backend: Backend::Uring {
                defer_taskrun: true,
                entries: 256,
            },
            lack: Some("LimitMEMLOCK=4194304".to_owned()),
        });
        let found = ring(&f.kernel, &f.process);
        assert_eq!(found.severity, Severity::Warn);
        assert!(
            found.found.contains("io_uring on 3 of 8 cores"),
            "{found:?}"
        );
        assert!(found.fix.unwrap().contains("LimitMEMLOCK=4194304"));
        f.process.rings.granted = Err(Error::local_resource("no reactor", "more descriptors"));
        assert_eq!(ring(&f.kernel, &f.process).severity, Severity::Fail);
    }

    #[test]
    fn a_denied_ring_names_its_errno_and_the_way_out_for_it() {
        let of = |errno: Errno, disabled| {
            let mut f = facts();
            f.kernel.uring_disabled = disabled;
            f.process.rings.works = Ring::Denied(io::Error::from(errno));
            ring(&f.kernel, &f.process)
        };
        for (errno, disabled, name, way) in [
            (Errno::PERM, Some(2), "EPERM", "kernel.io_uring_disabled=0"),
            (Errno::PERM, Some(0), "EPERM", "seccomp"),
            (Errno::NOSYS, None, "ENOSYS", "CONFIG_IO_URING"),
            (Errno::NOMEM, None, "ENOMEM", "LimitMEMLOCK"),
            (Errno::MFILE, None, "EMFILE", "LimitNOFILE"),
        ] {
            let finding = of(errno, disabled);
            assert_eq!(finding.severity, Severity::Warn);
            assert!(finding.found.starts_with(name), "{finding:?}");
            assert!(finding.fix.as_deref().unwrap().contains(way), "{finding:?}");
        }
    }

    #[test]
    fn a_ring_of_an_older_kernel_is_noted() {
        let mut f = facts();
        f.process.rings.works = Ring::Plain;
        assert_eq!(ring(&f.kernel, &f.process).severity, Severity::Note);
    }

    #[test]
    fn a_processor_without_vectors_and_a_wrong_clock_are_told() {
        let mut f = facts();
        f.process.vectors = false;
        assert_eq!(vectors(&f.process).severity, Severity::Warn);
        for wrong in [-1, 0, 1_600_000_000, 5_000_000_000] {
            f.process.clock_s = wrong;
            assert_eq!(clock(&f.process).severity, Severity::Fail);
        }
    }
}
