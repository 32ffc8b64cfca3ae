//! Owns the entry points for fuzzing: the readers of `verify` over bytes, checked against given rows. They
//! return faults as text, so that nothing else in `verify` is public.

use std::path::Path;

use turbo2ds_writers::ShardStats;

use super::rows::{Known, Row, Rows};
use super::samples::{check_record_stream, check_tar_stream};
use super::table::Table;

/// The name of the shard that all bytes are read as.
const SHARD: &str = "00000";

/// The rows of a shard in which every row is a success.
fn successes(count: u16) -> Rows {
    let mut rows = Rows::new(SHARD, Known::default(), None);
    for row in 0..count {
        let promised = Row {
            success: true,
            width: None,
            height: None,
            hash: None,
            found: false,
        };
        let key = format!("{SHARD}{row:04}");
        // The keys made here belong to the shard and are distinct.
        let _ = rows.promise(Some(&key), "success", promised, u64::from(count));
    }
    rows
}

/// Reads bytes as the tar of a shard with this many samples.
///
/// # Errors
/// The first fault found, as text.
pub fn read_tar(bytes: &[u8], samples: u16) -> Result<(), String> {
    let mut rows = successes(samples);
    let result = check_tar_stream(bytes, &mut rows).and_then(|()| rows.check_found());
    result.map_err(|fault| fault.to_string())
}

/// Reads bytes as the tfrecord of a shard with this many samples.
///
/// # Errors
/// The first fault found, as text.
pub fn read_records(bytes: &[u8], samples: u16) -> Result<(), String> {
    let mut rows = successes(samples);
    let result = check_record_stream(bytes, &mut rows).and_then(|()| rows.check_found());
    result.map_err(|fault| fault.to_string())
}

/// Reads a file as the parquet of a shard with these stats and returns its number of rows.
///
/// # Errors
/// The first fault found, as text.
pub fn read_parquet(path: &Path, stats: &ShardStats) -> Result<u64, String> {
    let rows = Table::open(&*crate::dataset::disk::real(), path).and_then(|table| {
        let images = table.has_images();
        let rows = table.read(SHARD, Known::default(), stats, images)?;
        if images {
            rows.check_found()?;
        }
        Ok(rows.count())
    });
    rows.map_err(|fault| fault.to_string())
}
