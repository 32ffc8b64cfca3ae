//! Owns the grid of an image of at most 512 by 512 pixels: blurred twice along its rows and its columns, then
//! sampled. All bits are the reference's. Rows pass through once, a strip at a time. Never sums.

use super::Grid;
use super::luma::luma;
use super::running::{Down, LANES, Lanes, along};
#[cfg(target_arch = "x86_64")]
use super::tile::turned_avx2;
use super::tile::{SIDE, Tile, turned};
use super::window::{SAMPLES, sampled};
use crate::pixels::Shape;

/// The working memory.
#[derive(Default)]
pub(super) struct Exact {
    strip: Strip,
    blurred: Strip,
    down: Down,
    again: Down,
    line: Vec<f32>,
}

impl Exact {
    /// The grid of grey, RGB or RGBA.
    pub(super) fn of_raster(&mut self, samples: &[u8], shape: Shape) -> Box<Grid> {
        let mut grid = Box::new([[0.0; SAMPLES]; SAMPLES]);
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            // SAFETY: the condition above detected AVX2.
            unsafe { self.fill_avx2(samples, shape, &mut grid) };
            return grid;
        }
        self.fill(samples, shape, &mut grid, turned);
        grid
    }

    /// `fill`, compiled for AVX2.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn fill_avx2(&mut self, samples: &[u8], shape: Shape, grid: &mut Grid) {
        self.fill(samples, shape, grid, |tile| turned_avx2(tile));
    }

    #[inline(always)]
    fn fill(
        &mut self,
        samples: &[u8],
        shape: Shape,
        grid: &mut Grid,
        turn: impl Fn(&Tile) -> Tile + Copy,
    ) {
        let (width, height) = (shape.size.width as usize, shape.size.height as usize);
        let rows = || samples.chunks_exact(shape.stride());
        if (width, height) == (SAMPLES, SAMPLES) {
            // Such an image is its own grid: not even sums of one are computed.
            for (into, row) in grid.iter_mut().zip(rows()) {
                luma(row, shape.channels, into);
            }
            return;
        }
        let Self {
            strip,
            blurred,
            down,
            again,
            line,
        } = self;
        strip.start(width);
        blurred.start(width);
        down.start(width, height);
        again.start(SAMPLES, height);
        line.resize(width, 0.0);
        let mut sink = Sink {
            blurred,
            again,
            grid,
            next: 0,
            height,
            turn,
        };
        for row in rows() {
            luma(row, shape.channels, strip.next_row());
            if strip.is_full() {
                strip.blur_into(down, line, &mut sink);
            }
        }
        strip.blur_into(down, line, &mut sink);
        while down.step(None, line).is_some() {
            sink.take(line);
        }
        sink.finish();
    }
}

/// Takes the rows of the first blur and fills the grid.
struct Sink<'a, T> {
    blurred: &'a mut Strip,
    again: &'a mut Down,
    grid: &'a mut Grid,
    /// The next row of the grid.
    next: usize,
    height: usize,
    turn: T,
}

impl<T: Fn(&Tile) -> Tile + Copy> Sink<'_, T> {
    #[inline(always)]
    fn take(&mut self, row: &[f32]) {
        self.blurred.next_row().copy_from_slice(row);
        if self.blurred.is_full() {
            self.sample();
        }
    }

    /// Blurs and samples the rows of the strip.
    #[inline(always)]
    fn sample(&mut self) {
        let mut means = [[0.0; SAMPLES]; LANES];
        self.blurred.blur_sampled(&mut means, self.turn);
        for row in &means[..self.blurred.take_count()] {
            self.step(Some(row));
        }
    }

    /// Takes a row of samples, none after the last; false if there is no mean left.
    #[inline(always)]
    fn step(&mut self, row: Option<&[f32]>) -> bool {
        let mut means = [0.0; SAMPLES];
        let Some(at) = self.again.step(row, &mut means) else {
            return false;
        };
        while self.next < SAMPLES && sampled(self.next, self.height) == at {
            self.grid[self.next] = means;
            self.next += 1;
        }
        true
    }

    #[inline(always)]
    fn finish(&mut self) {
        self.sample();
        while self.step(None) {}
    }
}

