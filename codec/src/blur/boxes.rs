//! Owns turning boxes in fractions of the image into the pixel rectangles to hide, the blur radius, and the
//! regions to compute, by img2dataset's arithmetic including its truncations. Never touches a pixel.

use crate::pixels::Size;

/// Most separate regions of an image; with more, one region around all of them is computed.
const REGIONS_MAX: usize = 64;
/// Valid coordinates of a box. Boxes may extend past the image; numbers outside this range are pixels, not
/// fractions, and would hide nothing.
const FRACTIONS: std::ops::RangeInclusive<f64> = -1.0..=2.0;

/// A part of an image to hide, in fractions of its width and height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    x_min: f64,
    y_min: f64,
    x_max: f64,
    y_max: f64,
}

impl BoundingBox {
    /// The box `[x_min, y_min, x_max, y_max]`; `None` if a number is not finite, a side has a negative
    /// length, or coordinates cannot be fractions.
    pub fn new([x_min, y_min, x_max, y_max]: [f64; 4]) -> Option<Self> {
        let fractions = [x_min, y_min, x_max, y_max]
            .iter()
            .all(|coordinate| FRACTIONS.contains(coordinate));
        (fractions && x_min <= x_max && y_min <= y_max).then_some(Self {
            x_min,
            y_min,
            x_max,
            y_max,
        })
    }

    /// `[x_min, y_min, x_max, y_max]`.
    pub const fn corners(&self) -> [f64; 4] {
        [self.x_min, self.y_min, self.x_max, self.y_max]
    }

    /// Its edges in whole pixels, truncated towards zero, possibly outside the image.
    fn in_pixels(&self, size: Size) -> [i64; 4] {
        let pixel = |fraction: f64, side: u32| (fraction * f64::from(side)) as i64;
        [
            pixel(self.x_min, size.width),
            pixel(self.y_min, size.height),
            pixel(self.x_max, size.width),
            pixel(self.y_max, size.height),
        ]
    }
}

/// A rectangle of pixels; right and bottom are exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) left: usize,
    pub(super) top: usize,
    pub(super) right: usize,
    pub(super) bottom: usize,
}

