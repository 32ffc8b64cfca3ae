//! Owns what the chunks of a PNG say about its image. Never reads a chunk.

use super::header::{Color, Header};
use crate::pixels::Size;

/// Transparency of a colour type without alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transparency {
    /// The palette entries have alpha.
    Palette,
    /// This colour is transparent.
    Key([u16; 3]),
}

/// The region of a frame on the canvas, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) size: Size,
}

impl Region {
    /// Whether the frame needs no canvas.
    pub(super) fn is_whole(&self, file: &File) -> bool {
        (self.x, self.y) == (0, 0)
            && self.size == file.canvas.size
            && file.frame.size == file.canvas.size
    }
}

/// The image as the chunks describe it.
pub(super) struct File<'a> {
    /// The header from IHDR.
    pub(super) canvas: Header,
    /// The frame to decode; its size differs from the canvas in some animations only.
    pub(super) frame: Header,
    /// The region of the canvas that the frame covers; `None` for a still image.
    pub(super) region: Option<Region>,
    /// The palette in RGBA. Missing entries are black, as in libpng.
    pub(super) palette: [[u8; 4]; 256],
    pub(super) transparency: Option<Transparency>,
    /// The pieces of the zlib stream.
    pub(super) data: Vec<&'a [u8]>,
}

impl File<'_> {
    /// Samples per pixel of the result.
    pub(super) fn channels(&self) -> usize {
        match (self.canvas.color, self.transparency) {
            (Color::Grey, _) => 1,
            (Color::Rgb | Color::Palette, None) => 3,
            _ => 4,
        }
    }

    /// Whether 8-bit samples are stored in the order and number of the result.
    pub(super) fn samples_are_output(&self) -> bool {
        match self.canvas.color {
            Color::Grey | Color::Rgba => true,
            Color::Rgb => self.transparency.is_none(),
            Color::Palette | Color::GreyAlpha => false,
        }
    }
}
