//! Owns the layout of rows in the filtered stream: one pass, or the seven of Adam7. Never reads the stream.

use std::ops::Range;

use super::header::Header;

/// The left column, the top row, and the steps right and down of each Adam7 pass.
const ADAM7: [[usize; 4]; 7] = [
    [0, 0, 8, 8],
    [4, 0, 8, 8],
    [0, 4, 4, 8],
    [2, 0, 4, 4],
    [0, 2, 2, 4],
    [1, 0, 2, 2],
    [0, 1, 1, 2],
];

/// A pass that has pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pass {
    /// Pixels of a row.
    pub(super) width: usize,
    pub(super) rows: usize,
    /// Bytes of a row without its filter byte.
    pub(super) row_bytes: usize,
    /// Column and row of the first pixel, and the steps right and down.
    pub(super) place: [usize; 4],
    start: usize,
}

impl Pass {
    /// The range of the pass in the filtered stream.
    pub(super) fn bytes(&self) -> Range<usize> {
        self.start..self.start + self.rows * (self.row_bytes + 1)
    }
}

/// The passes of an image in order.
pub(super) struct Passes {
    passes: [Pass; 7],
    count: usize,
}

impl Passes {
    pub(super) fn new(header: &Header) -> Self {
        let (width, height) = (header.size.width as usize, header.size.height as usize);
        let whole = [[0, 0, 1, 1]];
        let places: &[[usize; 4]] = if header.interlaced { &ADAM7 } else { &whole };
        let mut found = Self {
            passes: [Pass::default(); 7],
            count: 0,
        };
        let mut start = 0;
        for &place in places {
            let [left, top, right, down] = place;
            let pass = Pass {
                width: width.saturating_sub(left).div_ceil(right),
                rows: height.saturating_sub(top).div_ceil(down),
                row_bytes: header.row_bytes(width.saturating_sub(left).div_ceil(right)),
                place,
                start,
            };
            if pass.width > 0 && pass.rows > 0 {
                start = pass.bytes().end;
                found.passes[found.count] = pass;
                found.count += 1;
            }
        }
        found
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pass> {
        self.passes[..self.count].iter()
    }

    /// Length of the filtered stream in bytes.
    pub(super) fn filtered_bytes(&self) -> usize {
        self.iter().last().map_or(0, |pass| pass.bytes().end)
    }

    /// Length of each row in the stream, including its filter byte.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        self.iter()
            .flat_map(|pass| std::iter::repeat_n(pass.row_bytes + 1, pass.rows))
    }
}
