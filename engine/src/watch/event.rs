//! Owns what the threads of a run tell its main thread. Never carries a row.

use super::Tally;
use crate::error::Error;
use crate::list::Losses;

/// What threads tell the main thread.
pub(crate) enum Event {
    /// A shard is durable.
    ShardCommitted(ShardReport),
    /// A shard was done here, and by another worker before: theirs stands.
    ShardElsewhere,
    /// A shard failed on this machine as often as it may; the run goes on without it.
    ShardGivenUp {
        /// Number of the shard.
        shard_id: u64,
        /// What went wrong the last time.
        error: Error,
    },
    /// The run cannot go on.
    Fatal(Error),
    /// The list could not be read further; what was read is still finished.
    InputBroken(Error),
    /// The planner has read what it will.
    ListEnded {
        /// What could not be kept as it came.
        losses: Losses,
        /// Shards handed out, where the list was read to its end.
        planned: Option<u64>,
    },
    /// A reactor ended.
    CoreEnded(Result<(), Error>),
}

/// A durable shard.
pub(crate) struct ShardReport {
    /// Number of the shard.
    pub shard_id: u64,
    /// From its opening to its end.
    pub seconds: f64,
    /// Its end, Unix seconds.
    pub end_time: f64,
    /// Its rows.
    pub tally: Tally,
}
