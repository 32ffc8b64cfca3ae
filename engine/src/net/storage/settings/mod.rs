//! Owns what is configured for stores: fsspec's files and variables, the environment and files of each store's
//! own tools, and `--storage_option`, read into one typed value per kind of store. Never sends a request, and
//! never prints a value.
//!
//! | source, the later overrides the earlier | names |
//! |---|---|
//! | the store's own tools: environment, `~/.aws`, gcloud | `AWS_...`, `GOOGLE_...`, `AZURE_...` |
//! | fsspec's files, in the order of their names | keys of s3fs, gcsfs, adlfs |
//! | `FSSPEC_<PROTOCOL>`, then `FSSPEC_<PROTOCOL>_<KEY>` | the same |
//! | `--storage_option` | the same, and those of the crate `object_store` |
//!
//! This is the order in which fsspec itself has them: what it is told goes before what a store's library finds.

mod azure;
mod fsspec;
mod gcs;
mod given;
mod http;
mod identity;
mod ini;
mod profile;
mod s3;
mod secret;
mod surroundings;
#[cfg(test)]
mod tests;

pub(super) use azure::{AzureCredentials, AzureSettings};
pub(super) use gcs::{GcsCredentials, GcsSettings};
pub(super) use http::{HttpSettings, Verify};
pub(super) use identity::{Keys, S3Credentials};
pub(super) use s3::{S3Settings, is_region};
pub(super) use secret::{Secret, conceal};
pub(super) use surroundings::Surroundings;

/// Why settings cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub(super) struct SettingsError {
    what: String,
    /// What a person can do about it.
    pub(super) hint: String,
}

impl SettingsError {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}
