use std::time::Duration;

use super::*;

const HOST: &str = "http://www.a.example/dir/one.jpg";
const TLS_HOST: &str = "https://www.a.example/dir/one.jpg";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn target(url: &str) -> Target {
    Target::parse(url).unwrap()
}

fn taken(from: &str, values: &[&str]) -> CookieJar {
    let mut jar = CookieJar::default();
    let values: Vec<_> = values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect();
    jar.store(&target(from), &values, now());
    jar
}

fn sent(jar: &CookieJar, to: &str) -> String {
    let mut out = Vec::new();
    let target = target(to);
    assert_eq!(jar.write(&mut out, &target), jar.has_any_for(&target));
    String::from_utf8(out).unwrap()
}

/// What one `Set-Cookie` from `from` gives a request for `to`.
fn echo(from: &str, value: &str, to: &str) -> String {
    sent(&taken(from, &[value]), to)
}

#[test]
fn a_cookie_goes_back_to_the_host_that_set_it() {
    for value in ["a=1", " a = 1 ;", "a=1; HttpOnly; SameSite=Strict; Foo=bar"] {
        assert_eq!(
            echo(HOST, value, "http://www.a.example/dir/x"),
            "a=1",
            "{value:?}"
        );
    }
    assert_eq!(echo(HOST, "a=1", "http://www.a.example:8080/dir/x"), "a=1");
    assert_eq!(echo(HOST, "a=\"b=c\"", HOST), "a=\"b=c\"");
    assert_eq!(echo(HOST, "alone", HOST), "alone");
    assert_eq!(echo(HOST, "=alone", HOST), "alone");
    for other in [
        "http://a.example/dir/x",
        "http://b.www.a.example/dir/x",
        "http://b.example/dir/x",
    ] {
        assert_eq!(echo(HOST, "a=1", other), "", "{other}");
    }
}

#[test]
fn a_domain_must_contain_the_host() {
    for (value, to) in [
        ("a=1; Domain=a.example; Path=/", "http://img.a.example/"),
        ("a=1; domain=.A.Example; Path=/", "http://a.example/"),
        (
            "a=1; Domain=www.a.example; Path=/",
            "http://b.www.a.example/",
        ),
        ("a=1; Domain=; Path=/", "http://www.a.example/"),
    ] {
        assert_eq!(echo(HOST, value, to), "a=1", "{value} {to}");
    }
    for value in [
        "a=1; Domain=a.example; Path=/",
        "a=1; Domain=www.a.example; Path=/",
    ] {
        assert_eq!(echo(HOST, value, "http://xa.example/"), "", "{value}");
    }
    for foreign in [
        "example",
        "b.example",
        "x.www.a.example",
        "ww.a.example",
        "w.a.example",
        "..a.example",
    ] {
        let value = format!("a=1; Domain={foreign}; Path=/");
        let jar = taken(HOST, &[&value]);
        assert!(jar.cookies.is_empty(), "{foreign}");
    }
    assert_eq!(
        echo(
            "http://localhost/",
            "a=1; Domain=localhost",
            "http://localhost/"
        ),
        "a=1"
    );
    assert_eq!(
        echo(
            "http://localhost/",
            "a=1; Domain=localhost",
            "http://x.localhost/"
        ),
        ""
    );
}

#[test]
fn an_address_is_in_no_domain() {
    for (value, own, other) in [
        ("a=1", "a=1", ""),
        ("a=1; Domain=192.0.2.7", "a=1", ""),
        ("a=1; Domain=2.7", "", ""),
        ("a=1; Domain=0.2.7", "", ""),
    ] {
        assert_eq!(
            echo("http://192.0.2.7/", value, "http://192.0.2.7/"),
            own,
            "{value}"
        );
        assert_eq!(
            echo("http://192.0.2.7/", value, "http://1.192.0.2.7.example/"),
            other
        );
    }
}

#[test]
fn a_path_matches_whole_segments() {
    for (value, path, goes) in [
        ("a=1", "/dir/other", true),
        ("a=1", "/dir", true),
        ("a=1", "/directory", false),
        ("a=1", "/", false),
        ("a=1; Path=/", "/any/where", true),
        ("a=1; Path=/dir/", "/dir/x?q", true),
        ("a=1; Path=/dir/", "/dir", false),
        ("a=1; Path=/other", "/dir/x", false),
        ("a=1; Path=relative", "/dir/x", true),
        ("a=1; Path=/other; Path=/dir", "/dir/x", true),
    ] {
        let sent = echo(HOST, value, &format!("http://www.a.example{path}"));
        assert_eq!(!sent.is_empty(), goes, "{value} {path}");
    }
    assert_eq!(
        echo("http://a.example", "a=1", "http://a.example/x/y"),
        "a=1"
    );
}

