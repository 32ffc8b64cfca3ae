//! Owns credentials that a machine's metadata address tells. Most machines have none, so it is asked last and not
//! waited for long.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use object_store::{CredentialProvider, Result};

use super::none;
use super::renewing::Provider;
use crate::net::storage::settings::conceal;

/// How long it may take: where there is none, nobody answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a machine's metadata address tells.
pub(super) struct Instance<C> {
    provider: Provider<C>,
    /// Places where nothing was found.
    looked: Vec<String>,
    has_answered: AtomicBool,
}

impl<C> Instance<C> {
    pub(super) fn new(provider: Provider<C>, looked: Vec<String>) -> Self {
        Self {
            provider,
            looked,
            has_answered: AtomicBool::new(false),
        }
    }

    async fn get(&self) -> Result<Arc<C>> {
        match tokio::time::timeout(PATIENCE, self.provider.get_credential()).await {
            Ok(Ok(credential)) => {
                self.has_answered.store(true, Ordering::Relaxed);
                return Ok(credential);
            }
            // It is there, and will answer again.
            Ok(Err(error)) if self.has_answered.load(Ordering::Relaxed) => return Err(error),
            Ok(Err(error)) => {
                let error = conceal(&error.to_string());
                tracing::debug!(error, "the metadata address gives no credentials");
            }
            Err(_) => tracing::debug!("the metadata address does not answer"),
        }
        let looked = self.looked.iter().map(String::as_str);
        let looked: Vec<_> = looked.chain(["the machine's metadata address"]).collect();
        Err(none(format!(
            "no credentials were found in {}",
            looked.join(", ")
        )))
    }
}

impl<C> fmt::Debug for Instance<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl<C: Send + Sync> CredentialProvider for Instance<C> {
    type Credential = C;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, Result<Arc<C>>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(self.get())
    }
}
