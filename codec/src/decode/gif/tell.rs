//! Owns what a GIF's blocks tell of its being whole. Never knows a colour, and minds none of OpenCV's
//! rules on what may be shown: a frame beyond the screen is whole as well.

use super::reader::Reader;
use super::{EXTENSION, GifDecoder, IMAGE, SIGNATURE_AND_SIZE_BYTES, TRAILER, colour_table_bytes};
use crate::decode::outcome::Told;
use crate::pixels::Size;

impl GifDecoder {
    /// Whether every block up to the trailer is there, and the first image has all its pixels.
    pub(in super::super) fn tell(&mut self, body: &[u8], screen: Size) -> Told {
        let filled = walk(body).and_then(|first| self.is_filled(body, first, screen));
        self.lzw.trim();
        match filled {
            Some(true) => Told::Whole,
            Some(false) => Told::Cut,
            None => Told::Nothing,
        }
    }

    /// Whether the image behind the separator at `at` has as many indices as pixels, or as the screen
    /// has where it is larger.
    fn is_filled(&mut self, body: &[u8], at: usize, screen: Size) -> Option<bool> {
        let mut reader = Reader::new(body, at);
        reader.skip(4);
        let pixels = (reader.word()? * reader.word()?).min(screen.pixels() as usize);
        let flags = reader.byte()?;
        reader.skip(colour_table_bytes(flags));
        Some(self.lzw.fills(&mut reader, pixels))
    }
}

/// Walks every block up to the trailer, and gives where the first image stands behind its separator.
fn walk(body: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(body, SIGNATURE_AND_SIZE_BYTES);
    let flags = reader.byte()?;
    // Behind the flags stand the background's index, the pixels' shape and the table.
    reader.skip(2 + colour_table_bytes(flags));
    let mut first = None;
    loop {
        match reader.byte()? {
            TRAILER => return first,
            IMAGE => {
                first = first.or(Some(reader.at));
                reader.skip(8);
                let flags = reader.byte()?;
                reader.skip(colour_table_bytes(flags) + 1);
                reader.skip_sub_blocks()?;
            }
            EXTENSION => {
                reader.skip(1);
                reader.skip_sub_blocks()?;
            }
            _ => return None,
        }
    }
}
