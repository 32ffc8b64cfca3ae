//! CCITT streams code by code, with the rows that OpenCV 4.14 shows of them.

use super::*;
use fax::encoder::Encoder;
use fax::{Color, VecWriter};

/// Decodes one chunk alone.
fn decode(scheme: Scheme, stored: &[u8], width: u32, out: &mut [u8]) -> bool {
    Fax::new(scheme, width).decode(stored, out)
}

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
    assert!(decode(Scheme::Group4, &stored, WIDTH, &mut out));
    assert_eq!(out, rows());
    let mut longer = vec![0; 110];
    assert!(
        decode(Scheme::Group4, &stored, WIDTH, &mut longer),
        "an early end is whole"
    );
    assert_eq!(longer[100..], [0; 10]);
}

#[test]
fn rows_of_runs_begin_at_bytes_words_or_ends_of_line() {
    // White 2, black 3, white 3 of width 8: 0111 10 1000.
    let scheme = Scheme::Huffman { align_bytes: 1 };
    let mut out = [0; 2];
    assert!(decode(
        scheme,
        &[0b0111_1010, 0, 0b0111_1010, 0],
        8,
        &mut out
    ));
    assert_eq!(out, [0b0011_1000; 2]);
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
    assert!(decode(group3, &stored, 8, &mut out));
    assert_eq!(out, [0b0011_1000; 2]);
}

#[test]
fn a_broken_row_ends_in_white() {
    let mut out = [0; 2];
    assert!(!decode(Scheme::Group4, &[0b0010_1111, 0x00], 8, &mut out));
    assert_eq!(out[1], 0);
}

const END_OF_LINE: &str = "000000000001";
const WHITE_0: &str = "00110101";
const WHITE_2: &str = "0111";
const WHITE_3: &str = "1000";
const WHITE_8: &str = "10011";
const WHITE_59: &str = "01001010";
const WHITE_64: &str = "11011";
const WHITE_128: &str = "10010";
const BLACK_3: &str = "10";
const BLACK_8: &str = "000101";
const BLACK_64: &str = "0000001111";
const HORIZONTAL: &str = "001";

const G3: Scheme = Scheme::Group3 {
    two_dimensional: false,
};
const G3_TAGGED: Scheme = Scheme::Group3 {
    two_dimensional: true,
};

fn packed(codes: &[&str]) -> Vec<u8> {
    let bits = codes.concat();
    let byte = |bits: &[u8]| {
        let set = bits.iter().enumerate().filter(|(_, bit)| **bit == b'1');
        set.fold(0, |byte, (at, _)| byte | 0x80 >> at)
    };
    bits.as_bytes().chunks(8).map(byte).collect()
}

/// Holds the rows of a stream to the black pixels of each, from and to.
fn shows(scheme: Scheme, width: u32, codes: &[&str], rows: &[(u32, u32)]) {
    let row_bytes = width.div_ceil(8) as usize;
    let mut out = vec![0; rows.len() * row_bytes];
    decode(scheme, &packed(codes), width, &mut out);
    for (at, (row, black)) in out.chunks(row_bytes).zip(rows).enumerate() {
        let shown = (0..width).filter(|x| row[*x as usize / 8] >> (7 - x % 8) & 1 == 1);
        assert!(shown.eq(black.0..black.1), "row {at} of {codes:?}");
    }
}

/// White up to 2, black up to 5, white up to 64.
const MARKED: [&str; 4] = [END_OF_LINE, WHITE_2, BLACK_3, WHITE_59];

#[test]
fn a_make_up_code_without_its_end_counts_and_the_next_row_survives() {
    let marked = MARKED.concat();
    let white = [END_OF_LINE, WHITE_64, &marked];
    shows(G3, 64, &white, &[(0, 0), (2, 5)]);
    let black = [END_OF_LINE, WHITE_0, BLACK_64, &marked];
    shows(G3, 64, &black, &[(0, 64), (2, 5)]);
    let tagged = [
        END_OF_LINE,
        "1",
        WHITE_0,
        BLACK_64,
        END_OF_LINE,
        "1",
        WHITE_2,
        BLACK_3,
    ];
    shows(G3_TAGGED, 64, &tagged, &[(0, 64), (2, 5)]);
}

