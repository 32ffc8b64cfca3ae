//! Owns the list of system calls that a decoding process may make, and the seccomp filter built from it.
//! docs/design/isolation.md has the same list; a test compares the two. Never applies the filter.

use std::io;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// An allowed system call; any other kills the process.
pub(super) struct Call {
    pub(super) number: i64,
    #[cfg(test)]
    pub(super) name: &'static str,
    pub(super) when: When,
}

/// The arguments with which a call is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Any arguments.
    Always,
    /// Only on descriptor 0, the socket.
    OnSocket,
    /// Only on descriptors 0 and 2. Descriptor 2 is closed, so the call fails: a library that writes to
    /// standard error is not killed.
    OnSocketOrStderr,
    /// Only anonymous mappings without PROT_EXEC.
    Anonymous,
    /// Only without PROT_EXEC.
    NotExecutable,
    /// Only FUTEX_WAKE, as issued when a lock is released or a `once` completes. There are no other threads to
    /// wake.
    Wake,
    /// Only SIGABRT to this process, as `abort` sends.
    Abort,
}

macro_rules! calls {
    ($($call:ident $when:ident,)*) => {
        &[$(Call {
            number: libc::$call,
            #[cfg(test)]
            name: stringify!($call),
            when: When::$when,
        },)*]
    };
}

/// The calls that a single-threaded process needs to compute: socket, memory, time, exit.
pub(super) const CALLS: &[Call] = calls![
    SYS_read OnSocket,
    SYS_write OnSocketOrStderr,
    SYS_mmap Anonymous,
    SYS_munmap Always,
    SYS_mremap Always,
    SYS_mprotect NotExecutable,
    SYS_madvise Always,
    SYS_brk Always,
    SYS_futex Wake,
    SYS_clock_gettime Always,
    SYS_getrandom Always,
    SYS_getpid Always,
    SYS_gettid Always,
    SYS_tgkill Abort,
    SYS_rt_sigaction Always,
    SYS_rt_sigprocmask Always,
    SYS_rt_sigreturn Always,
    SYS_sigaltstack Always,
    SYS_exit Always,
    SYS_exit_group Always,
];

/// Compiles the filter. It is valid only for this process, whose id is part of it.
pub(super) fn program() -> io::Result<BpfProgram> {
    let rules: Result<_, BackendError> = CALLS
        .iter()
        .map(|call| Ok((call.number, call.when.rules()?)))
        .collect();
    let architecture = std::env::consts::ARCH
        .try_into()
        .map_err(io::Error::other)?;
    let filter = SeccompFilter::new(
        rules.map_err(io::Error::other)?,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        architecture,
    );
    filter
        .and_then(BpfProgram::try_from)
        .map_err(io::Error::other)
}

impl When {
    /// The rules for a call: it passes if any of them matches, or if there are none.
    fn rules(self) -> Result<Vec<SeccompRule>, BackendError> {
        // The kernel reads these arguments as 32 bits, or their flags are among the lower 32.
        let is = |argument, operator, value| {
            SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
        };
        let equals = |argument, value| is(argument, SeccompCmpOp::Eq, value);
        let with_bits = |argument, bits, set| {
            is(
                argument,
                SeccompCmpOp::MaskedEq(bits),
                if set { bits } else { 0 },
            )
        };
        let not_executable = || with_bits(2, libc::PROT_EXEC as u64, false);
        let any_of = match self {
            Self::Always => vec![],
            Self::OnSocket => vec![vec![equals(0, 0)?]],
            Self::OnSocketOrStderr => vec![vec![equals(0, 0)?], vec![equals(0, 2)?]],
            Self::Anonymous => {
                let anonymous = with_bits(3, libc::MAP_ANONYMOUS as u64, true)?;
                vec![vec![not_executable()?, anonymous]]
            }
            Self::NotExecutable => vec![vec![not_executable()?]],
            Self::Wake => {
                let flags = (libc::FUTEX_PRIVATE_FLAG | libc::FUTEX_CLOCK_REALTIME) as u64;
                let operation = SeccompCmpOp::MaskedEq(u64::from(u32::MAX) & !flags);
                vec![vec![is(1, operation, libc::FUTEX_WAKE as u64)?]]
            }
            Self::Abort => {
                let own = u64::from(std::process::id());
                vec![vec![equals(0, own)?, equals(2, libc::SIGABRT as u64)?]]
            }
        };
        any_of.into_iter().map(SeccompRule::new).collect()
    }
}
