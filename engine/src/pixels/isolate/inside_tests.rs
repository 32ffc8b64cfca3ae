//! Tests the sandbox from inside: processes confine themselves, then attempt what is forbidden. Each is forked
//! from a fresh instance of this test program, so that no other test runs in it.

use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::calls::{CALLS, Call, When};
use super::confine::{close_from, confine, forbid_what_landlock_knows};

/// The environment variable with the part of [`inside`] that a child process runs.
const PART: &str = "TURBO2DS_TEST_INSIDE";
/// Private memory of the confined processes, bytes.
const DATA_MAX: u64 = 1 << 30;
/// Exit code of a confined process whose call returned.
const CAME_BACK: i32 = 7;
/// Higher than any current system call number.
const NUMBERS: i64 = 600;
/// Bit that marks x32 system calls (32-bit addresses) on x86-64.
const X32: i64 = 1 << 30;
/// Arguments of a call.
type Arguments = [u64; 6];
const ZEROS: Arguments = [0; 6];
const ONES: Arguments = [u64::MAX; 6];

/// Runs a part of [`inside`] in a separate process, which must succeed.
fn have_done(part: &str) {
    // A test's name does not include the crate's.
    let inside = module_path!()
        .split_once("::")
        .expect("a module of a crate")
        .1;
    let inside = format!("{inside}::inside");
    let output = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &inside, "--nocapture"])
        .env(PART, part)
        // Unset in decoding processes: with it, a panic would look for source files first.
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null())
        .output()
        .expect("this program again");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("1 passed"), "{said}\n{errors}");
}

#[test]
fn every_call_but_the_listed_ones_ends_the_process() {
    have_done("numbers");
}

#[test]
fn listed_calls_pass_with_the_listed_arguments_alone() {
    have_done("arguments");
}

#[test]
fn no_signal_reaches_another_process() {
    have_done("signals");
}

#[test]
fn nothing_is_opened_traced_or_made_executable() {
    have_done("attempts");
}

#[test]
fn a_process_still_computes_and_ends_in_its_own_ways() {
    have_done("ends");
}

#[test]
fn inherited_descriptors_are_closed() {
    have_done("descriptors");
}

#[test]
fn landlock_alone_keeps_signals_within_the_process() {
    have_done("landlock");
}

/// Not a test by itself: runs the parts that the other tests start in child processes.
#[test]
fn inside() {
    match std::env::var(PART).as_deref() {
        Ok("numbers") => numbers(),
        Ok("arguments") => arguments(),
        Ok("signals") => signals(),
        Ok("attempts") => attempts(),
        Ok("ends") => ends(),
        Ok("descriptors") => descriptors(),
        Ok("landlock") => landlock(),
        _ => {}
    }
}

/// A call's entry in docs/design/isolation.md.
fn documented(call: &Call) -> String {
    let name = call.name.trim_start_matches("SYS_");
    let when = match call.when {
        When::Always => "",
        When::OnSocket => "descriptor 0",
        When::OnSocketOrStderr => "descriptor 0; 2, which is closed",
        When::Anonymous => "anonymous memory, without PROT_EXEC",
        When::NotExecutable => "without PROT_EXEC",
        When::Wake => "FUTEX_WAKE",
        When::Abort => "SIGABRT to this process",
    };
    format!("    {name:<16}{when}").trim_end().to_owned()
}

#[test]
fn the_documented_calls_are_those_of_the_filter() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/design/isolation.md");
    let text = std::fs::read_to_string(path).expect("the document");
    let (_, after) = text
        .split_once("seccomp leaves these calls")
        .expect("the list's head");
    let listed = after.lines().skip_while(|line| !line.starts_with("    "));
    let listed: Vec<_> = listed.take_while(|line| line.starts_with("    ")).collect();
    let expected: Vec<_> = CALLS.iter().map(documented).collect();
    assert_eq!(listed, expected, "in full:\n{}", expected.join("\n"));
}

