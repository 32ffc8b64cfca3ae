//! Owns which of a plan's shards a process does: all of them, a range of their numbers, or one of
//! several equal shares, as the workers of a job array do. Never reads the environment itself.
//!
//! A shard's content follows from the list and its number alone, so that workers need no word from one
//! another: each cuts the same plan and takes its part.

use crate::error::Error;

/// Variables in which a scheduler tells a task its number, counted from 0: Slurm's arrays, Kubernetes'
/// indexed jobs.
const TASK_NUMBERS: [&str; 2] = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"];

/// The part that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SliceConfig {
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
        /// Which one, from 0; `None` is the scheduler's word.
        index: Option<u64>,
        /// How many there are.
        count: u64,
    },
}

impl SliceConfig {
    /// Whether other processes may do the rest, in the same folder at the same time.
    pub fn is_part(self) -> bool {
        self != Self::All
    }

    /// Fills in what a scheduler has to tell; `variable` gives a variable of the environment.
    ///
    /// # Errors
    /// `Usage` where the number is not there or not one of the shares.
    pub fn resolve(self, variable: impl Fn(&str) -> Option<String>) -> Result<Slice, Error> {
        match self {
            Self::All => Ok(Slice::All),
            Self::Range { first, last } => Ok(Slice::Range { first, last }),
            Self::Share { index, count } => {
                let index = match index {
                    Some(index) => index,
                    None => task_number(variable)?,
                };
                if index < count {
                    return Ok(Slice::Share { index, count });
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
            format!("{name} is `{}`, which is no number", text.escape_debug()),
            "give --shard_index",
        )
    })
}

/// The part that a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// Every shard.
    All,
    /// The shards of these numbers, both ends included.
    Range {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// The shards whose number leaves `index` when it is divided by `count`.
    Share {
        /// From 0, less than `count`.
        index: u64,
        /// At least 1.
        count: u64,
    },
}

impl Slice {
    /// Whether a shard is in it.
    pub fn contains(self, shard_id: u64) -> bool {
        match self {
            Self::All => true,
            Self::Range { first, last } => (first..=last).contains(&shard_id),
            Self::Share { index, count } => shard_id % count == index,
        }
    }

    /// The greatest number that can be in it.
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
    fn the_shares_of_a_plan_are_disjoint_and_leave_nothing_out() {
        for count in [1, 3, 7] {
            for shard_id in 0..50 {
                let takers = (0..count)
                    .filter(|&index| Slice::Share { index, count }.contains(shard_id))
                    .count();
                assert_eq!(takers, 1, "shard {shard_id} of {count} shares");
            }
        }
    }

    #[test]
    fn a_range_holds_both_its_ends() {
        let range = Slice::Range { first: 3, last: 5 };
        let inside: Vec<u64> = (0..9).filter(|&id| range.contains(id)).collect();
        assert_eq!(inside, [3, 4, 5]);
        assert_eq!(range.last(), 5);
    }

    #[test]
    fn a_scheduler_tells_the_share_where_nobody_else_does() {
        let share = |index| SliceConfig::Share { index, count: 4 };
        let slurm = |name: &str| (name == "SLURM_ARRAY_TASK_ID").then(|| "3".to_owned());
        let pod = |name: &str| (name == "JOB_COMPLETION_INDEX").then(|| "0".to_owned());
        let resolved = |index| Some(Slice::Share { index, count: 4 });
        assert_eq!(share(None).resolve(slurm).ok(), resolved(3));
        assert_eq!(share(None).resolve(pod).ok(), resolved(0));
        assert_eq!(share(Some(1)).resolve(slurm).ok(), resolved(1));
        assert!(share(None).resolve(|_| None).is_err());
        assert!(share(None).resolve(|_| Some("x".to_owned())).is_err());
        assert!(share(Some(4)).resolve(|_| None).is_err());
    }
}
