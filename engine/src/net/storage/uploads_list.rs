//! Owns the list of uploads to S3 and Google Cloud Storage that were begun and not ended: the requests for it,
//! which the stores' clients lack, with the clients' credentials. Never aborts one.
//!
//! Azure has no such list: the blocks of a blob that was never written cannot be dropped, and go by themselves
//! after a week.

use std::error::Error as StdError;

use futures_util::future::BoxFuture;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{HttpClient, HttpRequest, HttpRequestBody};
use object_store::gcp::GcpCredentialProvider;
use object_store::{Error, HeaderValue, Result};
use reqwest::header::AUTHORIZATION;
use url::Url;

use super::upload::{Unfinished, UploadList};
use super::uploads_xml::Pages;

/// Where Google Cloud Storage is.
const GOOGLE: &str = "https://storage.googleapis.com";

/// S3: requests are signed as those for objects are.
pub(super) struct S3Uploads {
    http: HttpClient,
    /// The bucket's URL.
    bucket: Url,
    region: String,
    credentials: AwsCredentialProvider,
    requester_pays: bool,
}

impl S3Uploads {
    /// Requests go through `http`, the client's own, to the bucket at `url`.
    pub(super) fn new(
        http: HttpClient,
        url: &str,
        region: &str,
        credentials: AwsCredentialProvider,
        requester_pays: bool,
    ) -> Result<Self> {
        Ok(Self {
            http,
            bucket: Url::parse(url).map_err(|error| generic("S3", error))?,
            region: region.to_owned(),
            credentials,
            requester_pays,
        })
    }

    async fn request(&self, query: Vec<(String, String)>) -> Result<HttpRequest> {
        let credential = self.credentials.get_credential().await?;
        let mut url = self.bucket.clone();
        url.query_pairs_mut().extend_pairs(query);
        let mut request = get(&url).map_err(|error| generic("S3", error))?;
        AwsAuthorizer::new(&credential, "s3", &self.region)
            .with_request_payer(self.requester_pays)
            .try_authorize(&mut request, None)?;
        Ok(request)
    }
}

impl UploadList for S3Uploads {
    fn below<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Unfinished>>> {
        Box::pin(list("S3", &self.http, folder, |query| self.request(query)))
    }
}

/// Google Cloud Storage: by its XML protocol, with the client's token.
pub(super) struct GcsUploads {
    http: HttpClient,
    bucket: Url,
    credentials: GcpCredentialProvider,
}

impl GcsUploads {
    /// Requests go through `http`, the client's own; `endpoint` is the client's too.
    pub(super) fn new(
        http: HttpClient,
        endpoint: Option<&str>,
        bucket: &str,
        credentials: GcpCredentialProvider,
    ) -> Result<Self> {
        let mut url =
            Url::parse(endpoint.unwrap_or(GOOGLE)).map_err(|error| generic("GCS", error))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(bucket);
        }
        Ok(Self {
            http,
            bucket: url,
            credentials,
        })
    }

    async fn request(&self, query: Vec<(String, String)>) -> Result<HttpRequest> {
        let credential = self.credentials.get_credential().await?;
        let mut url = self.bucket.clone();
        url.query_pairs_mut().extend_pairs(query);
        let mut request = get(&url).map_err(|error| generic("GCS", error))?;
        // A store of one's own may need no token.
        if !credential.bearer.is_empty() {
            let mut bearer = HeaderValue::try_from(format!("Bearer {}", credential.bearer))
                .map_err(|error| generic("GCS", error))?;
            bearer.set_sensitive(true);
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        Ok(request)
    }
}

impl UploadList for GcsUploads {
    fn below<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Unfinished>>> {
        Box::pin(list("GCS", &self.http, folder, |query| self.request(query)))
    }
}

/// Asks for all pages.
async fn list<F: Future<Output = Result<HttpRequest>>>(
    store: &'static str,
    http: &HttpClient,
    folder: &str,
    request: impl Fn(Vec<(String, String)>) -> F,
) -> Result<Vec<Unfinished>> {
    let mut pages = Pages::of(folder);
    loop {
        let answer = http
            .execute(request(pages.query()).await?)
            .await
            .map_err(|error| generic(store, error))?;
        let status = answer.status();
        let body = answer.into_body().bytes().await;
        let body = body.map_err(|error| generic(store, error))?;
        let body = String::from_utf8_lossy(&body);
        if !status.is_success() {
            return Err(generic(store, format!("status code: {status}: {body}")));
        }
        if !pages.add(store, &body)? {
            return Ok(pages.found());
        }
    }
}

fn get(url: &Url) -> std::result::Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.as_str().parse()?;
    Ok(request)
}

fn generic(store: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
    let source = source.into();
    Error::Generic { store, source }
}
