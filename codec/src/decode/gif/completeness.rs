//! Owns finding out from its blocks whether a GIF is complete. Never applies OpenCV's rules on what can be
//! shown: a frame outside the screen is complete too.

use super::reader::Reader;
use super::{EXTENSION, GifDecoder, IMAGE, SIGNATURE_AND_SIZE_BYTES, TRAILER, colour_table_bytes};
use crate::decode::outcome::Completeness;
use crate::pixels::Size;

impl GifDecoder {
    /// Whether every block up to the trailer is present and the first image has all its pixels.
    pub(in super::super) fn completeness(&mut self, body: &[u8], screen: Size) -> Completeness {
        let filled = walk(body).and_then(|first| self.is_filled(body, first, screen));
        self.lzw.trim();
        match filled {
            Some(true) => Completeness::Complete,
            Some(false) => Completeness::Truncated,
            None => Completeness::Unknown,
        }
    }

    /// Whether the image at `at`, after its separator, has as many indices as pixels, or as the screen has
    /// pixels if that is smaller.
    fn is_filled(&mut self, body: &[u8], at: usize, screen: Size) -> Option<bool> {
        let mut reader = Reader::new(body, at);
        reader.skip(4);
        let pixels = (reader.word()? * reader.word()?).min(screen.pixels() as usize);
        let flags = reader.byte()?;
        reader.skip(colour_table_bytes(flags));
        Some(self.lzw.fills(&mut reader, pixels))
    }
}

/// Reads all blocks up to the trailer; returns the position after the first image separator.
fn walk(body: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(body, SIGNATURE_AND_SIZE_BYTES);
    let flags = reader.byte()?;
    // The flags are followed by the background index, the pixel aspect ratio and the table.
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
