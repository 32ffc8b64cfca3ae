//! Owns the change of a raster's size, its cut and its padding. Geometry is decided in `plan`;
//! the other modules are filters that fill a window of the scaled image.

mod aligned;
mod antialiased;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod chroma;
mod direct;
mod fixed;
mod halving;
mod lanes;
mod layout;
mod nearest;
#[cfg(target_arch = "aarch64")]
mod neon;
mod passes;
mod plan;
mod planar;
mod portable;
mod ring;
mod separable;
#[cfg(test)]
mod separable_tests;
mod taps;

pub(crate) use plan::{Plan, plan};

use crate::pixels::{Buffer, Planes, Shape, Size};
use crate::settings::Interpolation;
use crate::ycc::StoredPlanes;
use separable::{Picture, Separable, Source};
use taps::{Axis, Filter};

/// A rectangle of the scaled image and where its pixels go.
pub(crate) struct Target<'a> {
    /// First column and row of the window in the scaled image.
    x: usize,
    y: usize,
    /// Size of the window, pixels.
    width: usize,
    height: usize,
    /// Starts at the window's first sample and ends with its last.
    samples: &'a mut [u8],
    /// Samples from one row to the next.
    stride: usize,
}

impl Target<'_> {
    /// The `row`-th row of the window, `width * channels` samples.
    fn row(&mut self, row: usize, channels: usize) -> &mut [u8] {
        let start = row * self.stride;
        &mut self.samples[start..start + self.width * channels]
    }
}

/// Resizes one raster after another; keeps the filters' working rows.
#[derive(Default)]
pub(crate) struct Resizer {
    separable: Separable,
    columns: Axis,
    rows: Axis,
    antialiased: antialiased::Scratch,
    planar: planar::Planar,
}

impl Resizer {
    /// Fills `out` with the canvas of `plan` as planes of full luma and halved chroma.
    pub(crate) fn resize_planes(
        &mut self,
        stored: StoredPlanes<'_>,
        plan: &Plan,
        out: &mut Buffer,
    ) -> Planes {
        self.planar.resize(stored, plan, out)
    }

    /// Fills `out` with the canvas of `plan` and returns its shape.
    pub(crate) fn resize(
        &mut self,
        source: &[u8],
        shape: Shape,
        plan: &Plan,
        out: &mut Buffer,
    ) -> Shape {
        let canvas = Shape::new(plan.canvas, shape.channels);
        let room = out.room(canvas.bytes());
        if plan.window != plan.canvas {
            room.fill(u8::MAX);
        }
        let start =
            plan.place.1 as usize * canvas.stride() + plan.place.0 as usize * shape.channels;
        let target = Target {
            x: plan.offset.0 as usize,
            y: plan.offset.1 as usize,
            width: plan.window.width as usize,
            height: plan.window.height as usize,
            samples: &mut room[start..],
            stride: canvas.stride(),
        };
        self.filter(source, shape, plan, target);
        canvas
    }

    fn filter(&mut self, source: &[u8], shape: Shape, plan: &Plan, target: Target<'_>) {
        if plan.scaled == shape.size {
            return copy(source, shape, target);
        }
        let source = &source[..shape.bytes()];
        match plan.filter {
            Interpolation::Nearest => nearest::resize(source, shape, plan.scaled, target),
            Interpolation::Antialiased(filter) => {
                self.antialiased
                    .resize(source, shape, plan.scaled, filter, target);
            }
            other => {
                self.fill_axes(other, shape.size, plan.scaled, &target);
                let source = Source {
                    samples: source,
                    stride: shape.stride(),
                    channels: shape.channels,
                };
                let picture = Picture {
                    samples: target.samples,
                    stride: target.stride,
                };
                self.separable
                    .resize(source, &self.columns, &self.rows, picture);
            }
        }
    }

    fn fill_axes(&mut self, filter: Interpolation, source: Size, scaled: Size, target: &Target) {
        let filter = as_opencv(filter, source, scaled);
        let (x, y) = (target.x, target.y);
        self.columns
            .fill(filter, source.width, scaled.width, x..x + target.width);
        self.rows
            .fill(filter, source.height, scaled.height, y..y + target.height);
        self.columns.add_rest(rounding(filter, source, scaled));
    }
}

/// OpenCV takes area for linear where both sides are exactly halved, and a linear variant for area
/// as soon as one side grows.
fn as_opencv(filter: Interpolation, source: Size, scaled: Size) -> Filter {
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
fn rounding(filter: Filter, source: Size, scaled: Size) -> f32 {
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

fn copy(source: &[u8], shape: Shape, mut target: Target<'_>) {
    let (x, y) = (target.x, target.y);
    let bytes = target.width * shape.channels;
    for row in 0..target.height {
        let start = (y + row) * shape.stride() + x * shape.channels;
        target
            .row(row, shape.channels)
            .copy_from_slice(&source[start..start + bytes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(filter: Interpolation, source: &[u8], from: (u32, u32), to: (u32, u32)) -> Vec<u8> {
        let scaled = Size::new(to.0, to.1);
        let plan = Plan {
            scaled,
            offset: (0, 0),
            window: scaled,
            place: (0, 0),
            canvas: scaled,
            filter,
        };
        let shape = Shape::new(Size::new(from.0, from.1), 1);
        let mut out = Buffer::default();
        let result = Resizer::default().resize(source, shape, &plan, &mut out);
        out.filled(result.bytes()).to_vec()
    }

    #[test]
    fn a_halved_image_rounds_half_up() {
        let source = [0, 1, 10, 10, 0, 1, 11, 11];
        for filter in [Interpolation::Area, Interpolation::Linear] {
            assert_eq!(run(filter, &source, (4, 2), (2, 1)), [1, 11]);
        }
    }

    #[test]
    fn other_cells_round_half_to_even() {
        // Sums of sixteen: 8, 24 and 40 sixteenths.
        let cell = |sum: u8| [sum, 0, 0, 0];
        let row = [cell(8), cell(24), cell(40)].concat();
        let source = [row, vec![0; 36]].concat();
        assert_eq!(
            run(Interpolation::Area, &source, (12, 4), (3, 1)),
            [0, 2, 2]
        );
    }

    #[test]
    fn sums_of_fixed_point_weights_round_half_up() {
        // 0.75 * 2 + 0.25 * 4 = 2.5 and 0.75 * 4 + 0.25 * 2 = 3.5.
        assert_eq!(
            run(Interpolation::Linear, &[2, 4], (2, 1), (4, 1)),
            [2, 3, 4, 4]
        );
    }

    #[test]
    fn area_is_a_linear_variant_for_both_sides_where_one_grows() {
        let source = [0, 100, 0, 100];
        let result = run(Interpolation::Area, &source, (2, 2), (4, 1));
        assert_eq!(result, [0, 0, 100, 100]);
    }
}
