//! Owns monitoring a run's threads and cores: what each is doing and since when, and a message if one
//! has been doing the same thing for too long. Never ends anything: a slow disk or list may recover,
//! and other steps have their own limits.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Live;

/// A thread that does one thing for this long is reported: far longer than any image, write or sync
/// takes on a healthy machine.
const LONG: Duration = Duration::from_secs(30);
/// A core that finishes no row for this long is reported, in addition to the time that one URL may
/// take.
const NO_ROW: Duration = Duration::from_secs(60);

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Duty {
    /// Waiting for work.
    None,
    /// A reactor's turn, between two polls for events.
    Turn,
    /// Reading the list.
    List,
    /// Decoding, resizing and encoding an image.
    Image,
    /// Serializing a shard's metadata.
    Seal,
    /// Syncing and renaming a shard's files.
    Commit,
}

impl Duty {
    const ALL: [Self; 6] = [
        Self::None,
        Self::Turn,
        Self::List,
        Self::Image,
        Self::Seal,
        Self::Commit,
    ];
}

/// What a core is waiting for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wait {
    /// More rows of the list.
    #[default]
    List,
    /// Downloads in flight.
    Downloads,
    /// A network that is down.
    Network,
    /// Images in the compute threads.
    Compute,
    /// Writing serialized bytes.
    Disk,
    /// Committing written shards.
    Commit,
}

impl Wait {
    /// The wait with this number, which comes from `as u8`.
    pub(crate) fn of(number: u8) -> Self {
        const ALL: [Wait; 6] = [
            Wait::List,
            Wait::Downloads,
            Wait::Network,
            Wait::Compute,
            Wait::Disk,
            Wait::Commit,
        ];
        ALL.into_iter()
            .find(|wait| *wait as u8 == number)
            .unwrap_or_default()
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List => "rows of the list",
            Self::Downloads => "downloads",
            Self::Network => "a network that is down",
            Self::Compute => "the compute threads",
            Self::Disk => "the disk or the store, which does not take what is to be written",
            Self::Commit => "the disk or the store, which does not make durable what was written",
        })
    }
}

/// The entry of one thread, which writes it; the main thread reads it.
struct Entry {
    name: String,
    /// Milliseconds since the board's start, shifted left by 8, and the number of the duty.
    at: AtomicU64,
    /// Shard and row, if the duty has them.
    of: [AtomicU64; 2],
}

/// All threads of a run.
pub struct Board {
    started: Instant,
    entries: Mutex<Vec<Arc<Entry>>>,
}

/// A thread's handle to its entry.
#[derive(Clone)]
pub struct Post {
    started: Instant,
    entry: Arc<Entry>,
}

