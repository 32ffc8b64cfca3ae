//! Owns the storage checks: the file system of the output folder, its free space, direct I/O, and the limits of
//! the page cache.

use std::io;
use std::path::Path;

use crate::limits::DIRECT_IO_ALIGN_BYTES;
use crate::machine::doctor::facts::{Facts, Folder, Kernel, Trial};
use crate::machine::doctor::finding::{Finding, Severity};
use crate::machine::doctor::profile::{Profile, SAMPLE_BYTES};
use crate::text::{bytes, grouped};

/// Free space below which the first shards do not fit, bytes.
const FREE_BYTES_LEAST: u64 = 1024 * 1024 * 1024;
/// Time that the free space should last at the profile's rate, seconds.
const ROOM_S: u64 = 3600;
/// Free inodes below which even tar shards (three files each) soon run out.
const INODES_LEAST: u64 = 1000;
/// Maximum number of files per sample with `--output_format files`.
const INODES_PER_SAMPLE: u64 = 3;
/// Factor by which dirty bytes must exceed the recommended value to be worth a note.
const DIRTY_EXCESS: u64 = 4;

pub(super) fn all(facts: &Facts, profile: Profile) -> Vec<Finding> {
    let mut findings = vec![page_cache(&facts.kernel, profile)];
    match &facts.folder {
        None => findings
            .push(Finding::ok("output folder", "not looked at", "--output_folder DIR").noted()),
        Some((asked, Err(error))) => findings.push(unusable(asked, error)),
        Some((_, Ok(folder))) => findings.extend([
            folder_itself(folder),
            file_system(folder),
            direct_io(folder),
            space(folder, profile),
            inodes(folder, profile),
        ]),
    }
    findings
}

fn page_cache(kernel: &Kernel, profile: Profile) -> Finding {
    let want = profile.dirty_bytes();
    let wanted = format!(
        "at most {} before writers are held up (vm.dirty_bytes)",
        bytes(want)
    );
    let by_ratio = || {
        let available = kernel.memory_available_bytes?;
        Some(available / 100 * kernel.dirty_ratio?.min(100))
    };
    let Some(dirty) = kernel.dirty_bytes.filter(|&set| set > 0).or_else(by_ratio) else {
        return Finding::ok("page cache", "not told by /proc/sys/vm", wanted).noted();
    };
    let found = format!("{} may be dirty", bytes(dirty));
    let finding = Finding::ok("page cache", found, wanted);
    if dirty <= want * DIRTY_EXCESS {
        return finding;
    }
    finding.at(
        Severity::Note,
        format!(
            "sysctl -w vm.dirty_bytes={want} vm.dirty_background_bytes={}",
            profile.dirty_background_bytes()
        ),
    )
}

fn unusable(asked: &Path, error: &io::Error) -> Finding {
    let found = format!("{}: {error}", asked.display());
    Finding::ok(
        "output folder",
        found,
        "a folder that a run can make and write to",
    )
    .at(
        Severity::Fail,
        "another --output_folder, or the right to look at this one",
    )
}

fn folder_itself(folder: &Folder) -> Finding {
    let wanted = "a folder that a run can make and write to";
    let asked = folder.asked.display();
    if let Trial::Refused(errno) = folder.write {
        let found = format!("{}: {errno}", folder.looked_at.display());
        let fix = "an --output_folder that this user may write to, on a mount that is not read-only or full";
        return Finding::ok("output folder", found, wanted).at(Severity::Fail, fix);
    }
    if folder.looked_at == folder.asked {
        return Finding::ok(
            "output folder",
            format!("{asked} can be written to"),
            wanted,
        );
    }
    let found = format!(
        "{asked} is not there yet; {} is, and can be written to",
        folder.looked_at.display()
    );
    Finding::ok("output folder", found, wanted).noted()
}

