//! Owns reading an object as one stream, for servers that send no ranges. A stream that breaks is begun anew, and
//! what was read of it is passed over. Never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::GetOptions;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::error::{Kind, StorageError};
use super::read_ahead::Source;
use super::thread;

/// Pieces that wait for the reader; each is what the connection had.
const PIECES_MAX: usize = 16;

/// A stream that is being read.
pub(super) struct Stream {
    pieces: mpsc::Receiver<Result<Bytes, StorageError>>,
    request: JoinHandle<()>,
    /// The piece that was returned last, and where it begins.
    last: (u64, Bytes),
}

impl Stream {
    /// Reads from byte `from` to the end.
    pub(super) fn start(source: &Source, from: u64) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        let source = source.clone();
        let request = thread::handle().spawn(async move {
            if let Err(error) = source.send_from(from, &sender).await {
                // Nobody waits any more if its reader is gone.
                let _ = sender.send(Err(error)).await;
            }
        });
        Self {
            pieces,
            request,
            last: (from, Bytes::new()),
        }
    }

    /// Some bytes that begin at `at`, which never falls; empty at the end.
    pub(super) fn bytes_at(&mut self, source: &Source, at: u64) -> Result<Bytes, StorageError> {
        loop {
            let (start, piece) = &self.last;
            let Some(within) = at.checked_sub(*start) else {
                return Err(source.error(Kind::Unsupported));
            };
            let length = piece.len() as u64;
            if within < length {
                return Ok(piece.slice(usize::try_from(within).unwrap_or(usize::MAX)..));
            }
            let start = start + length;
            match self.pieces.blocking_recv() {
                Some(piece) => self.last = (start, piece?),
                None => return Ok(Bytes::new()),
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.request.abort();
    }
}

impl Source {
    /// Sends the bytes from `from` on, in as many tries as it takes, as long as each gets further.
    async fn send_from(
        &self,
        from: u64,
        sender: &mpsc::Sender<Result<Bytes, StorageError>>,
    ) -> Result<(), StorageError> {
        let path = self.objects.path(&self.key)?;
        let options = GetOptions {
            if_match: Some(self.version.clone()).filter(|version| !version.is_empty()),
            ..GetOptions::default()
        };
        let sent = Arc::new(AtomicU64::new(from));
        loop {
            let before = sent.load(Ordering::Relaxed);
            let request = || {
                let (path, options, sent) = (path.clone(), options.clone(), sent.clone());
                let store = self.objects.backend().store.clone();
                async move {
                    let mut skip = sent.load(Ordering::Relaxed);
                    let mut stream = store.get_opts(&path, options).await?.into_stream();
                    while let Some(piece) = stream.next().await {
                        let mut piece = piece?;
                        let passed = skip.min(piece.len() as u64);
                        skip -= passed;
                        piece = piece.slice(usize::try_from(passed).unwrap_or(usize::MAX)..);
                        let length = piece.len() as u64;
                        if length > 0 && sender.send(Ok(piece)).await.is_err() {
                            return Ok(());
                        }
                        sent.fetch_add(length, Ordering::Relaxed);
                    }
                    Ok(())
                }
            };
            match self.objects.persist("read", &self.key, request).await {
                Err(error) if error.kind.may_pass() && sent.load(Ordering::Relaxed) > before => {}
                ended => return ended,
            }
        }
    }
}
