//! Owns the faults of status and policy: status codes without an image, and robots directives.

use bytes::Bytes;

use super::Expect::{Download, Resize, Success};
use super::coding::gzip;
use super::framing::{CHUNKED, joined};
use super::{Expect, Fault, fault};
use crate::pictures::Format;
use crate::web::reply::{Reply, Step, chunked, head};
use crate::web::site::Ask;

const INCOMPLETE: Expect = Download("incomplete body");
const DISALLOWED: &str = "Use of image disallowed by X-Robots-Tag directive";

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("status-203", "203 with the image", Success, |ask| Reply::complete("203 Non-Authoritative Information", &[], ask.sample(Format::Jpeg))),
    fault("status-299", "a code of success nobody registered, with the image", Success, |ask| Reply::complete("299 Whatever", &[], ask.sample(Format::Jpeg))),
    fault("status-201-elsewhere", "201 that says where the image is", Resize("empty body"), |_| Reply::bare("201 Created", &[("Location", "/img/7.jpg")])),
    fault("status-202-page", "202 with a page", Resize("unsupported image format"), |_| Reply::complete("202 Accepted", &[], page())),
    fault("no-content-204", "204", Resize("empty body"), |_| Reply { keep_alive: false, ..Reply::raw(*b"HTTP/1.1 204 No Content\r\n\r\n") }),
    fault("no-content-204-body", "204 with an image, which it cannot have", Resize("empty body"), |ask| Reply::complete("204 No Content", &[], ask.sample(Format::Jpeg))),
    fault("reset-content-205", "205", Resize("empty body"), |_| Reply::bare("205 Reset Content", &[])),
    fault("reset-content-205-chunked", "205 in chunks", Resize("empty body"), |_| Reply::raw(*b"HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
    fault("partial-206", "206 with half the image", INCOMPLETE, |ask| Reply::complete("206 Partial Content", &[("Content-Range", "bytes 0-99/5000")], ask.sample(Format::Jpeg).slice(..100))),
    fault("partial-206-whole", "206 with all of the image", Success, |ask| { let body = ask.sample(Format::Jpeg); part(&whole(body.len()), &[], body) }),
    fault("partial-206-whole-chunked", "the same in chunks", Success, |ask| { let body = ask.sample(Format::Jpeg); part_until_close(&whole(body.len()), &[CHUNKED], &chunked(&body, 1000)) }),
    fault("partial-206-whole-eof", "the same to the connection's end", Success, |ask| { let body = ask.sample(Format::Jpeg); part_until_close(&whole(body.len()), &[], &body) }),
    fault("partial-206-whole-gzip", "206 with all of the image in gzip, whose bytes the range counts", Success, |ask| { let body = gzip(&ask.sample(Format::Bmp)); part(&whole(body.len()), &[("Content-Encoding", "gzip")], body.into()) }),
    fault("partial-206-whole-robots", "206 with all of the image, and a directive", Download(DISALLOWED), |ask| { let body = ask.sample(Format::Jpeg); part(&whole(body.len()), &[("X-Robots-Tag", "noindex")], body) }),
    fault("partial-206-none", "206 without a range", INCOMPLETE, |ask| Reply::complete("206 Partial Content", &[], ask.sample(Format::Jpeg))),
    fault("partial-206-length-unknown", "206 whose range does not tell the whole's length", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part(&format!("bytes 0-{}/*", body.len() - 1), &[], body) }),
    fault("partial-206-later", "206 with all but the first byte", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part(&format!("bytes 1-{}/{}", body.len() - 1, body.len()), &[], body.slice(1..)) }),
    fault("partial-206-earlier", "206 with all but the last byte", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part(&format!("bytes 0-{}/{}", body.len() - 2, body.len()), &[], body.slice(..body.len() - 1)) }),
    fault("partial-206-of-less", "206 whose range is shorter than its length", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part(&whole(body.len() - 1), &[], body) }),
    fault("partial-206-of-more-chunked", "206 in chunks whose range is longer than what comes", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part_until_close(&whole(body.len() + 1), &[CHUNKED], &chunked(&body, 1000)) }),
    fault("partial-206-of-more-eof", "206 to the connection's end whose range is longer than what comes", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part_until_close(&whole(body.len() + 1), &[], &body) }),
    fault("partial-206-two-ranges", "206 with two ranges that differ", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part(&whole(body.len()), &[("Content-Range", "bytes 0-9/10")], body) }),
    fault("partial-206-other-unit", "206 with a range of something else", INCOMPLETE, |ask| { let body = ask.sample(Format::Jpeg); part(&whole(body.len()).replace("bytes", "rows"), &[], body) }),
    fault("status-200-range", "200 with a range, where it means nothing", Success, |ask| Reply::complete("200 OK", &[("Content-Range", "bytes 0-9/5000")], ask.sample(Format::Jpeg))),
    fault("partial-206-multipart", "206 with parts of the image", INCOMPLETE, |_| Reply::complete("206 Partial Content", &[("Content-Type", "multipart/byteranges; boundary=b")], Bytes::from_static(b"--b\r\n\r\nabc\r\n--b--"))),
    fault("status-300", "300 with a Location, which it only recommends", Download("HTTP Error 300: Multiple Choices"), |_| Reply::bare("300 Multiple Choices", &[("Location", "/img/7.jpg")])),
    fault("status-304", "304 though nothing was conditional", Download("HTTP Error 304: Not Modified"), |_| Reply::bare("304 Not Modified", &[])),
    fault("status-304-body", "304 with an image, which it cannot have", Download("HTTP Error 304: Not Modified"), |ask| Reply::complete("304 Not Modified", &[("ETag", "\"x\"")], ask.sample(Format::Jpeg))),
    fault("status-401", "401 that names a scheme", Download("HTTP Error 401: Unauthorized"), |_| Reply::bare("401 Unauthorized", &[("WWW-Authenticate", "Basic realm=\"x\"")])),
    fault("status-403", "403", Download("HTTP Error 403: Forbidden"), |_| Reply::bare("403 Forbidden", &[])),
    fault("status-404", "404 with a page", Download("HTTP Error 404: Not Found"), |_| Reply::complete("404 Not Found", &[("Content-Type", "text/html")], page())),
    fault("status-404-image", "404 with an image", Download("HTTP Error 404: Not Found"), |ask| Reply::complete("404 Not Found", &[("Content-Type", "image/jpeg")], ask.sample(Format::Jpeg))),
    fault("status-404-elsewhere", "404 with a Location", Download("HTTP Error 404: Not Found"), |_| Reply::bare("404 Not Found", &[("Location", "/img/7.jpg")])),
    fault("status-404-bad-chunks", "404 whose chunks are none", Download("HTTP Error 404: Not Found"), |_| Reply::raw(*b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\nxyz")),
    fault("status-404-truncated", "404 that closes in the middle of its body", Download("HTTP Error 404: Not Found"), |_| Reply::raw(*b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\nxyz")),
    fault("status-404-own-words", "404 under a reason of the server's own", Download("HTTP Error 404: Not Found"), |_| Reply::bare("404 <script>oops", &[])),
    fault("status-410", "410", Download("HTTP Error 410: Gone"), |_| Reply::bare("410 Gone", &[])),
    fault("status-418", "418", Download("HTTP Error 418: (Unused)"), |_| Reply::bare("418 I'm a teapot", &[])),
    fault("status-429-retry-after", "429 that asks for a second", Download("HTTP Error 429: Too Many Requests"), |_| Reply::bare("429 Too Many Requests", &[("Retry-After", "1")])),
    fault("status-429-retry-date", "429 that asks to wait until a day that is none", Download("HTTP Error 429: Too Many Requests"), |_| Reply::bare("429 Too Many Requests", &[("Retry-After", "Mon, 31 Feb 2040 25:61:61 GMT")])),
    fault("status-500", "500", Download("HTTP Error 500: Internal Server Error"), |_| Reply::bare("500 Internal Server Error", &[])),
    fault("status-503-then-ok", "503, then the image", Download("HTTP Error 503: Service Unavailable"), first_unavailable),
    fault("status-503-retry-negative", "503 that asks to wait less than nothing", Download("HTTP Error 503: Service Unavailable"), |_| Reply::bare("503 Service Unavailable", &[("Retry-After", "-1")])),
    fault("status-503-retry-huge", "503 that asks to wait for ages", Download("HTTP Error 503: Service Unavailable"), |_| Reply::bare("503 Service Unavailable", &[("Retry-After", "99999999999999999999")])),
    fault("status-999", "the largest code, which some sites send to robots", Download("HTTP Error 999: Unassigned"), |_| Reply::bare("999 Request denied", &[])),
    fault("status-799", "a code nobody registered", Download("HTTP Error 799: Unassigned"), |_| Reply::bare("799 Whatever", &[])),
    fault("error-endless-body", "404 with a body that does not end", Download("HTTP Error 404: Not Found"), |_| Reply::closing([Step::Send(head("404 Not Found", &[]).into()), endless()])),

    fault("robots-noindex", "X-Robots-Tag: noindex", Download(DISALLOWED), |ask| robots(ask, &["noindex"])),
    fault("robots-noai-case", "X-Robots-Tag: NoAI among others", Download(DISALLOWED), |ask| robots(ask, &["nofollow, NoAI"])),
    fault("robots-second-field", "the directive in the second of two fields", Download(DISALLOWED), |ask| robots(ask, &["nofollow", "noimageai"])),
    fault("robots-agent", "a directive for our token", Download(DISALLOWED), |ask| robots(ask, &["fakeweb: noimageindex"])),
    fault("robots-other-agent", "a directive for somebody else's token", Success, |ask| robots(ask, &["otherbot: noindex"])),
    fault("robots-unavailable-after", "noindex before a directive with a colon", Download(DISALLOWED), |ask| robots(ask, &["noindex, unavailable_after: 25 Jun 2040 15:00:00 GMT"])),
    fault("robots-empty", "an empty X-Robots-Tag", Success, |ask| robots(ask, &["", " , ,"])),
    fault("robots-long", "the directive behind 30 KB of others", Download(DISALLOWED), |ask| robots(ask, &[&format!("{}noindex", "nofollow, ".repeat(3000))])),
    fault("robots-error", "a directive on an error", Download("HTTP Error 403: Forbidden"), |_| Reply::bare("403 Forbidden", &[("X-Robots-Tag", "noindex")])),
    fault("robots-harmless", "directives that do not concern us", Success, |ask| robots(ask, &["nofollow, noarchive"])),
];

/// The range of so many bytes, all there are.
fn whole(bytes: usize) -> String {
    format!("bytes 0-{}/{bytes}", bytes - 1)
}

fn part(range: &str, fields: &[(&str, &str)], body: Bytes) -> Reply {
    let fields = [&[("Content-Range", range)], fields].concat();
    Reply::complete("206 Partial Content", &fields, body)
}

/// The same without a length, and then the connection's end.
fn part_until_close(range: &str, fields: &[(&str, &str)], body: &[u8]) -> Reply {
    let fields = [&[("Content-Range", range)], fields].concat();
    joined(&head("206 Partial Content", &fields), body)
}

fn page() -> Bytes {
    Bytes::from_static(b"<!doctype html><title>no</title><p>There is nothing here.")
}

pub(super) fn endless() -> Step {
    Step::Endless(Bytes::from(vec![b'x'; 64 * 1024]))
}

fn first_unavailable(ask: &Ask<'_>) -> Reply {
    if ask.nth == 1 {
        return Reply::bare("503 Service Unavailable", &[]);
    }
    Reply::complete("200 OK", &[], ask.sample(Format::Jpeg))
}

fn robots(ask: &Ask<'_>, values: &[&str]) -> Reply {
    let fields: Vec<_> = values
        .iter()
        .map(|value| ("X-Robots-Tag", *value))
        .collect();
    Reply::complete("200 OK", &fields, ask.sample(Format::Jpeg))
}
