//! Owns SIGINT, SIGTERM and SIGHUP during a run: after the first signal the run finishes its open shards, the
//! second ends it at once. If the process ignores SIGHUP, as under nohup, it stays ignored. The handlers only
//! count; the main thread polls the counts. SIGXFSZ, which kills by default, is caught and ignored, so that
//! exceeding the file size limit is an ordinary write error. Never calls a function that is not
//! async-signal-safe from a handler.
//!
//! The previous handlers are restored when the last run of the process ends: a host such as Python has its own
//! handlers and must react to SIGTERM again.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::{SIG_IGN, SIGHUP, SIGINT, SIGTERM, SIGXFSZ, c_int, sigaction};
use rustix::process::{Signal, getpid, kill_process};

const TAKEN: [c_int; 4] = [SIGINT, SIGTERM, SIGHUP, SIGXFSZ];

/// Requests to stop since the process started, by signal; counted by the handler.
static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);
static TERMINATIONS: AtomicUsize = AtomicUsize::new(0);
static HANGUPS: AtomicUsize = AtomicUsize::new(0);

/// Number of runs with handlers installed, and the actions that the handlers replaced.
struct Held {
    runs: usize,
    before: Vec<(c_int, sigaction)>,
}

static HELD: Mutex<Held> = Mutex::new(Held {
    runs: 0,
    before: Vec::new(),
});

fn held() -> MutexGuard<'static, Held> {
    // The state is consistent after every statement.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a run does with the process's signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalUse {
    /// The process belongs to the run: the signals end it.
    Own,
    /// The process belongs to a host: its handlers are restored after the run. A SIGINT that did not
    /// interrupt the run is delivered to them again, and a SIGTERM or SIGHUP always is.
    Borrow,
    /// The run does not handle signals, as in a host's thread other than its main thread.
    Leave,
}

/// The requests to stop this run.
pub(super) struct Signals {
    before: Counts,
    signal_use: SignalUse,
    unanswered: bool,
}

impl Signals {
    /// Installs the handlers, unless signals are left to the host.
    ///
    /// # Errors
    /// The kernel's error.
    pub(super) fn install(signal_use: SignalUse) -> io::Result<Self> {
        let before = counts();
        if signal_use != SignalUse::Leave {
            take_over()?;
        }
        Ok(Self {
            before,
            signal_use,
            unanswered: false,
        })
    }

    /// Notes that the run ended as if it had not been asked to stop: a SIGINT came too late.
    pub(super) fn leave_unanswered(&mut self) {
        self.unanswered = true;
    }

    /// Requests so far.
    pub(super) fn count(&self) -> usize {
        if self.signal_use == SignalUse::Leave {
            return 0;
        }
        let since = self.since();
        since.interrupts + since.terminations + since.hangups
    }

    /// Requests since the run began.
    fn since(&self) -> Counts {
        let now = counts();
        Counts {
            interrupts: now.interrupts - self.before.interrupts,
            terminations: now.terminations - self.before.terminations,
            hangups: now.hangups - self.before.hangups,
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if self.signal_use == SignalUse::Leave {
            return;
        }
        give_back();
        if self.signal_use != SignalUse::Borrow {
            return;
        }
        // Sending a valid signal to oneself cannot fail.
        let since = self.since();
        if since.terminations > 0 {
            let _ = kill_process(getpid(), Signal::TERM);
        }
        if since.hangups > 0 {
            let _ = kill_process(getpid(), Signal::HUP);
        }
        if self.unanswered && since.interrupts > 0 {
            let _ = kill_process(getpid(), Signal::INT);
        }
    }
}

/// Requests by signal.
struct Counts {
    interrupts: usize,
    terminations: usize,
    hangups: usize,
}

fn counts() -> Counts {
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    Counts {
        interrupts: count(&INTERRUPTS),
        terminations: count(&TERMINATIONS),
        hangups: count(&HANGUPS),
    }
}

/// Installs the handlers for the first run of the process.
fn take_over() -> io::Result<()> {
    let mut held = held();
    if held.runs == 0 {
        held.before.clear();
        for signal in TAKEN {
            let before = replace(signal, &counting())?;
            if signal == SIGHUP && before.sa_sigaction == SIG_IGN {
                replace(signal, &before)?;
                continue;
            }
            held.before.push((signal, before));
        }
    }
    held.runs += 1;
    Ok(())
}

/// Restores the previous actions when the last run ends.
fn give_back() {
    let mut held = held();
    held.runs = held.runs.saturating_sub(1);
    if held.runs == 0 {
        for (signal, before) in std::mem::take(&mut held.before) {
            // The kernel returned this action for this signal, so it accepts it.
            let _ = replace(signal, &before);
        }
    }
}

extern "C" fn count(signal: c_int) {
    // Atomic additions are async-signal-safe; nothing else happens here.
    match signal {
        SIGINT => INTERRUPTS.fetch_add(1, Ordering::Relaxed),
        SIGTERM => TERMINATIONS.fetch_add(1, Ordering::Relaxed),
        SIGHUP => HANGUPS.fetch_add(1, Ordering::Relaxed),
        _ => 0,
    };
}

#[allow(unsafe_code)]
fn counting() -> sigaction {
    // SAFETY: a sigaction consists of integers and pointers; all zeros is a valid one, without flags
    // and with an empty mask.
    let mut action: sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(c_int) = count;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART;
    action
}

/// Sets the action of a signal and returns the previous one.
#[allow(unsafe_code)]
fn replace(signal: c_int, action: &sigaction) -> io::Result<sigaction> {
    // SAFETY: a sigaction consists of integers and pointers, for which all zeros are valid; the call below
    // overwrites all of it.
    let mut before: sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers refer to valid values that outlive the call; the handler in `action` is
    // `count`, which is async-signal-safe, or one that the process had installed before.
    if unsafe { sigaction(signal, action, &raw mut before) } == 0 {
        Ok(before)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler_of(signal: c_int) -> usize {
        let now = replace(signal, &counting()).expect("an action");
        replace(signal, &now).expect("the same again");
        now.sa_sigaction
    }

    // A single test, because signal actions are per process, and tests may share one.
    #[test]
    fn what_was_there_comes_back_when_the_last_run_ends() {
        let before = handler_of(SIGXFSZ);
        let one = Signals::install(SignalUse::Own).expect("handlers");
        let other = Signals::install(SignalUse::Borrow).expect("handlers");
        assert_ne!(handler_of(SIGXFSZ), before);
        kill_process(getpid(), Signal::INT).expect("a signal to oneself");
        while one.count() == 0 {
            std::thread::yield_now();
        }
        assert_eq!((one.count(), other.count()), (1, 1));
        let late = Signals::install(SignalUse::Leave).expect("nothing to do");
        assert_eq!(late.count(), 0);
        drop((one, late));
        assert_ne!(handler_of(SIGXFSZ), before, "a run is left");
        drop(other);
        assert_eq!(handler_of(SIGXFSZ), before);
    }
}
