//! Owns what the chunks of a PNG say about its image. Never reads a chunk.

use super::header::{Color, Header};
use crate::pixels::Size;

/// What a colour type without alpha says of transparency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transparency {
    /// The palette's entries carry it.
    Palette,
    /// This colour is transparent.
    Key([u16; 3]),
}

/// Where a frame stands on the canvas, pixels.
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

/// What the chunks say.
pub(super) struct File<'a> {
    /// The image as IHDR gives it.
    pub(super) canvas: Header,
    /// The frame whose data this is; its size is the canvas's except in some animations.
    pub(super) frame: Header,
    /// What of the canvas the frame covers; everything where there is no animation.
    pub(super) region: Option<Region>,
    /// RGBA. Entries that the file does not have are black, as libpng leaves them.
    pub(super) palette: [[u8; 4]; 256],
    pub(super) transparency: Option<Transparency>,
    /// The zlib stream, in the pieces it is stored in.
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