/// Runs `work` in a fork of this process and returns how it ended.
#[allow(unsafe_code)]
fn forked(work: impl FnOnce() -> i32) -> ExitStatus {
    // SAFETY: `have_done` started this process for one test only (--exact): its only other thread waits for
    // this one and holds no lock that `work` takes.
    match unsafe { libc::fork() } {
        0 => {
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(99);
            // SAFETY: the fork exits here, without the test program's exit handlers.
            unsafe { libc::_exit(code) }
        }
        -1 => panic!("no fork: {}", io::Error::last_os_error()),
        child => {
            let mut status = 0;
            // SAFETY: the pointer is to an integer that outlives the call.
            let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(waited, child);
            ExitStatus::from_raw(status)
        }
    }
}

/// Runs `work` in a confined fork of this process.
fn confined(work: impl FnOnce() -> i32) -> ExitStatus {
    forked(|| {
        confine(DATA_MAX).expect("this machine confines");
        work()
    })
}

#[allow(unsafe_code)]
fn call(number: i64, [a, b, c, d, e, f]: Arguments) -> i64 {
    // SAFETY: calls that may change memory are made only in forks from `confined`, which then exit; the others
    // query a version and send a signal, and take no address.
    unsafe { libc::syscall(number, a, b, c, d, e, f) }
}

/// Makes one call in a confined process and returns how the process ended.
fn tried(number: i64, arguments: Arguments) -> ExitStatus {
    confined(|| {
        call(number, arguments);
        CAME_BACK
    })
}

fn is_refused(number: i64, arguments: Arguments) -> bool {
    tried(number, arguments).signal() == Some(libc::SIGSYS)
}

/// Calls that newer kernels exempt from every filter, since a probe must not kill the probed process:
/// `uretprobe` and `uprobe` on x86-64. They fail unless the kernel has placed a probe.
#[cfg(target_arch = "x86_64")]
const UNFILTERED: [i64; 2] = [335, 336];
#[cfg(not(target_arch = "x86_64"))]
const UNFILTERED: [i64; 0] = [];

fn numbers() {
    for number in UNFILTERED {
        let ended = confined(|| i32::from(call(number, ZEROS) >= 0));
        assert_ne!(ended.code(), Some(1), "call {number} did something");
    }
    let known =
        |number| UNFILTERED.contains(&number) || CALLS.iter().any(|call| call.number == number);
    for number in (0..NUMBERS).filter(|number| !known(*number)) {
        for arguments in [ZEROS, ONES] {
            assert!(is_refused(number, arguments), "call {number}");
        }
    }
    for number in [-1, NUMBERS + 400, i64::from(i32::MAX)] {
        assert!(is_refused(number, ZEROS), "call {number}");
    }
    for number in 0..NUMBERS {
        assert!(is_refused(number | X32, ZEROS), "call {number} of x32");
    }
}

fn with(places: &[(usize, u64)]) -> Arguments {
    let mut arguments = ZEROS;
    for (place, value) in places {
        arguments[*place] = *value;
    }
    arguments
}

/// Arguments that pass and arguments that do not, for a caller with the process id `own`.
fn samples(when: When, own: u64) -> (Vec<Arguments>, Vec<Arguments>) {
    let (exec, write) = (libc::PROT_EXEC as u64, libc::PROT_WRITE as u64);
    let (anonymous, private) = (libc::MAP_ANONYMOUS as u64, libc::MAP_PRIVATE as u64);
    let (wake, wait) = (libc::FUTEX_WAKE as u64, libc::FUTEX_WAIT as u64);
    let abort = libc::SIGABRT as u64;
    match when {
        When::Always => (vec![ZEROS, ONES], vec![]),
        When::OnSocket => (vec![ZEROS], vec![with(&[(0, 1)]), with(&[(0, 2)]), ONES]),
        When::OnSocketOrStderr => (vec![ZEROS, with(&[(0, 2)])], vec![with(&[(0, 1)]), ONES]),
        When::Anonymous => (
            vec![with(&[(1, 4096), (2, write), (3, anonymous | private)])],
            vec![
                with(&[(1, 4096), (2, exec), (3, anonymous | private)]),
                with(&[(1, 4096), (2, exec | write), (3, anonymous | private)]),
                with(&[(1, 4096), (2, write), (3, private)]),
                ONES,
            ],
        ),
        When::NotExecutable => (
            vec![ZEROS, with(&[(2, write)])],
            vec![with(&[(2, exec)]), with(&[(2, exec | write)]), ONES],
        ),
        When::Wake => (
            vec![with(&[(1, wake)]), with(&[(1, wake | 128)])],
            vec![ZEROS, with(&[(1, wait)]), with(&[(1, wait | 128)]), ONES],
        ),
        When::Abort => (
            // To a nonexistent thread of this process.
            vec![with(&[(0, own), (1, i32::MAX as u64), (2, abort)])],
            vec![
                with(&[(0, own), (1, own), (2, libc::SIGSTOP as u64)]),
                with(&[(0, 1), (1, 1), (2, abort)]),
                ZEROS,
                ONES,
            ],
        ),
    }
}

