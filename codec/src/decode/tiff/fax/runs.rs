//! Owns the runs of the current row and of the row above. Never reads a bit.
//!
//! Runs alternate, white first. Whatever the codes were, a finished row is as long as the image is wide: missing
//! pixels are white, and a last run that extends past the end is replaced by white.

/// Position past which make-up codes are ignored, in pixels: widths have 24 bits.
const FAR: i64 = 1 << 30;

/// A row has more runs than its width allows, or refers to a run of the row above that does not exist.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overflow;

/// The current row and its reference row.
pub(super) struct Runs {
    pub(super) width: i64,
    /// Most runs of a row.
    room: usize,
    current: Vec<i32>,
    /// Number of runs of the current row; later elements are stale.
    len: usize,
    reference: Vec<i32>,
    /// Whether the two vectors are swapped.
    swapped: bool,
    /// Position after the runs so far.
    pub(super) at: i64,
    /// Pixels of the current run so far.
    pending: i64,
}

/// A changing element of the row above: the sum of all runs before `next`.
#[derive(Clone, Copy)]
pub(super) struct Edge {
    pub(super) at: i64,
    next: usize,
}

impl Runs {
    /// With `two_dimensional`, allows for empty runs.
    pub(super) fn new(width: u32, two_dimensional: bool) -> Self {
        let room = (width as usize + 1).next_multiple_of(32) * if two_dimensional { 2 } else { 1 };
        Self {
            width: width.into(),
            room,
            current: Vec::new(),
            len: 0,
            reference: Vec::new(),
            swapped: false,
            at: 0,
            pending: 0,
        }
    }

    /// Starts below a white row. A broken row may refer to changes that the row above does not have, and gets
    /// what an earlier chunk left there.
    pub(super) fn begin_chunk(&mut self) {
        if self.swapped {
            self.swap();
        }
        let len = self.reference.len().max(2);
        self.reference.resize(len, 0);
        self.reference[..2].copy_from_slice(&[self.width as i32, 0]);
    }

