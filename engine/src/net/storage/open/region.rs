//! Owns the region of a bucket: a store that names another region than the request's is asked again there, and
//! so are all later requests. Users of AWS' own tools often name none. Requests that come without a signature are
//! signed here.

use std::sync::{PoisonError, RwLock};

use futures_util::future::BoxFuture;
use object_store::aws::{AwsAuthorizer, AwsCredentialProvider};
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};

use reqwest::header::AUTHORIZATION;

use super::super::error::between;
use super::super::settings::is_region;

/// The region in which AWS answers for all buckets, if only to say where they are.
pub(super) const FIRST: &str = "us-east-1";
const TOLD: &str = "x-amz-bucket-region";
const HASH: &str = "x-amz-content-sha256";

/// The URL of a bucket on AWS, without a slash at its end.
pub(super) fn url_of_aws(bucket: &str, region: &str, virtual_hosted: bool) -> String {
    let host = host_of_aws(bucket, region, virtual_hosted);
    if virtual_hosted {
        format!("https://{host}")
    } else {
        format!("https://{host}/{bucket}")
    }
}

fn host_of_aws(bucket: &str, region: &str, virtual_hosted: bool) -> String {
    let end = if region.starts_with("cn-") { ".cn" } else { "" };
    if virtual_hosted {
        format!("{bucket}.s3.{region}.amazonaws.com{end}")
    } else {
        format!("s3.{region}.amazonaws.com{end}")
    }
}

/// A client that moves requests to the bucket's region.
#[derive(Debug)]
pub(super) struct Regional {
    pub(super) client: HttpClient,
    /// `None` if requests are not signed.
    pub(super) credentials: Option<AwsCredentialProvider>,
    pub(super) requester_pays: bool,
    /// The bucket on AWS, and whether it is a part of the host's name; `None` if the endpoint was given: its host stays.
    pub(super) on_aws: Option<(String, bool)>,
    /// The region that requests come with.
    pub(super) first: String,
    /// The region that the store named.
    pub(super) now: RwLock<Option<String>>,
}

impl Regional {
    fn now(&self) -> Option<String> {
        self.now
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let region = self.now();
        // Bodies are shared, not copied.
        let again = request.clone();
        let current = region.as_deref().unwrap_or(&self.first);
        // Requests that the library does not have come without a signature.
        let is_unsigned = !request.headers().contains_key(AUTHORIZATION);
        let request = if region.is_some() || is_unsigned {
            self.moved(request, current).await?
        } else {
            request
        };
        let answer = self.client.execute(request).await?;
        let (answer, told) = told(answer).await?;
        let Some(told) = told.filter(|told| told != current) else {
            return Ok(answer);
        };
        tracing::info!(
            region = told,
            "the bucket is in another region; it is asked there"
        );
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Some(told.clone());
        let request = self.moved(again, &told).await?;
        self.client.execute(request).await
    }

    /// A request as it would be if it had been made for a region.
    async fn moved(
        &self,
        mut request: HttpRequest,
        region: &str,
    ) -> Result<HttpRequest, HttpError> {
        if let Some((bucket, virtual_hosted)) = &self.on_aws {
            let rest = request
                .uri()
                .path_and_query()
                .map_or("/", |rest| rest.as_str());
            let host = host_of_aws(bucket, region, *virtual_hosted);
            let uri = format!("https://{host}{rest}").parse();
            *request.uri_mut() =
                uri.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        }
        let Some(credentials) = &self.credentials else {
            return Ok(request);
        };
        let failed = |error| HttpError::new(HttpErrorKind::Unknown, error);
        let credential = credentials.get_credential().await.map_err(failed)?;
        // The digest of the body is the same, or that of no body.
        let hash = request.headers().get(HASH);
        let digest = hash.and_then(|hash| bytes_of_hex(hash.as_bytes()));
        AwsAuthorizer::new(&credential, "s3", region)
            .with_sign_payload(hash.is_none() || digest.is_some())
            .with_request_payer(self.requester_pays)
            .try_authorize(&mut request, digest.as_deref())
            .map_err(failed)?;
        Ok(request)
    }
}

impl HttpService for Regional {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> BoxFuture<'f, Result<HttpResponse, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.send(request))
    }
}

/// The region that an answer names for a request that was made for another, and the answer.
async fn told(answer: HttpResponse) -> Result<(HttpResponse, Option<String>), HttpError> {
    let status = answer.status().as_u16();
    if !matches!(status, 301 | 307 | 308 | 400 | 403) {
        return Ok((answer, None));
    }
    let valid = |text: &str| is_region(text).then(|| text.to_owned());
    if let Some(header) = answer.headers().get(TOLD) {
        let told = header.to_str().ok().and_then(valid);
        return Ok((answer, told));
    }
    if status != 400 {
        return Ok((answer, None));
    }
    // Stores that imitate AWS say it in the body only.
    let (parts, body) = answer.into_parts();
    let body = body.bytes().await?;
    let text = String::from_utf8_lossy(&body);
    let told = (between(&text, "Code") == Some("AuthorizationHeaderMalformed"))
        .then(|| between(&text, "Region").and_then(valid))
        .flatten();
    Ok((HttpResponse::from_parts(parts, body.into()), told))
}

/// The bytes that a text writes in hexadecimal; `None` if it does not.
fn bytes_of_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}
