//! Owns one try of a shard on its way to a store: blocks that gather to parts, parts and loose files that are
//! under way, and how many of them a shard may have. Runs on a reactor, and never waits for the store but in a
//! future. Never completes an upload.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};
use object_store::multipart::PartId;
use tokio::sync::{Notify, OnceCell};
use tokio::task::JoinHandle;
use turbo2ds_writers::Part;

use super::Run;
use super::claim::{Claim, Taken};
use super::staged::StagedFile;
use crate::dataset::disk::{BLOCK_BYTES, Block};
use crate::dataset::names::{shard_file, shard_number};
use crate::dataset::sealed::{Broken, Written};
use crate::dataset::store::{Draft, StoreReplies};
use crate::machine::sync::Waiting;
use crate::net::storage::{Kind, PartUpload, Put, StorageError};

/// Parts of a shard that are under way at a time.
pub(super) const PARTS_UNDER_WAY: usize = 2;
/// Loose files of a shard that are under way at a time.
const FILES_UNDER_WAY: usize = 32;

/// Everything that a try has written, for the publisher.
#[derive(Default)]
pub(crate) struct Uploaded {
    pub(super) stream: Option<StreamParts>,
    /// The stream, if it is staged: nothing of it is uploaded.
    pub(super) staged: Option<Box<StagedFile>>,
    /// Whole files that follow the stream, by name.
    pub(super) whole: Vec<(String, Vec<u8>)>,
    pub(super) loose: Option<Loose>,
}

/// A stream, in parts.
pub(super) struct StreamParts {
    /// The file's name.
    pub(super) name: String,
    /// The upload, begun with the first part.
    pub(super) upload: Arc<OnceCell<PartUpload>>,
    /// The parts, under way or uploaded.
    pub(super) parts: Vec<JoinHandle<Result<PartId, StorageError>>>,
    /// Bytes in the parts.
    pub(super) sent: u64,
    /// Blocks behind the parts, the last of which is padded.
    pub(super) tail: Vec<Block>,
}

impl StreamParts {
    /// A stream of this name, nothing of which is uploaded.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            upload: Arc::default(),
            parts: Vec::new(),
            sent: 0,
            tail: Vec::new(),
        }
    }
}

/// Loose files.
#[derive(Clone)]
pub(super) enum Loose {
    /// They are written under their final names, under this claim.
    Claimed(Claim, Arc<LooseFiles>),
    /// Another run has the shard: nothing is written.
    Elsewhere,
}

/// Loose files that are written or under way.
#[derive(Default)]
pub(super) struct LooseFiles {
    state: Mutex<LooseState>,
    idle: Notify,
}

#[derive(Default)]
struct LooseState {
    under_way: usize,
    failed: Option<StorageError>,
    names: Arc<HashSet<String>>,
}

impl LooseFiles {
    fn state(&self) -> MutexGuard<'_, LooseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file is under way.
    pub(super) fn begin(&self, name: &str) {
        let mut state = self.state();
        state.under_way += 1;
        Arc::make_mut(&mut state.names).insert(name.to_owned());
    }

    /// A file is written, or is not.
    pub(super) fn end(&self, name: &str, result: &Result<(), StorageError>) {
        let mut state = self.state();
        state.under_way -= 1;
        if let Err(error) = result {
            if error.kind == Kind::Conflict {
                // What has the name is somebody else's.
                Arc::make_mut(&mut state.names).remove(name);
            }
            state.failed.get_or_insert(error.clone());
        }
        self.idle.notify_waiters();
    }

    /// The names of those that were begun, as of now.
    pub(super) fn names(&self) -> Arc<HashSet<String>> {
        self.state().names.clone()
    }

    /// Waits until none is under way, and gives the names of all.
    ///
    /// # Errors
    /// The first error of any of them.
    pub(super) async fn settled(&self) -> Result<Arc<HashSet<String>>, StorageError> {
        loop {
            let idle = self.idle.notified();
            {
                let mut state = self.state();
                if state.under_way == 0 {
                    return match state.failed.take() {
                        Some(error) => Err(error),
                        None => Ok(state.names.clone()),
                    };
                }
            }
            idle.await;
        }
    }
}

