//! Owns where blocks' samples go in the planes. Never writes outside of them.

use super::idct::{Block, GROUP, Quantizers, SIDE, Width};
use super::markers::COMPONENTS;
use crate::pixels::{Plane, Room};

/// Samples of a row of a group.
const GROUP_SIDE: usize = GROUP * SIDE;

/// The planes of an image.
pub(super) struct Canvas<'a> {
    samples: &'a mut [u8],
    rooms: [Room; COMPONENTS],
    width: Width,
}

impl<'a> Canvas<'a> {
    /// None where a room lies outside of `samples`.
    pub(super) fn new(
        samples: &'a mut [u8],
        rooms: [Room; COMPONENTS],
        width: Width,
    ) -> Option<Self> {
        let inside = rooms.iter().all(|room| {
            let bytes = room.plane.stride.checked_mul(room.rows);
            let end = bytes.and_then(|bytes| bytes.checked_add(room.plane.start));
            end.is_some_and(|end| end <= samples.len())
        });
        inside.then_some(Self {
            samples,
            rooms,
            width,
        })
    }

    /// Transforms `count` blocks that stand side by side in a plane, the first at `place`, a column and a
    /// row, and puts them there. `block` gives them by their number.
    #[inline(always)]
    pub(super) fn put<'b>(
        &mut self,
        plane: usize,
        (column, row): (usize, usize),
        count: usize,
        quantizers: &Quantizers,
        block: impl Fn(usize) -> &'b Block,
    ) {
        let Room { plane, rows } = self.rooms[plane];
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
