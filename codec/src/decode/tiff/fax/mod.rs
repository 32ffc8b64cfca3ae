//! Owns decoding the CCITT encodings in TIFF: modified Huffman (2, 32771), one- and two-dimensional Group 3 (3)
//! and Group 4 (4), ITU-T T.4 and T.6. Black is 1. The code tables are from crate `fax`. Never reads a tag but
//! for the scheme.
//!
//! As in libtiff, which OpenCV uses: an invalid code or an early end of line ends the row; the runs so far are
//! kept, including a make-up code without a terminating one, and the rest is white. In Group 3 the next row
//! begins at the next end of line; if a stream has no more ends of line, it is read again as one without them
//! for the remaining rows.

mod bits;
mod runs;
#[cfg(test)]
mod tests;

use super::directory::{Directory, compression};
use bits::{Bits, END_OF_LINE_ZEROS, ModeCode, RunCode};
use runs::{Overflow, Runs};

/// The encoding, and how its rows begin.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    /// Rows begin at multiples of this many bytes.
    Huffman {
        align_bytes: u32,
    },
    Group3 {
        two_dimensional: bool,
    },
    Group4,
}

impl Scheme {
    pub(super) fn new(directory: &Directory) -> Self {
        const TWO_DIMENSIONAL: u32 = 1;
        match directory.compression {
            compression::CCITT_RLE => Self::Huffman { align_bytes: 1 },
            compression::CCITT_RLE_WORDS => Self::Huffman { align_bytes: 2 },
            compression::CCITT_T4 => Self::Group3 {
                two_dimensional: directory.t4_options & TWO_DIMENSIONAL != 0,
            },
            _ => Self::Group4,
        }
    }

    const fn two_dimensional(self) -> bool {
        match self {
            Self::Huffman { .. } => false,
            Self::Group3 { two_dimensional } => two_dimensional,
            Self::Group4 => true,
        }
    }
}

/// Decodes the chunks of an image independently, except for what a broken one leaves.
pub(super) struct Fax {
    scheme: Scheme,
    runs: Runs,
    /// Whether a chunk ran out of ends of line: it and later ones are read as if there were none.
    without_ends_of_line: bool,
}

impl Fax {
    /// A decoder for rows of `width` pixels.
    pub(super) fn new(scheme: Scheme, width: u32) -> Self {
        Self {
            scheme,
            runs: Runs::new(width, scheme.two_dimensional()),
            without_ends_of_line: false,
        }
    }

    /// Decodes rows until `out`, which is zeroed, is full; returns false if the stream is malformed or ends
    /// early.
    pub(super) fn decode(&mut self, stored: &[u8], out: &mut [u8]) -> bool {
        let row_bytes = (self.runs.width as usize).div_ceil(8);
        let mut rows = out.chunks_exact_mut(row_bytes);
        self.runs.begin_chunk();
        let mut reader = Reader {
            bits: Bits::new(stored),
            runs: &mut self.runs,
            end_of_line_begun: false,
        };
        let decoded = match self.scheme {
            Scheme::Huffman { align_bytes } => reader.huffman(align_bytes, &mut rows),
            Scheme::Group3 { two_dimensional } => reader.group3(
                stored,
                two_dimensional,
                &mut self.without_ends_of_line,
                &mut rows,
            ),
            Scheme::Group4 => reader.group4(&mut rows),
        };
        decoded.unwrap_or(false)
    }
}

/// Why a row ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It is full, or its codes ended in another way.
    Row,
    /// No bit is left.
    Data,
}

/// How a row of Group 3 begins.
enum Start {
    Row,
    /// No bit is left.
    Data,
    /// An end of line is incomplete.
    Unfinished,
}

/// A stream and its rows.
struct Reader<'a> {
    bits: Bits<'a>,
    runs: &'a mut Runs,
    /// Whether the zeros of an end of line were taken, but not its one.
    end_of_line_begun: bool,
}

type Rows<'r, 'o> = &'r mut dyn Iterator<Item = &'o mut [u8]>;

impl<'a> Reader<'a> {
    fn huffman(&mut self, align_bytes: u32, rows: Rows) -> Result<bool, Overflow> {
        for row in rows {
            self.runs.begin_row();
            let end = self.one_dimensional()?;
            self.runs.draw(row);
            if end == End::Data {
                return Ok(false);
            }
            self.bits.align(align_bytes);
        }
        Ok(true)
    }

    fn group3(
        &mut self,
        stored: &'a [u8],
        two_dimensional: bool,
        without_ends_of_line: &mut bool,
        rows: Rows,
    ) -> Result<bool, Overflow> {
        for row in rows {
            self.runs.begin_row();
            let mut start = if *without_ends_of_line {
                Start::Row
            } else {
                self.pass_end_of_line()
            };
            if matches!(start, Start::Unfinished) {
                *without_ends_of_line = true;
                self.bits = Bits::new(stored);
                self.end_of_line_begun = false;
                start = Start::Row;
            }
            let end = match start {
                Start::Row => self.tagged_row(two_dimensional)?,
                _ => {
                    self.runs.finish()?;
                    End::Data
                }
            };
            self.runs.draw(row);
            if end == End::Data {
                return Ok(false);
            }
            if two_dimensional {
                self.runs.pass_on();
            }
        }
        Ok(true)
    }

