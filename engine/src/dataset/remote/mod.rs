//! Owns a dataset in a store that is reached over the network, as a [`Store`]. A store has no renames, no
//! locks and no folders; what it has is objects that appear whole, uploads in parts that are not there before they are
//! completed, and creation under the condition that nothing is there.
//!
//! The argument, in the order of a shard's life:
//!
//! 1. Parts of the shard's stream go out while it grows ([`draft`]). They are an upload that nobody sees.
//! 2. The run looks at the shard's names: what is there without a claim or a mark is somebody else's and ends the
//!    run. Then it claims the shard ([`claim`]). From here on, files under the shard's names are the run's.
//! 3. It looks again: what came meanwhile ends the run too, and what an earlier try left is removed, its mark
//!    first.
//! 4. It completes the upload and looks at its size, writes the metadata, and last the mark ([`publish`]).
//!    A mark never stands for something that is not there.
//! 5. It removes the claim.
//!
//! A run that dies leaves its note, claims and uploads. The next run finds the note out of date or its process
//! gone, aborts the uploads, and does the shards again under claims of the next generation.
//!
//! With `--staging` the stream of a shard grows on a disk ([`staged_draft`], in the run's folder [`staged`]); its parts
//! go out when it is sealed, before the claim.
//!
//! Loose files (`--output_format files`) are seen as soon as they are written: their shard is claimed
//! before the first of them is.

mod claim;
mod draft;
mod inspection;
mod lease;
mod notes;
mod opening;
mod place;
mod publish;
mod reader;
mod reading;
mod removal;
mod snapshot;
mod staged;
mod staged_draft;
#[cfg(test)]
mod staged_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::names::Shape;
use super::sealed::{Broken, Committed, SealedShard};
use super::staging::random_word;
use super::store::{Draft, Hold, Job, Opened, Publisher, Store, StoreReplies};
use super::version::{Change, VersionNumber};
use crate::config::{Config, StagingConfig};
use crate::error::{Error, Message};
use crate::net::storage::{Kind, Objects, PartUpload, StorageError};
use claim::Claim;
use draft::{LooseFiles, RemoteDraft};
use lease::Lease;
use place::Place;
use staged::StagedShards;
use staged_draft::StagedDraft;

pub(crate) use draft::Uploaded;
pub(super) use inspection::{Inspection, read_only};
pub use reader::{StoreReader, StoredFile};

/// What is claimed to change the record.
const RECORD_CLAIM: &str = "record";
/// Shards that are published at a time: each takes a few requests after each other.
const PUBLISHERS: usize = 8;

/// How long the end of a run waits for a store that may be away.
const SWEEP_MAX: Duration = Duration::from_secs(30);

/// A dataset in a store.
#[derive(Clone)]
pub(crate) struct RemoteStore(Arc<Run>, Option<StagingConfig>);

/// What the parts of a run know of their dataset.
struct Run {
    place: Place,
    /// The run's word.
    word: Arc<str>,
    /// Whether other workers may write to the dataset.
    shared: bool,
    /// How the run names its files; `None` for one that writes no shard.
    shape: Option<Shape>,
    /// Set when the dataset is open.
    lease: OnceLock<Arc<Lease>>,
    /// Where shards are staged; set when the dataset is open, if they are.
    staged: OnceLock<Arc<StagedShards>>,
    /// Whether the store keeps conditions on creation.
    conditions: AtomicBool,
    state: Mutex<State>,
    /// The run is over: nothing further is begun.
    closed: Arc<AtomicBool>,
    /// Requests that write and are under way.
    busy: AtomicUsize,
    idle: Notify,
}

#[derive(Default)]
struct State {
    /// Generations of claims that are known, by what they claim: the oldest and the newest.
    generations: HashMap<String, (u64, u64)>,
    /// Claims of this run.
    held: HashMap<String, Claim>,
    /// Uploads of this run that are not completed, by their names.
    uploads: HashMap<String, PartUpload>,
    /// Loose files of claimed shards, of every try.
    loose: HashMap<String, Vec<Arc<LooseFiles>>>,
    /// Shards whose mark is ours and goes before the shard is done again.
    marked: HashSet<u64>,
}

