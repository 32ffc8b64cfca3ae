//! Owns image bombs and broken headers: small files that claim or unpack to absurd sizes.

use bytes::Bytes;

use super::Expect::{Resize, Success};
use super::coding::zlib;
use super::image::{UNDECODABLE, plain};
use super::{Expect, Fault, PIXELS_MAX, SIDE_AT_LIMIT as SIDE, fault};
use crate::pictures::Format::{Bmp, Gif, Jpeg, Png, ProgressiveJpeg};
use crate::web::reply::Reply;
use crate::web::site::Ask;

const TOO_LARGE: Expect = Resize("image dimensions too large");
const TOO_COMPLEX: Expect = Resize("image too complex");
/// PNG colour types.
const GREY: u8 = 0;
const RGB: u8 = 2;
const PALETTE: u8 = 3;

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("png-bomb-header", "a PNG header of 60,000 x 60,000 pixels", TOO_LARGE, |_| png(60_000, 60_000, RGB, &[])),
    fault("png-bomb-sides", "a PNG of the largest sides there are", TOO_LARGE, |_| png(0x7fff_ffff, 0x7fff_ffff, RGB, &[])),
    fault("png-bomb-wide", "a PNG of one line that nobody can hold", TOO_LARGE, |_| png(0x7fff_ffff, 1, RGB, &[])),
    fault("png-bomb-over-limit", "a PNG of one pixel line over the limit", TOO_LARGE, |_| png(SIDE, SIDE + 1, RGB, &[])),
    fault("png-bomb-at-limit", "a PNG header of as many pixels as may be, and no data", UNDECODABLE, |_| png(SIDE, SIDE, RGB, &[])),
    fault("png-bomb-at-limit-wide", "a PNG of one line of as many pixels as may be, and a little data", UNDECODABLE, |_| png(PIXELS_MAX, 1, RGB, &zlib(&[0; 1000]))),
    fault("png-bomb-whole", "a whole PNG of 20,000 x 20,000 white pixels in 50 KB", TOO_LARGE, |_| png(20_000, 20_000, GREY, &zlib(&vec![0; 2501 * 20_000]))),
    fault("png-bomb-data", "a PNG of few pixels with 16 MB of data behind them", Success, |_| png(9, 9, GREY, &zlib(&vec![0; 16 << 20]))),
    fault("png-bomb-text", "a PNG with a text that unpacks to 16 MB", Success, |ask| with_chunk(ask, b"zTXt", &[b"Comment\0\0", &zlib(&vec![b'a'; 16 << 20])[..]].concat())),
    fault("png-bomb-profile", "a PNG with a colour profile that unpacks to 16 MB", Success, |ask| with_chunk(ask, b"iCCP", &[b"profile\0\0", &zlib(&vec![0; 16 << 20])[..]].concat())),
    fault("png-bomb-international", "a PNG with an international text that unpacks to 16 MB", Success, |ask| with_chunk(ask, b"iTXt", &[b"Comment\0\x01\0\0\0", &zlib(&vec![b'a'; 16 << 20])[..]].concat())),
    fault("png-chunks-many", "a PNG with a hundred thousand empty chunks", Success, |ask| with_chunks(ask, &chunk(b"teXt", b"").repeat(100_000))),
    fault("png-chunk-large", "a PNG with a chunk of 4 GB", UNDECODABLE, |ask| with_chunks(ask, b"\xff\xff\xff\xffteXtabc")),
    fault("png-frames-many", "an animated PNG that promises four billion frames", Success, |ask| with_chunk(ask, b"acTL", &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
    fault("png-zero-width", "a PNG of no columns", UNDECODABLE, |_| png(0, 9, RGB, &zlib(&[0; 9]))),
    fault("png-zero-height", "a PNG of no lines", UNDECODABLE, |_| png(9, 0, RGB, &zlib(&[]))),
    fault("png-no-palette", "a PNG of palette colours without a palette", UNDECODABLE, |_| png(9, 9, PALETTE, &zlib(&[0; 90]))),
    fault("png-colour-type", "a PNG of a colour type nobody registered", UNDECODABLE, |_| png(9, 9, 5, &zlib(&[0; 900]))),
    fault("png-not-deflate", "a PNG whose data is no zlib", UNDECODABLE, |_| png(9, 9, GREY, &[0x99; 90])),
    fault("png-filter", "a PNG with a line filter nobody registered", UNDECODABLE, |_| png(9, 9, GREY, &zlib(&[77; 90]))),
    fault("png-short-data", "a PNG with a line less than it has", UNDECODABLE, |_| png(9, 9, GREY, &zlib(&[0; 80]))),

    fault("jpeg-scan-bomb", "a progressive JPEG with its last scan 200 times", TOO_COMPLEX, |ask| plain(repeat_last_scan(&ask.sample(ProgressiveJpeg), 200))),
    fault("jpeg-scan-bomb-1000", "a progressive JPEG with its last scan 1,000 times", TOO_COMPLEX, |ask| plain(repeat_last_scan(&ask.sample(ProgressiveJpeg), 1000))),
    fault("jpeg-bomb-header", "a JPEG header of 65,535 x 65,535 pixels", TOO_LARGE, |ask| jpeg_of_sides(&ask.sample(Jpeg), 65_535, 65_535)),
    fault("jpeg-bomb-progressive", "a progressive JPEG header of 65,535 x 65,535 pixels", TOO_LARGE, |ask| jpeg_of_sides(&ask.sample(ProgressiveJpeg), 65_535, 65_535)),
    fault("jpeg-bomb-at-limit", "a JPEG header of as many pixels as may be, most of which never come", Success, |ask| jpeg_of_sides(&ask.sample(Jpeg), SIDE as u16, SIDE as u16)),
    fault("jpeg-bomb-progressive-at-limit", "a progressive JPEG header of as many pixels as may be, most of which never come", Success, |ask| jpeg_of_sides(&ask.sample(ProgressiveJpeg), SIDE as u16, SIDE as u16)),
    fault("jpeg-zero-width", "a JPEG of no columns", UNDECODABLE, |ask| jpeg_of_sides(&ask.sample(Jpeg), 0, 120)),
    fault("jpeg-zero-height", "a JPEG whose height comes after its scan, or never", UNDECODABLE, |ask| jpeg_of_sides(&ask.sample(Jpeg), 160, 0)),
    fault("jpeg-wider", "a JPEG wider than its scan, which ends as it should", Success, |ask| jpeg_of_sides(&ask.sample(Jpeg), 1600, 120)),
    fault("jpeg-no-components", "a JPEG of no components", UNDECODABLE, |ask| patched(ask, 9, 0)),
    fault("jpeg-components", "a JPEG of 255 components", UNDECODABLE, |ask| patched(ask, 9, 255)),
    fault("jpeg-sampling-zero", "a JPEG whose sampling is 0 x 0", UNDECODABLE, |ask| patched(ask, 11, 0)),
    fault("jpeg-sampling-large", "a JPEG whose sampling is 15 x 15", UNDECODABLE, |ask| patched(ask, 11, 0xff)),
    fault("jpeg-precision", "a JPEG of 16 bits", UNDECODABLE, |ask| patched(ask, 4, 16)),
    fault("jpeg-table-missing", "a JPEG that names a table it does not have", UNDECODABLE, |ask| patched(ask, 12, 3)),
    fault("jpeg-lossless", "a lossless JPEG", UNDECODABLE, |ask| patched(ask, 1, 0xc3)),
    fault("jpeg-comments", "a JPEG with 40 comments of 64 KB", Success, |ask| plain(with_segments(&ask.sample(Jpeg), 0xfe, &[b'c'; 65_533], 40))),
    fault("jpeg-exif-loop", "a JPEG whose EXIF directory follows itself", Success, |ask| plain(with_segments(&ask.sample(Jpeg), 0xe1, EXIF_LOOP, 1))),
    fault("jpeg-exif-count", "a JPEG whose EXIF has an entry of four billion values", Success, |ask| plain(with_segments(&ask.sample(Jpeg), 0xe1, EXIF_COUNT, 1))),
    fault("jpeg-segment-short", "a JPEG with a segment of no length", Success, |ask| { let file = ask.sample(Jpeg); plain([&file[..2], b"\xff\xe0\0\0", &file[2..]].concat().into()) }),
    fault("jpeg-fill-bytes", "a JPEG with a megabyte of fill bytes between markers", Success, |ask| { let file = ask.sample(Jpeg); plain([&file[..2], &vec![0xff; 1 << 20], &file[2..]].concat().into()) }),

    fault("gif-bomb-header", "a GIF screen of 65,535 x 65,535 pixels", TOO_LARGE, |ask| at(&ask.sample(Gif), 6, &[0xff; 4])),
    fault("gif-bomb-frame", "a GIF frame larger than its screen", UNDECODABLE, |_| gif(9, 9, 65_535, &[])),
    fault("gif-bomb-at-limit", "a GIF screen of as many pixels as may be, a frame of one", Success, |_| gif(SIDE as u16, SIDE as u16, 1, &[])),
    fault("gif-frames-many", "a GIF with a hundred thousand frames, of which the first counts", Success, |_| gif(9, 9, 1, &GIF_FRAME.repeat(100_000))),
    fault("gif-extensions-many", "a GIF with a megabyte of comments before its frame", Success, |_| { let whole = gif_file(9, 9, 1, &[]); plain([&whole[..19], &b"\x21\xfe\x04abcd\0".repeat(130_000), &whole[19..]].concat().into()) }),
    fault("gif-zero-sides", "a GIF screen of no pixels", UNDECODABLE, |_| gif(0, 0, 1, &[])),
    fault("gif-no-frame", "a GIF without a frame", UNDECODABLE, |_| plain([&gif_file(9, 9, 1, &[])[..19], b"\x3b"].concat().into())),
    fault("gif-code-size", "a GIF with codes of 200 bits", UNDECODABLE, |_| { let mut file = gif_file(9, 9, 1, &[]); file[29] = 200; plain(file.into()) }),

    fault("webp-bomb-lossy", "a WebP header of 16,383 x 16,383 pixels", TOO_LARGE, |_| webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\xff\x3f\xff\x3f\0\0\0\0\0\0\0\0\0\0")),
    fault("webp-bomb-lossless", "a lossless WebP header of 16,384 x 16,384 pixels", TOO_LARGE, |_| webp(b"VP8L", b"\x2f\xff\xff\xff\x0f\0\0\0\0\0")),
    fault("webp-bomb-canvas", "a WebP canvas of 16,777,216 x 255 pixels", TOO_LARGE, |_| webp(b"VP8X", b"\x02\0\0\0\xff\xff\xff\xfe\0\0")),
    fault("webp-bomb-at-limit", "a WebP header of as many pixels as may be", UNDECODABLE, |_| webp(b"VP8L", b"\x2f\x6f\xd7\xdb\x05\0\0\0\0\0")),
    fault("webp-zero-sides", "a WebP of no pixels", UNDECODABLE, |_| webp(b"VP8 ", b"\x30\x01\0\x9d\x01\x2a\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
    fault("webp-no-image", "a WebP canvas without an image", UNDECODABLE, |_| webp(b"VP8X", b"\0\0\0\0\x08\0\0\x08\0\0")),
    fault("webp-unknown-chunk", "a WebP of a chunk nobody registered", UNDECODABLE, |_| webp(b"ABCD", &[0; 20])),

    fault("bmp-bomb-header", "a BMP header of 60,000 x 60,000 pixels", TOO_LARGE, |ask| bmp(ask, 60_000, 60_000)),
    fault("bmp-bomb-sides", "a BMP of the largest sides there are", TOO_LARGE, |ask| bmp(ask, i32::MAX, i32::MAX)),
    fault("bmp-bomb-upside-down", "a BMP of the least height there is", TOO_LARGE, |ask| bmp(ask, 160, i32::MIN)),
    fault("bmp-bomb-at-limit", "a BMP header of as many pixels as may be", UNDECODABLE, |ask| bmp(ask, SIDE as i32, SIDE as i32)),
    fault("bmp-zero-sides", "a BMP of no pixels", UNDECODABLE, |ask| bmp(ask, 0, 0)),
    fault("bmp-negative-width", "a BMP of less than no columns", UNDECODABLE, |ask| bmp(ask, -160, 120)),
    fault("bmp-data-beyond", "a BMP whose pixels are beyond its end", UNDECODABLE, |ask| at(&ask.sample(Bmp), 10, &[0xff, 0xff, 0xff, 0x7f])),
    fault("bmp-depth", "a BMP of 33 bits a pixel", UNDECODABLE, |ask| at(&ask.sample(Bmp), 28, &[33, 0])),

    fault("tiff-bomb-header", "a TIFF of 4,294,967,295 x 4,294,967,295 pixels", TOO_LARGE, |_| tiff(u32::MAX, u32::MAX, 8)),
    fault("tiff-bomb-at-limit", "a TIFF of as many pixels as may be, and no data", UNDECODABLE, |_| tiff(SIDE, SIDE, 8)),
    fault("tiff-zero-sides", "a TIFF of no pixels", UNDECODABLE, |_| tiff(0, 0, 8)),
    fault("tiff-data-beyond", "a TIFF whose strip is beyond its end", UNDECODABLE, |_| tiff(9, 9, 0x7fff_ffff)),
    fault("tiff-no-directory", "a TIFF whose directory is beyond its end", UNDECODABLE, |_| plain(Bytes::from_static(b"II*\0\xff\xff\xff\x7f"))),
    fault("tiff-directory-loop", "a TIFF of no entries whose directory follows itself", UNDECODABLE, |_| plain(Bytes::from_static(b"II*\0\x08\0\0\0\0\0\x08\0\0\0"))),
    fault("tiff-entries-many", "a TIFF that promises 65,535 entries", UNDECODABLE, |_| plain(Bytes::from_static(b"MM\0*\0\0\0\x08\xff\xff\x01\0\0\x04"))),
];

/// EXIF whose first directory has no entry and is its own next.
const EXIF_LOOP: &[u8] = b"Exif\0\0II*\0\x08\0\0\0\0\0\x08\0\0\0";
/// EXIF with one entry, of 4,294,967,295 long values.
const EXIF_COUNT: &[u8] =
    b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x04\0\xff\xff\xff\xff\x08\0\0\0\0\0\0\0";
/// A frame of one pixel.
const GIF_FRAME: &[u8] = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0";

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = (data.len() as u32).to_be_bytes();
    [&length[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// A PNG of 8 bits a sample (1 where it is grey and over 10,000 wide) with this as its data.
fn png(width: u32, height: u32, colour: u8, data: &[u8]) -> Reply {
    let depth = if colour == GREY && width > 10_000 {
        1
    } else {
        8
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Deflate, adaptive filters, not interlaced.
    header.extend([depth, colour, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(chunk(b"IHDR", &header));
    file.extend(chunk(b"IDAT", data));
    file.extend(chunk(b"IEND", b""));
    plain(file.into())
}

/// The PNG with a chunk behind its header.
fn with_chunk(ask: &Ask<'_>, kind: &[u8; 4], data: &[u8]) -> Reply {
    with_chunks(ask, &chunk(kind, data))
}

fn with_chunks(ask: &Ask<'_>, chunks: &[u8]) -> Reply {
    const HEADER_END: usize = 33;
    let file = ask.sample(Png);
    plain(
        [&file[..HEADER_END], chunks, &file[HEADER_END..]]
            .concat()
            .into(),
    )
}

/// The JPEG with everything from its last start-of-scan on repeated before the end of image.
fn repeat_last_scan(jpeg: &[u8], times: usize) -> Bytes {
    let end = jpeg.len() - 2;
    let start = jpeg[..end]
        .windows(2)
        .rposition(|marker| marker == [0xff, 0xda])
        .expect("a JPEG has a scan");
    let mut file = jpeg[..start].to_vec();
    file.extend(jpeg[start..end].repeat(times));
    file.extend(&jpeg[end..]);
    file.into()
}

/// Where the frame header begins, at its marker.
fn frame_of(jpeg: &[u8]) -> usize {
    jpeg.windows(2)
        .position(|marker| matches!(marker, [0xff, 0xc0 | 0xc2]))
        .expect("a JPEG has a frame")
}

fn jpeg_of_sides(jpeg: &[u8], width: u16, height: u16) -> Reply {
    let sides = [height.to_be_bytes(), width.to_be_bytes()].concat();
    at(jpeg, frame_of(jpeg) + 5, &sides)
}

/// The JPEG with a byte of its frame header replaced.
fn patched(ask: &Ask<'_>, offset: usize, byte: u8) -> Reply {
    let file = ask.sample(Jpeg);
    at(&file, frame_of(&file) + offset, &[byte])
}

/// The JPEG with a segment, so many times, behind its first marker.
fn with_segments(jpeg: &[u8], marker: u8, data: &[u8], times: usize) -> Bytes {
    let length = (data.len() as u16 + 2).to_be_bytes();
    let segment = [&[0xff, marker], &length[..], data].concat();
    [&jpeg[..2], &segment.repeat(times), &jpeg[2..]]
        .concat()
        .into()
}

/// The file with these bytes from `offset` on.
fn at(file: &[u8], offset: usize, bytes: &[u8]) -> Reply {
    let mut file = file.to_vec();
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    plain(file.into())
}

fn gif(width: u16, height: u16, frame: u16, behind: &[u8]) -> Reply {
    plain(gif_file(width, height, frame, behind).into())
}

/// A GIF of two colours with a square frame, the data of one pixel, and what comes behind it.
fn gif_file(width: u16, height: u16, frame: u16, behind: &[u8]) -> Vec<u8> {
    let mut file = b"GIF89a".to_vec();
    file.extend([width.to_le_bytes(), height.to_le_bytes()].concat());
    file.extend(b"\x80\0\0\0\0\0\xff\xff\xff\x2c\0\0\0\0");
    file.extend([frame.to_le_bytes(), frame.to_le_bytes()].concat());
    file.extend(&GIF_FRAME[9..]);
    file.extend(behind);
    file.push(0x3b);
    file
}

fn webp(kind: &[u8; 4], data: &[u8]) -> Reply {
    let length = |bytes: usize| (bytes as u32).to_le_bytes();
    let chunk = [&kind[..], &length(data.len()), data].concat();
    let file = [&b"RIFF"[..], &length(chunk.len() + 4), b"WEBP", &chunk].concat();
    plain(file.into())
}

fn bmp(ask: &Ask<'_>, width: i32, height: i32) -> Reply {
    let sides = [width.to_le_bytes(), height.to_le_bytes()].concat();
    at(&ask.sample(Bmp), 18, &sides)
}

/// A grey TIFF of one strip at `offset`, which holds nothing but the file's own header.
fn tiff(width: u32, height: u32, offset: u32) -> Reply {
    let entries = [
        (256, width),
        (257, height),
        (258, 8),
        (259, 1),
        (262, 1),
        (273, offset),
        (277, 1),
        (278, height),
        (279, width.wrapping_mul(height)),
    ];
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        file.extend((tag as u16).to_le_bytes());
        // One long value.
        file.extend([4, 0, 1, 0, 0, 0]);
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    plain(file.into())
}
