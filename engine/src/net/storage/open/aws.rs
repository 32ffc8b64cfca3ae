//! Owns credentials for S3 that end: of a command, of a role, of a container or a machine. They are kept until
//! shortly before they end. Never writes a secret, a command or its output anywhere.

mod process;
mod role;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::client::{HttpClient, StaticCredentialProvider};
use object_store::{CredentialProvider, Result};
use tokio::sync::Mutex;

use super::client::Connector;
use super::instance::Instance;
use super::region::FIRST;
use super::renewing::Provider;
use super::{none, without_retries};
use crate::net::storage::settings::{Keys, S3Credentials, S3Settings, Secret};
use role::Role;

/// Time before their end from which credentials are asked for again.
const AHEAD: Duration = Duration::from_secs(60);

/// The provider for what is configured.
pub(super) fn provider(
    settings: &S3Settings,
    client: &HttpClient,
) -> Result<Provider<AwsCredential>> {
    of(&settings.credentials, settings, client)
}

fn of(
    credentials: &S3Credentials,
    settings: &S3Settings,
    client: &HttpClient,
) -> Result<Provider<AwsCredential>> {
    let region = settings.region.as_deref().unwrap_or(FIRST);
    Ok(match credentials {
        S3Credentials::Anonymous => Arc::new(Missing(Vec::new())),
        S3Credentials::Nowhere { looked } => Arc::new(Missing(looked.clone())),
        S3Credentials::Keys(keys) => Arc::new(StaticCredentialProvider::new(credential(keys))),
        S3Credentials::Process(command) => Temporary::asking(Ask::Process(command.clone())),
        S3Credentials::Role {
            source,
            role,
            external_id,
            session,
        } => Temporary::asking(Ask::Role(Role {
            client: client.clone(),
            source: of(source, settings, client)?,
            endpoint: match &settings.sts_endpoint {
                Some(endpoint) => endpoint.clone(),
                None => role::endpoint_of_aws(region),
            },
            region: region.to_owned(),
            role: role.clone(),
            external_id: external_id.clone(),
            session: session.clone(),
        })),
        S3Credentials::WebIdentity {
            role,
            token_file,
            session,
        } => {
            use AmazonS3ConfigKey as K;
            let mut pairs = vec![
                (K::RoleArn, role.as_str()),
                (K::WebIdentityTokenFile, text_of(token_file)?),
                (K::RoleSessionName, session),
                (K::Region, region),
            ];
            pairs.extend(
                settings
                    .sts_endpoint
                    .as_deref()
                    .map(|url| (K::StsEndpoint, url)),
            );
            of_library(&pairs, client)?
        }
        S3Credentials::Container { path, url } => {
            use AmazonS3ConfigKey as K;
            let mut pairs = Vec::new();
            pairs.extend(
                path.as_deref()
                    .map(|path| (K::ContainerCredentialsRelativeUri, path)),
            );
            if let Some((url, file)) = url {
                pairs.push((K::ContainerCredentialsFullUri, url));
                pairs.push((K::ContainerAuthorizationTokenFile, text_of(file)?));
            }
            of_library(&pairs, client)?
        }
        S3Credentials::Instance { looked } => {
            let endpoint = settings.metadata_endpoint.as_deref();
            let pairs: Vec<_> = endpoint
                .map(|url| (AmazonS3ConfigKey::MetadataEndpoint, url))
                .into_iter()
                .collect();
            Arc::new(Instance::new(of_library(&pairs, client)?, looked.clone()))
        }
    })
}

/// A provider that the library has, which asks an address and keeps what it is told until it ends.
fn of_library(
    pairs: &[(AmazonS3ConfigKey, &str)],
    client: &HttpClient,
) -> Result<Provider<AwsCredential>> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name("credentials")
        .with_http_connector(Connector(client.clone()))
        .with_retry(without_retries());
    for (key, value) in pairs {
        builder = builder.with_config(*key, *value);
    }
    Ok(Arc::new(Concealed(builder.build()?.credentials().clone())))
}

fn text_of(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| none(format!("{} is no text", path.display())))
}

fn credential(keys: &Keys) -> AwsCredential {
    AwsCredential {
        key_id: keys.id.clone(),
        secret_key: keys.secret.expose().to_owned(),
        token: keys.token.as_ref().map(|token| token.expose().to_owned()),
    }
}

/// Nothing that gives credentials, and the places where they were looked for.
#[derive(Debug)]
struct Missing(Vec<String>);

impl CredentialProvider for Missing {
    type Credential = AwsCredential;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, Result<Arc<AwsCredential>>>
    where
        's: 'f,
        Self: 'f,
    {
        let looked = self.0.join(", ");
        Box::pin(async move { Err(none(format!("no credentials were found in {looked}"))) })
    }
}

/// Credentials whose texts are known as secrets before they are used.
#[derive(Debug)]
struct Concealed(Provider<AwsCredential>);

impl CredentialProvider for Concealed {
    type Credential = AwsCredential;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, Result<Arc<AwsCredential>>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async {
            let credential = self.0.get_credential().await?;
            for secret in credential.token.iter().chain([&credential.secret_key]) {
                let _ = Secret::new(secret);
            }
            Ok(credential)
        })
    }
}

/// Credentials with their end, if they have one.
type Ending = (Arc<AwsCredential>, Option<SystemTime>);

/// What is asked for credentials.
#[derive(Debug)]
enum Ask {
    Process(Secret),
    Role(Role),
}

/// Credentials that are kept until shortly before they end.
struct Temporary {
    ask: Ask,
    kept: Mutex<Option<Ending>>,
}

impl fmt::Debug for Temporary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Temporary")
    }
}

impl Temporary {
    fn asking(ask: Ask) -> Provider<AwsCredential> {
        Arc::new(Self {
            ask,
            kept: Mutex::new(None),
        })
    }

    async fn get(&self) -> Result<Arc<AwsCredential>> {
        // Held while they are asked for: once for all requests.
        let mut kept = self.kept.lock().await;
        let lasts = |end: &Option<SystemTime>, time| end.is_none_or(|end| end > time);
        let now = SystemTime::now();
        if let Some((credential, end)) = &*kept
            && lasts(end, now + AHEAD)
        {
            return Ok(credential.clone());
        }
        let asked = match &self.ask {
            Ask::Process(command) => process::credentials(command).await,
            Ask::Role(role) => role.credentials().await,
        };
        match (asked, &*kept) {
            (Ok((keys, end)), _) => {
                let credential = Arc::new(credential(&keys));
                *kept = Some((credential.clone(), end));
                Ok(credential)
            }
            (Err(_), Some((credential, end))) if lasts(end, now) => {
                tracing::warn!("credentials of a store end soon and cannot be renewed yet");
                Ok(credential.clone())
            }
            (Err(error), _) => Err(error),
        }
    }
}

impl CredentialProvider for Temporary {
    type Credential = AwsCredential;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, Result<Arc<AwsCredential>>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.get())
    }
}

/// The time that a text in RFC 3339's form names.
fn time_of(text: &str) -> Option<SystemTime> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(Into::into)
}
