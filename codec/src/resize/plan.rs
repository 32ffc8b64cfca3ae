//! Owns the geometry of img2dataset's resize modes: target sizes, crops, padding, and which filter
//! applies. Never touches a pixel.

use crate::encode::side_max;
use crate::error::CodecError;
use crate::pixels::Size;
use crate::settings::{Interpolation, ResizeMode, Settings};

/// How to resize a raster. The canvas shows a window of the scaled image: a part of it if cropped, all of
/// it surrounded by white if padded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Size of the whole image after scaling.
    pub(crate) scaled: Size,
    /// First column and row of the window in the scaled image.
    pub(crate) offset: (u32, u32),
    /// The part of the scaled image that is kept.
    pub(crate) window: Size,
    /// Column and row of the canvas at which the window begins.
    pub(crate) place: (u32, u32),
    /// Size of the result.
    pub(crate) canvas: Size,
    /// The filter to scale with.
    pub(crate) filter: Interpolation,
}

impl Plan {
    /// The plan that leaves an image of this size as it is.
    pub(crate) fn unchanged(size: Size) -> Self {
        whole(size, Interpolation::Area)
    }

    /// The same scaling without crop or padding.
    pub(crate) fn whole(&self) -> Self {
        whole(self.scaled, self.filter)
    }

    /// Whether every pixel of an image of this size keeps its value and place.
    pub(crate) fn leaves_alone(&self, size: Size) -> bool {
        *self == whole(size, self.filter)
    }
}

/// Plans the resize of an image of size `original`; `None` if no pixel changes.
///
/// # Errors
/// `DimensionsTooLarge` if the result exceeds the pixel limit or the output format: a strip one pixel
/// high, scaled by its smallest side, grows without bound.
pub(crate) fn plan(settings: &Settings, original: Size) -> Result<Option<Plan>, CodecError> {
    let plan = if settings.resize_mode == ResizeMode::No {
        None
    } else {
        scale(settings, original)?
    };
    let result = plan.map_or(original, |plan| plan.canvas);
    if result.largest_side() > side_max(settings.encode_format) {
        return Err(CodecError::DimensionsTooLarge);
    }
    Ok(plan)
}

fn scale(settings: &Settings, original: Size) -> Result<Option<Plan>, CodecError> {
    let target = settings.image_size.max(1);
    let by_smallest = matches!(
        settings.resize_mode,
        ResizeMode::KeepRatio | ResizeMode::CenterCrop
    );
    let side = if by_smallest {
        original.smallest_side()
    } else {
        original.largest_side()
    };
    let bigger = side > target;
    if settings.only_if_bigger && !bigger {
        return Ok(None);
    }
    let filter = if bigger {
        settings.downscale
    } else {
        settings.upscale
    };
    let factor = f64::from(target) / f64::from(side);
    let scaled = Size::new(
        scaled_side(original.width, factor),
        scaled_side(original.height, factor),
    );
    let plan = match settings.resize_mode {
        ResizeMode::CenterCrop => center_crop(scaled, target, filter),
        ResizeMode::Border => border(scaled, target, filter),
        _ => whole(scaled, filter),
    };
    // The scaled image is limited too: not every filter can skip what the crop drops.
    if scaled.pixels().max(plan.canvas.pixels()) > settings.limits.pixels_max {
        return Err(CodecError::DimensionsTooLarge);
    }
    Ok((!plan.leaves_alone(original)).then_some(plan))
}

/// Rounds half to even, to at least one pixel.
fn scaled_side(side: u32, factor: f64) -> u32 {
    (f64::from(side) * factor).round_ties_even().max(1.0) as u32
}

fn whole(scaled: Size, filter: Interpolation) -> Plan {
    Plan {
        scaled,
        offset: (0, 0),
        window: scaled,
        place: (0, 0),
        canvas: scaled,
        filter,
    }
}

