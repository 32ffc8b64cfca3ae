//! Owns a file of a list that is an object of a store: its bytes as a stream or by ranges, and the store's error,
//! which stands above what a reader makes of it. Never knows a format.

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};
use futures_util::{StreamExt, stream};

use super::files::changed;
use super::signature::HEAD_BYTES;
use super::{broken, byte_stream};
use crate::config::StoreKind;
use crate::error::{Error, Message};
use crate::net::storage::{
    Found, HELD_BYTES_MAX, Kind, Objects, ReadAhead, StorageError, UNKNOWN_BYTES,
};

/// Bytes at the end of a file with a footer that are read first; most footers fit.
const TAIL_BYTES: u64 = 64 * 1024;
/// Requests at a time for small parts of one or of many objects.
const PARTS_AT_ONCE: usize = 16;

/// A file of a list that a store has. Cheap to clone.
#[derive(Clone)]
pub(super) struct ObjectFile(Arc<Inner>);

struct Inner {
    objects: Objects,
    key: String,
    found: Found,
    /// Its name for the user, in a path's form.
    path: PathBuf,
    kept: Mutex<Kept>,
}

/// What is kept of an object until it is used.
#[derive(Default)]
struct Kept {
    /// Its first bytes.
    head: Option<Bytes>,
    /// Its last bytes.
    tail: Option<Bytes>,
    /// Why it could not be read.
    failure: Option<StorageError>,
}

/// The end of an object that is read before it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Head,
    Tail,
}

impl ObjectFile {
    pub(super) fn new(objects: &Objects, key: String, found: Found) -> Self {
        let path = PathBuf::from(objects.shown(&key));
        Self(Arc::new(Inner {
            objects: objects.clone(),
            key,
            found,
            path,
            kept: Mutex::default(),
        }))
    }

    /// Its name for the user.
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Its length in bytes; `None` if its server does not tell.
    pub(super) fn bytes(&self) -> Option<u64> {
        Some(self.0.found.bytes).filter(|bytes| *bytes != UNKNOWN_BYTES)
    }

    /// What distinguishes it from another object with the same name and length: its version, or else its time and its
    /// first bytes.
    pub(super) fn distinction(&self, head: &[u8]) -> Vec<u8> {
        let found = &self.0.found;
        if !found.version.is_empty() {
            return found.version.clone().into_bytes();
        }
        let since = found.modified.duration_since(std::time::UNIX_EPOCH);
        let since = since.map_or(0, |since| since.as_millis());
        [&since.to_le_bytes(), head].concat()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a store's error, of which the readers between see the text alone.
    fn failed(&self, error: StorageError) -> io::Error {
        let text = error.to_string();
        let kind = match error.kind {
            Kind::Unsupported => io::ErrorKind::Unsupported,
            _ => io::ErrorKind::Other,
        };
        self.kept().failure.get_or_insert(error);
        io::Error::new(kind, text)
    }

    /// Fails if the object could not be read, whatever came of it.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn check(&self) -> Result<(), Error> {
        let failure = self.kept().failure.take();
        failure.map_or(Ok(()), |error| Err(self.refusal(error)))
    }

    /// The error of a run whose list cannot be read.
    fn refusal(&self, error: StorageError) -> Error {
        match error.kind {
            Kind::Conflict => changed(&self.0.path),
            _ => refusal(&self.0.objects, error),
        }
    }

