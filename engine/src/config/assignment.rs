//! Owns which shards of a plan are assigned to a process: all of them, a range of shard numbers, or one
//! of several equal shares, as in a job array. Never reads the environment itself.
//!
//! A shard's content depends only on the list and the shard's number, so workers do not communicate:
//! each cuts the same plan and takes its part.

use crate::error::Error;

/// Environment variables in which a scheduler gives a task its number, from 0: Slurm job arrays and
/// Kubernetes indexed jobs.
const TASK_NUMBERS: [&str; 2] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// The shards that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AssignmentConfig {
    /// Every shard.
    #[default]
    All,
    /// The shards of these numbers, both ends included.
    Range {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// One of `count` shares.
    Share {
        /// Which one, from 0; `None` takes it from the scheduler.
        index: Option<u64>,
        /// How many there are.
        count: u64,
    },
}

impl AssignmentConfig {
    /// Whether other processes may write the other shards into the same folder at the same time.
    pub fn is_part(self) -> bool {
        self != Self::All
    }

    /// Takes the share's number from the scheduler if none was given; `variable` reads an environment
    /// variable.
    ///
    /// # Errors
    /// `Usage` if there is no number, or it is not one of the shares.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<Assignment, Error> {
        match self {
            Self::All => Ok(Assignment::All),
            Self::Range { first, last } => Ok(Assignment::Range { first, last }),
            Self::Share { index, count } => {
                let index = match index {
                    Some(index) => index,
                    None => task_number(variable)?,
                };
                if index < count {
                    return Ok(Assignment::Share { index, count });
                }
                Err(Error::usage(
                    format!("there is no share {index} of {count}"),
                    "shares are counted from 0: an array of N tasks is --array=0-(N-1)",
                ))
            }
        }
    }
}

fn task_number(variable: impl Fn(&str) -> Option<String>) -> Result<u64, Error> {
    let found = TASK_NUMBERS
        .iter()
        .find_map(|name| Some((name, variable(name)?)));
    let Some((name, text)) = found else {
        return Err(Error::usage(
            "`--shard_count` is given and no `--shard_index`",
            format!(
                "give --shard_index, or run as a task that has {}",
                TASK_NUMBERS.join(" or ")
            ),
        ));
    };
    text.parse().map_err(|_| {
        Error::usage(
            format!("{name} is `{}`, which is not a number", text.escape_debug()),
            "give --shard_index",
        )
    })
}

/// The shards that a process writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignment {
    /// Every shard.
    All,
    /// The shards of these numbers, both ends included.
    Range {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// The shards whose number modulo `count` is `index`.
    Share {
        /// From 0, less than `count`.
        index: u64,
        /// At least 1.
        count: u64,
    },
}

impl Assignment {
    /// Whether a shard is assigned to this process.
    pub fn contains(self, shard_id: u64) -> bool {
        match self {
            Self::All => true,
            Self::Range { first, last } => (first..=last).contains(&shard_id),
            Self::Share { index, count } => shard_id % count == index,
        }
    }

    /// The highest shard number that can be assigned.
    pub fn last(self) -> u64 {
        match self {
            Self::Range { last, .. } => last,
            _ => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_plan_are_disjoint_and_complete() {
        for count in [1, 3, 7] {
            for shard_id in 0..50 {
                let takers = (0..count)
                    .filter(|&index| Assignment::Share { index, count }.contains(shard_id))
                    .count();
                assert_eq!(takers, 1, "shard {shard_id} of {count} shares");
            }
        }
    }

    #[test]
    fn a_range_includes_both_ends() {
        let range = Assignment::Range { first: 3, last: 5 };
        let inside: Vec<u64> = (0..9).filter(|&id| range.contains(id)).collect();
        assert_eq!(inside, [3, 4, 5]);
        assert_eq!(range.last(), 5);
    }

    #[test]
    fn the_scheduler_gives_the_share_if_no_option_does() {
        let share = |index| AssignmentConfig::Share { index, count: 4 };
        let slurm = |name: &str| (name == "SLURM_ARRAY_TASK_ID").then(|| "3".to_owned());
        let pod = |name: &str| (name == "JOB_COMPLETION_INDEX").then(|| "0".to_owned());
        let resolved = |index| Some(Assignment::Share { index, count: 4 });
        assert_eq!(share(None).resolve(slurm).ok(), resolved(3));
        assert_eq!(share(None).resolve(pod).ok(), resolved(0));
        assert_eq!(share(Some(1)).resolve(slurm).ok(), resolved(1));
        assert!(share(None).resolve(|_| None).is_err());
        assert!(share(None).resolve(|_| Some("x".to_owned())).is_err());
        assert!(share(Some(4)).resolve(|_| None).is_err());
    }
}
