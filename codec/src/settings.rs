//! Owns the settings of the codec, which may be sent to another process. Never parses text.

use serde::{Deserialize, Serialize};

/// Everything that determines the output for a given body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Target size in pixels.
    pub image_size: u32,
    /// How the output shape is chosen.
    pub resize_mode: ResizeMode,
    /// Whether to leave images at or below the target size unscaled.
    pub only_if_bigger: bool,
    /// Filter when the result is larger.
    pub upscale: Interpolation,
    /// Filter when the result is smaller.
    pub downscale: Interpolation,
    /// Output format.
    pub encode_format: EncodeFormat,
    /// Quality 0..=100 for jpg and webp (lossless webp above 100), compression level 0..=9 for png.
    pub encode_quality: u32,
    /// When original bytes are kept.
    pub reencode: ReencodePolicy,
    /// Filters on the original's size.
    pub filter: SizeFilter,
    /// Bounds checked from the header.
    pub limits: Limits,
    /// The JPEG decoder to use.
    pub jpeg_decoder: JpegDecoder,
    /// Whether every image is converted to RGB, as in OpenCV. Otherwise a YCbCr JPEG that becomes a JPEG
    /// stays in its planes.
    pub exact: bool,
    /// Whether images are hashed by [`Pdq`](crate::Pdq). Bytes that are kept are decoded for it.
    pub pdq: bool,
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
            pdq: false,
        }
    }
}

/// How the output shape is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResizeMode {
    /// No resize.
    No,
    /// Scale by the largest side, pad to a square with white.
    Border,
    /// Scale by the smallest side.
    KeepRatio,
    /// Scale by the largest side.
    KeepRatioLargest,
    /// Scale by the smallest side, crop the centre square.
    CenterCrop,
}

/// Resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// An antialiased filter, which img2dataset does not have.
    Antialiased(Antialias),
}

/// Antialiased filters that fast_image_resize supplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EncodeFormat {
    /// JPEG
    Jpg,
    /// PNG
    Png,
    /// WebP
    Webp,
}

impl EncodeFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Jpg, Self::Png, Self::Webp];

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReencodePolicy {
    /// Always encode.
    Always,
    /// Keep the original if nothing is resized and the format is right (`skip_reencode`).
    SkipIfUnchanged,
    /// Always keep the original (`disable_all_reencoding`).
    Never,
}

/// Filters on the original's size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizeFilter {
    /// Least allowed smallest side in pixels.
    #[serde(with = "as_text")]
    pub min_image_size: f64,
    /// Largest allowed area in pixels.
    #[serde(with = "as_text")]
    pub max_image_area: f64,
    /// Largest allowed ratio of the longer to the shorter side.
    #[serde(with = "as_text")]
    pub max_aspect_ratio: f64,
}

/// Bounds checked in the header, before memory is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Most pixels of one image.
    pub pixels_max: u64,
    /// Most scans of one JPEG.
    pub jpeg_scans_max: u32,
}

/// The JPEG decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JpegDecoder {
    /// libjpeg-turbo, with the same output as OpenCV.
    Turbo,
    /// zune-jpeg, memory-safe.
    Zune,
}

/// Numbers as text, which is exact and has infinities: JSON has none.
mod as_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    // The signature is serde's.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(number: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Settings of which nothing is a default.
    fn unusual() -> Settings {
        Settings {
            image_size: 384,
            resize_mode: ResizeMode::CenterCrop,
            only_if_bigger: true,
            upscale: Interpolation::Cubic,
            downscale: Interpolation::Antialiased(Antialias::Mitchell),
            encode_format: EncodeFormat::Webp,
            encode_quality: 101,
            reencode: ReencodePolicy::Never,
            filter: SizeFilter {
                min_image_size: 0.1 + 0.2,
                max_image_area: f64::MAX,
                max_aspect_ratio: 1.0 / 3.0,
            },
            limits: Limits {
                pixels_max: u64::MAX,
                jpeg_scans_max: 7,
            },
            jpeg_decoder: JpegDecoder::Zune,
            exact: true,
            pdq: true,
        }
    }

    fn there_and_back(settings: &Settings) -> Settings {
        let told = serde_json::to_string(settings).expect("text");
        serde_json::from_str(&told).expect("settings")
    }

    #[test]
    fn another_process_is_told_every_setting_as_it_is() {
        let (told, usual) = (there_and_back(&unusual()), Settings::default());
        assert_eq!(told, unusual());
        // Without `..`: a new setting has to be made unusual above, and is then told as well.
        let Settings {
            image_size,
            resize_mode,
            only_if_bigger,
            upscale,
            downscale,
            encode_format,
            encode_quality,
            reencode,
            filter,
            limits,
            jpeg_decoder,
            exact,
            pdq,
        } = told;
        let SizeFilter {
            min_image_size,
            max_image_area,
            max_aspect_ratio,
        } = filter;
        let Limits {
            pixels_max,
            jpeg_scans_max,
        } = limits;
        assert_ne!(image_size, usual.image_size);
        assert_ne!(resize_mode, usual.resize_mode);
        assert_ne!(only_if_bigger, usual.only_if_bigger);
        assert_ne!(upscale, usual.upscale);
        assert_ne!(downscale, usual.downscale);
        assert_ne!(encode_format, usual.encode_format);
        assert_ne!(encode_quality, usual.encode_quality);
        assert_ne!(reencode, usual.reencode);
        assert_ne!(min_image_size, usual.filter.min_image_size);
        assert_ne!(max_image_area, usual.filter.max_image_area);
        assert_ne!(max_aspect_ratio, usual.filter.max_aspect_ratio);
        assert_ne!(pixels_max, usual.limits.pixels_max);
        assert_ne!(jpeg_scans_max, usual.limits.jpeg_scans_max);
        assert_ne!(jpeg_decoder, usual.jpeg_decoder);
        assert_ne!(exact, usual.exact);
        assert_ne!(pdq, usual.pdq);
    }

    #[test]
    fn the_defaults_with_their_infinities_come_over() {
        assert_eq!(there_and_back(&Settings::default()), Settings::default());
    }

    #[test]
    fn settings_with_a_field_more_or_less_are_none() {
        let told = serde_json::to_value(unusual()).expect("a value");
        let of = |value| serde_json::from_value::<Settings>(value);
        assert!(of(told.clone()).is_ok());
        for (group, name) in [
            ("", "exact"),
            ("/filter", "max_image_area"),
            ("/limits", "pixels_max"),
        ] {
            let mut less = told.clone();
            let fields = less
                .pointer_mut(group)
                .and_then(|group| group.as_object_mut());
            fields.expect("a group").remove(name);
            assert!(of(less).is_err(), "without {name}");
            let mut more = told.clone();
            let fields = more
                .pointer_mut(group)
                .and_then(|group| group.as_object_mut());
            fields
                .expect("a group")
                .insert("sharpness".to_owned(), 1.into());
            assert!(of(more).is_err(), "with another in {group:?}");
        }
    }
}
