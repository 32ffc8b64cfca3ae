//! Owns the client of Azure Blob Storage. Never sends a request.

use std::sync::Arc;

use object_store::azure::{AzureConfigKey, AzureCredential, MicrosoftAzureBuilder};
use object_store::client::{HttpClient, StaticCredentialProvider};

use super::client::{Connector, client};
use super::instance::Instance;
use super::renewing::{Provider, Renewing};
use super::{Backend, OpenError, without_retries};
use crate::config::StorageOptions;
use crate::net::storage::settings::{AzureCredentials, AzureSettings, Surroundings};

/// Opens a container. `authority` is the URL's: a container, with or without its account's host.
pub(super) fn open(
    authority: &str,
    surroundings: Surroundings,
    options: &StorageOptions,
) -> Result<Backend, OpenError> {
    let settings = AzureSettings::read(authority, &surroundings, options)?;
    let connector = Connector(HttpClient::new(client(&settings.http, &[])?));
    let again = {
        let (connector, options, last) = (
            connector.clone(),
            options.clone(),
            settings.credentials.clone(),
        );
        let authority = authority.to_owned();
        move || {
            let settings = AzureSettings::read(&authority, &surroundings, &options).ok()?;
            let stays = matches!(
                settings.credentials,
                AzureCredentials::Anonymous
                    | AzureCredentials::Key(_)
                    | AzureCredentials::Sas(_)
                    | AzureCredentials::Bearer(_)
            );
            if stays && settings.credentials == last {
                return None;
            }
            provider(&settings, &connector).ok()
        }
    };
    let credentials = Arc::new(Renewing::new(
        provider(&settings, &connector)?,
        Box::new(again),
    ));
    let store = builder(&settings, &connector)
        .with_skip_signature(settings.credentials == AzureCredentials::Anonymous)
        .with_credentials(credentials.clone())
        .build()?;
    let backend = Backend::of(Arc::new(store)).in_parts_of(settings.http.part_bytes);
    Ok(backend.renewed_by(credentials))
}

fn builder(settings: &AzureSettings, connector: &Connector) -> MicrosoftAzureBuilder {
    MicrosoftAzureBuilder::new()
        .with_account(&settings.account)
        .with_container_name(&settings.container)
        .with_endpoint(settings.endpoint.clone())
        .with_http_connector(connector.clone())
        .with_retry(without_retries())
}

fn provider(
    settings: &AzureSettings,
    connector: &Connector,
) -> object_store::Result<Provider<AzureCredential>> {
    let mut builder = builder(settings, connector);
    if let Some(authority) = &settings.authority {
        builder = builder.with_authority_host(authority);
    }
    let builder = match &settings.credentials {
        AzureCredentials::Anonymous => {
            let none = AzureCredential::BearerToken(String::new());
            return Ok(Arc::new(StaticCredentialProvider::new(none)));
        }
        AzureCredentials::Key(key) => builder.with_access_key(key.expose()),
        AzureCredentials::Sas(token) => builder.with_config(AzureConfigKey::SasKey, token.expose()),
        AzureCredentials::Bearer(token) => builder.with_bearer_token_authorization(token.expose()),
        AzureCredentials::ClientSecret {
            client,
            secret,
            tenant,
        } => builder.with_client_secret_authorization(client, secret.expose(), tenant),
        AzureCredentials::Workload {
            client,
            tenant,
            token_file,
        } => builder
            .with_client_id(client)
            .with_tenant_id(tenant)
            .with_federated_token_file(token_file.to_string_lossy()),
        AzureCredentials::CommandLine => builder.with_use_azure_cli(true),
        AzureCredentials::Managed { client, endpoint } => {
            if let Some(client) = client {
                builder = builder.with_client_id(client);
            }
            if let Some(endpoint) = endpoint {
                builder = builder.with_msi_endpoint(endpoint);
            }
            let provider = builder.build()?.credentials().clone();
            let looked = [
                "--storage_option",
                "fsspec's files (~/.config/fsspec)",
                "AZURE_STORAGE_...",
            ];
            let looked = looked.map(str::to_owned).to_vec();
            return Ok(Arc::new(Instance::new(provider, looked)));
        }
    };
    Ok(builder.build()?.credentials().clone())
}
