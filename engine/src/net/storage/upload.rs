//! Owns uploads in parts: an object that grows and is not there before its upload is completed. Never decides
//! whose an upload is.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{PutPayload, Result};

use super::error::{Kind, StorageError};
use super::objects::{Found, Objects};

/// An upload that was begun and not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// The object's key.
    pub(crate) key: String,
    /// The store's name for the upload.
    pub(crate) id: String,
    /// When it was begun, by the store's clock; `None` if the store does not tell.
    pub(crate) since: Option<SystemTime>,
}

/// Bytes of a part, if the user does not say.
pub(super) const PART_BYTES: usize = 8 * 1024 * 1024;

/// An upload of this process.
#[derive(Clone, Debug)]
pub(crate) struct PartUpload {
    /// The object's key.
    pub(crate) key: String,
    /// The store's name for the upload.
    pub(crate) id: String,
}

/// What a store can do with uploads, in the form that each of its clients offers.
pub(super) trait Parts: Send + Sync {
    /// Begins an upload and returns its name.
    fn begin<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<String>>;
    /// Uploads a part, the first of which is 0. Doing it again replaces it.
    fn put<'a>(
        &'a self,
        path: &'a Path,
        id: &'a str,
        index: usize,
        content: PutPayload,
    ) -> BoxFuture<'a, Result<PartId>>;
    /// Makes the object of all parts.
    fn complete<'a>(
        &'a self,
        path: &'a Path,
        id: &'a str,
        parts: Vec<PartId>,
    ) -> BoxFuture<'a, Result<()>>;
    /// Drops the parts. Its completion then fails.
    fn abort<'a>(&'a self, path: &'a Path, id: &'a str) -> BoxFuture<'a, Result<()>>;
    /// Uploads that were begun below a folder; `None` if the store does not tell.
    fn unfinished<'a>(&'a self, folder: &'a Path)
    -> BoxFuture<'a, Result<Option<Vec<Unfinished>>>>;
}

/// Lists uploads that have not ended.
pub(super) trait UploadList: Send + Sync {
    /// Those whose keys are below a folder; an empty one is the whole bucket.
    fn below<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Unfinished>>>;
}

/// A client of `object_store`, which cannot list uploads, and what can.
pub(super) struct Multipart {
    store: Arc<dyn MultipartStore>,
    list: Option<Arc<dyn UploadList>>,
}

impl Multipart {
    /// Uploads to a store that does not tell which have not ended.
    pub(super) fn new(store: Arc<dyn MultipartStore>) -> Self {
        Self { store, list: None }
    }

    /// Uploads to a store that tells.
    pub(super) fn listed(store: Arc<dyn MultipartStore>, list: Arc<dyn UploadList>) -> Self {
        Self {
            store,
            list: Some(list),
        }
    }
}

impl Parts for Multipart {
    fn begin<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<String>> {
        self.store.create_multipart(path)
    }

    fn put<'a>(
        &'a self,
        path: &'a Path,
        id: &'a str,
        index: usize,
        content: PutPayload,
    ) -> BoxFuture<'a, Result<PartId>> {
        Box::pin(async move {
            self.store
                .put_part(path, &id.to_owned(), index, content)
                .await
        })
    }

    fn complete<'a>(
        &'a self,
        path: &'a Path,
        id: &'a str,
        parts: Vec<PartId>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.store
                .complete_multipart(path, &id.to_owned(), parts)
                .await
                .map(drop)
        })
    }

    fn abort<'a>(&'a self, path: &'a Path, id: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { self.store.abort_multipart(path, &id.to_owned()).await })
    }

    fn unfinished<'a>(
        &'a self,
        folder: &'a Path,
    ) -> BoxFuture<'a, Result<Option<Vec<Unfinished>>>> {
        Box::pin(async move {
            match &self.list {
                Some(list) => list.below(folder.as_ref()).await.map(Some),
                None => Ok(None),
            }
        })
    }
}

impl Objects {
    fn parts(&self, key: &str) -> std::result::Result<Arc<dyn Parts>, StorageError> {
        let parts = self.backend().parts.clone();
        parts.ok_or_else(|| self.error(Kind::Unsupported, "upload", key))
    }

    /// Bytes of a part; the last one may be shorter.
    pub(crate) fn part_bytes(&self) -> usize {
        self.backend().part_bytes
    }

    /// Begins an upload.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn begin_upload(
        &self,
        key: &str,
    ) -> std::result::Result<PartUpload, StorageError> {
        let (path, parts) = (self.path(key)?, self.parts(key)?);
        let tries = AtomicUsize::new(0);
        let request = || {
            if tries.fetch_add(1, Ordering::Relaxed) > 0 {
                // The answer to the first may be what was lost.
                self.note_lost_upload();
            }
            parts.begin(&path)
        };
        let id = self.persist("begin the upload of", key, request).await?;
        Ok(PartUpload {
            key: key.to_owned(),
            id,
        })
    }

    /// Uploads a part, the first of which is 0.
    ///
    /// # Errors
    /// The store's; [`Kind::NoUpload`] if someone else has ended the upload.
    pub(crate) async fn put_part(
        &self,
        upload: &PartUpload,
        index: usize,
        content: Vec<Bytes>,
    ) -> std::result::Result<PartId, StorageError> {
        let (path, parts) = (self.path(&upload.key)?, self.parts(&upload.key)?);
        let content = PutPayload::from_iter(content);
        let request = || parts.put(&path, &upload.id, index, content.clone());
        self.persist("upload a part of", &upload.key, request).await
    }

    /// Makes the object of all parts, which have `bytes` bytes together, and looks that it is there: an answer
    /// may be lost after the object was made, and some stores answer before they failed.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn complete_upload(
        &self,
        upload: &PartUpload,
        ids: &[PartId],
        bytes: u64,
    ) -> std::result::Result<Found, StorageError> {
        let (path, parts) = (self.path(&upload.key)?, self.parts(&upload.key)?);
        let request = || parts.complete(&path, &upload.id, clone_ids(ids));
        let completed = self
            .persist("complete the upload of", &upload.key, request)
            .await;
        match self.head(&upload.key).await? {
            Some(found) if found.bytes == bytes => Ok(found),
            _ => {
                completed?;
                Err(self.error(Kind::Away, "complete the upload of", &upload.key))
            }
        }
    }

    /// Drops an upload's parts; nothing is said if it has ended.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn abort_upload(
        &self,
        key: &str,
        id: &str,
    ) -> std::result::Result<(), StorageError> {
        let (path, parts) = (self.path(key)?, self.parts(key)?);
        let aborted = self
            .persist("abort the upload of", key, || parts.abort(&path, id))
            .await;
        match aborted {
            Err(error) if !matches!(error.kind, Kind::NoUpload | Kind::NotFound) => Err(error),
            _ => Ok(()),
        }
    }

    /// Uploads that were begun below a folder and not ended; `None` if the store does not tell.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn unfinished_uploads(
        &self,
        folder: &str,
    ) -> std::result::Result<Option<Vec<Unfinished>>, StorageError> {
        let (path, parts) = (self.path(folder)?, self.parts(folder)?);
        let listed = self
            .persist("list uploads below", folder, || parts.unfinished(&path))
            .await;
        match listed {
            // Some stores have uploads and no list of them, and say so in one of these ways.
            Err(error) if matches!(error.kind, Kind::Unsupported | Kind::NoUpload) => Ok(None),
            listed => listed,
        }
    }
}

fn clone_ids(ids: &[PartId]) -> Vec<PartId> {
    ids.iter()
        .map(|id| PartId {
            content_id: id.content_id.clone(),
        })
        .collect()
}
