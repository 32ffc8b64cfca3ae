//! Owns the rows of the mask: which columns of a row are in a box. Never holds more than one row; its work
//! grows with the sum of rows and boxes, not their product.

use super::boxes::Rect;

/// Computes the rows of the mask from top to bottom.
pub(super) struct MaskRows {
    /// Boxes by their top, the next one last.
    to_begin: Vec<Rect>,
    /// Boxes by their bottom, the next one last.
    to_end: Vec<Rect>,
    /// For each column, the number of boxes of the row that begin there minus those that end there.
    edges: Vec<i32>,
}

impl MaskRows {
    /// The mask of `rects` in an image of `width` columns.
    pub(super) fn new(rects: &[Rect], width: usize) -> Self {
        let (mut to_begin, mut to_end) = (rects.to_vec(), rects.to_vec());
        to_begin.sort_unstable_by_key(|rect| std::cmp::Reverse(rect.top));
        to_end.sort_unstable_by_key(|rect| std::cmp::Reverse(rect.bottom));
        Self {
            to_begin,
            to_end,
            edges: vec![0; width + 1],
        }
    }

    /// Writes row `y`: 1 in a box, 0 elsewhere. Rows must be requested in increasing order.
    pub(super) fn row(&mut self, y: usize, into: &mut [f32]) {
        while let Some(rect) = self.to_begin.pop_if(|rect| rect.top <= y) {
            self.edges[rect.left] += 1;
            self.edges[rect.right] -= 1;
        }
        while let Some(rect) = self.to_end.pop_if(|rect| rect.bottom <= y) {
            self.edges[rect.left] -= 1;
            self.edges[rect.right] += 1;
        }
        let mut covering = 0;
        for (mask, edge) in into.iter_mut().zip(&self.edges) {
            covering += edge;
            *mask = if covering > 0 { 1.0 } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_one_where_any_box_is() {
        let rect = |left, top, right, bottom| Rect {
            left,
            top,
            right,
            bottom,
        };
        let rects = [
            rect(1, 1, 4, 3),
            rect(3, 2, 6, 5),
            rect(0, 4, 1, 5),
            rect(2, 0, 3, 9),
        ];
        let mut mask = MaskRows::new(&rects, 6);
        let mut row = [0.0; 6];
        // Rows may be skipped.
        for y in [1, 2, 4, 7] {
            mask.row(y, &mut row);
            for (x, &found) in row.iter().enumerate() {
                let inside =
                    |r: &&Rect| (r.left..r.right).contains(&x) && (r.top..r.bottom).contains(&y);
                let expected = if rects.iter().any(|r| inside(&r)) {
                    1.0
                } else {
                    0.0
                };
                assert_eq!(found, expected, "{x} {y}");
            }
        }
    }
}
