//! Owns what tests of a folder begin with: the record and the shape of one run.

use serde_json::Value;
use turbo2ds_writers::OutputFormat;

use super::names::Shape;
use super::record::{Record, RunEntry};

/// Ten rows a shard, five digits, jpg, no captions.
pub(crate) fn shape(format: OutputFormat) -> Shape {
    Shape {
        format,
        shard_digits: 5,
        rows_per_shard: 10,
        image_ext: "jpg",
        true_extension: false,
        captions: false,
        given_keys: false,
    }
}

/// The record of a folder with one run of this shape, from number 0.
pub(crate) fn record(format: OutputFormat) -> Record {
    let options = [
        ("output_format", format.as_str().into()),
        ("oom_shard_count", 5.into()),
        ("number_sample_per_shard", 10.into()),
        ("encode_format", "jpg".into()),
        ("caption_col", Value::Null),
    ];
    Record {
        runs: vec![RunEntry {
            first_shard_id: 0,
            options: options.map(|(name, value)| (name.to_owned(), value)).into(),
            input: String::new(),
        }],
        found: Vec::new(),
    }
}
