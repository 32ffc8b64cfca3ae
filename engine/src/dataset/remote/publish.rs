//! Owns the steps by which a shard becomes part of a dataset in a store, in the order that the parent module
//! argues for. Never decides whether a shard is to be done.

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;
use object_store::multipart::PartId;
use turbo2ds_writers::{Part, ShardStats, shard_name};

use super::Run;
use super::claim::{Claim, ELSEWHERE_TICK, Taken};
use super::draft::{Loose, StreamParts, Uploaded, content_of};
use super::place::claim_parts;
use super::removal::OwnShard;
use crate::dataset::ownership::{Keys, Members};
use crate::dataset::sealed::{Committed, SealedShard, Written};
use crate::net::storage::{Kind, Objects, StorageError};

/// A stream whose parts are all uploaded.
enum Stream {
    /// It fits in one part and is written whole.
    Whole(String, Vec<Bytes>),
    /// Its parts, whose upload is to be completed.
    Parts(StreamParts, Vec<PartId>),
}

impl Run {
    /// Publishes a shard.
    ///
    /// # Errors
    /// The store's; `Conflict` if something that is not ours has one of the shard's names, `Superseded` if
    /// another run has taken the shard over.
    pub(super) async fn publish(
        self: &Arc<Self>,
        mut shard: SealedShard,
    ) -> Result<Committed, StorageError> {
        let _working = self.working();
        let Written::Objects(written) =
            std::mem::replace(&mut shard.written, Written::Files(Vec::new()))
        else {
            return Err(self.cannot(Kind::Other, "publish", &shard.stats.0));
        };
        let Uploaded {
            stream,
            staged: _,
            whole,
            loose,
        } = written;
        let stream = match stream {
            Some(stream) => Some(self.uploaded(stream, shard.stream_bytes).await?),
            None => None,
        };
        let name = shard_name(shard.shard_id, self.shape()?.shard_digits);
        let (claim, files) = match loose {
            Some(Loose::Claimed(claim, files)) => (Some(claim), Some(files.settled().await?)),
            Some(Loose::Elsewhere) => return self.after_other(&name, &shard).await,
            None => {
                self.check_names(&name, shard.shard_id).await?;
                (self.wait_for_claim(&name, shard.shard_id).await?, None)
            }
        };
        let Some(mut claim) = claim else {
            return self.drop_written(stream).await;
        };
        if self.is_done_elsewhere(&shard).await? {
            self.release(claim).await?;
            return self.drop_written(stream).await;
        }
        self.make_room(&mut claim, &shard, files.as_deref()).await?;
        self.write(&mut claim, &shard, stream, whole).await?;
        self.state().marked.insert(shard.shard_id);
        self.release(claim).await?;
        Ok(Committed::Here)
    }

    /// Waits for a stream's parts and uploads what is behind them.
    async fn uploaded(&self, mut stream: StreamParts, bytes: u64) -> Result<Stream, StorageError> {
        let tail = content_of(
            std::mem::take(&mut stream.tail),
            bytes.saturating_sub(stream.sent),
        );
        if stream.parts.is_empty() {
            return Ok(Stream::Whole(stream.name, tail));
        }
        let mut ids = Vec::with_capacity(stream.parts.len() + 1);
        for part in std::mem::take(&mut stream.parts) {
            let ended = part.await;
            let lost = |_| self.cannot(Kind::NoUpload, "upload", &stream.name);
            ids.push(ended.map_err(lost)??);
        }
        if let Some(upload) = stream.upload.get().filter(|_| !tail.is_empty()) {
            ids.push(self.writing().put_part(upload, ids.len(), tail).await?);
        }
        Ok(Stream::Parts(stream, ids))
    }

    /// The claim on a shard's name; `None` once another run has published it.
    async fn wait_for_claim(
        &self,
        name: &str,
        shard_id: u64,
    ) -> Result<Option<Claim>, StorageError> {
        loop {
            match self.claim(name).await? {
                Taken::Held(claim) => return Ok(Some(claim)),
                Taken::Elsewhere if self.is_done(shard_id).await? => return Ok(None),
                Taken::Elsewhere => tokio::time::sleep(ELSEWHERE_TICK).await,
            }
            if !self.writing().is_permitted() {
                return Err(self.cannot(Kind::Lapsed, "publish", name));
            }
        }
    }

