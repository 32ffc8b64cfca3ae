//! Owns decoding the 8-bit and 4-bit run-length encodings of bitmaps by OpenCV's rules. Never flips rows:
//! they stay in file order.
//!
//! Where OpenCV 4.14 differs from the specification: skipped pixels get the first colour of the palette; a
//! 4-bit skip ignores rows; a 4-bit end of bitmap only ends the row; a stream must fill every row; a run past
//! its row is an error.

use super::Palette;
use crate::pixels::Shape;

const END_OF_LINE: u8 = 0;
const SKIP: u8 = 2;

/// The raster and the position of the next pixel.
pub(super) struct Canvas<'a> {
    samples: &'a mut [u8],
    shape: Shape,
    palette: &'a Palette,
    x: usize,
    y: usize,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(samples: &'a mut [u8], shape: Shape, palette: &'a Palette) -> Self {
        Self {
            samples,
            shape,
            palette,
            x: 0,
            y: 0,
        }
    }

    fn width(&self) -> usize {
        self.shape.size.width as usize
    }

    fn rows_left(&self) -> usize {
        self.shape.size.height as usize - self.y
    }

    fn row_left(&self) -> usize {
        self.width() - self.x
    }

    /// Writes one pixel and stays in the row.
    fn put(&mut self, index: u8) {
        let channels = self.shape.channels;
        let start = self.y * self.shape.stride() + self.x * channels;
        self.palette
            .put(index.into(), &mut self.samples[start..start + channels]);
        self.x += 1;
    }

    /// Writes `count` pixels over as many rows as they take. A full row is left at once, even by an empty
    /// run.
    fn fill(&mut self, mut count: usize, index: u8) {
        loop {
            let now = count.min(self.row_left());
            for _ in 0..now {
                self.put(index);
            }
            count -= now;
            if self.row_left() == 0 {
                self.x = 0;
                self.y += 1;
                if self.rows_left() == 0 {
                    return;
                }
            }
            if count == 0 {
                return;
            }
        }
    }

    /// Decodes an 8-bit stream; `None` if it is malformed or ends early.
    pub(super) fn decode_8(&mut self, stream: &[u8]) -> Option<()> {
        let mut stream = Stream(stream);
        // A run that fills its row has left it already: an end of line after it has no effect.
        let mut row_just_left = false;
        loop {
            let y = self.y;
            match stream.pair()? {
                [0, code @ ..=SKIP] => {
                    let at_start_of_line = self.x == 0;
                    let redundant = code == END_OF_LINE && row_just_left && at_start_of_line;
                    row_just_left = false;
                    if !redundant {
                        let count = self.skipped(code, &mut stream)?;
                        self.fill(count, 0);
                    }
                }
                [0, count] => {
                    self.absolute_8(count.into(), &mut stream)?;
                    row_just_left = false;
                }
                [count, index] => {
                    let count = usize::from(count);
                    if count > self.row_left() {
                        return None;
                    }
                    self.fill(count, index);
                    row_just_left = self.y != y;
                }
            }
            if self.rows_left() == 0 {
                return Some(());
            }
        }
    }

    /// Number of pixels that an 8-bit end of line, end of bitmap or skip passes over.
    fn skipped(&self, code: u8, stream: &mut Stream) -> Option<usize> {
        Some(match code {
            END_OF_LINE => self.row_left(),
            SKIP => {
                let [right, down] = stream.pair()?;
                usize::from(right) + usize::from(down) * self.width()
            }
            _ => self.row_left() + self.rows_left() * self.width(),
        })
    }

    fn absolute_8(&mut self, count: usize, stream: &mut Stream) -> Option<()> {
        if count > self.row_left() {
            return None;
        }
        let indices = stream.take(count.next_multiple_of(2))?;
        for &index in &indices[..count] {
            self.put(index);
        }
        Some(())
    }

    /// Decodes a 4-bit stream; `None` if it is malformed or ends early.
    pub(super) fn decode_4(&mut self, stream: &[u8]) -> Option<()> {
        let mut stream = Stream(stream);
        loop {
            match stream.pair()? {
                [0, code @ ..=SKIP] => {
                    let count = if code == SKIP {
                        usize::from(stream.pair()?[0])
                    } else {
                        self.row_left()
                    };
                    self.fill(count, 0);
                    if self.rows_left() == 0 {
                        return Some(());
                    }
                }
                [0, count] => {
                    let count = usize::from(count);
                    if count > self.row_left() {
                        return None;
                    }
                    let nibbles = stream.take(count.div_ceil(2).next_multiple_of(2))?;
                    for at in 0..count {
                        self.put(nibble(nibbles[at / 2], at));
                    }
                }
                [count, indices] => {
                    let count = usize::from(count);
                    if count > self.row_left() {
                        return None;
                    }
                    for at in 0..count {
                        self.put(nibble(indices, at));
                    }
                }
            }
        }
    }
}

/// The high half of a byte at even positions, the low half at odd ones.
fn nibble(byte: u8, at: usize) -> u8 {
    if at.is_multiple_of(2) {
        byte >> 4
    } else {
        byte & 0xF
    }
}

/// The remaining encoded bytes.
struct Stream<'a>(&'a [u8]);

impl<'a> Stream<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    fn pair(&mut self) -> Option<[u8; 2]> {
        self.take(2)?.try_into().ok()
    }
}