impl Rect {
    fn is_empty(&self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    /// The rectangle grown by `margin` on each side, within the image.
    fn spread(&self, margin: usize, size: Size) -> Self {
        Self {
            left: self.left.saturating_sub(margin),
            top: self.top.saturating_sub(margin),
            right: (self.right + margin).min(size.width as usize),
            bottom: (self.bottom + margin).min(size.height as usize),
        }
    }

    /// Whether fewer than `gap` columns and rows are between the two.
    fn is_within(&self, gap: usize, other: &Self) -> bool {
        self.left < other.right + gap
            && other.left < self.right + gap
            && self.top < other.bottom + gap
            && other.top < self.bottom + gap
    }

    fn union(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// The boxes in the pixels of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hidden {
    /// The grown boxes, without empty ones.
    pub(super) rects: Vec<Rect>,
    /// Radius of the blur in pixels, at least 1.
    pub(super) radius: usize,
}

impl Hidden {
    /// Grows each box by a tenth of its longer side; the longest side of all determines the radius. As in
    /// img2dataset, grown boxes exclude the last column and row of the image.
    pub(super) fn new(boxes: &[BoundingBox], size: Size) -> Self {
        let mut longest = 0;
        let mut rects = Vec::with_capacity(boxes.len());
        for given in boxes {
            let [left, top, right, bottom] = given.in_pixels(size);
            let side = (right - left).max(bottom - top);
            longest = longest.max(side);
            let margin = 0.1 * side as f64;
            let within = |edge: f64, side: u32| (edge as i64).clamp(0, i64::from(side) - 1);
            rects.push(Rect {
                left: within(left as f64 - margin, size.width) as usize,
                top: within(top as f64 - margin, size.height) as usize,
                right: within(right as f64 + margin, size.width) as usize,
                bottom: within(bottom as f64 + margin, size.height) as usize,
            });
        }
        rects.retain(|rect| !rect.is_empty());
        let radius = (0.1 * longest as f64).ceil() as usize;
        Self {
            rects,
            radius: radius.max(1),
        }
    }

    /// The regions that may change. They can be computed in place one after the other: no region changes
    /// what another reads, up to a radius around it, and none contains a box of another.
    pub(super) fn regions(&self, size: Size) -> Vec<Rect> {
        let mut found: Vec<Rect> = Vec::new();
        for rect in &self.rects {
            let mut region = rect.spread(self.radius, size);
            while let Some(near) = found
                .iter()
                .position(|other| region.is_within(self.radius + 1, other))
            {
                region = region.union(&found.swap_remove(near));
            }
            found.push(region);
            if found.len() > REGIONS_MAX {
                found = found
                    .into_iter()
                    .reduce(|all, next| all.union(&next))
                    .into_iter()
                    .collect();
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(boxes: &[[f64; 4]], size: Size) -> Hidden {
        let boxes: Vec<_> = boxes
            .iter()
            .map(|&edges| BoundingBox::new(edges).unwrap())
            .collect();
        Hidden::new(&boxes, size)
    }

    fn rect(left: usize, top: usize, right: usize, bottom: usize) -> Rect {
        Rect {
            left,
            top,
            right,
            bottom,
        }
    }

    #[test]
    fn a_box_grows_by_a_tenth_of_its_longer_side_and_is_cut_off_towards_zero() {
        let found = hidden(&[[0.1, 0.25, 0.5, 0.3]], Size::new(100, 100));
        assert_eq!(found.rects, [rect(6, 21, 54, 34)]);
        assert_eq!(found.radius, 4);
    }

    #[test]
    fn the_longest_side_of_all_boxes_sets_the_radius() {
        let boxes = [[0.1, 0.1, 0.12, 0.12], [0.2, 0.0, 0.3, 0.71]];
        assert_eq!(hidden(&boxes, Size::new(100, 100)).radius, 8);
        assert_eq!(hidden(&boxes[..1], Size::new(10, 10)).radius, 1);
    }

    #[test]
    fn what_lies_outside_the_image_is_cut_off_and_the_last_column_and_row_stay() {
        let size = Size::new(50, 40);
        let found = hidden(&[[-0.5, -0.5, 1.5, 1.5], [1.2, 0.0, 1.4, 1.0]], size);
        assert_eq!(found.rects, [rect(0, 0, 49, 39)]);
        assert!(
            hidden(&[[0.0, 0.0, 1.0, 1.0]], Size::new(1, 9))
                .rects
                .is_empty()
        );
    }

    #[test]
    fn what_is_no_box_is_none() {
        for edges in [
            [f64::NAN, 0.0, 1.0, 1.0],
            [0.0, 0.0, f64::INFINITY, 1.0],
            [0.6, 0.0, 0.5, 1.0],
            [0.0, 0.6, 1.0, 0.5],
            [10.0, 20.0, 110.0, 220.0],
            [-1e300, 0.0, 1e300, 1.0],
        ] {
            assert_eq!(BoundingBox::new(edges), None, "{edges:?}");
        }
        assert!(BoundingBox::new([-0.1, 0.0, 1.1, 0.0]).is_some());
    }

    #[test]
    fn boxes_far_apart_are_regions_of_their_own_and_near_ones_share_one() {
        let size = Size::new(1000, 1000);
        let far = [[0.1, 0.1, 0.2, 0.2], [0.7, 0.7, 0.8, 0.8]];
        assert_eq!(hidden(&far, size).regions(size).len(), 2);
        let bridged = [far[0], far[1], [0.15, 0.15, 0.75, 0.75]];
        assert_eq!(hidden(&bridged, size).regions(size).len(), 1);
    }

    #[test]
    fn with_very_many_boxes_one_region_is_around_them_all() {
        let size = Size::new(1000, 1000);
        let edge = |at: usize| at as f64 * 0.01;
        let boxes: Vec<_> = (0..10_000)
            .map(|at| (edge(at % 100), edge(at / 100)))
            .map(|(x, y)| [x, y, x + 0.001, y + 0.001])
            .collect();
        let found = hidden(&boxes, size);
        let regions = found.regions(size);
        assert!(regions.len() <= REGIONS_MAX);
        let covered = |rect: &Rect| regions.iter().any(|r| r.union(rect) == *r);
        assert!(found.rects.iter().all(covered));
    }
}
