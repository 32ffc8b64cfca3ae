//! Owns what the answers of web servers mean for a store: lengths, versions, ranges and failures. Never sends a
//! request.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use object_store::path::Path;
use object_store::{Attributes, Error, GetResult, GetResultPayload, ObjectMeta, Result};
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED};
use reqwest::{Client, Response, StatusCode};

use super::http_files_store::not_supported;
use super::read_ahead::UNKNOWN_BYTES;
use crate::net::verifying_config;

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// How long an answer may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// A client for lists. Proxies are those of the environment, and certificates those of a run.
///
/// # Errors
/// If no client can be made.
pub(super) fn client(redirects: reqwest::redirect::Policy) -> Result<Client> {
    let mut config = verifying_config().map_err(|error| Error::Generic {
        store: "HTTP",
        source: error.into(),
    })?;
    // One connection for each request in flight is faster than one for all of them.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(config)
        .http1_only()
        .connect_timeout(CONNECT_TIME)
        .read_timeout(SILENCE)
        .redirect(redirects)
        .user_agent(concat!("turbo2ds/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(failed)
}

/// A request that got no answer, or an answer that ended early.
pub(super) fn failed(error: reqwest::Error) -> Error {
    Error::Generic {
        store: "HTTP",
        // It may hold a signature.
        source: Box::new(error.without_url()),
    }
}

/// An answer that is a refusal.
pub(super) fn refused(path: &Path, status: StatusCode) -> Error {
    let source = format!("status code: {status}").into();
    let path = path.to_string();
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Error::NotFound { path, source },
        StatusCode::PRECONDITION_FAILED | StatusCode::RANGE_NOT_SATISFIABLE => {
            Error::Precondition { path, source }
        }
        _ => Error::Generic {
            store: "HTTP",
            source,
        },
    }
}

/// A header's text.
pub(super) fn header(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The length that a header tells.
pub(super) fn content_length(headers: &HeaderMap) -> Option<u64> {
    header(headers, CONTENT_LENGTH)?.parse().ok()
}

/// The version that an answer tells: its `ETag`, or else when it was changed and its length.
pub(super) fn version(headers: &HeaderMap, bytes: u64) -> Option<String> {
    if let Some(tag) = header(headers, ETAG) {
        return Some(tag.to_owned());
    }
    let changed = header(headers, LAST_MODIFIED)?;
    Some(format!("{changed}; {bytes}"))
}

/// Whether a version can be asked for with `If-Match`. A weak one never matches.
pub(super) fn is_strong(version: &str) -> bool {
    version.starts_with('"')
}

/// What is known of an object.
pub(super) fn meta(path: &Path, bytes: u64, version: Option<String>) -> ObjectMeta {
    ObjectMeta {
        location: path.clone(),
        // Its version is what counts.
        last_modified: SystemTime::UNIX_EPOCH.into(),
        size: bytes,
        e_tag: version,
        version: None,
    }
}

/// The range and the whole length in `bytes 0-9/100`; the length may be unknown.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(Option<Range<u64>>, u64)> {
    let text = header(headers, CONTENT_RANGE)?.strip_prefix("bytes ")?;
    let (range, length) = text.split_once('/')?;
    let length = match length {
        "*" => UNKNOWN_BYTES,
        length => length.parse().ok()?,
    };
    let range = range.split_once('-').and_then(|(first, last)| {
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        Some(first..last.checked_add(1)?)
    });
    Some((range, length))
}

/// The bytes of a successful answer to a request for `range`, or for all.
///
/// # Errors
/// `NotSupported` if the server sends no ranges and other bytes than the first were asked for; `Precondition` if the
/// answer is of another version than `wanted`.
pub(super) fn body(
    path: &Path,
    answer: Response,
    range: Option<Range<u64>>,
    wanted: Option<&str>,
) -> Result<GetResult> {
    let is_part = answer.status() == StatusCode::PARTIAL_CONTENT;
    let (sent, bytes) = match content_range(answer.headers()) {
        Some((Some(sent), bytes)) if is_part => (sent, bytes),
        _ if is_part => return Err(not_supported("the server's ranges have no bounds")),
        _ => {
            let bytes = content_length(answer.headers()).unwrap_or(UNKNOWN_BYTES);
            (0..bytes, bytes)
        }
    };
    let version = version(answer.headers(), bytes);
    if let (Some(wanted), Some(version)) = (wanted, &version)
        && wanted != version
    {
        return Err(refused(path, StatusCode::PRECONDITION_FAILED));
    }
    let range = range.unwrap_or(0..bytes);
    // Where the end is not known, a range beyond it would be an error.
    if sent.start != range.start || (range.start > 0 && bytes == UNKNOWN_BYTES) {
        return Err(not_supported("the server sends no ranges"));
    }
    let range = range.start..range.end.min(sent.end);
    Ok(GetResult {
        payload: GetResultPayload::Stream(pieces(answer, range.end - range.start)),
        meta: meta(path, bytes, version),
        range,
        attributes: Attributes::default(),
        extensions: Default::default(),
    })
}

/// The first `most` bytes of a body. The rest is not read.
fn pieces(answer: Response, most: u64) -> BoxStream<'static, Result<bytes::Bytes>> {
    let next = |(mut answer, left): (Response, u64)| async move {
        if left == 0 {
            return Ok(None);
        }
        let Some(mut piece) = answer.chunk().await.map_err(failed)? else {
            return Ok(None);
        };
        piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - piece.len() as u64;
        Ok(Some((piece, (answer, left))))
    };
    stream::try_unfold((answer, most), next).boxed()
}
