//! Owns the options that assign shards to a process. Never reads the environment.

use crate::config::AssignmentConfig;
use crate::config::IncrementalMode;
use crate::error::Error;

use super::value::{Values, integer, optional};

/// Reads which shards are assigned to this process.
pub(super) fn assignment(v: &Values, mode: IncrementalMode) -> Result<AssignmentConfig, Error> {
    let range = v.read("shard_range", optional(shard_range))?;
    let index = v.read("shard_index", optional(integer(0, u64::MAX)))?;
    let count = v.read("shard_count", optional(integer(1, u64::MAX)))?;
    let assignment = match (range, index, count) {
        (None, None, None) => return Ok(AssignmentConfig::All),
        (Some((first, last)), None, None) => AssignmentConfig::Range { first, last },
        (None, index, Some(count)) => AssignmentConfig::Share { index, count },
        (None, Some(_), None) => {
            return Err(Error::usage(
                "`--shard_index` is given and no `--shard_count`",
                "say how many shares there are",
            ));
        }
        (Some(_), ..) => {
            return Err(Error::usage(
                "`--shard_range` and `--shard_index` or `--shard_count` contradict each other",
                "leave one of them out",
            ));
        }
    };
    if mode != IncrementalMode::Incremental {
        return Err(Error::usage(
            "a worker that does a part of the shards cannot overwrite or extend a dataset",
            "leave --incremental_mode out; the folder is the others' too",
        ));
    }
    Ok(assignment)
}

fn shard_range(text: &str) -> Result<(u64, u64), String> {
    text.split_once('-')
        .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)))
        .filter(|(first, last)| first <= last)
        .ok_or_else(|| "two shard numbers, A-B, A not over B".to_owned())
}
