//! Owns how a configuration lays its shards out. Never writes one.

use turbo2ds_writers::Layout;

use crate::config::Config;

/// The layout of a run's shards.
pub(crate) fn layout_of(config: &Config) -> Layout {
    Layout {
        format: config.output.format,
        image_ext: config.codec.encode_format.as_str(),
        save_caption: config.input.has_captions(),
        exif_column: config.extract_exif,
        hash_column: config.fetch.hash.map(crate::config::HashKind::as_str),
        pdq_columns: config.codec.pdq,
        shard_digits: config.output.shard_digits,
        rows_per_shard: config.input.rows_per_shard,
    }
}
