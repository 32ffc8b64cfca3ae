//! Owns the closed set of reasons why bytes give no image. Never carries bytes, sizes or text of
//! the input: every value is known at compile time and can be counted.

/// Why an image was refused. The text is what stands in `error_message`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error, serde::Serialize, serde::Deserialize,
)]
pub enum CodecError {
    /// There are no bytes at all.
    #[error("empty body")]
    Empty,
    /// The first bytes belong to none of the formats of [`crate::Format`].
    #[error("unsupported image format")]
    UnsupportedFormat,
    /// The bytes are broken or cut short.
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
