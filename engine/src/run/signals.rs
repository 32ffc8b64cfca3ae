//! Owns SIGINT, SIGTERM and SIGHUP while a run goes on: the first asks for a drain, the second ends it at
//! once. A SIGHUP that the process ignores, as under nohup, stays ignored.
//! The handlers only count; the main thread looks. SIGXFSZ, whose default is to kill, is taken and
//! forgotten: a file past the limit is then the write's own error, with a message.
//!
//! What was there before comes back when the last run of the process ends: a host such as Python has
//! handlers of its own, and must not stay deaf to SIGTERM.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use libc::{SIG_IGN, SIGHUP, SIGINT, SIGTERM, SIGXFSZ, c_int, sigaction};
use rustix::process::{Signal, getpid, kill_process};

const TAKEN: [c_int; 4] = [SIGINT, SIGTERM, SIGHUP, SIGXFSZ];

/// Requests to stop since the process began, by signal; the handler adds.
static INTERRUPTS: AtomicUsize = AtomicUsize::new(0);
static TERMINATIONS: AtomicUsize = AtomicUsize::new(0);
static HANGUPS: AtomicUsize = AtomicUsize::new(0);

/// Who holds the handlers, and what they took the place of.
struct Held {
    runs: usize,
    before: Vec<(c_int, sigaction)>,
}

static HELD: Mutex<Held> = Mutex::new(Held {
    runs: 0,
    before: Vec::new(),
});

fn held() -> MutexGuard<'static, Held> {
    // Counts and saved actions are whole between any two steps.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a run does with the process's signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalUse {
    /// The process is the run's: the signals end it.
    Own,
    /// The process is a host's: its handlers come back after the run, and what the run took and did not
    /// answer with `Interrupted` is delivered to them again; a SIGTERM or SIGHUP always.
    Borrow,
    /// The signals are not the run's business, as in a host's thread that is not its first.
    Leave,
}

/// How often the user asked this run to stop.
pub(super) struct Signals {
    before: Counts,
    signal_use: SignalUse,
    unanswered: bool,
}

impl Signals {
    /// Installs the handlers where they are wanted.
    ///
    /// # Errors
    /// What the kernel answered.
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

    /// The run ended as if it had not been asked to stop: a SIGINT came too late for it.
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

    /// What came since the run began.
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
        // To oneself this fails for no signal that exists.
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

/// Puts the handlers in place for the first of the process's runs.
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

/// Puts back what was there once the last run ends.
fn give_back() {
    let mut held = held();
    held.runs = held.runs.saturating_sub(1);
    if held.runs == 0 {
        for (signal, before) in std::mem::take(&mut held.before) {
            // The kernel gave this action for this signal, so that it takes it.
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
    // SAFETY: a sigaction is integers and pointers that the kernel reads; all zeros is one without
    // flags, with an empty mask.
    let mut action: sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(c_int) = count;
    action.sa_sigaction = handler as usize;
    action.sa_flags = libc::SA_RESTART;
    action
}

/// Sets a signal's action and gives the one before.
#[allow(unsafe_code)]
fn replace(signal: c_int, action: &sigaction) -> io::Result<sigaction> {
    // SAFETY: integers and pointers, for which zeros are values; the call below writes the whole of it.
    let mut before: sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers come from references to whole values of this type. `action` is `counting`'s, whose
    // handler adds to an atomic and is async-signal-safe, or what an earlier call here gave back: the
    // process's own, which the kernel had accepted.
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

    // One test: the actions are the process's, and tests may share one.
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
