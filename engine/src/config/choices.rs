//! Owns the spellings of options with a fixed set of values, as the command line reads and the record
//! writes them. The matches are exhaustive, so a value without a spelling does not compile. Never knows
//! which option takes which values.

use turbo2ds_codec::{Antialias, Interpolation, JpegDecoder, ResizeMode};

use super::{Compression, HashKind, InputFormat, Quoting};

/// Every hash function for bodies.
pub const HASHES: [HashKind; 3] = [HashKind::Md5, HashKind::Sha256, HashKind::Sha512];

/// Every way to resize.
pub const RESIZE_MODES: [ResizeMode; 5] = [
    ResizeMode::No,
    ResizeMode::Border,
    ResizeMode::KeepRatio,
    ResizeMode::KeepRatioLargest,
    ResizeMode::CenterCrop,
];

/// The filters that img2dataset offers.
pub const INTERPOLATIONS: [Interpolation; 5] = [
    Interpolation::Nearest,
    Interpolation::Linear,
    Interpolation::Cubic,
    Interpolation::Area,
    Interpolation::Lanczos4,
];

/// The antialiased filters.
pub const ANTIALIASED: [Interpolation; 4] = [
    Interpolation::Antialiased(Antialias::Hamming),
    Interpolation::Antialiased(Antialias::Mitchell),
    Interpolation::Antialiased(Antialias::CatmullRom),
    Interpolation::Antialiased(Antialias::Lanczos3),
];

/// Aliases of filters that img2dataset accepts.
pub const INTERPOLATION_ALIASES: [(&str, Interpolation); 3] = [
    ("bilinear", Interpolation::Linear),
    ("bicubic", Interpolation::Cubic),
    ("lanczos4", Interpolation::Lanczos4),
];

/// Every JPEG decoder.
pub const JPEG_DECODERS: [JpegDecoder; 2] = [JpegDecoder::Turbo, JpegDecoder::Zune];

/// Every meaning of quotes.
pub const QUOTINGS: [Quoting; 3] = [Quoting::Auto, Quoting::Rfc4180, Quoting::None];

/// Values with their spellings, for a parser of choices.
pub fn named<T: Copy, const N: usize>(
    values: [T; N],
    word: impl Fn(T) -> &'static str,
) -> [(&'static str, T); N] {
    values.map(|value| (word(value), value))
}

/// `resize_mode`
pub const fn resize_mode(mode: ResizeMode) -> &'static str {
    match mode {
        ResizeMode::No => "no",
        ResizeMode::Border => "border",
        ResizeMode::KeepRatio => "keep_ratio",
        ResizeMode::KeepRatioLargest => "keep_ratio_largest",
        ResizeMode::CenterCrop => "center_crop",
    }
}

/// `upscale_interpolation` and `downscale_interpolation`
pub const fn interpolation(filter: Interpolation) -> &'static str {
    match filter {
        Interpolation::Nearest => "nearest",
        Interpolation::Linear => "linear",
        Interpolation::Cubic => "cubic",
        Interpolation::Area => "area",
        Interpolation::Lanczos4 => "lanczos",
        Interpolation::Antialiased(Antialias::Hamming) => "hamming",
        Interpolation::Antialiased(Antialias::Mitchell) => "mitchell",
        Interpolation::Antialiased(Antialias::CatmullRom) => "catmullrom",
        Interpolation::Antialiased(Antialias::Lanczos3) => "lanczos3",
    }
}

/// `jpeg_decoder`
pub const fn jpeg_decoder(decoder: JpegDecoder) -> &'static str {
    match decoder {
        JpegDecoder::Turbo => "turbo",
        JpegDecoder::Zune => "zune",
    }
}

/// `quoting`
pub const fn quoting(quoting: Quoting) -> &'static str {
    match quoting {
        Quoting::Auto => "auto",
        Quoting::Rfc4180 => "rfc4180",
        Quoting::None => "none",
    }
}

/// `input_format`, with the detected compression of a text list: `csv`, `jsonl.zst`.
pub fn input_format(format: InputFormat, compression: Option<Compression>) -> String {
    let ending = match compression {
        None => "",
        Some(Compression::Gzip) => ".gz",
        Some(Compression::Zstd) => ".zst",
        Some(Compression::Bzip2) => ".bz2",
        Some(Compression::Xz) => ".xz",
    };
    format!("{}{ending}", format.as_str())
}
