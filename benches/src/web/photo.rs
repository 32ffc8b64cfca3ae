//! Owns the drawing of one image of the simulated web: sides, format and quality as the web mixes
//! them, and content whose detail falls off with its scale as a photograph's does, so that it
//! compresses like one. Never knows a URL.

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, LogNormal};
use turbo2ds_tests::pictures::Format;

/// Spread of the images' megapixels (sigma of their logarithm), and the largest.
const MEGAPIXELS_SIGMA: f64 = 1.0;
const MEGAPIXELS_MAX: f64 = 6.0;
/// Shortest and longest side, pixels.
const SIDE_MIN: f64 = 48.0;
const SIDE_MAX: f64 = 4000.0;

/// Width over height of common images.
const RATIOS: [f64; 7] = [
    1.0,
    4.0 / 3.0,
    3.0 / 2.0,
    16.0 / 9.0,
    3.0 / 4.0,
    2.0 / 3.0,
    1.91,
];

/// Weights of the formats, per cent.
const FORMATS: [(Format, u32); 5] = [
    (Format::Jpeg, 80),
    (Format::ProgressiveJpeg, 11),
    (Format::Png, 5),
    (Format::Webp, 3),
    (Format::Gif, 1),
];

/// Draws and writes the image of a seed, of sizes around a median; gives the file and its extension.
pub(super) fn file(seed: u64, megapixels_median: f64) -> (Vec<u8>, &'static str) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (width, height) = sides(&mut rng, megapixels_median);
    let format = FORMATS
        .choose_weighted(&mut rng, |(_, weight)| *weight)
        .map_or(Format::Jpeg, |(format, _)| *format);
    let quality = *[75, 80, 85, 90, 92].choose(&mut rng).unwrap_or(&85);
    let pixels = draw(&mut rng, width, height);
    let extension = match format {
        Format::Jpeg | Format::ProgressiveJpeg => "jpg",
        Format::Png => "png",
        Format::Webp => "webp",
        Format::Gif => "gif",
        Format::Bmp => "bmp",
    };
    let file = format.write(pixels, width as u32, height as u32, quality);
    (file, extension)
}

fn sides(rng: &mut SmallRng, megapixels_median: f64) -> (usize, usize) {
    let megapixels = LogNormal::new(megapixels_median.ln(), MEGAPIXELS_SIGMA)
        .map_or(megapixels_median, |sizes| sizes.sample(rng));
    let pixels = megapixels.min(MEGAPIXELS_MAX) * 1e6;
    let ratio = RATIOS.choose(rng).unwrap_or(&1.0) * rng.random_range(0.95..1.05);
    let side = |pixels: f64| pixels.round().clamp(SIDE_MIN, SIDE_MAX) as usize;
    (side((pixels * ratio).sqrt()), side((pixels / ratio).sqrt()))
}

/// RGB8 rows without padding.
fn draw(rng: &mut SmallRng, width: usize, height: usize) -> Vec<u8> {
    let roughness = rng.random_range(0.45..0.72);
    let mut light = Plane::noise(rng, width, height, 90.0, roughness);
    let tints = [0, 1].map(|_| Plane::noise(rng, width.div_ceil(4), height.div_ceil(4), 40.0, 0.5));
    for _ in 0..rng.random_range(2..9) {
        light.add_shape(rng);
    }
    let grain = rng.random_range(1.0..5.0);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let light = light.at(x, y) + 128.0 + rng.random_range(-grain..grain);
            let [red, blue] = [&tints[0], &tints[1]].map(|tint| tint.at(x / 4, y / 4));
            for value in [light + red, light - 0.4 * (red + blue), light + blue] {
                pixels.push(value.clamp(0.0, 255.0) as u8);
            }
        }
    }
    pixels
}

