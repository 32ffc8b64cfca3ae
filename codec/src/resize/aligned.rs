//! Owns float buffers aligned to cache lines, so that no vector load crosses two. Never clears one unasked.

/// Floats in a cache line.
pub(super) const LINE: usize = 16;

/// A buffer that grows when needed and is not cleared: its user writes what it reads.
#[derive(Default)]
pub(super) struct Aligned {
    /// One line longer than requested, so that an aligned start is within the first.
    floats: Vec<f32>,
    begin: usize,
    len: usize,
}

impl Aligned {
    /// `len` floats with arbitrary content.
    pub(super) fn floats_mut(&mut self, len: usize) -> &mut [f32] {
        if self.floats.len() < len + LINE {
            self.floats = vec![0.0; len + LINE];
            let offset = self.floats.as_ptr().align_offset(LINE * size_of::<f32>());
            // An unknown offset only costs speed.
            self.begin = offset.min(LINE);
        }
        self.len = len;
        &mut self.floats[self.begin..self.begin + len]
    }

    /// `len` zeros.
    pub(super) fn zeros(&mut self, len: usize) -> &mut [f32] {
        let floats = self.floats_mut(len);
        floats.fill(0.0);
        floats
    }

    /// The floats that the last call returned.
    pub(super) fn get(&self) -> &[f32] {
        &self.floats[self.begin..self.begin + self.len]
    }

    /// The floats that the last call returned.
    pub(super) fn get_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.begin..self.begin + self.len]
    }
}
