//! Owns the change of a raster's size, its cut and its padding. Geometry is decided in `plan`;
//! the other modules are filters that fill a window of the scaled image.

mod antialiased;
mod area;
#[cfg(target_arch = "x86_64")]
mod area_avx2;
mod convolve;
mod nearest;
mod plan;

pub(crate) use plan::{Plan, plan};

use crate::pixels::{Buffer, Shape, Size};
use crate::settings::Interpolation;

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
    area: area::Scratch,
    convolve: convolve::Scratch,
    antialiased: antialiased::Scratch,
}

impl Resizer {
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
        match as_opencv(plan.filter, shape.size, plan.scaled) {
            Interpolation::Nearest => nearest::resize(source, shape, plan.scaled, target),
            Interpolation::Area if shrinks(shape.size, plan.scaled) => {
                area::resize(source, shape, plan.scaled, target, &mut self.area);
            }
            Interpolation::Antialiased(filter) => {
                self.antialiased
                    .resize(source, shape, plan.scaled, filter, target);
            }
            other => {
                let kind = convolve::Kind::of(other);
                convolve::resize(source, shape, plan.scaled, kind, target, &mut self.convolve);
            }
        }
    }
}

/// OpenCV takes area for linear where both sides are exactly halved.
fn as_opencv(filter: Interpolation, source: Size, scaled: Size) -> Interpolation {
    let halved = source.width == scaled.width * 2 && source.height == scaled.height * 2;
    if filter == Interpolation::Linear && halved {
        Interpolation::Area
    } else {
        filter
    }
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
