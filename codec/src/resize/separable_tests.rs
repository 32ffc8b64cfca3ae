//! Tests of the separable kernel: every form that this processor runs, against the exact sum of
//! every sample in double precision.

use super::direct;
use super::halving::{HALF_UP, is_halving};
use super::raster::{Picture, Source};
use super::separable::{Form, Separable};
use super::taps::{Axis, Filter};

const FILTERS: [Filter; 5] = [
    Filter::Area,
    Filter::AreaLinear,
    Filter::Linear,
    Filter::Cubic,
    Filter::Lanczos4,
];

/// How far from the exact sum a sample may have been rounded, beyond the half that rounding takes.
const FLOAT_ERROR_MAX: f64 = 1e-3;

/// A seeded xorshift: the same noise in every run.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    fn weight(&mut self) -> f32 {
        self.below(2001) as f32 / 1000.0 - 1.0
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        // Extremes are what overflows.
        let byte = |noise: u64| match noise % 8 {
            0 => 0,
            1 => 255,
            _ => (noise >> 8) as u8,
        };
        (0..len).map(|_| byte(self.next())).collect()
    }
}

struct Case {
    source: Vec<u8>,
    stride: usize,
    channels: usize,
    columns: Axis,
    rows: Axis,
}

impl Case {
    /// A raster of noise with `gap` unused bytes after each row but the last.
    fn new(size: (u32, u32), channels: usize, gap: usize, columns: Axis, rows: Axis) -> Self {
        let row = size.0 as usize * channels;
        let stride = row + gap;
        let mut noise = Noise(0x2545_F491_4F6C_DD1D);
        Self {
            source: noise.bytes(stride * (size.1 as usize - 1) + row),
            stride,
            channels,
            columns,
            rows,
        }
    }

    fn filtered(filter: Filter, from: (u32, u32), to: (u32, u32), channels: usize) -> Self {
        let whole = |length: u32| 0..length as usize;
        let columns = axis(filter, from.0, to.0, whole(to.0));
        let rows = axis(filter, from.1, to.1, whole(to.1));
        Self::new(from, channels, 0, columns, rows)
    }

    fn source(&self) -> Source<'_> {
        Source {
            samples: &self.source,
            stride: self.stride,
            channels: self.channels,
        }
    }

    /// The result in rows with a gap of a byte that must stay as it was.
    fn run(&self, form: Form, kernel: &mut Separable) -> Vec<u8> {
        const UNTOUCHED: u8 = 0xA5;
        let row = self.columns.len() * self.channels;
        let stride = row + 1;
        let mut samples = vec![UNTOUCHED; stride * self.rows.len()];
        samples.pop();
        let picture = Picture {
            samples: &mut samples,
            stride,
        };
        kernel.resize_by(form, self.source(), &self.columns, &self.rows, picture);
        let mut result = Vec::new();
        for line in samples.chunks(stride) {
            result.extend_from_slice(&line[..row]);
            assert!(line[row..].iter().all(|&sample| sample == UNTOUCHED));
        }
        result
    }

    fn check(&self, form: Form, kernel: &mut Separable, name: &str) {
        let result = self.run(form, kernel);
        let width = self.columns.len();
        for (at, &sample) in result.iter().enumerate() {
            let (pixel, channel) = (at / self.channels, at % self.channels);
            let (column, row) = (
                self.columns.taps(pixel % width),
                self.rows.taps(pixel / width),
            );
            let exact = direct::value(&self.source(), column, row, channel).clamp(0.0, 255.0);
            let off = (f64::from(sample) - exact).abs();
            assert!(
                off <= 0.5 + FLOAT_ERROR_MAX,
                "{form:?}, {name}: sample {at} is {sample} for {exact}"
            );
        }
    }
}

fn axis(filter: Filter, source: u32, scaled: u32, window: std::ops::Range<usize>) -> Axis {
    let mut axis = Axis::default();
    axis.fill(filter, source, scaled, window);
    axis
}

/// Each form that runs here, with a kernel that has worked before.
fn forms() -> impl Iterator<Item = (Form, Separable)> {
    assert!(Form::ALL.iter().any(|form| form.runs()));
    let forms = Form::ALL.iter().copied().filter(|form| form.runs());
    forms.map(|form| {
        let mut kernel = Separable::default();
        let case = Case::filtered(Filter::Lanczos4, (61, 47), (90, 70), 3);
        case.run(form, &mut kernel);
        (form, kernel)
    })
}

#[test]
fn every_form_rounds_the_exact_sums_of_every_filter() {
    let sizes = [
        ((1, 1), (1, 1)),
        ((1, 1), (37, 19)),
        ((2, 3), (1, 1)),
        ((64, 48), (32, 24)),
        ((97, 61), (31, 17)),
        ((300, 700), (25, 56)),
        ((1000, 3), (7, 3)),
        ((5, 1300), (5, 2)),
        ((33, 40), (32, 39)),
        ((641, 479), (128, 95)),
        ((900, 300), (30, 21)),
        ((9, 7), (64, 50)),
        ((40, 3), (10, 60)),
        ((3, 60), (90, 7)),
        ((700, 2), (1, 1)),
        ((31, 29), (97, 101)),
    ];
    for (form, mut kernel) in forms() {
        for (from, to) in sizes {
            for filter in FILTERS {
                if filter == Filter::Area && (to.0 > from.0 || to.1 > from.1) {
                    continue;
                }
                for channels in [1, 3] {
                    let case = Case::filtered(filter, from, to, channels);
                    let name = format!("{filter:?} {from:?} to {to:?} of {channels}");
                    case.check(form, &mut kernel, &name);
                }
            }
        }
    }
}

