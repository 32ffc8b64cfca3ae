//! Owns the faults of the chunked coding (RFC 9112, section 7.1).

use bytes::Bytes;

use super::Expect::{Download, Resize, Success};
use super::framing::{CHUNKED, jpeg, with_body};
use super::{Expect, Fault, fault};
use crate::web::reply::{Reply, Step, chunked, head};
use crate::web::site::Ask;

const MALFORMED: Expect = Download("malformed response");
const TOO_LARGE: Expect = Download("response too large");
const HEADER: Expect = Download("header too large");

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("chunked", "chunked coding, chunks of 1000 bytes", Success, |ask| with_body(&[CHUNKED], &chunked(&jpeg(ask), 1000))),
    fault("chunked-by-byte", "chunked coding, a byte a chunk", Success, |ask| with_body(&[CHUNKED], &chunked(&jpeg(ask), 1))),
    fault("chunked-extensions", "chunk extensions and a trailer", Success, |ask| with_body(&[CHUNKED], &with_extensions(&jpeg(ask)))),
    fault("chunk-size-zeros", "a size of sixteen digits, most of them zeros", Success, |ask| one_chunk(ask, |n| format!("{n:016x}\r\n"), b"\r\n0\r\n\r\n")),
    fault("chunk-size-lf", "lines that end in LF alone", Success, |ask| one_chunk(ask, |n| format!("{n:x}\n"), b"\n0\n\n")),
    fault("chunk-size-space-behind", "a space behind the size", Success, |ask| one_chunk(ask, |n| format!("{n:x} \r\n"), b"\r\n0\r\n\r\n")),
    fault("chunk-extension-empty", "a semicolon and nothing behind it", Success, |ask| one_chunk(ask, |n| format!("{n:x};\r\n"), b"\r\n0\r\n\r\n")),
    fault("chunk-last-zeros", "a last chunk of many zeros", Success, |ask| one_chunk(ask, |n| format!("{n:x}\r\n"), b"\r\n000000\r\n\r\n")),
    fault("chunk-trailer-length", "a length in the trailer, where it means nothing", Success, |ask| one_chunk(ask, |n| format!("{n:x}\r\n"), b"\r\n0\r\nContent-Length: 3\r\n\r\n")),
    fault("chunk-garbage-behind", "bytes of no meaning behind the last chunk", Success, |ask| one_chunk(ask, |n| format!("{n:x}\r\n"), b"\r\n0\r\n\r\nand so on")),

    fault("chunked-bad-size", "a size that is no number", MALFORMED, |_| chunks(b"xyz\r\nabc\r\n0\r\n\r\n")),
    fault("chunk-size-empty", "a line without a size", MALFORMED, |_| chunks(b"\r\nabc\r\n0\r\n\r\n")),
    fault("chunk-size-extension-alone", "an extension without a size", MALFORMED, |_| chunks(b";name\r\nabc\r\n0\r\n\r\n")),
    fault("chunked-negative-size", "a size with a minus sign", MALFORMED, |_| chunks(b"-5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-plus", "a size with a plus sign", MALFORMED, |_| chunks(b"+5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-prefix", "a size with 0x before it", MALFORMED, |_| chunks(b"0x5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-space-before", "a space before the size", MALFORMED, |_| chunks(b" 5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-space-inside", "a space inside the size", MALFORMED, |_| chunks(b"0 5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-comma", "two sizes", MALFORMED, |_| chunks(b"5,5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-underscore", "a size with an underscore", MALFORMED, |_| chunks(b"0_5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-fraction", "a size with a fraction", MALFORMED, |_| chunks(b"5.0\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-nul", "a NUL behind the size", MALFORMED, |_| chunks(b"5\0\r\nabcde\r\n0\r\n\r\n")),
    fault("chunk-size-cr", "a size line that ends in CR alone", MALFORMED, |_| chunks(b"5\rabcde\r0\r\r")),
    fault("chunk-size-wide-digits", "a size in full-width digits", MALFORMED, |_| chunks("５\r\nabcde\r\n0\r\n\r\n".as_bytes())),
    fault("chunked-huge-size", "a size beyond 64 bits", MALFORMED, |_| chunks(b"fffffffffffffffff\r\nabc")),
    fault("chunk-size-zeros-endless", "a size whose zeros do not end", MALFORMED, |_| Reply::closing([Step::Send(head("200 OK", &[CHUNKED]).into()), Step::Endless(Bytes::from(vec![b'0'; 4096]))])),
    fault("chunk-size-64-bits", "the largest size of 64 bits", TOO_LARGE, |_| chunks(b"ffffffffffffffff\r\nabc")),
    fault("chunk-size-sum-wraps", "two sizes whose sum wraps", TOO_LARGE, |_| chunks(b"3\r\nabc\r\nffffffffffffffff\r\nabc")),
    fault("chunk-size-over-limit", "a size over the limit of a body", TOO_LARGE, |_| chunks(b"3d0901\r\nabc")),
    fault("chunk-sum-over-limit", "sizes whose sum is over the limit of a body", TOO_LARGE, |_| with_body(&[CHUNKED], &chunked(&vec![7; 4_000_001], 1_000_000))),
    fault("chunked-no-crlf", "a chunk without its line end", MALFORMED, |_| chunks(b"3\r\nabcdef\r\n0\r\n\r\n")),
    fault("chunk-short", "a chunk shorter than its size", MALFORMED, |_| chunks(b"6\r\nabc\r\n3\r\nxyz\r\n0\r\n\r\n")),
    fault("chunk-cr-behind", "a chunk that ends in CR alone", MALFORMED, |_| chunks(b"3\r\nabc\r0\r\n\r\n")),
    fault("chunk-not", "chunked coding over plain bytes", MALFORMED, |ask| with_body(&[CHUNKED], &jpeg(ask))),
    fault("chunk-second-head", "another head where a chunk should be", MALFORMED, |_| chunks(b"HTTP/1.1 200 OK\r\n\r\n")),
    fault("chunk-extension-large", "an extension of 20 KB", MALFORMED, |ask| one_chunk(ask, |n| format!("{n:x};{}\r\n", "e".repeat(20_000)), b"\r\n0\r\n\r\n")),
    fault("chunk-extension-endless", "an extension that does not end", MALFORMED, |_| Reply::closing([Step::Send(head("200 OK", &[CHUNKED]).into()), Step::Send(Bytes::from_static(b"1;")), Step::Endless(Bytes::from(vec![b'e'; 4096]))])),
    fault("chunk-extensions-many", "small extensions that never end", MALFORMED, |_| Reply::closing([Step::Send(head("200 OK", &[CHUNKED]).into()), Step::Endless(Bytes::from_static(b"1;extension-of-thirty-two-letters\r\nx\r\n"))])),
    fault("chunk-extension-nul", "an extension with a NUL", MALFORMED, |_| chunks(b"3;a\0b\r\nabc\r\n0\r\n\r\n")),
    fault("chunk-extension-cr", "an extension with a CR of its own", MALFORMED, |_| chunks(b"3;a\rb\r\nabc\r\n0\r\n\r\n")),
    fault("chunk-trailer-large", "a trailer field of 10 KB", HEADER, |ask| one_chunk(ask, |n| format!("{n:x}\r\n"), &[b"\r\n0\r\nX: ", &[b't'; 10_000][..], b"\r\n\r\n"].concat())),
    fault("chunk-trailer-endless", "trailer fields that do not end", HEADER, |_| Reply::closing([Step::Send(head("200 OK", &[CHUNKED]).into()), Step::Send(Bytes::from_static(b"3\r\nabc\r\n0\r\n")), Step::Endless(Bytes::from_static(b"X: y\r\n"))])),
    fault("chunk-trailer-cr", "a trailer line that ends in CR alone", MALFORMED, |_| chunks(b"3\r\nabc\r\n0\r\nX: y\rZ: z\r\n\r\n")),
    fault("chunk-of-text", "a whole chunked body that is no image", Resize("unsupported image format"), |_| chunks(b"3\r\nabc\r\n0\r\n\r\n")),
];

fn chunks(coded: &[u8]) -> Reply {
    with_body(&[CHUNKED], coded)
}

/// The image as one chunk, under a size line made of its length.
fn one_chunk(ask: &Ask<'_>, size_line: fn(usize) -> String, behind: &[u8]) -> Reply {
    let body = jpeg(ask);
    chunks(&[size_line(body.len()).as_bytes(), &body, behind].concat())
}

fn with_extensions(body: &[u8]) -> Vec<u8> {
    let (first, second) = body.split_at(body.len() / 2);
    let mut coded = format!("{:X};name=value\r\n", first.len()).into_bytes();
    coded.extend_from_slice(first);
    coded.extend_from_slice(format!("\r\n00{:x} ; quoted=\"a b\"\r\n", second.len()).as_bytes());
    coded.extend_from_slice(second);
    coded.extend_from_slice(b"\r\n0\r\nX-Trailer: yes\r\n\r\n");
    coded
}
