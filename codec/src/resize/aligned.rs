//! Owns floats that begin where a cache line does, so that no load of a register crosses two.

/// Floats of a cache line.
pub(super) const LINE: usize = 16;

/// A slice that is grown when needed and cleared never: whoever asks for it writes what is read.
#[derive(Default)]
pub(super) struct Aligned {
    /// One line more than asked for, to begin within the first.
    floats: Vec<f32>,
    begin: usize,
    len: usize,
}

impl Aligned {
    /// `len` floats of old content.
    pub(super) fn room(&mut self, len: usize) -> &mut [f32] {
        if self.floats.len() < len + LINE {
            self.floats = vec![0.0; len + LINE];
            let offset = self.floats.as_ptr().align_offset(LINE * size_of::<f32>());
            // An offset may be unknown, which costs time but nothing else.
            self.begin = offset.min(LINE);
        }
        self.len = len;
        &mut self.floats[self.begin..self.begin + len]
    }

    /// `len` zeros.
    pub(super) fn zeros(&mut self, len: usize) -> &mut [f32] {
        let room = self.room(len);
        room.fill(0.0);
        room
    }

    /// What the last call gave.
    pub(super) fn get(&self) -> &[f32] {
        &self.floats[self.begin..self.begin + self.len]
    }

    /// What the last call gave.
    pub(super) fn get_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.begin..self.begin + self.len]
    }
}
