//! Owns the client of Google Cloud Storage. Never sends a request.

use std::sync::Arc;

use object_store::client::{HttpClient, StaticCredentialProvider};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};

use super::client::{Connector, client};
use super::instance::Instance;
use super::renewing::{Provider, Renewing};
use super::{Backend, OpenError, without_retries};
use crate::config::StorageOptions;
use crate::net::storage::settings::{GcsCredentials, GcsSettings, Surroundings};
use crate::net::storage::uploads_list::GcsUploads;

/// The header that names the project which pays.
const PAYER: &str = "x-goog-user-project";

/// Opens a bucket.
pub(super) fn open(
    bucket: &str,
    surroundings: Surroundings,
    options: &StorageOptions,
) -> Result<Backend, OpenError> {
    let settings = GcsSettings::read(&surroundings, options)?;
    let headers: Vec<_> = settings
        .payer
        .as_deref()
        .map(|payer| (PAYER, payer))
        .into_iter()
        .collect();
    let connector = Connector(HttpClient::new(client(&settings.http, &headers)?));
    let again = {
        let (connector, options, last) = (
            connector.clone(),
            options.clone(),
            settings.credentials.clone(),
        );
        move || {
            let credentials = GcsSettings::read(&surroundings, &options).ok()?.credentials;
            let stays = matches!(
                credentials,
                GcsCredentials::Anonymous | GcsCredentials::Bearer(_)
            );
            if stays && credentials == last {
                return None;
            }
            provider(&credentials, &connector).ok()
        }
    };
    let credentials = Arc::new(Renewing::new(
        provider(&settings.credentials, &connector)?,
        Box::new(again),
    ));
    let mut builder = builder(&connector)
        .with_bucket_name(bucket)
        .with_skip_signature(settings.credentials == GcsCredentials::Anonymous)
        .with_credentials(credentials.clone());
    if let GcsCredentials::ServiceAccount(key) = &settings.credentials {
        // It may name an endpoint.
        builder = builder.with_service_account_key(key.expose());
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let base = builder.get_config_value(&GoogleConfigKey::BaseUrl);
    let store = Arc::new(builder.build()?);
    let list = GcsUploads::new(connector.0, base.as_deref(), bucket, credentials.clone())?;
    let backend = Backend::listed(store, list).in_parts_of(settings.http.part_bytes);
    Ok(backend.renewed_by(credentials))
}

fn builder(connector: &Connector) -> GoogleCloudStorageBuilder {
    GoogleCloudStorageBuilder::new()
        .with_http_connector(connector.clone())
        .with_retry(without_retries())
}

fn provider(
    credentials: &GcsCredentials,
    connector: &Connector,
) -> object_store::Result<Provider<GcpCredential>> {
    let builder = builder(connector).with_bucket_name("credentials");
    let fixed = |token: &str| -> Provider<GcpCredential> {
        Arc::new(StaticCredentialProvider::new(GcpCredential {
            bearer: token.to_owned(),
        }))
    };
    let builder = match credentials {
        GcsCredentials::Anonymous => return Ok(fixed("")),
        GcsCredentials::Bearer(token) => return Ok(fixed(token.expose())),
        GcsCredentials::ServiceAccount(key) => builder.with_service_account_key(key.expose()),
        GcsCredentials::User(path) => builder.with_application_credentials(path.to_string_lossy()),
        GcsCredentials::Instance { looked } => {
            let provider = builder.build()?.credentials().clone();
            return Ok(Arc::new(Instance::new(provider, looked.clone())));
        }
    };
    Ok(builder.build()?.credentials().clone())
}
