//! Owns the hash and the quality of a grid: the low frequencies of its cosine transform against their median,
//! and its gradients. The order of all sums is the reference's, because the last bit of a sum may decide a bit
//! of the hash. Never sees an image.

use std::f64::consts::PI;

use super::window::SAMPLES;
use super::{Grid, Pdq};

/// Frequencies along each axis, from the first on: the mean does not count.
const FREQUENCIES: usize = 16;
/// Bits of the hash.
const BITS: usize = FREQUENCIES * FREQUENCIES;
/// Sum of the gradients for each step of the quality.
const GRADIENTS_PER_STEP: i32 = 90;
/// Highest quality.
const QUALITY_MAX: i32 = 100;

/// The tables of the transform.
pub(super) struct Spectrum {
    /// For each frequency, the cosine at each sample.
    waves: Box<[[f32; SAMPLES]; FREQUENCIES]>,
    /// The same, for each sample.
    by_sample: Box<[[f32; FREQUENCIES]; SAMPLES]>,
}

impl Default for Spectrum {
    fn default() -> Self {
        // The scale is rounded before the product is.
        let scale = f64::from((2.0 / SAMPLES as f32).sqrt());
        let step = PI / 2.0 / SAMPLES as f64;
        let mut waves = Box::new([[0.0; SAMPLES]; FREQUENCIES]);
        let mut by_sample = Box::new([[0.0; FREQUENCIES]; SAMPLES]);
        for frequency in 0..FREQUENCIES {
            for sample in 0..SAMPLES {
                let angle = step * (frequency + 1) as f64 * (2 * sample + 1) as f64;
                let value = (scale * angle.cos()) as f32;
                waves[frequency][sample] = value;
                by_sample[sample][frequency] = value;
            }
        }
        Self { waves, by_sample }
    }
}

impl Spectrum {
    /// The hash of the image that `grid` samples.
    pub(super) fn pdq(&self, grid: &Grid) -> Pdq {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the condition above detected AVX2.
            return unsafe { self.pdq_avx2(grid) };
        }
        self.pdq_of(grid)
    }

    /// `pdq_of`, compiled for AVX2.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn pdq_avx2(&self, grid: &Grid) -> Pdq {
        self.pdq_of(grid)
    }

    #[inline(always)]
    fn pdq_of(&self, grid: &Grid) -> Pdq {
        Pdq {
            hash: hash(&self.transform(grid)),
            quality: quality(grid),
        }
    }

    /// Sums over the rows first, then over the columns.
    #[inline(always)]
    fn transform(&self, grid: &Grid) -> [f32; BITS] {
        let mut values = [0.0; BITS];
        let rows = values.as_chunks_mut::<FREQUENCIES>().0;
        for (row, wave) in rows.iter_mut().zip(self.waves.iter()) {
            let mut down = [0.0; SAMPLES];
            for (&weight, samples) in wave.iter().zip(grid) {
                add(&mut down, weight, samples);
            }
            for (&weight, waves) in down.iter().zip(self.by_sample.iter()) {
                add(row, weight, waves);
            }
        }
        values
    }
}

/// `sums += weight * values`, each rounded twice.
#[inline(always)]
fn add<const COUNT: usize>(sums: &mut [f32; COUNT], weight: f32, values: &[f32; COUNT]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

/// One bit for each value: whether it is above the 128th smallest. The first value's is the lowest.
fn hash(values: &[f32; BITS]) -> [u8; BITS / 8] {
    let mut sorted = *values;
    let (_, &mut median, _) = sorted.select_nth_unstable_by(BITS / 2 - 1, f32::total_cmp);
    let mut hash = [0; BITS / 8];
    for (byte, values) in hash.iter_mut().rev().zip(values.as_chunks::<8>().0) {
        for (bit, &value) in values.iter().enumerate() {
            *byte |= u8::from(value > median) << bit;
        }
    }
    hash
}

/// The gradients between neighbours, in whole hundredths of the range, summed.
#[inline(always)]
fn quality(grid: &Grid) -> u8 {
    let step = |a: f32, b: f32| (((a - b) * 100.0 / 255.0) as i32).abs();
    let mut sum = 0;
    for pair in grid.windows(2) {
        let steps = pair[0].iter().zip(&pair[1]).map(|(&a, &b)| step(a, b));
        sum += steps.sum::<i32>();
    }
    for row in grid {
        let steps = row.iter().zip(&row[1..]).map(|(&a, &b)| step(a, b));
        sum += steps.sum::<i32>();
    }
    (sum / GRADIENTS_PER_STEP).min(QUALITY_MAX) as u8
}
