//! Owns the faults of content: codings that do not decode or explode, bytes that are no image.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::Expect::{Download, Resize, Success};
use super::{Fault, fault};
use crate::pictures::Format;
use crate::web::reply::Reply;
use crate::web::site::Ask;

const UNSUPPORTED_CODING: super::Expect = Download("unsupported encoding");
const UNSUPPORTED_FORMAT: super::Expect = Resize("unsupported image format");
const UNDECODABLE: super::Expect = Resize("Image decoding error");
/// Bytes a bomb unpacks to: a thousand times its size, over the limit in [`super::OPTIONS`].
const BOMB_BYTES: usize = 16 * 1024 * 1024;

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("gzip", "Content-Encoding: gzip", Success, |ask| coded("gzip", gzip(&ask.sample(Format::Bmp)))),
    fault("x-gzip", "Content-Encoding: x-gzip", Success, |ask| coded("x-gzip", gzip(&ask.sample(Format::Bmp)))),
    fault("deflate", "Content-Encoding: deflate (zlib)", Success, |ask| coded("deflate", zlib(&ask.sample(Format::Bmp)))),
    fault("deflate-raw", "Content-Encoding: deflate without the zlib wrapper", Success, |ask| coded("deflate", deflate(&ask.sample(Format::Bmp)))),
    fault("br", "Content-Encoding: br", Success, |ask| coded("br", brotli(&ask.sample(Format::Bmp)))),
    fault("identity", "Content-Encoding: identity", Success, |ask| coded("identity", ask.sample(Format::Jpeg).to_vec())),
    fault("gzip-corrupt", "gzip with its middle overwritten", UNSUPPORTED_CODING, |ask| coded("gzip", corrupt(gzip(&ask.sample(Format::Bmp))))),
    fault("gzip-not", "Content-Encoding: gzip over plain bytes", UNSUPPORTED_CODING, |ask| coded("gzip", ask.sample(Format::Jpeg).to_vec())),
    fault("gzip-bomb", "16 KiB of gzip that unpack to 16 MiB", Download("response too large"), |_| coded("gzip", gzip(&vec![0; BOMB_BYTES]))),
    fault("unknown-encoding", "a coding nobody registered", UNSUPPORTED_CODING, |ask| coded("rot13", ask.sample(Format::Jpeg).to_vec())),

    fault("png", "a PNG", Success, |ask| plain(ask.sample(Format::Png))),
    fault("webp", "a WebP", Success, |ask| plain(ask.sample(Format::Webp))),
    fault("gif", "a GIF", Success, |ask| plain(ask.sample(Format::Gif))),
    fault("bmp", "a BMP", Success, |ask| plain(ask.sample(Format::Bmp))),
    fault("progressive-jpeg", "a progressive JPEG", Success, |ask| plain(ask.sample(Format::ProgressiveJpeg))),
    fault("wrong-media-type", "a PNG that is called a JPEG", Success, |ask| Reply::complete("200 OK", &[("Content-Type", "image/jpeg")], ask.sample(Format::Png))),
    fault("html-200", "a page with status 200", UNSUPPORTED_FORMAT, |_| Reply::complete("200 OK", &[("Content-Type", "text/html")], Bytes::from_static(b"<!doctype html><p>Please accept our cookies."))),
    fault("svg", "an SVG", UNSUPPORTED_FORMAT, |_| plain(Bytes::from_static(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"))),
    fault("not-an-image", "bytes of no format, called a JPEG", UNSUPPORTED_FORMAT, |_| Reply::complete("200 OK", &[("Content-Type", "image/jpeg")], Bytes::from_static(&[0x5a; 4096]))),
    fault("truncated-jpeg", "half a JPEG under its own right length", UNDECODABLE, |ask| half_of(ask, Format::Jpeg)),
    fault("truncated-png", "half a PNG under its own right length", UNDECODABLE, |ask| half_of(ask, Format::Png)),
    fault("truncated-webp", "half a WebP under its own right length", UNDECODABLE, |ask| half_of(ask, Format::Webp)),
    fault("jpeg-signature-alone", "the first three bytes of a JPEG", UNDECODABLE, |ask| plain(ask.sample(Format::Jpeg).slice(..3))),
    fault("png-bomb-header", "a PNG header of 60,000 x 60,000 pixels", Resize("image dimensions too large"), |_| plain(png_of_sides(60_000, 60_000))),
    fault("jpeg-scan-bomb", "a progressive JPEG with its last scan 200 times", Resize("image too complex"), |ask| plain(repeat_last_scan(&ask.sample(Format::ProgressiveJpeg), 200))),
];

fn plain(body: Bytes) -> Reply {
    Reply::complete("200 OK", &[], body)
}

fn coded(coding: &str, body: Vec<u8>) -> Reply {
    Reply::complete("200 OK", &[("Content-Encoding", coding)], body.into())
}

fn half_of(ask: &Ask<'_>, format: Format) -> Reply {
    let file = ask.sample(format);
    plain(file.slice(..file.len() / 2))
}

/// Everything below writes to memory, which does not fail.
const TO_MEMORY: &str = "writing to memory does not fail";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    let (quality, window_bits) = (5, 20);
    let mut encoder = brotli::CompressorWriter::new(&mut coded, 4096, quality, window_bits);
    encoder.write_all(bytes).expect(TO_MEMORY);
    drop(encoder);
    coded
}

fn corrupt(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    bytes
}

/// A PNG whose IHDR promises these sides and whose data is one empty chunk.
fn png_of_sides(width: u32, height: u32) -> Bytes {
    let mut ihdr = b"IHDR".to_vec();
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(height.to_be_bytes());
    // 8 bits, RGB, deflate, adaptive filters, not interlaced.
    ihdr.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for chunk in [&ihdr[..], b"IDAT", b"IEND"] {
        let mut crc = flate2::Crc::new();
        crc.update(chunk);
        file.extend((chunk.len() as u32 - 4).to_be_bytes());
        file.extend(chunk);
        file.extend(crc.sum().to_be_bytes());
    }
    file.into()
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
