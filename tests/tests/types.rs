//! End to end: a column's type is that of the whole list, in every shard, however late it shows.

use std::fmt::Write;
use std::fs::File;
use std::path::Path;

use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use turbo2ds_tests::harness::{Job, read};

const ROWS: usize = 1_000_000;
const PER_SHARD: usize = 100_000;

/// Columns with what stands in every row but the last, what stands in the last, and the type of both.
const COLUMNS: [(&str, Option<&str>, &str, DataType); 5] = [
    ("late_int", None, "7", DataType::Int64),
    ("late_float", None, "0.5", DataType::Float64),
    ("late_text", None, "\"seven\"", DataType::Utf8),
    ("turns_float", Some("1"), "0.5", DataType::Float64),
    ("turns_text", Some("1"), "\"x7\"", DataType::Utf8),
];

/// The values of a row, as JSON.
fn values(row: usize) -> [Option<&'static str>; 5] {
    COLUMNS.map(
        |(_, early, last, _)| {
            if row + 1 == ROWS { Some(last) } else { early }
        },
    )
}

fn csv() -> String {
    let names = COLUMNS.map(|(name, ..)| name).join(",");
    let mut text = format!("url,{names}\n");
    for row in 0..ROWS {
        let fields = values(row).map(Option::unwrap_or_default).join(",");
        writeln!(text, "http://127.0.0.1/{row},{fields}").unwrap();
    }
    text
}

fn jsonl() -> String {
    let mut text = String::new();
    for row in 0..ROWS {
        write!(text, "{{\"url\":\"http://127.0.0.1/{row}\"").unwrap();
        for ((name, ..), value) in COLUMNS.iter().zip(values(row)) {
            write!(text, ",\"{name}\":{}", value.unwrap_or("null")).unwrap();
        }
        text.push_str("}\n");
    }
    text
}

/// The rows of a shard's metadata, the last of them alone.
fn last_row(path: &Path) -> (usize, RecordBatch) {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap();
    let mut batches = builder.with_offset(rows - 1).build().unwrap();
    (rows, batches.next().unwrap().unwrap())
}

fn check(name: &str, list: String) {
    let columns = COLUMNS.map(|(name, ..)| format!("\"{name}\"")).join(",");
    let job = Job::strict(name, list)
        .option("--output_format", "webdataset")
        .option("--save_additional_columns", format!("[{columns}]"))
        .option("--number_sample_per_shard", PER_SHARD.to_string());
    job.succeed();
    let shards = read::files(&job.output(), "parquet");
    assert_eq!(shards.len(), ROWS / PER_SHARD, "{name}");
    for path in &shards {
        let (rows, last) = last_row(path);
        assert_eq!(rows, PER_SHARD, "{}", path.display());
        for (column, _, _, kind) in &COLUMNS {
            let found = last.column_by_name(column).unwrap().data_type();
            assert_eq!(found, kind, "{column} of {}", path.display());
        }
    }
    let (_, last) = last_row(&shards[shards.len() - 1]);
    let of = |column: &str| last.column_by_name(column).unwrap().as_any();
    let text = |column| of(column).downcast_ref::<StringArray>().unwrap().value(0);
    let float = |column| of(column).downcast_ref::<Float64Array>().unwrap().value(0);
    let int = of("late_int")
        .downcast_ref::<Int64Array>()
        .unwrap()
        .value(0);
    assert_eq!(
        (int, float("late_float"), float("turns_float")),
        (7, 0.5, 0.5),
        "{name}"
    );
    assert_eq!(
        (text("late_text"), text("turns_text")),
        ("seven", "x7"),
        "{name}"
    );
    let (_, first) = last_row(&shards[0]);
    let of = |column: &str| first.column_by_name(column).unwrap();
    assert!(
        ["late_int", "late_float"]
            .iter()
            .all(|column| of(column).is_null(0)),
        "{name}"
    );
    let early = of("turns_text")
        .as_any()
        .downcast_ref::<StringArray>()
        .unwrap();
    assert_eq!(early.value(0), "1", "{name}");
}

#[test]
fn the_last_of_a_million_rows_of_csv_has_its_say_on_the_types_of_all_shards() {
    check("list.csv", csv());
}

#[test]
fn the_last_of_a_million_rows_of_jsonl_has_its_say_on_the_types_of_all_shards() {
    check("list.jsonl", jsonl());
}
