//! Owns the faults of redirects: their targets, their spelling, and the length of the chain.

use std::time::Duration;

use super::Expect::{Download, Resize, Success};
use super::framing::{joined, jpeg};
use super::{Expect, Fault, Way, fault, row};
use crate::web::reply::{Reply, Step, head};
use crate::web::site::Ask;

const TOO_MANY: Expect = Download("too many redirects");
const BAD: Expect = Download("bad redirect");
const SCHEME: Expect = Download("scheme not allowed");
const ADDRESS: Expect = Download("address not allowed");

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    fault("redirect-301", "301 to the image", Success, |_| to_image("301 Moved Permanently")),
    fault("redirect-302", "302 to the image", Success, |_| to_image("302 Found")),
    fault("redirect-303", "303 to the image", Success, |_| to_image("303 See Other")),
    fault("redirect-307", "307 to the image", Success, |_| to_image("307 Temporary Redirect")),
    fault("redirect-308", "308 to the image", Success, |_| to_image("308 Permanent Redirect")),
    fault("redirect-relative", "a Location relative to the path", Success, |_| found("../img/7.jpg")),
    fault("redirect-dots", "a Location with more dots than the path is deep", Success, |_| found("/a/./../../../img/7.jpg")),
    fault("redirect-query", "a Location of a query alone", Success, |ask| if ask.request.query.is_empty() { found("?image=1") } else { image(ask) }),
    fault("redirect-fragment", "a Location with a fragment", Success, |_| found("/img/7.jpg#top")),
    fault("redirect-userinfo", "a Location with a user and a password", Success, |ask| found(&elsewhere(ask, "http://me:secret@"))),
    fault("redirect-protocol-relative", "a Location without a scheme", Success, |ask| found(&elsewhere(ask, "//"))),
    fault("redirect-backslashes", "a Location with backslashes", Success, |ask| found(&elsewhere(ask, "\\\\").replace('/', "\\"))),
    fault("redirect-one-slash", "a Location with one slash behind the scheme", Success, |_| found("http:/img/7.jpg")),
    fault("redirect-upper-case", "a Location in capitals", Success, |ask| found(&elsewhere(ask, "HTTP://").replace("other.ok.test", "OTHER.OK.TEST"))),
    fault("redirect-trailing-dot", "a Location whose host ends in a dot", Success, |ask| found(&elsewhere(ask, "http://").replace("ok.test", "ok.test."))),
    fault("redirect-idn", "a Location whose host is not ASCII", Success, |ask| found(&elsewhere(ask, "http://bücher."))),
    fault("redirect-tab", "a Location with a tab inside", Success, |_| found("/im\tg/7.jpg")),
    fault("redirect-spaces", "a Location between spaces, with one inside", Success, |_| found("   /img/7.jpg?a b   ")),
    fault("redirect-latin", "a Location with bytes of ISO 8859-1", Success, |_| raw(b"Location: /img/7.jpg?caf\xe9")),
    fault("redirect-folded", "a Location on the line after its name", Success, |_| raw(b"Location:\r\n /img/7.jpg")),
    fault("redirect-two-locations", "two Locations, of which the first counts", Success, |_| raw(b"Location: /img/7.jpg\r\nLocation: http://10.0.0.1/")),
    fault("redirect-other-host", "a Location on another host", Success, |ask| found(&ask.elsewhere("other", "/img/7.jpg"))),
    fault("redirect-drip", "a redirect to itself, a byte of its head a second", Download("timed out"), |ask| Reply::closing([Step::Drip(head("302 Found", &[("Location", &ask.request.path)]).into(), Duration::from_secs(1))])),
    fault("redirect-endless-body", "a redirect with a body that does not end", Success, |_| Reply::closing([Step::Send(head("302 Found", &[("Location", "/img/7.jpg")]).into()), super::status::endless()])),
    fault("redirect-bad-coding", "a redirect whose body has a coding nobody registered", Success, |_| Reply::bare("302 Found", &[("Location", "/img/7.jpg"), ("Content-Encoding", "rot13")])),
    row("redirect-down-to-http", "a Location that leads from https to http", Success, Way::TlsAnswer(|ask| found(&format!("http://other.ok.test:{}/img/7.jpg", ask.http_port())))),
    fault("redirect-10", "ten redirects, then the image", Success, |ask| found(&ask.elsewhere("hop", "/hop/9/7.jpg"))),
    fault("redirect-11", "eleven redirects, then the image", TOO_MANY, |ask| found(&ask.elsewhere("hop", "/hop/10/7.jpg"))),
    fault("redirect-loop", "a redirect to itself", TOO_MANY, |ask| found(&ask.request.path)),
    fault("redirect-ping-pong", "a redirect to where the next leads back", TOO_MANY, |ask| if ask.request.query.is_empty() { found("?back=1") } else { found(&ask.request.path) }),
    fault("redirect-growing", "each Location longer than the one before", TOO_MANY, |ask| found(&format!("{}/more", ask.request.path))),
    fault("redirect-cookie", "a redirect to itself until a cookie is held", Success, |ask| until_held(ask, "a=1", &["a=1"])),
    fault("redirect-cookies", "the same for two cookies", Success, |ask| until_held(ask, "b=2", &["a=1; Path=/; HttpOnly; SameSite=Strict", "b=2; Max-Age=60"])),
    fault("redirect-cookie-path", "a cookie for a path that the next hop is under", Success, |ask| until_held(ask, "a=1", &["a=1; Path=/fault"])),
    fault("redirect-cookie-other-path", "a cookie for another path", TOO_MANY, |ask| until_held(ask, "a=1", &["a=1; Path=/img"])),
    fault("redirect-cookie-domain", "a cookie of one host for the domain of another", Success, |ask| cookie_then(ask, "a=1; Domain=ok.test; Path=/")),
    fault("redirect-cookie-other-host", "a cookie of one host, asked for by another", Download("HTTP Error 403: Forbidden"), |ask| cookie_then(ask, "a=1; Path=/")),
    fault("redirect-cookie-suffix", "a cookie for a domain of one label", Download("HTTP Error 403: Forbidden"), |ask| cookie_then(ask, "a=1; Domain=test; Path=/")),
    fault("redirect-cookie-foreign", "a cookie for a domain that the host is no part of", TOO_MANY, |ask| until_held(ask, "a=1", &["a=1; Domain=web.test"])),
    fault("redirect-cookie-secure", "a cookie for TLS alone, set without", TOO_MANY, |ask| until_held(ask, "a=1", &["a=1; Secure"])),
    row("redirect-cookie-secure-tls", "a cookie for TLS alone, over TLS", Success, Way::TlsAnswer(|ask| until_held(ask, "a=1", &["a=1; Secure"]))),
    fault("redirect-cookie-past", "a cookie whose time is over", TOO_MANY, |ask| until_held(ask, "a=1", &["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT"])),
    fault("redirect-cookie-taken-back", "a cookie that the next field takes back", TOO_MANY, |ask| until_held(ask, "a=1", &["a=1", "a=; Max-Age=0"])),
    fault("redirect-cookie-large", "a cookie larger than any may be", TOO_MANY, |ask| { let large = "1".repeat(5000); until_held(ask, &format!("a={large}"), &[&format!("a={large}")]) }),
    fault("redirect-cookies-many", "ninety cookies, of which the last is asked for", Success, |ask| { let many: Vec<String> = (0..90).map(|n| format!("c{n}={n}")).collect(); until_held(ask, "c89=89", &many.iter().map(String::as_str).collect::<Vec<_>>()) }),
    fault("redirect-cookie-control", "a cookie with an escape character", TOO_MANY, |ask| until_held(ask, "a=1", &["a=1; Path=/\x1b[2J"])),
    fault("redirect-cookie-on-error", "a cookie on an error, which nobody keeps", Download("HTTP Error 403: Forbidden"), |ask| if ask.nth > 1 { image(ask) } else { Reply::bare("403 Forbidden", &[("Set-Cookie", "a=1")]) }),
    fault("redirect-scheme-alone", "a Location of a scheme and nothing behind it", TOO_MANY, |_| found("http:")),
    fault("redirect-fragment-alone", "a Location of a fragment and nothing before it", TOO_MANY, |_| found("#top")),
    fault("redirect-slow-hops", "each redirect after nearly a second", Download("timed out"), |ask| found(&ask.request.path).after(Duration::from_millis(900))),

    fault("redirect-no-location", "302 without a Location", BAD, |_| Reply::bare("302 Found", &[])),
    fault("redirect-content-location", "302 with a Content-Location instead", BAD, |_| Reply::bare("302 Found", &[("Content-Location", "/img/7.jpg")])),
    fault("redirect-refresh", "302 with a Refresh instead", BAD, |_| Reply::bare("302 Found", &[("Refresh", "0;url=/img/7.jpg")])),
    fault("redirect-empty-location", "302 with an empty Location", BAD, |_| found("")),
    fault("redirect-no-url", "a Location that is no URL", BAD, |_| found("http://[nothing")),
    fault("redirect-no-host", "a Location without a host", BAD, |_| found("http://")),
    fault("redirect-port-range", "a Location with a port beyond 65535", BAD, |_| found("http://other.ok.test:65536/img/7.jpg")),
    fault("redirect-port-zero", "a Location with port 0", BAD, |_| found("http://other.ok.test:0/img/7.jpg")),
    fault("redirect-port-word", "a Location with a port that is no number", BAD, |_| found("http://other.ok.test:http/img/7.jpg")),
    fault("redirect-address-range", "a Location at an address beyond 255", BAD, |_| found("http://256.256.256.256/img/7.jpg")),
    fault("redirect-latin-host", "a Location whose host has bytes of ISO 8859-1", BAD, |_| raw(b"Location: http://b\xfccher.ok.test/img/7.jpg")),
    fault("redirect-large", "a Location of 60 KB", Success, |_| found(&format!("/img/7.jpg?{}", "q".repeat(60_000)))),
    fault("redirect-large-encoded", "a Location that percent-encoding makes too long", BAD, |_| found(&format!("/img/7.jpg?{}", "é".repeat(15_000)))),
    fault("redirect-larger-than-a-head", "a Location of 65 KB, which no head has room for", Download("header too large"), |_| found(&format!("/img/7.jpg?{}", "q".repeat(65_536)))),
    fault("redirect-nul", "a Location with a NUL", Download("malformed response"), |_| raw(b"Location: /img/7.jpg\0.png")),
    fault("redirect-split", "a Location followed by a line end in disguise", Success, |_| found("/img/7.jpg?%0d%0aX-Robots-Tag:%20noindex")),

    fault("redirect-to-file", "a Location of scheme file", SCHEME, |_| found("file:///etc/hostname")),
    fault("redirect-to-data", "a Location of scheme data", SCHEME, |_| found("data:image/png;base64,iVBORw0KGgo=")),
    fault("redirect-to-javascript", "a Location of scheme javascript", SCHEME, |_| found("javascript:alert(1)")),
    fault("redirect-to-ftp", "a Location of scheme ftp", SCHEME, |_| found("ftp://other.ok.test/7.jpg")),
    fault("redirect-to-gopher", "a Location of scheme gopher", SCHEME, |_| found("gopher://127.0.0.1:6379/_FLUSHALL")),
    fault("redirect-to-blank", "a Location of scheme about", SCHEME, |_| found("about:blank")),
    fault("redirect-to-app", "a Location that opens an app", SCHEME, |_| found("intent://scan/#Intent;scheme=zxing;end")),
    fault("redirect-to-private", "a Location at a private address", ADDRESS, |_| found("http://10.0.0.1/a.jpg")),
    fault("redirect-to-private-name", "a Location at a name with a private address", ADDRESS, |_| found("http://ip-192-168-1-1.test/a.jpg")),
    fault("redirect-to-metadata", "a Location at a link-local address in decimal", ADDRESS, |_| found("http://2852039166/a.jpg")),
    fault("redirect-to-octal", "a Location at a private address in octal", ADDRESS, |_| found("http://012.0.0.1/a.jpg")),
    fault("redirect-to-mapped", "a Location at a private address mapped into IPv6", ADDRESS, |_| found("http://[::ffff:10.0.0.1]/a.jpg")),
    fault("redirect-to-nat64", "a Location at a private address behind NAT64", ADDRESS, |_| found("https://[64:ff9b::a00:1]/a.jpg")),
    fault("redirect-to-unspecified", "a Location at 0.0.0.0", ADDRESS, |_| found("http://0.0.0.0/a.jpg")),
    fault("redirect-hops-to-private", "a Location at a host that leads on to a private address", ADDRESS, |ask| found(&ask.elsewhere("other", "/fault/redirect-to-private"))),
    fault("redirect-to-no-name", "a Location at a name that does not exist", Download("dns not found"), |_| found("http://nx.test/a.jpg")),
    fault("redirect-three-slashes", "a Location with three slashes, of which browsers take the path for the host", Download("dns not found"), |_| found("http:///img/7.jpg")),
    fault("redirect-to-closed-port", "a Location at a port where nobody listens", Download("connection refused"), |_| found("http://127.0.0.1:1/a.jpg")),
    fault("redirect-to-stall", "a Location at a host that says nothing", Download("timed out"), |ask| found(&ask.elsewhere("other", "/fault/stall-before-head"))),
    fault("redirect-to-404", "a Location at nothing", Download("HTTP Error 404: Not Found"), |_| found("/nothing/here.jpg")),
    fault("redirect-to-page", "a Location at a page", Resize("unsupported image format"), |_| found("/fault/html-200")),
    fault("redirect-to-bad-certificate", "a Location at a host whose certificate has expired", Download("tls certificate error"), |ask| found(&format!("https://cert-expired.ok.test:{}/img/7.jpg", ask.tls_port()))),
    fault("redirect-to-plain-tls", "a Location of scheme https at a plain port", Download("tls handshake error"), |ask| found(&format!("https://other.ok.test{}/img/7.jpg", ask.request.port_suffix()))),
    fault("redirect-robots", "a directive on the redirect itself, where it is none on the image", Success, |_| Reply::bare("302 Found", &[("Location", "/img/7.jpg"), ("X-Robots-Tag", "noindex")])),
    fault("redirect-to-robots", "a Location at an image with a directive", Download("Use of image disallowed by X-Robots-Tag directive"), |_| found("/fault/robots-noindex")),
];

