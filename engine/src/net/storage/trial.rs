//! Owns the trial whether a store keeps the condition that nothing is there: without it two workers could
//! publish one shard. Leaves nothing behind.

use futures_util::future::join_all;

use super::error::{Kind, StorageError};
use super::objects::{Objects, Put};

/// Objects that several requests try to create at once.
const KEYS: u64 = 6;
/// Requests for each of them.
const RACERS: usize = 8;

impl Objects {
    /// Whether, of several requests to create an object, exactly one succeeds. A store that ignores the condition is found
    /// by a request that comes later, one that looks and then writes by requests that come at once. `key` names
    /// the objects; nothing may be there.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn keeps_conditions(
        &self,
        key: impl Fn(u64) -> String,
    ) -> Result<bool, StorageError> {
        let trials = (0..KEYS).map(|number| self.keeps_condition(key(number)));
        // One that fails does not end the others, which have something to remove.
        let results = join_all(trials).await.into_iter();
        let all = results.collect::<Result<Vec<_>, _>>()?;
        Ok(all.into_iter().all(|keeps| keeps))
    }

    async fn keeps_condition(&self, key: String) -> Result<bool, StorageError> {
        let racers = (0..RACERS).map(|racer| {
            let content = format!("{racer}").into_bytes();
            self.put(&key, content, Put::Create)
        });
        let mut results = join_all(racers).await;
        results.push(self.put(&key, Vec::new(), Put::Create).await);
        self.delete(&key).await?;
        let mut winners = 0;
        for result in results {
            match result {
                Ok(()) => winners += 1,
                Err(error) if error.kind == Kind::Conflict => {}
                Err(error) if error.kind == Kind::Unsupported => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        // None at all: the winner's answer was lost.
        Ok(winners <= 1)
    }
}
