//! Owns GIF's LZW stream, by OpenCV's rules. Never knows a colour.
//!
//! Rules that differ from the specification's: an end code only clears the table, what follows in
//! the blocks is still decoded; a full frame may be followed by one more code, if that code ends in
//! the last byte of the last block; anything else beyond the frame is an error.
//!
//! A string of the table is kept as the place in the frame where it was first written: the string
//! that a code teaches is the one written just before it and the index that follows. The alphabet
//! stands before the frame, so that a literal has a place as well.

use super::reader::Reader;
use crate::pixels::Buffer;

const CODE_BITS_MAX: u32 = 12;
const TABLE_LEN: usize = 1 << CODE_BITS_MAX;

/// Bytes that are copied at once; a string is copied in whole chunks, beyond its end.
const CHUNK: usize = 16;

/// Bytes that a code is read from, wherever it starts in the first of them.
const WORD: usize = size_of::<u32>();

/// The string at `start..start + len` of the alphabet and the frame.
#[derive(Clone, Copy, Default)]
struct Text {
    start: u32,
    len: u32,
}

/// Where a stream's strings end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Where the frame ends.
    Frame,
    /// Behind it.
    Beyond,
    /// Before it, or it is broken there.
    Short,
}

/// Memory for one stream after another.
#[derive(Default)]
pub(super) struct Lzw {
    /// The stream without its division into sub-blocks.
    stream: Vec<u8>,
    /// The alphabet, the frame's indices, and room for the last chunk.
    frame: Buffer,
}

impl Lzw {
    /// The `pixels` indices that the sub-blocks at `reader` hold; None where they give less or
    /// more.
    pub(super) fn decode(&mut self, reader: &mut Reader, pixels: usize) -> Option<&[u8]> {
        let (literals, end) = self.read(reader, pixels)?;
        let frame = literals..literals + pixels;
        (end == End::Frame).then(|| &self.frame.all()[frame])
    }

    /// Whether the sub-blocks at `reader` hold `pixels` indices at least.
    pub(super) fn fills(&mut self, reader: &mut Reader, pixels: usize) -> bool {
        let read = self.read(reader, pixels);
        read.is_some_and(|(_, end)| end != End::Short)
    }

    /// Writes the alphabet and the frame. Gives the alphabet's length and where the strings end.
    fn read(&mut self, reader: &mut Reader, pixels: usize) -> Option<(usize, End)> {
        let literal_bits = u32::from(reader.byte()?);
        if !(2..CODE_BITS_MAX).contains(&literal_bits) {
            return None;
        }
        self.join(reader)?;
        let literals = 1 << literal_bits;
        let end = literals + pixels;
        u32::try_from(end).ok()?;
        let room = self.frame.room(end + CHUNK);
        for (code, index) in room[..literals].iter_mut().enumerate() {
            *index = code as u8;
        }
        let written = write_strings(&self.stream, literal_bits, room, end);
        Some((literals, written))
    }

    /// Joins the sub-blocks, and appends a word's worth of zeros.
    fn join(&mut self, reader: &mut Reader) -> Option<()> {
        self.stream.clear();
        loop {
            let len = usize::from(reader.byte()?);
            let block = reader.body.get(reader.at..reader.at + len)?;
            self.stream.extend_from_slice(block);
            reader.skip(len);
            if len == 0 {
                self.stream.extend([0; WORD]);
                return Some(());
            }
        }
    }

    /// Gives memory back after an unusually large image.
    pub(super) fn trim(&mut self) {
        self.frame.trim();
    }
}

/// Writes the strings of `stream` behind the alphabet, up to `end` and no further.
fn write_strings(stream: &[u8], literal_bits: u32, room: &mut [u8], end: usize) -> End {
    let literals = 1 << literal_bits;
    let (clear_code, end_code) = (literals, literals + 1);
    let stream_len = stream.len() - WORD;
    let stream_bits = stream_len * 8;

    let mut strings = [Text::default(); TABLE_LEN];
    for (code, string) in strings[..literals].iter_mut().enumerate() {
        *string = Text {
            start: code as u32,
            len: 1,
        };
    }
    // The code that is not yet in the table: what was last written and one index more.
    let (mut next, mut waiting) = (end_code, Text::default());
    let mut code_bits = literal_bits + 1;
    let (mut bit, mut filled) = (0, literals);
    while bit + code_bits as usize <= stream_bits {
        let bytes = stream[bit / 8..bit / 8 + WORD].try_into();
        let word = u32::from_le_bytes(bytes.unwrap_or_default()) >> (bit % 8);
        let code = (word & ((1 << code_bits) - 1)) as usize;
        bit += code_bits as usize;
        let ends_the_stream = bit.div_ceil(8) == stream_len;
        if code == clear_code || code == end_code {
            (next, code_bits) = (end_code, literal_bits + 1);
            if code == end_code && ends_the_stream {
                break;
            }
            continue;
        }
        if filled == end {
            return if ends_the_stream {
                End::Frame
            } else {
                End::Beyond
            };
        }
        if next < TABLE_LEN {
            if code > next {
                return End::Short;
            }
            strings[next] = waiting;
            next += 1;
        }
        let string = strings[code & (TABLE_LEN - 1)];
        let (start, len) = (string.start as usize, string.len as usize);
        if len > end - filled {
            return End::Beyond;
        }
        copy(room, start, filled, len);
        waiting = Text {
            start: filled as u32,
            len: string.len + 1,
        };
        filled += len;
        if next == 1 << code_bits && code_bits < CODE_BITS_MAX {
            code_bits += 1;
        }
    }
    if filled == end {
        End::Frame
    } else {
        End::Short
    }
}

/// Copies the string at `from` to `to`, by chunks; up to a chunk behind it is overwritten. A string
/// that reaches into its own copy, which can be by one index, ends with the index it begins with.
#[inline(always)]
fn copy(room: &mut [u8], from: usize, to: usize, len: usize) {
    let first = room[from];
    let mut done = 0;
    while done < len {
        room.copy_within(from + done..from + done + CHUNK, to + done);
        done += CHUNK;
    }
    if from + len > to {
        room[to + len - 1] = first;
    }
}
