//! Owns credentials that can be asked for anew in mid-run: keys that were rotated, sessions that have expired.
//! Never knows what a credential looks like.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use object_store::CredentialProvider;

/// Requests whose credentials were refused this shortly after others' were renewed by the same renewal.
const CALM: Duration = Duration::from_secs(5);

/// Something that gives credentials.
pub(super) type Provider<C> = Arc<dyn CredentialProvider<Credential = C>>;
/// Reads the configuration again; `None` if it still says the same, and the same cannot help.
type Again<C> = Box<dyn Fn() -> Option<Provider<C>> + Send + Sync>;

/// Credentials from a provider that can be replaced.
pub(super) struct Renewing<C> {
    again: Again<C>,
    state: Mutex<State<C>>,
}

struct State<C> {
    provider: Provider<C>,
    renewed: Option<Instant>,
}

/// What a store does to have new credentials; whether that can help.
pub(in crate::net::storage) trait Renew: Send + Sync {
    /// Has the next request ask for new credentials; whether that can help.
    fn renew(&self) -> bool;
}

impl<C> Renewing<C> {
    pub(super) fn new(provider: Provider<C>, again: Again<C>) -> Self {
        Self {
            again,
            state: Mutex::new(State {
                provider,
                renewed: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<C>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Send + Sync> Renew for Renewing<C> {
    fn renew(&self) -> bool {
        let mut state = self.state();
        if state.renewed.is_some_and(|at| at.elapsed() < CALM) {
            return true;
        }
        let Some(provider) = (self.again)() else {
            return false;
        };
        tracing::info!("credentials of a store have expired and are asked for again");
        state.provider = provider;
        state.renewed = Some(Instant::now());
        true
    }
}

impl<C> fmt::Debug for Renewing<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewing")
    }
}

impl<C: Send + Sync> CredentialProvider for Renewing<C> {
    type Credential = C;

    fn get_credential<'s, 'f>(&'s self) -> BoxFuture<'f, object_store::Result<Arc<C>>>
    where
        's: 'f,
        Self: 'f,
    {
        let provider = self.state().provider.clone();
        Box::pin(async move { provider.get_credential().await })
    }
}
