//! Owns the tables of the separable filters: for each result position of an axis, its source positions,
//! their weights, and a constant. Never touches a pixel.
//!
//! The filters are OpenCV's. Where OpenCV repeats the edge pixel outside the image, the table adds the
//! weights to the edge's, so that every position is inside.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_4};
use std::ops::Range;

/// The kernel. All but `Area` have the same number of taps at any scale, so they do not antialias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// INTER_AREA for an axis that does not grow: the mean of the source cell.
    Area,
    /// INTER_AREA as soon as one axis grows, for both.
    AreaLinear,
    /// INTER_LINEAR.
    Linear,
    /// INTER_CUBIC.
    Cubic,
    /// INTER_LANCZOS4.
    Lanczos4,
}

/// The table of one axis. Result position `i` is `rest + sum(weights[k] * source[start + k])`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Axis {
    spans: Vec<Span>,
    weights: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    /// Offset of its weights in the table.
    weights: usize,
    count: usize,
    rest: f32,
}

/// One result position.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Taps<'a> {
    /// First source position with a weight.
    pub(crate) start: usize,
    /// The first and the last are not zero; empty if all are.
    pub(crate) weights: &'a [f32],
    /// Constant added to the sum.
    pub(crate) rest: f32,
}

impl Axis {
    /// Removes all positions; keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.weights.clear();
    }

    /// Appends a result position with `weights` for the source positions from `start` on.
    pub(crate) fn push(&mut self, start: usize, weights: &[f32], rest: f32) {
        let leading = weights.iter().take_while(|&&weight| weight == 0.0).count();
        let weights = &weights[leading..];
        let trailing = weights.iter().rev().take_while(|&&weight| weight == 0.0);
        let weights = &weights[..weights.len() - trailing.count()];
        self.spans.push(Span {
            start: start + leading,
            weights: self.weights.len(),
            count: weights.len(),
            rest,
        });
        self.weights.extend_from_slice(weights);
    }

    /// Adds to the constants of all positions.
    pub(crate) fn add_rest(&mut self, rest: f32) {
        for span in &mut self.spans {
            span.rest += rest;
        }
    }

    /// Number of result positions.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The result position `at`.
    pub(crate) fn taps(&self, at: usize) -> Taps<'_> {
        let span = self.spans[at];
        Taps {
            start: span.start,
            weights: &self.weights[span.weights..span.weights + span.count],
            rest: span.rest,
        }
    }

    /// All result positions in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Taps<'_>> {
        (0..self.len()).map(|at| self.taps(at))
    }

    /// The largest number of weights of a position.
    pub(super) fn taps_max(&self) -> usize {
        self.spans.iter().map(|span| span.count).max().unwrap_or(0)
    }

    /// The range of source positions that have a weight in any result position.
    pub(super) fn reach(&self) -> Range<usize> {
        let weighty = || self.spans.iter().filter(|span| span.count > 0);
        let start = weighty().map(|span| span.start).min().unwrap_or(0);
        let end = weighty().map(|span| span.start + span.count).max();
        start..end.unwrap_or(0)
    }

    /// Fills the table with result positions `window` of `filter` from `source` to `scaled` pixels.
    pub(crate) fn fill(&mut self, filter: Filter, source: u32, scaled: u32, window: Range<usize>) {
        self.clear();
        let growth = f64::from(scaled) / f64::from(source);
        let scale = 1.0 / growth;
        match filter {
            Filter::Area => self.fill_area(source, scaled, window),
            Filter::AreaLinear => self.fill_fixed(source, window, |at| {
                let (start, fraction) = area_position(at, scale, growth);
                (start, [1.0 - fraction, fraction])
            }),
            Filter::Linear => self.fill_fixed(source, window, |at| {
                let (start, fraction) = centred_position(at, scale);
                (start, [1.0 - fraction, fraction])
            }),
            Filter::Cubic => self.fill_fixed(source, window, |at| {
                let (start, fraction) = centred_position(at, scale);
                (start - 1, cubic(fraction))
            }),
            Filter::Lanczos4 => self.fill_fixed(source, window, |at| {
                let (start, fraction) = centred_position(at, scale);
                (start - 3, lanczos4(fraction))
            }),
        }
    }

    /// Cell `i` is `[i * scale, (i + 1) * scale)`: whole pixels weigh 1/cell, edge pixels their
    /// fraction of it, and fractions under a thousandth are dropped.
    fn fill_area(&mut self, source: u32, scaled: u32, window: Range<usize>) {
        const FRACTION_MIN: f64 = 1e-3;
        let length = f64::from(source);
        let scale = length / f64::from(scaled);
        let mut weights = Vec::with_capacity(scale as usize + 2);
        for at in window {
            let begin = at as f64 * scale;
            let end = begin + scale;
            let cell = scale.min(length - begin);
            let whole_end = end.floor().min(length - 1.0);
            let whole_begin = begin.ceil().min(whole_end);
            let before = whole_begin - begin;
            let behind = (end - whole_end).min(1.0).min(cell);
            let starts_before = before > FRACTION_MIN;
            weights.clear();
            weights.extend(starts_before.then_some((before / cell) as f32));
            let whole = (whole_end - whole_begin) as usize;
            weights.extend(std::iter::repeat_n((1.0 / cell) as f32, whole));
            weights.extend((behind > FRACTION_MIN).then_some((behind / cell) as f32));
            let start = whole_begin as usize - usize::from(starts_before);
            self.push(start, &weights, 0.0);
        }
    }

    /// Fills the table with a fixed number of taps whose weights are rounded to 11 bits. `position` returns
    /// the first source position, which may be outside, and the weights.
    fn fill_fixed<const TAPS: usize>(
        &mut self,
        source: u32,
        window: Range<usize>,
        position: impl Fn(usize) -> (isize, [f64; TAPS]),
    ) {
        let last = source as isize - 1;
        for at in window {
            let (start, weights) = position(at);
            let inside = start.clamp(0, last);
            let mut folded = [0.0; TAPS];
            for (tap, weight) in weights.into_iter().enumerate() {
                let tap = (start + tap as isize).clamp(0, last) - inside;
                folded[tap as usize] += eleven_bits(weight);
            }
            self.push(inside as usize, &folded, 0.0);
        }
    }
}

