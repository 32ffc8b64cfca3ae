//! The blur against a slow one that follows the definition: whole image, whole kernel, every pixel.

use super::gaussian::mirrored;
use super::*;
use crate::pixels::Size;

fn noise(shape: Shape, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    // Patches of one colour with grain: both edges and flat parts.
    let (patch, grain) = (1 + next() % 9, next() % 40);
    let pixel = |at: usize| {
        let (x, y) = (
            at % shape.size.width as usize,
            at / shape.size.width as usize,
        );
        (x as u64 / patch * 7 + y as u64 / patch * 13) * 37 % 256
    };
    (0..shape.bytes())
        .map(|at| {
            let level = pixel(at / shape.channels) + (at % shape.channels) as u64 * 50;
            (level + next() % (grain + 1)) as u8
        })
        .collect()
}

/// OpenCV's kernel, computed the long way.
fn kernel(radius: usize) -> Vec<f64> {
    let half = Kernel::new(radius, radius + 1).weights;
    (0..=2 * radius)
        .map(|at| f64::from(half[at.abs_diff(radius)]))
        .collect()
}

/// Blurs one plane along rows and columns with every tap of the kernel.
fn blurred(plane: &[f64], size: Size, kernel: &[f64]) -> Vec<f64> {
    let (width, height) = (size.width as usize, size.height as usize);
    let radius = kernel.len() as isize / 2;
    let sum = |at: &dyn Fn(isize) -> f64| -> f64 {
        (-radius..)
            .zip(kernel)
            .map(|(step, weight)| at(step) * weight)
            .sum()
    };
    let place = |at: usize| (at % width, at / width);
    let rows: Vec<f64> = (0..plane.len())
        .map(place)
        .map(|(x, y)| sum(&|step| plane[y * width + mirrored(x as isize + step, width)]))
        .collect();
    (0..plane.len())
        .map(place)
        .map(|(x, y)| sum(&|step| rows[mirrored(y as isize + step, height) * width + x]))
        .collect()
}

fn slow_blur(samples: &[u8], shape: Shape, boxes: &[BoundingBox]) -> Vec<f64> {
    let hidden = Hidden::new(boxes, shape.size);
    let kernel = kernel(hidden.radius);
    let width = shape.size.width as usize;
    let mut mask = vec![0.0; samples.len() / shape.channels];
    for rect in &hidden.rects {
        for y in rect.top..rect.bottom {
            mask[y * width + rect.left..y * width + rect.right].fill(1.0);
        }
    }
    let mask = blurred(&mask, shape.size, &kernel);
    let mut out = vec![0.0; samples.len()];
    for channel in 0..shape.channels {
        let of_channel = samples.iter().skip(channel).step_by(shape.channels);
        let plane: Vec<f64> = of_channel.map(|&sample| f64::from(sample)).collect();
        let soft = blurred(&plane, shape.size, &kernel);
        for (at, weight) in mask.iter().enumerate() {
            out[at * shape.channels + channel] = plane[at] * (1.0 - weight) + soft[at] * weight;
        }
    }
    out
}

/// Greatest distance, levels, of the fast blur from the exact one before it is cut off.
fn distance(shape: Shape, boxes: &[[f64; 4]], seed: u64) -> f64 {
    let boxes: Vec<_> = boxes
        .iter()
        .map(|&edges| BoundingBox::new(edges).unwrap())
        .collect();
    distance_in(noise(shape, seed), shape, &boxes)
}

fn distance_in(mut samples: Vec<u8>, shape: Shape, boxes: &[BoundingBox]) -> f64 {
    let exact = slow_blur(&samples, shape, boxes);
    blur(&mut samples, shape, boxes);
    let below = |(&found, exact): (&u8, &f64)| (f64::from(found) + 0.5 - exact).abs() - 0.5;
    samples.iter().zip(&exact).map(below).fold(0.0, f64::max)
}

