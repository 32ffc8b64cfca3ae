//! Owns the JPEG reader on targets other than x86-64, where it leaves every file to libjpeg-turbo. Never
//! reads one.

use crate::pixels::{PaddedPlane, Size};

/// Reads nothing.
pub(crate) struct PlaneReader;

impl PlaneReader {
    /// A reader of no file.
    pub(crate) fn new(_scans_max: u32) -> Self {
        Self
    }

    /// Always `None`.
    pub(crate) fn read(
        &mut self,
        _body: &[u8],
        _size: Size,
        _padded: [PaddedPlane; 3],
        _samples: &mut [u8],
    ) -> Option<()> {
        None
    }
}
