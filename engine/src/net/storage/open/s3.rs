//! Owns the client of S3. Never sends a request.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::client::HttpClient;

use super::aws::provider;
use super::client::{Connector, client};
use super::region::{FIRST, Regional, url_of_aws};
use super::renewing::{Provider, Renewing};
use super::{Backend, OpenError, without_retries};
use crate::config::StorageOptions;
use crate::net::storage::settings::{S3Credentials, S3Settings, Surroundings};
use crate::net::storage::uploads_list::S3Uploads;

/// Opens a bucket.
pub(super) fn open(
    bucket: &str,
    surroundings: Surroundings,
    options: &StorageOptions,
) -> Result<Backend, OpenError> {
    let settings = S3Settings::read(&surroundings, options)?;
    let reread = {
        let options = options.clone();
        move || S3Settings::read(&surroundings, &options).ok()
    };
    with(bucket, settings, reread)
}

/// Opens a bucket with settings that can be read again.
fn with(
    bucket: &str,
    settings: S3Settings,
    reread: impl Fn() -> Option<S3Settings> + Send + Sync + 'static,
) -> Result<Backend, OpenError> {
    let plain = HttpClient::new(client(&settings.http, &[])?);
    let is_anonymous = settings.credentials == S3Credentials::Anonymous;
    let credentials = Arc::new(Renewing::new(
        provider(&settings, &plain)?,
        again(&settings, &plain, reread),
    ));
    let region = settings.region.as_deref().unwrap_or(FIRST);
    let (url, virtual_hosted, on_aws) = url_of(bucket, region, &settings);
    let signing: Provider<_> = credentials.clone();
    let regional = HttpClient::new(Regional {
        client: plain,
        credentials: (!is_anonymous).then_some(signing),
        requester_pays: settings.requester_pays,
        on_aws: on_aws.then(|| (bucket.to_owned(), virtual_hosted)),
        first: region.to_owned(),
        now: RwLock::new(None),
    });
    // Both forms of URL are whole here: the library adds nothing to this one.
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_endpoint(&url)
        .with_virtual_hosted_style_request(true)
        .with_region(region)
        .with_request_payer(settings.requester_pays)
        .with_unsigned_payload(settings.unsigned_payload)
        .with_skip_signature(is_anonymous)
        // Without any the library would look for some.
        .with_credentials(credentials.clone())
        .with_http_connector(Connector(regional.clone()))
        .with_retry(without_retries());
    if let Some(encryption) = &settings.encryption {
        let mut set = |key: &str, value: &str| -> Result<(), OpenError> {
            let key: AmazonS3ConfigKey = key.parse()?;
            builder = std::mem::take(&mut builder).with_config(key, value);
            Ok(())
        };
        set("aws_server_side_encryption", &encryption.kind)?;
        if let Some(key) = &encryption.kms_key {
            set("aws_sse_kms_key_id", key)?;
        }
        if let Some(enabled) = encryption.bucket_key {
            set("aws_sse_bucket_key_enabled", &enabled.to_string())?;
        }
    }
    let store = Arc::new(builder.build()?);
    let backend = if is_anonymous {
        Backend::of(store)
    } else {
        let (signing, pays) = (credentials.clone(), settings.requester_pays);
        Backend::listed(
            store,
            S3Uploads::new(regional, &url, region, signing, pays)?,
        )
    };
    let backend = backend.in_parts_of(settings.http.part_bytes);
    Ok(backend.renewed_by(credentials))
}

/// The bucket's URL, whether the bucket is a part of the host's name, and whether the host is AWS'.
fn url_of(bucket: &str, region: &str, settings: &S3Settings) -> (String, bool, bool) {
    let Some(endpoint) = &settings.endpoint else {
        // A certificate of AWS is good for one label in front of its names.
        let virtual_hosted = settings.virtual_hosted.unwrap_or(!bucket.contains('.'));
        return (
            url_of_aws(bucket, region, virtual_hosted),
            virtual_hosted,
            true,
        );
    };
    let virtual_hosted = settings.virtual_hosted.unwrap_or(false);
    let url = match endpoint.split_once("://") {
        Some((scheme, host)) if virtual_hosted => format!("{scheme}://{bucket}.{host}"),
        _ => format!("{endpoint}/{bucket}"),
    };
    (url, virtual_hosted, false)
}

/// How to have other credentials: from the files as they are now, unless those still say the same keys.
fn again(
    settings: &S3Settings,
    client: &HttpClient,
    reread: impl Fn() -> Option<S3Settings> + Send + Sync + 'static,
) -> Box<dyn Fn() -> Option<Provider<AwsCredential>> + Send + Sync> {
    let (client, last) = (client.clone(), Mutex::new(settings.credentials.clone()));
    Box::new(move || {
        let settings = reread()?;
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let stays = matches!(
            settings.credentials,
            S3Credentials::Anonymous | S3Credentials::Keys(_) | S3Credentials::Nowhere { .. }
        );
        if stays && settings.credentials == *last {
            return None;
        }
        let provider = provider(&settings, &client).ok()?;
        *last = settings.credentials;
        Some(provider)
    })
}
