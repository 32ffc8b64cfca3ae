//! Owns the CCITT encodings in TIFF: modified Huffman rows (2, 32771), Group 3 with one and two
//! dimensions (3) and Group 4 (4), ITU-T T.4 and T.6. Black is 1. The code tables are crate `fax`'s.
//! Never guesses behind a broken code: the rows from there on stay white.

use std::convert::Infallible;

use fax::maps::{Mode, black, mode, white};
use fax::{BitReader, ByteReader};

use super::directory::{Directory, compression};

/// Zero bits that may follow the last stored one, so that a code at the end can be looked up.
const PADDING_BYTES: usize = 4;

/// Which encoding, and how its rows begin.
#[derive(Clone, Copy)]
pub(super) enum Scheme {
    /// Rows begin at multiples of so many bytes.
    Huffman {
        align_bytes: usize,
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

    /// Decodes rows of `width` pixels until `out`, which holds zeros, is full; false where the
    /// stream is broken or ends before.
    pub(super) fn decode(self, stored: &[u8], width: u32, out: &mut [u8]) -> bool {
        let row_bytes = width.div_ceil(8) as usize;
        let mut rows = out.chunks_exact_mut(row_bytes);
        match self {
            Self::Huffman { align_bytes } => {
                let mut bits = Bits::new(stored);
                rows.all(|row| {
                    let edges = one_dimensional(&mut bits, width);
                    bits.align(align_bytes);
                    draw(&edges, width, row)
                })
            }
            Self::Group3 { two_dimensional } => group3(stored, width, two_dimensional, &mut rows),
            Self::Group4 => group4(stored, width, &mut rows),
        }
    }
}

/// Where the colour changes along a row, beginning with the first black pixel, and whether the
/// row was whole.
#[derive(Default)]
struct Edges {
    at: Vec<u32>,
    whole: bool,
}

/// Draws black between the first edge and the second, and so on. Gives whether the row is whole.
fn draw(edges: &Edges, width: u32, row: &mut [u8]) -> bool {
    for run in edges.at.chunks(2) {
        let end = run.get(1).copied().unwrap_or(width).min(width);
        for x in run[0].min(width)..end {
            row[x as usize / 8] |= 0x80 >> (x % 8);
        }
    }
    edges.whole
}

/// The stored bits.
struct Bits<I> {
    reader: ByteReader<I>,
    consumed: usize,
    len: usize,
}

impl<'a>
    Bits<
        std::iter::Map<
            std::iter::Chain<std::iter::Copied<std::slice::Iter<'a, u8>>, std::iter::RepeatN<u8>>,
            fn(u8) -> Result<u8, Infallible>,
        >,
    >
{
    fn new(stored: &'a [u8]) -> Self {
        let padding = std::iter::repeat_n(0, PADDING_BYTES);
        let bytes = stored.iter().copied().chain(padding);
        let ok: fn(u8) -> Result<u8, Infallible> = Ok;
        let Ok(reader) = ByteReader::new(bytes.map(ok));
        Self {
            reader,
            consumed: 0,
            len: stored.len() * 8,
        }
    }
}

impl<I: Iterator<Item = Result<u8, Infallible>>> Bits<I> {
    /// Whether all stored bits are gone.
    fn at_end(&self) -> bool {
        self.consumed >= self.len
    }

    fn align(&mut self, bytes: usize) {
        let bits = self.consumed.next_multiple_of(bytes * 8) - self.consumed;
        let _ = self.consume(bits as u8);
    }

    /// A run of one colour: make-up codes, then a terminating one.
    fn run(&mut self, is_black: bool) -> Option<u32> {
        let mut sum = 0_u32;
        loop {
            let code = if is_black {
                black::decode(self)
            } else {
                white::decode(self)
            };
            let code = u32::from(code?);
            sum = sum.checked_add(code)?;
            if code < 64 {
                return (self.consumed <= self.len).then_some(sum);
            }
        }
    }

