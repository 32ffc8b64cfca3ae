//! Owns the events that the threads of a run send to its main thread. Never carries a row.

use super::Tally;
use crate::error::Error;
use crate::list::Losses;

/// An event for the main thread.
pub(crate) enum Event {
    /// A shard is durable.
    ShardCommitted(ShardReport),
    /// Another worker committed the shard first; this worker's copy was dropped.
    ShardElsewhere,
    /// A shard failed on this machine and has no retries left; the run goes on without it.
    ShardGivenUp {
        /// Number of the shard.
        shard_id: u64,
        /// The last error.
        error: Error,
    },
    /// The run cannot go on.
    Fatal(Error),
    /// The list cannot be read any further; the rows read so far are still finished.
    InputBroken(Error),
    /// The planner has finished reading.
    ListEnded {
        /// Values that could not be kept unchanged.
        losses: Losses,
        /// Number of shards, if the list was read to its end.
        planned: Option<u64>,
    },
    /// A reactor ended.
    CoreEnded(Result<(), Error>),
}

/// A durable shard.
pub(crate) struct ShardReport {
    /// Number of the shard.
    pub shard_id: u64,
    /// Time from its opening to its end, seconds.
    pub seconds: f64,
    /// When it ended, Unix seconds.
    pub end_time: f64,
    /// Counts of its rows.
    pub tally: Tally,
}