fn arguments() {
    for Call { number, name, when } in CALLS {
        let nothing = samples(*when, 0);
        for sample in 0..nothing.0.len() {
            let ended = confined(|| {
                call(*number, samples(*when, std::process::id().into()).0[sample]);
                CAME_BACK
            });
            assert_ne!(ended.signal(), Some(libc::SIGSYS), "{name} {sample}");
            // If these three pass, they do not return.
            if !["SYS_exit", "SYS_exit_group", "SYS_rt_sigreturn"].contains(name) {
                assert_eq!(ended.code(), Some(CAME_BACK), "{name} {sample}");
            }
        }
        for sample in 0..nothing.1.len() {
            let ended = confined(|| {
                call(*number, samples(*when, std::process::id().into()).1[sample]);
                CAME_BACK
            });
            assert_eq!(ended.signal(), Some(libc::SIGSYS), "{name} {sample}");
        }
    }
}

/// A process unrelated to the confined ones.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        let child = Command::new("sleep").arg("600").spawn();
        Self(child.expect("a process"))
    }

    fn number(&self) -> u64 {
        self.0.id().into()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let lives = self.0.try_wait().is_ok_and(|ended| ended.is_none());
        let _ = self.0.kill();
        let _ = self.0.wait();
        assert!(lives || std::thread::panicking(), "it was killed");
    }
}

fn signals() {
    let stranger = Stranger::new();
    let parent = u64::from(std::process::id());
    for target in [parent, stranger.number()] {
        for signal in [libc::SIGKILL, libc::SIGSTOP, libc::SIGABRT] {
            let signal = signal as u64;
            let one = with(&[(0, target), (1, signal)]);
            assert!(is_refused(libc::SYS_kill, one));
            assert!(is_refused(libc::SYS_tkill, one));
            let thread = with(&[(0, target), (1, target), (2, signal)]);
            assert!(is_refused(libc::SYS_tgkill, thread));
            assert!(is_refused(libc::SYS_rt_sigqueueinfo, one));
        }
        assert!(is_refused(libc::SYS_pidfd_open, with(&[(0, target)])));
    }
    assert!(is_refused(libc::SYS_kill, with(&[(0, u64::MAX), (1, 9)])));
    assert!(is_refused(libc::SYS_kill, with(&[(0, 0), (1, 9)])));
}

