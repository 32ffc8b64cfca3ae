//! Owns that a run is known to live: its note in the store, which it writes again and again, and what it may
//! conclude from the notes of others. Never claims a shard.
//!
//! A run is dead if its process is known to have ended, or if its note is older than [`LEASE`] by the store's
//! own clock. A run that could not renew its note for long must expect that others took it for dead: each such
//! gap begins a new **epoch**, and a claim of an earlier epoch counts only after another look at it (see
//! [`super::claim`]).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;
use futures_util::stream;
use rustix::time::{ClockId, clock_gettime};

use super::notes::RunNote;
use super::place::{Place, run_word};
use crate::net::storage::{Found, Put, StorageError};

/// Age at which a run's note shows that it is dead.
const LEASE: Duration = Duration::from_secs(180);
/// How often a note is renewed.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// How long after its renewal a note permits to begin a request. A request takes no longer than
/// [`crate::net::storage`]'s limit of a minute, so that it has ended before others may take the run for dead.
const VALID: Duration = Duration::from_secs(90);
/// Notes that are read at a time.
const READS: usize = 16;

/// A run that lives.
pub(super) struct Lease {
    place: Place,
    word: Arc<str>,
    note: Vec<u8>,
    state: Mutex<State>,
    over: AtomicBool,
}

#[derive(Clone, Copy)]
struct State {
    /// When the last renewal was begun, by this machine's clock, which runs in sleep too.
    renewed: Duration,
    epoch: u64,
    /// The store's clock minus this machine's, by the last renewal.
    server_minus_clock: i128,
}

/// A run of another word.
#[derive(Clone, Debug)]
pub(super) struct Other {
    /// Its word.
    pub(super) word: String,
    /// Whether the dataset is its alone.
    pub(super) alone: bool,
    /// Whether it may live.
    pub(super) is_live: bool,
    /// Seconds since its note was renewed.
    pub(super) age: Duration,
}

impl Lease {
    /// Makes a run known and keeps it so until [`Self::end`].
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn begin(
        place: Place,
        word: Arc<str>,
        alone: bool,
    ) -> Result<Arc<Self>, StorageError> {
        let lease = Arc::new(Self {
            note: RunNote::new(&word, alone).to_bytes(),
            place,
            word,
            state: Mutex::new(State {
                renewed: clock(),
                epoch: 0,
                server_minus_clock: 0,
            }),
            over: AtomicBool::new(false),
        });
        lease.renew().await?;
        tokio::spawn(keep(Arc::downgrade(&lease)));
        Ok(lease)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the note again.
    async fn renew(&self) -> Result<(), StorageError> {
        let begun = clock();
        let key = self.place.run(&self.word);
        let objects = &self.place.objects;
        objects.put(&key, self.note.clone(), Put::Replace).await?;
        let found = objects.head(&key).await?;
        let mut state = self.state();
        if begun.saturating_sub(state.renewed) > VALID {
            state.epoch += 1;
        }
        state.renewed = begun;
        if let Some(found) = found {
            // What was written lies between `begun` and now: the earlier clock makes others look younger.
            state.server_minus_clock = nanos(found.modified) - begun.as_nanos().cast_signed();
        }
        Ok(())
    }

    /// The epoch, if the run may begin a request that others must not see after it is taken for dead.
    pub(super) fn epoch(&self) -> Option<u64> {
        let state = *self.state();
        (clock().saturating_sub(state.renewed) < VALID).then_some(state.epoch)
    }

    /// Waits until the run's note is renewed, if it was not for long.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn refreshed(&self) -> Result<u64, StorageError> {
        loop {
            if let Some(epoch) = self.epoch() {
                return Ok(epoch);
            }
            self.renew().await?;
        }
    }