/// The name of a file system and, if it has known problems as a place for a dataset, their severity and remedy.
fn known(magic: u64) -> (&'static str, Option<(Severity, &'static str)>) {
    const MOUNT: &str =
        "mount a disk of the host there (docker --volume): this layer goes with the container";
    const LOCAL: &str = "write to a local disk and copy whole shards, if commits are slow";
    match magic {
        0xef53 => ("ext4", None),
        0x5846_5342 => ("xfs", None),
        0xf2f5_2010 => ("f2fs", None),
        0xca45_1a4e => ("bcachefs", None),
        0x9123_683e => ("btrfs", None),
        0x2fc1_2fc1 => ("zfs", None),
        0x0102_1994 => (
            "tmpfs",
            Some((
                Severity::Warn,
                "a folder on a disk: this one is memory, and gone after a reboot",
            )),
        ),
        0x8584_58f6 => (
            "ramfs",
            Some((
                Severity::Warn,
                "a folder on a disk: this one is memory, and gone after a reboot",
            )),
        ),
        0x794c_7630 => ("overlayfs", Some((Severity::Warn, MOUNT))),
        0x6969 => ("nfs", Some((Severity::Warn, LOCAL))),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => ("smb", Some((Severity::Warn, LOCAL))),
        0x0102_1997 => ("9p", Some((Severity::Warn, LOCAL))),
        0x00c3_6400 => ("ceph", Some((Severity::Note, LOCAL))),
        0x0bd0_0bd0 => ("lustre", Some((Severity::Note, LOCAL))),
        0x6573_5546 => ("fuse", Some((Severity::Note, LOCAL))),
        0x4d44 | 0x2011_bab0 => (
            "fat",
            Some((
                Severity::Warn,
                "ext4 or xfs: fat has no fsync of folders worth the name",
            )),
        ),
        _ => ("another kind", None),
    }
}

fn file_system(folder: &Folder) -> Finding {
    let (name, against) = known(folder.magic);
    let found = format!("{name} ({:#x})", folder.magic);
    let finding = Finding::ok(
        "file system",
        found,
        "a local disk: ext4, xfs, btrfs, zfs, f2fs",
    );
    match against {
        Some((severity, fix)) => finding.at(severity, fix),
        None => finding,
    }
}

fn direct_io(folder: &Folder) -> Finding {
    let wanted = format!("O_DIRECT at an alignment of {DIRECT_IO_ALIGN_BYTES} bytes or less");
    let told = match folder.alignment {
        Some((0, _) | (_, 0)) => ", none says statx".to_owned(),
        Some((memory, offset)) => {
            format!(", alignment {memory} (memory) and {offset} (offset) bytes")
        }
        None => ", alignment not told (statx before Linux 6.1, or this file system)".to_owned(),
    };
    match folder.write {
        Trial::Direct => Finding::ok("direct I/O", format!("a block was written{told}"), wanted),
        Trial::Buffered(errno) => {
            Finding::ok("direct I/O", format!("refused: {errno}{told}"), wanted).at(
                Severity::Warn,
                "a file system with direct I/O (ext4, xfs): this one goes through the page cache",
            )
        }
        // A run would open its shards and fail at the first block.
        Trial::Misaligned(errno) => Finding::ok(
            "direct I/O",
            format!("a block was refused: {errno}{told}"),
            wanted,
        )
        .at(
            Severity::Fail,
            "an --output_folder on a disk with blocks of 4096 bytes or less",
        ),
        Trial::Refused(errno) => {
            Finding::ok("direct I/O", format!("not tried: {errno}"), wanted).noted()
        }
    }
}

fn space(folder: &Folder, profile: Profile) -> Finding {
    let free = folder.free_bytes;
    let per_second = profile.written_bytes_per_second().max(1);
    let lasts_s = free / per_second;
    let found = format!(
        "{} free: {} images of {} KB, {} at {} MB/s",
        bytes(free),
        grouped(free / SAMPLE_BYTES),
        SAMPLE_BYTES / 1000,
        lasting(lasts_s),
        per_second / 1_000_000
    );
    let wanted = format!(
        "{} for an hour at the profile's rate",
        bytes(per_second * ROOM_S)
    );
    let finding = Finding::ok("space", found, wanted);
    let fix = "free some space or choose another --output_folder; a run that fills it stops and goes on later";
    match free {
        _ if free < FREE_BYTES_LEAST => finding.at(Severity::Fail, fix),
        _ if lasts_s < ROOM_S => finding.at(Severity::Warn, fix),
        _ => finding,
    }
}

fn lasting(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", grouped(seconds / 86_400)),
    }
}

