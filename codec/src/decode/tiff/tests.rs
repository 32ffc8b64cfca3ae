//! TIFF files built tag by tag, with the pixels OpenCV 4.14 gives for them.

use super::*;
use crate::decode::tests::{every_cut_and_flip_is_survived, outcome};

/// A file of one directory: pixel data at byte 8, then values, then the directory.
struct Tiff {
    big_endian: bool,
    /// Tag, type and values; a later entry of a tag replaces an earlier one.
    tags: Vec<(u16, u16, Vec<u32>)>,
    chunks: Vec<Vec<u8>>,
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

impl Tiff {
    /// `samples` of `bits` for each of `width` x `height` pixels in one strip.
    fn new(size: [u32; 2], bits: u32, photometric: u32, samples: usize, data: &[u8]) -> Self {
        let mut tiff = Self {
            big_endian: false,
            tags: Vec::new(),
            chunks: vec![data.to_vec()],
        };
        tiff.set(256, &[size[0]]);
        tiff.set(257, &[size[1]]);
        tiff.set(258, &vec![bits; samples]);
        tiff.set(259, &[1]);
        tiff.set(262, &[photometric]);
        tiff.set(277, &[samples as u32]);
        tiff.set(278, &[size[1]]);
        tiff
    }

    fn set(&mut self, tag: u16, values: &[u32]) {
        self.tags.retain(|(known, ..)| *known != tag);
        let kind = if tag == 273 || tag == 279 {
            LONG
        } else {
            SHORT
        };
        self.tags.push((tag, kind, values.to_vec()));
    }

    fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.set(tag, values);
        self
    }

    fn without(mut self, tag: u16) -> Self {
        self.tags.retain(|(known, ..)| *known != tag);
        self
    }

    fn chunks(mut self, chunks: &[&[u8]]) -> Self {
        self.chunks = chunks.iter().map(|chunk| chunk.to_vec()).collect();
        self
    }

    fn bytes<const N: usize>(&self, mut little_endian: [u8; N]) -> [u8; N] {
        if self.big_endian {
            little_endian.reverse();
        }
        little_endian
    }

    fn file(mut self) -> Vec<u8> {
        let mut places = Vec::new();
        let mut body = if self.big_endian {
            *b"MM\0*\0\0\0\0"
        } else {
            *b"II*\0\0\0\0\0"
        }
        .to_vec();
        for chunk in &self.chunks {
            places.push(body.len() as u32);
            body.extend(chunk);
        }
        let tiled = self.tags.iter().any(|(tag, ..)| *tag == 322);
        let (offsets, counts) = if tiled { (324, 325) } else { (273, 279) };
        for (tag, values) in [
            (offsets, places),
            (
                counts,
                self.chunks.iter().map(|chunk| chunk.len() as u32).collect(),
            ),
        ] {
            if self.tags.iter().all(|(known, ..)| *known != tag) {
                self.tags.push((tag, LONG, values));
            }
        }
        self.tags.sort();
        let mut directory = self.bytes((self.tags.len() as u16).to_le_bytes()).to_vec();
        for (tag, kind, values) in &self.tags {
            let mut data: Vec<u8> = Vec::new();
            for value in values {
                match *kind {
                    SHORT => data.extend(self.bytes((*value as u16).to_le_bytes())),
                    _ => data.extend(self.bytes(value.to_le_bytes())),
                }
            }
            if data.len() > 4 {
                let place = body.len() as u32;
                body.extend(&data);
                data = self.bytes(place.to_le_bytes()).to_vec();
            }
            data.resize(4, 0);
            directory.extend(self.bytes(tag.to_le_bytes()));
            directory.extend(self.bytes(kind.to_le_bytes()));
            directory.extend(self.bytes((values.len() as u32).to_le_bytes()));
            directory.extend(data);
        }
        directory.extend([0; 4]);
        let place = self.bytes((body.len() as u32).to_le_bytes());
        body[4..8].copy_from_slice(&place);
        body.extend(directory);
        body
    }

    fn outcome(self) -> Result<(Vec<u8>, usize), CodecError> {
        outcome(&self.file())
    }
}

fn grey(width: u32, height: u32, data: &[u8]) -> Tiff {
    Tiff::new([width, height], 8, 1, 1, data)
}

