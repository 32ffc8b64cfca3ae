//! What `turbo2ds verify` reads of a dataset: stats, tar, tfrecord, parquet. Nothing but the whole thing
//! passes for whole: what is cut short never does.

use turbo2ds::run::stages::{read_parquet, read_records, read_tar};
use turbo2ds_writers::ShardStats;

use super::shared::file;

/// One input.
pub fn run(bytes: &[u8]) {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    let samples = u16::from(kind >> 4);
    match kind % 4 {
        0 => {
            if read_tar(content, samples).is_ok() {
                let zeroes = content.iter().rev().take_while(|byte| **byte == 0).count();
                assert!(zeroes >= 1024);
                assert!(read_tar(&content[..content.len() - zeroes], samples).is_err());
            }
        }
        1 => {
            if read_records(content, samples).is_ok() && !content.is_empty() {
                assert!(read_records(&content[..content.len() - 1], samples).is_err());
            }
        }
        2 => {
            if let Some(stats) = ShardStats::from_json(content) {
                let again = ShardStats::from_json(&stats.to_json());
                assert_eq!(again.map(|stats| stats.count), Some(stats.count));
            }
        }
        _ => {
            let count = u64::from(samples);
            let stats = ShardStats {
                count,
                successes: count,
                status_dict: [("success".to_owned(), count)].into(),
                ..ShardStats::default()
            };
            if let Ok(rows) = read_parquet(&file("back", content), &stats) {
                assert_eq!(rows, count);
            }
        }
    }
}
