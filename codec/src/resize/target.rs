//! Owns the window of the scaled image that a filter fills. Never decides where it lies.

use crate::pixels::Shape;

/// A window of the scaled image, and the memory for its pixels.
pub(super) struct Target<'a> {
    /// First column and row of the window in the scaled image.
    pub(super) x: usize,
    pub(super) y: usize,
    /// Size of the window in pixels.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Memory from the first sample of the window to its last.
    pub(super) samples: &'a mut [u8],
    /// Samples from one row to the next.
    pub(super) stride: usize,
}

impl Target<'_> {
    /// The `row`-th row of the window, `width * channels` samples.
    pub(super) fn row(&mut self, row: usize, channels: usize) -> &mut [u8] {
        let start = row * self.stride;
        &mut self.samples[start..start + self.width * channels]
    }
}

/// Copies the window from an image of the scaled size.
pub(super) fn copy(source: &[u8], shape: Shape, mut target: Target<'_>) {
    let (x, y) = (target.x, target.y);
    let bytes = target.width * shape.channels;
    for row in 0..target.height {
        let start = (y + row) * shape.stride() + x * shape.channels;
        target
            .row(row, shape.channels)
            .copy_from_slice(&source[start..start + bytes]);
    }
}
