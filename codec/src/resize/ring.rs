//! Owns a ring of source rows filtered along the columns, kept until no result row needs them. Never
//! filters a row.

use super::aligned::{Aligned, LINE};
use super::passes::{Mix, STEP};
use super::taps::{Axis, Taps};

/// Row `y` is in slot `y % slots`. A result row never takes more rows than there are slots.
#[derive(Default)]
pub(super) struct Ring {
    lines: Aligned,
    /// Floats per slot.
    slot_len: usize,
    held: Vec<Option<usize>>,
    weights: Vec<(usize, f32)>,
    /// The line that result rows start from, and the row constant that it is for.
    start: Aligned,
    started: Option<f32>,
}

impl Ring {
    /// Discards all rows and makes room for rows of `samples`, of which a result row takes `taps`.
    pub(super) fn prepare(&mut self, samples: usize, taps: usize) {
        let slots = taps.next_power_of_two();
        self.slot_len = samples.next_multiple_of(STEP) + LINE;
        self.lines.floats_mut(slots * self.slot_len);
        self.held.clear();
        self.held.resize(slots, None);
        self.start.floats_mut(self.slot_len);
        self.started = None;
    }

    /// The slot to write row `y` to; `None` if the row is there already.
    pub(super) fn claim(&mut self, y: usize) -> Option<&mut [f32]> {
        let slot = y & (self.held.len() - 1);
        if self.held[slot] == Some(y) {
            return None;
        }
        self.held[slot] = Some(y);
        Some(&mut self.lines.get_mut()[slot * self.slot_len..][..self.slot_len])
    }

    /// Sets the start of result rows: the constants of the columns, plus the row constant `rest` times the
    /// sum of the column weights.
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

    /// The mix for one result row, of rows in the ring. `scale` multiplies the weights of `taps`.
    pub(super) fn mix(&mut self, taps: Taps<'_>, scale: f32) -> Mix<'_> {
        self.weights.clear();
        for (tap, &weight) in taps.weights.iter().enumerate() {
            if weight != 0.0 {
                let slot = (taps.start + tap) & (self.held.len() - 1);
                self.weights.push((slot * self.slot_len, weight * scale));
            }
        }
        Mix {
            start: self.start.get(),
            lines: self.lines.get(),
            weights: &self.weights,
        }
    }
}
