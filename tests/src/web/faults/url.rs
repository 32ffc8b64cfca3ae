//! Owns the faults of URLs as found in lists: odd spellings that are valid, and invalid ones (WHATWG
//! URL, RFC 5891).

use super::Expect::{Download, Resize, Success};
use super::{Expect, Fault, Way, row};
use crate::web::Web;

const INVALID: Expect = Download("invalid url");
const SCHEME: Expect = Download("scheme not allowed");
const ADDRESS: Expect = Download("address not allowed");
/// The longest URL that is asked for, bytes.
const URL_BYTES: usize = 65_536;

#[rustfmt::skip]
pub(super) const FAULTS: &[Fault] = &[
    url("url-empty", "nothing", INVALID, |_| String::new()),
    url("url-spaces", "spaces", INVALID, |_| "   ".into()),
    url("url-words", "words", INVALID, |_| "not a url".into()),
    url("url-null-word", "what a missing value was written as", INVALID, |_| "None".into()),
    url("url-no-scheme", "a host and a path", INVALID, |_| "example.com/a.jpg".into()),
    url("url-no-scheme-slashes", "a URL relative to a page's scheme", INVALID, |web| web.url_at("a.ok.test", "/img/7.jpg").replace("http:", "")),
    url("url-path", "a path alone", INVALID, |_| "/img/7.jpg".into()),
    url("url-path-windows", "a path of another system, of which the drive is no scheme of ours", SCHEME, |_| "C:\\images\\7.jpg".into()),
    url("url-no-colon", "a scheme without its colon", INVALID, |_| "http//a.ok.test/7.jpg".into()),
    url("url-no-host", "a scheme alone", INVALID, |_| "http://".into()),
    url("url-host-of-slashes", "slashes for a host", INVALID, |_| "http://///".into()),
    url("url-host-dot", "a dot for a host", INVALID, |_| "http://./a.jpg".into()),
    url("url-port-zero", "port 0", INVALID, |_| "http://a.ok.test:0/a.jpg".into()),
    url("url-port-range", "a port beyond 65535", INVALID, |_| "http://a.ok.test:65536/a.jpg".into()),
    url("url-port-negative", "a negative port", INVALID, |_| "http://a.ok.test:-1/a.jpg".into()),
    url("url-port-word", "a port that is no number", INVALID, |_| "http://a.ok.test:http/a.jpg".into()),
    url("url-port-twice", "two ports", INVALID, |_| "http://a.ok.test:80:80/a.jpg".into()),
    url("url-host-space", "a space in the host", INVALID, |_| "http://a b.ok.test/a.jpg".into()),
    url("url-host-nul", "a NUL in the host", INVALID, |_| "http://a\0.ok.test/a.jpg".into()),
    url("url-host-bracket", "a bracket in the host", INVALID, |_| "http://a[.ok.test/a.jpg".into()),
    url("url-host-angle", "a sign that hosts cannot have", INVALID, |_| "http://<a>.ok.test/a.jpg".into()),
    url("url-host-bad-percent", "a percent sign and no digits in the host", INVALID, |_| "http://a%zz.ok.test/a.jpg".into()),
    url("url-host-coded-slash", "a percent-encoded slash in the host", INVALID, |_| "http://a%2f.ok.test/a.jpg".into()),
    url("url-host-template", "a template that nobody filled in", INVALID, |_| "http://{{host}}.ok.test|x/a.jpg".into()),
    url("url-punycode-broken", "an international label that decodes to nothing", INVALID, |_| "http://xn--zzzzzzzz99999999999.ok.test/a.jpg".into()),
    url("url-v6-open", "an IPv6 address without its bracket", INVALID, |_| "http://[::1/a.jpg".into()),
    url("url-v6-bare", "an IPv6 address without brackets", INVALID, |_| "http://2001:db8::1/a.jpg".into()),
    url("url-v6-behind", "letters behind an IPv6 address", INVALID, |_| "http://[::1]a/a.jpg".into()),
    url("url-v6-twice-short", "an IPv6 address shortened twice", INVALID, |_| "http://[1::2::3]/a.jpg".into()),
    url("url-v6-long", "an IPv6 address of nine parts", INVALID, |_| "http://[1:2:3:4:5:6:7:8:9]/a.jpg".into()),
    url("url-v6-zone", "an IPv6 address with a zone", INVALID, |_| "http://[fe80::1%25eth0]/a.jpg".into()),
    url("url-v6-zone-raw", "an IPv6 address with a zone, not encoded", INVALID, |_| "http://[fe80::1%lo]/a.jpg".into()),
    url("url-v4-range", "an IPv4 address beyond 255", INVALID, |_| "http://1.2.3.256/a.jpg".into()),
    url("url-v4-five", "an IPv4 address of five parts", INVALID, |_| "http://1.2.3.4.5/a.jpg".into()),
    url("url-v4-octal-bad", "an octal part with a 9", INVALID, |_| "http://09.0.0.1/a.jpg".into()),
    url("url-v4-hex-range", "an address of 33 bits in hexadecimal", INVALID, |_| "http://0x100000000/a.jpg".into()),
    url("url-v4-empty-part", "an IPv4 address with an empty part", INVALID, |_| "http://1..2.3/a.jpg".into()),
    url("url-v4-negative", "an IPv4 address with a minus sign", INVALID, |_| "http://127.0.0.-1:99999/a.jpg".into()),
    url("url-long", "a URL of one byte more than may be", INVALID, |web| long(web, URL_BYTES + 1, "q")),
    url("url-megabyte", "a URL of a megabyte", INVALID, |web| long(web, 1 << 20, "q")),
    url("url-long-encoded", "a URL that percent-encoding makes too long", INVALID, |web| long(web, URL_BYTES, "é")),

    url("url-ftp", "scheme ftp", SCHEME, |_| "ftp://a.ok.test/a.jpg".into()),
    url("url-file", "scheme file", SCHEME, |_| "file:///etc/hostname".into()),
    url("url-data", "an image in the URL itself", SCHEME, |_| "data:image/png;base64,iVBORw0KGgo=".into()),
    url("url-javascript", "scheme javascript", SCHEME, |_| "javascript:alert(1)".into()),
    url("url-blob", "what only the browser knew that made it", SCHEME, |_| "blob:http://a.ok.test/1b4e28ba".into()),
    url("url-about", "scheme about", SCHEME, |_| "about:blank".into()),
    url("url-mailto", "scheme mailto", SCHEME, |_| "mailto:a@ok.test".into()),
    url("url-websocket", "scheme ws", SCHEME, |_| "ws://a.ok.test/a".into()),
    url("url-gopher", "scheme gopher", SCHEME, |_| "gopher://127.0.0.1:70/1".into()),
    url("url-bucket", "an object store's URL", SCHEME, |_| "s3://bucket/a.jpg".into()),
    url("url-misspelt", "a scheme with a letter missing", SCHEME, |_| "htp://a.ok.test/a.jpg".into()),
    url("url-view-source", "a scheme around ours", SCHEME, |_| "view-source:http://a.ok.test/a.jpg".into()),
    url("url-host-port", "a host and a port, of which the host is taken for a scheme", SCHEME, |_| "localhost:8080/a.jpg".into()),

    url("url-private", "a private address", ADDRESS, |_| "http://10.0.0.1/a.jpg".into()),
    url("url-private-octal", "a private address in octal", ADDRESS, |_| "http://012.0.0.1/a.jpg".into()),
    url("url-private-hex", "a private address in hexadecimal", ADDRESS, |_| "http://0xA000001/a.jpg".into()),
    url("url-private-decimal", "a private address in one number", ADDRESS, |_| "http://167772161/a.jpg".into()),
    url("url-private-short", "a private address of two parts", ADDRESS, |_| "http://10.1/a.jpg".into()),
    url("url-private-wide", "a private address in full-width digits", ADDRESS, |_| "http://１０。0。0。1/a.jpg".into()),
    url("url-private-encoded", "a private address, percent-encoded", ADDRESS, |_| "http://%31%30.0.0.1/a.jpg".into()),
    url("url-private-mapped", "a private address mapped into IPv6", ADDRESS, |_| "http://[::ffff:a00:1]/a.jpg".into()),
    url("url-private-6to4", "a private address behind 6to4", ADDRESS, |_| "http://[2002:a00:1::]/a.jpg".into()),
    url("url-metadata", "a cloud's metadata", ADDRESS, |_| "http://169.254.169.254/latest/meta-data/".into()),
    url("url-multicast", "a multicast address", ADDRESS, |_| "http://224.0.0.251/a.jpg".into()),
    url("url-broadcast", "everybody", ADDRESS, |_| "http://255.255.255.255/a.jpg".into()),
    url("url-userinfo-deceives", "a host that is only a user's name, before a private address", ADDRESS, |_| "http://a.ok.test@10.0.0.1/a.jpg".into()),

    url("url-spaces-around", "spaces and line ends around a URL", Success, |web| format!(" \t\r\n{} \n", image(web, "a.ok.test"))),
    url("url-line-end-inside", "a line end inside a URL, which browsers drop", Success, |web| image(web, "a.ok.test").replace("img", "i\r\nmg")),
    url("url-upper-case", "scheme and host in capitals", Success, |web| image(web, "A.OK.TEST").replace("http", "HTTP")),
    url("url-one-slash", "one slash behind the scheme", Success, |web| image(web, "a.ok.test").replace("//", "/")),
    url("url-no-slash", "no slash behind the scheme", Success, |web| image(web, "a.ok.test").replace("//", "")),
    url("url-backslashes", "backslashes", Success, |web| image(web, "a.ok.test").replace('/', "\\")),
    url("url-userinfo", "a user and a password", Success, |web| image(web, "me:secret@a.ok.test")),
    url("url-userinfo-twice", "a user's name with an at sign", Success, |web| image(web, "me@home@a.ok.test")),
    url("url-trailing-dot", "a host that ends in a dot", Success, |web| image(web, "a.ok.test.")),
    url("url-underscore", "a host with an underscore", Success, |web| image(web, "a_b.ok.test")),
    url("url-host-percent", "a percent-encoded letter in the host", Success, |web| image(web, "%61.ok.test")),
    url("url-idn", "a host that is not ASCII", Success, |web| image(web, "bücher.ok.test")),
    url("url-idn-emoji", "a picture for a host", Success, |web| image(web, "💩.ok.test")),
    url("url-idn-soft-hyphen", "a soft hyphen in the host, which is dropped", Success, |web| image(web, "a\u{ad}b.ok.test")),
    url("url-idn-wide", "a host in full-width letters", Success, |web| image(web, "ａ．ｏｋ．ｔｅｓｔ")),
    url("url-loopback-decimal", "an allowed address in one number", Success, |web| image(web, "2130706433")),
    url("url-loopback-hex", "an allowed address in hexadecimal and short", Success, |web| image(web, "0x7f.1")),
    url("url-loopback-octal", "an allowed address in octal", Success, |web| image(web, "0177.0.0.1")),
    url("url-loopback-dot", "an allowed address that ends in a dot", Success, |web| image(web, "127.0.0.1.")),
    url("url-fragment", "a fragment, which is not sent", Success, |web| image(web, "a.ok.test") + "#top"),
    url("url-query-odd", "a query with signs that no request may have", Success, |web| image(web, "a.ok.test") + "?a=\" <>\\^`{|}\u{7}\0é💩%zz%"),
    url("url-dots", "a path with dots, some of them encoded", Success, |web| web.url_at("a.ok.test", "/x/../%2e%2e/./img/y/../7.jpg")),
    url("url-at-limit", "a URL of as many bytes as may be", Success, |web| long(web, URL_BYTES, "q")),
    url("url-at-limit-tls", "the same over TLS", Success, |web| { let url = web.tls_url_at("a.ok.test", "/img/7.jpg?"); let rest = URL_BYTES - url.len(); url + &"q".repeat(rest) }),
    url("url-9-kilobytes", "a URL of 9 KB, as signed ones are", Success, |web| long(web, 9000, "signature=%2B&")),
    url("url-encoded-at-limit", "a URL that percent-encoding makes nearly as long as may be", Success, |web| long(web, 21_000, "é")),
    url("url-host-60-kilobytes", "a host of 60 KB", Download("dns not found"), |web| image(web, &"abcdefg.".repeat(7500))),
    url("url-right-to-left", "a mark in the query that turns text around", Success, |web| image(web, "a.ok.test") + "?\u{202e}gpj.7"),

    url("url-label-64", "a label of 64 letters", Download("dns not found"), |web| image(web, &format!("{}.ok.test", "a".repeat(64)))),
    url("url-host-254", "a host of more than 253 letters", Download("dns not found"), |web| image(web, &format!("{}ok.test", "abcdefg.".repeat(40)))),
    url("url-empty-label", "a host with an empty label", Download("dns not found"), |web| image(web, "a..ok.test")),
    url("url-closed-port", "a port where nobody listens", Download("connection refused"), |_| "http://127.0.0.1:1/a.jpg".into()),
    url("url-closed-port-tls", "a port where nobody listens, over TLS", Download("connection refused"), |_| "https://127.0.0.1:1/a.jpg".into()),
    url("url-tls-on-plain-port", "scheme https at a plain port", Download("tls handshake error"), |web| image(web, "a.ok.test").replace("http:", "https:")),
    url("url-plain-on-tls-port", "scheme http at a port of TLS", Download("malformed response"), |web| web.tls_url_at("a.ok.test", "/img/7.jpg").replace("https:", "http:")),
    url("url-encoded-path", "a path whose percent-encoded letters the server does not undo", Download("HTTP Error 404: Not Found"), |web| web.url_at("a.ok.test", "/%69mg/7.jpg")),
    url("url-entity", "a query from a page, its ampersands still entities", Success, |web| image(web, "a.ok.test") + "?w=9&amp;h=9"),
    url("url-two-in-one", "two URLs joined by a comma, of which the second is part of the path", Download("HTTP Error 404: Not Found"), |web| { let one = image(web, "a.ok.test"); format!("{one},{one}") }),
    url("url-page", "a page's URL instead of its image's", Resize("unsupported image format"), |web| web.url_at("a.ok.test", "/fault/html-200")),
];

const fn url(
    name: &'static str,
    does: &'static str,
    expect: Expect,
    make: fn(&Web) -> String,
) -> Fault {
    row(name, does, expect, Way::Url(make))
}

fn image(web: &Web, host: &str) -> String {
    web.url_at(host, "/img/7.jpg")
}

/// The image's URL with a query that makes it so many bytes, of this text again and again.
fn long(web: &Web, bytes: usize, text: &str) -> String {
    let mut url = image(web, "a.ok.test") + "?";
    while url.len() + text.len() <= bytes {
        url += text;
    }
    url
}
