//! Owns writing the samples of blocks to their planes. Never writes outside of them.

use super::idct::{Block, GROUP, Quantizers, SIDE, Width};
use super::markers::COMPONENTS;
use crate::pixels::{PaddedPlane, Plane};

/// Samples in a row of a group.
const GROUP_SIDE: usize = GROUP * SIDE;

/// The planes of an image.
pub(super) struct Canvas<'a> {
    samples: &'a mut [u8],
    padded: [PaddedPlane; COMPONENTS],
    width: Width,
}

impl<'a> Canvas<'a> {
    /// `None` if a plane extends past `samples`.
    pub(super) fn new(
        samples: &'a mut [u8],
        padded: [PaddedPlane; COMPONENTS],
        width: Width,
    ) -> Option<Self> {
        let inside = padded.iter().all(|one| {
            let bytes = one.plane.stride.checked_mul(one.rows);
            let end = bytes.and_then(|bytes| bytes.checked_add(one.plane.start));
            end.is_some_and(|end| end <= samples.len())
        });
        inside.then_some(Self {
            samples,
            padded,
            width,
        })
    }

    /// Transforms `count` blocks and writes them side by side to a plane, the first at the given column and
    /// row. `block` returns a block by its number.
    #[inline(always)]
    pub(super) fn put<'b>(
        &mut self,
        plane: usize,
        (column, row): (usize, usize),
        count: usize,
        quantizers: &Quantizers,
        block: impl Fn(usize) -> &'b Block,
    ) {
        let PaddedPlane { plane, rows } = self.padded[plane];
        let Plane { start, stride } = plane;
        assert!((column + count) * SIDE <= stride && (row + 1) * SIDE <= rows);
        let first = start + row * SIDE * stride + column * SIDE;
        let into = &mut self.samples[first..];
        for at in (0..count).step_by(GROUP) {
            let left = count - at;
            let group = std::array::from_fn(|index| block(at + index.min(left - 1)));
            let into = &mut into[at * SIDE..];
            if left >= GROUP {
                self.width.inverse(group, quantizers, into, stride);
                continue;
            }
            let mut samples = [0; GROUP_SIDE * SIDE];
            self.width
                .inverse(group, quantizers, &mut samples, GROUP_SIDE);
            let rows = into.chunks_mut(stride);
            for (to, from) in rows.zip(samples.chunks_exact(GROUP_SIDE)) {
                to[..left * SIDE].copy_from_slice(&from[..left * SIDE]);
            }
        }
    }
}
