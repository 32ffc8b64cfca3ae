//! Owns the closed set of reasons to refuse an image. Never carries bytes, sizes or text of the input:
//! every value is known at compile time and can be counted.

/// Why an image is refused. The text is used as `error_message`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize, serde::Deserialize,
)]
pub enum CodecError {
    /// The body is empty.
    #[error("empty body")]
    Empty,
    /// The signature is none of the formats of [`crate::Format`].
    #[error("unsupported image format")]
    UnsupportedFormat,
    /// The body is malformed or truncated.
    #[error("Image decoding error")]
    Decode,
    /// The smaller side is below `SizeFilter::min_image_size`.
    #[error("image too small")]
    TooSmall,
    /// Width times height is above `SizeFilter::max_image_area`.
    #[error("image area too large")]
    AreaTooLarge,
    /// The longer side over the shorter is above `SizeFilter::max_aspect_ratio`.
    #[error("aspect ratio too large")]
    AspectRatioTooLarge,
    /// The original or the result has more pixels than `Limits::pixels_max`, or a side that the
    /// output format cannot hold.
    #[error("image dimensions too large")]
    DimensionsTooLarge,
    /// A JPEG with more scans than `Limits::jpeg_scans_max`.
    #[error("image too complex")]
    TooComplex,
}
