//! A store in memory that tells what was asked of it, for tests. It answers when it is let.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ListResult, ObjectStore, ObjectStoreExt, Result};
use tokio::sync::Semaphore;

use super::http_files_store::{ReadOnly, Site, not_supported};
use super::objects::Objects;
use super::open::Backend;
use super::thread;
use crate::config::{Location, StoreUrl};

/// What was asked of a store.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Ranges that were asked for, in their order.
    pub(crate) ranges: Vec<Range<u64>>,
    /// Requests that have no answer yet.
    pub(crate) open: usize,
    /// Most of them at a time.
    pub(crate) open_most: usize,
}

/// Such a store.
pub(crate) struct Double {
    memory: InMemory,
    asked: Mutex<Asked>,
    /// A request takes a permit and keeps it.
    answers: Semaphore,
    /// Whether it sends whole objects only.
    whole: AtomicBool,
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Double")
    }
}

impl Double {
    /// A store that answers at once.
    pub(crate) fn new() -> Arc<Self> {
        Self::answering(Semaphore::MAX_PERMITS)
    }

    /// A store that answers so many requests.
    pub(crate) fn answering(answers: usize) -> Arc<Self> {
        Arc::new(Self {
            memory: InMemory::new(),
            asked: Mutex::default(),
            answers: Semaphore::new(answers),
            whole: AtomicBool::new(false),
        })
    }

    pub(crate) fn answer(&self, requests: usize) {
        self.answers.add_permits(requests);
    }

    /// Sends no ranges from now on.
    pub(crate) fn refuse_ranges(&self) {
        self.whole.store(true, Ordering::Relaxed);
    }

    pub(crate) fn put(self: &Arc<Self>, key: &str, bytes: Vec<u8>) {
        let (this, key) = (self.clone(), Path::from(key));
        thread::wait(async move { this.memory.put(&key, bytes.into()).await }).expect("room");
    }

    /// Reads what was asked so far.
    pub(crate) fn asked<T>(&self, read: impl FnOnce(&mut Asked) -> T) -> T {
        read(&mut self.asked.lock().expect("no panic"))
    }

    pub(crate) fn objects(self: &Arc<Self>) -> Objects {
        let backend = Backend::from(Arc::new(ReadOnly(self.clone())) as Arc<dyn ObjectStore>);
        Objects::new(url("memory://double"), backend, Duration::ZERO)
    }
}

/// A URL of a store.
pub(crate) fn url(text: &str) -> StoreUrl {
    match Location::of(text) {
        Ok(Location::Remote(url)) => url,
        other => panic!("{other:?}"),
    }
}

/// Counts a request for as long as it is open.
struct Open<'a>(&'a Double);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.asked(|asked| asked.open -= 1);
    }
}

impl Site for Double {
    fn get<'a>(&'a self, path: &'a Path, options: GetOptions) -> BoxFuture<'a, Result<GetResult>> {
        async move {
            if options.head {
                return self.memory.get_opts(path, options).await;
            }
            let range = super::http_files::bounds(options.range.clone())?;
            let range = range.unwrap_or(0..u64::MAX);
            self.asked(|asked| {
                asked.ranges.push(range.clone());
                asked.open += 1;
                asked.open_most = asked.open_most.max(asked.open);
            });
            let _open = Open(self);
            self.answers
                .acquire()
                .await
                .expect("it stays open")
                .forget();
            if self.whole.load(Ordering::Relaxed) && range.start > 0 {
                return Err(not_supported("no ranges"));
            }
            self.memory.get_opts(path, options).await
        }
        .boxed()
    }

    fn list<'a>(&'a self, folder: &'a Path, _: bool) -> BoxFuture<'a, Result<ListResult>> {
        self.memory.list_with_delimiter(Some(folder))
    }
}
