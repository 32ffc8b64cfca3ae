//! What passes and what is refused, and all colour types against crate `png`.

use std::io::{Cursor, Write};

use super::*;

/// IHDR's colour types with the depths they come in.
const KINDS: [(u8, &[u8]); 5] = [
    (0, &[1, 2, 4, 8, 16]),
    (2, &[8, 16]),
    (3, &[1, 2, 4, 8]),
    (4, &[8, 16]),
    (6, &[8, 16]),
];

const WIDTH: u32 = 21;
const HEIGHT: u32 = 11;

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut bytes = (data.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(&libdeflater::crc32(&bytes[4..]).to_be_bytes());
    bytes
}

/// The chunk with another checksum.
fn spoilt(mut chunk: Vec<u8>) -> Vec<u8> {
    let last = chunk.len() - 1;
    chunk[last] ^= 0x40;
    chunk
}

fn ihdr(width: u32, height: u32, color: u8, depth: u8, interlace: u8) -> Vec<u8> {
    let mut data = [width.to_be_bytes(), height.to_be_bytes()].concat();
    data.extend_from_slice(&[depth, color, 0, 0, interlace]);
    chunk(b"IHDR", &data)
}

fn plte(entries: u16) -> Vec<u8> {
    let rgb = |entry: u16| [entry * 7, entry * 13, 255 - entry].map(|sample| sample as u8);
    chunk(b"PLTE", &(0..entries).flat_map(rgb).collect::<Vec<u8>>())
}

fn iend() -> Vec<u8> {
    chunk(b"IEND", &[])
}

/// A signature and chunks.
fn png_of(chunks: &[Vec<u8>]) -> Vec<u8> {
    [b"\x89PNG\r\n\x1A\n".to_vec(), chunks.concat()].concat()
}

