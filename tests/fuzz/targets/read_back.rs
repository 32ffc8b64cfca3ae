//! What `turbo2ds verify` reads of a dataset: stats, tar, tfrecord, parquet. Nothing but the whole thing
//! passes for whole: what is cut short never does.

#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use turbo2ds::stages::{read_parquet, read_records, read_tar};
use turbo2ds_writers::ShardStats;

fuzz_target!(init: quieten(), |bytes: &[u8]| {
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
            if let Ok(rows) = read_parquet(&file(content), &stats) {
                assert_eq!(rows, count);
            }
        }
    }
});

/// The bytes as a file in memory.
fn file(content: &[u8]) -> PathBuf {
    let path = PathBuf::from(format!(
        "/dev/shm/turbo2ds-fuzz-back-{}",
        std::process::id()
    ));
    std::fs::write(&path, content).expect("/dev/shm takes a file");
    path
}

/// The product contains panics of arrow and parquet; libFuzzer's hook would end the process at them.
fn quieten() {
    let fatal = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map_or("", |location| location.file());
        if !place.contains("/arrow-") && !place.contains("/parquet-") {
            fatal(info);
        }
    }));
}
