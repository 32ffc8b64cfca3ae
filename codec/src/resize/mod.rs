//! Owns resizing, cropping and padding a raster. `plan` decides the geometry; the filters fill a window
//! of the scaled image. Never decodes or encodes.

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
mod raster;
mod ring;
mod rules;
mod separable;
#[cfg(test)]
mod separable_tests;
mod taps;
mod target;

pub(crate) use plan::{Plan, plan};
pub(crate) use raster::{Picture, Source};
pub(crate) use separable::Separable;
pub(crate) use taps::Axis;

use crate::pixels::{Buffer, Planes, Shape, Size};
use crate::settings::Interpolation;
use crate::ycc::StoredPlanes;
use rules::{as_opencv, rounding};
use target::{Target, copy};

/// Resizes rasters; keeps the working memory of the filters.
#[derive(Default)]
pub(crate) struct Resizer {
    separable: Separable,
    columns: Axis,
    rows: Axis,
    antialiased: antialiased::Scratch,
    planar: planar::Planar,
}

impl Resizer {
    /// Fills `out` with the canvas of `plan` as 4:2:0 planes.
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
        let bytes = out.bytes_mut(canvas.bytes());
        if plan.window != plan.canvas {
            bytes.fill(u8::MAX);
        }
        let start =
            plan.place.1 as usize * canvas.stride() + plan.place.0 as usize * shape.channels;
        let target = Target {
            x: plan.offset.0 as usize,
            y: plan.offset.1 as usize,
            width: plan.window.width as usize,
            height: plan.window.height as usize,
            samples: &mut bytes[start..],
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
