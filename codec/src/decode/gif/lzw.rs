//! Owns decoding GIF's LZW, by OpenCV's rules. Never interprets an index.
//!
//! Where OpenCV differs from the specification: an end code only clears the table, and later codes are still
//! decoded; a full frame may be followed by one more code if that ends in the last byte of the last block;
//! any other data after the frame is an error.
//!
//! A table entry is the place in the output where its string was first written: a code adds the string
//! written just before it plus the next index. The alphabet precedes the frame in memory, so that literals
//! have a place too.

use super::reader::Reader;
use crate::pixels::Buffer;

const CODE_BITS_MAX: u32 = 12;
const TABLE_LEN: usize = 1 << CODE_BITS_MAX;

/// Bytes copied at a time; strings are copied in whole chunks, past their end.
const CHUNK: usize = 16;

/// Bytes that a code is read from, at any bit of the first one.
const WORD: usize = size_of::<u32>();

/// The string at `start..start + len` of the output.
#[derive(Clone, Copy, Default)]
struct Text {
    start: u32,
    len: u32,
}

/// Where the strings of a stream end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// At the end of the frame.
    Frame,
    /// Past it.
    Beyond,
    /// Before it, or the stream is malformed.
    Short,
}

/// Decodes streams; keeps working memory.
#[derive(Default)]
pub(super) struct Lzw {
    /// The joined sub-blocks.
    stream: Vec<u8>,
    /// The alphabet, the frame's indices, and space for the last chunk.
    frame: Buffer,
}

impl Lzw {
    /// Decodes the `pixels` indices in the sub-blocks at `reader`; `None` if there are fewer or more.
    pub(super) fn decode(&mut self, reader: &mut Reader, pixels: usize) -> Option<&[u8]> {
        let (literals, end) = self.read(reader, pixels)?;
        let frame = literals..literals + pixels;
        (end == End::Frame).then(|| &self.frame.all()[frame])
    }

    /// Whether the sub-blocks at `reader` have at least `pixels` indices.
    pub(super) fn fills(&mut self, reader: &mut Reader, pixels: usize) -> bool {
        let read = self.read(reader, pixels);
        read.is_some_and(|(_, end)| end != End::Short)
    }

    /// Writes the alphabet and the frame; returns the length of the alphabet and where the strings end.
    fn read(&mut self, reader: &mut Reader, pixels: usize) -> Option<(usize, End)> {
        let literal_bits = u32::from(reader.byte()?);
        if !(2..CODE_BITS_MAX).contains(&literal_bits) {
            return None;
        }
        self.join(reader)?;
        let literals = 1 << literal_bits;
        let end = literals + pixels;
        u32::try_from(end).ok()?;
        let frame = self.frame.bytes_mut(end + CHUNK);
        for (code, index) in frame[..literals].iter_mut().enumerate() {
            *index = code as u8;
        }
        let written = write_strings(&self.stream, literal_bits, frame, end);
        Some((literals, written))
    }

    /// Joins the sub-blocks and appends a word of zeros.
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

    /// Frees memory after an unusually large image.
    pub(super) fn trim(&mut self) {
        self.frame.trim();
    }
}

/// Writes the strings of `stream` after the alphabet, up to `end`.
fn write_strings(stream: &[u8], literal_bits: u32, frame: &mut [u8], end: usize) -> End {
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
    // The entry not yet in the table: the last string written plus one index.
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
        copy(frame, start, filled, len);
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

/// Copies the string at `from` to `to` in chunks, which may overwrite up to a chunk after it. A string that
/// overlaps its own copy, which can be by one index, ends with the index it begins with.
#[inline(always)]
fn copy(frame: &mut [u8], from: usize, to: usize, len: usize) {
    let first = frame[from];
    let mut done = 0;
    while done < len {
        frame.copy_within(from + done..from + done + CHUNK, to + done);
        done += CHUNK;
    }
    if from + len > to {
        frame[to + len - 1] = first;
    }
}
