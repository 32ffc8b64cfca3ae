//! Owns the shape of a raster and the reusable memory it lives in. Never interprets a pixel.
//!
//! Rows stand one after the other without gaps, samples are 8 bits and interleaved.

/// Capacity above which a buffer is given back once its image is done.
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

/// A raster's size and its samples per pixel: 1 grey, 3 RGB, 4 RGBA (only before matting).
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

/// Where one component's samples stand in a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plane {
    /// First sample.
    pub(crate) start: usize,
    /// Samples from one row to the next.
    pub(crate) stride: usize,
}

/// A component's plane with all of its rows: whole blocks, so more than the image shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) plane: Plane,
    pub(crate) rows: usize,
}

/// An image as Y, Cb and Cr, one plane behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Planes {
    /// Size of the image, which is luma's.
    pub(crate) size: Size,
    pub(crate) planes: [Plane; 3],
}

/// Memory for one raster after another: grown when needed, cleared never, because whoever asks
/// for room writes all of it.
#[derive(Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// `len` bytes of old content.
    pub(crate) fn room(&mut self, len: usize) -> &mut [u8] {
        if self.bytes.len() < len {
            // A fresh zeroed allocation comes from the kernel's zero pages; growing in place
            // would copy and clear.
            self.bytes = Vec::new();
            self.bytes = vec![0; len];
        }
        &mut self.bytes[..len]
    }

    /// The first `len` bytes, as the last user of `room` left them.
    pub(crate) fn filled(&self, len: usize) -> &[u8] {
        &self.bytes[..len]
    }

    /// All that is held, of which the last user of `room` has written a part.
    pub(crate) fn all(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives memory back after an unusually large image.
    pub(crate) fn trim(&mut self) {
        if self.bytes.len() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}
