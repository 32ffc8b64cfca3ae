//! Owns the tables that resample the chroma planes of a JPEG to 4:2:0 in one step: upsampling to luma's
//! resolution, the resize, and the mean of two, composed. Each is linear, so the result equals that of the
//! three, except for their rounding. Never touches a pixel.

use super::taps::Axis;

/// The chroma value of grey.
const NEUTRAL: f32 = 128.0;

/// One axis of a chroma plane in relation to luma.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Upsampling {
    /// Chroma positions.
    pub(super) len: usize,
    /// Luma positions per chroma position.
    pub(super) ratio: usize,
    /// Whether libjpeg-turbo interpolates, by three quarters of the nearest position and one quarter of
    /// the next, instead of repeating samples.
    pub(super) smooth: bool,
}

/// One axis of the canvas in luma positions: the window begins at `place`, the rest is white.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) len: usize,
    pub(super) place: usize,
}

/// Fills `axis` with the chroma positions of `frame`; `luma` is the table of the window.
pub(super) fn fill(axis: &mut Axis, luma: &Axis, upsampling: Upsampling, frame: Frame) {
    axis.clear();
    let mut position = Position::default();
    for first in (0..frame.len).step_by(2) {
        // The last of an odd number is repeated, as the encoder does.
        let pair = [first, (first + 1).min(frame.len - 1)];
        position.clear();
        for at in pair {
            match at.checked_sub(frame.place) {
                Some(inside) if inside < luma.len() => {
                    let taps = luma.taps(inside);
                    for (tap, &weight) in taps.weights.iter().enumerate() {
                        position.add(upsampling, taps.start + tap, weight / 2.0);
                    }
                }
                _ => position.rest += NEUTRAL / 2.0,
            }
        }
        axis.push(position.start, &position.weights, position.rest);
    }
}

/// The weights accumulated for one chroma position of the result.
#[derive(Default)]
struct Position {
    start: usize,
    weights: Vec<f32>,
    rest: f32,
}

impl Position {
    fn clear(&mut self) {
        self.weights.clear();
        self.rest = 0.0;
    }

    /// Adds what luma position `at` takes from the chroma plane.
    fn add(&mut self, upsampling: Upsampling, at: usize, weight: f32) {
        let Upsampling { len, ratio, smooth } = upsampling;
        let nearest = (at / ratio).min(len - 1);
        if !smooth {
            return self.add_sample(nearest, weight);
        }
        let next = if at.is_multiple_of(2) {
            nearest.saturating_sub(1)
        } else {
            (nearest + 1).min(len - 1)
        };
        self.add_sample(nearest, weight * 0.75);
        self.add_sample(next, weight * 0.25);
    }

    fn add_sample(&mut self, at: usize, weight: f32) {
        if self.weights.is_empty() {
            self.start = at;
        }
        if at < self.start {
            let missing = self.start - at;
            self.weights.splice(0..0, std::iter::repeat_n(0.0, missing));
            self.start = at;
        }
        let index = at - self.start;
        if index >= self.weights.len() {
            self.weights.resize(index + 1, 0.0);
        }
        self.weights[index] += weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unchanged(len: usize) -> Axis {
        let mut axis = Axis::default();
        (0..len).for_each(|at| axis.push(at, &[1.0], 0.0));
        axis
    }

    fn filled(luma: &Axis, upsampling: Upsampling, frame: Frame) -> Vec<(usize, Vec<f32>, f32)> {
        let mut axis = Axis::default();
        fill(&mut axis, luma, upsampling, frame);
        let taps = axis.iter();
        taps.map(|taps| (taps.start, taps.weights.to_vec(), taps.rest))
            .collect()
    }

    #[test]
    fn smooth_upsampling_and_the_mean_of_two_blur_by_an_eighth() {
        let upsampling = Upsampling {
            len: 3,
            ratio: 2,
            smooth: true,
        };
        let frame = Frame { len: 6, place: 0 };
        assert_eq!(
            filled(&unchanged(6), upsampling, frame),
            [
                (0, vec![0.875, 0.125], 0.0),
                (0, vec![0.125, 0.75, 0.125], 0.0),
                (1, vec![0.125, 0.875], 0.0)
            ]
        );
    }

    #[test]
    fn chroma_of_full_resolution_is_the_mean_of_two_and_the_last_of_an_odd_number_stands_alone() {
        let upsampling = Upsampling {
            len: 3,
            ratio: 1,
            smooth: false,
        };
        let frame = Frame { len: 3, place: 0 };
        assert_eq!(
            filled(&unchanged(3), upsampling, frame),
            [(0, vec![0.5, 0.5], 0.0), (2, vec![1.0], 0.0)]
        );
    }

    #[test]
    fn a_position_over_the_border_is_half_white_and_one_outside_is_white() {
        let upsampling = Upsampling {
            len: 2,
            ratio: 1,
            smooth: false,
        };
        let frame = Frame { len: 6, place: 3 };
        assert_eq!(
            filled(&unchanged(2), upsampling, frame),
            [
                (0, vec![], 128.0),
                (0, vec![0.5], 64.0),
                (1, vec![0.5], 64.0)
            ]
        );
    }

    #[test]
    fn repeated_chroma_of_a_half_is_the_sample_itself() {
        let upsampling = Upsampling {
            len: 2,
            ratio: 2,
            smooth: false,
        };
        let frame = Frame { len: 3, place: 0 };
        let samples: Vec<_> = filled(&unchanged(3), upsampling, frame)
            .into_iter()
            .map(|(start, weights, _)| (start, weights))
            .collect();
        assert_eq!(samples, [(0, vec![1.0]), (1, vec![1.0])]);
    }
}
