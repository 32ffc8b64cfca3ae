//! The hash against the reference's vectors, and against the definition followed step by step: every pass over
//! the whole image, every sum by itself.

use super::*;
use crate::pixels::Planes;
use crate::turbo::{Decompressor, padded_bytes};

/// Bits that differ.
fn distance(one: Pdq, other: Pdq) -> u32 {
    let pairs = one.hash.iter().zip(other.hash);
    pairs.map(|(one, other)| (one ^ other).count_ones()).sum()
}

fn hash(samples: &[u8], width: u32, height: u32, channels: usize) -> Pdq {
    let shape = Shape::new(Size::new(width, height), channels);
    let (mut decoded, mut room) = (Buffer::default(), Buffer::default());
    decoded.bytes_mut(samples.len()).copy_from_slice(samples);
    Hasher::default().hash(Decoded::Raster(shape), &decoded, &mut room)
}

/// The image of the reference's vectors.
fn formula(width: u32, height: u32) -> Vec<u8> {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let colours = pixels.flat_map(|(x, y)| [1, 2, 3].map(|c| (x * x + 3 * y * y + x * y * c) / 7));
    colours.map(|value| (value & 255) as u8).collect()
}

#[test]
fn the_hash_is_the_references() {
    let small = hash(&formula(64, 64), 64, 64, 3);
    let expected = "52fed5e0d580910fd13f9578976097619147ba4fb34eba5ca25cbad88258ba58";
    assert_eq!((small.hex().as_str(), small.quality), (expected, 100));
    let wide = hash(&formula(200, 150), 200, 150, 3);
    let expected = "7ffafffeffd1ffb0ffc0ff00ff00fc80f900f600fc00fe00e800fc00e800f400";
    assert_eq!((wide.hex().as_str(), wide.quality), (expected, 100));
}

/// A picture of smooth shapes with some noise, seeded: like a photograph, few frequencies are strong.
fn photo(seed: u32, width: u32, height: u32, channels: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 24
    };
    let waves: Vec<[f32; 4]> = (0..6)
        .map(|_| [(); 4].map(|()| noise() as f32 / 255.0))
        .collect();
    let mut samples = Vec::with_capacity(width as usize * height as usize * channels);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            for channel in 0..channels {
                let shift = channel as f32 * 0.7;
                let sum: f32 = waves
                    .iter()
                    .map(|&[across, down, phase, height]| {
                        let turns = across * 5.0 * x + down * 5.0 * y + phase + shift * across;
                        height * (turns * std::f32::consts::TAU).sin()
                    })
                    .sum();
                samples.push((128.0 + 45.0 * sum + noise() as f32 / 16.0) as u8);
            }
        }
    }
    samples
}

/// A plane of brightness.
struct Plane {
    width: usize,
    values: Vec<f32>,
}

impl Plane {
    fn height(&self) -> usize {
        self.values.len() / self.width
    }

    fn turned(&self) -> Self {
        let height = self.height();
        let at = |at: usize| self.values[at % height * self.width + at / height];
        Self {
            width: height,
            values: (0..self.values.len()).map(at).collect(),
        }
    }

    /// Every row replaced by its means.
    fn blurred(&self) -> Self {
        let rows = self.values.chunks(self.width);
        Self {
            width: self.width,
            values: rows.flat_map(means).collect(),
        }
    }

    /// Scaled to so many columns by area.
    fn scaled(&self, width: usize) -> Self {
        let cell = self.width as f64 / width as f64;
        let row = |row: &[f32]| -> Vec<f32> {
            let mean = |at: usize| {
                let (begin, end) = (at as f64 * cell, (at + 1) as f64 * cell);
                let pixels = (begin as usize..row.len().min(end.ceil() as usize)).map(|at| {
                    let covered = end.min(at as f64 + 1.0) - begin.max(at as f64);
                    covered.max(0.0) / cell * f64::from(row[at])
                });
                pixels.sum::<f64>() as f32
            };
            (0..width).map(mean).collect()
        };
        Self {
            width,
            values: self.values.chunks(self.width).flat_map(row).collect(),
        }
    }
}

/// The means of a window, by running sums.
fn means(row: &[f32]) -> Vec<f32> {
    let length = row.len();
    let size = length.div_ceil(128);
    let half = (size + 2) / 2;
    let (mut sum, mut count, mut means) = (0.0_f32, 0, Vec::new());
    for step in 0..length + half - 1 {
        if step < length {
            sum += row[step];
            count += 1;
        }
        if step >= size {
            sum -= row[step - size];
            count -= 1;
        }
        if step + 1 >= half {
            means.push(sum / count as f32);
        }
    }
    means
}

