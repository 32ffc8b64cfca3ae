//! Owns the faults of the connection and of HTTP/1.1 framing (RFC 9112).

use std::time::Duration;

use bytes::Bytes;

use super::Expect::{Download, Resize, Success};
use super::{Fault, fault};
use crate::pictures::Format;
use crate::web::reply::{Reply, Step, chunked, head};
use crate::web::site::Ask;

const MALFORMED: super::Expect = Download("malformed response");
const INCOMPLETE: super::Expect = Download("incomplete body");
const CHUNKED: (&str, &str) = ("Transfer-Encoding", "chunked");

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("stall-before-head", "takes the request, says nothing", Download("timed out"), |_| Reply::closing([Step::Stall])),
    fault("stall-in-head", "stops in the middle of the header block", Download("timed out"), |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\nContent-Le"), Step::Stall])),
    fault("stall-in-body", "stops in the middle of the body", Download("timed out"), |ask| half_then(ask, Step::Stall)),
    fault("drip", "a byte of the header block a second", Download("timed out"), |_| Reply::closing([Step::Drip(Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnever"))])),
    fault("drip-in-body", "a byte of the body a second", Download("timed out"), |ask| Reply::closing([Step::Send(sized(&jpeg(ask))), Step::Drip(jpeg(ask))])),
    fault("pause-in-body", "half the body, a pause, the other half", Success, paused),

    fault("close-before-head", "closes instead of answering", Download("connection closed"), |_| Reply::closing([])),
    fault("reset", "resets instead of answering", Download("connection reset"), |_| Reply::closing([Step::Reset])),
    fault("close-in-head", "closes in the middle of the header block", MALFORMED, |_| Reply::raw(*b"HTTP/1.1 200 OK\r\nContent-Le")),
    fault("truncated-body", "closes in the middle of a body with a length", INCOMPLETE, |ask| half_then(ask, Step::Pause(Duration::ZERO))),
    fault("truncated-chunked", "closes in the middle of a chunk", INCOMPLETE, |ask| with_body(&[CHUNKED], half(&chunked(&jpeg(ask), 1000)))),
    fault("chunked-no-end", "closes before the last chunk", INCOMPLETE, |ask| with_body(&[CHUNKED], without_end(&jpeg(ask)))),
    fault("partial-206", "206 with half the image", INCOMPLETE, |ask| Reply::complete("206 Partial Content", &[("Content-Range", "bytes 0-99/5000")], jpeg(ask).slice(..100))),

    fault("chunked", "chunked coding, chunks of 1000 bytes", Success, |ask| with_body(&[CHUNKED], &chunked(&jpeg(ask), 1000))),
    fault("chunked-by-byte", "chunked coding, a byte a chunk", Success, |ask| with_body(&[CHUNKED], &chunked(&jpeg(ask), 1))),
    fault("chunked-extensions", "chunk extensions and a trailer", Success, |ask| with_body(&[CHUNKED], &with_extensions(&jpeg(ask)))),
    fault("chunked-and-length", "chunked coding with a wrong length beside it", Success, |ask| with_body(&[CHUNKED, ("Content-Length", "3")], &chunked(&jpeg(ask), 1000))),
    fault("chunked-bad-size", "a chunk size that is no number", MALFORMED, |_| with_body(&[CHUNKED], b"xyz\r\nabc\r\n0\r\n\r\n")),
    fault("chunked-negative-size", "a chunk size with a sign", MALFORMED, |_| with_body(&[CHUNKED], b"-5\r\nabcde\r\n0\r\n\r\n")),
    fault("chunked-huge-size", "a chunk size beyond 64 bits", MALFORMED, |_| with_body(&[CHUNKED], b"fffffffffffffffff\r\nabc")),
    fault("chunked-no-crlf", "a chunk without its line end", MALFORMED, |_| with_body(&[CHUNKED], b"3\r\nabcdef\r\n0\r\n\r\n")),

    fault("length-twice-same", "the same length twice", Success, |ask| lengths(ask, |n| format!("{n}\r\nContent-Length: {n}"))),
    fault("length-conflict", "two lengths that differ", MALFORMED, |ask| lengths(ask, |n| format!("{n}\r\nContent-Length: {}", n + 1))),
    fault("length-list", "two lengths in one field that differ", MALFORMED, |ask| lengths(ask, |n| format!("{n}, {}", n + 1))),
    fault("length-negative", "a negative length", MALFORMED, |ask| lengths(ask, |n| format!("-{n}"))),
    fault("length-signed", "a length with a plus sign", MALFORMED, |ask| lengths(ask, |n| format!("+{n}"))),
    fault("length-hex", "a hexadecimal length", MALFORMED, |ask| lengths(ask, |n| format!("0x{n:x}"))),
    fault("length-empty", "an empty length", MALFORMED, |ask| lengths(ask, |_| String::new())),

    fault("lf-line-ends", "header lines that end in LF alone", Success, lf_line_ends),
    fault("http10-eof", "HTTP/1.0, the body ends with the connection", Success, |ask| joined(b"HTTP/1.0 200 OK\r\n\r\n", &jpeg(ask))),
    fault("eof-body", "HTTP/1.1, the body ends with the connection", Success, |ask| with_body(&[], &jpeg(ask))),
    fault("interim-100", "100 before the answer", Success, |ask| joined(b"HTTP/1.1 100 Continue\r\n\r\n", &whole(ask))),
    fault("interim-103", "103 with fields before the answer", Success, |ask| joined(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", &whole(ask))),
    fault("interim-endless", "nothing but interim answers", MALFORMED, |_| Reply::closing([Step::Endless(Bytes::from_static(b"HTTP/1.1 100 Continue\r\n\r\n"))])),
    fault("not-http", "a greeting of another protocol", MALFORMED, |_| Reply::raw(*b"220 mail.ok.test ESMTP ready\r\n\r\n")),
    fault("status-line-bad", "a status that is no number", MALFORMED, |_| Reply::raw(*b"HTTP/1.1 OK fine\r\n\r\n")),
    fault("header-no-colon", "a header line without a colon, passed over", Success, |ask| joined(b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", &jpeg(ask))),
    fault("header-spaced-length", "a space before the colon of a length", Success, spaced_length),
    fault("length-in-nonsense", "a line that hides a second length", MALFORMED, hidden_length),
    fault("header-nul", "a header value with a NUL", MALFORMED, |_| Reply::raw(*b"HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n")),
    fault("huge-header", "one field of 128 KiB", Download("header too large"), |ask| Reply::complete("200 OK", &[("X-Huge", &"h".repeat(128 * 1024))], jpeg(ask))),
    fault("endless-header", "a header block that does not end", Download("header too large"), |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\nA: "), Step::Endless(Bytes::from(vec![b'a'; 4096]))])),
    fault("too-many-fields", "a thousand short fields", Download("header too large"), |ask| Reply::complete("200 OK", &[("A", "b"); 1000], jpeg(ask))),

    fault("empty-200", "200 and a length of zero", Resize("empty body"), |_| Reply::bare("200 OK", &[])),
    fault("empty-eof", "200 and the connection's end", Resize("empty body"), |_| with_body(&[], b"")),
    fault("no-content-204", "204", Resize("empty body"), |_| Reply { keep_alive: false, ..Reply::raw(*b"HTTP/1.1 204 No Content\r\n\r\n") }),
    fault("reset-content-205", "205", Resize("empty body"), |_| Reply::bare("205 Reset Content", &[])),
    fault("declared-too-large", "a length of 100 GB", Download("response too large"), |ask| with_body(&[("Content-Length", "100000000000")], &jpeg(ask))),
    fault("endless-body", "a body that does not end", Download("response too large"), |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\n\r\n"), Step::Endless(Bytes::from(vec![0xff; 256 * 1024]))])),
];

fn jpeg(ask: &Ask<'_>) -> Bytes {
    ask.sample(Format::Jpeg)
}

fn send(bytes: &'static [u8]) -> Step {
    Step::Send(Bytes::from_static(bytes))
}

/// A head that announces exactly `body`.
fn sized(body: &[u8]) -> Bytes {
    head("200 OK", &[("Content-Length", &body.len().to_string())]).into()
}

/// A whole answer as one run of bytes.
fn whole(ask: &Ask<'_>) -> Vec<u8> {
    let body = jpeg(ask);
    [&sized(&body)[..], &body].concat()
}

fn joined(before: &[u8], after: &[u8]) -> Reply {
    Reply::raw([before, after].concat())
}

/// 200 with these fields alone, the body's bytes as given, then the connection's end.
fn with_body(fields: &[(&str, &str)], body: &[u8]) -> Reply {
    joined(&head("200 OK", fields), body)
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

fn half_then(ask: &Ask<'_>, step: Step) -> Reply {
    let body = jpeg(ask);
    Reply::closing([
        Step::Send(sized(&body)),
        Step::Send(body.slice(..body.len() / 2)),
        step,
    ])
}

fn paused(ask: &Ask<'_>) -> Reply {
    let mut reply = half_then(ask, Step::Pause(Duration::from_millis(200)));
    let body = jpeg(ask);
    reply.steps.push(Step::Send(body.slice(body.len() / 2..)));
    reply
}

fn without_end(body: &[u8]) -> &'static [u8] {
    // A whole chunk and no last one; the content is of no matter where nothing is complete.
    debug_assert!(!body.is_empty());
    b"5\r\nabcde\r\n"
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

/// The image under a Content-Length field with the text made of its true length.
fn lengths(ask: &Ask<'_>, text: fn(usize) -> String) -> Reply {
    let body = jpeg(ask);
    with_body(&[("Content-Length", &text(body.len()))], &body)
}

fn lf_line_ends(ask: &Ask<'_>) -> Reply {
    let body = jpeg(ask);
    joined(
        format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n", body.len()).as_bytes(),
        &body,
    )
}

fn spaced_length(ask: &Ask<'_>) -> Reply {
    let body = jpeg(ask);
    joined(
        format!("HTTP/1.1 200 OK\r\nContent-Length : {}\r\n\r\n", body.len()).as_bytes(),
        &body,
    )
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
