//! Owns the removal of what runs made and did not publish, and of a dataset that is overwritten. Under a
//! claim, and never of anything that is not the dataset's own.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use turbo2ds_writers::{Part, shard_name};

use super::Run;
use super::claim::{Claim, Taken};
use super::snapshot::Snapshot;
use crate::dataset::names::{OWN_FOLDER, RECORD_NAME, Shape, shard_file, shard_number};
use crate::dataset::ownership::{Members, Standing};
use crate::dataset::record::Record;
use crate::net::storage::{Kind, StorageError};

/// Objects that are removed at a time.
const REMOVALS: usize = 32;
/// How long the end of a run waits for what is being written.
const SETTLE_MAX: Duration = Duration::from_secs(10);

impl Run {
    /// Removes objects of the folder by their names.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn remove_all(
        &self,
        names: impl IntoIterator<Item = String>,
    ) -> Result<(), StorageError> {
        let removals = stream::iter(names)
            .map(|name| async move { self.place.objects.delete(&self.place.key(&name)).await });
        removals.buffer_unordered(REMOVALS).try_collect().await
    }

    /// Removes a shard's files, the mark first. Its folder loses what is the shard's own and not in `kept`.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn remove_shard(
        &self,
        shard: &OwnShard,
        kept: &HashSet<String>,
    ) -> Result<(), StorageError> {
        let (shape, shard_id) = (shard.shape, shard.shard_id);
        self.remove_all([shape.name(shard_id, Part::Mark)]).await?;
        let mut names = Vec::new();
        for part in shape.parts() {
            let name = shape.name(shard_id, part);
            match &shard.members {
                _ if part != Part::Folder => names.push(name),
                Some(members) => names.extend(self.members_in(&name, members, kept).await?),
                None => {}
            }
        }
        self.remove_all(names).await
    }

    /// The files in a shard's folder that are the shard's own and not in `kept`.
    async fn members_in(
        &self,
        folder: &str,
        members: &Members,
        kept: &HashSet<String>,
    ) -> Result<Vec<String>, StorageError> {
        let inner = format!("{folder}/");
        let listed = self.place.objects.list(&self.place.key(folder)).await?;
        let names = listed
            .objects
            .iter()
            .filter_map(|entry| self.place.name_of(&entry.key));
        let stale = names.filter(|name| {
            name.strip_prefix(&inner)
                .is_some_and(|file| members.has_name(file) && !kept.contains(*name))
        });
        Ok(stale.map(str::to_owned).collect())
    }

    /// Aborts uploads below the folder that are of a dataset's names and not this run's own.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn abort_uploads(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<u64, StorageError> {
        let objects = &self.place.objects;
        let Some(found) = objects.unfinished_uploads(self.place.root()).await? else {
            return Ok(0);
        };
        let mut aborted = 0;
        for upload in found {
            let is_own = self.state().uploads.contains_key(&upload.id);
            if !is_own && self.place.name_of(&upload.key).is_some_and(&is_wanted) {
                objects.abort_upload(&upload.key, &upload.id).await?;
                aborted += 1;
            }
        }
        Ok(aborted)
    }

    /// Clears away what dead runs left in a dataset that is this run's alone: uploads, and files of shards that
    /// were claimed and have no mark. Their claims stay until the shards are done, so that a request of a dead
    /// run that arrives late is still known for what it is.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn clear(
        self: &Arc<Self>,
        standing: &ClearedStanding,
    ) -> Result<(), StorageError> {
        self.abort_uploads(|name| standing.is_ours(name)).await?;
        for shard in &standing.unmarked {
            self.remove_shard(shard, &HashSet::new()).await?;
        }
        for (name, generation) in &standing.finished {
            self.place
                .objects
                .delete(&self.place.claim(name, *generation))
                .await?;
        }
        Ok(())
    }

    /// Removes a dataset, shard by shard: under a claim, so that the files that are left if that is interrupted are still
    /// known as the dataset's own.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn remove_dataset(
        self: &Arc<Self>,
        shards: Vec<OwnShard>,
    ) -> Result<(), StorageError> {
        let removals = stream::iter(shards).map(|shard| async move {
            let name = shard_name(shard.shard_id, shard.shape.shard_digits);
            let Taken::Held(claim) = self.claim(&name).await? else {
                return Err(self.cannot(Kind::Conflict, "remove", &name));
            };
            self.remove_shard(&shard, &HashSet::new()).await?;
            self.release(claim).await
        });
        removals
            .buffer_unordered(REMOVALS)
            .try_collect::<()>()
            .await?;
        self.place
            .objects
            .delete(&self.place.key(RECORD_NAME))
            .await
    }

    /// Removes what this run began and did not publish, and ends its note.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn sweep(self: &Arc<Self>) -> Result<(), StorageError> {
        let is_settled = self.settled(SETTLE_MAX).await;
        let uploads: Vec<_> = self
            .state()
            .uploads
            .drain()
            .map(|(_, upload)| upload)
            .collect();
        for upload in uploads {
            self.place
                .objects
                .abort_upload(&upload.key, &upload.id)
                .await?;
        }
        if !self.shared && self.place.objects.has_lost_upload() {
            let shape = self.shape()?;
            self.abort_uploads(|name| shape.part_of(name).is_some())
                .await?;
        }
        let held: Vec<Claim> = self.state().held.values().cloned().collect();
        for claim in held {
            self.withdraw(claim, is_settled).await?;
        }
        self.lease()?.end().await
    }

    /// Loose files that this run wrote of a shard.
    fn loose(&self, name: &str) -> Vec<Arc<HashSet<String>>> {
        let state = self.state();
        let tries = state.loose.get(name).into_iter().flatten();
        tries.map(|files| files.names()).collect()
    }

    /// Gives up a claim on a shard that was not published. If something may still be on its way, the claim
    /// stays for the next run.
    async fn withdraw(&self, mut claim: Claim, is_settled: bool) -> Result<(), StorageError> {
        let Some(shard_id) = shard_number(claim.name()) else {
            return self.release(claim).await;
        };
        if !is_settled || !claim.holds(self).await? {
            return Ok(());
        }
        if !self.is_done(shard_id).await? {
            let shape = self.shape()?;
            self.remove_all([shape.name(shard_id, Part::Mark)]).await?;
            let mut parts = shape.parts();
            parts.retain(|part| !part.is_folder());
            let whole = parts.iter().map(|part| shape.name(shard_id, *part));
            let loose = self.loose(claim.name());
            let loose = loose.iter().flat_map(|names| names.iter().cloned());
            self.remove_all(whole.chain(loose).collect::<Vec<_>>())
                .await?;
            // What an earlier run left in the folder is known as ours by the claim alone.
            if claim.inherits && shape.parts().contains(&Part::Folder) {
                return Ok(());
            }
        }
        self.release(claim).await
    }
}

