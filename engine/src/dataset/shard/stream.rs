//! Owns what a shard has laid out and not yet written: one stream, cut into blocks, and small files. Never
//! knows where they go: a [`Draft`] writes them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use turbo2ds_writers::{FileDigest, Sink};

use super::digests::Digests;
use crate::dataset::disk::{BLOCK_BYTES, Block};
use crate::dataset::sealed::{Broken, Written};
use crate::dataset::store::Draft;

/// Bytes a core has laid out and not yet written.
#[derive(Default)]
pub(crate) struct Dirty {
    bytes: Cell<usize>,
    waiting: RefCell<Vec<futures_channel::oneshot::Sender<()>>>,
}

impl Dirty {
    /// Bytes that are unwritten.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Waits until no more than `bytes` are unwritten.
    pub(crate) async fn below(&self, bytes: usize) {
        while self.bytes.get() > bytes {
            let (sender, receiver) = futures_channel::oneshot::channel();
            self.waiting.borrow_mut().push(sender);
            // An error means the sender went with its run.
            let _ = receiver.await;
        }
    }

    fn add(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() + bytes);
    }

    fn written(&self, bytes: usize) {
        self.bytes.set(self.bytes.get() - bytes);
        for waiter in self.waiting.borrow_mut().drain(..) {
            let _ = waiter.send(());
        }
    }
}

/// One write that is due.
enum Write {
    Block(Block),
    Whole { path: String, bytes: Vec<u8> },
}

impl Write {
    fn len(&self) -> usize {
        match self {
            Self::Block(block) => block.len(),
            Self::Whole { bytes, .. } => bytes.len(),
        }
    }
}

/// A shard's files on their way to its draft.
pub(crate) struct ShardFiles {
    /// Taken out while something is written.
    draft: Option<Box<dyn Draft>>,
    stream_path: Option<String>,
    filling: Option<Block>,
    due: VecDeque<Write>,
    stream_bytes: u64,
    /// Taken by [`Self::digests`].
    digests: Option<Digests>,
    dirty: Rc<Dirty>,
    /// A task is writing what is due.
    pumping: bool,
    /// A write failed: further bytes are dropped.
    broken: bool,
}

impl ShardFiles {
    /// Files of a shard that go to `draft`; nothing is created before the first byte is due.
    pub(crate) fn new(
        draft: Box<dyn Draft>,
        stream_path: Option<String>,
        dirty: Rc<Dirty>,
    ) -> Self {
        Self {
            draft: Some(draft),
            stream_path,
            filling: None,
            due: VecDeque::new(),
            stream_bytes: 0,
            digests: Some(Digests::new()),
            dirty,
            pumping: false,
            broken: false,
        }
    }

    /// Whether something is due and no pump runs: the caller then runs [`pump`]. This is decided here and not
    /// when the pump first runs, which may be many samples later: two pumps would open the stream twice.
    pub(crate) fn claim_pump(&mut self) -> bool {
        let claimed = !self.pumping && !self.due.is_empty();
        self.pumping |= claimed;
        claimed
    }

    /// Makes the stream's last, partly filled block due, padded for direct I/O.
    pub(crate) fn finish_stream(&mut self) {
        if self.broken {
            return;
        }
        if let Some(mut block) = self.filling.take().filter(|block| block.len() > 0) {
            let before = block.len();
            block.pad();
            self.dirty.add(block.len() - before);
            self.due.push_back(Write::Block(block));
        } else if self.stream_path.is_some() && self.stream_bytes == 0 {
            self.due.push_back(Write::Block(Block::new()));
        }
    }

    /// Drops what is due and all further bytes: the shard's files are broken.
    fn give_up(&mut self) {
        self.broken = true;
        let left: usize = self.due.drain(..).map(|write| write.len()).sum();
        let filling = self.filling.take().map_or(0, |block| block.len());
        self.dirty.written(left + filling);
    }

    /// Whether nothing is left to write.
    pub(crate) fn is_written(&self) -> bool {
        !self.pumping && self.due.is_empty() && self.filling.is_none()
    }

    /// What the files are, by name. Once, when all their bytes are laid out.
    pub(crate) fn digests(&mut self) -> BTreeMap<String, FileDigest> {
        let digests = self.digests.take();
        digests.map_or_else(BTreeMap::new, |digests| {
            digests.finish(self.stream_path.as_deref())
        })
    }

