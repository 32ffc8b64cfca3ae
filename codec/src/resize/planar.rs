//! Owns resizing the planes of a JPEG to those of a 4:2:0 JPEG, including padding. Chroma is resampled by
//! the composed tables of `chroma`. Never converts to RGB.

use super::chroma::{self, Frame, Upsampling};
use super::plan::Plan;
use super::raster::{Picture, Source};
use super::rules::{as_opencv, rounding};
use super::separable::Separable;
use super::taps::Axis;
use crate::pixels::{Buffer, Plane, Planes, Size};
use crate::turbo::Subsampling;
use crate::ycc::StoredPlanes;

/// White in Y, Cb and Cr.
const WHITE: [u8; 3] = [u8::MAX, 128, 128];

/// Resizes planes; keeps the tables and working memory.
#[derive(Default)]
pub(super) struct Planar {
    separable: Separable,
    luma: [Axis; 2],
    chroma: [Axis; 2],
}

impl Planar {
    /// Fills `out` with the canvas of `plan` as 4:2:0 planes.
    pub(super) fn resize(
        &mut self,
        stored: StoredPlanes<'_>,
        plan: &Plan,
        out: &mut Buffer,
    ) -> Planes {
        let canvas = layout(plan.canvas);
        let samples = out.bytes_mut(canvas_bytes(plan.canvas));
        if plan.window != plan.canvas {
            for (index, plane) in canvas.planes.iter().enumerate() {
                samples[plane.start..].fill(WHITE[index]);
            }
        }
        self.fill_tables(stored, plan);
        self.luma(stored, plan, canvas.planes[0], samples);
        self.chroma(stored, plan, canvas, samples);
        canvas
    }

    fn fill_tables(&mut self, stored: StoredPlanes<'_>, plan: &Plan) {
        let size = stored.planes.size;
        let filter = as_opencv(plan.filter, size, plan.scaled);
        let sides = sides(size, plan);
        let upsamplings = upsamplings(size, stored.subsampling);
        for index in [0, 1] {
            let side = &sides[index];
            let window = side.offset..side.offset + side.window;
            self.luma[index].fill(filter, side.source, side.scaled, window);
            let frame = Frame {
                len: side.canvas,
                place: side.place,
            };
            let (axis, luma) = (&mut self.chroma[index], &self.luma[index]);
            chroma::fill(axis, luma, upsamplings[index], frame);
        }
        self.luma[0].add_rest(rounding(filter, size, plan.scaled));
    }

    fn luma(&mut self, stored: StoredPlanes<'_>, plan: &Plan, plane: Plane, samples: &mut [u8]) {
        let first = plan.place.1 as usize * plane.stride + plan.place.0 as usize;
        let target = picture(samples, plane, first);
        if plan.scaled == stored.planes.size {
            let origin = plan.offset.1 as usize * stored.planes.planes[0].stride;
            let origin = origin + plan.offset.0 as usize;
            let window = (plan.window.width as usize, plan.window.height as usize);
            copy_plane(source(stored, 0, origin), target, window);
        } else {
            let [columns, rows] = &self.luma;
            let source = source(stored, 0, 0);
            self.separable.resize(source, columns, rows, target);
        }
        make_even(&mut samples[plane.start..], plane.stride, plan.canvas);
    }

    fn chroma(
        &mut self,
        stored: StoredPlanes<'_>,
        plan: &Plan,
        canvas: Planes,
        samples: &mut [u8],
    ) {
        // Chroma that is 4:2:0 already and keeps its place is copied.
        let halved = Subsampling {
            horizontal: 2,
            vertical: 2,
        };
        let stays = stored.subsampling == halved && plan.leaves_alone(stored.planes.size);
        for index in [1, 2] {
            let source = source(stored, index, 0);
            let target = picture(samples, canvas.planes[index], 0);
            if stays {
                copy_plane(source, target, halves(plan.canvas));
            } else {
                let [columns, rows] = &self.chroma;
                self.separable.resize(source, columns, rows, target);
            }
        }
    }
}

/// A plan along one axis.
struct Side {
    source: u32,
    scaled: u32,
    offset: usize,
    window: usize,
    place: usize,
    canvas: usize,
}

fn sides(size: Size, plan: &Plan) -> [Side; 2] {
    type Length = fn(Size) -> u32;
    type Part = fn((u32, u32)) -> u32;
    let axes: [(Length, Part); 2] = [
        (|size| size.width, |pair| pair.0),
        (|size| size.height, |pair| pair.1),
    ];
    axes.map(|(length, part)| Side {
        source: length(size),
        scaled: length(plan.scaled),
        offset: part(plan.offset) as usize,
        window: length(plan.window) as usize,
        place: part(plan.place) as usize,
        canvas: length(plan.canvas) as usize,
    })
}

/// How libjpeg-turbo upsamples: it interpolates in both axes or in none, and not planes of two columns.
fn upsamplings(size: Size, subsampling: Subsampling) -> [Upsampling; 2] {
    let Subsampling {
        horizontal,
        vertical,
    } = subsampling;
    let (width, height) = (
        size.width.div_ceil(horizontal),
        size.height.div_ceil(vertical),
    );
    let smooth = match (horizontal, vertical) {
        (2, 1 | 2) => width > 2,
        (1, 2) => true,
        _ => false,
    };
    [(width, horizontal), (height, vertical)].map(|(len, ratio)| Upsampling {
        len: len as usize,
        ratio: ratio as usize,
        smooth: smooth && ratio == 2,
    })
}

/// The layout of 4:2:0 planes. The rows and columns of luma are rounded up to even numbers.
fn layout(size: Size) -> Planes {
    let (width, height) = halves(size);
    let luma = width * 2 * height * 2;
    let plane = |start, stride| Plane { start, stride };
    Planes {
        size,
        planes: [
            plane(0, width * 2),
            plane(luma, width),
            plane(luma + width * height, width),
        ],
    }
}

fn canvas_bytes(size: Size) -> usize {
    let (width, height) = halves(size);
    width * height * 6
}

fn halves(size: Size) -> (usize, usize) {
    (
        size.width.div_ceil(2) as usize,
        size.height.div_ceil(2) as usize,
    )
}

fn source(stored: StoredPlanes<'_>, index: usize, origin: usize) -> Source<'_> {
    let Plane { start, stride } = stored.planes.planes[index];
    Source {
        samples: &stored.samples[start + origin..],
        stride,
        channels: 1,
    }
}

fn picture(samples: &mut [u8], plane: Plane, first: usize) -> Picture<'_> {
    Picture {
        samples: &mut samples[plane.start + first..],
        stride: plane.stride,
    }
}

fn copy_plane(source: Source<'_>, target: Picture<'_>, (columns, rows): (usize, usize)) {
    let from = source.samples.chunks(source.stride);
    let into = target.samples.chunks_mut(target.stride);
    for (into, from) in into.zip(from).take(rows) {
        into[..columns].copy_from_slice(&from[..columns]);
    }
}

/// Repeats the last column and row if their number is odd.
fn make_even(luma: &mut [u8], stride: usize, size: Size) {
    let (width, height) = (size.width as usize, size.height as usize);
    if width % 2 == 1 {
        for row in luma.chunks_mut(stride).take(height) {
            row[width] = row[width - 1];
        }
    }
    if height % 2 == 1 {
        let last = (height - 1) * stride;
        luma.copy_within(last..last + width.next_multiple_of(2), last + stride);
    }
}
