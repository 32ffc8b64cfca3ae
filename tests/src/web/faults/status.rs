//! Owns the faults of status and policy: error codes, redirects, robots directives.

use bytes::Bytes;

use super::Expect::{Download, Success};
use super::{Fault, fault};
use crate::pictures::Format;
use crate::web::reply::{Reply, Step, head};
use crate::web::site::Ask;

const DISALLOWED: &str = "Use of image disallowed by X-Robots-Tag directive";

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("status-304", "304 though nothing was conditional", Download("HTTP Error 304: Not Modified"), |_| Reply::bare("304 Not Modified", &[])),
    fault("status-403", "403", Download("HTTP Error 403: Forbidden"), |_| Reply::bare("403 Forbidden", &[])),
    fault("status-404", "404 with a page", Download("HTTP Error 404: Not Found"), |_| Reply::complete("404 Not Found", &[("Content-Type", "text/html")], page())),
    fault("status-404-own-words", "404 under a reason of the server's own", Download("HTTP Error 404: Not Found"), |_| Reply::bare("404 <script>oops", &[])),
    fault("status-410", "410", Download("HTTP Error 410: Gone"), |_| Reply::bare("410 Gone", &[])),
    fault("status-418", "418", Download("HTTP Error 418: (Unused)"), |_| Reply::bare("418 I'm a teapot", &[])),
    fault("status-429-retry-after", "429 that asks for a second", Download("HTTP Error 429: Too Many Requests"), |_| Reply::bare("429 Too Many Requests", &[("Retry-After", "1")])),
    fault("status-500", "500", Download("HTTP Error 500: Internal Server Error"), |_| Reply::bare("500 Internal Server Error", &[])),
    fault("status-503-then-ok", "503, then the image", Download("HTTP Error 503: Service Unavailable"), first_unavailable),
    fault("status-799", "a code nobody registered", Download("HTTP Error 799: Unassigned"), |_| Reply::bare("799 Whatever", &[])),
    fault("error-endless-body", "404 with a body that does not end", Download("HTTP Error 404: Not Found"), |_| Reply::closing([Step::Send(head("404 Not Found", &[]).into()), endless()])),

    fault("redirect-301", "301 to the image", Success, |ask| to_image(ask, "301 Moved Permanently")),
    fault("redirect-302", "302 to the image", Success, |ask| to_image(ask, "302 Found")),
    fault("redirect-303", "303 to the image", Success, |ask| to_image(ask, "303 See Other")),
    fault("redirect-307", "307 to the image", Success, |ask| to_image(ask, "307 Temporary Redirect")),
    fault("redirect-308", "308 to the image", Success, |ask| to_image(ask, "308 Permanent Redirect")),
    fault("redirect-relative", "a Location relative to the path", Success, |_| found("../img/7.jpg")),
    fault("redirect-other-host", "a Location on another host", Success, |ask| found(&ask.elsewhere("other", "/img/7.jpg"))),
    fault("redirect-endless-body", "a redirect with a body that does not end", Success, redirect_with_endless_body),
    fault("redirect-10", "ten redirects, then the image", Success, |ask| found(&ask.elsewhere("hop", "/hop/9/7.jpg"))),
    fault("redirect-11", "eleven redirects, then the image", Download("too many redirects"), |ask| found(&ask.elsewhere("hop", "/hop/10/7.jpg"))),
    fault("redirect-loop", "a redirect to itself", Download("too many redirects"), |ask| found(&ask.request.path)),
    fault("redirect-no-location", "302 without a Location", Download("bad redirect"), |_| Reply::bare("302 Found", &[])),
    fault("redirect-no-url", "a Location that is no URL", Download("bad redirect"), |_| found("http://[nothing")),
    fault("redirect-to-file", "a Location of scheme file", Download("scheme not allowed"), |_| found("file:///etc/hostname")),
    fault("redirect-to-private", "a Location at a private address", Download("address not allowed"), |_| found("http://10.0.0.1/a.jpg")),
    fault("redirect-to-metadata", "a Location at a link-local address in decimal", Download("address not allowed"), |_| found("http://2852039166/a.jpg")),

    fault("robots-noindex", "X-Robots-Tag: noindex", Download(DISALLOWED), |ask| robots(ask, &["noindex"])),
    fault("robots-noai-case", "X-Robots-Tag: NoAI among others", Download(DISALLOWED), |ask| robots(ask, &["nofollow, NoAI"])),
    fault("robots-second-field", "the directive in the second of two fields", Download(DISALLOWED), |ask| robots(ask, &["nofollow", "noimageai"])),
    fault("robots-agent", "a directive for our token", Download(DISALLOWED), |ask| robots(ask, &["fakeweb: noimageindex"])),
    fault("robots-other-agent", "a directive for somebody else's token", Success, |ask| robots(ask, &["otherbot: noindex"])),
    fault("robots-unavailable-after", "noindex before a directive with a colon", Download(DISALLOWED), |ask| robots(ask, &["noindex, unavailable_after: 25 Jun 2040 15:00:00 GMT"])),
    fault("robots-harmless", "directives that do not concern us", Success, |ask| robots(ask, &["nofollow, noarchive"])),
];

fn page() -> Bytes {
    Bytes::from_static(b"<!doctype html><title>no</title><p>There is nothing here.")
}

fn endless() -> Step {
    Step::Endless(Bytes::from(vec![b'x'; 64 * 1024]))
}

fn found(location: &str) -> Reply {
    Reply::bare("302 Found", &[("Location", location)])
}

fn to_image(_: &Ask<'_>, status: &str) -> Reply {
    Reply::bare(status, &[("Location", "/img/7.jpg")])
}

fn first_unavailable(ask: &Ask<'_>) -> Reply {
    if ask.nth == 1 {
        return Reply::bare("503 Service Unavailable", &[]);
    }
    Reply::complete("200 OK", &[], ask.sample(Format::Jpeg))
}

fn redirect_with_endless_body(_: &Ask<'_>) -> Reply {
    let head = head("302 Found", &[("Location", "/img/7.jpg")]);
    Reply::closing([Step::Send(head.into()), endless()])
}

fn robots(ask: &Ask<'_>, values: &[&str]) -> Reply {
    let fields: Vec<_> = values
        .iter()
        .map(|value| ("X-Robots-Tag", *value))
        .collect();
    Reply::complete("200 OK", &fields, ask.sample(Format::Jpeg))
}
