//! Owns the geometry of an axis: the window of its blur, and the positions that are sampled. Never touches a
//! sample.

/// Samples along each axis of the grid.
pub(super) const SAMPLES: usize = 64;

/// The inputs of a mean: as many as `size`, the last of them `ahead` positions after the mean's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) size: usize,
    pub(super) ahead: usize,
}

impl Window {
    /// The window of an axis of `length` positions.
    pub(super) const fn of(length: usize) -> Self {
        let size = length.div_ceil(2 * SAMPLES);
        Self {
            size,
            ahead: size.midpoint(2) - 1,
        }
    }

    /// The inputs of the mean at `at` that are within the axis.
    pub(super) fn inputs(self, at: usize, length: usize) -> std::ops::Range<usize> {
        let behind = self.size - 1 - self.ahead;
        at.saturating_sub(behind)..(at + self.ahead + 1).min(length)
    }
}

/// The position of sample `index` on an axis of `length` positions.
pub(super) const fn sampled(index: usize, length: usize) -> usize {
    (2 * index + 1) * length / (2 * SAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_the_definition() {
        for length in 1..2000_usize {
            let (size, half) = (length.div_ceil(128), (length.div_ceil(128) + 2) / 2);
            let window = Window::of(length);
            assert_eq!((window.size, window.ahead), (size, half - 1), "{length}");
        }
        let inputs = |at| Window::of(512).inputs(at, 512);
        assert_eq!(inputs(0), 0..3);
        assert_eq!(inputs(100), 99..103);
        assert_eq!(inputs(511), 510..512);
    }

    #[test]
    fn positions_are_those_of_the_definition() {
        for length in 1..2000_usize {
            for index in 0..SAMPLES {
                let position = (index as f64 + 0.5) * length as f64 / 64.0;
                assert_eq!(sampled(index, length), position as usize);
            }
        }
    }
}
