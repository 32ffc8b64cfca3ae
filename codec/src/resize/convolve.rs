//! Owns OpenCV's INTER_LINEAR, INTER_CUBIC, INTER_LANCZOS4 and the linear variant that INTER_AREA
//! becomes when growing: a fixed number of taps around each position, whatever the scale, so there
//! is no antialiasing. Weights are integers of 11 bits and edges repeat, as there.

use std::f64::consts::{FRAC_PI_4, PI};

use super::Target;
use crate::pixels::{Shape, Size};
use crate::settings::Interpolation;

/// Bits of a weight; two passes make twice as many.
const WEIGHT_BITS: u32 = 11;

/// Which taps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Linear,
    Cubic,
    Lanczos4,
    /// Area when growing.
    AreaLinear,
}

impl Kind {
    /// The kind for a filter that has its own module otherwise.
    pub(super) fn of(filter: Interpolation) -> Self {
        match filter {
            Interpolation::Cubic => Self::Cubic,
            Interpolation::Lanczos4 => Self::Lanczos4,
            Interpolation::Area => Self::AreaLinear,
            Interpolation::Linear | Interpolation::Nearest | Interpolation::Antialiased(_) => {
                Self::Linear
            }
        }
    }

    const fn taps(self) -> usize {
        match self {
            Self::Linear | Self::AreaLinear => 2,
            Self::Cubic => 4,
            Self::Lanczos4 => 8,
        }
    }
}

/// Working memory, kept from image to image.
#[derive(Default)]
pub(super) struct Scratch {
    /// One source row with its edges repeated.
    padded: Vec<i32>,
    /// The last `taps` rows after the first pass, row `y` in slot `y % taps`.
    rows: Vec<i32>,
    /// Which row stands in each slot.
    held: Vec<Option<usize>>,
    columns: Axis,
    lines: Axis,
}

/// First source position and weights for each result position; positions may lie outside.
#[derive(Default)]
struct Axis {
    starts: Vec<isize>,
    weights: Vec<i32>,
}

/// Fills `target`.
pub(super) fn resize(
    source: &[u8],
    shape: Shape,
    scaled: Size,
    kind: Kind,
    target: Target<'_>,
    scratch: &mut Scratch,
) {
    let pass = Pass {
        source,
        shape,
        kind,
    };
    scratch
        .columns
        .fill(kind, shape.size.width, scaled.width, target.x, target.width);
    scratch.lines.fill(
        kind,
        shape.size.height,
        scaled.height,
        target.y,
        target.height,
    );
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as the line above found.
        return unsafe { run_avx2(&pass, target, scratch) };
    }
    run(&pass, target, scratch);
}

/// `run`, compiled for AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2(pass: &Pass<'_>, target: Target<'_>, scratch: &mut Scratch) {
    run(pass, target, scratch);
}

struct Pass<'a> {
    source: &'a [u8],
    shape: Shape,
    kind: Kind,
}

#[inline(always)]
fn run(pass: &Pass<'_>, target: Target<'_>, scratch: &mut Scratch) {
    match (pass.kind.taps(), pass.shape.channels) {
        (2, 1) => run_sized::<2, 1>(pass, target, scratch),
        (2, _) => run_sized::<2, 3>(pass, target, scratch),
        (4, 1) => run_sized::<4, 1>(pass, target, scratch),
        (4, _) => run_sized::<4, 3>(pass, target, scratch),
        (_, 1) => run_sized::<8, 1>(pass, target, scratch),
        _ => run_sized::<8, 3>(pass, target, scratch),
    }
}