    /// Goes behind the next end of line; false where there is none.
    fn pass_end_of_line(&mut self) -> bool {
        while self.peek(11) != Some(0) {
            if self.at_end() || self.consume(1).is_err() {
                return false;
            }
        }
        while self.peek(1) == Some(0) {
            if self.at_end() {
                return false;
            }
            let _ = self.consume(1);
        }
        let _ = self.consume(1);
        !self.at_end()
    }
}

impl<I: Iterator<Item = Result<u8, Infallible>>> BitReader for Bits<I> {
    type Error = Infallible;

    fn peek(&self, bits: u8) -> Option<u16> {
        self.reader.peek(bits)
    }

    fn consume(&mut self, bits: u8) -> Result<(), Infallible> {
        self.consumed += usize::from(bits);
        self.reader.consume(bits)
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        self.reader.bits_to_byte_boundary()
    }
}

/// A row of runs, white first.
fn one_dimensional<I: Iterator<Item = Result<u8, Infallible>>>(
    bits: &mut Bits<I>,
    width: u32,
) -> Edges {
    let mut edges = Edges::default();
    let (mut at, mut is_black) = (0_u32, false);
    while at < width {
        let Some(run) = bits.run(is_black) else {
            // What is left of a broken row is white.
            if is_black {
                edges.at.push(at);
            }
            return edges;
        };
        at = at.saturating_add(run);
        edges.at.push(at);
        is_black = !is_black;
    }
    edges.whole = true;
    edges
}

/// A row told by its differences from `reference`; None at the end of the block.
fn two_dimensional<I: Iterator<Item = Result<u8, Infallible>>>(
    bits: &mut Bits<I>,
    width: u32,
    reference: &[u32],
) -> Option<Edges> {
    let mut edges = Edges::default();
    let (mut at, mut is_black, mut begun) = (0_u32, false, false);
    while at < width {
        let place = next_edge(reference, at, is_black, begun);
        let edge = |index: usize| reference.get(index).copied().unwrap_or(width).min(width);
        match mode::decode(bits) {
            Some(Mode::Pass) => at = edge(place + 1),
            Some(Mode::Vertical(delta)) => {
                let moved = i64::from(edge(place)) + i64::from(delta);
                let Some(to) = u32::try_from(moved)
                    .ok()
                    .filter(|&to| to >= at && to <= width)
                else {
                    return Some(edges.broken(at, is_black));
                };
                at = to;
                edges.at.push(at);
                is_black = !is_black;
            }
            Some(Mode::Horizontal) => {
                for _ in 0..2 {
                    let Some(run) = bits.run(is_black) else {
                        return Some(edges.broken(at, is_black));
                    };
                    at = at.saturating_add(run);
                    edges.at.push(at);
                    is_black = !is_black;
                }
            }
            Some(Mode::EOF) if !begun => return None,
            _ => return Some(edges.broken(at, is_black)),
        }
        begun = true;
        if bits.consumed > bits.len {
            return Some(edges.broken(at, is_black));
        }
    }
    edges.whole = true;
    Some(edges)
}

impl Edges {
    /// The row so far, white from `at` on.
    fn broken(mut self, at: u32, is_black: bool) -> Self {
        if is_black {
            self.at.push(at);
        }
        self
    }
}

/// The first edge of the reference row beyond `at` whose new colour is not the present one.
fn next_edge(reference: &[u32], at: u32, is_black: bool, begun: bool) -> usize {
    let beyond = reference.partition_point(|&edge| edge < at || (begun && edge == at));
    // Even edges begin black.
    if beyond % 2 == usize::from(is_black) {
        beyond
    } else {
        beyond + 1
    }
}

fn group4<'r>(stored: &[u8], width: u32, rows: &mut impl Iterator<Item = &'r mut [u8]>) -> bool {
    let mut bits = Bits::new(stored);
    let mut reference = Vec::new();
    for (count, row) in rows.enumerate() {
        let Some(edges) = two_dimensional(&mut bits, width, &reference) else {
            // A block that ends early is whole, the rows it lacks are white.
            return count > 0;
        };
        if !draw(&edges, width, row) {
            return false;
        }
        reference = edges.at;
    }
    true
}

