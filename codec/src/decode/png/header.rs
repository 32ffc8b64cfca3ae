//! Owns the IHDR chunk: which values libpng accepts, and the row sizes that follow. Never reads another
//! chunk.

use crate::pixels::Size;

/// libpng's default limit on either side, in pixels.
const SIDE_MAX: u32 = 1_000_000;

/// The colour type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Grey,
    Rgb,
    Palette,
    GreyAlpha,
    Rgba,
}

/// The header of an image or of a frame of an animation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) size: Size,
    /// Bits per sample: 1, 2, 4, 8 or 16.
    pub(super) depth: u8,
    pub(super) color: Color,
    pub(super) interlaced: bool,
}

impl Header {
    /// Parses the data of IHDR.
    pub(super) fn read(data: &[u8; 13]) -> Option<Self> {
        let [
            w0,
            w1,
            w2,
            w3,
            h0,
            h1,
            h2,
            h3,
            depth,
            color,
            method,
            filter,
            interlace,
        ] = *data;
        let size = Size::new(
            u32::from_be_bytes([w0, w1, w2, w3]),
            u32::from_be_bytes([h0, h1, h2, h3]),
        );
        let color = match (color, depth) {
            (0, 1 | 2 | 4 | 8 | 16) => Color::Grey,
            (2, 8 | 16) => Color::Rgb,
            (3, 1 | 2 | 4 | 8) => Color::Palette,
            (4, 8 | 16) => Color::GreyAlpha,
            (6, 8 | 16) => Color::Rgba,
            _ => return None,
        };
        let sides = 1..=SIDE_MAX;
        let known = (method, filter) == (0, 0) && interlace <= 1;
        (known && sides.contains(&size.width) && sides.contains(&size.height)).then_some(Self {
            size,
            depth,
            color,
            interlaced: interlace == 1,
        })
    }

    fn samples(&self) -> usize {
        match self.color {
            Color::Grey | Color::Palette => 1,
            Color::GreyAlpha => 2,
            Color::Rgb => 3,
            Color::Rgba => 4,
        }
    }

    /// Distance in bytes to the left neighbour that filters use.
    pub(super) fn pixel_bytes(&self) -> usize {
        (self.samples() * usize::from(self.depth)).div_ceil(8)
    }

    /// Bytes of a row of `width` pixels, without its filter byte.
    pub(super) fn row_bytes(&self, width: usize) -> usize {
        (width * self.samples() * usize::from(self.depth)).div_ceil(8)
    }
}
