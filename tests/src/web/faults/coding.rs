//! Owns the faults of content codings (RFC 9110, section 8.4): invalid data, bombs and unknown codings.

use std::io::Write;

use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use flate2::{Compression, GzBuilder};

use super::Expect::{Download, Resize, Success};
use super::framing::{half, jpeg};
use super::{Expect, Fault, fault};
use crate::pictures::Format;
use crate::web::reply::Reply;
use crate::web::site::Ask;

const UNSUPPORTED: Expect = Download("unsupported encoding");
const INCOMPLETE: Expect = Download("incomplete body");
const TOO_LARGE: Expect = Download("response too large");
/// Bytes a bomb unpacks to: a thousand times its size, over the limit in [`super::OPTIONS`].
const BOMB_BYTES: usize = 16 * 1024 * 1024;

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("gzip", "Content-Encoding: gzip", Success, |ask| coded("gzip", gzip(&bmp(ask)))),
    fault("x-gzip", "Content-Encoding: x-gzip", Success, |ask| coded("x-gzip", gzip(&bmp(ask)))),
    fault("gzip-case", "Content-Encoding: GZip", Success, |ask| coded("GZip", gzip(&bmp(ask)))),
    fault("gzip-fields", "gzip with every optional field of its header", Success, |ask| coded("gzip", gzip_with_fields(&bmp(ask)))),
    fault("gzip-members", "two gzip members, an image between them", Success, |ask| { let body = bmp(ask); let (first, second) = body.split_at(1000); coded("gzip", [gzip(first), gzip(second)].concat()) }),
    fault("gzip-garbage-behind", "gzip with bytes of no meaning behind it", Success, |ask| coded("gzip", [&gzip(&bmp(ask))[..], b"\0\0\0 and so on"].concat())),
    fault("gzip-twice", "gzip over gzip", Success, |ask| coded("gzip, gzip", gzip(&gzip(&bmp(ask))))),
    fault("gzip-in-br", "gzip, then br", Success, |ask| coded("gzip, br", brotli(&gzip(&bmp(ask))))),
    fault("deflate", "Content-Encoding: deflate (zlib)", Success, |ask| coded("deflate", zlib(&bmp(ask)))),
    fault("deflate-raw", "Content-Encoding: deflate without the zlib wrapper", Success, |ask| coded("deflate", deflate(&bmp(ask)))),
    fault("br", "Content-Encoding: br", Success, |ask| coded("br", brotli(&bmp(ask)))),
    fault("identity", "Content-Encoding: identity", Success, |ask| coded("identity", jpeg(ask).to_vec())),
    fault("coding-empty", "an empty Content-Encoding", Success, |ask| coded("", jpeg(ask).to_vec())),
    fault("coding-empty-list", "a Content-Encoding of commas", Success, |ask| coded(" , ,", jpeg(ask).to_vec())),
    fault("coding-of-error", "a coding that does not decode on an error", Download("HTTP Error 500: Internal Server Error"), |_| Reply::complete("500 Internal Server Error", &[("Content-Encoding", "gzip")], "no gzip".into())),

    fault("gzip-over-image", "Content-Encoding: gzip over a plain JPEG", Success, |ask| coded("gzip", jpeg(ask).to_vec())),
    fault("deflate-over-image", "Content-Encoding: deflate over a plain PNG", Success, |ask| coded("deflate", ask.sample(Format::Png).to_vec())),
    fault("br-over-image", "Content-Encoding: br over a plain WebP", Success, |ask| coded("br", ask.sample(Format::Webp).to_vec())),
    fault("zstd-over-image", "Content-Encoding: zstd over a plain GIF", Success, |ask| coded("zstd", ask.sample(Format::Gif).to_vec())),
    fault("gzip-over-bitmap", "Content-Encoding: gzip over a plain bitmap, whose signature has two bytes", Success, |ask| coded("gzip", bmp(ask).to_vec())),
    fault("gzip-over-half-image", "Content-Encoding: gzip over half a JPEG", Resize("Image decoding error"), |ask| coded("gzip", half(&jpeg(ask)).to_vec())),
    fault("gzip-over-image-chunked", "Content-Encoding: gzip over a plain JPEG in chunks", Success, |ask| super::framing::with_body(&[("Content-Encoding", "gzip"), super::framing::CHUNKED], &crate::web::reply::chunked(&jpeg(ask), 1000))),
    fault("gzip-once-of-two", "gzip, gzip over what is coded once", Success, |ask| coded("gzip, gzip", gzip(&bmp(ask)))),
    fault("gzip-none-of-two", "gzip, br over a plain JPEG", Success, |ask| coded("gzip, br", jpeg(ask).to_vec())),
    fault("gzip-outer-of-two", "gzip, br over what is coded in gzip alone", UNSUPPORTED, |ask| coded("gzip, br", gzip(&bmp(ask)))),
    fault("zstd", "Content-Encoding: zstd", Success, |ask| coded("zstd", zstd(&bmp(ask)))),
    fault("zstd-frames", "two frames of zstd, an image between them", Success, |ask| { let body = bmp(ask); let (first, second) = body.split_at(1000); coded("zstd", [zstd(first), zstd(second)].concat()) }),

    fault("gzip-corrupt", "gzip with its middle overwritten", UNSUPPORTED, |ask| coded("gzip", corrupt(gzip(&bmp(ask))))),
    fault("gzip-checksum", "gzip with another checksum", UNSUPPORTED, |ask| coded("gzip", flipped(gzip(&bmp(ask)), 8))),
    fault("gzip-size", "gzip with another size", UNSUPPORTED, |ask| coded("gzip", flipped(gzip(&bmp(ask)), 1))),
    fault("gzip-method", "gzip with a method nobody registered", UNSUPPORTED, |ask| { let mut body = gzip(&bmp(ask)); body[2] = 7; coded("gzip", body) }),
    fault("gzip-not", "Content-Encoding: gzip over plain bytes that are no image", UNSUPPORTED, |_| coded("gzip", b"<!doctype html><title>no</title>".to_vec())),
    fault("deflate-corrupt", "deflate with its middle overwritten", UNSUPPORTED, |ask| coded("deflate", corrupt(zlib(&bmp(ask))))),
    fault("deflate-checksum", "deflate with another checksum", UNSUPPORTED, |ask| coded("deflate", flipped(zlib(&bmp(ask)), 1))),
    fault("deflate-is-gzip", "Content-Encoding: deflate over gzip", UNSUPPORTED, |ask| coded("deflate", gzip(&bmp(ask)))),
    fault("br-not", "Content-Encoding: br over plain bytes", UNSUPPORTED, |_| coded("br", vec![0xff; 1000])),
    fault("br-large-window", "br with a window that its standard does not have", UNSUPPORTED, |_| coded("br", vec![0x11, 30, 0, 0, 0])),
    fault("br-of-text", "br of what is no image", Resize("unsupported image format"), |_| coded("br", brotli(b"<svg/>"))),
    fault("zstd-not", "Content-Encoding: zstd over plain bytes that are no image", UNSUPPORTED, |_| coded("zstd", vec![b'z'; 1000])),
    fault("zstd-corrupt", "zstd with its middle overwritten", UNSUPPORTED, |ask| coded("zstd", corrupt(zstd(&bmp(ask))))),
    fault("zstd-large-window", "zstd with a window of 16 MB, where 8 are the most", UNSUPPORTED, |ask| coded("zstd", zstd_in_window(&bmp(ask), 24))),
    fault("zstd-truncated", "half of zstd", INCOMPLETE, |ask| coded("zstd", half(&zstd(&bmp(ask))).to_vec())),
    fault("zstd-of-nothing", "zstd of no bytes", Resize("empty body"), |_| coded("zstd", zstd(&[]))),
    fault("zstd-bomb", "zstd that unpacks to 16 MiB", TOO_LARGE, |_| coded("zstd", zstd(&vec![0; BOMB_BYTES]))),
    fault("gzip-truncated", "half of gzip", INCOMPLETE, |ask| coded("gzip", half(&gzip(&bmp(ask))).to_vec())),
    fault("gzip-trailer-missing", "gzip without its checksum and size", INCOMPLETE, |ask| { let mut body = gzip(&bmp(ask)); body.truncate(body.len() - 8); coded("gzip", body) }),
    fault("gzip-signature-alone", "the first two bytes of gzip", INCOMPLETE, |_| coded("gzip", vec![0x1f, 0x8b])),
    fault("deflate-truncated", "half of deflate", INCOMPLETE, |ask| coded("deflate", half(&zlib(&bmp(ask))).to_vec())),
    fault("br-truncated", "half of br", INCOMPLETE, |ask| coded("br", half(&brotli(&bmp(ask))).to_vec())),
    fault("gzip-of-nothing", "gzip of no bytes", Resize("empty body"), |_| coded("gzip", gzip(&[]))),
    fault("deflate-of-nothing", "deflate of no bytes", Resize("empty body"), |_| coded("deflate", zlib(&[]))),
    fault("br-of-nothing", "br of no bytes", Resize("empty body"), |_| coded("br", brotli(&[]))),
    fault("gzip-of-text", "gzip of what is no image", Resize("unsupported image format"), |_| coded("gzip", gzip(b"<svg/>"))),

    fault("gzip-bomb", "16 KiB of gzip that unpack to 16 MiB", TOO_LARGE, |_| coded("gzip", gzip(&vec![0; BOMB_BYTES]))),
    fault("gzip-bomb-of-members", "gzip members, each within the limit", TOO_LARGE, |_| coded("gzip", gzip(&vec![0; 1_000_000]).repeat(16))),
    fault("gzip-bomb-in-gzip", "a gigabyte of zeros in gzip in gzip", TOO_LARGE, |_| coded("gzip, gzip", gzip(&gzip(&vec![0; BOMB_BYTES]).repeat(64)))),
    fault("deflate-bomb", "deflate that unpacks to 16 MiB", TOO_LARGE, |_| coded("deflate", zlib(&vec![0; BOMB_BYTES]))),
    fault("br-bomb", "a few bytes of br that unpack to 16 MiB", TOO_LARGE, |_| coded("br", brotli(&vec![0; BOMB_BYTES]))),
    fault("transfer-bomb", "gzip as a transfer coding that unpacks to 16 MiB", TOO_LARGE, |_| super::framing::with_body(&[("Transfer-Encoding", "gzip, chunked")], &crate::web::reply::chunked(&gzip(&vec![0; BOMB_BYTES]), 1000))),

    fault("unknown-encoding", "a coding nobody registered, which leaves the bytes alone", Success, |ask| coded("rot13", jpeg(ask).to_vec())),
    fault("coding-none", "none for a coding", Success, |ask| coded("none", jpeg(ask).to_vec())),
    fault("coding-binary", "binary for a coding", Success, |ask| coded("binary", jpeg(ask).to_vec())),
    fault("coding-of-storage", "a coding of a cloud's storage that leaked", Success, |ask| coded("aws-chunked", jpeg(ask).to_vec())),
    fault("coding-of-storage-framed", "the same with its frames in the body", Resize("unsupported image format"), |ask| coded("aws-chunked", [&b"400;chunk-signature=0\r\n"[..], &jpeg(ask), b"\r\n0;\r\n\r\n"].concat())),
    fault("coding-is-charset", "a character set for a coding", Success, |ask| coded("utf-8", jpeg(ask).to_vec())),
    fault("coding-is-media-type", "a media type for a coding", Success, |ask| coded("image/jpeg", jpeg(ask).to_vec())),
    fault("coding-is-latin", "letters of ISO 8859-1 for a coding", Success, |ask| { let body = jpeg(ask); let head = [&b"HTTP/1.1 200 OK\r\nContent-Encoding: \xe9t\xe9\r\n"[..], format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes()].concat(); super::framing::joined(&head, &body) }),
    fault("coding-unknown-and-gzip", "gzip beside a coding nobody registered: neither is undone", Resize("unsupported image format"), |ask| coded("gzip, rot13", gzip(&bmp(ask)))),
    fault("coding-compress", "compress, which nobody speaks any more", Resize("unsupported image format"), |_| coded("compress", vec![0x1f, 0x9d, 0x90, 0])),
    fault("coding-parameter", "gzip with a weight, which is no coding's name", Resize("unsupported image format"), |ask| coded("gzip;q=1.0", gzip(&bmp(ask)))),
    fault("coding-three-times", "gzip three times", UNSUPPORTED, |ask| coded("gzip, gzip, gzip", gzip(&gzip(&gzip(&bmp(ask)))))),
    fault("coding-a-thousand-times", "gzip a thousand times over", UNSUPPORTED, |ask| coded(&vec!["gzip"; 1000].join(","), gzip(&bmp(ask)))),
    fault("coding-three-times-over-image", "gzip named three times over a plain JPEG", Success, |ask| coded("gzip, gzip, gzip", jpeg(ask).to_vec())),
];