/// What is to be cleared away, decided from one look.
pub(super) struct ClearedStanding {
    /// Shards that were claimed and have no mark.
    unmarked: Vec<OwnShard>,
    /// Claims on shards that have a mark.
    finished: Vec<(String, u64)>,
    /// Whose shards are whose.
    record: Record,
}

impl ClearedStanding {
    /// Decides what dead runs left.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn of(snapshot: &Snapshot, standing: &Standing) -> std::io::Result<Self> {
        let numbers: HashSet<u64> = standing.numbers().collect();
        let mut unmarked = Vec::new();
        let claimed: HashSet<u64> = snapshot.claimed().collect();
        for shard_id in claimed.difference(&numbers) {
            unmarked.extend(OwnShard::of(standing, *shard_id)?);
        }
        let finished = snapshot.claims.iter().filter(|(name, _)| {
            // A claim on anything but a shard is on what takes a moment.
            shard_number(name).is_none_or(|shard_id| numbers.contains(&shard_id))
        });
        Ok(Self {
            unmarked,
            finished: finished.cloned().collect(),
            record: standing.record.clone(),
        })
    }

    fn is_ours(&self, name: &str) -> bool {
        let name = name.split_once('/').map_or(name, |(folder, _)| folder);
        if matches!(name, RECORD_NAME | OWN_FOLDER) {
            return true;
        }
        let number = shard_file(name).and_then(|(stem, _)| shard_number(stem));
        let shape = number.and_then(|shard_id| self.record.shape_of(shard_id));
        shape.is_some_and(|shape| shape.part_of(name).is_some())
    }
}

/// A shard whose files are the dataset's own.
pub(super) struct OwnShard {
    pub(super) shard_id: u64,
    pub(super) shape: Shape,
    /// Its loose files; `None` if its folder, if it has one, stays as it is.
    pub(super) members: Option<Members>,
}

impl OwnShard {
    /// A shard of this number, if a run of ours has it.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn of(standing: &Standing, shard_id: u64) -> std::io::Result<Option<Self>> {
        let Some(shape) = standing.shape_of(shard_id) else {
            return Ok(None);
        };
        let has_folder = shape.parts().contains(&Part::Folder);
        let members = has_folder.then(|| standing.members(shard_id, shape));
        Ok(Some(Self {
            shard_id,
            shape,
            members: members.transpose()?,
        }))
    }
}
