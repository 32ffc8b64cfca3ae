//! Owns the entry points for benchmarks and fuzzing: private stages of a run that wrap a plain system call or
//! read untrusted bytes, one at a time, as the run itself uses them. Never used by a run.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use arrow_array::RecordBatch;
use turbo2ds_writers::{Layout, SampleFacts, ShardWriter};

use crate::config::IoBackend;
use crate::dataset::local;
use crate::dataset::shard::{Dirty, ShardFiles, pump};
use crate::machine::runtime;

pub use crate::dataset::digest::hex_digest;
pub use crate::dataset::verify::fuzzed::{read_parquet, read_records, read_tar};
pub use crate::pixels::ImageWork;

/// Limit on bytes that are laid out but not written. A run's reactor writes as samples arrive; here they arrive
/// all at once, so the limit is lower than a run's.
const DIRTY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The result of writing a shard's stream.
pub struct WrittenShard {
    /// The file, under its temporary name, padded to the alignment of direct I/O and not yet synced.
    pub path: PathBuf,
    /// Length of the stream without padding, bytes.
    pub bytes: u64,
    /// The I/O backend that wrote it.
    pub backend: &'static str,
}

/// Lays out one shard's samples and writes them as a core does, up to the seal: no metadata, no commit.
/// `sample` gives each row's facts and image.
///
/// # Errors
/// The writer's or the file system's error.
pub fn write_shard<'a>(
    folder: &Path,
    layout: &Arc<Layout>,
    input: &RecordBatch,
    sample: impl Fn(usize) -> (&'a SampleFacts, &'a [u8]),
) -> io::Result<WrittenShard> {
    let (backend, _) = runtime::choose(IoBackend::Auto).map_err(io::Error::other)?;
    let (written, bytes) = runtime::block_on(backend, async {
        let mut writer =
            ShardWriter::new(layout.clone(), 0, input.clone()).map_err(io::Error::other)?;
        let dirty = Rc::new(Dirty::default());
        let files = ShardFiles::new(local::draft_in(folder), writer.stream_path(), dirty.clone());
        let files = Rc::new(RefCell::new(files));
        let mut pumps = Pumps::default();
        for row in 0..input.num_rows() {
            let (facts, image) = sample(row);
            writer
                .sample(row, facts, image, &mut *files.borrow_mut())
                .map_err(io::Error::other)?;
            pumps.start_where_due(&files).await?;
            dirty.below(DIRTY_BYTES_MAX).await;
        }
        files.borrow_mut().finish_stream();
        pumps.start_where_due(&files).await?;
        pumps.end().await?;
        Ok::<_, io::Error>(files.borrow_mut().take_written())
    })??;
    let stream = written.files().iter().find(|placed| placed.stream);
    let stream = stream.ok_or_else(|| io::Error::other("nothing was written"))?;
    Ok(WrittenShard {
        path: stream.temporary.clone(),
        bytes,
        backend: backend.as_str(),
    })
}

/// The running pump, or the last one.
#[derive(Default)]
struct Pumps(Option<monoio::task::JoinHandle<Result<(), (PathBuf, io::Error)>>>);

impl Pumps {
    async fn start_where_due(&mut self, files: &Rc<RefCell<ShardFiles>>) -> io::Result<()> {
        if !files.borrow_mut().claim_pump() {
            return Ok(());
        }
        let files = files.clone();
        let next = monoio::spawn(async move { pump(&files).await });
        match self.0.replace(next) {
            // It has ended: a new pump can only be claimed afterwards.
            Some(last) => last.await.map_err(|(_, error)| error),
            None => Ok(()),
        }
    }

    async fn end(&mut self) -> io::Result<()> {
        match self.0.take() {
            Some(last) => last.await.map_err(|(_, error)| error),
            None => Ok(()),
        }
    }
}
