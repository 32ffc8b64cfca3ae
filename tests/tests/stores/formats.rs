//! Every output format in a store is, byte for byte, what it is in a folder.

use turbo2ds_tests::harness::read::{files_below, stats_sum};

use super::Check;
use super::place::{Place, RECORD, ROWS, downloaded, is_history};

pub const CHECKS: &[Check] = &[("every format is what it is in a folder", every_format)];

const FORMATS: [&str; 5] = ["webdataset", "files", "parquet", "tfrecord", "dummy"];

fn every_format(place: &Place<'_>) {
    for format in FORMATS {
        let local = place.local(format);
        local.succeed();
        let prefix = format!("formats/{format}");
        let outcome = place.job(format, &prefix).succeed();
        let folder = downloaded(place, &prefix);
        let (mut found, mut expected) = (files_below(folder.path()), files_below(&local.output()));
        assert!(
            found.remove(RECORD).is_some(),
            "{format}: no record: {outcome}"
        );
        expected.remove(RECORD);
        let names = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
            files.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&found), names(&expected), "{format}");
        for (name, content) in &found {
            // Statistics and versions tell when and how fast.
            let tells_when = name.ends_with("_stats.json") || is_history(name);
            let is_same = tells_when || *content == expected[name];
            assert!(is_same, "{format}: {name} has other bytes");
        }
        assert_eq!(stats_sum(folder.path(), "count"), ROWS, "{format}");
        place.check_nothing_left(&prefix);
        let report = place.verified(&prefix);
        assert_eq!(report["whole"], true, "{format}: {report}");
        assert_eq!(report["rows"], ROWS, "{format}: {report}");
        let outcome = place.verify(&prefix, &[]);
        assert_eq!(outcome.code, Some(0), "{format}: {outcome}");
    }
}
