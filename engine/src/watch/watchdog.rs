//! Owns the watch over a run's threads and cores: what each is at and since when, and what is said
//! where one has been at the same thing for too long. Never ends anything: a slow disk or list may yet
//! come back, and what may not take long has limits of its own.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Live;

/// At one thing for this long, a thread is spoken of: far more than any image, write or sync takes on
/// a machine that is well.
const LONG: Duration = Duration::from_secs(30);
/// The same for a core that ends no row, beyond the time one URL may take.
const NO_ROW: Duration = Duration::from_secs(60);

/// What a thread can be at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Duty {
    /// It waits for work.
    None,
    /// A reactor's turn, between two looks at its events.
    Turn,
    /// The list is read.
    List,
    /// An image is decoded, resized and encoded.
    Image,
    /// A shard's metadata is laid out.
    Seal,
    /// A shard's files are synced and renamed.
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

/// What a core waits for, where it ends no row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wait {
    /// Further rows of the list.
    #[default]
    List,
    /// Downloads that are in flight.
    Downloads,
    /// A network that is down.
    Network,
    /// Images in the compute threads.
    Compute,
    /// Bytes that are laid out to be written.
    Disk,
    /// Shards that are written to be committed.
    Commit,
}

impl Wait {
    /// The wait of this number; the numbers are those of `as u8`.
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
            Self::Disk => "the disk, which does not take what is to be written",
            Self::Commit => "the disk, which does not sync what was written",
        })
    }
}

/// A thread's own entry. Its thread writes, the main thread reads.
struct Entry {
    name: String,
    /// Milliseconds from the board's start, above the duty's number.
    at: AtomicU64,
    /// Shard and row, as far as the duty has them.
    of: [AtomicU64; 2],
}

/// All threads of a run.
pub struct Board {
    started: Instant,
    entries: Mutex<Vec<Arc<Entry>>>,
}

/// A thread's way to say what it is at.
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

    /// An entry for the thread of this name.
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
        // A list is whole between any two of its steps.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post {
    /// The thread begins something; shard and row where they are known, else 0.
    pub fn begin(&self, duty: Duty, shard: u64, row: u64) {
        self.entry.of[0].store(shard, Ordering::Relaxed);
        self.entry.of[1].store(row, Ordering::Relaxed);
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX >> 8);
        self.entry
            .at
            .store(now << 8 | u64::from(duty as u8), Ordering::Release);
    }

    /// The thread waits for work.
    pub fn rest(&self) {
        self.begin(Duty::None, 0, 0);
    }
}

impl Entry {
    /// What the thread is at, since when.
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

/// How often one thing was spoken of.
#[derive(Clone, Copy)]
struct Told {
    since: Instant,
    times: u32,
}

impl Told {
    /// Whether it is time to speak: after `long`, and then each time that the time has doubled.
    fn is_due(&mut self, since: Instant, long: Duration, now: Instant) -> bool {
        if self.since != since {
            *self = Self { since, times: 0 };
        }
        let due = now.duration_since(since) >= long * 2u32.saturating_pow(self.times);
        self.times += u32::from(due);
        due
    }
}

/// The main thread's look at the board and the cores.
pub(crate) struct Watchdog {
    board: Arc<Board>,
    threads: Vec<Told>,
    /// Per core: its rows, and when they were last fewer.
    rows: Vec<(u64, Instant)>,
    cores: Vec<Told>,
    no_row: Duration,
}

impl Watchdog {
    /// A watch over a run in which one URL may take `url_max`.
    pub(crate) fn new(board: Arc<Board>, cores: usize, url_max: Duration) -> Self {
        let since = board.started;
        let told = Told { since, times: 0 };
        Self {
            threads: Vec::new(),
            rows: vec![(0, since); cores],
            cores: vec![told; cores],
            no_row: NO_ROW + url_max,
            board,
        }
    }

    /// What has to be said now.
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
        let told = Told {
            since: self.board.started,
            times: 0,
        };
        self.threads.resize(entries.len(), told);
        let looked = entries.iter().zip(&mut self.threads);
        let notes = looked.filter_map(|(entry, told)| {
            let (duty, since) = entry.duty(self.board.started);
            let due = told.is_due(since, LONG, now) && duty != Duty::None;
            due.then(|| entry.text(duty, now.duration_since(since).as_secs()))
        });
        notes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_named_after_half_a_minute_and_at_every_doubling() {
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
    fn a_core_that_ends_no_row_says_what_it_waits_for() {
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
