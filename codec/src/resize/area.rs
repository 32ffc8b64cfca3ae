//! Owns OpenCV's INTER_AREA for shrinking: each result pixel is the mean of the source cell under
//! it. Never handles growth, where OpenCV takes a linear variant.
//!
//! Per axis, cell `i` is `[i * scale, (i + 1) * scale)`: whole pixels weigh 1/cell, edge pixels
//! their fraction of it, and fractions under a thousandth are dropped. One result row at a time,
//! the source rows of its cell are summed into one line of floats, and that line is then summed
//! along itself; the source is read once and no second image is made. The scalar functions here
//! are the reference: the vector ones do the same operations in the same order, bit for bit.

use super::Target;
use crate::pixels::{Shape, Size};

/// Zeros behind the line, so that vector loads and taps of weight zero may run past its end.
const SLACK: usize = 8;

/// Working memory, kept from image to image.
#[derive(Default)]
pub(super) struct Scratch {
    line: Vec<f32>,
    taps: Taps,
    cells: Vec<Cell>,
}

/// One cell of an axis: `count` whole pixels from `start`, and a fraction of the pixel before and
/// of the pixel behind them (0 where there is none).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) start: usize,
    pub(super) count: usize,
    pub(super) weight: f32,
    pub(super) before: f32,
    pub(super) behind: f32,
}

/// The same cells as a table: every result pixel has `count` taps, those it lacks weigh zero.
#[derive(Default)]
pub(super) struct Taps {
    pub(super) count: usize,
    /// First source pixel of each result pixel, relative to the window's first.
    pub(super) starts: Vec<i32>,
    /// `count` weights for each result pixel.
    pub(super) weights: Vec<f32>,
    /// First source pixel of the window, and the one behind its last.
    first: usize,
    end: usize,
}

/// Which code runs; both give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kernel {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2,
}

impl Kernel {
    fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            return Self::Avx2;
        }
        Self::Scalar
    }
}

/// Fills `target`. Neither side of `scaled` may be larger than the source's.
pub(super) fn resize(
    source: &[u8],
    shape: Shape,
    scaled: Size,
    target: Target<'_>,
    scratch: &mut Scratch,
) {
    resize_by(Kernel::best(), source, shape, scaled, target, scratch);
}

fn resize_by(
    kernel: Kernel,
    source: &[u8],
    shape: Shape,
    scaled: Size,
    mut target: Target<'_>,
    scratch: &mut Scratch,
) {
    let Scratch { line, taps, cells } = scratch;
    fill_cells(
        cells,
        shape.size.width,
        scaled.width,
        target.x,
        target.width,
    );
    taps.fill(cells);
    fill_cells(
        cells,
        shape.size.height,
        scaled.height,
        target.y,
        target.height,
    );
    let channels = shape.channels;
    let bias = rounding_bias(shape.size, scaled);
    let samples = (taps.end - taps.first) * channels;
    line.clear();
    line.resize(samples + taps.count * channels + SLACK, 0.0);
    let columns = Columns {
        source,
        stride: shape.stride(),
        first: taps.first * channels,
    };
    for (row, cell) in cells.iter().enumerate() {
        let into = target.row(row, channels);
        match kernel {
            Kernel::Scalar => {
                sum_rows(&columns, cell, &mut line[..samples]);
                sum_columns(line, taps, channels, bias, into);
            }
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => {
                // SAFETY: this kernel is only chosen where the processor has AVX2.
                unsafe {
                    super::area_avx2::sum_rows(&columns, cell, &mut line[..samples]);
                    super::area_avx2::sum_columns(line, taps, channels, bias, into);
                }
            }
        }
    }
}

/// The exact halving rounds half up in OpenCV, all else half to even. Its sums are multiples of a
/// quarter, so an eighth more turns one rule into the other.
fn rounding_bias(source: Size, scaled: Size) -> f32 {
    let halved = source.width == scaled.width * 2 && source.height == scaled.height * 2;
    if halved { 0.125 } else { 0.0 }
}

/// The columns of the source that the window needs.
pub(super) struct Columns<'a> {
    source: &'a [u8],
    stride: usize,
    /// First sample of a row.
    first: usize,
}

impl<'a> Columns<'a> {
    /// `samples` samples of row `y`.
    pub(super) fn row(&self, y: usize, samples: usize) -> &'a [u8] {
        let start = y * self.stride + self.first;
        &self.source[start..start + samples]
    }
}

/// The cells of result pixels `first..first + count`.
fn fill_cells(cells: &mut Vec<Cell>, source: u32, scaled: u32, first: usize, count: usize) {
    const FRACTION_MIN: f64 = 1e-3;
    let scale = f64::from(source) / f64::from(scaled);
    let length = f64::from(source);
    cells.clear();
    cells.extend((first..first + count).map(|index| {
        let begin = index as f64 * scale;
        let end = begin + scale;
        let cell = scale.min(length - begin);
        let whole_end = end.floor().min(length - 1.0);
        let whole_begin = begin.ceil().min(whole_end);
        let fraction = |size: f64| {
            if size > FRACTION_MIN {
                (size / cell) as f32
            } else {
                0.0
            }
        };
        Cell {
            start: whole_begin as usize,
            count: (whole_end - whole_begin) as usize,
            weight: (1.0 / cell) as f32,
            before: fraction(whole_begin - begin),
            behind: fraction((end - whole_end).min(1.0).min(cell)),
        }
    }));
}

