//! A Hadoop file system in memory, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use object_store::{Error, Result};

use super::error::Kind;
use super::hdfs_error::Failure;
use super::hdfs_files::{FileSystem, Status, Writer};

/// A Hadoop file system in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(Arc<Mutex<Disk>>);

/// What it keeps.
#[derive(Debug, Default)]
pub(super) struct Disk {
    /// Contents and times by path.
    pub(super) files: BTreeMap<String, (Vec<u8>, u64)>,
    clock: u64,
    /// Writes that still succeed.
    pub(super) writes: Option<usize>,
    /// What another process writes as soon as a file is opened.
    pub(super) replacement: Option<Vec<u8>>,
}

impl Memory {
    pub(super) fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().expect("no test panics here")
    }
}

impl Disk {
    pub(super) fn write(&mut self, path: &str, content: Vec<u8>) {
        self.clock += 1;
        self.files.insert(path.to_owned(), (content, self.clock));
    }

    pub(super) fn status(&self, path: &str) -> Option<Status> {
        let (content, modified) = self.files.get(path)?;
        Some(Status {
            path: path.to_owned(),
            bytes: content.len() as u64,
            is_folder: false,
            modified: *modified,
            number: None,
        })
    }
}

fn nothing() -> Error {
    Failure::error(Kind::NotFound, "nothing")
}

impl FileSystem for Memory {
    fn status<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Status>> {
        Box::pin(async move {
            // Lets others go on, as an answer over the network does.
            tokio::task::yield_now().await;
            self.disk().status(path).ok_or_else(nothing)
        })
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Status>>> {
        Box::pin(async move {
            let disk = self.disk();
            let (mut listed, mut folders) = (Vec::new(), BTreeSet::new());
            for path in disk.files.keys() {
                let below = match folder {
                    "" => Some(path.as_str()),
                    folder => path
                        .strip_prefix(folder)
                        .and_then(|rest| rest.strip_prefix('/')),
                };
                match below.map(|below| below.split_once('/')) {
                    Some(Some((name, _))) => {
                        folders.insert(
                            path[..path.len() - below.map_or(0, str::len) + name.len()].to_owned(),
                        );
                    }
                    Some(None) => listed.extend(disk.status(path)),
                    None => {}
                }
            }
            listed.extend(folders.into_iter().map(|path| Status {
                path,
                bytes: 0,
                is_folder: true,
                modified: 0,
                number: None,
            }));
            if listed.is_empty() {
                Err(nothing())
            } else {
                Ok(listed)
            }
        })
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        Box::pin(async move {
            let mut disk = self.disk();
            let (content, _) = disk.files.get(path).ok_or_else(nothing)?;
            let bytes = Bytes::copy_from_slice(&content[range.start as usize..range.end as usize]);
            if let Some(content) = disk.replacement.take() {
                disk.write(path, content);
            }
            Ok(stream::iter([Ok(bytes)]).boxed())
        })
    }

    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn Writer>>> {
        Box::pin(async move {
            assert!(self.disk().status(path).is_none(), "{path} is new");
            self.disk().write(path, Vec::new());
            Ok(Box::new(MemoryWriter {
                memory: self.clone(),
                path: path.to_owned(),
            }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        replace: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut disk = self.disk();
            if disk.files.contains_key(from) && !replace && disk.files.contains_key(to) {
                return Err(Failure::error(Kind::Conflict, "it exists"));
            }
            let file = disk.files.remove(from).ok_or_else(nothing)?;
            disk.files.insert(to.to_owned(), file);
            Ok(())
        })
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        let removed = self.disk().files.remove(path).map(drop);
        Box::pin(std::future::ready(removed.ok_or_else(nothing)))
    }
}

struct MemoryWriter {
    memory: Memory,
    path: String,
}

impl Writer for MemoryWriter {
    fn write(&mut self, content: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut disk = self.memory.disk();
            match &mut disk.writes {
                Some(0) => return Err(Failure::error(Kind::Away, "a node is lost")),
                Some(writes) => *writes -= 1,
                None => {}
            }
            let (mut written, _) = disk.files.get(&self.path).cloned().ok_or_else(nothing)?;
            written.extend_from_slice(&content);
            disk.write(&self.path, written);
            Ok(())
        })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
