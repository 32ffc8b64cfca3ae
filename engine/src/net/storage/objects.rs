//! Owns a store that is open: one method for each thing that can be asked of it, each tried again until it
//! succeeds, fails for good, or the store has been away for too long. Never interprets a key.

use std::future::Future;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use tokio::task::JoinHandle;

use super::error::{Kind, StorageError};
use super::open::Backend;
use super::pace::{Pace, backoff};
use super::thread;
use crate::config::{StoreKind, StoreUrl};

/// Fewest tries of a request that may succeed later, however short the wait.
const TRIES_MIN: u32 = 4;
/// How long a store that is up may fail all requests.
const HICCUP: Duration = Duration::from_secs(2);
/// Tries of a request whose credentials have expired: each asks for new ones.
const EXPIRED_TRIES: u32 = 3;

/// An object, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Length in bytes.
    pub(crate) bytes: u64,
    /// Changes when the content does: the ETag, or what the store has in its place. Empty where it has nothing.
    pub(crate) version: String,
    /// When it was written, by the store's clock.
    pub(crate) modified: SystemTime,
}

impl From<&ObjectMeta> for Found {
    fn from(meta: &ObjectMeta) -> Self {
        Self {
            bytes: meta.size,
            version: meta
                .e_tag
                .clone()
                .or_else(|| meta.version.clone())
                .unwrap_or_default(),
            modified: meta.last_modified.into(),
        }
    }
}

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its key.
    pub(crate) key: String,
    /// What is known of it.
    pub(crate) found: Found,
}

/// One level of keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// The objects.
    pub(crate) objects: Vec<Entry>,
    /// The keys of folders, without a slash at their end.
    pub(crate) folders: Vec<String>,
}

/// What a write does if something has the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// Fails with [`Kind::Conflict`].
    Create,
    /// Replaces it.
    Replace,
}

/// Whether requests may still be begun.
type Guard = Arc<dyn Fn() -> bool + Send + Sync>;

/// A store that is open. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Objects(Arc<Inner>, Option<Guard>);

struct Inner {
    /// The place that was opened.
    url: StoreUrl,
    backend: Backend,
    pace: Pace,
    /// How long a store may be away.
    patience: Duration,
    /// Since when the store has answered nothing.
    away: Mutex<Option<Instant>>,
    /// Whether an upload may have been begun whose identity nobody knows.
    has_lost_upload: AtomicBool,
    /// Seed of the next random wait.
    draws: AtomicU64,
}

impl Objects {
    pub(super) fn new(url: StoreUrl, backend: Backend, patience: Duration) -> Self {
        Self(
            Arc::new(Inner {
                url,
                backend,
                pace: Pace::new(),
                patience,
                away: Mutex::default(),
                has_lost_upload: AtomicBool::new(false),
                draws: AtomicU64::new(u64::from(std::process::id()) << 32),
            }),
            None,
        )
    }

    /// The same store, whose requests fail with [`Kind::Lapsed`] once `is_permitted` is false: none is begun or
    /// tried again.
    pub(crate) fn guarded(&self, is_permitted: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(self.0.clone(), Some(Arc::new(is_permitted)))
    }

    /// How long the store may be away before a request fails.
    pub(super) fn patience(&self) -> Duration {
        self.0.patience
    }

    /// Whether requests may still be begun.
    pub(crate) fn is_permitted(&self) -> bool {
        self.1.as_ref().is_none_or(|is_permitted| is_permitted())
    }

    /// The place that was opened.
    pub(crate) fn url(&self) -> &StoreUrl {
        &self.0.url
    }

    /// The name of a key for the user.
    pub(crate) fn shown(&self, key: &str) -> String {
        self.0.url.with_path(key).to_string()
    }