fn bmp(ask: &Ask<'_>) -> bytes::Bytes {
    ask.sample(Format::Bmp)
}

fn coded(coding: &str, body: Vec<u8>) -> Reply {
    Reply::complete("200 OK", &[("Content-Encoding", coding)], body.into())
}

/// Everything below writes to memory, which does not fail.
const TO_MEMORY: &str = "writing to memory does not fail";

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

fn gzip_with_fields(bytes: &[u8]) -> Vec<u8> {
    let fields = GzBuilder::new()
        .filename("a.bmp")
        .comment("a picture")
        .extra(&b"xx\x02\0ab"[..]);
    let mut encoder = fields.write(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
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

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd_in_window(bytes, 20)
}

/// With a checksum, and as a stream, so that the decoder needs the window.
fn zstd_in_window(bytes: &[u8], log: u32) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect(TO_MEMORY);
    encoder.window_log(log).expect("a window that zstd has");
    encoder.include_checksum(true).expect("zstd has checksums");
    encoder.write_all(bytes).expect(TO_MEMORY);
    encoder.finish().expect(TO_MEMORY)
}

fn corrupt(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].fill(0xff);
    bytes
}

/// With the byte so far from the end inverted.
fn flipped(mut bytes: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = bytes.len() - from_end;
    bytes[at] ^= 0xff;
    bytes
}