/// One try of a shard.
pub(super) struct RemoteDraft {
    run: Arc<Run>,
    replies: Rc<StoreReplies>,
    written: Uploaded,
    /// What is under way, the oldest first.
    under_way: VecDeque<Waiting<Result<(), StorageError>>>,
}

impl RemoteDraft {
    pub(super) fn new(run: Arc<Run>, replies: Rc<StoreReplies>) -> Self {
        Self {
            run,
            replies,
            written: Uploaded::default(),
            under_way: VecDeque::new(),
        }
    }

    /// Waits until fewer than `most` requests are under way.
    async fn make_way(&mut self, most: usize, name: &str) -> Result<(), Broken> {
        while self.under_way.len() >= most
            && let Some(oldest) = self.under_way.pop_front()
        {
            self.answered(oldest.answer().await, name)?;
        }
        Ok(())
    }

    fn answered(&self, answer: Option<Result<(), StorageError>>, name: &str) -> Result<(), Broken> {
        let shown = || self.run.place.shown(name);
        match answer {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err((shown(), error.into())),
            None => Err((shown(), interrupted())),
        }
    }

    /// Sends the gathered blocks as the next part.
    async fn send_part(&mut self, name: &str) -> Result<(), Broken> {
        self.make_way(PARTS_UNDER_WAY, name).await?;
        let Some(stream) = &mut self.written.stream else {
            return Ok(());
        };
        let (ticket, waiting) = self.replies.ask();
        let index = stream.parts.len();
        let blocks = std::mem::take(&mut stream.tail);
        stream.sent += blocks.iter().map(|block| block.len() as u64).sum::<u64>();
        let (run, upload) = (self.run.clone(), stream.upload.clone());
        let key = run.place.key(name);
        let part = async move {
            let _working = run.working();
            let content = content_of(blocks, u64::MAX);
            let result = run.put_part(&key, &upload, index, content).await;
            ticket.answer(result.as_ref().map(drop).map_err(Clone::clone));
            result
        };
        stream.parts.push(self.run.place.objects.spawn(|_| part));
        self.under_way.push_back(waiting);
        Ok(())
    }

    /// Claims the shard of loose files.
    async fn claim_folder(&mut self, folder: &str) -> Result<Loose, Broken> {
        if let Some(loose) = &self.written.loose {
            return Ok(loose.clone());
        }
        let claimed: Arc<OnceLock<Loose>> = Arc::default();
        let (ticket, waiting) = self.replies.ask();
        let (run, name, slot) = (self.run.clone(), folder.to_owned(), claimed.clone());
        self.run.place.objects.spawn(|_| async move {
            let _working = run.working();
            let taken = run.claim_loose(&name).await;
            // It is set once.
            ticket.answer(taken.map(|loose| drop(slot.set(loose))));
        });
        self.answered(waiting.answer().await, folder)?;
        let loose = claimed.get().cloned();
        self.written.loose.clone_from(&loose);
        loose.ok_or_else(|| (self.run.place.shown(folder), interrupted()))
    }

    async fn put_loose(&mut self, folder: &str, path: &str, bytes: Vec<u8>) -> Result<(), Broken> {
        let Loose::Claimed(claim, files) = self.claim_folder(folder).await? else {
            return Ok(());
        };
        self.make_way(FILES_UNDER_WAY, path).await?;
        files.begin(path);
        let (ticket, waiting) = self.replies.ask();
        let (run, path) = (self.run.clone(), path.to_owned());
        self.run.place.objects.spawn(|_| async move {
            let _working = run.working();
            let (objects, key, bytes) = (run.writing(), run.place.key(&path), Bytes::from(bytes));
            // What an earlier try left is replaced; anything else in the way is somebody's.
            let result = if claim.inherits {
                objects.put(&key, bytes, Put::Replace).await
            } else {
                run.put_same(&objects, &key, bytes).await
            };
            files.end(&path, &result);
            ticket.answer(result);
        });
        self.under_way.push_back(waiting);
        Ok(())
    }
}

