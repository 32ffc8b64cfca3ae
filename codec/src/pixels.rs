//! Owns the shape of rasters and planes, and reusable memory for them. Never interprets a pixel.
//!
//! Samples are 8 bits and interleaved; rows follow each other without gaps.

/// Largest buffer that is kept after its image.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Width and height in pixels, both at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Size {
    pub(crate) const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    pub(crate) const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    pub(crate) fn smallest_side(self) -> u32 {
        self.width.min(self.height)
    }

    pub(crate) fn largest_side(self) -> u32 {
        self.width.max(self.height)
    }
}

/// Size and samples per pixel of a raster: 1 grey, 3 RGB, 4 RGBA (before compositing only).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) size: Size,
    pub(crate) channels: usize,
}

impl Shape {
    pub(crate) const fn new(size: Size, channels: usize) -> Self {
        Self { size, channels }
    }

    /// Bytes of one row.
    pub(crate) const fn stride(self) -> usize {
        self.size.width as usize * self.channels
    }

    /// Bytes of the raster.
    pub(crate) const fn bytes(self) -> usize {
        self.stride() * self.size.height as usize
    }
}

/// The place of the samples of one component in a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plane {
    /// First sample.
    pub(crate) start: usize,
    /// Samples from one row to the next.
    pub(crate) stride: usize,
}

/// A plane with its number of rows, padded to whole blocks beyond the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PaddedPlane {
    pub(crate) plane: Plane,
    pub(crate) rows: usize,
}

/// An image as planes of Y, Cb and Cr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planes {
    /// Size of the image and of luma.
    pub(crate) size: Size,
    pub(crate) planes: [Plane; 3],
}

/// Memory for rasters. It grows when needed and is not cleared, since its user writes all of it.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// The first `len` bytes, with arbitrary content where they were not written before.
    pub(crate) fn bytes_mut(&mut self, len: usize) -> &mut [u8] {
        if self.bytes.len() < len {
            // A new zeroed allocation consists of the kernel's zero pages; growing in place would copy.
            self.bytes = Vec::new();
            self.bytes = vec![0; len];
        }
        &mut self.bytes[..len]
    }

    /// The first `len` bytes, as last written.
    pub(crate) fn filled(&self, len: usize) -> &[u8] {
        &self.bytes[..len]
    }

    /// All bytes, of which the last user has written a part.
    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// Frees memory after an unusually large image.
    pub(crate) fn trim(&mut self) {
        if self.bytes.len() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}