#[test]
fn several_make_up_codes_count_together() {
    let tail = [END_OF_LINE, WHITE_2, BLACK_3, WHITE_128, WHITE_59].concat();
    let white = [END_OF_LINE, WHITE_64, WHITE_128, &tail];
    shows(G3, 192, &white, &[(0, 0), (2, 5)]);
    let black = [END_OF_LINE, WHITE_64, WHITE_0, BLACK_64, BLACK_64, &tail];
    shows(G3, 192, &black, &[(64, 192), (2, 5)]);
}

#[test]
fn what_a_make_up_code_leaves_of_the_row_is_white() {
    let tail = [END_OF_LINE, WHITE_2, BLACK_3, WHITE_64, WHITE_59].concat();
    let short = [END_OF_LINE, WHITE_2, BLACK_64, END_OF_LINE, WHITE_64, &tail];
    shows(G3, 128, &short, &[(2, 66), (0, 0), (2, 5)]);
}

#[test]
fn rows_that_end_before_their_time_cost_no_other() {
    let eol = END_OF_LINE;
    let codes = [
        eol, WHITE_2, BLACK_3, eol, WHITE_2, eol, eol, WHITE_8, BLACK_8,
    ];
    shows(G3, 16, &codes, &[(2, 5), (0, 0), (0, 0), (8, 16)]);
}

#[test]
fn a_last_run_that_reaches_beyond_the_row_gives_way_to_white() {
    let beyond = [
        END_OF_LINE,
        WHITE_2,
        BLACK_3,
        WHITE_3,
        BLACK_64,
        "0000110111",
        &MARKED.concat(),
    ];
    shows(G3, 64, &beyond, &[(2, 5), (2, 5)]);
}

#[test]
fn behind_what_is_no_code_the_row_is_white() {
    let broken = [
        END_OF_LINE,
        WHITE_2,
        BLACK_3,
        "0000000011",
        END_OF_LINE,
        WHITE_2,
        BLACK_3,
    ];
    shows(G3, 16, &broken, &[(2, 5), (2, 5)]);
    let group4 = [
        HORIZONTAL,
        WHITE_2,
        BLACK_3,
        "1",
        HORIZONTAL,
        WHITE_2,
        "0000000011",
    ];
    shows(Scheme::Group4, 16, &group4, &[(2, 5), (0, 0), (0, 0)]);
}

#[test]
fn a_stream_whose_ends_of_line_run_out_is_read_again_as_one_without() {
    let white_11 = "01000";
    let codes = [
        END_OF_LINE,
        WHITE_2,
        BLACK_3,
        white_11,
        "000000000000000000000000",
    ];
    // The second row is the end of line, the third is the first again, read from its own start.
    shows(G3, 16, &codes, &[(2, 5), (0, 0)]);
    let mut fax = Fax::new(G3, 16);
    assert!(fax.decode(&packed(&codes), &mut [0; 4]));
    assert!(fax.without_ends_of_line);
    let mut out = [0; 2];
    assert!(fax.decode(&packed(&[WHITE_2, BLACK_3, white_11]), &mut out));
    assert_eq!(out, [0b0011_1000, 0], "the next chunk has none either");
}

#[test]
fn rows_of_runs_may_begin_at_words() {
    let words = Scheme::Huffman { align_bytes: 2 };
    let white = [WHITE_8, "00000000000"].concat();
    shows(
        words,
        8,
        &[&white, WHITE_2, BLACK_3, WHITE_3],
        &[(0, 0), (2, 5)],
    );
}

#[test]
fn make_up_codes_without_end_take_no_more_than_a_row() {
    let mut codes = vec![END_OF_LINE];
    codes.extend(std::iter::repeat_n("000000011111", 1 << 16));
    shows(G3, 64, &codes, &[(0, 0), (0, 0)]);
}