#[test]
fn white_may_be_zero_and_bits_may_be_single() {
    assert_eq!(grey(2, 1, &[5, 200]).outcome(), Ok((vec![5, 200], 1)));
    let inverted = grey(2, 1, &[5, 200]).with(262, &[0]);
    assert_eq!(inverted.outcome(), Ok((vec![250, 55], 1)));
    let bilevel = Tiff::new([9, 1], 1, 0, 1, &[0b0111_1111, 0x80]);
    assert_eq!(bilevel.outcome().unwrap().0, [255, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn two_bits_and_four_grey_bits_are_refused() {
    for bits in [2, 4] {
        let file = Tiff::new([4, 1], bits, 1, 1, &[0x1B, 0x27]);
        assert_eq!(file.outcome(), Err(CodecError::Decode));
    }
}

#[test]
fn a_palette_gives_rgb_of_its_high_bytes_or_of_its_bytes() {
    let mut map = [0; 48];
    (map[1], map[17], map[33]) = (0x1234, 0xABCD, 0xFF00);
    let file = |map: &[u32]| Tiff::new([2, 1], 4, 3, 1, &[0x10]).with(320, map);
    assert_eq!(
        file(&map).outcome(),
        Ok((vec![0x12, 0xAB, 0xFF, 0, 0, 0], 3))
    );
    let bytes = map.map(|value| value >> 8);
    assert_eq!(file(&bytes).outcome(), file(&map).outcome());
    assert_eq!(file(&map[..47]).outcome(), Err(CodecError::Decode));
}

#[test]
fn a_palette_without_a_map_is_grey() {
    let file = grey(2, 1, &[5, 200]).with(262, &[3]);
    assert_eq!(file.outcome(), Ok((vec![5, 200], 1)));
}

#[test]
fn unassociated_alpha_is_multiplied_in_and_associated_is_not() {
    let rgba = |extra: &[u32]| Tiff::new([1, 1], 8, 2, 4, &[200, 100, 50, 128]).with(338, extra);
    assert_eq!(rgba(&[2]).outcome().unwrap().0, [100, 50, 25, 128]);
    assert_eq!(rgba(&[1]).outcome().unwrap().0, [200, 100, 50, 128]);
    assert_eq!(rgba(&[0]).outcome().unwrap().0, [200, 100, 50, 128]);
    assert_eq!(rgba(&[]).outcome().unwrap().1, 4);
    assert_eq!(rgba(&[3]).outcome(), Err(CodecError::Decode));
}

#[test]
fn grey_with_alpha_is_grey_alone() {
    let file = Tiff::new([2, 1], 8, 1, 2, &[9, 128, 77, 0]).with(338, &[2]);
    assert_eq!(file.outcome(), Ok((vec![9, 77], 1)));
}

#[test]
fn ink_becomes_light() {
    let file = Tiff::new([2, 1], 8, 5, 4, &[0, 128, 255, 0, 0, 0, 0, 204]);
    let light = vec![255, 127, 0, 255, 51, 51, 51, 255];
    assert_eq!(file.outcome(), Ok((light, 4)));
    let spot = Tiff::new([2, 1], 8, 5, 4, &[0; 8]).with(332, &[2]);
    assert_eq!(spot.outcome(), Err(CodecError::Decode));
}

#[test]
fn words_give_their_high_byte_in_either_byte_order() {
    let mut file = Tiff::new([2, 1], 16, 1, 1, &[0x12, 0x34, 0xFE, 0x01]);
    file.big_endian = true;
    assert_eq!(file.outcome(), Ok((vec![0x12, 0xFE], 1)));
    let packed = Tiff::new([2, 1], 12, 1, 1, &[0xAB, 0xCD, 0xEF]);
    assert_eq!(packed.outcome(), Ok((vec![0xAB, 0xDE], 1)));
}

#[test]
fn floats_are_rounded_and_cut_off() {
    let data: Vec<u8> = [254.6_f32, -3.0, 1e9, 0.5]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let file = Tiff::new([4, 1], 32, 1, 1, &data).with(339, &[3]);
    assert_eq!(file.outcome(), Ok((vec![255, 0, 255, 0], 1)));
    let unsigned = Tiff::new([4, 1], 32, 1, 1, &data);
    assert_eq!(unsigned.outcome(), Err(CodecError::Decode));
}

#[test]
fn orientation_is_applied_and_the_header_knows_it() {
    let turned = |orientation| {
        let file = grey(2, 2, &[1, 2, 3, 4]).with(274, &[orientation]);
        file.outcome().unwrap().0
    };
    let upright = [
        [1, 2, 3, 4],
        [2, 1, 4, 3],
        [4, 3, 2, 1],
        [3, 4, 1, 2],
        [1, 3, 2, 4],
        [3, 1, 4, 2],
        [4, 2, 3, 1],
        [2, 4, 1, 3],
    ];
    for (orientation, upright) in (1..).zip(upright) {
        assert_eq!(turned(orientation), upright, "orientation {orientation}");
    }
    let tall = grey(3, 1, &[1, 2, 3]).with(274, &[6]).file();
    assert_eq!(size(&tall), Some(Size::new(1, 3)));
}

#[test]
fn strips_tiles_and_planes_are_put_together() {
    let strips = grey(2, 3, &[])
        .with(278, &[2])
        .chunks(&[&[1, 2, 3, 4], &[5, 6]]);
    assert_eq!(strips.outcome().unwrap().0, [1, 2, 3, 4, 5, 6]);
    let tile: Vec<u8> = (0..1024_u32).map(|at| (at * 7) as u8).collect();
    let tiles = grey(33, 1, &[])
        .with(322, &[32])
        .with(323, &[32])
        .chunks(&[&tile, &tile]);
    let (samples, _) = tiles.outcome().unwrap();
    assert_eq!((&samples[..32], samples[32]), (&tile[..32], tile[0]));
    let planes = Tiff::new([2, 1], 8, 2, 3, &[]).with(284, &[2]);
    let planes = planes.chunks(&[&[1, 2], &[3, 4], &[5, 6]]);
    assert_eq!(planes.outcome().unwrap().0, [1, 3, 5, 2, 4, 6]);
}

#[test]
fn a_plain_tile_of_no_whole_kibibyte_is_refused() {
    let tile = |compression| {
        let file = grey(16, 16, &[]).with(322, &[16]).with(323, &[16]);
        file.with(259, &[compression])
    };
    assert_eq!(
        tile(1).chunks(&[&[7; 256]]).outcome(),
        Err(CodecError::Decode)
    );
    let packed = tile(32773).chunks(&[&[129, 7, 129, 7]]);
    assert_eq!(packed.outcome(), Ok((vec![7; 256], 1)));
}

#[test]
fn a_broken_strip_is_drawn_as_far_as_it_goes_and_a_missing_one_is_refused() {
    let packed = |data: &[u8]| grey(4, 1, data).with(259, &[32773]);
    assert_eq!(packed(&[253, 9]).outcome().unwrap().0, [9; 4]);
    assert_eq!(packed(&[255, 9, 7, 1]).outcome().unwrap().0, [9, 9, 0, 0]);
    let beyond = packed(&[253, 9]).with(279, &[9999]);
    assert_eq!(beyond.outcome(), Err(CodecError::Decode));
    let nothing = packed(&[253, 9]).with(279, &[1]).with(273, &[9999]);
    assert_eq!(nothing.outcome(), Err(CodecError::Decode));
    let deep = Tiff::new([4, 1], 16, 1, 1, &[255, 9, 7, 1]).with(259, &[32773]);
    assert_eq!(deep.outcome(), Err(CodecError::Decode));
}

#[test]
fn byte_counts_that_are_missing_or_wrong_are_estimated() {
    let estimated = [
        grey(2, 2, &[1, 2, 3, 4]).with(279, &[0]),
        grey(2, 2, &[1, 2, 3, 4]).with(279, &[3]),
        grey(2, 2, &[1, 2, 3, 4]).with(279, &[9999]),
    ];
    for file in estimated {
        assert_eq!(file.outcome(), Ok((vec![1, 2, 3, 4], 1)));
    }
}

#[test]
fn what_libtiff_calls_a_broken_directory_is_refused() {
    let broken = [
        grey(1, 1, &[1]).without(256),
        grey(1, 1, &[1]).without(262),
        grey(1, 1, &[1]).with(277, &[0]),
        grey(1, 1, &[1]).with(278, &[0]),
        grey(1, 1, &[1]).with(284, &[3]),
        grey(1, 1, &[1]).with(339, &[7]),
        grey(1, 1, &[1]).with(322, &[16]),
        Tiff::new([1, 1], 8, 2, 3, &[1, 2, 3]).with(258, &[8, 8, 4]),
        grey(1, 1, &[1]).with(259, &[6]),
        grey(1, 1, &[1]).with(259, &[34925]),
    ];
    for file in broken {
        assert_eq!(file.outcome(), Err(CodecError::Decode));
    }
}

#[test]
fn missing_depth_means_one_bit_and_orientation_may_be_nonsense() {
    let file = Tiff::new([8, 1], 8, 1, 1, &[0xA0])
        .without(258)
        .with(274, &[99]);
    assert_eq!(file.outcome().unwrap().0, [255, 0, 255, 0, 0, 0, 0, 0]);
}

#[test]
fn chunks_that_share_their_bytes_cannot_ask_for_endless_work() {
    let strips = 20_000;
    let nothing = vec![128; 40_000];
    let file = grey(1, strips, &nothing)
        .with(278, &[1])
        .with(259, &[32773])
        .with(273, &vec![8; strips as usize])
        .with(279, &vec![40_000; strips as usize]);
    assert_eq!(file.outcome(), Err(CodecError::TooComplex));
}

#[test]
fn a_tile_beyond_the_limit_is_refused_before_it_is_allocated() {
    let file = grey(1, 1, &[])
        .with(322, &[16384])
        .with(323, &[16383])
        .with(259, &[8]);
    assert_eq!(
        file.chunks(&[&[0; 64]]).outcome(),
        Err(CodecError::DimensionsTooLarge)
    );
}

#[test]
fn a_strip_of_wide_samples_beyond_the_limit_is_refused() {
    let file = Tiff::new([1000, 1000], 64, 1, 1, &[0; 64])
        .with(339, &[3])
        .with(259, &[8]);
    assert_eq!(file.outcome(), Err(CodecError::DimensionsTooLarge));
}

#[test]
fn subsampled_blocks_share_their_colour() {
    let file = Tiff::new([2, 2], 8, 6, 3, &[0, 80, 160, 255, 128, 128]).with(530, &[2, 2]);
    let (samples, channels) = file.outcome().unwrap();
    assert_eq!(channels, 3);
    assert_eq!(samples, [[0; 3], [80; 3], [160; 3], [255; 3]].concat());
    let unknown = Tiff::new([2, 2], 8, 6, 3, &[0; 20]).with(530, &[3, 1]);
    assert_eq!(unknown.outcome(), Err(CodecError::Decode));
}

#[test]
fn a_jpeg_strip_is_read_with_its_tags_colours() {
    let stream = turbojpeg_grey();
    let file = grey(16, 8, &stream).with(259, &[7]);
    let (samples, channels) = file.outcome().unwrap();
    assert_eq!((samples.len(), channels), (128, 1));
    assert!(samples.iter().all(|level| level.abs_diff(200) <= 1));
    let wider = grey(15, 8, &stream).with(259, &[7]);
    assert_eq!(wider.outcome(), Err(CodecError::Decode));
    let higher = grey(16, 4, &stream).with(259, &[7]);
    assert_eq!(higher.outcome().unwrap().0.len(), 64);
}

/// A grey JPEG of 16 x 8.
fn turbojpeg_grey() -> Vec<u8> {
    let shape = Shape::new(Size::new(16, 8), 1);
    crate::turbo::Compressor::new(90)
        .encode(&[200; 128], shape)
        .unwrap()
}

#[test]
fn the_file_of_another_encoder_comes_back() {
    let pixels: Vec<u8> = (0..90 * 60 * 3_u32)
        .map(|at| ((at * at) >> 7) as u8)
        .collect();
    for compression in [
        ::tiff::encoder::Compression::Lzw,
        ::tiff::encoder::Compression::Deflate(::tiff::encoder::DeflateLevel::Fast),
    ] {
        let mut file = std::io::Cursor::new(Vec::new());
        ::tiff::encoder::TiffEncoder::new(&mut file)
            .unwrap()
            .with_compression(compression)
            .with_predictor(::tiff::tags::Predictor::Horizontal)
            .write_image::<::tiff::encoder::colortype::RGB8>(90, 60, &pixels)
            .unwrap();
        assert_eq!(outcome(&file.into_inner()), Ok((pixels.clone(), 3)));
    }
}

#[test]
fn every_cut_and_flip_of_a_file_is_survived() {
    let map: Vec<u32> = (0..48).map(|at| at * 999).collect();
    let mut big = Tiff::new([5, 3], 16, 2, 4, &[7; 120])
        .with(338, &[2])
        .with(274, &[6]);
    big.big_endian = true;
    let files = [
        big,
        Tiff::new([5, 3], 4, 3, 1, &[])
            .with(320, &map)
            .with(278, &[2])
            .chunks(&[&[0x5A; 6], &[0x5A; 3]]),
        Tiff::new([5, 3], 8, 6, 3, &[99; 36]).with(530, &[2, 2]),
        grey(8, 2, &[0b0111_1010, 0, 0b0111_1010, 0])
            .with(258, &[1])
            .with(259, &[2]),
        grey(5, 3, &lzw_of_zeros()).with(259, &[5]).with(317, &[2]),
        grey(33, 3, &[])
            .with(322, &[32])
            .with(323, &[32])
            .chunks(&[&[5; 1024], &[6; 1024]]),
        grey(16, 8, &turbojpeg_grey()).with(259, &[7]),
    ];
    for file in files {
        every_cut_and_flip_is_survived(&file.file());
    }
}

/// Clear, 0, then strings of zeros of growing length: 15 zeros.
fn lzw_of_zeros() -> Vec<u8> {
    let codes = [256_u32, 0, 258, 259, 260, 261, 257];
    let bits: Vec<u32> = codes
        .iter()
        .flat_map(|code| (0..9).rev().map(move |bit| code >> bit & 1))
        .collect();
    let byte = |bits: &[u32]| {
        bits.iter()
            .enumerate()
            .map(|(at, bit)| bit << (7 - at))
            .sum::<u32>() as u8
    };
    bits.chunks(8).map(byte).collect()
}
