//! Owns the faults of body framing (RFC 9112, section 6): lengths and transfer codings. Faults within
//! chunks are in [`super::chunks`].

use bytes::Bytes;

use super::Expect::{Download, Resize, Success};
use super::coding::gzip;
use super::{Expect, Fault, fault};
use crate::pictures::Format;
use crate::web::reply::{Reply, Step, chunked, head};
use crate::web::site::Ask;

const MALFORMED: Expect = Download("malformed response");
const TOO_LARGE: Expect = Download("response too large");
const EMPTY: Expect = Resize("empty body");
pub(super) const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("length-twice-same", "the same length twice", Success, |ask| lengths(ask, |n| format!("{n}\r\nContent-Length: {n}"))),
    fault("length-list-same", "the same length twice in one field", Success, |ask| lengths(ask, |n| format!("{n}, {n}"))),
    fault("length-zeros", "a length with zeros before it", Success, |ask| lengths(ask, |n| format!("000000000000000000000000{n}"))),
    fault("length-name-case", "the field's name in odd case", Success, |ask| raw_field(ask, |n| format!("cONTENT-lENGTH:{n}"))),
    fault("length-conflict", "two lengths that differ", MALFORMED, |ask| lengths(ask, |n| format!("{n}\r\nContent-Length: {}", n + 1))),
    fault("length-list", "two lengths in one field that differ", MALFORMED, |ask| lengths(ask, |n| format!("{n}, {}", n + 1))),
    fault("length-negative", "a negative length", MALFORMED, |ask| lengths(ask, |n| format!("-{n}"))),
    fault("length-signed", "a length with a plus sign", MALFORMED, |ask| lengths(ask, |n| format!("+{n}"))),
    fault("length-hex", "a hexadecimal length", MALFORMED, |ask| lengths(ask, |n| format!("0x{n:x}"))),
    fault("length-empty", "an empty length", MALFORMED, |ask| lengths(ask, |_| String::new())),
    fault("length-comma", "a length with a comma behind it", MALFORMED, |ask| lengths(ask, |n| format!("{n},"))),
    fault("length-fraction", "a length with a fraction", MALFORMED, |ask| lengths(ask, |n| format!("{n}.0"))),
    fault("length-exponent", "a length with an exponent", MALFORMED, |ask| lengths(ask, |n| format!("{n}e0"))),
    fault("length-spaced", "a length with a space inside", MALFORMED, |ask| lengths(ask, |n| format!("{} {}", n / 10, n % 10))),
    fault("length-quoted", "a length in quotes", MALFORMED, |ask| lengths(ask, |n| format!("\"{n}\""))),
    fault("length-grouped", "a length with an underscore", MALFORMED, |ask| lengths(ask, |n| format!("{}_{}", n / 1000, n % 1000))),
    fault("length-wide-digits", "a length in full-width digits", MALFORMED, |ask| lengths(ask, |n| n.to_string().chars().map(|digit| char::from_u32(digit as u32 + 0xfee0).unwrap_or(digit)).collect())),
    fault("length-with-unit", "a length with its unit", MALFORMED, |ask| lengths(ask, |n| format!("{n} bytes"))),
    fault("length-nul", "a length with a NUL behind it", MALFORMED, |ask| lengths(ask, |n| format!("{n}\0"))),
    fault("length-half", "half the true length", Resize("Image decoding error"), |ask| lengths(ask, |n| (n / 2).to_string())),
    fault("length-over", "one more than the true length", Download("incomplete body"), |ask| lengths(ask, |n| (n + 1).to_string())),
    fault("length-zero", "a length of zero before an image", EMPTY, |ask| lengths(ask, |_| "0".to_owned())),
    fault("length-beyond-64-bits", "a length of 25 digits", TOO_LARGE, |ask| lengths(ask, |_| "9".repeat(25))),
    fault("length-wraps", "a length that wraps to the true one in 64 bits", TOO_LARGE, |ask| lengths(ask, |n| (u128::from(u64::MAX) + 1 + n as u128).to_string())),
    fault("length-wraps-32", "a length that wraps to the true one in 32 bits", TOO_LARGE, |ask| lengths(ask, |n| ((1_u64 << 32) + n as u64).to_string())),
    fault("declared-too-large", "a length of 100 GB", TOO_LARGE, |ask| with_body(&[("Content-Length", "100000000000")], &jpeg(ask))),
    fault("declared-at-limit", "a length of the limit, and less", Download("incomplete body"), |ask| with_body(&[("Content-Length", "4000000")], &jpeg(ask))),
    fault("declared-over-limit", "a length of one more than the limit", TOO_LARGE, |ask| with_body(&[("Content-Length", "4000001")], &jpeg(ask))),
    fault("endless-body", "a body that does not end", TOO_LARGE, |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\n\r\n"), Step::Endless(Bytes::from(vec![0xff; 256 * 1024]))])),
    fault("endless-chunks", "chunks that do not end", TOO_LARGE, |_| Reply::closing([Step::Send(head("200 OK", &[CHUNKED]).into()), Step::Endless(Bytes::from(["10000\r\n".as_bytes(), &[7; 0x10000], b"\r\n"].concat()))])),

    fault("chunked-and-length", "chunked coding with a wrong length beside it", Success, |ask| with_body(&[CHUNKED, ("Content-Length", "3")], &chunked(&jpeg(ask), 1000))),
    fault("length-and-chunked", "a wrong length, then chunked coding", Success, |ask| with_body(&[("Content-Length", "3"), CHUNKED], &chunked(&jpeg(ask), 1000))),
    fault("chunked-and-bad-length", "chunked coding with a length that is no number", MALFORMED, |ask| with_body(&[CHUNKED, ("Content-Length", "many")], &chunked(&jpeg(ask), 1000))),
    fault("transfer-case", "the coding's name in odd case", Success, |ask| transfer(ask, &["cHuNkEd"])),
    fault("transfer-gzip-chunked", "gzip, then chunked", Success, |ask| with_body(&[("Transfer-Encoding", "gzip, chunked")], &chunked(&gzip(&jpeg(ask)), 1000))),
    fault("transfer-in-two-fields", "gzip in one field, chunked in the next", Success, |ask| with_body(&[("Transfer-Encoding", "gzip"), CHUNKED], &chunked(&gzip(&jpeg(ask)), 1000))),
    fault("transfer-unknown-chunked", "a coding nobody registered, then chunked", Download("unsupported encoding"), |ask| transfer(ask, &["rot13, chunked"])),
    fault("transfer-gzip", "gzip without chunked", MALFORMED, |ask| with_body(&[("Transfer-Encoding", "gzip")], &gzip(&jpeg(ask)))),
    fault("transfer-gzip-over-image", "gzip and chunked, and no gzip: framing is not guessed", Download("unsupported encoding"), |ask| transfer(ask, &["gzip, chunked"])),
    fault("transfer-identity", "a coding that was withdrawn and is none, to the connection's end", Success, |ask| with_body(&[("Transfer-Encoding", "identity")], &jpeg(ask))),
    fault("transfer-identity-length", "the same beside a length", Success, |ask| { let body = jpeg(ask); with_body(&[("Transfer-Encoding", "Identity"), ("Content-Length", &body.len().to_string())], &body) }),
    fault("transfer-identity-short", "the same beside a length of one more", Download("incomplete body"), |ask| { let body = jpeg(ask); with_body(&[("Transfer-Encoding", "identity"), ("Content-Length", &(body.len() + 1).to_string())], &body) }),
    fault("transfer-identity-chunked", "identity, then chunked", Success, |ask| transfer(ask, &["identity, chunked"])),
    fault("transfer-identity-and-chunked", "identity in one field, chunked in the next", Success, |ask| transfer(ask, &["identity", "chunked"])),
    fault("transfer-identity-not-chunked", "identity over chunks", Resize("unsupported image format"), |ask| transfer(ask, &["identity"])),
    fault("transfer-identity-parameter", "identity with a parameter", MALFORMED, |ask| transfer(ask, &["identity;q=1"])),
    fault("transfer-gzip-identity", "gzip, then identity, and no chunks", MALFORMED, |ask| with_body(&[("Transfer-Encoding", "gzip, identity")], &gzip(&jpeg(ask)))),
    fault("transfer-empty", "an empty coding", MALFORMED, |ask| transfer(ask, &[""])),
    fault("transfer-comma", "a comma behind chunked", MALFORMED, |ask| transfer(ask, &["chunked,"])),
    fault("transfer-chunked-twice", "chunked twice in one field", MALFORMED, |ask| transfer(ask, &["chunked, chunked"])),
    fault("transfer-chunked-in-two-fields", "chunked in each of two fields", MALFORMED, |ask| transfer(ask, &["chunked", "chunked"])),
    fault("transfer-chunked-gzip", "chunked, and gzip over it", MALFORMED, |ask| transfer(ask, &["chunked, gzip"])),
    fault("transfer-chunked-identity", "chunked in one field, identity in the next", MALFORMED, |ask| transfer(ask, &["chunked", "identity"])),
    fault("transfer-almost-chunked", "a coding whose name ends in chunked", MALFORMED, |ask| transfer(ask, &["xchunked"])),
    fault("transfer-chunked-parameter", "chunked with a parameter", MALFORMED, |ask| transfer(ask, &["chunked;q=1"])),
    fault("transfer-vertical-tab", "a vertical tab before chunked", MALFORMED, |ask| transfer(ask, &["\x0bchunked"])),
    fault("transfer-http10", "chunked coding under HTTP/1.0", Success, |ask| joined(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunked(&jpeg(ask), 1000))),

    fault("http10-eof", "HTTP/1.0, the body ends with the connection", Success, |ask| joined(b"HTTP/1.0 200 OK\r\n\r\n", &jpeg(ask))),
    fault("eof-body", "HTTP/1.1, the body ends with the connection", Success, |ask| with_body(&[], &jpeg(ask))),
    fault("keep-alive-without-length", "a connection that shall stay open, and no length", Success, |ask| with_body(&[("Connection", "keep-alive")], &jpeg(ask))),
    fault("empty-200", "200 and a length of zero", EMPTY, |_| Reply::bare("200 OK", &[])),
    fault("empty-eof", "200 and the connection's end", EMPTY, |_| with_body(&[], b"")),
    fault("empty-chunked", "200 and no chunk but the last", EMPTY, |_| with_body(&[CHUNKED], b"0\r\n\r\n")),
];