    /// Everything that was written, and the stream's length without padding.
    pub(crate) fn take_written(&mut self) -> (Written, u64) {
        let written = self.draft.as_mut().map(|draft| draft.take_written());
        (
            written.unwrap_or(Written::Files(Vec::new())),
            self.stream_bytes,
        )
    }
}

impl Sink for ShardFiles {
    fn append(&mut self, bytes: &[u8]) {
        if self.broken {
            return;
        }
        self.stream_bytes += bytes.len() as u64;
        if let Some(digests) = &mut self.digests {
            digests.append(bytes);
        }
        self.dirty.add(bytes.len());
        let mut rest = bytes;
        while !rest.is_empty() {
            let block = self.filling.get_or_insert_with(Block::new);
            rest = block.fill(rest);
            if block.len() == BLOCK_BYTES
                && let Some(full) = self.filling.take()
            {
                self.due.push_back(Write::Block(full));
            }
        }
    }

    fn file(&mut self, path: String, bytes: Vec<u8>) {
        if self.broken {
            return;
        }
        self.dirty.add(bytes.len());
        if let Some(digests) = &mut self.digests {
            digests.file(&path, &bytes);
        }
        self.due.push_back(Write::Whole { path, bytes });
    }
}

impl Drop for ShardFiles {
    /// Bytes that were laid out and never written no longer count.
    fn drop(&mut self) {
        self.give_up();
    }
}

/// Writes until nothing is due. One pump runs per shard, by the caller that claimed it.
///
/// # Errors
/// The store's, with where it happened.
pub(crate) async fn pump(files: &RefCell<ShardFiles>) -> Result<(), Broken> {
    let draft = files.borrow_mut().draft.take();
    let Some(mut draft) = draft else {
        return Ok(());
    };
    let result = pump_due(files, &mut *draft).await;
    let mut files = files.borrow_mut();
    files.draft = Some(draft);
    files.pumping = false;
    if result.is_err() {
        files.give_up();
    }
    result
}

async fn pump_due(files: &RefCell<ShardFiles>, draft: &mut dyn Draft) -> Result<(), Broken> {
    loop {
        let Some(write) = files.borrow_mut().due.pop_front() else {
            return Ok(());
        };
        let bytes = write.len();
        let result = match write {
            Write::Block(block) => {
                let stream = files.borrow().stream_path.clone().unwrap_or_default();
                draft.append(&stream, block).await
            }
            Write::Whole { path, bytes } => draft.put(&path, bytes).await,
        };
        files.borrow().dirty.written(bytes);
        result?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::IoBackend;
    use crate::dataset::disk;
    use crate::dataset::draft::LocalDraft;
    use crate::dataset::staging::Staging;
    use crate::machine::runtime;

    #[test]
    fn samples_that_come_in_bursts_are_one_stream_in_their_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Staging::new(disk::real(), folder.path().to_owned(), false);
        let (backend, _) = runtime::choose(IoBackend::Auto).expect("some backend works");
        let name = "00000.tar";
        let laid_out = runtime::block_on(backend, async {
            let draft = Box::new(LocalDraft::new(place.clone()));
            let files = ShardFiles::new(draft, Some(name.into()), Rc::default());
            let files = Rc::new(RefCell::new(files));
            let mut laid_out = Vec::new();
            for burst in 0..3_u8 {
                let mut pumps = Vec::new();
                // No pump runs before the burst has ended.
                for part in 0..4 {
                    let bytes = vec![burst * 4 + part; BLOCK_BYTES + 100];
                    files.borrow_mut().append(&bytes);
                    laid_out.extend(bytes);
                    if files.borrow_mut().claim_pump() {
                        let files = files.clone();
                        pumps.push(monoio::spawn(async move { pump(&files).await }));
                    }
                }
                assert_eq!(pumps.len(), 1, "one pump for a burst");
                for pump in pumps {
                    pump.await.expect("writes");
                }
            }
            files.borrow_mut().finish_stream();
            assert!(files.borrow_mut().claim_pump());
            pump(&files).await.expect("the last write");
            assert!(files.borrow().is_written());
            laid_out
        })
        .expect("a reactor");
        let stored = std::fs::read(place.temporary(name)).expect("the stream");
        assert!(
            stored[..laid_out.len()] == laid_out,
            "every byte in its place"
        );
    }
}
