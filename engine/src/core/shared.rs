//! Owns what all threads of a run share. Never changes after the start, but for the request to stop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crossbeam::channel::Sender;

use crate::config::{Config, FetchConfig};
use crate::dataset::gate::Gate;
use crate::dataset::redact::Redactions;
use crate::dataset::store::Store;
use crate::fetch::{Fetcher, FetcherParts, Lookups, Pauses};
use crate::http::Proxies;
use crate::limits;
use crate::machine::Machine;
use crate::net::TlsContext;
use crate::net::outage::Outage;
use crate::watch::Event;

/// What all threads of a run share.
pub(crate) struct Shared {
    /// The checked configuration.
    pub config: Config,
    /// The machine.
    pub machine: Machine,
    /// Where the dataset is kept.
    pub store: Arc<dyn Store>,
    /// Keeps the end of a run from a commit that is under way.
    pub commits: Gate,
    fetch: Arc<FetchConfig>,
    tls: TlsContext,
    proxies: Arc<Proxies>,
    pauses: Arc<Pauses>,
    events: Sender<Event>,
    stopping: AtomicBool,
    /// Set when the dataset is open.
    redactions: OnceLock<Arc<Redactions>>,
}

impl Shared {
    /// The shared state of a run that begins; `events` reaches the main thread.
    pub(crate) fn new(
        config: Config,
        machine: Machine,
        store: Arc<dyn Store>,
        tls: TlsContext,
        proxies: Proxies,
        events: Sender<Event>,
    ) -> Self {
        Self {
            fetch: Arc::new(config.fetch.clone()),
            config,
            machine,
            store,
            commits: Gate::default(),
            tls,
            proxies: Arc::new(proxies),
            pauses: Arc::default(),
            events,
            stopping: AtomicBool::new(false),
            redactions: OnceLock::new(),
        }
    }

    /// Says what may not be in the dataset, once.
    pub(crate) fn keep_out(&self, redactions: Redactions) {
        let _ = self.redactions.set(Arc::new(redactions));
    }

    /// What may not be in the dataset.
    pub(crate) fn redactions(&self) -> &Arc<Redactions> {
        self.redactions.get_or_init(Arc::default)
    }

    /// Tells the main thread.
    pub(crate) fn send(&self, event: Event) {
        // The main thread outlives every sender or the process is ending.
        let _ = self.events.send(event);
    }

    /// Whether no further shard may be opened.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Asks the cores to finish what is open and stop.
    pub(crate) fn drain(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Shards a core may have open.
    pub(crate) fn open_shards_max(&self) -> usize {
        let by_rows = limits::OPEN_ROWS_PER_CORE_MAX / self.config.input.rows_per_shard;
        by_rows.clamp(2, self.machine.open_shards_max)
    }

    /// A core's fetcher.
    pub(crate) fn fetcher(
        &self,
        core: usize,
        names: std::rc::Rc<Lookups>,
        outage: Arc<Outage>,
    ) -> Fetcher {
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
