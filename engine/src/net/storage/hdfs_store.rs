//! Owns a Hadoop file system as a store of objects: an object is a file that got its name by one rename, after
//! it was whole. Files that are being written are not listed. Never writes in parts.

use std::fmt;
use std::sync::Arc;

use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};

use super::error::Kind;
use super::hdfs_error::{Failure, STORE, kind_of_hdfs};
use super::hdfs_files::{FileSystem, Status, below, of_temporary, temporary, walk, word};

/// A Hadoop file system as a store.
#[derive(Clone, Debug)]
pub(super) struct FileStore(pub(super) Arc<dyn FileSystem>);

impl fmt::Display for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STORE)
    }
}

impl FileStore {
    /// What is known of a file. A folder is none.
    async fn file(&self, path: &str) -> Result<Status> {
        let status = self.0.status(path).await?;
        if status.is_folder {
            return Err(Failure::error(Kind::NotFound, "a folder is there"));
        }
        Ok(status)
    }

    /// Writes a whole file under a hidden name, then gives it its own.
    async fn write(&self, path: &str, content: PutPayload, replace: bool) -> Result<()> {
        let conflict = || Failure::error(Kind::Conflict, "something is there");
        // Most losers are spared the writing.
        if !replace && self.0.status(path).await.is_ok() {
            return Err(conflict());
        }
        let hidden = temporary(path, &word()?);
        let written = async {
            let mut writer = self.0.create(&hidden).await?;
            for bytes in content {
                writer.write(bytes).await?;
            }
            writer.close().await
        };
        let renamed = match written.await {
            Ok(()) => self.0.rename(&hidden, path, replace).await,
            Err(error) => Err(error),
        };
        let Err(error) = renamed else { return Ok(()) };
        // If this fails too, what is left is listed with the uploads that have not ended.
        let _ = self.0.delete(&hidden).await;
        Err(match kind_of_hdfs(&error) {
            // It was removed as an upload that has not ended: the next try writes another.
            Some(Kind::NotFound | Kind::NoUpload) => {
                Failure::error(Kind::Away, format!("the new file was removed: {error}"))
            }
            _ => error,
        })
    }
}

/// An object's description; `None` if no store can keep such a name.
fn meta(status: &Status) -> Option<ObjectMeta> {
    Some(ObjectMeta {
        location: Path::parse(&status.path).ok()?,
        last_modified: status.modified().into(),
        size: status.bytes,
        e_tag: Some(status.version()),
        version: None,
    })
}

fn objects(listed: &[Status]) -> impl Iterator<Item = ObjectMeta> {
    let files = listed.iter().filter(|status| !status.is_folder);
    files
        .filter(|status| of_temporary(&status.path).is_none())
        .filter_map(meta)
}

fn folder(prefix: Option<&Path>) -> String {
    prefix.map_or_else(String::new, ToString::to_string)
}

#[async_trait::async_trait]
impl ObjectStore for FileStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let replace = match options.mode {
            PutMode::Create => false,
            PutMode::Overwrite => true,
            PutMode::Update(_) => return Err(unsupported("replace one version only")),
        };
        self.write(location.as_ref(), payload, replace).await?;
        Ok(PutResult {
            e_tag: None,
            version: None,
            extensions: object_store::Extensions::default(),
        })
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(unsupported("upload without a name for the upload"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = location.as_ref();
        let status = self.file(path).await?;
        let meta =
            meta(&status).ok_or_else(|| Failure::error(Kind::Other, "the name cannot be a key"))?;
        options.check_preconditions(&meta)?;
        let range = match options.range {
            Some(range) => range
                .as_range(meta.size)
                .map_err(|error| Failure::error(Kind::Other, error.to_string()))?,
            None => 0..meta.size,
        };
        let (range, stream) = if options.head || range.is_empty() {
            (range.start..range.start, stream::empty().boxed())
        } else {
            let stream = self.0.open(path, range.clone()).await?;
            // The bytes are those of the file that was there when it was opened.
            if self.file(path).await? != status {
                return Err(Failure::error(Kind::Away, "it was replaced just now"));
            }
            (range, stream)
        };
        Ok(GetResult {
            payload: GetResultPayload::Stream(stream),
            meta,
            range,
            attributes: object_store::Attributes::default(),
            extensions: object_store::Extensions::default(),
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let files = self.0.clone();
        let removed = locations.and_then(move |location| {
            let files = files.clone();
            async move {
                files.delete(location.as_ref()).await?;
                Ok(location)
            }
        });
        removed.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (files, folder) = (self.0.clone(), folder(prefix));
        let listed = async move {
            let found = walk(&*files, &folder).await?;
            let found: Vec<_> = objects(&found).map(Ok).collect();
            Ok::<_, Error>(stream::iter(found))
        };
        stream::once(listed).try_flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let found = below(&*self.0, &folder(prefix)).await?;
        let folders = found.iter().filter(|status| status.is_folder);
        Ok(ListResult {
            common_prefixes: folders
                .filter_map(|status| Path::parse(&status.path).ok())
                .collect(),
            objects: objects(&found).collect(),
            extensions: object_store::Extensions::default(),
        })
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(unsupported("copy"))
    }
}

fn unsupported(what: &str) -> Error {
    Failure::error(
        Kind::Unsupported,
        format!("a Hadoop file system cannot {what}"),
    )
}