#[test]
fn longer_paths_come_first_and_then_older_cookies() {
    let jar = taken(
        HOST,
        &[
            "a=1; Path=/",
            "b=2; Path=/dir",
            "c=3; Path=/",
            "a=4; Path=/dir",
        ],
    );
    assert_eq!(sent(&jar, HOST), "b=2; a=4; a=1; c=3");
}

#[test]
fn secure_cookies_are_not_set_sent_or_shadowed_over_plain_http() {
    assert_eq!(echo(HOST, "a=1; Secure", TLS_HOST), "");
    assert_eq!(echo(TLS_HOST, "a=1; Secure", HOST), "");
    assert_eq!(echo(TLS_HOST, "a=1; secure=x", TLS_HOST), "a=1");
    assert_eq!(echo(TLS_HOST, "a=1", HOST), "a=1");
    let mut jar = taken(TLS_HOST, &["a=1; Secure; Path=/"]);
    jar.store(&target(HOST), &[b"a=2".to_vec(), b"b=3".to_vec()], now());
    assert_eq!(sent(&jar, TLS_HOST), "b=3; a=1");
    jar.store(&target("http://b.example/"), &[b"a=2".to_vec()], now());
    assert_eq!(
        sent(&jar, "http://b.example/"),
        "a=2",
        "another host's of that name"
    );
}

#[test]
fn a_name_prefix_must_be_satisfied() {
    for (value, kept) in [
        ("__Secure-a=1; Secure", true),
        ("__Secure-a=1", false),
        ("__Host-a=1; Secure; Path=/", true),
        ("__host-a=1; Secure", false),
        ("__Host-a=1; Path=/", false),
        ("__Host-a=1; Secure; Path=/; Domain=www.a.example", false),
    ] {
        assert_eq!(!echo(TLS_HOST, value, TLS_HOST).is_empty(), kept, "{value}");
    }
}

#[test]
fn an_expired_cookie_deletes() {
    for end in [
        "a=; Max-Age=0",
        "a=x; Max-Age=-5",
        "a=; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=; Expires=Thu, 01-Jan-1970 00:00:00 GMT",
        "a=; Max-Age=0; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
        "a=; Max-Age=-99999999999999999999999",
    ] {
        assert_eq!(
            sent(&taken(HOST, &["b=2", "a=1", end]), HOST),
            "b=2",
            "{end}"
        );
    }
    for stays in [
        "a=1; Max-Age=60",
        "a=1; Max-Age=99999999999999999999999",
        "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "a=1; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
        "a=1; Max-Age=soon",
        "a=1; Expires=0",
    ] {
        assert_eq!(echo(HOST, stays, HOST), "a=1", "{stays}");
    }
}

#[test]
fn invalid_cookies_are_ignored() {
    let controls = [
        "a=1\r\nX: 1",
        "a=\0",
        "a=\u{1b}[2J",
        "\u{7f}=1",
        "a=1; Path=/\u{1}",
    ];
    let long = format!("a={}", "x".repeat(COOKIE_BYTES_MAX));
    for value in ["", ";", "=", " ; Path=/", &long]
        .into_iter()
        .chain(controls)
    {
        let jar = taken(HOST, &[value]);
        assert!(jar.cookies.is_empty(), "{value:?}");
    }
    let latin = vec![b"a=\xe9".to_vec()];
    let mut jar = CookieJar::default();
    jar.store(&target(HOST), &latin, now());
    let mut out = Vec::new();
    assert!(jar.write(&mut out, &target(HOST)));
    assert_eq!(out, b"a=\xe9", "as it came");
}

#[test]
fn a_jar_is_bounded_and_drops_the_oldest_cookie() {
    let many: Vec<_> = (0..200).map(|n| format!("c{n}={n}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let jar = taken(HOST, &many);
    assert_eq!(jar.cookies.len(), COOKIES_MAX);
    assert!(sent(&jar, HOST).ends_with("c199=199"));
    let large = ["a", "b", "c", "d"].map(|name| format!("{name}={}", "x".repeat(4000)));
    let jar = taken(HOST, &large.each_ref().map(String::as_str));
    assert_eq!(jar.cookies.len(), 2);
    assert!(sent(&jar, HOST).len() <= JAR_BYTES_MAX + 2);
    let long = format!("a=1; Path=/{}", "p".repeat(2000));
    assert_eq!(
        echo(HOST, &long, HOST),
        "a=1",
        "an attribute too long is none"
    );
}