fn center_crop(scaled: Size, target: u32, filter: Interpolation) -> Plan {
    let window = Size::new(scaled.width.min(target), scaled.height.min(target));
    let offset = (
        (scaled.width - window.width) / 2,
        (scaled.height - window.height) / 2,
    );
    Plan {
        offset,
        window,
        canvas: window,
        ..whole(scaled, filter)
    }
}

fn border(scaled: Size, target: u32, filter: Interpolation) -> Plan {
    let canvas = Size::new(scaled.width.max(target), scaled.height.max(target));
    let place = (
        (canvas.width - scaled.width) / 2,
        (canvas.height - scaled.height) / 2,
    );
    Plan {
        place,
        canvas,
        ..whole(scaled, filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn planned(mode: ResizeMode, target: u32, width: u32, height: u32) -> Plan {
        let settings = Settings {
            resize_mode: mode,
            image_size: target,
            ..Settings::default()
        };
        plan(&settings, Size::new(width, height)).unwrap().unwrap()
    }

    #[test]
    fn sides_are_rounded_half_to_even() {
        // 5 * 0.5 = 2.5 and 7 * 0.5 = 3.5.
        assert_eq!(
            planned(ResizeMode::KeepRatioLargest, 10, 20, 5).scaled,
            Size::new(10, 2)
        );
        assert_eq!(
            planned(ResizeMode::KeepRatioLargest, 10, 20, 7).scaled,
            Size::new(10, 4)
        );
    }

    #[test]
    fn no_side_falls_below_one_pixel() {
        assert_eq!(
            planned(ResizeMode::KeepRatioLargest, 10, 1000, 2).scaled,
            Size::new(10, 1)
        );
    }

    #[test]
    fn center_crop_takes_the_floor_of_the_half_offset() {
        let plan = planned(ResizeMode::CenterCrop, 10, 21, 10);
        assert_eq!(
            (plan.scaled, plan.offset, plan.canvas),
            (Size::new(21, 10), (5, 0), Size::new(10, 10))
        );
    }

    #[test]
    fn border_puts_the_smaller_half_of_the_padding_first() {
        let plan = planned(ResizeMode::Border, 10, 20, 10);
        assert_eq!(
            (plan.scaled, plan.place, plan.canvas),
            (Size::new(10, 5), (0, 2), Size::new(10, 10))
        );
    }

    #[test]
    fn bigger_looks_at_the_smallest_side_in_keep_ratio_and_the_largest_in_border() {
        let base = Settings {
            only_if_bigger: true,
            image_size: 100,
            ..Settings::default()
        };
        let original = Size::new(150, 90);
        let ratio = Settings {
            resize_mode: ResizeMode::KeepRatio,
            ..base.clone()
        };
        let border = Settings {
            resize_mode: ResizeMode::Border,
            ..base
        };
        assert_eq!(plan(&ratio, original), Ok(None));
        assert_eq!(
            plan(&border, original).unwrap().unwrap().filter,
            Interpolation::Area
        );
    }

    #[test]
    fn growing_takes_the_upscale_filter_and_shrinking_the_downscale_filter() {
        assert_eq!(
            planned(ResizeMode::KeepRatio, 100, 50, 60).filter,
            Interpolation::Lanczos4
        );
        assert_eq!(
            planned(ResizeMode::KeepRatio, 100, 150, 160).filter,
            Interpolation::Area
        );
    }

    #[test]
    fn an_image_of_the_wanted_size_is_left_alone() {
        let settings = Settings {
            resize_mode: ResizeMode::Border,
            image_size: 10,
            ..Settings::default()
        };
        assert_eq!(plan(&settings, Size::new(10, 10)), Ok(None));
    }

    #[test]
    fn a_strip_that_would_grow_beyond_the_limit_is_refused() {
        let settings = Settings {
            resize_mode: ResizeMode::KeepRatio,
            image_size: 256,
            ..Settings::default()
        };
        assert_eq!(
            plan(&settings, Size::new(60_000, 1)),
            Err(CodecError::DimensionsTooLarge)
        );
    }
}