/// Rounds to a multiple of 1/2048, half to even: a float of 1.5 * 2^12 has no smaller steps.
fn eleven_bits(weight: f64) -> f32 {
    const STEPS: f32 = 6144.0;
    weight as f32 + STEPS - STEPS
}

/// Maps pixel centres to pixel centres. The fraction is a 32-bit float, as in OpenCV.
fn centred_position(at: usize, scale: f64) -> (isize, f64) {
    let position = ((at as f64 + 0.5) * scale - 0.5) as f32;
    (
        position.floor() as isize,
        f64::from(position - position.floor()),
    )
}

/// Keeps source pixels flat over their area; only result pixels across a border of two are mixed.
fn area_position(at: usize, scale: f64, growth: f64) -> (isize, f64) {
    let start = (at as f64 * scale).floor();
    let fraction = ((at + 1) as f64 - (start + 1.0) * growth) as f32;
    let fraction = if fraction <= 0.0 {
        0.0
    } else {
        fraction - fraction.floor()
    };
    (start as isize, f64::from(fraction))
}

/// The cubic convolution with A = -0.75 at distances 1 + t, t, 1 - t, 2 - t.
fn cubic(t: f64) -> [f64; 4] {
    const A: f64 = -0.75;
    let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let [first, second, third] = [far(1.0 + t), near(t), near(1.0 - t)];
    [first, second, third, 1.0 - first - second - third]
}