fn group3<'r>(
    stored: &[u8],
    width: u32,
    tagged: bool,
    rows: &mut impl Iterator<Item = &'r mut [u8]>,
) -> bool {
    let has_ends_of_line = Bits::new(stored).pass_end_of_line();
    let mut bits = Bits::new(stored);
    let mut reference = Vec::new();
    for row in rows {
        if has_ends_of_line && !bits.pass_end_of_line() {
            return false;
        }
        let is_one_dimensional = !tagged || {
            let tag = bits.peek(1) == Some(1);
            let _ = bits.consume(1);
            tag
        };
        let edges = if is_one_dimensional {
            one_dimensional(&mut bits, width)
        } else {
            two_dimensional(&mut bits, width, &reference).unwrap_or_default()
        };
        // The next end of line is found again behind a broken row.
        if !draw(&edges, width, row) && !has_ends_of_line {
            return false;
        }
        reference = edges.at;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use fax::encoder::Encoder;
    use fax::{Color, VecWriter};

    const WIDTH: u32 = 37;

    fn rows() -> Vec<u8> {
        (0..20_u32 * 5)
            .map(|at| {
                if at % 5 == 4 {
                    0x58
                } else {
                    ((at * at * 37) >> 3) as u8
                }
            })
            .collect()
    }

    fn pixels(row: &[u8]) -> impl Iterator<Item = Color> + '_ {
        (0..WIDTH as usize).map(|x| {
            if row[x / 8] >> (7 - x % 8) & 1 == 1 {
                Color::Black
            } else {
                Color::White
            }
        })
    }

    #[test]
    fn group_4_gives_back_the_rows_of_an_encoder() {
        let mut encoder = Encoder::new(VecWriter::new());
        for row in rows().chunks(5) {
            encoder.encode_line(pixels(row), WIDTH as u16).unwrap();
        }
        let stored = encoder.finish().unwrap().finish();
        let mut out = vec![0; 100];
        assert!(Scheme::Group4.decode(&stored, WIDTH, &mut out));
        assert_eq!(out, rows());
        let mut longer = vec![0; 110];
        assert!(
            Scheme::Group4.decode(&stored, WIDTH, &mut longer),
            "an early end is whole"
        );
        assert_eq!(longer[100..], [0; 10]);
    }

    #[test]
    fn rows_of_runs_begin_at_bytes_words_or_ends_of_line() {
        // White 2, black 3, white 3 of width 8: 0111 10 1000.
        let scheme = Scheme::Huffman { align_bytes: 1 };
        let mut out = [0; 2];
        assert!(scheme.decode(&[0b0111_1010, 0, 0b0111_1010, 0], 8, &mut out));
        assert_eq!(out, [0b0011_1000; 2]);
        let words = Scheme::Huffman { align_bytes: 2 };
        let mut out = [0; 2];
        assert!(words.decode(&[0b0111_1010, 0, 0b0111_1010, 0], 8, &mut out));
        let group3 = Scheme::Group3 {
            two_dimensional: false,
        };
        let stored = [
            0b0000_0000,
            0b0001_0111,
            0b1010_0000,
            0,
            0,
            0b0001_0111,
            0b1010_0000,
        ];
        let mut out = [0; 2];
        assert!(group3.decode(&stored, 8, &mut out));
        assert_eq!(out, [0b0011_1000; 2]);
    }

    #[test]
    fn a_broken_row_ends_in_white() {
        let mut out = [0; 2];
        assert!(!Scheme::Group4.decode(&[0b0010_1111, 0x00], 8, &mut out));
        assert_eq!(out[1], 0);
    }
}