#[test]
fn every_width_of_a_result_comes_out_whole() {
    for (form, mut kernel) in forms() {
        for width in 1..=70 {
            for (height, channels) in [(3, 1), (3, 3), (11, 1), (11, 3)] {
                let case = Case::filtered(Filter::Linear, (50, 7), (width, height), channels);
                case.check(
                    form,
                    &mut kernel,
                    &format!("{width} x {height} of {channels}"),
                );
            }
        }
    }
}

#[test]
fn an_exact_half_is_the_mean_of_four_rounded_half_up() {
    for (form, mut kernel) in forms() {
        for width in 1..=70 {
            for channels in [1, 3] {
                let mut case = Case::filtered(Filter::Area, (2 * width, 6), (width, 3), channels);
                case.columns.add_rest(HALF_UP);
                assert!(is_halving(&case.columns, &case.rows));
                case.check(form, &mut kernel, &format!("half of {width}"));
            }
        }
        let mut cut = Case::filtered(Filter::Area, (100, 60), (50, 30), 3);
        cut.columns = axis(Filter::Area, 100, 50, 7..39);
        cut.rows = axis(Filter::Area, 60, 30, 5..20);
        cut.columns.add_rest(HALF_UP);
        assert!(is_halving(&cut.columns, &cut.rows));
        cut.check(form, &mut kernel, "a cut half");
    }
}

#[test]
fn a_window_of_the_result_is_cut_from_it() {
    for (form, mut kernel) in forms() {
        for filter in FILTERS {
            for (from, to) in [((90, 70), (60, 51)), ((40, 31), (63, 52))] {
                if filter == Filter::Area && to.0 > from.0 {
                    continue;
                }
                let whole = Case::filtered(filter, from, to, 3);
                let cut = Case {
                    columns: axis(filter, from.0, to.0, 11..38),
                    rows: axis(filter, from.1, to.1, 7..44),
                    ..Case::filtered(filter, from, to, 3)
                };
                let (all, part) = (whole.run(form, &mut kernel), cut.run(form, &mut kernel));
                let rows = all.chunks_exact(to.0 as usize * 3).skip(7);
                for (row, line) in rows.zip(part.chunks_exact(27 * 3)) {
                    let apart = row[11 * 3..].iter().zip(line);
                    assert!(
                        apart.into_iter().all(|(a, b)| a.abs_diff(*b) <= 1),
                        "{form:?}, {filter:?}"
                    );
                }
                cut.check(form, &mut kernel, &format!("{filter:?} {from:?} cut"));
            }
        }
    }
}

/// Tables as a composed kernel has them: gaps, constants, sums far from one, positions without a
/// weight, and starts that jump.
#[test]
fn tables_of_any_weights_are_summed_exactly() {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut table = |source: usize, scaled: usize| {
        let mut axis = Axis::default();
        for _ in 0..scaled {
            let count = noise.below(source.min(13) + 1);
            let start = noise.below(source - count + 1);
            let mut weights: Vec<f32> = (0..count).map(|_| noise.weight()).collect();
            if count > 2 && noise.below(3) == 0 {
                weights[count / 2] = 0.0;
                weights[0] = 0.0;
            }
            axis.push(start, &weights, noise.weight() * 64.0);
        }
        axis
    };
    for (from, to) in [
        ((40, 30), (21, 17)),
        ((25, 9), (60, 64)),
        ((5, 80), (70, 3)),
    ] {
        for channels in [1, 3] {
            let columns = table(from.0 as usize, to.0);
            let rows = table(from.1 as usize, to.1);
            let case = Case::new(from, channels, 5, columns, rows);
            for (form, mut kernel) in forms() {
                case.check(
                    form,
                    &mut kernel,
                    &format!("{from:?} to {to:?} of {channels}"),
                );
            }
        }
    }
}

#[test]
fn rows_without_a_weight_are_not_read() {
    let (from, to) = ((40, 40), (10, 4));
    let mut case = Case::filtered(Filter::Linear, from, to, 3);
    let last = case.rows.reach().end;
    assert!(last < 40, "shrinking by ten leaves rows over");
    case.source.truncate(last * case.stride);
    for (form, mut kernel) in forms() {
        case.check(form, &mut kernel, "a cut source");
    }
}

#[test]
fn a_cell_of_more_rows_than_a_sum_holds_is_a_mean() {
    for (form, mut kernel) in forms() {
        for (width, channels) in [(30, 3), (100, 1), (3, 1)] {
            let case = Case::filtered(Filter::Area, (width, 1999), (2, 3), channels);
            case.check(form, &mut kernel, "a tall cell");
        }
    }
}

#[test]
fn an_image_too_wide_for_a_line_is_averaged_all_the_same() {
    for (width, to) in [(1_200_000, 100), (40_000, 2)] {
        let case = Case::filtered(Filter::Area, (width, 1), (to, 1), 1);
        case.check(Form::Portable, &mut Separable::default(), "a wide strip");
    }
}

#[test]
fn a_flat_image_stays_flat() {
    for (form, mut kernel) in forms() {
        for filter in FILTERS {
            for (from, to) in [((97, 61), (31, 17)), ((3, 7), (50, 70)), ((40, 2), (5, 60))] {
                if filter == Filter::Area && (to.0 > from.0 || to.1 > from.1) {
                    continue;
                }
                for level in [0, 1, 128, 201, 255] {
                    let mut case = Case::filtered(filter, from, to, 3);
                    case.source.fill(level);
                    let result = case.run(form, &mut kernel);
                    assert!(
                        result.iter().all(|sample| sample.abs_diff(level) <= 1),
                        "{form:?}, {filter:?}, {level}"
                    );
                }
            }
        }
    }
}
