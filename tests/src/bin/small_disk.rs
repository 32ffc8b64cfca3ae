//! Holds a tmpfs of a given size in a mount namespace of its own, for the tests of full and read-only
//! disks. usage: small_disk OPTIONS FOLDER
//!
//! FOLDER, an empty folder, becomes a tmpfs with these mount options; others reach it as
//! /proc/PID/root/FOLDER. Each line on standard input (`size=4m`, `ro`, `rw`) remounts it and is
//! answered by `ok` or the error's number; at the end of input the disk goes. Needs no root where user
//! namespaces are allowed. Nothing outside the namespace changes.

use std::error::Error;
use std::ffi::CString;
use std::io::{Write, stdin, stdout};
use std::process::ExitCode;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::thread::UnshareFlags;

fn main() -> ExitCode {
    match hold() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::from(125)
        }
    }
}

fn hold() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let options = arguments.next().ok_or("usage: small_disk OPTIONS FOLDER")?;
    let folder = arguments.next().ok_or("no folder")?;
    enter_namespace()?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private)?;
    let given = CString::new(options)?;
    mount(
        "tmpfs",
        &folder,
        "tmpfs",
        MountFlags::empty(),
        given.as_c_str(),
    )?;
    tell("ok")?;
    for line in stdin().lines() {
        match remount(&folder, &line?) {
            Ok(()) => tell("ok")?,
            Err(error) => tell(&error.raw_os_error().to_string())?,
        }
    }
    Ok(())
}

fn tell(line: &str) -> std::io::Result<()> {
    let mut out = stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

fn remount(folder: &str, change: &str) -> rustix::io::Result<()> {
    match change {
        "ro" => mount_remount(folder, MountFlags::RDONLY, c""),
        "rw" => mount_remount(folder, MountFlags::empty(), c""),
        size => mount_remount(folder, MountFlags::empty(), size),
    }
}

/// A mount namespace; where that takes a user namespace first, one in which we are root.
#[allow(unsafe_code)]
fn enter_namespace() -> Result<(), Box<dyn Error>> {
    let user = rustix::process::getuid().as_raw();
    let group = rustix::process::getgid().as_raw();
    // SAFETY: neither flag has this process, which has one thread, share less memory or fewer
    // descriptors with another thread.
    if unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }.is_ok() {
        return Ok(());
    }
    // SAFETY: as above.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNS) }?;
    std::fs::write("/proc/self/setgroups", "deny")?;
    std::fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
    std::fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
    Ok(())
}