fn inodes(folder: &Folder, profile: Profile) -> Finding {
    let need = profile.rate() * ROOM_S * INODES_PER_SAMPLE;
    let wanted = format!(
        "{} for an hour of --output_format files; tar shards take 3 each",
        grouped(need)
    );
    let Some(free) = folder.free_inodes else {
        return Finding::ok("inodes", "made as they are needed", wanted);
    };
    let finding = Finding::ok("inodes", format!("{} free", grouped(free)), wanted);
    let fix = "--output_format webdataset, parquet or tfrecord, or a file system made with more (mkfs.ext4 -N)";
    match free {
        _ if free < INODES_LEAST => finding.at(Severity::Fail, fix),
        _ if free < need => finding.at(Severity::Note, fix),
        _ => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::doctor::checks::testing::{P, facts, folder, kernel};
    use rustix::io::Errno;

    #[test]
    fn a_folder_nobody_asked_about_is_a_note_and_one_that_cannot_be_is_a_failure() {
        let mut f = facts();
        f.folder = None;
        assert_eq!(all(&f, P)[1].severity, Severity::Note);
        f.folder = Some(("x".into(), Err(io::ErrorKind::NotADirectory.into())));
        let finding = &all(&f, P)[1];
        assert_eq!(finding.severity, Severity::Fail);
        assert!(finding.found.contains("not a directory"), "{finding:?}");
    }

    #[test]
    fn a_folder_still_to_be_made_is_noted_and_a_read_only_one_fails() {
        let coming = Folder {
            looked_at: "/data".into(),
            asked: "/data/new".into(),
            ..folder()
        };
        assert_eq!(folder_itself(&coming).severity, Severity::Note);
        let read_only = Folder {
            write: Trial::Refused(Errno::ROFS),
            ..folder()
        };
        assert_eq!(folder_itself(&read_only).severity, Severity::Fail);
        assert_eq!(direct_io(&read_only).severity, Severity::Note);
    }

    #[test]
    fn file_systems_that_forget_or_are_far_are_told() {
        let of = |magic| file_system(&Folder { magic, ..folder() });
        assert_eq!(of(0x5846_5342).severity, Severity::Ok);
        for (magic, name) in [
            (0x0102_1994, "tmpfs"),
            (0x6969, "nfs"),
            (0x794c_7630, "overlayfs"),
        ] {
            let finding = of(magic);
            assert_eq!(finding.severity, Severity::Warn);
            assert!(finding.found.starts_with(name), "{finding:?}");
        }
        assert_eq!(of(0x1234_5678).severity, Severity::Ok);
    }

    #[test]
    fn direct_io_that_is_refused_warns_and_one_of_coarse_blocks_fails() {
        let of = |write, alignment| {
            direct_io(&Folder {
                write,
                alignment,
                ..folder()
            })
        };
        assert_eq!(of(Trial::Direct, None).severity, Severity::Ok);
        assert!(
            of(Trial::Direct, Some((4, 512)))
                .found
                .contains("512 (offset)")
        );
        assert_eq!(
            of(Trial::Buffered(Errno::INVAL), Some((0, 0))).severity,
            Severity::Warn
        );
        let coarse = of(Trial::Misaligned(Errno::INVAL), Some((512, 16_384)));
        assert_eq!(coarse.severity, Severity::Fail);
    }

    #[test]
    fn room_for_less_than_an_hour_warns_and_for_no_shard_fails() {
        let of = |free_bytes| {
            space(
                &Folder {
                    free_bytes,
                    ..folder()
                },
                P,
            )
        };
        let hour = P.written_bytes_per_second() * 3600;
        assert_eq!(of(hour).severity, Severity::Ok);
        assert_eq!(
            of(hour - P.written_bytes_per_second()).severity,
            Severity::Warn
        );
        assert_eq!(of(1 << 20).severity, Severity::Fail);
        assert!(of(48 * hour).found.contains("2 days"));
    }

    #[test]
    fn few_inodes_are_noted_and_next_to_none_fail() {
        let of = |free_inodes| {
            inodes(
                &Folder {
                    free_inodes,
                    ..folder()
                },
                P,
            )
            .severity
        };
        assert_eq!(of(None), Severity::Ok);
        assert_eq!(of(Some(1 << 40)), Severity::Ok);
        assert_eq!(of(Some(100_000)), Severity::Note);
        assert_eq!(of(Some(10)), Severity::Fail);
    }

    #[test]
    fn a_page_cache_of_gigabytes_is_noted_whether_by_bytes_or_by_ratio() {
        let of = |dirty_bytes, dirty_ratio, available| {
            let memory_available_bytes = Some(available);
            let kernel = Kernel {
                dirty_bytes,
                dirty_ratio,
                memory_available_bytes,
                ..kernel()
            };
            page_cache(&kernel, P)
        };
        assert_eq!(
            of(Some(P.dirty_bytes()), Some(0), 1 << 40).severity,
            Severity::Ok
        );
        assert_eq!(of(Some(1 << 40), Some(0), 1 << 41).severity, Severity::Note);
        let default = of(Some(0), Some(20), 256 << 30);
        assert_eq!(default.severity, Severity::Note);
        assert!(default.fix.unwrap().contains("vm.dirty_bytes=536870912"));
        assert_eq!(of(Some(0), Some(20), 1 << 30).severity, Severity::Ok);
        assert_eq!(of(None, None, 1 << 30).severity, Severity::Note);
    }
}