    /// The runs of other words.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn others(&self) -> Result<Vec<Other>, StorageError> {
        let listed = self.place.objects.list(&self.place.runs()).await?;
        let mut words = Vec::new();
        for entry in &listed.objects {
            let word = run_word(&entry.key).filter(|word| **word != *self.word);
            words.extend(word.map(str::to_owned));
        }
        let reads = stream::iter(words).map(|word| async move { self.other(&word).await });
        let mut others = Vec::new();
        let mut reads = reads.buffer_unordered(READS);
        while let Some(other) = reads.next().await {
            others.extend(other?);
        }
        Ok(others)
    }

    /// The run of this word; `None` if it has ended.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn other(&self, word: &str) -> Result<Option<Other>, StorageError> {
        let read = self.place.objects.get(&self.place.run(word)).await?;
        Ok(read.map(|(bytes, found)| self.judge(word, &bytes, &found)))
    }

    fn judge(&self, word: &str, bytes: &[u8], found: &Found) -> Other {
        let note = RunNote::parse(bytes);
        let ended = note.as_ref().is_some_and(|note| note.process.has_ended());
        let now = clock().as_nanos().cast_signed() + self.state().server_minus_clock;
        let age = u64::try_from(now - nanos(found.modified)).unwrap_or(0);
        let age = Duration::from_nanos(age);
        Other {
            word: word.to_owned(),
            alone: note.is_none_or(|note| note.alone),
            is_live: !ended && age < LEASE,
            age,
        }
    }

    /// Forgets a dead run.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn forget(&self, word: &str) -> Result<(), StorageError> {
        self.place.objects.delete(&self.place.run(word)).await
    }

    /// Ends: the note is removed.
    ///
    /// # Errors
    /// The store's; the run is then taken for dead after a while.
    pub(super) async fn end(&self) -> Result<(), StorageError> {
        self.over.store(true, Ordering::Relaxed);
        self.forget(&self.word).await
    }
}

/// Renews a note for as long as its run lives.
async fn keep(lease: Weak<Lease>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let Some(lease) = lease
            .upgrade()
            .filter(|lease| !lease.over.load(Ordering::Relaxed))
        else {
            return;
        };
        if let Err(error) = lease.renew().await {
            tracing::warn!(%error, "this run's note could not be renewed");
        }
        if lease.over.load(Ordering::Relaxed) {
            // It ended while the note was on its way.
            let _ = lease.forget(&lease.word).await;
        }
    }
}

/// This machine's clock, which nobody sets and which runs while the machine sleeps.
fn clock() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    Duration::new(
        now.tv_sec.cast_unsigned(),
        u32::try_from(now.tv_nsec).unwrap_or(0),
    )
}

fn nanos(time: SystemTime) -> i128 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_nanos().cast_signed(),
        Err(before) => -before.duration().as_nanos().cast_signed(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::remote::testing::{place, run};

    #[test]
    fn a_run_is_known_until_it_ends_and_dead_ones_are_told() {
        let place = place("memory://lease");
        run(async move {
            let one = Lease::begin(place.clone(), "one".into(), true)
                .await
                .expect("a lease");
            let two = Lease::begin(place.clone(), "two".into(), false)
                .await
                .expect("a lease");
            let others = one.others().await.expect("a list");
            assert_eq!(others.len(), 1);
            assert!(others[0].is_live && !others[0].alone && others[0].word == "two");
            // As if the note had been written long ago.
            two.state().server_minus_clock += LEASE.as_nanos().cast_signed();
            let seen = two.others().await.expect("a list");
            assert!(!seen[0].is_live && seen[0].alone);
            one.end().await.expect("an end");
            assert!(two.others().await.expect("a list").is_empty());
        });
    }

    #[test]
    fn a_gap_begins_a_new_epoch() {
        let place = place("memory://gap");
        run(async move {
            let lease = Lease::begin(place, "one".into(), true)
                .await
                .expect("a lease");
            assert_eq!(lease.epoch(), Some(0));
            lease.state().renewed -= VALID + Duration::from_secs(1);
            assert_eq!(lease.epoch(), None);
            assert_eq!(lease.refreshed().await.expect("a renewal"), 1);
            assert_eq!(lease.epoch(), Some(1));
        });
    }
}
