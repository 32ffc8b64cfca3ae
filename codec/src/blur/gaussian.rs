//! Owns the weights of the blur: OpenCV's Gaussian kernel for a radius without a sigma, folded if it is
//! longer than the line it is applied to, and the grid of positions to compute. Never touches a pixel.

/// Positions computed per sigma; the result is interpolated linearly between them.
const POSITIONS_PER_SIGMA: f64 = 6.0;

/// The weights of a symmetric kernel, from its centre outwards.
pub(super) struct Kernel {
    pub(super) weights: Vec<f32>,
}

impl Kernel {
    /// The kernel of `radius` for a line of `length` pixels that is mirrored at its end pixels without
    /// repeating them. Such a line has a period of `2 * (length - 1)` pixels, so a longer kernel meets pixels
    /// several times: their weights are added.
    pub(super) fn new(radius: usize, length: usize) -> Self {
        let half = gaussian(radius);
        let furthest = length - 1;
        let weights = if radius <= furthest {
            half
        } else if furthest == 0 {
            vec![1.0]
        } else {
            folded(&half, furthest)
        };
        Self {
            weights: weights.into_iter().map(|weight| weight as f32).collect(),
        }
    }

    pub(super) fn radius(&self) -> usize {
        self.weights.len() - 1
    }
}

/// OpenCV's getGaussianKernel for `2 * radius + 1` taps: fixed weights up to nine taps, then the Gaussian of
/// [`sigma`] truncated at the radius. The sum over both sides is 1.
fn gaussian(radius: usize) -> Vec<f64> {
    match radius {
        0 => vec![1.0],
        1 => vec![0.5, 0.25],
        2 => vec![0.375, 0.25, 0.0625],
        3 => vec![0.28125, 0.21875, 0.109375, 0.03125],
        4 => vec![0.234375, 0.199_218_75, 0.117_187_5, 0.050_781_25, 0.015_625],
        _ => {
            let scale = -0.5 / sigma(radius).powi(2);
            let bell = |at: usize| (scale * (at * at) as f64).exp();
            let sum = 1.0 + 2.0 * (1..=radius).map(bell).sum::<f64>();
            (0..=radius).map(|at| bell(at) / sum).collect()
        }
    }
}

/// OpenCV's sigma for a kernel of this radius.
fn sigma(radius: usize) -> f64 {
    0.3 * (radius as f64 - 1.0) + 0.8
}

fn folded(half: &[f64], furthest: usize) -> Vec<f64> {
    let period = 2 * furthest;
    let mut weights = vec![0.0; furthest + 1];
    for (at, weight) in half.iter().enumerate() {
        let ahead = at % period;
        // A weight is for both sides. At distance 0 both are the centre; elsewhere each is on its own
        // side.
        let share = if at == 0 { 1.0 } else { 2.0 };
        let distance = ahead.min(period - ahead);
        let places = if distance == 0 { 1.0 } else { 2.0 };
        weights[distance] += weight * share / places;
    }
    weights
}

/// The pixel at position `at` of a line of `length` pixels that is mirrored at its end pixels.
pub(super) fn mirrored(at: isize, length: usize) -> usize {
    if length == 1 {
        return 0;
    }
    let period = 2 * (length - 1);
    let within = at.rem_euclid(period as isize) as usize;
    within.min(period - within)
}

/// The positions along a line at which the blur is computed.
pub(super) struct Grid {
    /// In increasing order, from the first pixel of the line to its last.
    pub(super) positions: Vec<usize>,
}

impl Grid {
    /// A grid over `length` pixels, fine enough for a blur of `radius`: between positions a sixth of a sigma
    /// apart, a blurred edge from black to white is linear within a fifth of a level.
    pub(super) fn new(length: usize, radius: usize) -> Self {
        let step = ((sigma(radius) / POSITIONS_PER_SIGMA) as usize).max(1);
        let mut positions: Vec<usize> = (0..length).step_by(step).collect();
        if positions.last() != Some(&(length - 1)) {
            positions.push(length - 1);
        }
        Self { positions }
    }

    /// For each pixel, the position at or before it and the weight of the next one.
    pub(super) fn shares(&self) -> Vec<(usize, f32)> {
        let mut shares = Vec::new();
        for (cell, ends) in self.positions.windows(2).enumerate() {
            let length = ends[1] - ends[0];
            shares.extend((0..length).map(|at| (cell, at as f32 / length as f32)));
        }
        shares.push((self.positions.len() - 1, 0.0));
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(weights: &[f64]) -> f64 {
        weights[0] + 2.0 * weights[1..].iter().sum::<f64>()
    }

    #[test]
    fn every_kernel_sums_to_one() {
        for radius in [0, 1, 2, 3, 4, 5, 17, 300] {
            let half = gaussian(radius);
            assert_eq!(half.len(), radius + 1);
            assert!((total(&half) - 1.0).abs() < 1e-12, "{radius}");
            for furthest in 1..radius {
                let folded = folded(&half, furthest);
                assert!((total(&folded) - 1.0).abs() < 1e-12, "{radius} {furthest}");
            }
        }
    }

    #[test]
    fn eleven_taps_are_opencvs() {
        let expected = [0.200_565_4, 0.176_998_36, 0.121_649_07, 0.065_114_06];
        for (found, expected) in gaussian(5).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
        }
    }

    #[test]
    fn a_folded_kernel_gives_what_the_whole_one_gives() {
        for length in 1..=9_usize {
            let line: Vec<f64> = (0..length).map(|at| (at * at % 7) as f64).collect();
            for radius in 1..30 {
                let whole = gaussian(radius);
                let short = Kernel::new(radius, length);
                assert!(short.radius() < length);
                for at in 0..length as isize {
                    let sum = |weights: &[f64]| {
                        let side = |step: isize| line[mirrored(at + step, length)];
                        let pair = |k: usize| weights[k] * (side(k as isize) + side(-(k as isize)));
                        weights[0] * side(0) + (1..weights.len()).map(pair).sum::<f64>()
                    };
                    let short: Vec<f64> = short.weights.iter().map(|&w| f64::from(w)).collect();
                    assert!((sum(&whole) - sum(&short)).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn a_mirrored_line_does_not_repeat_its_end_pixels() {
        let seen: Vec<usize> = (-5..6).map(|at| mirrored(at, 4)).collect();
        assert_eq!(seen, [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1]);
        assert_eq!(mirrored(-3, 1), 0);
    }

    #[test]
    fn a_grid_has_both_ends_and_a_share_for_every_pixel() {
        for length in [1, 2, 3, 10, 57] {
            for radius in [1, 50, 200, 5000] {
                let grid = Grid::new(length, radius);
                assert_eq!(grid.positions.first(), Some(&0));
                assert_eq!(grid.positions.last(), Some(&(length - 1)));
                let shares = grid.shares();
                assert_eq!(shares.len(), length);
                for (pixel, (cell, share)) in shares.into_iter().enumerate() {
                    let start = grid.positions[cell];
                    let next = *grid.positions.get(cell + 1).unwrap_or(&start);
                    let place = start as f32 + share * (next - start) as f32;
                    assert!((place - pixel as f32).abs() < 1e-3);
                }
            }
        }
    }
}