    pub(super) fn begin_row(&mut self) {
        (self.len, self.at, self.pending) = (0, 0, 0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the current run is black.
    pub(super) fn is_black(&self) -> bool {
        self.len % 2 == 1
    }

    pub(super) fn is_full(&self) -> bool {
        self.at >= self.width
    }

    /// Adds pixels to the current run, which continues.
    pub(super) fn extend(&mut self, pixels: i64) {
        // Past any width the exact position does not matter.
        if self.at < FAR {
            self.at += pixels;
            self.pending += pixels;
        }
    }

    /// Ends the current run with these pixels.
    pub(super) fn push(&mut self, pixels: i64) -> Result<(), Overflow> {
        let run = self.pending + pixels;
        self.put(run)?;
        self.at += pixels;
        self.pending = 0;
        Ok(())
    }

    /// Adds a run up to the end of the row.
    pub(super) fn push_rest(&mut self) -> Result<(), Overflow> {
        self.put(self.width - self.at)
    }

    fn put(&mut self, run: i64) -> Result<(), Overflow> {
        let run = i32::try_from(run).map_err(|_| Overflow)?;
        if self.len == self.room {
            return Err(Overflow);
        }
        match self.current.get_mut(self.len) {
            Some(older) => *older = run,
            None => self.current.push(run),
        }
        self.len += 1;
        Ok(())
    }

    /// Drops the last two runs if they are empty, so that the number of runs is bounded.
    pub(super) fn drop_empty_pair(&mut self) {
        if let Some([0, 0]) = self.current[..self.len].last_chunk::<2>() {
            self.len -= 2;
        }
    }

    pub(super) fn has_pending(&self) -> bool {
        self.pending != 0
    }

    /// Brings the row to the width of the image.
    pub(super) fn finish(&mut self) -> Result<(), Overflow> {
        if self.has_pending() {
            self.push(0)?;
        }
        while self.at > self.width && self.len > 0 {
            self.len -= 1;
            self.at -= i64::from(self.current[self.len]);
        }
        if self.at < self.width {
            self.at = self.at.max(0);
            if self.is_black() {
                self.push(0)?;
            }
            self.push(self.width - self.at)?;
        } else if self.at > self.width {
            self.push(self.width)?;
            self.push(0)?;
        }
        Ok(())
    }

    /// Draws the black runs into `row`, which is zeroed.
    pub(super) fn draw(&mut self, row: &mut [u8]) {
        let mut x = 0;
        for (index, run) in self.current[..self.len].iter_mut().enumerate() {
            *run = (*run).min(self.width as i32 - x);
            if index % 2 == 1 {
                fill(row, x as usize, (x + *run) as usize);
            }
            x += *run;
        }
    }

    /// Makes the current row the reference row.
    pub(super) fn pass_on(&mut self) {
        // An imaginary change after the last.
        if let Some(behind) = self.current.get_mut(self.len) {
            *behind = 0;
        }
        self.swap();
    }

    fn swap(&mut self) {
        std::mem::swap(&mut self.current, &mut self.reference);
        self.swapped = !self.swapped;
    }

    /// The first change of the row above.
    pub(super) fn first_edge(&self) -> Edge {
        Edge {
            at: self.reference[0].into(),
            next: 1,
        }
    }

    /// The first change right of the current position to the opposite colour.
    pub(super) fn next_edge(&self, mut edge: Edge) -> Result<Edge, Overflow> {
        while !self.is_empty() && edge.at <= self.at && edge.at < self.width {
            edge = self.behind(self.behind(edge)?)?;
        }
        Ok(edge)
    }

    /// The change after this one.
    pub(super) fn behind(&self, edge: Edge) -> Result<Edge, Overflow> {
        if edge.next + 1 >= self.room {
            return Err(Overflow);
        }
        let run = self.reference.get(edge.next).copied().unwrap_or(0);
        Ok(Edge {
            at: edge.at + i64::from(run),
            next: edge.next + 1,
        })
    }

    /// The change before this one.
    pub(super) fn before(&self, edge: Edge) -> Result<Edge, Overflow> {
        let next = edge.next.checked_sub(1).ok_or(Overflow)?;
        Ok(Edge {
            at: edge.at - i64::from(self.reference.get(next).copied().unwrap_or(0)),
            next,
        })
    }
}

/// Sets the bits `from..to`.
fn fill(row: &mut [u8], from: usize, to: usize) {
    let (first, last) = (from / 8, to / 8);
    let head = 0xFF_u8 >> (from % 8);
    let tail = !(0xFF_u8 >> (to % 8));
    if first == last {
        if from < to {
            row[first] |= head & tail;
        }
        return;
    }
    row[first] |= head;
    row[first + 1..last].fill(0xFF);
    if tail != 0 {
        row[last] |= tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row of the runs that `pushed` are.
    fn row(width: u32, pushed: &[i64]) -> Vec<u8> {
        let mut runs = Runs::new(width, false);
        runs.begin_chunk();
        runs.begin_row();
        pushed.iter().for_each(|&run| runs.push(run).unwrap());
        runs.finish().unwrap();
        let mut row = vec![0; width.div_ceil(8) as usize];
        runs.draw(&mut row);
        row
    }

    #[test]
    fn a_row_is_as_long_as_the_image_is_wide() {
        assert_eq!(row(12, &[2, 3, 7]), [0b0011_1000, 0]);
        assert_eq!(row(12, &[2, 3]), [0b0011_1000, 0]);
        assert_eq!(row(12, &[2, 3, 1, 6]), [0b0011_1011, 0b1111_0000]);
        // A run that reaches beyond the end gives way to white.
        assert_eq!(row(12, &[2, 3, 1, 7]), [0b0011_1000, 0]);
        assert_eq!(row(12, &[13]), [0, 0]);
    }

    #[test]
    fn bits_are_filled_within_a_byte_and_across() {
        let filled = |from, to| {
            let mut row = [0; 3];
            fill(&mut row, from, to);
            u32::from_be_bytes([0, row[0], row[1], row[2]])
        };
        for from in 0..24 {
            for to in from..=24 {
                let expected = (0xFF_FFFF_u32 >> from) & !(0xFF_FFFF_u32 >> to);
                assert_eq!(filled(from, to), expected, "{from}..{to}");
            }
        }
    }
}
