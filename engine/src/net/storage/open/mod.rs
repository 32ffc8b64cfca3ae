//! Owns opening a store by its URL: the client, with the user's endpoint and credentials. Never sends a
//! request.

mod aws;
mod azure;
mod client;
mod gcs;
mod instance;
mod region;
mod renewing;
mod s3;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use object_store::{ObjectStore, RetryConfig};

use super::error::NoCredentials;
use super::objects::Objects;
use super::settings::{SettingsError, Surroundings, conceal};
use super::upload::{Multipart, PART_BYTES, Parts, UploadList};
use super::{hdfs, hf, http_files, thread, webhdfs};
use crate::config::{StorageConfig, StorageOptions, StoreKind, StoreUrl};
use crate::error::{Error, Message};
use renewing::Renew;

/// A store's clients.
pub(super) struct Backend {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Uploads in parts, where the store has them.
    pub(super) parts: Option<Arc<dyn Parts>>,
    /// Bytes of a part of an upload.
    pub(super) part_bytes: usize,
    /// Its credentials, where they can be asked for anew.
    renewal: Option<Arc<dyn Renew>>,
}

impl Backend {
    /// A store that does not list its uploads.
    fn of<S: ObjectStore + MultipartStore>(store: Arc<S>) -> Self {
        let parts = Arc::new(Multipart::new(store.clone()));
        Self::from((store as Arc<dyn ObjectStore>, parts as Arc<dyn Parts>))
    }

    /// A store whose uploads are listed.
    fn listed<S: ObjectStore + MultipartStore>(
        store: Arc<S>,
        list: impl UploadList + 'static,
    ) -> Self {
        let parts = Arc::new(Multipart::listed(store.clone(), Arc::new(list)));
        Self::from((store as Arc<dyn ObjectStore>, parts as Arc<dyn Parts>))
    }

    fn in_parts_of(self, part_bytes: usize) -> Self {
        Self { part_bytes, ..self }
    }

    fn renewed_by(self, renewal: Arc<dyn Renew>) -> Self {
        Self {
            renewal: Some(renewal),
            ..self
        }
    }

    /// Has the next request ask for new credentials; whether that can help.
    pub(super) fn renew(&self) -> bool {
        self.renewal.as_ref().is_some_and(|renewal| renewal.renew())
    }
}

impl From<(Arc<dyn ObjectStore>, Arc<dyn Parts>)> for Backend {
    fn from((store, parts): (Arc<dyn ObjectStore>, Arc<dyn Parts>)) -> Self {
        Self {
            store,
            parts: Some(parts),
            part_bytes: PART_BYTES,
            renewal: None,
        }
    }
}

impl From<Arc<dyn ObjectStore>> for Backend {
    /// A store that is only read.
    fn from(store: Arc<dyn ObjectStore>) -> Self {
        Self {
            store,
            parts: None,
            part_bytes: PART_BYTES,
            renewal: None,
        }
    }
}

/// What `memory://` keeps, for the whole process.
static MEMORY: OnceLock<Arc<InMemory>> = OnceLock::new();

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
enum OpenError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("{}", conceal(&.0.to_string()))]
    Client(#[from] object_store::Error),
}

impl OpenError {
    fn hint(&self) -> String {
        match self {
            Self::Settings(error) => error.hint.clone(),
            Self::Client(_) => {
                "check --storage_option, fsspec's files (~/.config/fsspec) and the store's environment variables"
                    .to_owned()
            }
        }
    }
}

/// Opens the store of a URL.
///
/// # Errors
/// `Usage` if an option is unknown or has no such value, `Input` or `Output` never.
pub(crate) fn open(url: &StoreUrl, config: &StorageConfig) -> Result<Objects, Error> {
    // Some clients take the process' provider of cryptography, which comes with the store thread.
    thread::handle();
    let backend = backend(url, Surroundings::of_process(), &config.options).map_err(|error| {
        let hint = error.hint();
        Error::usage(Message::because(format!("cannot use {url}"), error), hint)
    })?;
    Ok(Objects::new(url.clone(), backend, config.patience))
}

fn backend(
    url: &StoreUrl,
    surroundings: Surroundings,
    options: &StorageOptions,
) -> Result<Backend, OpenError> {
    match url.kind() {
        StoreKind::S3 => s3::open(url.authority(), surroundings, options),
        StoreKind::Gcs => gcs::open(url.authority(), surroundings, options),
        StoreKind::Azure => azure::open(url.authority(), surroundings, options),
        StoreKind::Memory => Ok(Backend::of(MEMORY.get_or_init(Arc::default).clone())),
        StoreKind::Hdfs => Ok(hdfs::open(url, &options.0)?.into()),
        StoreKind::WebHdfs => Ok(webhdfs::open(url, &options.0)?.into()),
        StoreKind::Http => Ok(http_files::open(url)?.into()),
        StoreKind::HuggingFace => Ok(hf::open(url)?.into()),
    }
}

/// Requests are tried again by `Objects`, with credentials that are asked for anew.
fn without_retries() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// An error that says why there are no credentials.
fn none(why: impl Into<String>) -> object_store::Error {
    object_store::Error::Unauthenticated {
        path: String::new(),
        source: Box::new(NoCredentials(why.into())),
    }
}
