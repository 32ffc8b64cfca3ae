//! Owns claims: the right of one run at a time to publish a shard, and the proof of whose the files under a
//! shard's names are. Never touches a shard's files.
//!
//! A claim is an object that one run alone can create (`claims/SHARD.0.json`). It is created before anything of the shard
//! is there to see, and removed after the shard's mark is. So files under a shard's names that no
//! mark names are a run's if there is a claim, and somebody else's if there is none.
//!
//! The claim of a dead run stays and is superseded by one of the next **generation**; nothing is ever written
//! over a claim. Of two runs that take each other for dead, both yield: the taker looks once more at the other's note
//! after its own claim stands, and a run whose note had lapsed looks for the next generation after it renewed the note
//! ([`Claim::holds`]). Whoever looks second sees what the other did first.
//!
//! That something has the key proves nothing: an answer may have been lost. The claim is read back, and the
//! run's own word means that it is held.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;

use super::Run;
use super::notes::ClaimNote;
use crate::net::storage::{Kind, Objects, Put, StorageError};

/// How often a claim is looked at that another run has.
pub(super) const ELSEWHERE_TICK: Duration = Duration::from_millis(500);
/// How often a claim that conflicts with nothing is tried again.
const CONFLICT_WAIT: Duration = Duration::from_millis(50);

/// The right to publish.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// What is claimed: a shard's name.
    name: String,
    generation: u64,
    /// Whether there may be files of an earlier try or run under the shard's names.
    pub(super) inherits: bool,
    epoch: u64,
}

/// What asking for a claim gave.
#[derive(Debug)]
pub(super) enum Taken {
    /// The claim.
    Held(Claim),
    /// Another run that lives has it.
    Elsewhere,
}

impl Run {
    /// Asks for the claim on a shard's name.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn claim(&self, name: &str) -> Result<Taken, StorageError> {
        let objects = &self.place.objects;
        let mut generation = self.generation(name);
        let mut inherits = false;
        let mut predecessor: Option<String> = None;
        loop {
            let epoch = self.lease()?.refreshed().await?;
            let key = self.place.claim(name, generation);
            let note = ClaimNote::new(&self.word).to_bytes();
            match self.put_new(objects, &key, note.into()).await {
                Ok(()) => {}
                Err(error) if error.kind == Kind::Conflict => {
                    let Some((bytes, _)) = objects.get(&key).await? else {
                        // Gone between the two, or a conflict with a request that failed.
                        tokio::time::sleep(CONFLICT_WAIT).await;
                        continue;
                    };
                    let holder = ClaimNote::parse(&bytes).map(|note| note.run);
                    match holder {
                        // Taken before: by a request whose answer was lost, or by an earlier try.
                        Some(word) if *word == *self.word => {
                            inherits = true;
                            let next = self.place.claim(name, generation + 1);
                            if objects.head(&next).await?.is_some() {
                                // This run was taken for dead meanwhile.
                                generation += 1;
                                continue;
                            }
                        }
                        Some(word) => {
                            if self.is_live(&word).await? {
                                return Ok(Taken::Elsewhere);
                            }
                            self.found_claim(name, generation);
                            (generation, inherits) = (generation + 1, true);
                            predecessor = Some(word);
                            continue;
                        }
                        // A note of a later version, or something else: it stays.
                        None => {
                            (generation, inherits) = (generation + 1, true);
                            continue;
                        }
                    }
                }
                Err(error) => return Err(error),
            }
            let claim = Claim {
                name: name.to_owned(),
                generation,
                inherits,
                epoch,
            };
            if let Some(word) = &predecessor
                && self.is_live(word).await?
            {
                objects.delete(&key).await?;
                return Ok(Taken::Elsewhere);
            }
            self.claimed(&claim);
            return Ok(Taken::Held(claim));
        }
    }

    async fn is_live(&self, word: &str) -> Result<bool, StorageError> {
        let other = self.lease()?.other(word).await?;
        Ok(other.is_some_and(|other| other.is_live))
    }

    /// Waits until no other run has the claim, and takes it.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn claim_in_turn(&self, name: &str) -> Result<Claim, StorageError> {
        loop {
            match self.claim(name).await? {
                Taken::Held(claim) => return Ok(claim),
                Taken::Elsewhere => tokio::time::sleep(ELSEWHERE_TICK).await,
            }
        }
    }

    /// Creates an object, under the condition that nothing has the key where the store keeps conditions. A run
    /// that has the dataset alone can do without.
    ///
    /// # Errors
    /// The store's; `Conflict` if something has the key.
    pub(super) async fn put_new(
        &self,
        objects: &Objects,
        key: &str,
        content: Bytes,
    ) -> Result<(), StorageError> {
        if self.conditions.load(Ordering::Relaxed) {
            match objects.put(key, content.clone(), Put::Create).await {
                Err(error) if error.kind == Kind::Unsupported && !self.shared => {
                    self.conditions.store(false, Ordering::Relaxed);
                }
                created => return created,
            }
        }
        objects.put(key, content, Put::Replace).await
    }

    /// Removes a claim and those that it superseded, the oldest first.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn release(&self, claim: Claim) -> Result<(), StorageError> {
        let oldest = self.oldest_generation(&claim.name);
        for generation in oldest..=claim.generation {
            self.place
                .objects
                .delete(&self.place.claim(&claim.name, generation))
                .await?;
        }
        self.released(&claim.name);
        Ok(())
    }
}

impl Claim {
    /// What is claimed: a shard's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its generation.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the run may still begin a request under the claim: its note was renewed in time, or nobody took
    /// it for dead.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn holds(&mut self, run: &Run) -> Result<bool, StorageError> {
        let epoch = run.lease()?.refreshed().await?;
        if epoch != self.epoch {
            let next = run.place.claim(&self.name, self.generation + 1);
            if run.place.objects.head(&next).await?.is_some() {
                return Ok(false);
            }
            self.epoch = epoch;
        }
        Ok(true)
    }
}
