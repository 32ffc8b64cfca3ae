//! Bitmaps built field by field, with the pixels OpenCV 4.14 gives for them.

use super::*;
use crate::decode::tests::{every_cut_and_flip_is_survived, outcome};

struct Bmp<'a> {
    width: i32,
    height: i32,
    depth: u16,
    compression: u32,
    /// What the header holds beyond its first 40 bytes.
    more: &'a [u8],
    palette: &'a [[u8; 4]],
    pixels: &'a [u8],
}

const PLAIN: Bmp<'static> = Bmp {
    width: 2,
    height: 2,
    depth: 24,
    compression: 0,
    more: &[],
    palette: &[],
    pixels: &[],
};

const COLOURS: [[u8; 4]; 2] = [[1, 2, 3, 0], [40, 50, 60, 0]];

impl Bmp<'_> {
    fn file(&self) -> Vec<u8> {
        let header_bytes = 40 + self.more.len();
        let start = FILE_HEADER_BYTES + header_bytes + self.palette.len() * 4;
        let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
        file.extend((start as u32).to_le_bytes());
        file.extend((header_bytes as u32).to_le_bytes());
        file.extend(self.width.to_le_bytes());
        file.extend(self.height.to_le_bytes());
        file.extend(1_u16.to_le_bytes());
        file.extend(self.depth.to_le_bytes());
        file.extend(self.compression.to_le_bytes());
        file.extend([0; 12]);
        file.extend((self.palette.len() as u32).to_le_bytes());
        file.extend([0; 4]);
        file.extend(self.more);
        file.extend(self.palette.as_flattened());
        file.extend(self.pixels);
        file
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn rows_run_from_the_bottom_unless_the_height_is_negative() {
    let pixels = [1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0];
    let up = Bmp {
        pixels: &pixels,
        ..PLAIN
    };
    let down = Bmp { height: -2, ..up };
    let upper = [3, 2, 1, 6, 5, 4];
    let lower = [9, 8, 7, 12, 11, 10];
    assert_eq!(outcome(&up.file()).unwrap().0, [lower, upper].concat());
    assert_eq!(outcome(&down.file()).unwrap().0, [upper, lower].concat());
}

#[test]
fn a_palette_of_greys_gives_grey_and_what_it_lacks_is_black() {
    let file = Bmp {
        depth: 8,
        palette: &[[7; 4], [200; 4]],
        pixels: &[1, 0, 0, 0, 0, 9, 0, 0],
        ..PLAIN
    }
    .file();
    assert_eq!(outcome(&file).unwrap(), (vec![7, 0, 200, 7], 1));
}

#[test]
fn one_bit_indices_begin_at_the_high_bit() {
    let file = Bmp {
        width: 9,
        height: 1,
        depth: 1,
        palette: &COLOURS,
        pixels: &[0b1000_0001, 0x80, 0, 0],
        ..PLAIN
    }
    .file();
    let (samples, channels) = outcome(&file).unwrap();
    assert_eq!(channels, 3);
    let reds: Vec<u8> = samples.iter().copied().step_by(3).collect();
    assert_eq!(reds, [60, 3, 3, 3, 3, 3, 3, 60, 60]);
}

#[test]
fn thirty_two_bits_have_alpha_only_with_bit_fields() {
    let pixels = words(&[0x8040_2010, 0, 0, 0]);
    let plain = Bmp {
        depth: 32,
        pixels: &pixels,
        ..PLAIN
    };
    assert_eq!(outcome(&plain.file()).unwrap().1, 3);
    let unmasked = Bmp {
        compression: 3,
        ..plain
    };
    let (samples, channels) = outcome(&unmasked.file()).unwrap();
    assert_eq!(
        (channels, &samples[8..12]),
        (4, &[0x40, 0x20, 0x10, 0x80][..])
    );
    let masks = words(&[0xF, 0xF0, 0x3F00, 0]);
    let masked = Bmp {
        more: &masks,
        ..unmasked
    };
    let (samples, channels) = outcome(&masked.file()).unwrap();
    // 0 of 15, 1 of 15, 32 of 63, and no mask for alpha.
    assert_eq!((channels, &samples[8..12]), (4, &[0, 17, 129, 255][..]));
}

#[test]
fn sixteen_bits_are_shifted_up() {
    let masks = words(&[0xF800, 0x7E0, 0x1F]);
    let pixels = [&masks[..], &[0xFF, 0xFF, 0x1F, 0xF8]].concat();
    let mut file = Bmp {
        height: 1,
        depth: 16,
        compression: 3,
        pixels: &pixels,
        ..PLAIN
    }
    .file();
    file[10] += 12;
    assert_eq!(outcome(&file).unwrap().0, [248, 252, 248, 248, 0, 248]);
    let masks = words(&[0xF00, 0xF0, 0xF]);
    file[54..66].copy_from_slice(&masks);
    assert_eq!(outcome(&file), Err(CodecError::Decode));
}

#[test]
fn an_os2_bitmap_is_read_as_grey() {
    let mut file = b"BM\0\0\0\0\0\0\0\0\x20\0\0\0\x0C\0\0\0\x02\0\x01\0\x01\0\x01\0".to_vec();
    file.extend([0, 0, 255, 0, 255, 0]);
    file.extend([0b0100_0000, 0, 0, 0]);
    assert_eq!(outcome(&file).unwrap(), (vec![76, 150], 1));
}

#[test]
fn a_run_length_stream_fills_what_it_skips_with_the_first_colour() {
    let eight = Bmp {
        width: 4,
        height: -3,
        depth: 8,
        compression: 1,
        palette: &[[5; 4], [6; 4], [7; 4]],
        pixels: &[0, 3, 1, 2, 1, 0, 0, 0, 1, 2, 0, 2, 1, 1, 1, 1, 0, 1],
        ..PLAIN
    };
    let (samples, channels) = outcome(&eight.file()).unwrap();
    assert_eq!(channels, 1);
    assert_eq!(samples, [6, 7, 6, 5, 7, 5, 5, 5, 5, 5, 6, 5]);

    let four = Bmp {
        depth: 4,
        compression: 2,
        pixels: &[3, 0x12, 0, 0, 0, 4, 0x12, 0x10, 0, 0, 1, 0x20, 0, 1],
        ..eight
    };
    let (samples, _) = outcome(&four.file()).unwrap();
    assert_eq!(samples, [6, 7, 6, 5, 6, 7, 6, 5, 7, 5, 5, 5]);
}

#[test]
fn a_run_length_stream_that_ends_early_or_leaves_its_row_is_refused() {
    let streams: [&[u8]; 4] = [&[4, 1], &[5, 1, 0, 1], &[0, 5, 1, 1, 1, 1, 1, 0], &[]];
    for pixels in streams {
        let file = Bmp {
            width: 4,
            depth: 8,
            compression: 1,
            palette: &COLOURS,
            pixels,
            ..PLAIN
        }
        .file();
        assert_eq!(outcome(&file), Err(CodecError::Decode));
    }
}

#[test]
fn a_file_without_its_last_byte_is_refused() {
    let mut file = Bmp {
        pixels: &[0; 16],
        ..PLAIN
    }
    .file();
    assert!(outcome(&file).is_ok());
    file.pop();
    assert_eq!(outcome(&file), Err(CodecError::Decode));
}

#[test]
fn every_cut_and_flip_of_a_file_is_survived() {
    let masks = words(&[0xF, 0xF0, 0x3F00, 0x8000_0000]);
    let files = [
        Bmp {
            depth: 32,
            compression: 3,
            more: &masks,
            pixels: &[9; 16],
            ..PLAIN
        },
        Bmp {
            depth: 4,
            palette: &COLOURS,
            pixels: &[9; 8],
            ..PLAIN
        },
        Bmp {
            width: 4,
            depth: 8,
            compression: 1,
            palette: &COLOURS,
            pixels: &[1, 1, 0, 0, 0, 3, 1, 2, 1, 0, 0, 1],
            ..PLAIN
        },
    ];
    for file in files {
        every_cut_and_flip_is_survived(&file.file());
    }
}
