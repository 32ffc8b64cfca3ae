//! Owns the source rows that have been summed along themselves, until no result row needs them.
//! Never sums anything but constants.

use super::aligned::{Aligned, LINE};
use super::passes::{Mix, STEP};
use super::taps::{Axis, Taps};

/// Row `y` stands in slot `y % slots`. A result row never takes more rows than there are slots.
#[derive(Default)]
pub(super) struct Ring {
    lines: Aligned,
    /// Floats of a slot.
    room: usize,
    held: Vec<Option<usize>>,
    weights: Vec<(usize, f32)>,
    start: Start,
}

impl Ring {
    /// Forgets all rows and makes room for those of an image.
    pub(super) fn prepare(&mut self, columns: &Axis, rows: &Axis, channels: usize) {
        let slots = rows.taps_max().next_power_of_two();
        self.room = (columns.len() * channels).next_multiple_of(STEP) + LINE;
        self.lines.room(slots * self.room);
        self.held.clear();
        self.held.resize(slots, None);
        self.start.prepare(columns, channels, self.room);
    }

    /// Where to put row `y`; `None` if it is there.
    pub(super) fn claim(&mut self, y: usize) -> Option<&mut [f32]> {
        let slot = y & (self.held.len() - 1);
        if self.held[slot] == Some(y) {
            return None;
        }
        self.held[slot] = Some(y);
        Some(&mut self.lines.get_mut()[slot * self.room..][..self.room])
    }

    /// One result row, of rows that have been put here.
    pub(super) fn mix(&mut self, taps: Taps<'_>) -> Mix<'_> {
        self.weights.clear();
        for (tap, &weight) in taps.weights.iter().enumerate() {
            if weight != 0.0 {
                let slot = (taps.start + tap) & (self.held.len() - 1);
                self.weights.push((slot * self.room, weight));
            }
        }
        Mix {
            start: self.start.of(taps.rest),
            lines: self.lines.get(),
            weights: &self.weights,
        }
    }
}

/// What a result row starts from: the columns' constants, and the row's constant as often as the
/// columns' weights sum to.
#[derive(Default)]
struct Start {
    rests: Vec<f32>,
    weights: Vec<f32>,
    line: Aligned,
    /// The row's constant in `line`.
    rest: Option<f32>,
}

impl Start {
    fn prepare(&mut self, columns: &Axis, channels: usize, room: usize) {
        self.rests.clear();
        self.weights.clear();
        for taps in columns.iter() {
            let sum: f32 = taps.weights.iter().sum();
            self.rests.extend(std::iter::repeat_n(taps.rest, channels));
            self.weights.extend(std::iter::repeat_n(sum, channels));
        }
        self.line.room(room);
        self.rest = None;
    }

    fn of(&mut self, rest: f32) -> &[f32] {
        if self.rest != Some(rest) {
            self.rest = Some(rest);
            let columns = self.rests.iter().zip(&self.weights);
            for (start, (column, weight)) in self.line.get_mut().iter_mut().zip(columns) {
                *start = column + rest * weight;
            }
        }
        self.line.get()
    }
}
