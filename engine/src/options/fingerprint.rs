//! Owns which options decide what a dataset holds. A resumed run must agree on them; how bytes are
//! fetched, and on what machine, may change. Never reads the command line's own spelling: two ways
//! to say the same give the same fingerprint.

use std::fmt::Debug;

use crate::config::Config;

/// Names and canonical values, in the order of the table.
pub(super) fn of(config: &Config) -> Vec<(String, String)> {
    let input = &config.input;
    let output = &config.output;
    let codec = &config.codec;
    // The same list named from another folder is the same list.
    let list = std::path::absolute(&input.url_list).map_or_else(
        |_| input.url_list.clone(),
        |path| path.to_string_lossy().into_owned(),
    );
    let pairs: [(&str, &dyn Debug); 29] = [
        ("url_list", &list),
        ("input_format", &(input.format, input.compression)),
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
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), format!("{value:?}")))
        .collect()
}
