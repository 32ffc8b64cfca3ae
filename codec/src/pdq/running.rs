//! Owns running sums: the means of a window that moves along the columns of a strip, or down the rows. Every
//! sum adds and subtracts in the reference's order. Never samples.

use super::window::Window;

/// Rows of a strip, whose sums along the rows are computed side by side.
pub(super) const LANES: usize = 16;

/// One column of a strip.
pub(super) type Lanes = [f32; LANES];

/// Moves the window along the columns.
#[inline(always)]
pub(super) fn along(columns: &[Lanes], means: &mut [Lanes]) {
    let length = columns.len();
    let Window { size, ahead } = Window::of(length);
    let mut sums = [0.0; LANES];
    for column in &columns[..ahead] {
        add(&mut sums, column);
    }
    for at in ahead..size {
        add(&mut sums, &columns[at]);
        divide(&mut means[at - ahead], &sums, at + 1);
    }
    let moving = columns[size..].iter().zip(columns);
    for ((new, old), into) in moving.zip(&mut means[size - ahead..]) {
        add(&mut sums, new);
        subtract(&mut sums, old);
        divide(into, &sums, size);
    }
    for at in length..length + ahead {
        subtract(&mut sums, &columns[at - size]);
        divide(&mut means[at - ahead], &sums, size - 1 - (at - length));
    }
}

#[inline(always)]
fn add(sums: &mut Lanes, values: &Lanes) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

#[inline(always)]
fn subtract(sums: &mut Lanes, values: &Lanes) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum -= value;
    }
}

/// The means down the columns, a row at a time.
#[derive(Default)]
pub(super) struct Down {
    window: Window,
    height: usize,
    /// Steps done, and of how many inputs the sums are.
    steps: usize,
    count: usize,
    sums: Vec<f32>,
    /// The latest inputs, as many as the window has; input `y` is at `y % size`.
    inputs: Vec<f32>,
}

impl Down {
    pub(super) fn start(&mut self, width: usize, height: usize) {
        self.window = Window::of(height);
        self.height = height;
        (self.steps, self.count) = (0, 0);
        self.sums.clear();
        self.sums.resize(width, 0.0);
        self.inputs.resize(self.window.size * width, 0.0);
    }

    /// Takes the next row, none after the last, and fills `means`. Returns the row that they are of; none before
    /// the first and after the last.
    #[inline(always)]
    pub(super) fn step(&mut self, row: Option<&[f32]>, means: &mut [f32]) -> Option<usize> {
        let Window { size, ahead } = self.window;
        let (width, step) = (self.sums.len(), self.steps);
        if step == self.height + ahead {
            return None;
        }
        let oldest = &mut self.inputs[step % size * width..][..width];
        let sums = self.sums.iter_mut().zip(oldest);
        match row {
            Some(row) if step >= size => {
                for ((sum, oldest), &value) in sums.zip(row) {
                    *sum += value;
                    *sum -= *oldest;
                    *oldest = value;
                }
            }
            Some(row) => {
                self.count += 1;
                for ((sum, oldest), &value) in sums.zip(row) {
                    *sum += value;
                    *oldest = value;
                }
            }
            None => {
                self.count -= 1;
                for (sum, oldest) in sums {
                    *sum -= *oldest;
                }
            }
        }
        self.steps += 1;
        let at = step.checked_sub(ahead)?;
        divide(means, &self.sums, self.count);
        Some(at)
    }
}

/// The means of `count` inputs, 1 to 4. Halves and quarters are products, which are the same and faster.
#[inline(always)]
fn divide(means: &mut [f32], sums: &[f32], count: usize) {
    if count == 3 {
        for (mean, sum) in means.iter_mut().zip(sums) {
            *mean = sum / 3.0;
        }
        return;
    }
    let share = 1.0 / count as f32;
    for (mean, sum) in means.iter_mut().zip(sums) {
        *mean = sum * share;
    }
}
