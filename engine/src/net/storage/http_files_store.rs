//! Owns the form in which a site that is only read becomes a store: what such a site can do, and that everything
//! else is not supported. Never sends a request.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A site that is only read.
pub(super) trait Site: fmt::Debug + Send + Sync + 'static {
    /// Reads an object, or only what is known of it.
    fn get<'a>(&'a self, path: &'a Path, options: GetOptions) -> BoxFuture<'a, Result<GetResult>>;

    /// The objects and folders below a folder: right below it, or if `deep` at any depth.
    fn list<'a>(&'a self, folder: &'a Path, deep: bool) -> BoxFuture<'a, Result<ListResult>>;
}

/// The store of a site.
#[derive(Debug)]
pub(super) struct ReadOnly<S>(pub(super) Arc<S>);

impl<S: Site> fmt::Display for ReadOnly<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What such a site cannot do.
pub(super) fn not_supported(why: &'static str) -> Error {
    Error::NotSupported { source: why.into() }
}

fn never_written<'a, T: 'a>() -> BoxFuture<'a, Result<T>> {
    async { Err(not_supported("nothing is written there")) }.boxed()
}

// The signatures are those that `async_trait` makes.
impl<S: Site> ObjectStore for ReadOnly<S> {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        _: &'b Path,
        _: PutPayload,
        _: PutOptions,
    ) -> BoxFuture<'c, Result<PutResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        never_written()
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        _: &'b Path,
        _: PutMultipartOptions,
    ) -> BoxFuture<'c, Result<Box<dyn MultipartUpload>>>
    where
        'a: 'c,
        'b: 'c,
    {
        never_written()
    }

    fn get_opts<'a, 'b, 'c>(
        &'a self,
        path: &'b Path,
        options: GetOptions,
    ) -> BoxFuture<'c, Result<GetResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        async move { self.0.get(path, options).await }.boxed()
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        never_written().into_stream().boxed()
    }

    fn list(&self, folder: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (site, folder) = (self.0.clone(), folder.cloned().unwrap_or_default());
        let listed = async move {
            let listed = site.list(&folder, true).await?;
            Ok(futures_util::stream::iter(listed.objects).map(Ok))
        };
        listed.try_flatten_stream().boxed()
    }

    fn list_with_delimiter<'a, 'b, 'c>(
        &'a self,
        folder: Option<&'b Path>,
    ) -> BoxFuture<'c, Result<ListResult>>
    where
        'a: 'c,
        'b: 'c,
    {
        let folder = folder.cloned().unwrap_or_default();
        async move { self.0.list(&folder, false).await }.boxed()
    }

    fn copy_opts<'a, 'b, 'c, 'd>(
        &'a self,
        _: &'b Path,
        _: &'c Path,
        _: CopyOptions,
    ) -> BoxFuture<'d, Result<()>>
    where
        'a: 'd,
        'b: 'd,
        'c: 'd,
    {
        never_written()
    }
}