/// The values whose order decides the bits, and the quality.
fn by_definition(samples: &[u8], width: usize, channels: usize) -> (Vec<f32>, u8) {
    let luma = samples.chunks(channels).map(|pixel| {
        let at = |channel: usize| f64::from(pixel[channel.min(channels - 1)]);
        (0.299 * at(0) + 0.587 * at(1) + 0.114 * at(2)) as f32
    });
    let mut plane = Plane {
        width,
        values: luma.collect(),
    };
    if plane.width.max(plane.height()) > 512 {
        plane = plane.scaled(512).turned().scaled(512).turned();
    }
    if (plane.width, plane.height()) != (64, 64) {
        for _ in 0..2 {
            plane = plane.blurred().turned().blurred().turned();
        }
    }
    let position =
        |index: usize, length: usize| ((index as f64 + 0.5) * length as f64 / 64.0) as usize;
    let grid = |y: usize, x: usize| {
        plane.values[position(y, plane.height()) * plane.width + position(x, plane.width)]
    };
    let step = |a: f32, b: f32| ((a - b) * 100.0 / 255.0).trunc().abs() as u32;
    let mut gradients = 0;
    for y in 0..64 {
        for x in 0..64 {
            if y > 0 {
                gradients += step(grid(y, x), grid(y - 1, x));
            }
            if x > 0 {
                gradients += step(grid(y, x), grid(y, x - 1));
            }
        }
    }
    let scale = f64::from((2.0_f32 / 64.0).sqrt());
    let wave = |frequency: usize, at: usize| {
        let step = std::f64::consts::PI / 2.0 / 64.0 * (frequency + 1) as f64;
        (scale * (step * (2 * at + 1) as f64).cos()) as f32
    };
    let mut values = Vec::new();
    for down in 0..16 {
        let sums: Vec<f32> = (0..64)
            .map(|x| (0..64).fold(0.0, |sum, y| sum + wave(down, y) * grid(y, x)))
            .collect();
        for across in 0..16 {
            values.push((0..64).fold(0.0, |sum, x| sum + sums[x] * wave(across, x)));
        }
    }
    (values, (gradients / 90).min(100) as u8)
}

/// The 128th smallest.
fn median(values: &[f32]) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[127]
}

fn bits(values: &[f32]) -> [u8; 32] {
    let median = median(values);
    let mut hash = [0; 32];
    for (bit, _) in values
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > median)
    {
        hash[31 - bit / 8] |= 1 << (bit % 8);
    }
    hash
}

#[test]
fn images_that_are_not_scaled_have_every_bit_of_the_definition() {
    // Sides at which a window grows, few and odd ones, and strips of every length.
    let mut sizes = vec![
        (5, 5),
        (5, 512),
        (512, 5),
        (64, 64),
        (64, 65),
        (63, 64),
        (512, 512),
    ];
    sizes.extend([127, 128, 129, 256, 257, 384, 385, 511].map(|side| (side, side)));
    sizes.extend((0..40).map(|at| (5 + at * 97 % 508, 5 + at * 211 % 508)));
    for (seed, &(width, height)) in (0..).zip(&sizes) {
        let channels = [1, 3, 4][seed as usize % 3];
        let samples = photo(seed, width, height, channels);
        let (values, quality) = by_definition(&samples, width as usize, channels);
        let expected = Pdq {
            hash: bits(&values),
            quality,
        };
        let found = hash(&samples, width, height, channels);
        assert_eq!(found, expected, "{width}x{height}, {channels} channels");
    }
}

#[test]
fn flat_images_and_pure_noise_have_every_bit_of_the_definition() {
    let mut state = 1_u32;
    for (width, height) in [(6, 9), (64, 64), (100, 300), (300, 400)] {
        let count = (width * height * 3) as usize;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(count)
        .collect();
        let flat = |grey: u8| vec![grey; count];
        let pink: Vec<u8> = [250, 120, 130].repeat(count / 3);
        for samples in [flat(0), flat(77), flat(255), pink, noise] {
            let (values, quality) = by_definition(&samples, width as usize, 3);
            let expected = Pdq {
                hash: bits(&values),
                quality,
            };
            assert_eq!(
                hash(&samples, width, height, 3),
                expected,
                "{width}x{height}"
            );
        }
    }
    assert_eq!(hash(&[9; 300], 10, 10, 3).quality, 0);
}

