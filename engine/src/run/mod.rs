//! Owns a run from checked configuration to exit code: starts the threads, watches them, ends them.
//! Never touches a row.

pub(crate) mod dataset;
mod live;
mod names;
mod planner;
mod prepare;
mod progress;
mod report;
mod signals;
mod start;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crossbeam::channel::Sender;

use crate::commit::Gate;
use crate::config::{Config, FetchConfig};
use crate::error::Error;
use crate::fetch::{Fetcher, FetcherParts, Names, Pauses};
use crate::http::Proxies;
use crate::input::Losses;
use crate::limits;
use crate::machine::Machine;
use crate::net::TlsContext;
use crate::outage::Outage;
use crate::place::Place;
use crate::shard::Tally;

pub use live::Live;
pub use prepare::{Prepared, prepare};
pub use progress::Observer;
pub use report::RunReport;
pub use signals::SignalUse;
pub(crate) use start::layout_of;
pub use start::run;

/// The process around a run.
pub struct Host {
    /// Takes the run's events; the run then shows nothing itself.
    pub observer: Option<Observer>,
    /// What the run does with the process's signals.
    pub signals: SignalUse,
}

/// What threads tell the main thread.
pub enum Event {
    /// A shard is durable.
    ShardCommitted(ShardReport),
    /// A shard was done here, and by another worker before: theirs stands.
    ShardElsewhere,
    /// A shard failed on this machine as often as it may; the run goes on without it.
    ShardGivenUp {
        /// Number of the shard.
        shard_id: u64,
        /// What went wrong the last time.
        error: Error,
    },
    /// The run cannot go on.
    Fatal(Error),
    /// The list could not be read further; what was read is still finished.
    InputBroken(Error),
    /// The planner has read what it will.
    ListEnded {
        /// What could not be kept as it came.
        losses: Losses,
        /// Shards handed out, where the list was read to its end.
        planned: Option<u64>,
    },
    /// A reactor ended.
    CoreEnded(Result<(), Error>),
}

/// A durable shard.
pub struct ShardReport {
    /// Number of the shard.
    pub shard_id: u64,
    /// From its opening to its end.
    pub seconds: f64,
    /// Its end, Unix seconds.
    pub end_time: f64,
    /// Its rows.
    pub tally: Tally,
}

/// How far a run is asked to stop.
const RUNNING: u8 = 0;
const DRAINING: u8 = 1;

/// What all threads of a run share.
pub struct Shared {
    /// The checked configuration.
    pub config: Config,
    /// The machine.
    pub machine: Machine,
    /// Where the dataset goes.
    pub place: Place,
    fetch: Arc<FetchConfig>,
    tls: TlsContext,
    proxies: Arc<Proxies>,
    pauses: Arc<Pauses>,
    events: Sender<Event>,
    stop: AtomicU8,
    commits: Gate,
}

impl Shared {
    /// The dataset's folder.
    pub fn folder(&self) -> &Path {
        self.place.folder()
    }

    /// Tells the main thread.
    pub fn send(&self, event: Event) {
        // The main thread outlives every sender or the process is ending.
        let _ = self.events.send(event);
    }

    /// Whether no further shard may be opened.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != RUNNING
    }

    /// Asks the cores to finish what is open and stop.
    fn drain(&self) {
        self.stop.store(DRAINING, Ordering::Relaxed);
    }

    /// Shards a core may have open.
    pub fn open_shards_max(&self) -> usize {
        let by_rows = limits::OPEN_ROWS_PER_CORE_MAX / self.config.input.rows_per_shard;
        by_rows.clamp(2, self.machine.open_shards_max)
    }

    /// A core's fetcher.
    pub fn fetcher(&self, core: usize, names: std::rc::Rc<Names>, outage: Arc<Outage>) -> Fetcher {
        Fetcher::new(FetcherParts {
            config: self.fetch.clone(),
            tls: self.tls.clone(),
            proxies: self.proxies.clone(),
            names,
            outage,
            pauses: self.pauses.clone(),
            idle_connections_max: self.machine.idle_connections_max,
            budget_bytes: self.machine.body_budget_bytes,
            seed: jitter_seed(core),
        })
    }
}

/// A seed that differs between processes and cores, so that retries of many boxes spread.
fn jitter_seed(core: usize) -> u64 {
    let process = u64::from(std::process::id());
    (process << 16 | core as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