    fn group4(&mut self, rows: Rows) -> Result<bool, Overflow> {
        for (count, row) in rows.enumerate() {
            self.runs.begin_row();
            let end = self.two_dimensional()?;
            self.runs.draw(row);
            if end == End::Data || self.end_of_line_begun {
                // A block that ends early is complete; its missing rows are white.
                return Ok(count > 0);
            }
            self.runs.pass_on();
        }
        Ok(true)
    }

    /// Skips past the next end of line.
    fn pass_end_of_line(&mut self) -> Start {
        while !self.end_of_line_begun {
            match self.bits.peek(END_OF_LINE_ZEROS) {
                None => return Start::Data,
                Some(0) => break,
                Some(_) => self.bits.take(1),
            }
        }
        loop {
            match self.bits.peek(8) {
                None => return Start::Unfinished,
                Some(0) => self.bits.take(8),
                Some(byte) => {
                    self.bits.take((byte as u8).leading_zeros() + 1);
                    self.end_of_line_begun = false;
                    return Start::Row;
                }
            }
        }
    }

    /// Decodes a row of Group 3; with two dimensions, a tag bit selects the coding.
    fn tagged_row(&mut self, two_dimensional: bool) -> Result<End, Overflow> {
        if !two_dimensional {
            return self.one_dimensional();
        }
        let Some(tag) = self.bits.peek(1) else {
            self.runs.finish()?;
            return Ok(End::Data);
        };
        self.bits.take(1);
        if tag == 1 {
            self.one_dimensional()
        } else {
            self.two_dimensional()
        }
    }

    /// Decodes a row of runs, white first.
    fn one_dimensional(&mut self) -> Result<End, Overflow> {
        let end = self.run_after_run()?;
        self.runs.finish()?;
        Ok(end)
    }

    fn run_after_run(&mut self) -> Result<End, Overflow> {
        loop {
            for is_black in [false, true] {
                match self.run(is_black)? {
                    Some(RunCode::EndOfLine) => {
                        self.end_of_line_begun = true;
                        return Ok(End::Row);
                    }
                    Some(RunCode::Unknown) => return Ok(End::Row),
                    None => return Ok(End::Data),
                    Some(_) if self.runs.is_full() => return Ok(End::Row),
                    Some(_) => {}
                }
            }
            self.runs.drop_empty_pair();
        }
    }

    /// Decodes a run of one colour, make-up codes and a terminating one; returns the code that ended it, `None`
    /// if no bit was left.
    fn run(&mut self, is_black: bool) -> Result<Option<RunCode>, Overflow> {
        loop {
            match self.bits.run_code(is_black) {
                Some(RunCode::MakeUp(pixels)) => self.runs.extend(pixels.into()),
                Some(RunCode::Terminating(pixels)) => {
                    self.runs.push(pixels.into())?;
                    return Ok(Some(RunCode::Terminating(pixels)));
                }
                other => return Ok(other),
            }
        }
    }

    /// Decodes a row by its differences from the one above.
    fn two_dimensional(&mut self) -> Result<End, Overflow> {
        let end = self.change_after_change()?;
        self.runs.finish()?;
        Ok(end)
    }

    fn change_after_change(&mut self) -> Result<End, Overflow> {
        let mut edge = self.runs.first_edge();
        while !self.runs.is_full() {
            let Some(code) = self.bits.mode_code() else {
                return Ok(End::Data);
            };
            match code {
                ModeCode::Pass => {
                    edge = self.runs.behind(self.runs.next_edge(edge)?)?;
                    self.runs.extend(edge.at - self.runs.at);
                    edge = self.runs.behind(edge)?;
                }
                ModeCode::Horizontal => {
                    let is_black = self.runs.is_black();
                    for is_black in [is_black, !is_black] {
                        match self.run(is_black)? {
                            Some(RunCode::Terminating(_)) => {}
                            Some(_) => return Ok(End::Row),
                            None => return Ok(End::Data),
                        }
                    }
                    edge = self.runs.next_edge(edge)?;
                }
                ModeCode::Vertical(delta) => {
                    edge = self.runs.next_edge(edge)?;
                    let run = edge.at + i64::from(delta) - self.runs.at;
                    if run < 0 {
                        return Ok(End::Row);
                    }
                    self.runs.push(run)?;
                    edge = if delta < 0 {
                        self.runs.before(edge)?
                    } else {
                        self.runs.behind(edge)?
                    };
                }
                ModeCode::Extension => {
                    self.runs.push_rest()?;
                    return Ok(End::Row);
                }
                ModeCode::EndOfLine => {
                    self.runs.push_rest()?;
                    return Ok(self.end_of_line());
                }
                ModeCode::Unknown => return Ok(End::Row),
            }
        }
        if self.runs.has_pending() {
            // The pixels passed over last end with the row.
            self.runs.push(0)?;
        }
        Ok(End::Row)
    }

    /// Takes the rest of the zeros of an end of line, whose first seven were a code.
    fn end_of_line(&mut self) -> End {
        const REST_OF_ZEROS: u32 = END_OF_LINE_ZEROS - 7;
        if self.bits.peek(REST_OF_ZEROS).is_none() {
            return End::Data;
        }
        self.bits.take(REST_OF_ZEROS);
        self.end_of_line_begun = true;
        End::Row
    }
}
