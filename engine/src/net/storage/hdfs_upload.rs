//! Owns uploads in parts to a Hadoop file system: one hidden file for each, which grows in the order of the
//! parts and gets its name at the end. Parts may come in any order and more than once. An upload whose writer
//! has failed is lost: what it has written cannot be written again. Never renames over a file.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{Error, PutPayload, Result};

use super::error::Kind;
use super::hdfs_error::{Failure, kind_of_hdfs};
use super::hdfs_files::{FileSystem, Writer, is_word, of_temporary, temporary, walk, word};
use super::upload::{Parts, Unfinished};

/// Uploads of this process to one file system.
pub(super) struct FileParts {
    files: Arc<dyn FileSystem>,
    uploads: Mutex<HashMap<String, Shared>>,
}

type Shared = Arc<tokio::sync::Mutex<Upload>>;

struct Upload {
    /// Away while it writes: a request that was dropped half-way leaves none.
    writer: Option<Box<dyn Writer>>,
    /// The part that comes next.
    next: usize,
    /// Parts that came before their turn.
    early: BTreeMap<usize, PutPayload>,
    closed: bool,
}

impl FileParts {
    pub(super) fn new(files: Arc<dyn FileSystem>) -> Self {
        Self {
            files,
            uploads: Mutex::default(),
        }
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<String, Shared>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upload(&self, id: &str) -> Result<Shared> {
        let upload = self.uploads().get(id).cloned();
        upload.ok_or_else(|| Failure::error(Kind::NoUpload, "this process has no such upload"))
    }
}

impl Upload {
    fn writer(&mut self) -> Result<Box<dyn Writer>> {
        let writer = self.writer.take();
        writer.ok_or_else(|| Failure::error(Kind::NoUpload, "its writer has failed"))
    }

    /// Writes the parts whose turn it is.
    async fn write(&mut self) -> Result<()> {
        while let Some(content) = self.early.remove(&self.next) {
            let mut writer = self.writer()?;
            for bytes in content {
                writer.write(bytes).await.map_err(lost)?;
            }
            self.writer = Some(writer);
            self.next += 1;
        }
        Ok(())
    }

    /// Ends the file, once.
    async fn close(&mut self, parts: usize) -> Result<()> {
        if self.closed {
            return Ok(());
        }
        if self.next != parts {
            let said = format!("it has {} of {parts} parts", self.next);
            return Err(Failure::error(Kind::NoUpload, said));
        }
        self.writer()?.close().await.map_err(lost)?;
        self.closed = true;
        Ok(())
    }
}

/// The error of a writer, of which nothing can be tried again.
fn lost(error: Error) -> Error {
    match kind_of_hdfs(&error) {
        // No other upload would end better.
        Some(Kind::Full | Kind::Denied | Kind::Credentials | Kind::Expired | Kind::Unsupported) => {
            error
        }
        _ => Failure::error(Kind::NoUpload, format!("its writer has failed: {error}")),
    }
}

impl Parts for FileParts {
    fn begin<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let id = word()?;
            let writer = self.files.create(&temporary(path.as_ref(), &id)).await?;
            let upload = Upload {
                writer: Some(writer),
                next: 0,
                early: BTreeMap::new(),
                closed: false,
            };
            let upload = Arc::new(tokio::sync::Mutex::new(upload));
            self.uploads().insert(id.clone(), upload);
            Ok(id)
        })
    }

    /// A part before its turn is kept, and is written with the one that comes before it: no part waits for
    /// another, which may itself wait for a turn.
    fn put<'a>(
        &'a self,
        _: &'a Path,
        id: &'a str,
        index: usize,
        content: PutPayload,
    ) -> BoxFuture<'a, Result<PartId>> {
        Box::pin(async move {
            let upload = self.upload(id)?;
            let mut upload = upload.lock().await;
            // A part that was written already is not written again.
            if index >= upload.next {
                upload.early.insert(index, content);
                if let Err(error) = upload.write().await {
                    upload.early.clear();
                    return Err(error);
                }
            }
            Ok(PartId {
                content_id: index.to_string(),
            })
        })
    }

    fn complete<'a>(
        &'a self,
        path: &'a Path,
        id: &'a str,
        parts: Vec<PartId>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let path = path.as_ref();
            let upload = self.upload(id)?;
            upload.lock().await.close(parts.len()).await?;
            let renamed = self.files.rename(&temporary(path, id), path, false).await;
            match renamed {
                Ok(()) => {
                    self.uploads().remove(id);
                    Ok(())
                }
                Err(error) if kind_of_hdfs(&error) == Some(Kind::NotFound) => Err(Failure::error(
                    Kind::NoUpload,
                    format!("its file was removed: {error}"),
                )),
                Err(error) => Err(error),
            }
        })
    }

    /// Removes the file: its writer, wherever it is, finds no file to write to and none to rename.
    fn abort<'a>(&'a self, path: &'a Path, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if !is_word(id) {
                return Err(Failure::error(Kind::NoUpload, "no upload is called so"));
            }
            self.uploads().remove(id);
            self.files.delete(&temporary(path.as_ref(), id)).await
        })
    }

    /// Finds the hidden files of other processes too, and those that whole objects are written to.
    fn unfinished<'a>(
        &'a self,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Vec<Unfinished>>>> {
        Box::pin(async move {
            let mut found = Vec::new();
            for status in walk(&*self.files, folder.as_ref()).await? {
                if let Some((key, id)) = of_temporary(&status.path) {
                    let since = Some(status.modified());
                    found.push(Unfinished { key, id, since });
                }
            }
            Ok(Some(found))
        })
    }
}