/// The windowed sinc of support 4 at distances 3 + t down to t - 4, normalised.
fn lanczos4(t: f64) -> [f64; 8] {
    if t < 1e-6 {
        // Its limit: the source pixel itself.
        return std::array::from_fn(|tap| f64::from(u8::from(tap == 3)));
    }
    // sin(pi x) is the same at all distances but for its sign, and sin(pi x / 4) follows from two
    // values by the sum of angles.
    let (sine, cosine) = (FRAC_PI_4 * t).sin_cos();
    let raw = std::array::from_fn::<f64, 8, _>(|tap| {
        let whole = 3 - tap as i32;
        let (step_sine, step_cosine) = EIGHTHS[whole.rem_euclid(8) as usize];
        let window = sine * step_cosine + cosine * step_sine;
        let sign = if whole % 2 == 0 { 1.0 } else { -1.0 };
        let distance = t + f64::from(whole);
        sign * window / (distance * distance)
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|weight| weight / sum)
}

/// Sine and cosine of eighths of a turn.
const EIGHTHS: [(f64, f64); 8] = [
    (0.0, 1.0),
    (FRAC_1_SQRT_2, FRAC_1_SQRT_2),
    (1.0, 0.0),
    (FRAC_1_SQRT_2, -FRAC_1_SQRT_2),
    (0.0, -1.0),
    (-FRAC_1_SQRT_2, -FRAC_1_SQRT_2),
    (-1.0, 0.0),
    (-FRAC_1_SQRT_2, FRAC_1_SQRT_2),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(filter: Filter, source: u32, scaled: u32) -> Vec<(usize, Vec<f32>)> {
        let mut axis = Axis::default();
        axis.fill(filter, source, scaled, 0..scaled as usize);
        axis.iter()
            .map(|taps| (taps.start, taps.weights.to_vec()))
            .collect()
    }

    #[test]
    fn weights_of_every_filter_sum_to_one_and_stay_inside() {
        for (source, scaled) in [(1, 1), (1, 9), (7, 3), (100, 33), (33, 100), (5000, 1)] {
            for filter in [
                Filter::AreaLinear,
                Filter::Linear,
                Filter::Cubic,
                Filter::Lanczos4,
                Filter::Area,
            ] {
                if filter == Filter::Area && scaled > source {
                    continue;
                }
                for (start, weights) in weights(filter, source, scaled) {
                    assert!(start + weights.len() <= source as usize);
                    let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
                    // Eight weights of 11 bits may be half a step off each.
                    assert!((sum - 1.0).abs() <= 4.0 / 2048.0, "{filter:?}: {sum}");
                }
            }
        }
    }

    #[test]
    fn a_cell_of_one_and_a_half_pixels_weighs_the_half() {
        let third = (1.0_f64 / 3.0) as f32;
        let expected = [(0, vec![2.0 * third, third]), (1, vec![third, 2.0 * third])];
        assert_eq!(weights(Filter::Area, 3, 2), expected);
    }

    #[test]
    fn linear_mixes_neighbours_and_repeats_edges() {
        let expected = [
            (0, vec![1.0]),
            (0, vec![0.75, 0.25]),
            (0, vec![0.25, 0.75]),
            (1, vec![1.0]),
        ];
        assert_eq!(weights(Filter::Linear, 2, 4), expected);
    }

    #[test]
    fn area_when_growing_mixes_only_over_a_border() {
        let expected = [
            (0, vec![1.0]),
            (0, vec![1.0]),
            (0, vec![0.5, 0.5]),
            (1, vec![1.0]),
            (1, vec![1.0]),
        ];
        assert_eq!(weights(Filter::AreaLinear, 2, 5), expected);
    }

    #[test]
    fn lanczos_at_a_source_pixel_is_that_pixel() {
        assert_eq!(lanczos4(0.0), [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let near = lanczos4(1e-5);
        assert!((near[3] - 1.0).abs() < 1e-4 && near[0].abs() < 1e-4);
    }

    #[test]
    fn lanczos_is_the_sinc_windowed_by_the_wider_sinc() {
        let sinc = |x: f64| (std::f64::consts::PI * x).sin() / (std::f64::consts::PI * x);
        for step in 1..16 {
            let t = f64::from(step) / 16.0;
            let raw: Vec<f64> = (0..8)
                .map(|tap| t + 3.0 - f64::from(tap))
                .map(|distance| sinc(distance) * sinc(distance / 4.0))
                .collect();
            let sum: f64 = raw.iter().sum();
            for (weight, raw) in lanczos4(t).iter().zip(&raw) {
                assert!((weight - raw / sum).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn zeros_around_the_weights_are_no_taps() {
        let mut axis = Axis::default();
        axis.push(5, &[0.0, 0.0, 1.0, 0.0, 2.0, 0.0], 0.5);
        axis.push(9, &[0.0], 1.0);
        let taps = axis.taps(0);
        assert_eq!(
            (taps.start, taps.weights, taps.rest),
            (7, [1.0, 0.0, 2.0].as_slice(), 0.5)
        );
        assert!(axis.taps(1).weights.is_empty());
        assert_eq!((axis.reach(), axis.taps_max()), (7..10, 3));
    }
}
