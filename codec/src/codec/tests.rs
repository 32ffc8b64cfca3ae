//! Whole images through the codec: formats, refusals and what is kept.

use super::*;
use crate::settings::{Interpolation, JpegDecoder, Limits, ResizeMode};

/// img2dataset's defaults, as jpg of quality 95.
pub(crate) fn settings() -> Settings {
    Settings {
        image_size: 256,
        resize_mode: ResizeMode::Border,
        only_if_bigger: false,
        upscale: Interpolation::Lanczos4,
        downscale: Interpolation::Area,
        encode_format: EncodeFormat::Jpg,
        encode_quality: 95,
        reencode: ReencodePolicy::Always,
        filter: SizeFilter {
            min_image_size: 0.0,
            max_image_area: f64::INFINITY,
            max_aspect_ratio: f64::INFINITY,
        },
        limits: Limits {
            pixels_max: 100_000_000,
            jpeg_scans_max: 100,
        },
        jpeg_decoder: JpegDecoder::Turbo,
    }
}