    /// Waits on a thread that may block for what `work` asks of the store.
    pub(crate) fn wait<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> F,
    ) -> T {
        thread::wait(work(self.clone()))
    }

    /// Lets the store thread do `work`.
    pub(crate) fn spawn<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> F,
    ) -> JoinHandle<T> {
        thread::spawn(work(self.clone()))
    }

    pub(super) fn backend(&self) -> &Backend {
        &self.0.backend
    }

    fn store(&self) -> Arc<dyn ObjectStore> {
        self.0.backend.store.clone()
    }

    /// What is known of an object; `None` if nothing has the key.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn head(&self, key: &str) -> Result<Option<Found>, StorageError> {
        let (path, store) = (self.path(key)?, self.store());
        let meta = self.persist("look at", key, || {
            let (path, store) = (path.clone(), store.clone());
            async move { store.head(&path).await }
        });
        absent(meta.await.map(|meta| Found::from(&meta)))
    }

    /// A range of an object's bytes, of the version that `version` names if it is not empty. Shorter if the object ends
    /// within it.
    ///
    /// # Errors
    /// The store's; [`Kind::Conflict`] if the object is another version now.
    pub(crate) async fn read(
        &self,
        key: &str,
        range: Range<u64>,
        version: &str,
    ) -> Result<Bytes, StorageError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let (path, store) = (self.path(key)?, self.store());
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: Some(version.to_owned()).filter(|version| !version.is_empty()),
            ..GetOptions::default()
        };
        let request = || {
            let (path, store, options) = (path.clone(), store.clone(), options.clone());
            async move { store.get_opts(&path, options).await?.bytes().await }
        };
        self.persist("read", key, request).await
    }

    /// A whole object and what is known of it; `None` if nothing has the key.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Bytes, Found)>, StorageError> {
        let (path, store) = (self.path(key)?, self.store());
        let got = self.persist("read", key, || {
            let (path, store) = (path.clone(), store.clone());
            async move {
                let got = store.get(&path).await?;
                let found = Found::from(&got.meta);
                Ok((got.bytes().await?, found))
            }
        });
        absent(got.await)
    }

    /// The objects and folders right below a folder, whose key may be empty.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn list(&self, folder: &str) -> Result<Listing, StorageError> {
        let (path, store) = (self.path(folder)?, self.store());
        let listed = self.persist("list", folder, || {
            let (path, store) = (path.clone(), store.clone());
            async move { store.list_with_delimiter(Some(&path)).await }
        });
        let listed = listed.await?;
        Ok(Listing {
            objects: listed.objects.iter().map(entry).collect(),
            folders: listed
                .common_prefixes
                .iter()
                .map(ToString::to_string)
                .collect(),
        })
    }

    /// All objects below a folder, at any depth.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn list_all(&self, folder: &str) -> Result<Vec<Entry>, StorageError> {
        let (path, store) = (self.path(folder)?, self.store());
        let request = || {
            let (path, store) = (path.clone(), store.clone());
            async move {
                let mut found = Vec::new();
                let mut listed = store.list(Some(&path));
                while let Some(meta) = listed.next().await {
                    found.push(entry(&meta?));
                }
                Ok(found)
            }
        };
        self.persist("list", folder, request).await
    }

    /// Writes a whole object. A `Create` whose answer was lost fails with [`Kind::Conflict`] against itself:
    /// the caller looks whose content it is.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn put(
        &self,
        key: &str,
        content: impl Into<PutPayload>,
        put: Put,
    ) -> Result<(), StorageError> {
        let (path, store) = (self.path(key)?, self.store());
        let content = content.into();
        let mode = match put {
            Put::Create => PutMode::Create,
            Put::Replace => PutMode::Overwrite,
        };
        let request = || {
            let (path, store, content) = (path.clone(), store.clone(), content.clone());
            let options = PutOptions::from(mode.clone());
            async move { store.put_opts(&path, content, options).await }
        };
        self.persist("write", key, request).await.map(drop)
    }

    /// Removes an object; nothing is said if there is none.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn delete(&self, key: &str) -> Result<(), StorageError> {
        let (path, store) = (self.path(key)?, self.store());
        let deleted = self.persist("remove", key, || {
            let (path, store) = (path.clone(), store.clone());
            async move { store.delete(&path).await }
        });
        absent(deleted.await).map(drop)
    }

    /// The client's form of a key.
    ///
    /// # Errors
    /// [`Kind::Other`] if no store could keep it.
    pub(super) fn path(&self, key: &str) -> Result<Path, StorageError> {
        if self.0.url.kind() == StoreKind::Http {
            // Whatever a URL holds, it names one object, and its client does not look at the key.
            return Ok(Path::from(key));
        }
        Path::parse(key).map_err(|error| StorageError::of(self.what("use", key), error.into()))
    }

    fn what(&self, verb: &str, key: &str) -> String {
        format!("cannot {verb} {}", self.shown(key))
    }

    /// An error of this store that did not come from a request.
    pub(crate) fn error(&self, kind: Kind, verb: &str, key: &str) -> StorageError {
        StorageError::new(kind, self.what(verb, key), None)
    }

    /// Sends a request until it succeeds or fails for good: for as long as the store may be away, and at least
    /// [`TRIES_MIN`] times. Requests must be such that sending one twice does no harm.
    pub(super) async fn persist<T, F>(
        &self,
        verb: &str,
        key: &str,
        mut request: impl FnMut() -> F,
    ) -> Result<T, StorageError>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let inner = &*self.0;
        let (mut tries, mut expired) = (0, 0);
        let mut since: Option<Instant> = None;
        loop {
            let place = inner.pace.turn().await;
            if !self.is_permitted() {
                inner.pace.failed(place, false);
                return Err(self.error(Kind::Lapsed, verb, key));
            }
            let error = match request().await {
                Ok(value) => {
                    inner.pace.answered(place);
                    *self.away() = None;
                    return Ok(value);
                }
                Err(error) => StorageError::of(self.what(verb, key), error),
            };
            inner.pace.failed(place, error.kind == Kind::SlowDown);
            if error.kind == Kind::Expired && expired < EXPIRED_TRIES && inner.backend.renew() {
                expired += 1;
                continue;
            }
            if !error.kind.may_pass() {
                return Err(error);
            }
            tries += 1;
            self.away().get_or_insert_with(Instant::now);
            let first = *since.get_or_insert_with(Instant::now);
            let elapsed = first.elapsed();
            if elapsed >= inner.patience && tries >= TRIES_MIN {
                return Err(error.tried(elapsed));
            }
            if tries == TRIES_MIN {
                tracing::warn!(%error, "a store does not answer as it should; the request is tried again");
            }
            tokio::time::sleep(backoff(tries - 1, self.random())).await;
        }
    }

    /// Takes note of an upload that may have been begun and whose identity nobody knows.
    pub(super) fn note_lost_upload(&self) {
        self.0.has_lost_upload.store(true, Ordering::Relaxed);
    }

    /// Whether an upload may have been begun whose identity nobody knows: only a list finds it.
    pub(crate) fn has_lost_upload(&self) -> bool {
        self.0.has_lost_upload.load(Ordering::Relaxed)
    }

    fn away(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.away.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the store has answered no request for longer than a hiccup takes.
    pub(crate) fn is_away(&self) -> bool {
        self.away().is_some_and(|since| since.elapsed() > HICCUP)
    }

    /// A number in 0..1.
    fn random(&self) -> f64 {
        // A Weyl sequence: neighbours are far apart.
        let step = 0x9E37_79B9_7F4A_7C15;
        let drawn = self.0.draws.fetch_add(step, Ordering::Relaxed);
        (drawn >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn entry(meta: &ObjectMeta) -> Entry {
    Entry {
        key: meta.location.to_string(),
        found: Found::from(meta),
    }
}

/// Nothing instead of an error because there is nothing.
fn absent<T>(result: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