pub(super) fn jpeg(ask: &Ask<'_>) -> Bytes {
    ask.sample(Format::Jpeg)
}

pub(super) const fn send(bytes: &'static [u8]) -> Step {
    Step::Send(Bytes::from_static(bytes))
}

/// A head that announces exactly `body`.
pub(super) fn sized(body: &[u8]) -> Bytes {
    head("200 OK", &[("Content-Length", &body.len().to_string())]).into()
}

/// A whole answer as one run of bytes.
pub(super) fn whole(ask: &Ask<'_>) -> Vec<u8> {
    let body = jpeg(ask);
    [&sized(&body)[..], &body].concat()
}

pub(super) fn joined(before: &[u8], after: &[u8]) -> Reply {
    Reply::raw([before, after].concat())
}

/// 200 with these fields alone, the body's bytes as given, then the connection's end.
pub(super) fn with_body(fields: &[(&str, &str)], body: &[u8]) -> Reply {
    joined(&head("200 OK", fields), body)
}

pub(super) fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

pub(super) fn half_then(ask: &Ask<'_>, step: Step) -> Reply {
    let body = jpeg(ask);
    Reply::closing([
        Step::Send(sized(&body)),
        Step::Send(body.slice(..body.len() / 2)),
        step,
    ])
}

/// The image under a Content-Length field with the text made of its true length.
fn lengths(ask: &Ask<'_>, text: fn(usize) -> String) -> Reply {
    let body = jpeg(ask);
    with_body(&[("Content-Length", &text(body.len()))], &body)
}

/// The image under a line made of its true length.
pub(super) fn raw_field(ask: &Ask<'_>, line: fn(usize) -> String) -> Reply {
    let body = jpeg(ask);
    let head = format!("HTTP/1.1 200 OK\r\n{}\r\n\r\n", line(body.len()));
    joined(head.as_bytes(), &body)
}

/// The image in chunks under these Transfer-Encoding fields.
fn transfer(ask: &Ask<'_>, values: &[&str]) -> Reply {
    let fields: Vec<_> = values
        .iter()
        .map(|value| ("Transfer-Encoding", *value))
        .collect();
    with_body(&fields, &chunked(&jpeg(ask), 1000))
}