impl Taps {
    fn fill(&mut self, cells: &[Cell]) {
        let start = |cell: &Cell| cell.start - usize::from(cell.before > 0.0);
        let end = |cell: &Cell| cell.start + cell.count + usize::from(cell.behind > 0.0);
        self.count = cells
            .iter()
            .map(|cell| end(cell) - start(cell))
            .max()
            .unwrap_or(0);
        self.first = cells.first().map_or(0, start);
        self.end = cells.iter().map(end).max().unwrap_or(0);
        self.starts.clear();
        self.weights.clear();
        for cell in cells {
            self.starts.push((start(cell) - self.first) as i32);
            let full = self.weights.len() + self.count;
            self.weights
                .extend((cell.before > 0.0).then_some(cell.before));
            self.weights
                .extend(std::iter::repeat_n(cell.weight, cell.count));
            self.weights
                .extend((cell.behind > 0.0).then_some(cell.behind));
            self.weights.resize(full, 0.0);
        }
    }
}

/// The weighted sum of a cell's rows, sample by sample.
fn sum_rows(columns: &Columns<'_>, cell: &Cell, line: &mut [f32]) {
    sum_rows_from(columns, cell, 0, line);
}

/// As `sum_rows`, from sample `from` on: what a vector loop leaves over.
pub(super) fn sum_rows_from(columns: &Columns<'_>, cell: &Cell, from: usize, line: &mut [f32]) {
    let samples = line.len();
    for (at, sum) in line.iter_mut().enumerate().skip(from) {
        let whole: u32 = (cell.start..cell.start + cell.count)
            .map(|y| u32::from(columns.row(y, samples)[at]))
            .sum();
        *sum = whole as f32 * cell.weight;
        if cell.before > 0.0 {
            *sum += f32::from(columns.row(cell.start - 1, samples)[at]) * cell.before;
        }
        if cell.behind > 0.0 {
            *sum += f32::from(columns.row(cell.start + cell.count, samples)[at]) * cell.behind;
        }
    }
}

/// The weighted sums along the line, rounded to samples.
fn sum_columns(line: &[f32], taps: &Taps, channels: usize, bias: f32, into: &mut [u8]) {
    sum_columns_from(line, taps, channels, bias, 0, into);
}

/// As `sum_columns`, from result pixel `from` on.
pub(super) fn sum_columns_from(
    line: &[f32],
    taps: &Taps,
    channels: usize,
    bias: f32,
    from: usize,
    into: &mut [u8],
) {
    for (pixel, result) in into.chunks_exact_mut(channels).enumerate().skip(from) {
        let weights = &taps.weights[pixel * taps.count..][..taps.count];
        let start = taps.starts[pixel] as usize * channels;
        for (channel, sample) in result.iter_mut().enumerate() {
            let mut sum = bias;
            for (tap, &weight) in weights.iter().enumerate() {
                sum += line[start + tap * channels + channel] * weight;
            }
            *sample = sum.round_ties_even() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seeded xorshift: the same noise in every run.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    fn run(kernel: Kernel, source: &[u8], shape: Shape, scaled: Size, cut: usize) -> Vec<u8> {
        let (width, height) = (scaled.width as usize - cut, scaled.height as usize - cut);
        let mut samples = vec![0; width * height * shape.channels];
        let stride = width * shape.channels;
        let target = Target {
            x: cut / 2,
            y: cut / 2,
            width,
            height,
            samples: &mut samples,
            stride,
        };
        resize_by(
            kernel,
            source,
            shape,
            scaled,
            target,
            &mut Scratch::default(),
        );
        samples
    }

    #[test]
    fn a_halved_image_rounds_half_up() {
        let shape = Shape::new(Size::new(4, 2), 1);
        let source = [0, 1, 10, 10, 0, 1, 11, 11];
        assert_eq!(
            run(Kernel::Scalar, &source, shape, Size::new(2, 1), 0),
            [1, 11]
        );
    }

    #[test]
    fn a_cell_of_one_and_a_half_pixels_weighs_the_half() {
        let shape = Shape::new(Size::new(3, 1), 1);
        let result = run(Kernel::Scalar, &[0, 90, 240], shape, Size::new(2, 1), 0);
        assert_eq!(result, [30, 190]);
    }

    #[test]
    fn a_flat_image_stays_flat() {
        let shape = Shape::new(Size::new(97, 61), 3);
        let source = vec![201; shape.bytes()];
        let result = run(Kernel::best(), &source, shape, Size::new(31, 17), 0);
        assert!(result.iter().all(|&sample| sample == 201));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_vector_kernel_gives_the_scalar_kernels_bits() {
        if Kernel::best() != Kernel::Avx2 {
            eprintln!("skipped: this processor has no AVX2");
            return;
        }
        let sizes = [
            (1, 1, 1, 1),
            (64, 48, 32, 24),
            (97, 61, 31, 17),
            (300, 700, 256, 256),
            (1000, 3, 7, 3),
            (5, 1300, 5, 2),
            (33, 40, 32, 39),
            (641, 479, 256, 191),
        ];
        for (width, height, to_width, to_height) in sizes {
            for channels in [1, 3] {
                let shape = Shape::new(Size::new(width, height), channels);
                let source = noise(shape.bytes());
                let scaled = Size::new(to_width, to_height);
                for cut in [0, 4] {
                    if cut >= to_width.min(to_height) {
                        continue;
                    }
                    let cut = cut as usize;
                    let scalar = run(Kernel::Scalar, &source, shape, scaled, cut);
                    let vector = run(Kernel::Avx2, &source, shape, scaled, cut);
                    assert_eq!(scalar, vector, "{shape:?} to {scaled:?}, cut {cut}");
                }
            }
        }
    }
}
