//! Owns that there is no reader of our own where there is no x86-64: libjpeg-turbo reads every file.

use crate::pixels::{Room, Size};

/// Reads nothing.
pub(crate) struct PlaneReader;

impl PlaneReader {
    /// A reader of no file.
    pub(crate) fn new(_scans_max: u32) -> Self {
        Self
    }

    /// Always none.
    pub(crate) fn read(
        &mut self,
        _body: &[u8],
        _size: Size,
        _rooms: [Room; 3],
        _samples: &mut [u8],
    ) -> Option<()> {
        None
    }
}