/// One channel.
struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    /// Noise of every scale, around zero: each finer octave has `roughness` times the strength of
    /// the one before.
    fn noise(
        rng: &mut SmallRng,
        width: usize,
        height: usize,
        strength: f32,
        roughness: f32,
    ) -> Self {
        let mut octave = width.max(height).next_power_of_two().ilog2().min(8);
        let mut strength = strength;
        let coarse = |side: usize, octave: u32| (side >> octave) + 2;
        let (columns, rows) = (coarse(width, octave), coarse(height, octave));
        let mut plane = Self {
            width: columns,
            height: rows,
            values: vec![0.0; columns * rows],
        };
        loop {
            for value in &mut plane.values {
                *value += rng.random_range(-strength..strength);
            }
            if octave == 0 {
                return plane.cut(width, height);
            }
            octave -= 1;
            strength *= roughness;
            plane = plane.doubled(coarse(width, octave), coarse(height, octave));
        }
    }

    /// Twice the resolution, bilinear between.
    fn doubled(&self, width: usize, height: usize) -> Self {
        let mut values = Vec::with_capacity(width * height);
        for y in 0..height {
            let (top, bottom) = (y / 2, (y.div_ceil(2)).min(self.height - 1));
            for x in 0..width {
                let (left, right) = (x / 2, (x.div_ceil(2)).min(self.width - 1));
                let sum = self.at(left, top)
                    + self.at(right, top)
                    + self.at(left, bottom)
                    + self.at(right, bottom);
                values.push(sum / 4.0);
            }
        }
        Self {
            width,
            height,
            values,
        }
    }

    fn cut(&self, width: usize, height: usize) -> Self {
        let rows = self.values.chunks_exact(self.width).take(height);
        Self {
            width,
            height,
            values: rows.flat_map(|row| &row[..width]).copied().collect(),
        }
    }

    fn at(&self, x: usize, y: usize) -> f32 {
        self.values[y * self.width + x]
    }

    /// Lightens or darkens an ellipse with a sharp edge.
    fn add_shape(&mut self, rng: &mut SmallRng) {
        let (width, height) = (self.width as f32, self.height as f32);
        let (x, y) = (rng.random_range(0.0..width), rng.random_range(0.0..height));
        let (a, b) = (
            rng.random_range(0.05..0.5) * width,
            rng.random_range(0.05..0.5) * height,
        );
        let light = rng.random_range(-60.0..60.0);
        for (row, values) in self.values.chunks_exact_mut(self.width).enumerate() {
            let across = 1.0 - ((row as f32 - y) / b).powi(2);
            if across <= 0.0 {
                continue;
            }
            let half = a * across.sqrt();
            let side = |x: f32| x.clamp(0.0, width) as usize;
            for value in &mut values[side(x - half)..side(x + half)] {
                *value += light;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_its_seed() {
        assert_eq!(file(1, 0.1), file(1, 0.1));
        assert_ne!(file(1, 0.1).0, file(2, 0.1).0);
    }

    #[test]
    fn the_mix_has_every_format_and_the_size_of_photographs() {
        let mut rng = SmallRng::seed_from_u64(1);
        let megapixels: Vec<f64> = (0..4000)
            .map(|_| sides(&mut rng, 0.3))
            .map(|(width, height)| (width * height) as f64 / 1e6)
            .collect();
        let mean = megapixels.iter().sum::<f64>() / 4000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }

    #[test]
    fn a_jpeg_takes_as_many_bits_as_a_photograph() {
        let mut rng = SmallRng::seed_from_u64(7);
        let (mut bytes, mut pixels) = (0, 0);
        for _ in 0..12 {
            let raster = draw(&mut rng, 480, 320);
            bytes += Format::Jpeg.write(raster, 480, 320, 85).len();
            pixels += 480 * 320;
        }
        let bits_per_pixel = bytes as f64 * 8.0 / f64::from(pixels);
        assert!((0.8..2.2).contains(&bits_per_pixel), "{bits_per_pixel}");
    }
}
