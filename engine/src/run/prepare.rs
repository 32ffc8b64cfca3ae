//! Owns what happens once before workers do parts of a plan: the folder is made ready, as a whole run
//! would make it, and the shards are counted. Never downloads.

use crate::config::Assignment;
use crate::config::Config;
use crate::dataset::ownership::UserFiles;
use crate::error::Error;
use crate::list::plan::Planner;

use super::start::open_list;
use crate::dataset::store::Job;
use crate::dataset::store_of;

/// A plan, ready for workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Number of the list's first shard.
    pub first_shard_id: u64,
    /// Shards of the list, done ones among them.
    pub shards: u64,
    /// Numbers of those that are done, ascending.
    pub done: Vec<u64>,
}

/// Makes the folder ready, by the configuration's incremental mode, and counts the list's shards. The
/// workers' mode is then `incremental`.
///
/// # Errors
/// As those of a run that is refused; `Output` also while workers are writing.
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
    let store = store_of(&config, false);
    let found = store.open(&Job {
        config: &config,
        assignment: Assignment::All,
        input: &identity.fingerprint,
        user_files: files,
    })?;
    for note in &found.notes {
        tracing::warn!("{note}");
    }
    let first_shard_id = found.first_shard_id;
    let mut planner = planner.starting_at(first_shard_id).skipping(|_| true);
    if let Some(plan) = planner.next() {
        // No plan is made of shards that are all passed over: this is the list's error.
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
