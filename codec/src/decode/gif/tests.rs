//! GIF files built block by block, with the pixels OpenCV 4.14 gives for them.

use super::*;
use crate::decode::tests::{every_cut_and_flip_is_survived, outcome};

const TABLE: [u8; 12] = [9, 8, 7, 255, 0, 0, 0, 255, 0, 0, 0, 255];

/// A screen of 2x2 with a table of four colours and the given background, then `blocks`.
fn file(background: u8, blocks: &[&[u8]]) -> Vec<u8> {
    let mut file = b"GIF89a\x02\0\x02\0\x81".to_vec();
    file.extend([background, 0]);
    file.extend(TABLE);
    file.extend(blocks.concat());
    file.push(TRAILER);
    file
}

fn control(transparent: Option<u8>, disposal: u8) -> [u8; 8] {
    let flags = disposal << 2 | u8::from(transparent.is_some());
    [0x21, 0xF9, 4, flags, 0, 0, transparent.unwrap_or(0), 0]
}

/// An image whose indices are stored as codes of three bits, with a clear code before every two.
fn image([left, top, width, height]: [u8; 4], flags: u8, indices: &[u8]) -> Vec<u8> {
    let mut image = vec![IMAGE, left, 0, top, 0, width, 0, height, 0, flags, 2];
    let codes = indices.chunks(2).flat_map(|pair| [&[4], pair].concat());
    image.extend(blocks(codes.chain([5])));
    image
}

/// Three-bit codes in one sub-block, and its terminator.
fn blocks(codes: impl Iterator<Item = u8>) -> Vec<u8> {
    let (mut packed, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for code in codes {
        bits |= u32::from(code) << count;
        count += 3;
        while count >= 8 {
            packed.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        packed.push(bits as u8);
    }
    [&[packed.len() as u8], packed.as_slice(), &[0]].concat()
}

fn whole() -> Vec<u8> {
    image([0, 0, 2, 2], 0, &[0, 1, 2, 3])
}

#[test]
fn a_plain_frame_gives_its_colours() {
    let (samples, channels) = outcome(&file(0, &[&whole()])).unwrap();
    assert_eq!(channels, 3);
    assert_eq!(samples, TABLE);
}

#[test]
fn a_small_opaque_frame_leaves_the_background() {
    let small = image([1, 1, 1, 1], 0, &[3]);
    let (samples, _) = outcome(&file(1, &[&small])).unwrap();
    assert_eq!(samples, [255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 255]);
}

#[test]
fn the_last_control_decides_on_alpha_and_the_first_on_what_is_transparent() {
    let small = image([1, 1, 1, 1], 0, &[3]);
    let opaque_then_clear = file(1, &[&small, &control(Some(0), 0), &whole()]);
    let (samples, channels) = outcome(&opaque_then_clear).unwrap();
    assert_eq!(channels, 4);
    assert_eq!(samples[8..], [255, 0, 0, 0, 0, 0, 255, 255]);

    let clear_then_opaque = file(
        1,
        &[&control(Some(0), 0), &whole(), &control(None, 0), &small],
    );
    let (samples, channels) = outcome(&clear_then_opaque).unwrap();
    assert_eq!((channels, &samples[..3]), (3, &[255, 0, 0][..]));
}

#[test]
fn interlaced_rows_come_in_four_passes() {
    assert_eq!(
        frame_rows(9, true).collect::<Vec<_>>(),
        [0, 8, 4, 2, 6, 1, 3, 5, 7]
    );
    let (samples, _) = outcome(&file(0, &[&image([0, 0, 2, 2], 0x40, &[0, 1, 2, 3])])).unwrap();
    assert_eq!(samples, TABLE);
}

#[test]
fn without_any_table_an_index_is_a_grey_level_and_one_is_white() {
    let mut file = b"GIF89a\x02\0\x02\0\0\0\0".to_vec();
    file.extend(whole());
    file.push(TRAILER);
    let (samples, _) = outcome(&file).unwrap();
    assert_eq!(samples, [0, 0, 0, 255, 255, 255, 2, 2, 2, 3, 3, 3]);
}

#[test]
fn what_opencv_refuses_is_refused() {
    let mut broken_block = whole();
    broken_block.extend([0x55, 0]);
    let refused = [
        file(4, &[&whole()]),
        file(0, &[&control(None, 4), &whole()]),
        file(0, &[&image([1, 0, 2, 2], 0, &[0, 1, 2, 3])]),
        file(0, &[&image([0, 0, 0, 2], 0, &[])]),
        file(0, &[&image([0, 0, 2, 2], 0, &[0, 1, 2])]),
        file(0, &[&image([0, 0, 2, 2], 0, &[0, 1, 2, 3, 0, 1])]),
        file(0, &[&broken_block]),
        file(0, &[]),
    ];
    for file in refused {
        assert_eq!(outcome(&file), Err(CodecError::Decode));
    }
    let mut no_trailer = file(0, &[&whole()]);
    no_trailer.pop();
    assert_eq!(outcome(&no_trailer), Err(CodecError::Decode));
}

#[test]
fn a_string_that_names_itself_is_its_prefix_and_its_first_index_again() {
    // clear, 1, 6 = "11", 1, end: the second code is the one that is being learned.
    let mut image = vec![IMAGE, 0, 0, 0, 0, 2, 0, 2, 0, 0, 2];
    image.extend([2, 0b1000_1100, 0b0101_0011, 0]);
    let (samples, _) = outcome(&file(0, &[&image])).unwrap();
    assert_eq!(samples, [255, 0, 0].repeat(4));
}

#[test]
fn the_table_survives_being_full() {
    let indices: Vec<u8> = (0..200_u32 * 200)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let mut file = Vec::new();
    let palette: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
    let mut encoder = ::gif::Encoder::new(&mut file, 200, 200, &palette).unwrap();
    encoder
        .write_frame(&::gif::Frame::from_indexed_pixels(
            200, 200, &*indices, None,
        ))
        .unwrap();
    drop(encoder);
    let (samples, _) = outcome(&file).unwrap();
    assert!(samples.iter().step_by(3).eq(indices.iter()));
}

#[test]
fn every_cut_and_flip_of_a_file_is_survived() {
    every_cut_and_flip_is_survived(&file(2, &[&control(Some(1), 2), &whole(), &whole()]));
}