#[inline(always)]
fn run_sized<const TAPS: usize, const CHANNELS: usize>(
    pass: &Pass<'_>,
    mut target: Target<'_>,
    scratch: &mut Scratch,
) {
    let Scratch {
        padded,
        rows,
        held,
        columns,
        lines,
    } = scratch;
    let stride = target.width * CHANNELS;
    rows.resize(TAPS * stride, 0);
    held.clear();
    held.resize(TAPS, None);
    let last = pass.shape.size.height as isize - 1;
    for row in 0..target.height {
        let mut slots = [0; TAPS];
        for (tap, slot) in slots.iter_mut().enumerate() {
            let y = (lines.starts[row] + tap as isize).clamp(0, last) as usize;
            *slot = y % TAPS;
            if held[*slot] != Some(y) {
                held[*slot] = Some(y);
                let line = &pass.source[y * pass.shape.stride()..][..pass.shape.stride()];
                pad::<TAPS, CHANNELS>(line, padded);
                let into = &mut rows[*slot * stride..][..stride];
                along::<TAPS, CHANNELS>(padded, columns, into);
            }
        }
        let weights: &[i32; TAPS] = weights_at(&lines.weights, row);
        across(rows, stride, &slots, weights, target.row(row, CHANNELS));
    }
}

fn weights_at<const TAPS: usize>(weights: &[i32], at: usize) -> &[i32; TAPS] {
    weights[at * TAPS..(at + 1) * TAPS]
        .try_into()
        .expect("a row of the table has its taps")
}

/// Copies a source row with `TAPS` more pixels at either end.
#[inline(always)]
fn pad<const TAPS: usize, const CHANNELS: usize>(line: &[u8], padded: &mut Vec<i32>) {
    let edge = |pixel: &[u8]| {
        std::iter::repeat_n(<[u8; CHANNELS]>::try_from(pixel).expect("a pixel"), TAPS)
    };
    padded.clear();
    padded.extend(edge(&line[..CHANNELS]).flatten().map(i32::from));
    padded.extend(line.iter().map(|&sample| i32::from(sample)));
    padded.extend(
        edge(&line[line.len() - CHANNELS..])
            .flatten()
            .map(i32::from),
    );
}

/// First pass: along a padded row.
#[inline(always)]
fn along<const TAPS: usize, const CHANNELS: usize>(padded: &[i32], axis: &Axis, into: &mut [i32]) {
    for (at, result) in into.chunks_exact_mut(CHANNELS).enumerate() {
        let weights: &[i32; TAPS] = weights_at(&axis.weights, at);
        // No start lies further outside than the padding reaches.
        let start = (axis.starts[at] + TAPS as isize) as usize * CHANNELS;
        let window = &padded[start..start + TAPS * CHANNELS];
        let mut sums = [0_i32; CHANNELS];
        for (pixel, &weight) in window.chunks_exact(CHANNELS).zip(weights) {
            for (sum, &sample) in sums.iter_mut().zip(pixel) {
                *sum += sample * weight;
            }
        }
        result.copy_from_slice(&sums);
    }
}

/// Second pass: across the rows held, down to samples.
#[inline(always)]
fn across<const TAPS: usize>(
    rows: &[i32],
    stride: usize,
    slots: &[usize; TAPS],
    weights: &[i32; TAPS],
    into: &mut [u8],
) {
    let taps = slots.map(|slot| &rows[slot * stride..][..stride]);
    for (at, sample) in into.iter_mut().enumerate() {
        let mut sum = 1_i32 << (2 * WEIGHT_BITS - 1);
        for (row, &weight) in taps.iter().zip(weights) {
            sum += row[at] * weight;
        }
        *sample = (sum >> (2 * WEIGHT_BITS)).clamp(0, 255) as u8;
    }
}

