//! Owns views of the rasters that the separable filters read and write. Never owns a sample.

/// A raster to read, with rows `stride` bytes apart and one (grey or a plane) or three channels.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) samples: &'a [u8],
    pub(crate) stride: usize,
    pub(crate) channels: usize,
}

/// A raster to write, from its first sample to its last, with rows `stride` samples apart: bytes, or floats
/// that are not rounded.
pub(crate) struct Picture<'a, S = u8> {
    pub(crate) samples: &'a mut [S],
    pub(crate) stride: usize,
}