#[test]
fn larger_images_differ_from_the_definition_only_where_it_is_a_tie() {
    let sizes = [
        (513, 513),
        (700, 6),
        (5, 700),
        (520, 300),
        (1024, 512),
        (600, 700),
        (100, 2000),
    ];
    for (seed, (width, height)) in (0..).zip(sizes) {
        for channels in [1, 3, 4] {
            let samples = photo(seed, width, height, channels);
            let (values, quality) = by_definition(&samples, width as usize, channels);
            let found = hash(&samples, width, height, channels);
            let name = format!("{width}x{height}, {channels} channels");
            assert!(found.quality.abs_diff(quality) <= 1, "{name}");
            let (median, expected) = (median(&values), bits(&values));
            for (bit, value) in values.iter().enumerate() {
                let differs = (found.hash[31 - bit / 8] ^ expected[31 - bit / 8]) >> (bit % 8) & 1;
                assert!(
                    differs == 0 || (value - median).abs() < 0.01,
                    "{name}: {bit}"
                );
            }
        }
    }
}

#[test]
fn a_side_of_less_than_five_pixels_has_no_hash() {
    for (width, height) in [(1, 1), (4, 500), (500, 4), (4, 4), (2000, 4)] {
        for channels in [1, 3, 4] {
            let samples = photo(1, width, height, channels);
            assert_eq!(hash(&samples, width, height, channels), Pdq::NONE);
        }
    }
}

#[test]
fn grey_is_hashed_like_the_same_grey_in_colours_and_alpha_is_dropped() {
    for (width, height) in [(90, 60), (700, 400)] {
        let grey = photo(3, width, height, 1);
        let as_rgb: Vec<u8> = grey.iter().flat_map(|&value| [value; 3]).collect();
        let as_rgba: Vec<u8> = (0..)
            .zip(&grey)
            .flat_map(|(at, &value)| [value, value, value, at as u8])
            .collect();
        let expected = hash(&grey, width, height, 1);
        let same = |other| distance(expected, other) <= if width > 512 { 2 } else { 0 };
        assert!(same(hash(&as_rgb, width, height, 3)));
        assert_eq!(
            hash(&as_rgba, width, height, 4),
            hash(&as_rgb, width, height, 3)
        );
    }
}

/// The hash of the planes of a JPEG, and of the colours that libjpeg-turbo decodes.
fn of_planes_and_colours(width: u32, height: u32, sampling: turbojpeg::Subsamp) -> [Pdq; 2] {
    let pixels = photo(width, width, height, 3);
    let image = turbojpeg::Image {
        pixels: &pixels[..],
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: turbojpeg::PixelFormat::RGB,
    };
    let body = turbojpeg::compress(image, 90, sampling).unwrap();
    let size = Size::new(width, height);
    let mut decompressor = Decompressor::new(10);
    let (mut decoded, mut room) = (Buffer::default(), Buffer::default());
    let file = decompressor.open(&body, size).unwrap();
    let subsampling = file.subsampling().unwrap();
    let padded = file.padded();
    file.read_planes(decoded.bytes_mut(padded_bytes(&padded)))
        .unwrap();
    let planes = Decoded::Planes {
        planes: Planes {
            size,
            planes: padded.map(|one| one.plane),
        },
        subsampling,
    };
    let of_planes = Hasher::default().hash(planes, &decoded, &mut room);
    let shape = decompressor
        .open(&body, size)
        .unwrap()
        .read_pixels(&mut decoded)
        .unwrap();
    let of_colours = Hasher::default().hash(Decoded::Raster(shape), &decoded, &mut room);
    [of_planes, of_colours]
}

#[test]
fn the_planes_of_a_jpeg_have_the_hash_of_its_colours() {
    use turbojpeg::Subsamp::{None, Sub1x2, Sub2x1, Sub2x2};
    for sampling in [None, Sub2x1, Sub1x2, Sub2x2] {
        for (width, height) in [(5, 5), (131, 77), (512, 400)] {
            let [planes, colours] = of_planes_and_colours(width, height, sampling);
            assert_eq!(planes, colours, "{sampling:?} {width}x{height}");
        }
        let [planes, colours] = of_planes_and_colours(900, 600, sampling);
        assert!(distance(planes, colours) <= 6, "{sampling:?}");
        assert!(planes.quality.abs_diff(colours.quality) <= 2);
    }
}

#[test]
fn one_hasher_gives_the_same_hashes_in_any_order() {
    let mut hasher = Hasher::default();
    let (mut decoded, mut room) = (Buffer::default(), Buffer::default());
    let sizes = [
        (600, 500),
        (40, 300),
        (512, 17),
        (9, 9),
        (700, 20),
        (511, 512),
        (40, 300),
    ];
    for (width, height) in sizes {
        let samples = photo(5, width, height, 3);
        decoded.bytes_mut(samples.len()).copy_from_slice(&samples);
        let shape = Shape::new(Size::new(width, height), 3);
        let found = hasher.hash(Decoded::Raster(shape), &decoded, &mut room);
        assert_eq!(found, hash(&samples, width, height, 3), "{width}x{height}");
    }
}