impl Axis {
    fn fill(&mut self, kind: Kind, source: u32, scaled: u32, first: usize, count: usize) {
        self.starts.clear();
        self.weights.clear();
        let growth = f64::from(scaled) / f64::from(source);
        let scale = 1.0 / growth;
        for index in first..first + count {
            let (at, fraction) = match kind {
                Kind::AreaLinear => area_position(index, scale, growth),
                _ => centred_position(index, scale),
            };
            let before = kind.taps() / 2 - 1;
            self.starts
                .push((at - before as isize).clamp(-(before as isize) - 1, source as isize));
            let fraction = f64::from(fraction);
            let fixed = |weight: f64| (weight as f32 * 2048.0).round_ties_even() as i32;
            match kind {
                Kind::Cubic => self.weights.extend(cubic(fraction).map(fixed)),
                Kind::Lanczos4 => self.weights.extend(lanczos4(fraction).map(fixed)),
                Kind::Linear | Kind::AreaLinear => {
                    self.weights.extend([1.0 - fraction, fraction].map(fixed));
                }
            }
        }
    }
}

/// Pixel centres map on pixel centres. The fraction is a 32-bit float, as in OpenCV.
fn centred_position(index: usize, scale: f64) -> (isize, f32) {
    let position = ((index as f64 + 0.5) * scale - 0.5) as f32;
    (position.floor() as isize, position - position.floor())
}

/// Each source pixel stays flat as far as its area reaches, and only the result pixel that lies
/// over a border of two is mixed.
fn area_position(index: usize, scale: f64, growth: f64) -> (isize, f32) {
    let at = (index as f64 * scale).floor();
    let fraction = ((index + 1) as f64 - (at + 1.0) * growth) as f32;
    let fraction = if fraction <= 0.0 {
        0.0
    } else {
        fraction - fraction.floor()
    };
    (at as isize, fraction)
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
    let raw = std::array::from_fn::<f64, 8, _>(|tap| {
        let distance = t + 3.0 - tap as f64;
        if distance.abs() < 1e-6 {
            // The limit of sin(pi x) sin(pi x / 4) / x^2.
            return PI * FRAC_PI_4;
        }
        (PI * distance).sin() * (FRAC_PI_4 * distance).sin() / (distance * distance)
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|weight| weight / sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_whole(kind: Kind, source: &[u8], shape: Shape, scaled: Size) -> Vec<u8> {
        let result = Shape::new(scaled, shape.channels);
        let mut samples = vec![0; result.bytes()];
        let target = Target {
            x: 0,
            y: 0,
            width: scaled.width as usize,
            height: scaled.height as usize,
            samples: &mut samples,
            stride: result.stride(),
        };
        resize(source, shape, scaled, kind, target, &mut Scratch::default());
        samples
    }

    #[test]
    fn weights_of_every_kind_sum_to_one() {
        for step in 0..=16 {
            let t = f64::from(step) / 16.0;
            assert!((cubic(t).iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!((lanczos4(t).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!((lanczos4(0.0)[3] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn linear_mixes_neighbours_and_repeats_edges() {
        let shape = Shape::new(Size::new(2, 1), 1);
        let result = run_whole(Kind::Linear, &[0, 100], shape, Size::new(4, 1));
        assert_eq!(result, [0, 25, 75, 100]);
    }

    #[test]
    fn area_when_growing_keeps_source_pixels_flat() {
        let shape = Shape::new(Size::new(2, 1), 1);
        let result = run_whole(Kind::AreaLinear, &[0, 100], shape, Size::new(4, 1));
        assert_eq!(result, [0, 0, 100, 100]);
        let result = run_whole(Kind::AreaLinear, &[0, 100], shape, Size::new(5, 1));
        assert_eq!(result, [0, 0, 50, 100, 100]);
    }

    #[test]
    fn a_flat_image_stays_flat_at_every_scale() {
        for kind in [Kind::Linear, Kind::Cubic, Kind::Lanczos4, Kind::AreaLinear] {
            for (width, height, to) in [(1, 1, (9, 5)), (3, 70, (50, 7)), (40, 2, (5, 60))] {
                let shape = Shape::new(Size::new(width, height), 3);
                let source = vec![200; shape.bytes()];
                let result = run_whole(kind, &source, shape, Size::new(to.0, to.1));
                assert!(
                    result.iter().all(|sample| sample.abs_diff(200) <= 1),
                    "{kind:?}"
                );
            }
        }
    }
}