impl Board {
    /// A board without threads.
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            entries: Mutex::default(),
        }
    }

    /// Adds an entry for the thread of this name.
    pub fn post(&self, name: &str) -> Post {
        let entry = Arc::new(Entry {
            name: name.to_owned(),
            at: AtomicU64::new(0),
            of: Default::default(),
        });
        self.entries().push(entry.clone());
        Post {
            started: self.started,
            entry,
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Arc<Entry>>> {
        // The list is consistent after every statement.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post {
    /// Notes that the thread begins a duty; shard and row are 0 if unknown.
    pub fn begin(&self, duty: Duty, shard: u64, row: u64) {
        self.entry.of[0].store(shard, Ordering::Relaxed);
        self.entry.of[1].store(row, Ordering::Relaxed);
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX >> 8);
        self.entry
            .at
            .store(now << 8 | u64::from(duty as u8), Ordering::Release);
    }

    /// Notes that the thread waits for work.
    pub fn rest(&self) {
        self.begin(Duty::None, 0, 0);
    }
}

impl Entry {
    /// What the thread is doing, and since when.
    fn duty(&self, started: Instant) -> (Duty, Instant) {
        let at = self.at.load(Ordering::Acquire);
        let duty = Duty::ALL
            .into_iter()
            .find(|duty| u64::from(*duty as u8) == at & 0xFF)
            .unwrap_or(Duty::None);
        (duty, started + Duration::from_millis(at >> 8))
    }

    fn text(&self, duty: Duty, seconds: u64) -> String {
        let [shard, row] = [0, 1].map(|at| self.of[at].load(Ordering::Relaxed));
        let name = &self.name;
        match duty {
            Duty::None => format!("{name} has waited for {seconds} s"),
            Duty::Turn => format!("{name} has been in one turn for {seconds} s"),
            Duty::List => format!("{name} has read at the list for {seconds} s"),
            Duty::Image => {
                format!("{name} has worked on row {row} of shard {shard} for {seconds} s")
            }
            Duty::Seal => {
                format!("{name} has laid out the metadata of shard {shard} for {seconds} s")
            }
            Duty::Commit => {
                format!("{name} has waited for {seconds} s for the disk to take shard {shard}")
            }
        }
    }
}

/// How often one thing was reported.
#[derive(Clone, Copy)]
struct Reported {
    since: Instant,
    times: u32,
}

impl Reported {
    /// Whether a report is due: after `long`, and then whenever the time has doubled.
    fn is_due(&mut self, since: Instant, long: Duration, now: Instant) -> bool {
        if self.since != since {
            *self = Self { since, times: 0 };
        }
        let due = now.duration_since(since) >= long * 2u32.saturating_pow(self.times);
        self.times += u32::from(due);
        due
    }
}

/// Watches the board and the cores; polled by the main thread.
pub(crate) struct Watchdog {
    board: Arc<Board>,
    threads: Vec<Reported>,
    /// Per core: its finished rows, and when that number last changed.
    rows: Vec<(u64, Instant)>,
    cores: Vec<Reported>,
    no_row: Duration,
}

impl Watchdog {
    /// A watchdog for a run in which one URL may take `url_max`.
    pub(crate) fn new(board: Arc<Board>, cores: usize, url_max: Duration) -> Self {
        let since = board.started;
        let reported = Reported { since, times: 0 };
        Self {
            threads: Vec::new(),
            rows: vec![(0, since); cores],
            cores: vec![reported; cores],
            no_row: NO_ROW + url_max,
            board,
        }
    }

    /// The messages that are due now.
    pub(crate) fn look(&mut self, cores: &[Arc<Live>], now: Instant) -> Vec<String> {
        let mut notes = self.look_at_threads(now);
        for (core, live) in cores.iter().enumerate() {
            let ended = live.rows();
            let (before, since) = &mut self.rows[core];
            if ended != *before || live.is_over() {
                (*before, *since) = (ended, now);
            }
            let since = *since;
            if self.cores[core].is_due(since, self.no_row, now) {
                let seconds = now.duration_since(since).as_secs();
                let wait = live.waits_for();
                notes.push(format!(
                    "core-{core} has ended no row for {seconds} s: it waits for {wait}"
                ));
            }
        }
        notes
    }

    fn look_at_threads(&mut self, now: Instant) -> Vec<String> {
        let entries = self.board.entries();
        let reported = Reported {
            since: self.board.started,
            times: 0,
        };
        self.threads.resize(entries.len(), reported);
        let looked = entries.iter().zip(&mut self.threads);
        let notes = looked.filter_map(|(entry, reported)| {
            let (duty, since) = entry.duty(self.board.started);
            let due = reported.is_due(since, LONG, now) && duty != Duty::None;
            due.then(|| entry.text(duty, now.duration_since(since).as_secs()))
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_reported_after_half_a_minute_and_at_every_doubling() {
        let board = Arc::new(Board::new(Instant::now()));
        let post = board.post("compute-1");
        let mut dog = Watchdog::new(board.clone(), 0, Duration::ZERO);
        post.begin(Duty::Image, 12, 331);
        let (_, since) = post.entry.duty(board.started);
        let mut said = |seconds| dog.look(&[], since + Duration::from_secs(seconds));
        assert!(said(29).is_empty());
        let first = said(31);
        assert_eq!(
            first,
            ["compute-1 has worked on row 331 of shard 12 for 31 s"]
        );
        assert!(said(45).is_empty());
        assert_eq!(said(60).len(), 1);
        assert!(said(119).is_empty());
        post.rest();
        assert!(said(500).is_empty());
    }

    #[test]
    fn a_core_without_finished_rows_is_reported_with_its_wait() {
        let start = Instant::now();
        let live = Arc::new(Live::default());
        let cores = [live.clone()];
        let url_max = Duration::from_secs(10);
        let mut dog = Watchdog::new(Arc::new(Board::new(start)), 1, url_max);
        let mut at = |seconds| dog.look(&cores, start + Duration::from_secs(seconds));
        live.set_wait(Wait::Disk);
        assert!(at(69).is_empty());
        let said = at(70);
        assert_eq!(said.len(), 1);
        assert!(said[0].contains("core-0 has ended no row for 70 s: it waits for the disk"));
        live.succeeded();
        assert!(at(139).is_empty());
        assert!(at(200).is_empty());
        assert_eq!(at(209).len(), 1);
        live.set_over();
        assert!(at(10_000).is_empty());
    }

    #[test]
    fn waits_keep_their_numbers() {
        for wait in [Wait::List, Wait::Downloads, Wait::Compute, Wait::Commit] {
            assert_eq!(Wait::of(wait as u8), wait);
        }
    }
}
