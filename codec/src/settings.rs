//! Owns what a caller may ask of the codec. Never parses text.

/// Everything that decides what comes out for given bytes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Target size, pixels.
    pub image_size: u32,
    /// Shape rule.
    pub resize_mode: ResizeMode,
    /// Leave images at or under the target size alone.
    pub only_if_bigger: bool,
    /// Filter when the result is larger.
    pub upscale: Interpolation,
    /// Filter when the result is smaller.
    pub downscale: Interpolation,
    /// Output format.
    pub encode_format: EncodeFormat,
    /// jpg and webp 0..=100 (webp > 100 is lossless), png compression 0..=9.
    pub encode_quality: u32,
    /// When original bytes are kept.
    pub reencode: ReencodePolicy,
    /// Filters on the original's size.
    pub filter: SizeFilter,
    /// Bounds checked from the header.
    pub limits: Limits,
    /// Which JPEG decoder.
    pub jpeg_decoder: JpegDecoder,
    /// Whether every image goes through RGB, as in OpenCV. Else a JPEG of Y, Cb and Cr that becomes
    /// a JPEG stays in its planes.
    pub exact: bool,
}

impl Default for Settings {
    /// img2dataset's defaults, with bounds on pixels and scans.
    fn default() -> Self {
        Self {
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
            exact: false,
        }
    }
}

/// Shape rule of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizeMode {
    /// As it came.
    No,
    /// Scale by the largest side, pad to a square with white.
    Border,
    /// Scale by the smallest side.
    KeepRatio,
    /// Scale by the largest side.
    KeepRatioLargest,
    /// Scale by the smallest side, cut the centre square.
    CenterCrop,
}

/// Resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// OpenCV's INTER_NEAREST.
    Nearest,
    /// OpenCV's INTER_LINEAR, no antialiasing.
    Linear,
    /// OpenCV's INTER_CUBIC (A = -0.75), no antialiasing.
    Cubic,
    /// OpenCV's INTER_AREA.
    Area,
    /// OpenCV's INTER_LANCZOS4, no antialiasing.
    Lanczos4,
    /// An antialiased filter beyond parity.
    Antialiased(Antialias),
}

/// Antialiased filters that fast_image_resize supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Antialias {
    /// Hamming window, support 1.
    Hamming,
    /// Mitchell-Netravali.
    Mitchell,
    /// Catmull-Rom.
    CatmullRom,
    /// Lanczos, support 3.
    Lanczos3,
}

/// Output format; the name is the sample's extension and column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeFormat {
    /// JPEG
    Jpg,
    /// PNG
    Png,
    /// WebP
    Webp,
}

impl EncodeFormat {
    /// Extension and column name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }
}

/// When original bytes are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReencodePolicy {
    /// Always encode.
    Always,
    /// Keep the bytes where nothing was resized and the format already fits (`skip_reencode`).
    SkipIfUnchanged,
    /// Keep the bytes as they came (`disable_all_reencoding`).
    Never,
}

/// Filters on the original's size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SizeFilter {
    /// Smallest allowed smallest side, pixels.
    pub min_image_size: f64,
    /// Largest allowed area, pixels.
    pub max_image_area: f64,
    /// Largest allowed ratio of the longer to the shorter side.
    pub max_aspect_ratio: f64,
}

/// Bounds checked from the header, before memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels of one image.
    pub pixels_max: u64,
    /// Most scans of one JPEG.
    pub jpeg_scans_max: u32,
}

/// Which JPEG decoder is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JpegDecoder {
    /// libjpeg-turbo, OpenCV's bits.
    Turbo,
    /// zune-jpeg, memory-safe.
    Zune,
}
