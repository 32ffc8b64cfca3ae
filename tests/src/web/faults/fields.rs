//! Owns the faults of header fields (RFC 9112, section 5): names, values, folding, number and size.

use bytes::Bytes;

use super::Expect::{Download, Success};
use super::framing::{joined, jpeg, raw_field, send};
use super::{Expect, Fault, fault};
use crate::web::reply::{Reply, Step};
use crate::web::site::Ask;

const MALFORMED: Expect = Download("malformed response");
const HEADER: Expect = Download("header too large");
/// The limit of a header block, bytes, and of its fields.
const BLOCK_BYTES: usize = 64 * 1024;
const FIELDS: usize = 100;

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("header-no-colon", "a line without a colon, passed over", Success, |ask| with_line(ask, b"nonsense")),
    fault("header-no-name", "a line that begins with a colon", Success, |ask| with_line(ask, b": value")),
    fault("header-spaced-name", "a space inside a name", Success, |ask| with_line(ask, b"My Header: value")),
    fault("header-latin-name", "a name with letters of ISO 8859-1", Success, |ask| with_line(ask, b"X-\xe9t\xe9: value")),
    fault("header-latin-value", "a value with letters of ISO 8859-1", Success, |ask| with_line(ask, b"X-Season: \xe9t\xe9")),
    fault("header-utf-8-value", "a value in UTF-8", Success, |ask| with_line(ask, "X-Name: 猫".as_bytes())),
    fault("header-control-value", "a value with control characters", Success, |ask| with_line(ask, b"X-Odd: a\x01\x1b[2Jb\x7f")),
    fault("header-tab-value", "a value between tabs", Success, |ask| with_line(ask, b"X-Tab:\t\tvalue\t")),
    fault("header-empty-value", "a value of nothing", Success, |ask| with_line(ask, b"X-Empty:")),
    fault("header-nul", "a value with a NUL", MALFORMED, |_| Reply::raw(*b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n")),
    fault("header-nul-name", "a name with a NUL", MALFORMED, |ask| with_line(ask, b"X-\0: value")),
    fault("header-cr-hides-length", "a CR in a value, and behind it what may be a length", MALFORMED, |ask| with_line(ask, b"X-Odd: a\rContent-Length: 3")),
    fault("header-spaced-length", "a space before the colon of a length", Success, |ask| raw_field(ask, |n| format!("Content-Length : {n}"))),
    fault("header-spaced-transfer", "a space before the colon of a coding, and no chunks", MALFORMED, |ask| with_line(ask, b"Transfer-Encoding : gzip")),
    fault("length-in-nonsense", "a line that hides a second length", MALFORMED, hidden_length),
    fault("length-name-nul", "a length whose name ends in a NUL", MALFORMED, |ask| with_line(ask, b"Content-Length\0: 3")),
    fault("length-without-colon", "a length without its colon beside the true one", MALFORMED, |ask| with_line(ask, b"Content-Length 3")),
    fault("transfer-with-nonsense", "a coding's name with a letter that names cannot have", MALFORMED, |ask| with_line(ask, b"Transfer-Encoding\xa0: chunked")),

    fault("folded-value", "a value on two lines", Success, |ask| with_line(ask, b"X-Long: one\r\n two")),
    fault("folded-by-tab", "a value on two lines, the second after a tab", Success, |ask| with_line(ask, b"X-Long: one\r\n\ttwo")),
    fault("folded-length", "a length on the line after its name", Success, |ask| raw_field(ask, |n| format!("Content-Length:\r\n {n}"))),
    fault("folded-length-in-two", "a length that goes on on the next line", MALFORMED, |ask| raw_field(ask, |n| format!("Content-Length: {}\r\n {}", n / 10, n % 10))),
    fault("folded-hides-length", "a second length in a line that continues another field", MALFORMED, |ask| with_line(ask, b"X-Long: one\r\n Content-Length: 3")),
    fault("folded-hides-transfer", "a coding in a line that continues another field", MALFORMED, |ask| with_line(ask, b"X-Long: one\r\n Transfer-Encoding: chunked")),
    fault("folded-robots", "a directive on the line after its name", Download("Use of image disallowed by X-Robots-Tag directive"), |ask| with_line(ask, b"X-Robots-Tag: nofollow,\r\n noindex")),

    fault("fields-100", "as many fields as may be", Success, |ask| with_line(ask, &many(FIELDS - 1))),
    fault("fields-101", "one field more than may be", HEADER, |ask| with_line(ask, &many(FIELDS))),
    fault("too-many-fields", "a thousand short fields", HEADER, |ask| Reply::complete("200 OK", &[("A", "b"); 1000], jpeg(ask))),
    fault("block-at-limit", "a header block of the limit", Success, |ask| block_of(ask, BLOCK_BYTES)),
    fault("block-over-limit", "a header block a byte over the limit", HEADER, |ask| block_of(ask, BLOCK_BYTES + 1)),
    fault("huge-header", "one field of 128 KiB", HEADER, |ask| Reply::complete("200 OK", &[("X-Huge", &"h".repeat(128 * 1024))], jpeg(ask))),
    fault("endless-header", "a value that does not end", HEADER, |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\nA: "), Step::Endless(Bytes::from(vec![b'a'; 4096]))])),
    fault("endless-fields", "fields that do not end", HEADER, |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\n"), Step::Endless(Bytes::from_static(b"A: b\r\n"))])),
    fault("endless-name", "a name that does not end", HEADER, |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\n"), Step::Endless(Bytes::from(vec![b'n'; 4096]))])),
    fault("endless-folding", "a value whose lines do not end", HEADER, |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\nA: b\r\n"), Step::Endless(Bytes::from_static(b" and so on\r\n"))])),

    fault("connection-odd", "a Connection field that names others", Success, |ask| with_line(ask, b"Connection: close, Content-Length, , keep-alive")),
    fault("upgrade-offered", "an offer of other protocols", Success, |ask| with_line(ask, b"Upgrade: h2,h2c\r\nConnection: Upgrade")),
    fault("date-nonsense", "dates that are none", Success, |ask| with_line(ask, b"Date: yesterday\r\nExpires: -1\r\nLast-Modified: 99 Foo 0000")),
];

/// The image's answer with one more line, or several, before the length.
fn with_line(ask: &Ask<'_>, line: &[u8]) -> Reply {
    let body = jpeg(ask);
    let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    joined(
        &[b"HTTP/1.1 200 OK\r\n", line, length.as_bytes()].concat(),
        &body,
    )
}

/// So many lines, the last without its end.
fn many(fields: usize) -> Vec<u8> {
    let lines = vec!["X-More: yes"; fields];
    lines.join("\r\n").into_bytes()
}

/// The image's answer under a header block of so many bytes.
fn block_of(ask: &Ask<'_>, bytes: usize) -> Reply {
    let body = jpeg(ask);
    let length = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    let start = b"HTTP/1.1 200 OK\r\nX-Fill: ";
    let fill = vec![b'f'; bytes - start.len() - length.len()];
    joined(&[start, &fill[..], length.as_bytes()].concat(), &body)
}

/// One parser may pass over a line that another takes for the length.
fn hidden_length(ask: &Ask<'_>) -> Reply {
    let body = jpeg(ask);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length{{: 3\r\nContent-Length: {}",
        body.len()
    );
    joined(
        format!("{head}\r\nContent-Length\0: 4\r\n\r\n").as_bytes(),
        &body,
    )
}
