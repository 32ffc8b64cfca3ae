//! A URL list in any input format, to shards: no bytes make the planner panic, shards have no more rows
//! than they may, and every file gives the same shards twice.

use turbo2ds::config::{InputConfig, InputFormat};
use turbo2ds::list::List;
use turbo2ds::list::plan::Planner;

use super::shared::file;

const ROWS_PER_SHARD: usize = 3;

/// One input.
pub fn run(bytes: &[u8]) {
    let Some((kind, content)) = bytes.split_first() else {
        return;
    };
    let format = match kind % 7 {
        0 => InputFormat::Csv,
        1 => InputFormat::Tsv,
        2 => InputFormat::Json,
        3 => InputFormat::Jsonl,
        4 => InputFormat::Txt,
        5 => InputFormat::Arrow,
        _ => InputFormat::Parquet,
    };
    let columns = format != InputFormat::Txt;
    let name = |name: &str| columns.then(|| name.to_owned());
    let config = InputConfig {
        url_list: file("rows", content).to_string_lossy().into_owned(),
        format: Some(format),
        caption_col: name("caption").filter(|_| kind & 0x10 != 0),
        save_additional_columns: name("id")
            .filter(|_| kind & 0x20 != 0)
            .into_iter()
            .collect(),
        bbox_col: name("boxes").filter(|_| kind & 0x40 != 0),
        explode_url: kind & 0x80 != 0,
        key_col: name("id").filter(|_| kind & 0x40 != 0),
        rows_per_shard: ROWS_PER_SHARD,
        ..InputConfig::default()
    };
    assert_eq!(shards(&config), shards(&config));
}

fn shards(config: &InputConfig) -> (Vec<Vec<Option<String>>>, bool) {
    let mut shards = Vec::new();
    let Ok(planner) = List::open(config).and_then(Planner::open) else {
        return (shards, false);
    };
    for plan in planner {
        let Ok(plan) = plan else {
            return (shards, false);
        };
        assert!(plan.rows() <= ROWS_PER_SHARD);
        assert_eq!(plan.shard_id, shards.len() as u64);
        let rows = 0..plan.rows();
        shards.push(
            rows.clone()
                .map(|row| plan.url(row).map(str::to_owned))
                .collect(),
        );
        for row in rows {
            let _ = (plan.boxes(row), plan.expected_hash(row), plan.key(row));
        }
    }
    (shards, true)
}