    /// A result of reading the object, or the store's error if there was one.
    ///
    /// # Errors
    /// Either.
    pub(super) fn judged<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        self.check()?;
        result
    }

    /// Fails if the object is no longer the version that was found. Where a store has versions, each request does.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn check_end(&self) -> Result<(), Error> {
        if !self.0.found.version.is_empty() {
            return Ok(());
        }
        let key = self.0.key.clone();
        let now = self
            .0
            .objects
            .wait(|objects| async move { objects.head(&key).await });
        match now {
            Ok(Some(now)) if now == self.0.found => Ok(()),
            Ok(_) => Err(changed(&self.0.path)),
            Err(error) => Err(self.refusal(error)),
        }
    }

    /// All its bytes.
    pub(super) fn stream(&self) -> byte_stream::Bytes {
        let head = self.kept().head.take().unwrap_or_default();
        let Inner {
            objects,
            key,
            found,
            ..
        } = &*self.0;
        let from = head.len() as u64;
        Box::new(Sequential {
            ahead: ReadAhead::whole(objects, key, &found.version, from, found.bytes),
            file: self.clone(),
            piece: head,
            at: from,
        })
    }

    /// Some of its bytes, read ahead in this order.
    pub(super) fn ahead(&self, ranges: Vec<Range<u64>>, held_max: u64) -> ReadAhead {
        let Inner {
            objects,
            key,
            found,
            ..
        } = &*self.0;
        ReadAhead::ranges(
            objects,
            key,
            &found.version,
            ranges,
            held_max.min(HELD_BYTES_MAX),
        )
    }

    /// A result of [`Self::ahead`] for a reader.
    ///
    /// # Errors
    /// The store's, which is kept.
    pub(super) fn told<T>(&self, result: Result<T, StorageError>) -> io::Result<T> {
        result.map_err(|error| self.failed(error))
    }

    /// Ranges of its bytes, all of them at a time: they must be small.
    ///
    /// # Errors
    /// The store's, which is kept, and `UnexpectedEof` for a range beyond the end.
    pub(super) fn read_all(&self, ranges: Vec<Range<u64>>) -> io::Result<Vec<Bytes>> {
        let (key, version) = (self.0.key.clone(), self.0.found.version.clone());
        let lengths: Vec<u64> = ranges.iter().map(|range| range.end - range.start).collect();
        let read = self.0.objects.wait(|objects| async move {
            let requests = ranges.into_iter().map(|range| {
                let (objects, key, version) = (objects.clone(), key.clone(), version.clone());
                async move { objects.read(&key, range, &version).await }
            });
            let mut answers = stream::iter(requests).buffered(PARTS_AT_ONCE);
            let mut all = Vec::new();
            while let Some(answer) = answers.next().await {
                all.push(answer?);
            }
            Ok(all)
        });
        let read = self.told(read)?;
        let whole = read
            .iter()
            .zip(&lengths)
            .all(|(bytes, length)| bytes.len() as u64 == *length);
        if whole {
            Ok(read)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// A small range of its bytes.
    ///
    /// # Errors
    /// As [`Self::read_all`].
    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let tail = self.kept().tail.clone();
        if let Some(tail) = tail
            && let Some(start) = range
                .start
                .checked_sub(self.0.found.bytes - tail.len() as u64)
            && let Some(within) = usize::try_from(start).ok()
            && range.end <= self.0.found.bytes
        {
            let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            return Ok(tail.slice(within..within + length));
        }
        let read = self.read_all(vec![range])?;
        Ok(read.into_iter().next().unwrap_or_default())
    }

    /// Reads its last bytes; false if its server sends no ranges, so that it has to be read from its start.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn has_ranges(&self) -> Result<bool, Error> {
        let Some(bytes) = self.bytes() else {
            return Ok(false);
        };
        if self.kept().tail.is_some() {
            return Ok(true);
        }
        match self.read_all(vec![tail_of(bytes)]) {
            Ok(tail) => {
                self.kept().tail = tail.into_iter().next();
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                self.kept().failure = None;
                Ok(false)
            }
            Err(error) => self.judged(Err(broken(&self.0.path, error))),
        }
    }

    /// Lets go what was read of its end.
    pub(super) fn forget_tail(&self) {
        self.kept().tail = None;
    }
}

/// The error of a run whose list cannot be read or found.
pub(super) fn refusal(objects: &Objects, error: StorageError) -> Error {
    let is_hub = objects.url().kind() == StoreKind::HuggingFace;
    match error.kind {
        Kind::Denied | Kind::Credentials if is_hub => Error::input(
            Message::of(error),
            "check the dataset's name; a private or gated one needs a token in HF_TOKEN (or `hf auth login`), \
             of an account that has accepted its terms",
        ),
        _ => error.of_list(),
    }
}

/// The end of an object of this length. Never its first byte: a server without ranges could answer that too.
fn tail_of(bytes: u64) -> Range<u64> {
    bytes.saturating_sub(TAIL_BYTES).max(1).min(bytes)..bytes
}

/// Reads the heads or tails of many objects at a time, and keeps those that could be read: reading the others
/// says why.
pub(super) fn prefetch<'a>(files: impl Iterator<Item = &'a ObjectFile>, end: End) {
    let files: Vec<ObjectFile> = files
        .filter(|file| file.bytes().is_some_and(|bytes| bytes > 0))
        .cloned()
        .collect();
    let Some(first) = files.first() else {
        return;
    };
    first.0.objects.clone().wait(|_| async move {
        let requests = files.into_iter().map(|file| async move {
            let bytes = file.0.found.bytes;
            let range = match end {
                End::Head => 0..bytes.min(HEAD_BYTES as u64),
                End::Tail => tail_of(bytes),
            };
            let length = range.end - range.start;
            let read = file
                .0
                .objects
                .read(&file.0.key, range, &file.0.found.version)
                .await;
            let read = read.ok().filter(|read| read.len() as u64 == length);
            let mut kept = file.kept();
            match end {
                End::Head => kept.head = read,
                End::Tail => kept.tail = read,
            }
        });
        stream::iter(requests)
            .buffer_unordered(PARTS_AT_ONCE)
            .collect::<()>()
            .await;
    });
}

/// The bytes of an object, one after the other.
struct Sequential {
    file: ObjectFile,
    ahead: ReadAhead,
    piece: Bytes,
    /// Where the next piece begins.
    at: u64,
}

impl Read for Sequential {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            self.piece = self.file.told(self.ahead.bytes_at(self.at))?;
            self.at += self.piece.len() as u64;
            if self.piece.is_empty() && self.file.bytes().is_some_and(|bytes| self.at < bytes) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