fn attempts() {
    let stranger = Stranger::new();
    let path = c"/etc/passwd".as_ptr() as u64;
    let at = libc::AT_FDCWD as u64;
    let trace = [libc::PTRACE_ATTACH, libc::PTRACE_SEIZE];
    for request in trace {
        let arguments = with(&[(0, u64::from(request)), (1, stranger.number())]);
        assert!(is_refused(libc::SYS_ptrace, arguments));
    }
    let of_stranger = with(&[(0, stranger.number())]);
    for (number, arguments) in [
        (libc::SYS_process_vm_readv, of_stranger),
        (libc::SYS_process_vm_writev, of_stranger),
        (libc::SYS_openat, with(&[(0, at), (1, path)])),
        (libc::SYS_openat2, with(&[(0, at), (1, path)])),
        (libc::SYS_execveat, with(&[(0, at), (1, path)])),
        (libc::SYS_execve, with(&[(0, path)])),
        (libc::SYS_socket, with(&[(0, 1), (1, 1)])),
        (libc::SYS_connect, with(&[(0, 0), (1, path), (2, 16)])),
        (libc::SYS_sendmsg, ZEROS),
        (libc::SYS_io_uring_setup, with(&[(0, 8)])),
        (libc::SYS_clone, with(&[(0, libc::SIGCHLD as u64)])),
        (libc::SYS_clone3, ZEROS),
        (
            libc::SYS_prctl,
            with(&[(0, libc::PR_SET_DUMPABLE as u64), (1, 1)]),
        ),
        (libc::SYS_prlimit64, ZEROS),
        (libc::SYS_memfd_create, with(&[(0, path)])),
        (libc::SYS_ftruncate, ZEROS),
    ] {
        assert!(is_refused(number, arguments), "call {number}");
    }
    let (page, exec) = (4096, libc::PROT_EXEC | libc::PROT_READ);
    let code = (call as *const () as usize as u64) & !(page - 1);
    let executable = with(&[(0, code), (1, page), (2, exec as u64)]);
    assert!(is_refused(libc::SYS_mprotect, executable));
    assert!(is_refused(libc::SYS_pkey_mprotect, executable));
}

/// Recurses until the stack overflows.
fn deeper(depth: u64) -> u64 {
    let held = std::hint::black_box([depth; 1024]);
    if depth == u64::MAX {
        return depth;
    }
    deeper(depth + 1).wrapping_add(held[(depth % 1024) as usize])
}

fn ends() {
    let computed = confined(|| {
        std::panic::set_hook(Box::new(|_| {}));
        let memory: Vec<Vec<u8>> = (1..200).map(|part| vec![part; 1 << 20]).collect();
        let sum: usize = memory
            .iter()
            .map(|part| usize::from(part[part.len() / 2]))
            .sum();
        let caught = std::panic::catch_unwind(|| panic!("on purpose"));
        let map: std::collections::HashMap<_, _> = (0..1000).map(|n| (n, n.to_string())).collect();
        // Standard error is closed; writing to it must not kill the process.
        eprintln!("nobody reads this");
        i32::from(sum == 19_900 && caught.is_err() && map.len() == 1000)
    });
    assert_eq!(computed.code(), Some(1));
    let aborted = confined(|| std::process::abort());
    assert_eq!(aborted.signal(), Some(libc::SIGABRT));
    let overflown = confined(|| i32::from(deeper(0) == 0));
    assert!(
        [libc::SIGABRT, libc::SIGSEGV]
            .map(Some)
            .contains(&overflown.signal()),
        "{overflown}"
    );
    let starved = confined(|| {
        let too_much = Vec::<u8>::with_capacity(std::hint::black_box(2 * DATA_MAX as usize));
        i32::from(too_much.is_empty())
    });
    assert_eq!(starved.signal(), Some(libc::SIGABRT));
}

#[allow(unsafe_code)]
fn is_open(descriptor: i32) -> bool {
    // SAFETY: the call takes integers and changes nothing.
    unsafe { libc::fcntl(descriptor, libc::F_GETFD) >= 0 }
}

fn descriptors() {
    let inherited = std::fs::File::open("/dev/null").expect("a descriptor");
    let number = inherited.as_raw_fd();
    let ended = forked(|| {
        if !(is_open(0) && is_open(1) && is_open(number)) {
            return 1;
        }
        let closed = close_from(1).is_ok() && (1..4096).all(|number| !is_open(number));
        i32::from(!(closed && is_open(0)))
    });
    assert_eq!(ended.code(), Some(0));
}

fn landlock() {
    // The kernel's landlock version; signals are restricted since version 6.
    let version = call(libc::SYS_landlock_create_ruleset, with(&[(2, 1)]));
    let stranger = Stranger::new();
    let ended = forked(|| {
        forbid_what_landlock_knows().expect("landlock, or none");
        let reached = call(libc::SYS_kill, with(&[(0, stranger.number())])) == 0;
        i32::from(reached)
    });
    assert_eq!(
        ended.code(),
        Some(i32::from(version < 6)),
        "landlock {version}"
    );
}
