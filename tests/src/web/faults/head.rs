//! Owns the faults at the start of a response (RFC 9112, section 4): status lines, other protocols,
//! interim responses.

use std::time::Duration;

use bytes::Bytes;

use super::Expect::{Download, Success};
use super::framing::{joined, jpeg, send, whole};
use super::{Expect, Fault, fault};
use crate::web::reply::{Reply, Step};
use crate::web::site::Ask;

const MALFORMED: Expect = Download("malformed response");
const HEADER: Expect = Download("header too large");

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("status-line-bad", "a status that is no number", MALFORMED, |_| Reply::raw(*b"HTTP/1.1 OK fine\r\n\r\n")),
    fault("status-line-alone", "a version and nothing behind it", MALFORMED, |ask| first_line(ask, b"HTTP/1.1")),
    fault("status-line-no-status", "a version and a space", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 ")),
    fault("status-line-lower-case", "the protocol's name in lower case", MALFORMED, |ask| first_line(ask, b"http/1.1 200 OK")),
    fault("status-line-version-2", "HTTP/2 in the form of HTTP/1", MALFORMED, |ask| first_line(ask, b"HTTP/2 200 OK")),
    fault("status-line-version-0-9", "HTTP/0.9 in the form of HTTP/1", MALFORMED, |ask| first_line(ask, b"HTTP/0.9 200 OK")),
    fault("status-line-version-1-2", "a minor version nobody wrote", Success, |ask| first_line(ask, b"HTTP/1.2 200 OK")),
    fault("status-line-version-1-10", "a minor version of two digits", MALFORMED, |ask| first_line(ask, b"HTTP/1.10 200 OK")),
    fault("status-line-space-before", "a space before the status line", MALFORMED, |ask| first_line(ask, b" HTTP/1.1 200 OK")),
    fault("status-line-bom", "a byte order mark before the status line", MALFORMED, |ask| first_line(ask, b"\xef\xbb\xbfHTTP/1.1 200 OK")),
    fault("status-line-tab", "a tab before the status", MALFORMED, |ask| first_line(ask, b"HTTP/1.1\t200 OK")),
    fault("status-line-two-spaces", "two spaces before the status", Success, |ask| first_line(ask, b"HTTP/1.1  200 OK")),
    fault("status-line-no-space", "no space before the status", MALFORMED, |ask| first_line(ask, b"HTTP/1.1200 OK")),
    fault("status-two-digits", "a status of two digits", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 20 OK")),
    fault("status-four-digits", "a status of four digits", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 2000 OK")),
    fault("status-zero", "the status 000", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 000 Nothing")),
    fault("status-under-100", "the status 099", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 099 Less")),
    fault("status-signed", "a status with a sign", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 +200 OK")),
    fault("status-hex", "a status in hexadecimal", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 0xC8 OK")),
    fault("status-wide-digits", "a status in full-width digits", MALFORMED, |ask| first_line(ask, "HTTP/1.1 ２００ OK".as_bytes())),
    fault("reason-absent", "a status and nothing behind it", Success, |ask| first_line(ask, b"HTTP/1.1 200")),
    fault("reason-empty", "an empty reason", Success, |ask| first_line(ask, b"HTTP/1.1 200 ")),
    fault("reason-latin", "a reason with letters of ISO 8859-1", Success, |ask| first_line(ask, b"HTTP/1.1 200 D'\xe9querre")),
    fault("reason-large", "a reason of 10 KB", Success, |ask| first_line(ask, &[&b"HTTP/1.1 200 "[..], &[b'O'; 10_000]].concat())),
    fault("reason-endless", "a reason that does not end", HEADER, |_| Reply::closing([send(b"HTTP/1.1 200 "), Step::Endless(Bytes::from(vec![b'O'; 4096]))])),
    fault("reason-nul", "a reason with a NUL", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 200 O\0K")),
    fault("reason-cr", "a reason with a CR of its own", MALFORMED, |ask| first_line(ask, b"HTTP/1.1 200 O\rK")),
    fault("head-cr-line-ends", "header lines that end in CR alone", MALFORMED, |ask| joined(b"HTTP/1.1 200 OK\rContent-Length: 5\r\r", &jpeg(ask))),
    fault("lf-line-ends", "header lines that end in LF alone", Success, lf_line_ends),
    fault("head-empty-lines", "empty lines before the status line", Success, |ask| joined(b"\r\n\r\n\n\r\n", &whole(ask))),
    fault("head-empty-lines-endless", "empty lines that do not end", HEADER, |_| Reply::closing([Step::Endless(Bytes::from_static(b"\r\n\r\n\r\n\r\n"))])),
    fault("head-in-utf-16", "a head in two bytes a letter", MALFORMED, |_| Reply::raw("HTTP/1.1 200 OK\r\n\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())),

    fault("not-http", "a mail server's greeting", MALFORMED, |_| Reply::raw(*b"220 mail.ok.test ESMTP ready\r\n\r\n")),
    fault("not-http-ssh", "a secure shell's greeting", MALFORMED, |_| Reply::raw(*b"SSH-2.0-OpenSSH_9.6\r\n")),
    fault("not-http-redis", "a key-value store's complaint", MALFORMED, |_| Reply::raw(*b"-ERR wrong number of arguments for 'get' command\r\n")),
    fault("not-http-icy", "a radio station's answer", MALFORMED, |ask| first_line(ask, b"ICY 200 OK")),
    fault("not-http-rtsp", "a camera's answer", MALFORMED, |ask| first_line(ask, b"RTSP/1.0 200 OK")),
    fault("not-http-tls", "a TLS alert to a plain request", MALFORMED, |_| Reply::raw(*b"\x15\x03\x01\x00\x02\x02\x46")),
    fault("not-http-2", "the settings frame that opens HTTP/2", MALFORMED, |_| Reply::raw(*b"\0\0\x0c\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\0\xff\xff")),
    fault("not-http-0-9", "an image and no head, as HTTP/0.9 had it", MALFORMED, |ask| Reply::raw(jpeg(ask))),
    fault("not-http-page", "a page and no head", MALFORMED, |_| Reply::raw(*b"<html><body>It works!</body></html>")),
    fault("not-http-zeros", "zeros", MALFORMED, |_| Reply::raw([0; 64])),
    fault("not-http-endless", "noise that does not end", MALFORMED, |_| Reply::closing([Step::Endless(Bytes::from((0..4096_u32).map(|n| ((n * 167) >> 3) as u8).collect::<Vec<u8>>()))])),
    fault("not-http-echo", "the request itself", MALFORMED, |ask| Reply::raw(format!("GET {} HTTP/1.1\r\n\r\n", ask.request.path))),

    fault("interim-100", "100 before the answer", Success, |ask| joined(b"HTTP/1.1 100 Continue\r\n\r\n", &whole(ask))),
    fault("interim-102", "102 before the answer", Success, |ask| joined(b"HTTP/1.1 102 Processing\r\n\r\n", &whole(ask))),
    fault("interim-103", "103 with fields before the answer", Success, |ask| joined(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", &whole(ask))),
    fault("interim-unregistered", "199 before the answer", Success, |ask| joined(b"HTTP/1.1 199 Whatever\r\n\r\n", &whole(ask))),
    fault("interim-robots", "a directive in an interim answer, where it means nothing", Success, |ask| joined(b"HTTP/1.1 103 Early Hints\r\nX-Robots-Tag: noindex\r\n\r\n", &whole(ask))),
    fault("interim-10", "ten interim answers before the answer", Success, |ask| joined(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(10), &whole(ask))),
    fault("interim-11", "eleven interim answers before the answer", MALFORMED, |ask| joined(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(11), &whole(ask))),
    fault("interim-endless", "nothing but interim answers", MALFORMED, |_| Reply::closing([Step::Endless(Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n"))])),
    fault("interim-drip", "an interim answer every half second", Download("timed out"), |_| Reply::closing((0..10).flat_map(|_| [send(b"HTTP/1.1 100 Continue\r\n\r\n"), Step::Pause(Duration::from_millis(500))]).collect::<Vec<_>>())),
    fault("interim-with-body", "an interim answer with a length and a body", MALFORMED, |ask| joined(b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nhello", &whole(ask))),
    fault("interim-large", "an interim answer of 80 KB", HEADER, |ask| joined(&[b"HTTP/1.1 103 Early Hints\r\nLink: ", &[b'l'; 80_000][..], b"\r\n\r\n"].concat(), &whole(ask))),
    fault("interim-101", "101 to a request that asked for no other protocol", MALFORMED, |ask| joined(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", &whole(ask))),
    fault("interim-malformed", "an interim answer whose length is no number", MALFORMED, |ask| joined(b"HTTP/1.1 100 Continue\r\nContent-Length: x\r\n\r\n", &whole(ask))),
];

/// The image's answer under another first line.
fn first_line(ask: &Ask<'_>, line: &[u8]) -> Reply {
    let body = jpeg(ask);
    let fields = format!("\r\nContent-Length: {}\r\n\r\n", body.len());
    Reply::raw([line, fields.as_bytes(), &body].concat())
}

fn lf_line_ends(ask: &Ask<'_>) -> Reply {
    let body = jpeg(ask);
    let head = format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n", body.len());
    joined(head.as_bytes(), &body)
}
