//! Owns which options decide what a dataset holds. A resumed run must agree on them; how bytes are
//! fetched, and on what machine, may change. Never reads the command line's own spelling: two ways
//! to say the same give the same fingerprint. The list's format is added when the list is opened.

use std::fmt::Debug;

use crate::config::{Config, InputConfig, Quoting};

/// Names and canonical values, in the order of the table.
pub(super) fn of(config: &Config) -> Vec<(String, String)> {
    let input = &config.input;
    let output = &config.output;
    let codec = &config.codec;
    // The same list named from another folder is the same list.
    // Standard input is nowhere.
    let absolute = match &*input.url_list {
        "-" => Ok("-".into()),
        path => std::path::absolute(path),
    };
    let list = absolute.map_or_else(
        |_| input.url_list.clone(),
        |path| path.to_string_lossy().into_owned(),
    );
    let pairs: [(&str, &dyn Debug); 28] = [
        ("url_list", &list),
        ("url_col", &input.url_col),
        ("caption_col", &input.caption_col),
        ("bbox_col", &input.bbox_col),
        ("save_additional_columns", &input.save_additional_columns),
        ("number_sample_per_shard", &input.rows_per_shard),
        ("output_format", &output.format),
        ("oom_shard_count", &output.shard_digits),
        ("extract_exif", &config.extract_exif),
        ("image_size", &codec.image_size),
        ("resize_mode", &codec.resize_mode),
        ("resize_only_if_bigger", &codec.only_if_bigger),
        ("upscale_interpolation", &codec.upscale),
        ("downscale_interpolation", &codec.downscale),
        ("encode_format", &codec.encode_format),
        ("encode_quality", &codec.encode_quality),
        ("reencode", &codec.reencode),
        ("jpeg_decoder", &codec.jpeg_decoder),
        ("exact", &codec.exact),
        ("max_pixels", &codec.limits.pixels_max),
        ("max_jpeg_scans", &codec.limits.jpeg_scans_max),
        ("min_image_size", &codec.filter.min_image_size),
        ("max_image_area", &codec.filter.max_image_area),
        ("max_aspect_ratio", &codec.filter.max_aspect_ratio),
        ("compute_hash", &config.fetch.hash),
        ("verify_hash", &input.verify_hash_col),
        ("max_body_bytes", &config.fetch.body_bytes_max),
        (
            "disallowed_header_directives",
            &config.fetch.disallowed_directives,
        ),
    ];
    let pairs = pairs.into_iter();
    let mut all: Vec<(String, String)> = pairs
        .map(|(name, value)| (name.to_owned(), format!("{value:?}")))
        .collect();
    all.extend(later(input));
    all.extend(
        config
            .output
            .true_extension
            .then(|| ("true_extension".to_owned(), "true".to_owned())),
    );
    all
}

/// Options that came after the first datasets: they are named only where they are not the default, so
/// that a dataset without them is finished by a program that has them.
fn later(input: &InputConfig) -> impl Iterator<Item = (String, String)> {
    let dialect = &input.dialect;
    let quoting = match dialect.quoting {
        Quoting::Auto => None,
        Quoting::Rfc4180 => Some("rfc4180".to_owned()),
        Quoting::None => Some("none".to_owned()),
    };
    let joined = !input.caption_cols.is_empty();
    let list = |names: &[String]| serde_json::json!(names).to_string();
    [
        (
            "key_col",
            input.key_col.as_ref().map(|name| format!("Some({name:?})")),
        ),
        ("quoting", quoting),
        (
            "delimiter",
            dialect.delimiter.map(|byte| char::from(byte).to_string()),
        ),
        ("columns", dialect.columns.as_deref().map(list)),
        ("explode_url", input.explode_url.then(|| "true".to_owned())),
        ("caption_cols", joined.then(|| list(&input.caption_cols))),
        (
            "caption_separator",
            joined.then(|| input.caption_separator.clone()),
        ),
        ("max_rows", input.rows_max.map(|rows| rows.to_string())),
        (
            "sample_rate",
            input.sample.map(|sample| sample.rate.to_string()),
        ),
        (
            "sample_seed",
            input.sample.map(|sample| sample.seed.to_string()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
}
