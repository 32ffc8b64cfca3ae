//! Owns the summary of a finished run: counts, time, and the lines printed at the end, in img2dataset's
//! format, which its users grep for. Never reads the dataset.

use std::time::Duration;

use turbo2ds_dns::StatsSnapshot;

use super::progress::summary_json;
use super::resolution;
use crate::error::{EXIT_PARTIAL, EXIT_SUCCESS};
use crate::list::Losses;
use crate::watch::Tally;

/// Kinds of failures shown in the summary.
const FAILURES_SHOWN: usize = 8;

/// A finished run.
#[derive(Clone, Debug, Default)]
pub struct RunReport {
    /// Rows of the shards committed in this run.
    pub tally: Tally,
    /// Shards committed in this run.
    pub shards: u64,
    /// Shards that were already done.
    pub shards_before: u64,
    /// Shards written here that another worker committed first.
    pub shards_elsewhere: u64,
    /// Shards that failed on this machine and are missing.
    pub shards_missing: u64,
    /// Body bytes received.
    pub body_bytes: u64,
    /// The version that the dataset is since this run; `None` if the run was not whole or changed nothing.
    pub version: Option<String>,
    /// Wall time.
    pub elapsed: Duration,
    /// Whether the run was asked to stop.
    pub interrupted: bool,
    /// Values of the list that could not be kept unchanged.
    pub losses: Losses,
    /// Name resolution.
    pub names: StatsSnapshot,
}

impl RunReport {
    /// The exit code for this run.
    pub fn exit_code(&self) -> u8 {
        if self.shards_missing > 0 {
            EXIT_PARTIAL
        } else {
            EXIT_SUCCESS
        }
    }

    /// The report as the `summary` event of `--log_json`.
    pub fn json(&self) -> serde_json::Value {
        summary_json(self)
    }

    /// The lines of the summary.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![total_line("total", &self.tally, self.elapsed.as_secs_f64())];
        lines.push(format!(
            "shards: {} written, {} found done; {:.1} MB received in {:.1} s",
            self.shards,
            self.shards_before,
            self.body_bytes as f64 / 1e6,
            self.elapsed.as_secs_f64()
        ));
        if self.shards_elsewhere > 0 {
            lines.push(format!(
                "shards: {} more were done by another worker first",
                self.shards_elsewhere
            ));
        }
        if let Some(version) = &self.version {
            lines.push(format!("version: {version}"));
        }
        lines.extend(resolution::line(&self.names));
        lines.extend(self.losses.lines());
        lines.extend(
            most_frequent(&self.tally, FAILURES_SHOWN)
                .into_iter()
                .map(|(text, count)| format!("  {count:>10}  {text}")),
        );
        lines
    }
}

/// img2dataset's line: shares of results, rate and count.
pub(crate) fn total_line(head: &str, tally: &Tally, seconds: f64) -> String {
    let count = tally.count();
    let share = |n: u64| {
        if count == 0 {
            0.0
        } else {
            n as f64 / count as f64
        }
    };
    format!(
        "{head:<7} - success: {:.3} - failed to download: {:.3} - failed to resize: {:.3} - \
         images per sec: {:.0} - count: {count}",
        share(tally.successes),
        share(tally.failed_to_download),
        share(tally.failed_to_resize),
        if seconds > 0.0 {
            count as f64 / seconds
        } else {
            0.0
        },
    )
}

/// The most frequent failures, in descending order; ties are sorted by text.
pub(crate) fn most_frequent(tally: &Tally, most: usize) -> Vec<(String, u64)> {
    let mut list: Vec<(String, u64)> = tally
        .failures
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(f, &n)| (f.to_string(), n))
        .collect();
    list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.truncate(most);
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;

    #[test]
    fn the_total_line_reads_as_img2dataset_prints_it() {
        let mut tally = Tally {
            successes: 3,
            ..Tally::default()
        };
        tally.fail(Failure::HttpStatus(404));
        assert_eq!(
            total_line("total", &tally, 2.0),
            "total   - success: 0.750 - failed to download: 0.250 - failed to resize: 0.000 - \
             images per sec: 2 - count: 4"
        );
    }

    #[test]
    fn failures_are_named_most_frequent_first() {
        let mut tally = Tally::default();
        tally.fail(Failure::TimedOut);
        tally.fail_many(Failure::HttpStatus(404), 2);
        let named = most_frequent(&tally, 1);
        assert_eq!(named, vec![("HTTP Error 404: Not Found".to_owned(), 2)]);
    }
}