impl RemoteStore {
    /// The dataset of a run with this configuration at the place that `objects` was opened at.
    pub(crate) fn new(objects: Objects, shared: bool, config: &Config) -> Self {
        let run = Run::new(Place::new(objects), shared, Some(Shape::of(config)));
        Self(Arc::new(run), config.output.staging.clone())
    }
}

impl Run {
    fn new(place: Place, shared: bool, shape: Option<Shape>) -> Self {
        Self {
            place,
            word: random_word().into(),
            shared,
            shape,
            lease: OnceLock::new(),
            staged: OnceLock::new(),
            conditions: AtomicBool::new(true),
            state: Mutex::default(),
            closed: Arc::default(),
            busy: AtomicUsize::new(0),
            idle: Notify::new(),
        }
    }

    /// How the run names its files.
    ///
    /// # Errors
    /// `Other` for one that writes no shard.
    fn shape(&self) -> Result<Shape, StorageError> {
        self.shape
            .ok_or_else(|| self.cannot(Kind::Other, "write", ""))
    }

    /// An error about a name in the folder that no request gave.
    fn cannot(&self, kind: Kind, verb: &str, name: &str) -> StorageError {
        let key = self.place.key(name);
        self.place.objects.error(kind, verb, &key)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has shards staged from now on.
    fn stage(&self, config: &StagingConfig) -> Result<(), Error> {
        let staged = StagedShards::open(config, &self.word).map_err(|error| {
            let folder = config.folder.display();
            Error::output(
                Message::because(format!("cannot stage shards in {folder}"), error),
                "give --staging a folder on a local disk that this user may write to",
            )
        })?;
        let _ = self.staged.set(Arc::new(staged));
        Ok(())
    }

    /// Removes what is staged.
    fn unstage_all(&self) {
        if let Some(staged) = self.staged.get() {
            staged.remove();
        }
    }

    /// The run's lease.
    ///
    /// # Errors
    /// `Other` before the dataset is open.
    fn lease(&self) -> Result<&Arc<Lease>, StorageError> {
        let lease = self.lease.get();
        lease.ok_or_else(|| self.cannot(Kind::Other, "use", ""))
    }

    /// The store, which takes no further request once the run is over.
    fn writing(&self) -> Objects {
        let closed = self.closed.clone();
        self.place
            .objects
            .guarded(move || !closed.load(Ordering::Relaxed))
    }

    /// Whether the store keeps conditions on creation, as a trial finds.
    ///
    /// # Errors
    /// The store's.
    async fn keeps_conditions(&self) -> Result<bool, StorageError> {
        let name = format!("probe-{}", self.word);
        let key = |round| self.place.claim(&name, round);
        self.place.objects.keeps_conditions(key).await
    }

    /// The newest generation of claims that is known.
    fn generation(&self, name: &str) -> u64 {
        self.state()
            .generations
            .get(name)
            .map_or(0, |(_, newest)| *newest)
    }

    fn oldest_generation(&self, name: &str) -> u64 {
        self.state()
            .generations
            .get(name)
            .map_or(0, |(oldest, _)| *oldest)
    }

    /// Whether there is a claim, of this run or of one that was found.
    fn is_claimed(&self, name: &str) -> bool {
        self.state().generations.contains_key(name)
    }

    /// Takes note of a claim that was found.
    fn found_claim(&self, name: &str, generation: u64) {
        let mut state = self.state();
        let known = state.generations.entry(name.to_owned());
        let known = known.or_insert((generation, generation));
        *known = (known.0.min(generation), known.1.max(generation));
    }

    fn claimed(&self, claim: &Claim) {
        self.found_claim(claim.name(), claim.generation());
        self.state()
            .held
            .insert(claim.name().to_owned(), claim.clone());
    }

    fn released(&self, name: &str) {
        let mut state = self.state();
        state.generations.remove(name);
        state.held.remove(name);
        state.loose.remove(name);
    }

    fn is_marked(&self, shard_id: u64) -> bool {
        self.state().marked.contains(&shard_id)
    }

    /// Counts a request that writes until the result is dropped.
    fn working(self: &Arc<Self>) -> Working {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Working(self.clone())
    }

    /// Waits until no request that writes is under way, but no longer than `limit`. Returns whether that is so.
    async fn settled(&self, limit: Duration) -> bool {
        let settling = async {
            loop {
                let idle = self.idle.notified();
                if self.busy.load(Ordering::Relaxed) == 0 {
                    return;
                }
                idle.await;
            }
        };
        tokio::time::timeout(limit, settling).await.is_ok()
    }
}

/// A request that writes.
struct Working(Arc<Run>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.idle.notify_waiters();
    }
}

