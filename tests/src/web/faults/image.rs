//! Owns the faults of image files: other formats, polyglots, truncated or overwritten files.

use bytes::Bytes;

use super::Expect::{Resize, Success};
use super::framing::half;
use super::{Expect, Fault, fault};
use crate::pictures::Format::{self, Bmp, Gif, Jpeg, Png, ProgressiveJpeg, Webp};
use crate::web::reply::Reply;
use crate::web::site::Ask;

pub(super) const UNSUPPORTED: Expect = Resize("unsupported image format");
pub(super) const UNDECODABLE: Expect = Resize("Image decoding error");

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("png", "a PNG", Success, |ask| plain(ask.sample(Png))),
    fault("webp", "a WebP", Success, |ask| plain(ask.sample(Webp))),
    fault("gif", "a GIF", Success, |ask| plain(ask.sample(Gif))),
    fault("bmp", "a BMP", Success, |ask| plain(ask.sample(Bmp))),
    fault("progressive-jpeg", "a progressive JPEG", Success, |ask| plain(ask.sample(ProgressiveJpeg))),
    fault("wrong-media-type", "a PNG that is called a JPEG", Success, |ask| Reply::complete("200 OK", &[("Content-Type", "image/jpeg")], ask.sample(Png))),
    fault("page-media-type", "an image that is called a page", Success, |ask| Reply::complete("200 OK", &[("Content-Type", "text/html; charset=utf-8")], ask.sample(Jpeg))),
    fault("nonsense-media-type", "an image of no known type", Success, |ask| Reply::complete("200 OK", &[("Content-Type", ";;;/")], ask.sample(Jpeg))),

    fault("html-200", "a page with status 200", UNSUPPORTED, |_| Reply::complete("200 OK", &[("Content-Type", "text/html")], Bytes::from_static(b"<!doctype html><p>Please accept our cookies."))),
    fault("not-an-image", "bytes of no format, called a JPEG", UNSUPPORTED, |_| Reply::complete("200 OK", &[("Content-Type", "image/jpeg")], Bytes::from_static(&[0x5a; 4096]))),
    fault("svg", "an SVG", UNSUPPORTED, |_| file(b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>")),
    fault("svg-bomb", "an SVG of entities within entities", UNSUPPORTED, |_| file(b"<?xml version='1.0'?><!DOCTYPE svg [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><svg>&b;</svg>")),
    fault("avif", "the start of an AVIF", UNSUPPORTED, |_| file(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf")),
    fault("heic", "the start of an HEIC", UNSUPPORTED, |_| file(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")),
    fault("jxl", "the start of a JPEG XL", UNSUPPORTED, |_| file(b"\xff\x0a\xfa\x1f\x00\x88")),
    fault("jp2", "the start of a JPEG 2000", UNSUPPORTED, |_| file(b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ")),
    fault("ico", "an icon", UNSUPPORTED, |_| file(b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0\x20\0\x68\x04\0\0\x16\0\0\0")),
    fault("psd", "the start of a layered picture", UNSUPPORTED, |_| file(b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0\0\x09\0\0\0\x09\0\x08\0\x03")),
    fault("pdf", "a document", UNSUPPORTED, |_| file(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")),
    fault("mp4", "the start of a film", UNSUPPORTED, |_| file(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41")),
    fault("zip", "an archive", UNSUPPORTED, |_| file(b"PK\x03\x04\x14\0\0\0\x08\0")),
    fault("wasm", "a program", UNSUPPORTED, |_| file(b"\0asm\x01\0\0\0")),
    fault("json", "an error in JSON", UNSUPPORTED, |_| file(br#"{"error":"not found","code":404}"#)),
    fault("lfs-pointer", "where a large file's content is instead of it", UNSUPPORTED, |_| file(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n")),
    fault("base64-image", "an image in Base64", UNSUPPORTED, |_| file(b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQ")),
    fault("one-byte", "one byte", UNSUPPORTED, |_| file(b"\xff")),
    fault("riff-wave", "a sound in a WebP's container", UNSUPPORTED, |_| file(b"RIFF\x24\0\0\0WAVEfmt ")),

    fault("line-before-jpeg", "an empty line before a JPEG", UNSUPPORTED, |ask| around(b"\r\n", &ask.sample(Jpeg), b"")),
    fault("mark-before-png", "a byte order mark before a PNG", UNSUPPORTED, |ask| around(b"\xef\xbb\xbf", &ask.sample(Png), b"")),
    fault("page-before-jpeg", "a page before a JPEG", UNSUPPORTED, |ask| around(b"<html>", &ask.sample(Jpeg), b"")),
    fault("jpeg-and-zip", "an archive behind a JPEG", Success, |ask| around(b"", &ask.sample(Jpeg), b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")),
    fault("png-and-page", "a page behind a PNG", Success, |ask| around(b"", &ask.sample(Png), b"<html><script>alert(1)</script>")),
    fault("gif-and-script", "a script that begins like a GIF", UNDECODABLE, |_| file(b"GIF89a/*\0\0*/=1;alert(1)")),
    fault("bmp-and-text", "a text that begins like a BMP, of which some letters are its sides", Resize("image dimensions too large"), |_| file(b"BMW is a maker of cars in Munich, Bavaria, and has been so for a hundred years.")),
    fault("tiff-and-text", "a text that begins like a TIFF", UNDECODABLE, |_| file(b"II*\0 is where it begins, and there is no more to it than that.")),
    fault("jpeg-in-utf-8", "a JPEG that somebody took for text", UNSUPPORTED, |ask| plain(String::from_utf8_lossy(&ask.sample(Jpeg)).into_owned().into_bytes().into())),
    fault("png-line-ends", "a PNG whose line ends were changed on the way", UNSUPPORTED, |ask| plain(ask.sample(Png).iter().copied().filter(|&byte| byte != b'\r').collect::<Vec<u8>>().into())),

    fault("truncated-jpeg", "half a JPEG under its own right length", UNDECODABLE, |ask| half_of(ask, Jpeg)),
    fault("truncated-progressive", "half a progressive JPEG", UNDECODABLE, |ask| half_of(ask, ProgressiveJpeg)),
    fault("truncated-png", "half a PNG under its own right length", UNDECODABLE, |ask| half_of(ask, Png)),
    fault("truncated-webp", "half a WebP under its own right length", UNDECODABLE, |ask| half_of(ask, Webp)),
    fault("truncated-gif", "half a GIF", UNDECODABLE, |ask| half_of(ask, Gif)),
    fault("truncated-bmp", "half a BMP", UNDECODABLE, |ask| half_of(ask, Bmp)),
    fault("jpeg-signature-alone", "the first three bytes of a JPEG", UNDECODABLE, |ask| first(ask, Jpeg, 3)),
    fault("png-signature-alone", "the first eight bytes of a PNG", UNDECODABLE, |ask| first(ask, Png, 8)),
    fault("webp-signature-alone", "the first twelve bytes of a WebP", UNDECODABLE, |ask| first(ask, Webp, 12)),
    fault("gif-signature-alone", "the first six bytes of a GIF", UNDECODABLE, |ask| first(ask, Gif, 6)),
    fault("bmp-signature-alone", "the first two bytes of a BMP", UNDECODABLE, |ask| first(ask, Bmp, 2)),
    fault("jpeg-tables-alone", "a JPEG without its scan", UNDECODABLE, |ask| first(ask, Jpeg, 600)),
    fault("png-header-alone", "a PNG's header and nothing behind it", UNDECODABLE, |ask| first(ask, Png, 33)),
    fault("gif-palette-cut", "a GIF that ends in its palette", UNDECODABLE, |ask| first(ask, Gif, 100)),
    fault("bmp-header-alone", "a BMP's header and no pixel", UNDECODABLE, |ask| first(ask, Bmp, 54)),
    fault("jpeg-last-bytes-cut", "a JPEG without its last kilobyte", UNDECODABLE, |ask| { let whole = ask.sample(Jpeg); plain(whole.slice(..whole.len() - 1000)) }),
    fault("png-last-chunk-cut", "a PNG without its last chunk", UNDECODABLE, |ask| { let whole = ask.sample(Png); plain(whole.slice(..whole.len() - 12)) }),

    fault("jpeg-overwritten", "a JPEG with 16 bytes of its scan overwritten", Success, |ask| overwritten(ask, Jpeg, 2, 16)),
    fault("jpeg-header-overwritten", "a JPEG with its tables overwritten", UNDECODABLE, |ask| at_overwritten(ask, Jpeg, 20, 200)),
    fault("png-overwritten", "a PNG with 64 bytes of its data overwritten", UNDECODABLE, |ask| overwritten(ask, Png, 2, 64)),
    fault("png-header-checksum", "a PNG whose header does not fit its checksum", UNDECODABLE, |ask| at_overwritten(ask, Png, 29, 4)),
    fault("webp-overwritten", "a WebP with its first partition overwritten", UNDECODABLE, |ask| at_overwritten(ask, Webp, 20, 12)),
    fault("bmp-header-overwritten", "a BMP with its header overwritten", UNDECODABLE, |ask| at_overwritten(ask, Bmp, 14, 40)),
    fault("gif-header-overwritten", "a GIF with its sides and flags overwritten", UNDECODABLE, |ask| at_overwritten(ask, Gif, 10, 3000)),
    fault("jpeg-twice", "a JPEG behind a JPEG", Success, |ask| { let one = ask.sample(Jpeg); around(&one, &one, b"") }),
    fault("jpeg-no-start", "a JPEG without its first marker", UNSUPPORTED, |ask| plain(ask.sample(Jpeg).slice(2..))),
    fault("jpeg-zeros", "a JPEG whose second half is zeros, as broken copies are", Success, |ask| { let whole = ask.sample(Jpeg); let mut body = whole.to_vec(); body[whole.len() / 2..whole.len() - 2].fill(0); plain(body.into()) }),
];

pub(super) fn plain(body: Bytes) -> Reply {
    Reply::complete("200 OK", &[], body)
}

pub(super) fn file(body: &'static [u8]) -> Reply {
    plain(Bytes::from_static(body))
}

fn around(before: &[u8], file: &[u8], behind: &[u8]) -> Reply {
    plain([before, file, behind].concat().into())
}

fn half_of(ask: &Ask<'_>, format: Format) -> Reply {
    plain(half(&ask.sample(format)).to_vec().into())
}

fn first(ask: &Ask<'_>, format: Format, bytes: usize) -> Reply {
    plain(ask.sample(format).slice(..bytes))
}

/// The file with so many bytes inverted, a `part`th into it.
fn overwritten(ask: &Ask<'_>, format: Format, part: usize, bytes: usize) -> Reply {
    let at = ask.sample(format).len() / part;
    at_overwritten(ask, format, at, bytes)
}

fn at_overwritten(ask: &Ask<'_>, format: Format, at: usize, bytes: usize) -> Reply {
    let mut file = ask.sample(format).to_vec();
    for byte in file[at..].iter_mut().take(bytes) {
        *byte ^= 0xff;
    }
    plain(file.into())
}
