//! Owns which of OpenCV's kernels an interpolation takes at a given scale, and how it rounds. Never
//! decides a weight.

use super::halving;
use super::taps::Filter;
use crate::pixels::Size;
use crate::settings::Interpolation;

/// The kernel that OpenCV uses: area instead of linear if both sides are exactly halved, and a variant of
/// linear instead of area if a side grows.
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

/// The constant that turns the kernels' rounding, half to even, into OpenCV's.
pub(super) fn rounding(filter: Filter, source: Size, scaled: Size) -> f32 {
    match filter {
        Filter::Area if halves(source, scaled) => halving::HALF_UP,
        Filter::Area => 0.0,
        // Sums of fixed-point weights are rounded half up. They are multiples of 2^-22, but a float of
        // this size resolves no less than twice that.
        _ => 1.0 / 32_768.0,
    }
}

fn halves(source: Size, scaled: Size) -> bool {
    source.width == scaled.width * 2 && source.height == scaled.height * 2
}

/// Whether no side grows, so that area is a true average.
fn shrinks(source: Size, scaled: Size) -> bool {
    source.width >= scaled.width && source.height >= scaled.height
}