#[test]
fn the_blur_is_the_definitions_for_every_shape_and_place_of_boxes() {
    let sizes = [(1, 1), (1, 7), (2, 2), (7, 1), (3, 40), (40, 3), (61, 47)];
    let boxes: [&[[f64; 4]]; 7] = [
        &[[0.2, 0.3, 0.6, 0.7]],
        &[[0.0, 0.0, 1.0, 1.0]],
        &[[-0.9, -0.9, 1.9, 1.9]],
        &[[0.0, 0.0, 0.1, 0.1], [0.9, 0.9, 1.0, 1.0]],
        &[
            [0.1, 0.1, 0.3, 0.4],
            [0.25, 0.3, 0.5, 0.9],
            [0.8, 0.0, 0.9, 0.2],
        ],
        &[[0.5, 0.5, 0.5, 0.5]],
        &[[0.3, 0.0, 0.3, 1.0]],
    ];
    for (width, height) in sizes {
        for channels in [1, 3] {
            let shape = Shape::new(Size::new(width, height), channels);
            for (seed, boxes) in (1..).zip(boxes) {
                let distance = distance(shape, boxes, seed);
                assert!(distance < 0.01, "{shape:?} {boxes:?}: {distance}");
            }
        }
    }
}

#[test]
fn a_blur_that_is_computed_on_a_grid_stays_within_a_quarter_level() {
    for (width, height) in [(900, 40), (50, 700), (300, 280)] {
        let shape = Shape::new(Size::new(width, height), 1);
        for boxes in [[[0.0, 0.1, 1.0, 0.9]], [[-1.0, -1.0, 2.0, 2.0]]] {
            let distance = distance(shape, &boxes, 5);

            assert!(distance < 0.25, "{shape:?} {boxes:?}: {distance}");
        }
    }
}

#[test]
fn a_blur_on_a_grid_stays_within_half_a_level_at_the_hardest_edges() {
    let shape = Shape::new(Size::new(1100, 12), 1);
    for edge in 540..560 {
        let black_and_white = (0..shape.bytes())
            .map(|at| if at % 1100 < edge { 0 } else { u8::MAX })
            .collect();
        let boxes = [BoundingBox::new([0.1, -1.0, 0.5, 2.0]).unwrap()];
        let distance = distance_in(black_and_white, shape, &boxes);
        assert!(distance < 0.5, "{edge}: {distance}");
    }
}

#[test]
fn pixels_out_of_the_blurs_reach_keep_their_level() {
    let shape = Shape::new(Size::new(200, 100), 3);
    let before = noise(shape, 9);
    let mut after = before.clone();
    blur(
        &mut after,
        shape,
        &[BoundingBox::new([0.4, 0.4, 0.5, 0.6]).unwrap()],
    );
    let mut changed = 0;
    for (at, (before, after)) in before.iter().zip(&after).enumerate() {
        let (x, y) = (at / 3 % 200, at / 600);
        // The box is at 80..100, 40..60, grows by 2 and reaches 2 further.
        let reached = (76..104).contains(&x) && (36..64).contains(&y);
        assert!(reached || before == after, "{x} {y}");
        changed += u32::from(before != after);
    }
    assert!(changed > 500);
}

#[test]
fn one_colour_stays_itself() {
    let shape = Shape::new(Size::new(100, 90), 1);
    for level in [0, 1, 7, 128, 200, 254, 255] {
        for edges in [[0.2, 0.2, 0.6, 0.7], [0.0, 0.0, 1.0, 1.0]] {
            let mut samples = vec![level; shape.bytes()];
            blur(&mut samples, shape, &[BoundingBox::new(edges).unwrap()]);
            assert!(samples.iter().all(|&found| found == level), "{level}");
        }
    }
}

#[test]
fn no_boxes_change_nothing() {
    let shape = Shape::new(Size::new(9, 9), 3);
    let mut samples = noise(shape, 3);
    blur(&mut samples, shape, &[]);
    assert_eq!(samples, noise(shape, 3));
}