impl Store for RemoteStore {
    fn open(&self, job: &Job) -> Result<Opened, Error> {
        if let Some(config) = &self.1 {
            self.0.stage(config)?;
        }
        let found = opening::open(&self.0, job).inspect_err(|_| self.0.unstage_all())?;
        let publisher = || Box::new(RemotePublisher(self.0.clone())) as Box<dyn Publisher>;
        Ok(Opened {
            first_shard_id: found.first_shard_id,
            done: found.done,
            redactions: found.redactions,
            notes: found.notes,
            publishers: (0..PUBLISHERS).map(|_| publisher()).collect(),
            hold: Box::new(RemoteHold),
        })
    }

    fn draft(&self, attempt: u32, replies: &Rc<StoreReplies>) -> Box<dyn Draft> {
        let (run, replies) = (self.0.clone(), replies.clone());
        match self.0.staged.get() {
            Some(staged) => Box::new(StagedDraft::new(run, staged.clone(), attempt, replies)),
            None => Box::new(RemoteDraft::new(run, replies)),
        }
    }

    fn is_done(&self, shard_id: u64) -> bool {
        let run = self.0.clone();
        let done = self
            .0
            .place
            .objects
            .wait(|_| async move { run.is_done(shard_id).await });
        match done {
            Ok(done) => done,
            Err(error) => {
                // It is looked at again before it is published.
                tracing::warn!(%error, "a shard's mark could not be read");
                false
            }
        }
    }

    fn enter_version(&self) -> Result<Option<VersionNumber>, Error> {
        opening::enter_version(&self.0, Change::Run)
    }

    fn is_away(&self) -> bool {
        self.0.place.objects.is_away()
    }

    fn close(&self, limit: Duration) {
        self.0.closed.store(true, Ordering::Relaxed);
        if let Some(staged) = self.0.staged.get() {
            staged.close(limit);
        }
        let run = self.0.clone();
        self.0
            .place
            .objects
            .wait(|_| async move { run.settled(limit).await });
    }

    fn sweep(&self) {
        self.0.unstage_all();
        let run = self.0.clone();
        if run.lease.get().is_none() {
            return;
        }
        let sweep = async move { tokio::time::timeout(SWEEP_MAX, run.sweep()).await };
        let error = match self.0.place.objects.wait(|_| sweep) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the store does not answer".to_owned(),
        };
        tracing::warn!(
            error,
            "uploads or claims were left behind; the next run removes them"
        );
    }
}

/// Publishes on the store thread, and waits for it.
struct RemotePublisher(Arc<Run>);

impl Publisher for RemotePublisher {
    fn publish(&mut self, mut shard: SealedShard) -> Result<Committed, Broken> {
        self.0.unstage(&mut shard)?;
        let (run, name) = (self.0.clone(), shard.stats.0.clone());
        let published = self
            .0
            .place
            .objects
            .wait(|_| async move { run.publish(shard).await });
        published.map_err(|error| (self.0.place.shown(&name), error.into()))
    }
}

/// Nothing holds a store: claims do, shard by shard.
struct RemoteHold;

impl Hold for RemoteHold {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}