fn zlib(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// Rows that begin with each filter in turn; what they mean does not matter.
fn filtered(width: u32, height: u32, color: u8, depth: u8, interlaced: bool) -> Vec<u8> {
    let mut data = [width.to_be_bytes(), height.to_be_bytes()].concat();
    data.extend_from_slice(&[depth, color, 0, 0, u8::from(interlaced)]);
    let header = header::Header::read(data.as_slice().try_into().unwrap()).unwrap();
    let mut rows = Vec::new();
    for (number, bytes) in Passes::new(&header).rows().enumerate() {
        rows.push([0, 1, 2, 3, 4, 4][number % 6]);
        rows.extend((1..bytes).map(|at| (at * at / 3 + number * 5) as u8));
    }
    rows
}

/// An RGB picture's stream.
fn rgb_stream() -> Vec<u8> {
    zlib(&filtered(WIDTH, HEIGHT, 2, 8, false))
}

/// An RGB picture with `data` for its data chunks.
fn rgb_with(data: &[Vec<u8>]) -> Vec<u8> {
    png_of(&[ihdr(WIDTH, HEIGHT, 2, 8, 0), data.concat(), iend()])
}

fn rgb() -> Vec<u8> {
    rgb_with(&[chunk(b"IDAT", &rgb_stream())])
}

fn decode(body: &[u8]) -> Result<(Vec<u8>, Shape), CodecError> {
    let size = walk::read(body)?.canvas.size;
    let mut out = Buffer::default();
    let shape = PngDecoder::default().decode(body, size, &mut out)?;
    Ok((out.filled(shape.bytes()).to_vec(), shape))
}

fn passes(body: &[u8]) -> bool {
    decode(body).is_ok()
}

/// What crate `png` makes of a file, brought to this decoder's channels.
fn oracle(body: &[u8]) -> Vec<u8> {
    let mut decoder = png::Decoder::new(Cursor::new(body));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().unwrap();
    let stored_grey = reader.info().color_type == png::ColorType::Grayscale;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    match info.color_type {
        png::ColorType::GrayscaleAlpha if stored_grey => {
            pixels.chunks(2).map(|pixel| pixel[0]).collect()
        }
        png::ColorType::GrayscaleAlpha => {
            let widen = |pixel: &[u8]| [pixel[0], pixel[0], pixel[0], pixel[1]];
            pixels.chunks(2).flat_map(widen).collect()
        }
        _ => pixels,
    }
}

#[test]
fn every_colour_depth_and_interlacing_is_what_another_decoder_reads() {
    for (color, depths) in KINDS {
        for &depth in depths {
            for interlace in [0, 1] {
                for (width, height) in [(WIDTH, HEIGHT), (1, 1), (2, 3), (5, 1), (1, 9)] {
                    let rows = filtered(width, height, color, depth, interlace == 1);
                    let mut chunks = vec![ihdr(width, height, color, depth, interlace)];
                    if color == 3 {
                        chunks.push(plte(1 << depth));
                        chunks.push(chunk(b"tRNS", &[9]));
                    }
                    if color == 0 {
                        chunks.push(chunk(b"tRNS", &[0, 1]));
                    }
                    chunks.extend([chunk(b"IDAT", &zlib(&rows)), iend()]);
                    let body = png_of(&chunks);
                    let case = format!("type {color}, {depth} bits, {interlace}, {width}x{height}");
                    let (pixels, _) = decode(&body).unwrap();
                    assert!(pixels == oracle(&body), "{case}");
                    let file = walk::read(&body).unwrap();
                    let mut by_row = vec![0; pixels.len()];
                    by_rows(&file, &Passes::new(&file.frame), &mut by_row).unwrap();
                    assert!(by_row == pixels, "{case}, row by row");
                }
            }
        }
    }
}

#[test]
fn an_index_beyond_the_palette_is_black_and_opaque() {
    let chunks = [
        ihdr(2, 1, 3, 8, 0),
        plte(2),
        chunk(b"tRNS", &[7, 8]),
        chunk(b"IDAT", &zlib(&[0, 1, 200])),
        iend(),
    ];
    let (pixels, shape) = decode(&png_of(&chunks)).unwrap();
    assert_eq!(shape.channels, 4);
    assert_eq!(pixels, [7, 13, 254, 8, 0, 0, 0, 255]);
}

#[test]
fn a_colour_key_makes_its_colour_transparent_and_only_low_bytes_count_at_8_bits() {
    for key in [[0, 1, 0, 2, 0, 3], [9, 1, 9, 2, 9, 3]] {
        let chunks = [
            ihdr(2, 1, 2, 8, 0),
            chunk(b"tRNS", &key),
            chunk(b"IDAT", &zlib(&[0, 1, 2, 3, 1, 2, 4])),
            iend(),
        ];
        let (pixels, _) = decode(&png_of(&chunks)).unwrap();
        assert_eq!(pixels, [1, 2, 3, 0, 1, 2, 4, 255]);
    }
}

#[test]
fn every_cut_is_refused_and_bytes_behind_the_end_are_not() {
    let body = rgb();
    for end in 0..body.len() {
        assert!(!passes(&body[..end]), "cut at {end}");
    }
    assert!(passes(&[body, b"more".to_vec()].concat()));
}

#[test]
fn a_wrong_checksum_counts_where_the_pixels_hang_on_it() {
    let text = || chunk(b"tEXt", b"a\0b");
    let idat = || chunk(b"IDAT", &rgb_stream());
    let header = || ihdr(WIDTH, HEIGHT, 2, 8, 0);
    assert!(!passes(&png_of(&[spoilt(header()), idat(), iend()])));
    assert!(!passes(&png_of(&[header(), spoilt(idat()), iend()])));
    assert!(!passes(&rgb_with(&[
        idat(),
        spoilt(chunk(b"IDAT", b"more"))
    ])));
    assert!(passes(&png_of(&[header(), spoilt(text()), idat(), iend()])));
    assert!(passes(&png_of(&[
        header(),
        spoilt(plte(4)),
        idat(),
        iend()
    ])));
    assert!(passes(&png_of(&[header(), idat(), spoilt(iend())])));
    let palette = |plte: Vec<u8>| {
        let stream = zlib(&filtered(WIDTH, HEIGHT, 3, 8, false));
        png_of(&[
            ihdr(WIDTH, HEIGHT, 3, 8, 0),
            plte,
            chunk(b"IDAT", &stream),
            iend(),
        ])
    };
    assert!(passes(&palette(plte(4))));
    assert!(!passes(&palette(spoilt(plte(4)))));
    assert!(!passes(&palette(Vec::new())));
}

#[test]
fn a_colour_key_that_is_broken_doubled_or_late_leaves_the_first_or_none() {
    let with = |before: &[Vec<u8>], after: &[Vec<u8>]| {
        let idat = chunk(b"IDAT", &rgb_stream());
        let header = ihdr(WIDTH, HEIGHT, 2, 8, 0);
        let body = png_of(&[header, before.concat(), idat, after.concat(), iend()]);
        decode(&body).unwrap().1.channels
    };
    let key = || chunk(b"tRNS", &[0; 6]);
    assert_eq!(with(&[key()], &[]), 4);
    assert_eq!(with(&[key(), spoilt(key())], &[]), 4);
    assert_eq!(with(&[spoilt(key())], &[]), 3);
    assert_eq!(with(&[chunk(b"tRNS", &[0; 5])], &[]), 3);
    assert_eq!(with(&[], &[key()]), 3);
}

#[test]
fn the_order_and_the_names_of_chunks_matter_as_they_do_to_libpng() {
    let header = || ihdr(WIDTH, HEIGHT, 2, 8, 0);
    let idat = || chunk(b"IDAT", &rgb_stream());
    let unknown = |name: &[u8; 4]| chunk(name, b"data");
    let with = |chunk: Vec<u8>| passes(&png_of(&[header(), chunk, idat(), iend()]));
    assert!(with(unknown(b"abCd")));
    for name in [b"ABCD", b"abcd", b"a1Cd", b"\0\0\0\0", b"IEND", b"IHDR"] {
        assert!(!with(unknown(name)), "{name:?}");
    }
    assert!(!with(header()));
    assert!(!with(chunk(b"PLTE", &[])));
    assert!(!with(chunk(b"bKGD", &[0; 3])));
    assert!(!passes(&png_of(&[
        unknown(b"abCd"),
        header(),
        idat(),
        iend()
    ])));
    assert!(!passes(&png_of(&[header(), iend()])));
    assert!(passes(&png_of(&[header(), idat(), plte(2), iend()])));
}

#[test]
fn the_stream_may_come_in_pieces_of_any_length() {
    let stream = rgb_stream();
    let whole = decode(&rgb()).unwrap();
    for length in [1, 2, 7, 100] {
        let pieces: Vec<_> = stream
            .chunks(length)
            .map(|piece| chunk(b"IDAT", piece))
            .collect();
        assert_eq!(decode(&rgb_with(&pieces)), Ok(whole.clone()));
    }
    let empty = || chunk(b"IDAT", &[]);
    let pieces = [empty(), chunk(b"IDAT", &stream), empty()];
    assert_eq!(decode(&rgb_with(&pieces)), Ok(whole));
    let (start, end) = stream.split_at(40);
    let text = chunk(b"tEXt", b"a\0b");
    let apart = [chunk(b"IDAT", start), text, chunk(b"IDAT", end)];
    assert!(
        !passes(&rgb_with(&apart)),
        "what follows other chunks is not read"
    );
}

#[test]
fn a_stream_that_goes_on_behind_the_image_passes_and_one_that_falls_short_does_not() {
    let rows = filtered(WIDTH, HEIGHT, 2, 8, false);
    let whole = decode(&rgb()).unwrap();
    for extra in [1, 5000] {
        let stream = zlib(&[rows.clone(), vec![0; extra]].concat());
        assert_eq!(
            decode(&rgb_with(&[chunk(b"IDAT", &stream)])),
            Ok(whole.clone())
        );
    }
    let behind = [rgb_stream(), b"more".to_vec()].concat();
    assert_eq!(decode(&rgb_with(&[chunk(b"IDAT", &behind)])), Ok(whole));
    let stream = zlib(&rows[..rows.len() - 1]);
    assert!(!passes(&rgb_with(&[chunk(b"IDAT", &stream)])));
}

#[test]
fn a_wrong_sum_is_an_error_where_it_is_read_with_the_last_row() {
    let mut stream = rgb_stream();
    let end = stream.len();
    stream[end - 1] ^= 1;
    assert!(!passes(&rgb_with(&[chunk(b"IDAT", &stream)])));
    let (data, sum) = stream.split_at(end - 2);
    let apart = [chunk(b"IDAT", data), chunk(b"IDAT", sum)];
    assert!(
        passes(&rgb_with(&apart)),
        "found out behind the last row it is a warning"
    );
    assert!(!passes(&rgb_with(&[chunk(b"IDAT", &stream[..end - 2])])));
}

#[test]
fn a_header_that_the_data_cannot_fill_is_refused_before_memory_is_taken() {
    let body = png_of(&[
        ihdr(9000, 9000, 6, 16, 0),
        chunk(b"IDAT", &zlib(&[0; 99])),
        iend(),
    ]);
    let mut out = Buffer::default();
    let mut decoder = PngDecoder::default();
    let result = decoder.decode(&body, Size::new(9000, 9000), &mut out);
    assert_eq!(result, Err(CodecError::Decode));
    assert!(decoder.raw.bytes_mut(0).is_empty() && out.filled(0).is_empty());
}

fn actl(frames: u32) -> Vec<u8> {
    chunk(b"acTL", &[frames.to_be_bytes(), [0; 4]].concat())
}

fn fctl(width: u32, height: u32, x: u32, y: u32) -> Vec<u8> {
    let numbers = [0, width, height, x, y].map(u32::to_be_bytes).concat();
    chunk(b"fcTL", &[numbers, vec![0, 1, 0, 9, 0, 0]].concat())
}

fn fdat(stream: &[u8]) -> Vec<u8> {
    chunk(b"fdAT", &[&[0, 0, 0, 1], stream].concat())
}

#[test]
fn an_animations_first_frame_is_the_default_image_where_a_control_announces_it() {
    let default = decode(&rgb()).unwrap();
    let header = || ihdr(WIDTH, HEIGHT, 2, 8, 0);
    let idat = || chunk(b"IDAT", &rgb_stream());
    let whole = || fctl(WIDTH, HEIGHT, 0, 0);
    let body = png_of(&[
        header(),
        actl(2),
        whole(),
        idat(),
        whole(),
        fdat(&zlib(&[1])),
    ]);
    assert_eq!(
        decode(&body),
        Ok(default.clone()),
        "what follows is not read"
    );
    let no_control = png_of(&[header(), actl(2), idat(), iend()]);
    assert!(
        decode(&no_control)
            .unwrap()
            .0
            .iter()
            .all(|&sample| sample == 0)
    );
    let one_frame = png_of(&[header(), actl(1), whole(), idat(), iend()]);
    assert_eq!(decode(&one_frame), Ok(default));
}

#[test]
fn an_animations_frame_behind_the_default_image_stands_on_black() {
    let header = ihdr(WIDTH, HEIGHT, 2, 8, 0);
    let frame = zlib(&[0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12]);
    let idat = chunk(b"IDAT", &rgb_stream());
    let body = png_of(&[
        header,
        actl(2),
        idat,
        fctl(2, 2, 3, 4),
        fdat(&frame),
        iend(),
    ]);
    let (pixels, shape) = decode(&body).unwrap();
    let at = |x: usize, y: usize| &pixels[y * shape.stride() + x * 3..][..6];
    assert_eq!(at(3, 4), [1, 2, 3, 4, 5, 6]);
    assert_eq!(at(3, 5), [7, 8, 9, 10, 11, 12]);
    assert_eq!(pixels.iter().filter(|&&sample| sample != 0).count(), 12);
}

#[test]
fn an_animation_whose_frame_leaves_the_canvas_is_refused() {
    let header = || ihdr(WIDTH, HEIGHT, 2, 8, 0);
    let idat = || chunk(b"IDAT", &rgb_stream());
    let outside = || fctl(WIDTH, HEIGHT, 1, 0);
    assert!(!passes(&png_of(&[
        header(),
        actl(2),
        outside(),
        idat(),
        iend()
    ])));
    assert!(!passes(&png_of(&[header(), outside(), idat(), iend()])));
    assert!(!passes(&png_of(&[header(), actl(0), idat(), iend()])));
    let huge = fctl(u32::MAX, u32::MAX, u32::MAX, u32::MAX);
    assert!(!passes(&png_of(&[header(), actl(2), idat(), huge, iend()])));
}

#[test]
fn no_change_of_a_byte_panics() {
    let animated = png_of(&[
        ihdr(WIDTH, HEIGHT, 2, 8, 0),
        actl(2),
        chunk(b"IDAT", &rgb_stream()),
        fctl(2, 1, 3, 4),
        fdat(&zlib(&[0, 1, 2, 3, 4, 5, 6])),
        iend(),
    ]);
    let palette = png_of(&[
        ihdr(WIDTH, HEIGHT, 3, 2, 1),
        plte(3),
        chunk(b"tRNS", &[5]),
        chunk(b"IDAT", &zlib(&filtered(WIDTH, HEIGHT, 3, 2, true))),
        iend(),
    ]);
    for body in [rgb(), animated, palette] {
        for at in 8..body.len() {
            for bit in 0..8 {
                let mut changed = body.clone();
                changed[at] ^= 1 << bit;
                let _ = decode(&mended(&changed));
                let _ = decode(&changed);
            }
        }
    }
}

/// The file with checksums that fit, as far as its chunks can be followed.
fn mended(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let mut at = 8;
    while let Some(length) = body.get(at..at + 4) {
        let length = u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if length > body.len() || at + 12 + length > body.len() {
            break;
        }
        let crc = libdeflater::crc32(&body[at + 4..at + 8 + length]);
        body[at + 8 + length..at + 12 + length].copy_from_slice(&crc.to_be_bytes());
        at += 12 + length;
    }
    body
}