/// Up to [`LANES`] rows, blurred along the rows.
#[derive(Default)]
struct Strip {
    width: usize,
    /// The width, rounded up to whole tiles. What is behind a row is arbitrary.
    stride: usize,
    /// The rows, and how many there are.
    rows: Vec<f32>,
    count: usize,
    /// The same by column, and their means.
    columns: Vec<Lanes>,
    means: Vec<Lanes>,
}

impl Strip {
    fn start(&mut self, width: usize) {
        self.width = width;
        self.stride = width.next_multiple_of(SIDE);
        self.count = 0;
        self.rows.resize(self.stride * LANES, 0.0);
        self.columns.resize(self.stride, [0.0; LANES]);
        self.means.resize(self.stride, [0.0; LANES]);
    }

    #[inline(always)]
    fn next_row(&mut self) -> &mut [f32] {
        self.count += 1;
        &mut self.rows[(self.count - 1) * self.stride..][..self.width]
    }

    const fn is_full(&self) -> bool {
        self.count == LANES
    }

    const fn take_count(&mut self) -> usize {
        std::mem::replace(&mut self.count, 0)
    }

    /// Passes the means of the rows on, and empties the strip.
    #[inline(always)]
    fn blur_into<T: Fn(&Tile) -> Tile + Copy>(
        &mut self,
        down: &mut Down,
        line: &mut [f32],
        sink: &mut Sink<'_, T>,
    ) {
        if self.count == 0 {
            return;
        }
        self.blur(sink.turn);
        let columns = self.means.as_chunks::<SIDE>().0;
        for (at, columns) in (0..).step_by(SIDE).zip(columns) {
            for lane in (0..LANES).step_by(SIDE) {
                let mut tile = [[0.0; SIDE]; SIDE];
                for (into, column) in tile.iter_mut().zip(columns) {
                    into.copy_from_slice(&column[lane..lane + SIDE]);
                }
                let tile = (sink.turn)(&tile);
                for (lane, row) in (lane..).zip(tile) {
                    self.rows[lane * self.stride + at..][..SIDE].copy_from_slice(&row);
                }
            }
        }
        let count = self.take_count();
        for row in self.rows.chunks_exact(self.stride).take(count) {
            if down.step(Some(&row[..self.width]), line).is_some() {
                sink.take(line);
            }
        }
    }

    /// Fills `into` with the sampled means of the rows.
    #[inline(always)]
    fn blur_sampled(
        &mut self,
        into: &mut [[f32; SAMPLES]; LANES],
        turn: impl Fn(&Tile) -> Tile + Copy,
    ) {
        self.blur(turn);
        for index in 0..SAMPLES {
            let column = &self.means[sampled(index, self.width)];
            for (row, &mean) in into.iter_mut().zip(column) {
                row[index] = mean;
            }
        }
    }

    /// Fills the means.
    #[inline(always)]
    fn blur(&mut self, turn: impl Fn(&Tile) -> Tile + Copy) {
        let columns = self.columns.as_chunks_mut::<SIDE>().0;
        for (at, columns) in (0..).step_by(SIDE).zip(columns) {
            for lane in (0..LANES).step_by(SIDE) {
                let mut tile = [[0.0; SIDE]; SIDE];
                for (lane, into) in (lane..).zip(&mut tile) {
                    into.copy_from_slice(&self.rows[lane * self.stride + at..][..SIDE]);
                }
                let tile = turn(&tile);
                for (column, from) in columns.iter_mut().zip(&tile) {
                    column[lane..lane + SIDE].copy_from_slice(from);
                }
            }
        }
        along(&self.columns[..self.width], &mut self.means[..self.width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Size;

    #[test]
    fn every_form_gives_the_same_bits() {
        let mut state = 3_u32;
        for (width, height) in [(5, 5), (64, 64), (100, 33), (300, 257), (512, 400)] {
            let shape = Shape::new(Size::new(width, height), 3);
            let samples: Vec<u8> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .take(shape.bytes())
            .collect();
            let mut grid = Box::new([[0.0; SAMPLES]; SAMPLES]);
            Exact::default().fill(&samples, shape, &mut grid, turned);
            assert_eq!(grid, Exact::default().of_raster(&samples, shape));
        }
    }
}