impl Draft for RemoteDraft {
    fn append<'a>(
        &'a mut self,
        name: &'a str,
        block: Block,
    ) -> LocalBoxFuture<'a, Result<(), Broken>> {
        async move {
            let stream = &mut self.written.stream;
            let stream = stream.get_or_insert_with(|| StreamParts::new(name));
            // The last part may be the only one: then the file is written whole.
            if stream.tail.len() * BLOCK_BYTES >= self.run.place.objects.part_bytes() {
                self.send_part(name).await?;
            }
            if let Some(stream) = &mut self.written.stream {
                stream.tail.push(block);
            }
            Ok(())
        }
        .boxed_local()
    }

    fn put<'a>(
        &'a mut self,
        path: &'a str,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, Result<(), Broken>> {
        async move {
            match path.split_once('/') {
                Some((folder, _)) => self.put_loose(folder, path, bytes).await,
                None => {
                    self.written.whole.push((path.to_owned(), bytes));
                    Ok(())
                }
            }
        }
        .boxed_local()
    }

    fn take_written(&mut self) -> Written {
        Written::Objects(std::mem::take(&mut self.written))
    }
}

impl Drop for RemoteDraft {
    /// Aborts the upload of a try that was given up.
    fn drop(&mut self) {
        let Some(stream) = self.written.stream.take() else {
            return;
        };
        let run = self.run.clone();
        if !stream.parts.is_empty() {
            self.run
                .place
                .objects
                .spawn(|_| async move { run.abort(stream).await });
        }
    }
}

impl Run {
    /// Uploads a part; the first one begins the upload.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn put_part(
        &self,
        key: &str,
        upload: &OnceCell<PartUpload>,
        index: usize,
        content: Vec<Bytes>,
    ) -> Result<PartId, StorageError> {
        let objects = self.writing();
        let upload = upload.get_or_try_init(|| async {
            let upload = objects.begin_upload(key).await?;
            self.state()
                .uploads
                .insert(upload.id.clone(), upload.clone());
            Ok::<_, StorageError>(upload)
        });
        let upload = upload.await?;
        objects.put_part(upload, index, content).await
    }

    /// Aborts the upload of a stream that is not published.
    pub(super) async fn abort(&self, stream: StreamParts) {
        for part in &stream.parts {
            part.abort();
        }
        for part in stream.parts {
            // It is aborted or has ended.
            let _ = part.await;
        }
        if let Some(upload) = stream.upload.get() {
            match self
                .place
                .objects
                .abort_upload(&upload.key, &upload.id)
                .await
            {
                Ok(()) => drop(self.state().uploads.remove(&upload.id)),
                // The end of the run tries it again.
                Err(error) => tracing::debug!(%error, "an upload was not aborted"),
            }
        }
    }

    /// Claims the shard of a folder of loose files, and clears its mark away if the shard is to be done again.
    ///
    /// # Errors
    /// The store's; `Conflict` if something that is not ours has one of the shard's names.
    pub(super) async fn claim_loose(&self, folder: &str) -> Result<Loose, StorageError> {
        let shard = shard_file(folder).and_then(|(stem, _)| shard_number(stem));
        if let Some(shard_id) = shard {
            self.check_names(folder, shard_id).await?;
        }
        let Taken::Held(mut claim) = self.claim(folder).await? else {
            return Ok(Loose::Elsewhere);
        };
        if let Some(shard_id) = shard {
            if !self.is_marked(shard_id) && self.is_done(shard_id).await? {
                self.release(claim).await?;
                return Ok(Loose::Elsewhere);
            }
            if claim.inherits || self.is_marked(shard_id) {
                claim.inherits = true;
                self.claimed(&claim);
                let mark = self.shape()?.name(shard_id, Part::Mark);
                self.remove_all([mark]).await?;
                self.state().marked.remove(&shard_id);
            }
        }
        let files: Arc<LooseFiles> = Arc::default();
        let mut state = self.state();
        state
            .loose
            .entry(folder.to_owned())
            .or_default()
            .push(files.clone());
        Ok(Loose::Claimed(claim, files))
    }
}

/// The bytes of blocks, no more than `most`.
pub(super) fn content_of(blocks: Vec<Block>, mut most: u64) -> Vec<Bytes> {
    let mut content = Vec::with_capacity(blocks.len());
    for block in blocks {
        let length = most.min(block.len() as u64);
        most -= length;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > 0 {
            content.push(Bytes::from_owner(block).slice(..length));
        }
    }
    content
}

fn interrupted() -> std::io::Error {
    std::io::ErrorKind::Interrupted.into()
}
