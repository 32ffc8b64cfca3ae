//! Owns the first request to a store: whether its address, bucket and credentials are good, before anything
//! depends on them. Never tries for long: what is wrong here is mostly a wrong word.

use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::error::{Kind, StorageError};
use super::objects::Objects;
use super::pace::backoff;

/// How long a store may be away at first, however long a run would wait for it.
const PATIENCE_MAX: Duration = Duration::from_secs(15);
/// How long it may be away even if a run would not wait.
const PATIENCE_MIN: Duration = Duration::from_secs(2);
/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Times that credentials may be renewed.
const RENEWALS: u32 = 2;

impl Objects {
    /// Asks for the keys below `prefix`, a folder, and reads one of them at most. Where keys may not be listed, the
    /// object of that name is looked at.
    ///
    /// # Errors
    /// The store's: no or wrong credentials, no such bucket, an address where nobody answers.
    pub(crate) async fn first_contact(&self, prefix: &str) -> Result<(), StorageError> {
        let path = self.path(prefix)?;
        let what = || format!("cannot use {}", self.shown(prefix));
        let begun = Instant::now();
        let patience = self.patience().clamp(PATIENCE_MIN, PATIENCE_MAX);
        let (mut tries, mut renewals) = (0, 0);
        loop {
            let store = self.backend().store.clone();
            let mut listed = store.list(Some(&path));
            let mut error = match tokio::time::timeout(ANSWER_MAX, listed.next()).await {
                Ok(Some(Err(error))) => StorageError::of(what(), error),
                Ok(_) => return Ok(()),
                Err(_) => {
                    let error = StorageError::new(Kind::Away, what(), None);
                    return Err(error.tried(begun.elapsed()));
                }
            };
            if error.kind == Kind::NotFound {
                // A folder without keys is an empty list; only what holds it can be missing.
                error.kind = Kind::NoBucket;
            }
            if error.kind == Kind::Denied && matches!(self.head(prefix).await, Ok(Some(_))) {
                return Ok(());
            }
            if error.kind == Kind::Expired && renewals < RENEWALS && self.backend().renew() {
                renewals += 1;
                continue;
            }
            if !error.kind.may_pass() {
                return Err(error);
            }
            if begun.elapsed() >= patience {
                return Err(error.tried(begun.elapsed()));
            }
            tokio::time::sleep(backoff(tries, 0.5)).await;
            tries += 1;
        }
    }
}
