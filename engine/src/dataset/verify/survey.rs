//! Owns the survey of a dataset's folder: which names make up which shard, and what else is there. Never
//! opens a file.

use std::collections::BTreeMap;

use turbo2ds_writers::Part;

use crate::dataset::names::{OWN_FOLDER, RECORD_NAME, is_temporary, shard_file, shard_number};
use crate::dataset::ownership::Standing;

/// Which files of one shard exist, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pieces([bool; Part::ALL.len()]);

impl Pieces {
    /// A shard that has only its mark.
    pub(super) fn bare() -> Self {
        let mut pieces = Self::default();
        pieces.take(Part::Mark);
        pieces
    }

    pub(super) const fn has(self, part: Part) -> bool {
        self.0[part as usize]
    }

    const fn take(&mut self, part: Part) {
        self.0[part as usize] = true;
    }
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// By shard name, which is the shard's number.
    pub(super) shards: BTreeMap<String, Pieces>,
    /// Number of files that interrupted runs left under temporary names.
    pub(super) temporaries: u64,
    /// Number of files that are not part of a dataset.
    pub(super) others: u64,
}

impl Survey {
    /// Sorts the names in a folder.
    pub(super) fn of(standing: &Standing) -> Self {
        let mut survey = Self::default();
        for name in standing.entries.keys() {
            survey.take(name);
        }
        survey
    }

    fn take(&mut self, name: &str) {
        if let Some((stem, part)) = shard_file(name) {
            self.shards.entry(stem.to_owned()).or_default().take(part);
        } else if is_temporary(name) {
            self.temporaries += 1;
        } else if name != RECORD_NAME && name != OWN_FOLDER {
            self.others += 1;
        }
    }

    /// Shard numbers below the greatest one for which no file exists: their count, and the first few.
    pub(super) fn gaps(&self, listed_max: usize) -> (u64, Vec<u64>) {
        let mut numbers: Vec<u64> = self.shards.keys().filter_map(|n| shard_number(n)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let (mut count, mut first, mut next) = (0, Vec::new(), 0);
        for number in numbers {
            count += number - next;
            let room = listed_max - first.len();
            first.extend((next..number).take(room));
            next = number.saturating_add(1);
        }
        (count, first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(names: &[&str]) -> Survey {
        let mut survey = Survey::default();
        for name in names {
            survey.take(name);
        }
        survey
    }

    #[test]
    fn names_are_put_to_their_shards_and_the_rest_is_counted() {
        let found = survey(&[
            "00000.tar",
            "00000.parquet",
            "00000_stats.json",
            "00001",
            ".00002.tar.0123456789abcdef.part",
            ".00002.tar.part",
            "_tmp",
            RECORD_NAME,
            OWN_FOLDER,
            "notes.txt",
            "x_stats.json",
            "_stats.json",
        ]);
        let first = found.shards["00000"];
        for part in Part::ALL {
            let is_there = [Part::Mark, Part::Parquet, Part::Tar].contains(&part);
            assert_eq!(first.has(part), is_there, "{part:?}");
        }
        assert!(found.shards["00001"].has(Part::Folder));
        assert_eq!(found.shards.len(), 2);
        assert_eq!((found.temporaries, found.others), (1, 5));
    }

    #[test]
    fn gaps_are_counted_and_only_some_of_them_listed() {
        let found = survey(&[
            "00001_stats.json",
            "00004_stats.json",
            "18446744073709551615",
        ]);
        let (count, first) = found.gaps(4);
        assert_eq!(first, [0, 2, 3, 5]);
        assert_eq!(count, u64::MAX - 2);
        assert_eq!(survey(&["0.tar", "1.tar"]).gaps(4), (0, vec![]));
    }
}