/// The image to who has the cookie, a redirect to here with these to all others.
fn until_held(ask: &Ask<'_>, held: &str, set: &[&str]) -> Reply {
    if ask.request.has_cookie(held) {
        return image(ask);
    }
    let mut fields = vec![("Location", ask.request.path.as_str())];
    fields.extend(set.iter().map(|cookie| ("Set-Cookie", *cookie)));
    Reply::bare("302 Found", &fields)
}

/// A redirect to another host with this cookie; there the image is for who has it.
fn cookie_then(ask: &Ask<'_>, set: &str) -> Reply {
    let there = format!("other.ok.test{}", ask.request.port_suffix());
    if ask.request.host != there {
        let to = format!("http://{there}{}", ask.request.path);
        return Reply::bare("302 Found", &[("Location", &to), ("Set-Cookie", set)]);
    }
    if ask.request.has_cookie("a=1") {
        image(ask)
    } else {
        Reply::bare("403 Forbidden", &[])
    }
}

pub(super) fn found(location: &str) -> Reply {
    Reply::bare("302 Found", &[("Location", location)])
}

fn to_image(status: &str) -> Reply {
    Reply::bare(status, &[("Location", "/img/7.jpg")])
}

/// 302 with this line as it is.
fn raw(line: &[u8]) -> Reply {
    joined(
        &[b"HTTP/1.1 302 Found\r\n", line].concat(),
        b"\r\nContent-Length: 0\r\n\r\n",
    )
}

/// The image on another host, behind `start` and without the usual scheme.
fn elsewhere(ask: &Ask<'_>, start: &str) -> String {
    ask.elsewhere("other", "/img/7.jpg")
        .replace("http://", start)
}

fn image(ask: &Ask<'_>) -> Reply {
    Reply::complete("200 OK", &[], jpeg(ask))
}
