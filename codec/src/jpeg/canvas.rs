//! Owns where a block's samples go in the planes. Never writes outside of them.

use std::arch::x86_64::{_mm_srli_si128, _mm_storel_epi64};

use super::idct::{self, Block, GROUP, Quantizers, Samples, Width};
use super::markers::COMPONENTS;
use crate::pixels::{Plane, Room};

/// Rows and samples of a row of a block.
const SIDE: usize = 8;

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

    /// The samples from the block at (`column`, `row`) of a plane on, and from one row to the next.
    #[inline(always)]
    fn block(&mut self, plane: usize, column: usize, row: usize) -> (&mut [u8], usize) {
        let Room { plane, rows } = self.rooms[plane];
        let Plane { start, stride } = plane;
        assert!((column + 1) * SIDE <= stride && (row + 1) * SIDE <= rows);
        let first = start + row * SIDE * stride + column * SIDE;
        (&mut self.samples[first..], stride)
    }

    /// Puts a block of one value.
    #[inline(always)]
    pub(super) fn put_flat(
        &mut self,
        plane: usize,
        column: usize,
        row: usize,
        dc: i16,
        quantizers: &Quantizers,
    ) {
        let value = [idct::flat(dc, quantizers); SIDE];
        let (samples, stride) = self.block(plane, column, row);
        for row in samples.chunks_mut(stride).take(SIDE) {
            row[..SIDE].copy_from_slice(&value);
        }
    }

    /// Transforms a group of a plane's blocks and puts as many of them as there are `places`, each a column
    /// and a row.
    #[inline]
    pub(super) fn put(
        &mut self,
        plane: usize,
        blocks: [&Block; GROUP],
        quantizers: &Quantizers,
        places: &[(usize, usize)],
    ) {
        let samples = match self.width {
            // SAFETY: Width::widest found these vectors in this processor.
            Width::Avx2 => unsafe { idct::inverse_avx2(blocks, quantizers) },
            // SAFETY: Width::widest found these vectors in this processor.
            Width::Avx512 => unsafe { idct::inverse_avx512(blocks, quantizers) },
        };
        for (block, place) in samples.into_iter().zip(places) {
            self.store(block, plane, *place);
        }
    }

    #[inline(always)]
    fn store(&mut self, block: Samples, plane: usize, (column, row): (usize, usize)) {
        let (samples, stride) = self.block(plane, column, row);
        assert!(samples.len() >= (SIDE - 1) * stride + SIDE);
        for (index, rows) in block.into_iter().enumerate() {
            // SAFETY: 8 samples at each of the first 8 rows of `stride` lie inside, by the assertion
            // above; SSE2 is there on every x86-64.
            unsafe {
                let row = samples.as_mut_ptr().add(index * 2 * stride);
                _mm_storel_epi64(row.cast(), rows);
                _mm_storel_epi64(row.add(stride).cast(), _mm_srli_si128::<8>(rows));
            }
        }
    }
}
