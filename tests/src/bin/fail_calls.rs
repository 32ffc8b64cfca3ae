//! Runs a command whose file system fails from some moment on, at the border of the kernel.
//! usage: fail_calls ERRNO AFTER COMMAND...
//!
//! A seccomp filter hands the calls that change files (pwrite64, fsync, syncfs, ftruncate, renames,
//! mkdir, and opening with O_CREAT) to a supervisor, which lets the first AFTER of them through and
//! answers all later ones with ERRNO. What goes through a ring is not seen: data is written so unless
//! the command uses epoll, commits are not. Nothing is preloaded and no root is needed.

use std::error::Error;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

/// The word that makes this program the supervisor of the one above it.
const SUPERVISE: &str = "--supervise";

/// Calls that are always handed over.
const CALLS: [libc::c_long; 9] = [
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    libc::SYS_ftruncate,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
];

/// The same by their older numbers, where the architecture has them.
#[cfg(target_arch = "x86_64")]
const OLD_CALLS: [libc::c_long; 2] = [libc::SYS_rename, libc::SYS_mkdir];
#[cfg(not(target_arch = "x86_64"))]
const OLD_CALLS: [libc::c_long; 0] = [];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let result = if arguments.first().is_some_and(|word| word == SUPERVISE) {
        supervise(&arguments[1..])
    } else {
        run(&arguments)
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fail_calls: {error}");
            ExitCode::from(125)
        }
    }
}

fn number(text: Option<&OsString>) -> Result<i64, Box<dyn Error>> {
    let text = text.and_then(|text| text.to_str());
    Ok(text
        .ok_or("usage: fail_calls ERRNO AFTER COMMAND...")?
        .parse()?)
}

/// Starts the supervisor, installs the filter, gives the filter's listener away, becomes the command.
fn run(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    number(arguments.first())?;
    number(arguments.get(1))?;
    let program = arguments.get(2).ok_or("no command")?;
    let mut supervisor = Command::new(std::env::current_exe()?)
        .arg(SUPERVISE)
        .args(&arguments[..2])
        .arg(std::process::id().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let_trace(supervisor.id());
    let listener = install()?;
    let mut say = supervisor.stdin.take().ok_or("no pipe")?;
    let mut hear = supervisor.stdout.take().ok_or("no pipe")?;
    writeln!(say, "{}", listener.as_raw_fd())?;
    drop(say);
    hear.read_exact(&mut [0])?;
    // Returns only where the program cannot be run. The listener closes with it.
    Err(Command::new(program).args(&arguments[3..]).exec().into())
}

/// Lets a child take descriptors of this process, where only parents may.
#[allow(unsafe_code)]
fn let_trace(process: u32) {
    // SAFETY: PR_SET_PTRACER takes a process id and touches no memory. It fails where the kernel has
    // no such restriction, which is well.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::c_ulong::from(process), 0, 0, 0) };
}

const fn instruction(code: u32, k: u32, jump_true: u8, jump_false: u8) -> libc::sock_filter {
    libc::sock_filter {
        code: code as u16,
        jt: jump_true,
        jf: jump_false,
        k,
    }
}

/// The filter's program: the calls above to the listener, openat only with O_CREAT.
fn program() -> Vec<libc::sock_filter> {
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    // In seccomp_data the number is at 0, the arguments of 8 bytes each at 16; the flags are the third.
    const NUMBER_AT: u32 = 0;
    const OPENAT_FLAGS_AT: u32 = 16 + 2 * 8;
    let mut program = vec![instruction(LOAD, NUMBER_AT, 0, 0)];
    for call in CALLS.iter().chain(&OLD_CALLS) {
        program.push(instruction(EQUAL, *call as u32, 0, 1));
        program.push(instruction(RETURN, libc::SECCOMP_RET_USER_NOTIF, 0, 0));
    }
    program.push(instruction(EQUAL, libc::SYS_openat as u32, 0, 3));
    program.push(instruction(LOAD, OPENAT_FLAGS_AT, 0, 0));
    program.push(instruction(ANY_BIT, libc::O_CREAT as u32, 0, 1));
    program.push(instruction(RETURN, libc::SECCOMP_RET_USER_NOTIF, 0, 0));
    program.push(instruction(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0));
    program
}

#[allow(unsafe_code)]
fn install() -> Result<OwnedFd, Box<dyn Error>> {
    let mut program = program();
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len())?,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: PR_SET_NO_NEW_PRIVS touches no memory; `filter` points at `program`, which outlives the
    // call, and holds its length.
    let listener = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    owned(listener)
}

/// A descriptor that a call gave, or its error.
#[allow(unsafe_code)]
fn owned(result: libc::c_long) -> Result<OwnedFd, Box<dyn Error>> {
    match RawFd::try_from(result) {
        // SAFETY: the kernel has just made this descriptor for us; nobody else owns it.
        Ok(descriptor) if descriptor >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }),
        _ => Err(std::io::Error::last_os_error().into()),
    }
}

fn supervise(arguments: &[OsString]) -> Result<(), Box<dyn Error>> {
    let errno = i32::try_from(number(arguments.first())?)?;
    let mut left = number(arguments.get(1))?;
    let process = number(arguments.get(2))?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let listener = take_descriptor(process, line.trim().parse()?)?;
    let mut out = std::io::stdout();
    out.write_all(b".")?;
    out.flush()?;
    // Ends when the last process under the filter has.
    while let Some(call) = next_call(&listener)? {
        let through = left > 0;
        left -= i64::from(through);
        answer(&listener, call, (!through).then_some(errno));
    }
    Ok(())
}

#[allow(unsafe_code)]
fn take_descriptor(process: i64, descriptor: i64) -> Result<OwnedFd, Box<dyn Error>> {
    // SAFETY: both calls take numbers alone.
    unsafe {
        let process = owned(libc::syscall(libc::SYS_pidfd_open, process, 0))?;
        owned(libc::syscall(
            libc::SYS_pidfd_getfd,
            process.as_raw_fd(),
            descriptor,
            0,
        ))
    }
}

/// The next call's id; `None` when no process is left under the filter.
#[allow(unsafe_code)]
fn next_call(listener: &OwnedFd) -> Result<Option<u64>, Box<dyn Error>> {
    loop {
        let mut poll = libc::pollfd {
            fd: listener.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one pollfd, which is ours for the call.
        let ready = unsafe { libc::poll(&raw mut poll, 1, -1) };
        if ready == 1 && poll.revents & libc::POLLIN == 0 {
            return Ok(None);
        }
        // SAFETY: all zeroes is a seccomp_notif, as the kernel wants it, and the ioctl writes one.
        let (result, call) = unsafe {
            let mut call: libc::seccomp_notif = zeroed();
            let request = libc::SECCOMP_IOCTL_NOTIF_RECV;
            let result = libc::ioctl(listener.as_raw_fd(), request as _, &raw mut call);
            (result, call)
        };
        if result == 0 {
            return Ok(Some(call.id));
        }
        // The caller was killed in between, or a signal came: look again.
    }
}

#[allow(unsafe_code)]
fn answer(listener: &OwnedFd, call: u64, errno: Option<i32>) {
    let mut response = libc::seccomp_notif_resp {
        id: call,
        val: 0,
        error: errno.map_or(0, |errno| -errno),
        flags: if errno.is_none() {
            libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32
        } else {
            0
        },
    };
    // SAFETY: the ioctl reads one seccomp_notif_resp. It fails where the caller has gone.
    unsafe {
        let request = libc::SECCOMP_IOCTL_NOTIF_SEND;
        libc::ioctl(listener.as_raw_fd(), request as _, &raw mut response);
    }
}