    /// Waits for the run that had the shard when this one came: if it dies, the shard is done again here.
    async fn after_other(
        &self,
        name: &str,
        shard: &SealedShard,
    ) -> Result<Committed, StorageError> {
        match self.wait_for_claim(name, shard.shard_id).await? {
            None => Ok(Committed::Elsewhere),
            Some(claim) if self.is_done_elsewhere(shard).await? => {
                self.release(claim).await?;
                Ok(Committed::Elsewhere)
            }
            // The next try finds the claim.
            Some(_) => Err(self.cannot(Kind::Superseded, "publish", name)),
        }
    }

    /// Whether a shard has a mark that reads back and all its files.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn is_done(&self, shard_id: u64) -> Result<bool, StorageError> {
        let shape = self.shape()?;
        let name = |part: Part| shape.name(shard_id, part);
        let mark = self
            .place
            .objects
            .get(&self.place.key(&name(Part::Mark)))
            .await?;
        let Some(stats) = mark.and_then(|(bytes, _)| ShardStats::from_json(&bytes)) else {
            return Ok(false);
        };
        let files = shape.format.files().iter();
        let made = files.filter(|file| file.is_made(stats.successes > 0));
        let looks = made.map(|file| self.is_there(file.part, name(file.part)));
        Ok(try_join_all(looks).await?.into_iter().all(|there| there))
    }

    async fn is_there(&self, part: Part, name: String) -> Result<bool, StorageError> {
        let key = self.place.key(&name);
        if part.is_folder() {
            let listed = self.place.objects.list(&key).await?;
            return Ok(!listed.objects.is_empty());
        }
        Ok(self.place.objects.head(&key).await?.is_some())
    }

    /// Whether another run has published the shard: it is done, and not to be done again.
    async fn is_done_elsewhere(&self, shard: &SealedShard) -> Result<bool, StorageError> {
        if self.is_marked(shard.shard_id) {
            return Ok(false);
        }
        self.is_done(shard.shard_id).await
    }

    /// The first of the shard's names that something has, without its folder.
    async fn taken(&self, shard_id: u64) -> Result<Option<String>, StorageError> {
        let shape = self.shape()?;
        let mut parts = shape.parts();
        parts.retain(|part| !part.is_folder());
        parts.push(Part::Mark);
        let looks = parts.iter().map(|part| async {
            let name = shape.name(shard_id, *part);
            let found = self.place.objects.head(&self.place.key(&name)).await?;
            Ok::<_, StorageError>(found.map(|_| name))
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().next())
    }

    /// Refuses a shard one of whose names is somebody else's, before it is claimed: from the claim on, what has its
    /// names counts as a run's.
    ///
    /// # Errors
    /// The store's; `Conflict` if something that is not ours has one of the names.
    pub(super) async fn check_names(&self, name: &str, shard_id: u64) -> Result<(), StorageError> {
        if self.is_marked(shard_id)
            || self.is_claimed(name)
            || self.taken(shard_id).await?.is_none()
        {
            return Ok(());
        }
        // Another worker may be publishing the shard. Its claim goes after its mark has come, or its files have gone.
        let claims = self.place.objects.list(&self.place.claims()).await?.objects;
        let mut claims = claims.iter().filter_map(|entry| claim_parts(&entry.key));
        if claims.any(|(claimed, _)| claimed == name) || self.is_done(shard_id).await? {
            return Ok(());
        }
        match self.taken(shard_id).await? {
            Some(taken) => Err(self.cannot(Kind::Conflict, "write", &taken)),
            None => Ok(()),
        }
    }

    /// Removes what is ours under the shard's names; whatever else has one of them is not ours.
    async fn make_room(
        &self,
        claim: &mut Claim,
        shard: &SealedShard,
        files: Option<&HashSet<String>>,
    ) -> Result<(), StorageError> {
        let shape = self.shape()?;
        let taken = self.taken(shard.shard_id).await?;
        let is_ours = claim.inherits || self.is_marked(shard.shard_id);
        match taken {
            Some(name) if !is_ours => {
                self.release(claim.clone()).await?;
                Err(self.cannot(Kind::Conflict, "write", &name))
            }
            taken if is_ours && (taken.is_some() || files.is_some() || claim.inherits) => {
                self.fence(claim, shard).await?;
                let keys = Keys::of_rows(shard.keys.as_ref());
                let members = || Members::new(shape, shard.shard_id, shard.rows, keys);
                let own = OwnShard {
                    shard_id: shard.shard_id,
                    shape,
                    members: files.map(|_| members()),
                };
                let nothing = HashSet::new();
                self.remove_shard(&own, files.unwrap_or(&nothing)).await?;
                self.state().marked.remove(&shard.shard_id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Aborts the uploads of runs that had the claim before, so that none of them is completed any more.
    async fn fence(&self, claim: &mut Claim, shard: &SealedShard) -> Result<(), StorageError> {
        if !claim.holds(self).await? {
            return Err(self.superseded(claim));
        }
        let shape = self.shape()?;
        let is_shards = |name: &str| {
            shape
                .part_of(name)
                .is_some_and(|(shard_id, _)| shard_id == shard.shard_id)
        };
        self.abort_uploads(is_shards).await.map(drop)
    }

    /// Writes the stream, the whole files and the mark, in this order.
    async fn write(
        &self,
        claim: &mut Claim,
        shard: &SealedShard,
        stream: Option<Stream>,
        whole: Vec<(String, Vec<u8>)>,
    ) -> Result<(), StorageError> {
        match stream {
            Some(Stream::Whole(name, content)) => {
                self.write_whole(claim, &name, content.concat()).await?;
            }
            Some(Stream::Parts(stream, ids)) => {
                let Some(upload) = stream.upload.get() else {
                    return Err(self.cannot(Kind::NoUpload, "complete", &stream.name));
                };
                let (ids, bytes) = (&ids, shard.stream_bytes);
                let complete = |objects: Objects| async move {
                    objects.complete_upload(upload, ids, bytes).await
                };
                self.under(claim, complete).await?;
                self.state().uploads.remove(&upload.id);
            }
            None => {}
        }
        for (name, content) in whole {
            self.write_whole(claim, &name, content).await?;
        }
        let (name, content) = &shard.stats;
        self.write_whole(claim, name, content.clone()).await
    }

    /// Writes a file that is new, while the claim holds.
    async fn write_whole(
        &self,
        claim: &mut Claim,
        name: &str,
        content: Vec<u8>,
    ) -> Result<(), StorageError> {
        let (key, content) = (self.place.key(name), Bytes::from(content));
        let put = |objects: Objects| {
            let (key, content) = (&key, content.clone());
            async move { self.put_same(&objects, key, content).await }
        };
        self.under(claim, put).await
    }

    /// Takes a step that others see, while the claim holds. A step that was not begun in time is begun again.
    async fn under<T, F: Future<Output = Result<T, StorageError>>>(
        &self,
        claim: &mut Claim,
        step: impl Fn(Objects) -> F,
    ) -> Result<T, StorageError> {
        loop {
            if !claim.holds(self).await? {
                return Err(self.superseded(claim));
            }
            let lease = self.lease()?.clone();
            let objects = self.place.objects.guarded(move || lease.epoch().is_some());
            match step(objects).await {
                Err(error) if error.kind == Kind::Lapsed => {}
                result => return result,
            }
        }
    }

    fn superseded(&self, claim: &Claim) -> StorageError {
        self.cannot(Kind::Superseded, "publish", claim.name())
    }

    /// Writes a file that is new. That something has the name proves nothing: if it has this content, the
    /// answer was lost.
    ///
    /// # Errors
    /// The store's; `Conflict` if something else has the name.
    pub(super) async fn put_same(
        &self,
        objects: &Objects,
        key: &str,
        content: Bytes,
    ) -> Result<(), StorageError> {
        match self.put_new(objects, key, content.clone()).await {
            Err(error) if error.kind == Kind::Conflict => match objects.get(key).await? {
                Some((there, _)) if there == content => Ok(()),
                _ => Err(error),
            },
            result => result,
        }
    }

    /// Drops the files of a shard that another run has published.
    async fn drop_written(&self, stream: Option<Stream>) -> Result<Committed, StorageError> {
        if let Some(Stream::Parts(stream, _)) = stream {
            self.abort(stream).await;
        }
        Ok(Committed::Elsewhere)
    }
}
