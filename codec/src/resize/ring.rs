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
    /// What a result row starts from, and for which constant of a row.
    start: Aligned,
    started: Option<f32>,
}

impl Ring {
    /// Forgets all rows and makes room for rows of `samples`, of which a result row takes `taps`.
    pub(super) fn prepare(&mut self, samples: usize, taps: usize) {
        let slots = taps.next_power_of_two();
        self.room = samples.next_multiple_of(STEP) + LINE;
        self.lines.room(slots * self.room);
        self.held.clear();
        self.held.resize(slots, None);
        self.start.room(self.room);
        self.started = None;
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

    /// Lets result rows start from the columns' constants, and from the row's as often as the
    /// columns' weights sum to.
    pub(super) fn start_from(&mut self, columns: &Axis, rest: f32, channels: usize) {
        if self.started == Some(rest) {
            return;
        }
        self.started = Some(rest);
        let pixels = self.start.get_mut().chunks_exact_mut(channels);
        for (pixel, taps) in pixels.zip(columns.iter()) {
            let weights = taps.weights.iter().map(|weight| rest * weight);
            pixel.fill(taps.rest + weights.sum::<f32>());
        }
    }

    /// One result row, of rows that have been put here; they weigh `scale` more than `taps` say.
    pub(super) fn mix(&mut self, taps: Taps<'_>, scale: f32) -> Mix<'_> {
        self.weights.clear();
        for (tap, &weight) in taps.weights.iter().enumerate() {
            if weight != 0.0 {
                let slot = (taps.start + tap) & (self.held.len() - 1);
                self.weights.push((slot * self.room, weight * scale));
            }
        }
        Mix {
            start: self.start.get(),
            lines: self.lines.get(),
            weights: &self.weights,
        }
    }
}
