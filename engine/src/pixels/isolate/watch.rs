//! Owns the judgement of a process that has not answered: at work, over its time, or stuck. Time is counted
//! in looks, and the run looks only while it runs itself: a machine that was suspended, a run that was
//! stopped or starved, has not waited. Never ends a process.

use std::time::Duration;

/// Time between two looks at a process that has not answered.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Processor time of one image: a hundred times what the largest that passes its limits takes.
const CPU_MAX: Duration = Duration::from_secs(60);
/// Looks in a row at which a process is stopped (SIGSTOP): nobody stops one in order to go on with it, and
/// a run that somebody stops does not look.
const STOPPED_LOOKS: u32 = 3;
/// Looks in a row at which a process neither ran nor had taken any processor time since the one before.
/// One that is ready to run is not counted, however long it is starved of a processor.
const IDLE_LOOKS: u32 = 60;
/// Looks at one image at which a process did not run, whatever it took between them. Decoding waits for
/// nothing but pages.
const RESTING_LOOKS: u32 = 180;

/// What a process is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It runs, or is ready to.
    Runs,
    /// It waits for something.
    Rests,
    /// A signal or a tracer has stopped it.
    Stopped,
}

/// A process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    state: State,
    /// Processor time since it began.
    used: Duration,
}

impl Look {
    /// A look at the process of this number.
    ///
    /// # Errors
    /// The system's, where it does not tell.
    pub(super) fn at(process: u32) -> std::io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        let ticks = rustix::param::clock_ticks_per_second();
        Self::read(&stat, ticks).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
    }

    /// What a line of /proc/PID/stat tells, of so many ticks a second.
    fn read(stat: &str, ticks_per_second: u64) -> Option<Self> {
        // The second field is a name in brackets, which may hold anything.
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

/// What is to be done with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is waited for.
    AtWork,
    /// It took more processor time than an image may.
    OverTime,
    /// It will not answer.
    Stuck,
}

/// The looks at a process over one image.
#[derive(Debug, Default)]
pub(super) struct Watch {
    first: Option<Look>,
    last: Option<Look>,
    stopped: u32,
    idle: u32,
    resting: u32,
}

impl Watch {
    /// One more look; none where the system did not tell, which is taken for one at a process that rests.
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

    /// The number of the look at which it is not at work any more, of at most 100,000.
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
