//! Owns which of OpenCV's kernels an interpolation takes at a given scale, and how it rounds. Never
//! decides a weight.

use super::halving;
use super::taps::Filter;
use crate::pixels::Size;
use crate::settings::Interpolation;

/// OpenCV takes area for linear where both sides are exactly halved, and a linear variant for area
/// as soon as one side grows.
pub(super) fn as_opencv(filter: Interpolation, source: Size, scaled: Size) -> Filter {
    match filter {
        Interpolation::Cubic => Filter::Cubic,
        Interpolation::Lanczos4 => Filter::Lanczos4,
        Interpolation::Area if shrinks(source, scaled) => Filter::Area,
        Interpolation::Area => Filter::AreaLinear,
        _ if halves(source, scaled) => Filter::Area,
        _ => Filter::Linear,
    }
}

/// What makes the kernels' rounding, half to even, OpenCV's.
pub(super) fn rounding(filter: Filter, source: Size, scaled: Size) -> f32 {
    match filter {
        Filter::Area if halves(source, scaled) => halving::HALF_UP,
        Filter::Area => 0.0,
        // Sums of fixed-point weights are rounded half up. They are multiples of 2^-22, but a
        // float of this size holds no less than twice this.
        _ => 1.0 / 32_768.0,
    }
}

fn halves(source: Size, scaled: Size) -> bool {
    source.width == scaled.width * 2 && source.height == scaled.height * 2
}

/// Whether neither side grows: area is then a true average.
fn shrinks(source: Size, scaled: Size) -> bool {
    source.width >= scaled.width && source.height >= scaled.height
}
