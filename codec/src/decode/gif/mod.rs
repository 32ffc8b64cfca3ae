//! Owns decoding GIF 87a and 89a: the first frame on its screen, by OpenCV's rules. Never decodes a second
//! frame, but every block up to the trailer must be complete, since OpenCV counts the frames.
//!
//! Where OpenCV 4.14 differs from browsers: the result has alpha if the *last* graphic control of the file has
//! a transparent index, whichever frame it belongs to; without alpha, the screen around the first frame has
//! the background colour; a reserved disposal method, a background index outside the palette and a frame
//! outside the screen are errors.

mod completeness;
mod lzw;
mod reader;
#[cfg(test)]
mod tests;

use lzw::Lzw;
use reader::Reader;

use crate::error::CodecError;
use crate::pixels::{Buffer, Shape, Size};

const EXTENSION: u8 = 0x21;
const IMAGE: u8 = 0x2C;
const TRAILER: u8 = 0x3B;
const GRAPHIC_CONTROL: u8 = 0xF9;
const APPLICATION: u8 = 0xFF;
const SIGNATURE_AND_SIZE_BYTES: usize = 10;
const COLOUR_TABLE_FLAG: u8 = 0x80;
const INTERLACED_FLAG: u8 = 0x40;

type Colour = [u8; 3];

/// Decodes GIF files; keeps working memory.
#[derive(Default)]
pub(super) struct GifDecoder {
    lzw: Lzw,
}

impl GifDecoder {
    /// Decodes to RGB, or to RGBA if the last graphic control has a transparent index.
    pub(super) fn decode(
        &mut self,
        body: &[u8],
        size: Size,
        out: &mut Buffer,
    ) -> Result<Shape, CodecError> {
        let shape = self.first_frame(body, size, out);
        self.lzw.trim();
        shape.ok_or(CodecError::Decode)
    }

    fn first_frame(&mut self, body: &[u8], size: Size, out: &mut Buffer) -> Option<Shape> {
        let mut reader = Reader::new(body, SIGNATURE_AND_SIZE_BYTES);
        let screen = Screen::read(&mut reader)?;
        let has_alpha = walk(reader)?.transparent;
        let transparent = read_control(&mut reader)?;
        let frame = Frame::read(&mut reader, size)?;
        let flags = reader.byte()?;
        let local = ColourTable::read(&mut reader, flags)?;
        let indices = self.lzw.decode(&mut reader, frame.pixels())?;

        let shape = Shape::new(size, if has_alpha { 4 } else { 3 });
        let palette = Palette::new(local, &screen, transparent);
        if !palette.knows(indices) {
            return None;
        }
        let samples = out.bytes_mut(shape.bytes());
        if has_alpha {
            draw::<4>(samples, size, &frame, flags, indices, &palette);
        } else {
            draw::<3>(samples, size, &frame, flags, indices, &palette);
        }
        Some(shape)
    }
}

/// A colour table; empty if there is none.
#[derive(Clone, Copy)]
struct ColourTable<'a>(&'a [u8]);

impl<'a> ColourTable<'a> {
    fn read(reader: &mut Reader<'a>, flags: u8) -> Option<Self> {
        let bytes = colour_table_bytes(flags);
        let start = reader.at;
        reader.skip(bytes);
        Some(Self(reader.body.get(start..reader.at)?))
    }

    fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    fn colour(self, index: u8) -> Option<Colour> {
        let start = usize::from(index) * 3;
        self.0.get(start..start + 3)?.try_into().ok()
    }
}

fn colour_table_bytes(flags: u8) -> usize {
    if flags & COLOUR_TABLE_FLAG == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// The logical screen descriptor after its size.
struct Screen<'a> {
    table: ColourTable<'a>,
    background: u8,
}

impl<'a> Screen<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let flags = reader.byte()?;
        let background = reader.byte()?;
        reader.skip(1);
        let table = ColourTable::read(reader, flags)?;
        let known = table.is_empty() || table.colour(background).is_some();
        known.then_some(Self { table, background })
    }

    fn background(&self) -> Colour {
        self.table.colour(self.background).unwrap_or([0; 3])
    }
}

/// What the blocks up to the trailer contain.
#[derive(Default)]
struct Walked {
    images: u64,
    /// Whether the last graphic control has a transparent index.
    transparent: bool,
}

/// Reads all blocks up to the trailer.
fn walk(mut reader: Reader) -> Option<Walked> {
    let mut walked = Walked::default();
    loop {
        match reader.byte()? {
            TRAILER => return Some(walked),
            IMAGE => {
                walked.images += 1;
                reader.skip(8);
                let flags = reader.byte()?;
                reader.skip(colour_table_bytes(flags) + 1);
                reader.skip_sub_blocks()?;
            }
            EXTENSION => match reader.byte()? {
                GRAPHIC_CONTROL => {
                    if let Some(flag) = walk_controls(&mut reader)? {
                        walked.transparent = flag;
                    }
                }
                APPLICATION => walk_application(&mut reader)?,
                _ => reader.skip_sub_blocks()?,
            },
            _ => return None,
        }
    }
}

/// The transparency flag of the last complete control in the sub-blocks.
fn walk_controls(reader: &mut Reader) -> Option<Option<bool>> {
    const CONTROL_BYTES: u8 = 4;
    let mut transparent = None;
    loop {
        match reader.byte()? {
            0 => return Some(transparent),
            CONTROL_BYTES => {
                transparent = Some(reader.byte()? & 1 == 1);
                reader.skip(3);
            }
            len => reader.skip(len.into()),
        }
    }
}

