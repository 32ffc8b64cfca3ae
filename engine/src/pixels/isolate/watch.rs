//! Owns the judgement of a process that has not replied: working, over its time, or stuck. Time is counted in
//! samples, which the run takes only while it runs itself: time while the machine is suspended, or the run
//! stopped or starved, does not count. Never ends a process.

use std::time::Duration;

/// Time between two samples of a process that has not replied.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// CPU time of one image: a hundred times the need of the largest image within the limits.
const CPU_MAX: Duration = Duration::from_secs(60);
/// Consecutive samples in which a process is stopped (SIGSTOP): nobody stops only the process and means to
/// continue it, and a run that is stopped itself takes no samples.
const STOPPED_LOOKS: u32 = 3;
/// Consecutive samples in which a process neither runs nor has used CPU time since the one before. A process
/// that is ready to run does not count, however long it gets no CPU.
const IDLE_LOOKS: u32 = 60;
/// Samples during one image in which a process does not run, however much CPU time it used between them.
/// Decoding waits only for pages.
const RESTING_LOOKS: u32 = 180;

/// The scheduling state of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Running or ready to run.
    Runs,
    /// Waiting for something.
    Rests,
    /// Stopped by a signal or a tracer.
    Stopped,
}

/// A sample of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    state: State,
    /// CPU time since the process started.
    used: Duration,
}

impl Look {
    /// Samples the process with this id.
    ///
    /// # Errors
    /// The system's error if /proc cannot be read or parsed.
    pub(super) fn at(process: u32) -> std::io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let ticks = rustix::param::clock_ticks_per_second();
        Self::read(&stat, ticks).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    }

    /// Parses /proc/PID/stat, given the clock ticks per second.
    fn read(stat: &str, ticks_per_second: u64) -> Option<Self> {
        // The second field is a name in parentheses, which may contain anything.
        let mut fields = stat.rsplit(')').next()?.split_whitespace();
        let state = match fields.next()? {
            "R" => State::Runs,
            "T" | "t" => State::Stopped,
            _ => State::Rests,
        };
        let mut ticks = fields.skip(10).map(str::parse::<u64>);
        let used = ticks.next()?.ok()? + ticks.next()?.ok()?;
        let used = Duration::from_millis(used * 1000 / ticks_per_second.max(1));
        Some(Self { state, used })
    }
}

/// The judgement of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It makes progress: keep waiting.
    AtWork,
    /// It used more CPU time than one image may.
    OverTime,
    /// It will not reply.
    Stuck,
}

/// The samples of a process during one image.
#[derive(Debug, Default)]
pub(super) struct Watch {
    first: Option<Look>,
    last: Option<Look>,
    stopped: u32,
    idle: u32,
    resting: u32,
}

impl Watch {
    /// Judges one more sample. `None`, if the system gave none, counts as a resting process.
    pub(super) fn judge(&mut self, look: Option<Look>) -> Verdict {
        let before = self.last;
        if let Some(look) = look {
            self.last = Some(look);
            let first = *self.first.get_or_insert(look);
            if look.used.saturating_sub(first.used) > CPU_MAX {
                return Verdict::OverTime;
            }
        }
        let unchanged = self.last.map(|look| look.used) == before.map(|look| look.used);
        match look.map_or(State::Rests, |look| look.state) {
            State::Runs => self.stopped = 0,
            State::Rests => {
                self.stopped = 0;
                self.resting += 1;
                self.idle = if unchanged { self.idle + 1 } else { 1 };
            }
            State::Stopped => self.stopped += 1,
        }
        if self.stopped >= STOPPED_LOOKS || self.idle >= IDLE_LOOKS || self.resting >= RESTING_LOOKS
        {
            return Verdict::Stuck;
        }
        Verdict::AtWork
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(state: State, millis: u64) -> Option<Look> {
        let used = Duration::from_millis(millis);
        Some(Look { state, used })
    }

    /// The first of at most 100,000 samples at which the verdict is not `AtWork`.
    fn ends_at(look: impl Fn(u64) -> Option<Look>) -> Option<(u64, Verdict)> {
        let mut watch = Watch::default();
        let looks = (1..=100_000).map(|number| (number, watch.judge(look(number))));
        looks
            .into_iter()
            .find(|(_, verdict)| *verdict != Verdict::AtWork)
    }

    #[test]
    fn a_process_is_read_whatever_its_name() {
        let stat = "7 (a) R 1 (b)) T 1 2 3 4 5 6 7 8 9 10 250 50 0 0 30 10 1 0 3";
        let read = Look::read(stat, 100).expect("a look");
        assert_eq!(Some(read), look(State::Stopped, 3000));
        assert_eq!(Look::read("7 (a) R 1 2", 100), None);
        let own = Look::at(std::process::id()).expect("this process");
        assert_ne!(own.state, State::Stopped);
        assert!(Look::at(u32::MAX).is_err());
    }

    #[test]
    fn one_that_is_stopped_is_stuck_at_the_third_look_and_one_that_goes_on_is_not() {
        let stopped = ends_at(|_| look(State::Stopped, 10));
        assert_eq!(stopped, Some((3, Verdict::Stuck)));
        let now_and_then = |number| match number % 3 {
            0 => look(State::Runs, 10),
            _ => look(State::Stopped, 10),
        };
        assert_eq!(ends_at(now_and_then), None);
    }

    #[test]
    fn one_that_waits_and_takes_no_time_is_stuck() {
        let waits = ends_at(|_| look(State::Rests, 10));
        assert_eq!(waits, Some((60, Verdict::Stuck)));
        assert_eq!(ends_at(|_| None), waits);
    }

    #[test]
    fn one_that_takes_a_little_now_and_then_is_stuck_later() {
        let drips = ends_at(|number| look(State::Rests, number / 50 * 10));
        assert_eq!(drips, Some((180, Verdict::Stuck)));
    }

    #[test]
    fn one_that_is_starved_is_waited_for() {
        assert_eq!(ends_at(|_| look(State::Runs, 10)), None);
    }

    #[test]
    fn one_that_computes_has_a_minute_of_its_own() {
        let computes = ends_at(|number| look(State::Runs, 7_000_000 + number * 1000));
        assert_eq!(computes, Some((62, Verdict::OverTime)));
    }
}
