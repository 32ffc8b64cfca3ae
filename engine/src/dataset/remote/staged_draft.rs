//! Owns one try of a shard that is staged on a disk, and its upload when the shard is sealed. Whole files and loose
//! files go to the store as without staging. Never completes an upload.

use std::fs::File;
use std::io::{self, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;
use futures_util::future::{FutureExt, LocalBoxFuture};

use super::Run;
use super::draft::{PARTS_UNDER_WAY, RemoteDraft, StreamParts, Uploaded};
use super::staged::{StagedFile, StagedShards};
use crate::dataset::disk::Block;
use crate::dataset::draft::LocalDraft;
use crate::dataset::sealed::{Broken, SealedShard, Written};
use crate::dataset::staging::Staging;
use crate::dataset::store::{Draft, StoreReplies};

/// One try of a shard.
pub(super) struct StagedDraft {
    shards: Arc<StagedShards>,
    place: Staging,
    replies: Rc<StoreReplies>,
    stream: LocalDraft,
    /// The stream's file and its bytes.
    file: Option<(StagedFile, u64)>,
    others: RemoteDraft,
}

impl StagedDraft {
    pub(super) fn new(
        run: Arc<Run>,
        shards: Arc<StagedShards>,
        attempt: u32,
        replies: Rc<StoreReplies>,
    ) -> Self {
        let place = shards.for_attempt(attempt);
        Self {
            stream: LocalDraft::new(place.clone()),
            place,
            shards,
            others: RemoteDraft::new(run, replies.clone()),
            replies,
            file: None,
        }
    }
}

impl Draft for StagedDraft {
    fn append<'a>(
        &'a mut self,
        name: &'a str,
        block: Block,
    ) -> LocalBoxFuture<'a, Result<(), Broken>> {
        async move {
            if self.file.is_none() {
                let path = self.place.temporary(name);
                let room = self.shards.make_room(&self.replies).await;
                room.map_err(|error| (path.clone(), error))?;
                self.file = Some((StagedFile::new(name, path, self.shards.clone()), 0));
            }
            if let Some((_, bytes)) = &mut self.file {
                *bytes += block.len() as u64;
            }
            self.stream.append(name, block).await
        }
        .boxed_local()
    }

    fn put<'a>(
        &'a mut self,
        path: &'a str,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, Result<(), Broken>> {
        self.others.put(path, bytes)
    }

    fn take_written(&mut self) -> Written {
        let mut written = self.others.take_written();
        if let Written::Objects(uploaded) = &mut written
            && let Some((mut file, bytes)) = self.file.take()
        {
            file.seal(bytes);
            uploaded.staged = Some(Box::new(file));
        }
        written
    }
}

impl Run {
    /// Uploads a sealed shard's staged stream, if it has one, and removes it. For a thread that may block. A stream of
    /// one part becomes a whole file.
    ///
    /// # Errors
    /// The disk's. Those of the store come when the shard is published.
    pub(super) fn unstage(self: &Arc<Self>, shard: &mut SealedShard) -> Result<(), Broken> {
        let bytes = shard.stream_bytes;
        let Written::Objects(uploaded) = &mut shard.written else {
            return Ok(());
        };
        let Some(staged) = uploaded.staged.take() else {
            return Ok(());
        };
        let result = self.upload_staged(uploaded, &staged, bytes);
        result.map_err(|error| (staged.path.clone(), error))
    }

    /// Bytes of a part.
    fn part_bytes(&self) -> u64 {
        self.place.objects.part_bytes() as u64
    }

    fn upload_staged(
        self: &Arc<Self>,
        uploaded: &mut Uploaded,
        staged: &StagedFile,
        bytes: u64,
    ) -> io::Result<()> {
        let mut file = File::open(&staged.path)?;
        if bytes <= self.part_bytes() {
            let whole = read_part(&mut file, bytes)?;
            uploaded.whole.insert(0, (staged.name.clone(), whole));
            return Ok(());
        }
        let mut stream = StreamParts::new(&staged.name);
        let sent = self.send_parts(&mut stream, &mut file, bytes);
        if sent.is_err() {
            let run = self.clone();
            let abort = async move { run.abort(stream).await };
            self.place.objects.spawn(|_| abort);
        } else {
            uploaded.stream = Some(stream);
        }
        sent
    }

    /// Reads parts and has them uploaded. Ends early once one was not: whoever waits for the parts finds out why.
    fn send_parts(
        self: &Arc<Self>,
        stream: &mut StreamParts,
        file: &mut File,
        bytes: u64,
    ) -> io::Result<()> {
        let (ended, ends) = mpsc::channel();
        let key = self.place.key(&stream.name);
        let part_bytes = self.part_bytes();
        while stream.sent < bytes {
            if stream.parts.len() >= PARTS_UNDER_WAY && !ends.recv().unwrap_or(false) {
                break;
            }
            let part = read_part(file, part_bytes.min(bytes - stream.sent))?;
            stream.sent += part.len() as u64;
            let index = stream.parts.len();
            let (run, upload) = (self.clone(), stream.upload.clone());
            let (key, ended) = (key.clone(), ended.clone());
            let part = async move {
                let _working = run.working();
                let part = vec![Bytes::from(part)];
                let result = run.put_part(&key, &upload, index, part).await;
                // Nobody counts any more once all are read.
                let _ = ended.send(result.is_ok());
                result
            };
            stream.parts.push(self.place.objects.spawn(|_| part));
        }
        Ok(())
    }
}

/// The next bytes of a file.
fn read_part(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut part = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    file.read_exact(&mut part)?;
    Ok(part)
}