/// OpenCV skips only two bytes of a three-byte sub-block that does not follow a Netscape label, and so reads
/// the third as the next length.
fn walk_application(reader: &mut Reader) -> Option<()> {
    const LABEL_BYTES: u8 = 11;
    const LOOP_BYTES: u8 = 3;
    let mut netscape = false;
    loop {
        match reader.byte()? {
            0 => return Some(()),
            LABEL_BYTES => {
                let label = reader.body.get(reader.at..reader.at + 11)?;
                netscape = label == b"NETSCAPE2.0";
                reader.skip(11);
            }
            LOOP_BYTES => reader.skip(if netscape { 3 } else { 2 }),
            len => reader.skip(len.into()),
        }
    }
}

/// Reads the extensions and the separator before the first image; returns the transparent index.
fn read_control(reader: &mut Reader) -> Option<Option<u8>> {
    const DISPOSAL_MAX: u8 = 3;
    let mut transparent = None;
    loop {
        match reader.byte()? {
            IMAGE => return Some(transparent),
            EXTENSION => {}
            _ => return None,
        }
        if reader.byte()? == GRAPHIC_CONTROL {
            let (len, flags) = (reader.byte()?, reader.byte()?);
            if len != 4 || flags >> 2 & 7 > DISPOSAL_MAX {
                return None;
            }
            reader.word()?;
            let index = reader.byte()?;
            transparent = (flags & 1 == 1).then_some(index);
        }
        reader.skip_sub_blocks()?;
    }
}

/// The rectangle of the frame on the screen.
struct Frame {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Frame {
    fn read(reader: &mut Reader, screen: Size) -> Option<Self> {
        let frame = Self {
            left: reader.word()?,
            top: reader.word()?,
            width: reader.word()?,
            height: reader.word()?,
        };
        let within = frame.width > 0
            && frame.height > 0
            && frame.left + frame.width <= screen.width as usize
            && frame.top + frame.height <= screen.height as usize;
        within.then_some(frame)
    }

    fn pixels(&self) -> usize {
        self.width * self.height
    }

    fn covers(&self, screen: Size) -> bool {
        self.pixels() as u64 == screen.pixels()
    }
}

/// The rows of the frame in stream order.
fn frame_rows(height: usize, interlaced: bool) -> impl Iterator<Item = usize> {
    const PASSES: [(usize, usize); 4] = [(0, 8), (4, 8), (2, 4), (1, 2)];
    const WHOLE: [(usize, usize); 1] = [(0, 1)];
    let passes: &[_] = if interlaced { &PASSES } else { &WHOLE };
    passes
        .iter()
        .flat_map(move |&(first, step)| (first..height).step_by(step))
}

/// The pixel for each index: its colour with full alpha, or the background with zero alpha for the
/// transparent index.
struct Palette {
    pixels: [[u8; 4]; 256],
    known: [bool; 256],
    background: [u8; 4],
}

impl Palette {
    /// An index outside the local table is looked up in the global one; without a table an index is a grey
    /// level, except that 1 is white.
    fn new(local: ColourTable, screen: &Screen, transparent: Option<u8>) -> Self {
        let colour = |index| {
            if local.is_empty() && screen.table.is_empty() {
                return Some([if index == 1 { u8::MAX } else { index }; 3]);
            }
            local.colour(index).or_else(|| screen.table.colour(index))
        };
        let [red, green, blue] = screen.background();
        let background = [red, green, blue, 0];
        let (mut pixels, mut known) = ([background; 256], [false; 256]);
        for index in 0..=u8::MAX {
            let at = usize::from(index);
            if Some(index) == transparent {
                known[at] = true;
            } else if let Some([red, green, blue]) = colour(index) {
                pixels[at] = [red, green, blue, u8::MAX];
                known[at] = true;
            }
        }
        Self {
            pixels,
            known,
            background,
        }
    }

    /// Whether all `indices` have a colour.
    fn knows(&self, indices: &[u8]) -> bool {
        self.known.iter().all(|&known| known)
            || indices.iter().all(|&index| self.known[usize::from(index)])
    }
}

/// Draws the background and the frame.
fn draw<const CHANNELS: usize>(
    samples: &mut [u8],
    screen: Size,
    frame: &Frame,
    flags: u8,
    indices: &[u8],
    palette: &Palette,
) {
    if !frame.covers(screen) {
        for target in samples.chunks_exact_mut(CHANNELS) {
            target.copy_from_slice(&palette.background[..CHANNELS]);
        }
    }
    let stride = screen.width as usize * CHANNELS;
    let rows = frame_rows(frame.height, flags & INTERLACED_FLAG != 0);
    for (row, indices) in rows.zip(indices.chunks_exact(frame.width)) {
        let start = (frame.top + row) * stride + frame.left * CHANNELS;
        draw_row::<CHANNELS>(&mut samples[start..], indices, &palette.pixels);
    }
}

fn draw_row<const CHANNELS: usize>(samples: &mut [u8], indices: &[u8], pixels: &[[u8; 4]; 256]) {
    for (target, &index) in samples.chunks_exact_mut(CHANNELS).zip(indices) {
        target.copy_from_slice(&pixels[usize::from(index)][..CHANNELS]);
    }
}
