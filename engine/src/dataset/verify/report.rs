//! Owns what `turbo2ds verify` reports about a folder: counts, what is broken, and the exit code, as a table
//! or as JSON.

use serde::Serialize;

use super::shard::Counts;
use crate::error::{EXIT_PARTIAL, EXIT_SUCCESS};
use crate::text::grouped;

/// Maximum number of broken shards in the table. The JSON lists all.
const LISTED_MAX: usize = 50;

/// One broken shard.
#[derive(Debug, Serialize)]
pub(super) struct Broken {
    /// The shard's name.
    pub(super) shard: String,
    /// The file, by its name in the folder.
    pub(super) file: String,
    /// What is wrong with it.
    pub(super) what: String,
    /// Whether a repair left the shard to be done again by the next run. Always false for a shard that is not
    /// ours.
    pub(super) marked: bool,
}

/// The state of a folder.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) version: &'static str,
    pub(super) folder: String,
    /// Whether there is a shard and nothing is broken, unfinished or missing.
    pub(super) whole: bool,
    pub(super) shards: u64,
    pub(super) shards_whole: u64,
    pub(super) shards_unfinished: u64,
    /// Shard numbers below the greatest one for which no file exists.
    pub(super) shards_missing: u64,
    pub(super) missing: Vec<u64>,
    pub(super) broken: Vec<Broken>,
    pub(super) rows: u64,
    pub(super) samples: u64,
    pub(super) hashes_checked: u64,
    pub(super) temporaries: u64,
    pub(super) temporaries_removed: bool,
    pub(super) others: u64,
    /// Whether the folder has a record of the runs that made its shards.
    pub(super) record: bool,
    /// The version whose files these were compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) manifest: Option<String>,
    pub(super) exit_code: u8,
}

/// What is not checked in whole shards.
const UNCHECKED: &str = "not checked: pixels; hashes of images that were encoded anew; whether the \
                         list had more rows than these";

impl Report {
    /// An empty report for a folder.
    pub(super) fn new(folder: String) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            folder,
            whole: false,
            shards: 0,
            shards_whole: 0,
            shards_unfinished: 0,
            shards_missing: 0,
            missing: Vec::new(),
            broken: Vec::new(),
            rows: 0,
            samples: 0,
            hashes_checked: 0,
            temporaries: 0,
            temporaries_removed: false,
            others: 0,
            record: false,
            manifest: None,
            exit_code: EXIT_PARTIAL,
        }
    }

    /// Sets the counts of whole shards, then decides whether the folder is whole and the exit code. A folder
    /// without shards is not whole.
    pub(super) fn close(&mut self, counts: Counts) {
        self.rows = counts.rows;
        self.samples = counts.samples;
        self.hashes_checked = counts.hashes;
        let redone = self.shards_unfinished + self.shards_missing;
        self.whole = self.broken.is_empty() && redone == 0 && self.shards > 0;
        self.exit_code = if self.whole {
            EXIT_SUCCESS
        } else {
            EXIT_PARTIAL
        };
    }

    /// The report as a human-readable table.
    pub(super) fn table(&self) -> String {
        let mut out = format!("turbo2ds {}: {}\n\n", self.version, self.folder);
        for broken in self.broken.iter().take(LISTED_MAX) {
            out.push_str(&format!("broken      {} {}\n", broken.file, broken.what));
        }
        if self.broken.len() > LISTED_MAX {
            let more = self.broken.len() - LISTED_MAX;
            out.push_str(&format!("            and {more} more; --json lists all\n"));
        }
        let counted: [(&str, u64, &str); 8] = [
            ("whole", self.shards_whole, "shards"),
            ("broken", self.broken.len() as u64, "shards"),
            (
                "unfinished",
                self.shards_unfinished,
                "shards without a mark",
            ),
            (
                "missing",
                self.shards_missing,
                "shards of which nothing is there",
            ),
            ("rows", self.rows, "in whole shards"),
            ("samples", self.samples, "in whole shards"),
            (
                "hashes",
                self.hashes_checked,
                "of samples that hold the bytes as they came",
            ),
            ("temporary", self.temporaries, "files of an interrupted run"),
        ];
        for (name, number, what) in counted {
            out.push_str(&format!("{name:<10}  {:>12} {what}\n", grouped(number)));
        }
        if !self.missing.is_empty() {
            out.push_str(&format!("missing are {:?}\n", self.missing));
        }
        if !self.record {
            out.push_str("no record: the kind of shards was taken from their files\n");
        }
        if let Some(version) = &self.manifest {
            out.push_str(&format!("every file was compared with version {version}\n"));
        }
        out.push_str(&format!("{UNCHECKED}\n\n{}", self.ending()));
        out
    }

    fn ending(&self) -> String {
        if self.whole {
            return "whole".to_owned();
        }
        if self.shards == 0 {
            return "there is no shard\nhint: name the output_folder of a run".to_owned();
        }
        let redone = self.broken.len() as u64 + self.shards_unfinished + self.shards_missing;
        let hint = if self.broken.iter().all(|broken| broken.marked) {
            "the command that made them does them again"
        } else if self.temporaries_removed {
            "some are of no run that the folder's record tells of and were left: remove their files, then \
             a command does them"
        } else {
            "`turbo2ds verify --repair` marks the broken ones; the command that made them then does \
             them again"
        };
        format!("{redone} shards are to be done again\nhint: {hint}")
    }

    /// The report as one JSON object on one line.
    pub(super) fn json(&self) -> String {
        // The report holds nothing that JSON cannot represent.
        serde_json::to_string(self).unwrap_or_default()
    }
}
