//! Owns lists on web servers: one URL is one object. A server may be without `HEAD`, without ranges and without a
//! length; what it lacks is found out as it is asked. Never lists a folder: no protocol of the web does.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, GetResult, ListResult, ObjectMeta, ObjectStore, Result,
};
use reqwest::header::{ACCEPT_ENCODING, IF_MATCH, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use url::Url;

use super::http_files_answer::{
    body, client, content_length, content_range, failed, is_strong, meta, refused, version,
};
use super::http_files_store::{ReadOnly, Site, not_supported};
use super::read_ahead::UNKNOWN_BYTES;
use crate::config::StoreUrl;

/// Most redirects that are followed.
const REDIRECTS_MAX: usize = 10;

/// The store with one object, that of a URL. Its keys are not looked at.
///
/// # Errors
/// If the URL is none, or no client can be made.
pub(super) fn open(url: &StoreUrl) -> Result<Arc<dyn ObjectStore>> {
    let text = format!("{}://{}/{}", url.scheme(), url.authority(), url.path());
    let page = Page {
        url: Url::parse(&text).map_err(|error| Error::Generic {
            store: "HTTP",
            source: error.into(),
        })?,
        client: client(Policy::limited(REDIRECTS_MAX))?,
    };
    Ok(Arc::new(ReadOnly(Arc::new(page))))
}

/// What one URL names.
struct Page {
    /// With its query, a user and a password, any of which may be a secret.
    url: Url,
    client: Client,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({})", self.url.host_str().unwrap_or_default())
    }
}

impl Page {
    /// A request. A user and a password in the URL go along as basic authentication.
    fn request(&self, method: Method) -> RequestBuilder {
        self.client
            .request(method, self.url.clone())
            // A length and a range are of the file as it is stored.
            .header(ACCEPT_ENCODING, "identity")
    }

    async fn get_range(&self, range: Option<&Range<u64>>, tag: Option<&str>) -> Result<Response> {
        let mut request = self.request(Method::GET);
        if let Some(range) = range {
            let last = range.end.saturating_sub(1);
            request = request.header(RANGE, format!("bytes={}-{last}", range.start));
        }
        if let Some(tag) = tag.filter(|tag| is_strong(tag)) {
            request = request.header(IF_MATCH, tag);
        }
        request.send().await.map_err(failed)
    }

    /// What is known of the page: by `HEAD`, or by a request for its first byte where `HEAD` is refused or tells no
    /// length.
    async fn head(&self, path: &Path) -> Result<ObjectMeta> {
        let answer = self.request(Method::HEAD).send().await.map_err(failed)?;
        let status = answer.status();
        if status.is_success()
            && let Some(bytes) = content_length(answer.headers())
        {
            return Ok(meta(path, bytes, version(answer.headers(), bytes)));
        }
        // A signature may be for GET alone, which is answered by 403.
        let final_refusal = [
            StatusCode::UNAUTHORIZED,
            StatusCode::NOT_FOUND,
            StatusCode::GONE,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if final_refusal.contains(&status) {
            return Err(refused(path, status));
        }
        let answer = self.get_range(Some(&(0..1)), None).await?;
        let headers = answer.headers();
        let bytes = match answer.status() {
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                content_range(headers).map_or(UNKNOWN_BYTES, |(_, bytes)| bytes)
            }
            status if status.is_success() => content_length(headers).unwrap_or(UNKNOWN_BYTES),
            status => return Err(refused(path, status)),
        };
        Ok(meta(path, bytes, version(headers, bytes)))
    }
}

/// An answer without a body.
pub(super) fn bodiless(meta: ObjectMeta) -> GetResult {
    GetResult {
        payload: object_store::GetResultPayload::Stream(futures_util::stream::empty().boxed()),
        range: 0..0,
        meta,
        attributes: Default::default(),
        extensions: Default::default(),
    }
}

/// The bounds of a range; the end of an object has to be known to be asked for.
pub(super) fn bounds(range: Option<GetRange>) -> Result<Option<Range<u64>>> {
    match range {
        None => Ok(None),
        Some(GetRange::Bounded(range)) => Ok(Some(range)),
        Some(_) => Err(not_supported("a range has two ends")),
    }
}

impl Site for Page {
    fn get<'a>(&'a self, path: &'a Path, options: GetOptions) -> BoxFuture<'a, Result<GetResult>> {
        async move {
            if options.head {
                return self.head(path).await.map(bodiless);
            }
            let range = bounds(options.range)?;
            let tag = options.if_match.as_deref();
            let answer = self.get_range(range.as_ref(), tag).await?;
            if !answer.status().is_success() {
                return Err(refused(path, answer.status()));
            }
            body(path, answer, range, tag)
        }
        .boxed()
    }

    fn list<'a>(&'a self, _: &'a Path, _: bool) -> BoxFuture<'a, Result<ListResult>> {
        std::future::ready(Err(not_supported(
            "web servers list no folders; give the URL of a file",
        )))
        .boxed()
    }
}

#[cfg(test)]
#[path = "http_files_tests.rs"]
mod tests;
