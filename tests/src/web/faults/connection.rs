//! Owns the faults of timing and of connections: silence, slow drips, closes and resets at each stage
//! of a response.

use std::time::Duration;

use bytes::Bytes;

use super::Expect::{Download, Resize, Success};
use super::framing::{CHUNKED, half, half_then, joined, jpeg, send, sized, whole, with_body};
use super::{Expect, Fault, fault};
use crate::web::reply::{Reply, Step, chunked, head};
use crate::web::site::Ask;

const TIMED_OUT: Expect = Download("timed out");
const INCOMPLETE: Expect = Download("incomplete body");
const CLOSED: Expect = Download("connection closed");
const RESET: Expect = Download("connection reset");
const SECOND: Duration = Duration::from_secs(1);

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("stall-before-head", "takes the request, says nothing", TIMED_OUT, |_| Reply::closing([Step::Stall])),
    fault("stall-in-status-line", "stops in the middle of the status line", TIMED_OUT, |_| stall_after(b"HTTP/1.1 2")),
    fault("stall-in-head", "stops in the middle of the header block", TIMED_OUT, |_| stall_after(b"HTTP/1.1 200 OK\r\nContent-Le")),
    fault("stall-before-empty-line", "stops before the header block's empty line", TIMED_OUT, |_| stall_after(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")),
    fault("stall-in-empty-line", "stops between the last carriage return and its line feed", TIMED_OUT, |_| stall_after(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r")),
    fault("stall-after-head", "a whole head, then nothing", TIMED_OUT, |ask| Reply::closing([Step::Send(sized(&jpeg(ask))), Step::Stall])),
    fault("stall-after-interim", "100, then nothing", TIMED_OUT, |_| stall_after(b"HTTP/1.1 100 Continue\r\n\r\n")),
    fault("stall-in-body", "stops in the middle of the body", TIMED_OUT, |ask| half_then(ask, Step::Stall)),
    fault("stall-before-last-byte", "all of the body but its last byte", TIMED_OUT, all_but_one),
    fault("stall-in-eof-body", "stops in a body that would end with the connection", TIMED_OUT, |ask| Reply::closing([send(b"HTTP/1.1 200 OK\r\n\r\n"), Step::Send(jpeg(ask)), Step::Stall])),
    fault("stall-in-chunk-size", "stops in the middle of a chunk's size", TIMED_OUT, |_| stall_in_chunks(b"10")),
    fault("stall-in-chunk", "stops in the middle of a chunk", TIMED_OUT, |_| stall_in_chunks(b"10\r\nabc")),
    fault("stall-before-last-chunk", "stops before the last chunk", TIMED_OUT, |_| stall_in_chunks(b"3\r\nabc\r\n")),
    fault("stall-in-trailer", "stops in the middle of the trailer", TIMED_OUT, |_| stall_in_chunks(b"3\r\nabc\r\n0\r\nX-Trai")),
    fault("stall-in-error", "404, the rest of its body never comes", Download("HTTP Error 404: Not Found"), |_| Reply::closing([Step::Send(head("404 Not Found", &[("Content-Length", "100")]).into()), Step::Stall])),
    fault("stall-in-redirect", "a redirect, the rest of its body never comes", Success, |_| Reply::closing([Step::Send(head("302 Found", &[("Location", "/img/7.jpg"), ("Content-Length", "100")]).into()), Step::Stall])),

    fault("drip", "a byte of the header block a second", TIMED_OUT, |_| Reply::closing([Step::Drip(Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nnever"), SECOND)])),
    fault("drip-in-body", "a byte of the body a second", TIMED_OUT, |ask| Reply::closing([Step::Send(sized(&jpeg(ask))), Step::Drip(jpeg(ask), SECOND)])),
    fault("trickle", "a body just within the limit, 2 KB a second of it", TIMED_OUT, |_| trickle(&[("Content-Length", "4000000")])),
    fault("trickle-until-close", "a body that would end with the connection, 2 KB a second of it", TIMED_OUT, |_| trickle(&[])),
    fault("drip-in-chunks", "a chunk of a byte, a byte a second", TIMED_OUT, |ask| Reply::closing([chunked_head(), Step::Drip(chunked(&jpeg(ask), 1).into(), SECOND)])),
    fault("drip-in-extension", "a chunk extension, a byte a second", TIMED_OUT, |_| Reply::closing([chunked_head(), Step::Drip(Bytes::from_static(b"5;name=value;and;so;on"), SECOND)])),
    fault("drip-in-trailer", "a trailer field, a byte a second", TIMED_OUT, |_| Reply::closing([chunked_head(), send(b"3\r\nabc\r\n0\r\n"), Step::Drip(Bytes::from_static(b"X-Trailer: and so on"), SECOND)])),
    fault("drip-of-empty-lines", "empty lines before the status line, one in two seconds", TIMED_OUT, |_| Reply::closing([Step::Drip(Bytes::from_static(b"\r\n\r\n\r\n\r\n\r\n\r\n"), SECOND)])),
    fault("drip-fast", "the header block a byte at a time, without pauses worth the name", Success, |ask| Reply::closing([Step::Drip(sized(&jpeg(ask)), Duration::from_millis(1)), Step::Send(jpeg(ask))])),
    fault("pause-in-body", "half the body, a pause, the other half", Success, paused),
    fault("pause-in-line-end", "a pause between a carriage return and its line feed", Success, paused_in_line_end),
    fault("pause-in-chunks", "a pause in the middle of a chunk's size", Success, paused_in_chunks),

    fault("close-before-head", "closes instead of answering", CLOSED, |_| Reply::closing([])),
    fault("close-after-interim", "100, then closes", CLOSED, |_| Reply::raw(*b"HTTP/1.1 100 Continue\r\n\r\n")),
    fault("close-after-one-byte", "closes after the first byte", CLOSED, |_| Reply::raw(*b"H")),
    fault("close-in-head", "closes in the middle of the header block", CLOSED, |_| Reply::raw(*b"HTTP/1.1 200 OK\r\nContent-Le")),
    fault("close-after-status-line", "closes after the status line", CLOSED, |_| Reply::raw(*b"HTTP/1.1 200 OK\r\n")),
    fault("close-before-empty-line", "closes before the header block's empty line", CLOSED, |_| Reply::raw(*b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n")),
    fault("half-close-in-head", "closes its own side only, in the middle of the header block", CLOSED, |_| Reply::closing([send(b"HTTP/1.1 200 OK\r\nContent-Le"), Step::HalfClose])),
    fault("close-after-head", "closes after a head that announces a body", INCOMPLETE, |ask| Reply::closing([Step::Send(sized(&jpeg(ask)))])),
    fault("truncated-body", "closes in the middle of a body with a length", INCOMPLETE, |ask| half_then(ask, Step::Pause(Duration::ZERO))),
    fault("close-before-last-byte", "closes before the last byte of a body with a length", INCOMPLETE, |ask| { let body = jpeg(ask); Reply::closing([Step::Send(sized(&body)), Step::Send(body.slice(..body.len() - 1))]) }),
    fault("truncated-chunked", "closes in the middle of a chunk", INCOMPLETE, |ask| with_body(&[CHUNKED], half(&chunked(&jpeg(ask), 1000)))),
    fault("close-in-chunk-size", "closes in the middle of a chunk's size", INCOMPLETE, |_| with_body(&[CHUNKED], b"1")),
    fault("chunked-no-end", "closes before the last chunk", INCOMPLETE, |_| with_body(&[CHUNKED], b"5\r\nabcde\r\n")),
    fault("close-before-trailer-end", "closes after the last chunk's line, before the empty one", INCOMPLETE, |ask| { let mut coded = chunked(&jpeg(ask), 1000); coded.truncate(coded.len() - 2); with_body(&[CHUNKED], &coded) }),
    fault("half-close-before-head", "closes its own side only, without an answer", CLOSED, |_| Reply::closing([Step::HalfClose])),
    fault("half-close-in-body", "closes its own side only, in the middle of the body", INCOMPLETE, |ask| half_then(ask, Step::HalfClose)),
    fault("half-close-after-eof-body", "ends a body by closing its own side only", Success, |ask| Reply::closing([send(b"HTTP/1.1 200 OK\r\n\r\n"), Step::Send(jpeg(ask)), Step::HalfClose])),
    fault("truncated-eof-body", "half an image, ended like a whole one", Resize("Image decoding error"), |ask| with_body(&[], half(&jpeg(ask)))),

    fault("reset", "resets instead of answering", RESET, |_| Reply::closing([Step::Reset])),
    fault("reset-in-head", "resets in the middle of the header block", RESET, |_| reset_after(b"HTTP/1.1 200 OK\r\nContent-Le")),
    fault("reset-after-interim", "100, then a reset", RESET, |_| reset_after(b"HTTP/1.1 100 Continue\r\n\r\n")),
    fault("reset-after-head", "resets after a head that announces a body", RESET, |_| reset_after(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")),
    fault("reset-in-body", "resets in the middle of a body with a length", RESET, |ask| reset_in(ask, half_then)),
    fault("reset-in-chunk", "resets in the middle of a chunk", RESET, |_| reset_after(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc")),
    fault("reset-in-eof-body", "resets where a close would have ended the body", RESET, |_| reset_after(b"HTTP/1.1 200 OK\r\n\r\n\xff\xd8\xff")),
    fault("reset-after-body", "the whole image, then a reset", Success, |ask| { let body = jpeg(ask); Reply::closing([Step::Send(sized(&body)), Step::Send(body), pause(), Step::Reset]) }),
    fault("reset-after-redirect", "a whole redirect, then a reset", Success, |_| reset_after(b"HTTP/1.1 302 Found\r\nLocation: /img/7.jpg\r\nContent-Length: 0\r\n\r\n")),

    fault("second-answer", "a second answer nobody asked for", Success, |ask| { let both = [whole(ask), whole(ask)].concat(); Reply { keep_alive: true, ..Reply::raw(both) } }),
    fault("garbage-after-body", "bytes of no meaning behind the body", Success, |ask| joined(&whole(ask), b"\0\0\0 and so on")),
];

const fn pause() -> Step {
    Step::Pause(Duration::from_millis(100))
}

const fn chunked_head() -> Step {
    send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
}

/// A body that would take half an hour, for a minute.
fn trickle(fields: &[(&str, &str)]) -> Reply {
    let flight = [send(&[0xFF; 2000]), Step::Pause(SECOND)];
    let flights = std::iter::repeat_n(flight, 60).flatten();
    let head = Step::Send(head("200 OK", fields).into());
    Reply::closing(std::iter::once(head).chain(flights).collect::<Vec<_>>())
}

fn stall_after(bytes: &'static [u8]) -> Reply {
    Reply::closing([send(bytes), Step::Stall])
}

fn stall_in_chunks(bytes: &'static [u8]) -> Reply {
    Reply::closing([chunked_head(), send(bytes), Step::Stall])
}

/// The pause lets the bytes be read before the reset overtakes them.
fn reset_after(bytes: &'static [u8]) -> Reply {
    Reply::closing([send(bytes), pause(), Step::Reset])
}

fn reset_in(ask: &Ask<'_>, body: fn(&Ask<'_>, Step) -> Reply) -> Reply {
    let mut reply = body(ask, pause());
    reply.steps.push(Step::Reset);
    reply
}

fn all_but_one(ask: &Ask<'_>) -> Reply {
    let body = jpeg(ask);
    let most = body.slice(..body.len() - 1);
    Reply::closing([Step::Send(sized(&body)), Step::Send(most), Step::Stall])
}

fn paused(ask: &Ask<'_>) -> Reply {
    let mut reply = half_then(ask, pause());
    let body = jpeg(ask);
    reply.steps.push(Step::Send(body.slice(body.len() / 2..)));
    reply
}

fn paused_in_line_end(ask: &Ask<'_>) -> Reply {
    let all = Bytes::from(whole(ask));
    let end = all.len() - jpeg(ask).len() - 1;
    Reply::closing([
        Step::Send(all.slice(..end)),
        pause(),
        Step::Send(all.slice(end..)),
    ])
}

fn paused_in_chunks(ask: &Ask<'_>) -> Reply {
    let coded = Bytes::from(chunked(&jpeg(ask), 1000));
    Reply::closing([
        chunked_head(),
        Step::Send(coded.slice(..1)),
        pause(),
        Step::Send(coded.slice(1..)),
    ])
}
