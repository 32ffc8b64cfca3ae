//! Owns preparing a dataset once, before several workers write its shards: it prepares the folder as a single
//! run does, and counts the shards. Never downloads.

use crate::config::Assignment;
use crate::config::Config;
use crate::dataset::ownership::UserFiles;
use crate::error::Error;
use crate::list::plan::Planner;

use super::start::open_list;
use crate::dataset::store::Job;
use crate::dataset::store_of;

/// A plan that is ready for workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Number of the list's first shard.
    pub first_shard_id: u64,
    /// Count of the list's shards, including those that are done.
    pub shards: u64,
    /// Numbers of the shards that are done, in ascending order.
    pub done: Vec<u64>,
}

/// Prepares the folder according to the incremental mode, and counts the shards of the list. The workers must
/// then use `incremental`.
///
/// # Errors
/// The errors that refuse a run, and `Output` while workers are writing.
pub fn prepare(config: &Config) -> Result<Prepared, Error> {
    let mut config = config.clone();
    let list = open_list(&mut config)?;
    if list.is_piped() {
        return Err(Error::input(
            "a list from a pipe can be read but once, and several workers read it each for itself",
            "save it to a file that every worker can open",
        ));
    }
    let identity = list.identity().clone();
    let files = UserFiles::named(&config, &list)?;
    let planner = Planner::open(list)?;
    let store = store_of(&config, false)?;
    let found = store.open(&Job {
        config: &config,
        assignment: Assignment::All,
        input: &identity.fingerprint,
        user_files: files,
    })?;
    for note in &found.notes {
        tracing::warn!("{note}");
    }
    // The workers open it again, each for itself.
    store.sweep();
    let first_shard_id = found.first_shard_id;
    let mut planner = planner.starting_at(first_shard_id).skipping(|_| true);
    if let Some(plan) = planner.next() {
        // All shards are skipped, so this can only be an error of the list.
        plan?;
    }
    let end = planner.next_shard_id();
    let mut done: Vec<u64> = found
        .done
        .into_iter()
        .filter(|id| (first_shard_id..end).contains(id))
        .collect();
    done.sort_unstable();
    Ok(Prepared {
        first_shard_id,
        shards: end - first_shard_id,
        done,
    })
}
