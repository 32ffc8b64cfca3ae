//! Runs a command under a seccomp filter that denies io_uring, as container runtimes do.
//! usage: deny_uring eperm|enosys|enter COMMAND...
//!
//! `eperm` and `enosys` answer all three calls with that error; `enter` lets rings be set up and denies
//! only `io_uring_enter`. The filter holds for the command and all its children.

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deny_uring: {error}");
            ExitCode::from(125)
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let all = [
        libc::SYS_io_uring_setup,
        libc::SYS_io_uring_enter,
        libc::SYS_io_uring_register,
    ];
    let kind = arguments.next().ok_or("no kind of denial")?;
    let (denied, errno) = match kind.to_str() {
        Some("eperm") => (&all[..], libc::EPERM),
        Some("enosys") => (&all[..], libc::ENOSYS),
        Some("enter") => (&all[1..2], libc::EPERM),
        _ => return Err("the kind is eperm, enosys or enter".into()),
    };
    let program = arguments.next().ok_or("no command")?;
    // An empty list of rules matches every call of that number.
    let rules: BTreeMap<i64, Vec<_>> = denied.iter().map(|call| (*call, Vec::new())).collect();
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(errno.unsigned_abs()),
        std::env::consts::ARCH.try_into()?,
    )?;
    seccompiler::apply_filter(&BpfProgram::try_from(filter)?)?;
    // Returns only where the program cannot be run.
    Err(Command::new(program).args(arguments).exec().into())
}
