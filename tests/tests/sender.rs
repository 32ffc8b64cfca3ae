//! End to end: who asks. The user agent, further fields, the referrer, what of it goes where, and URLs of
//! any length that may be.

use std::path::Path;

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::{rows, rows_by_url, text};
use turbo2ds_tests::web::{Ports, Said, Web};

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// What the request for a path said, of a run with these options over one URL, on each backend.
fn said(web: &Web, url: &str, path: &str, options: &[(&str, &str)]) -> [Said; 2] {
    ["uring", "epoll"].map(|io| {
        let mut job = Job::of_urls(web, [url]).option("--io", io);
        for (name, value) in options {
            job = job.option(name, *value);
        }
        let authority = job.file("authority.pem", web.authority_pem());
        job.env("SSL_CERT_FILE", authority).succeed();
        web.said(path).expect("the path was asked for")
    })
}

#[test]
fn a_user_agent_is_what_the_options_make_of_it() {
    let web = web();
    let own = concat!("turbo2ds/", env!("CARGO_PKG_VERSION"));
    let bot = "mybot/1.0 (+https://example.org/bot; bot@example.org)";
    for (options, agent) in [
        (&[][..], own.to_owned()),
        (&[("--user_agent_token", "None")], own.to_owned()),
        (
            &[("--user_agent_token", "Mozilla/5.0")],
            format!("{own} (compatible; Mozilla/5.0)"),
        ),
        (
            &[("--user_agent_token", bot)],
            format!("{own} (compatible; {bot})"),
        ),
        (
            &[("--contact", "https://example.org/bot")],
            format!("{own} (+https://example.org/bot)"),
        ),
        (&[("--user_agent", bot)], bot.to_owned()),
    ] {
        let url = web.url("/img/1.jpg?said=1");
        for said in said(&web, &url, "/img/1.jpg", options) {
            assert_eq!(said.field("user-agent"), Some(&*agent), "{options:?}");
            assert_eq!(said.field("referer"), None);
            assert_eq!(said.field("cookie"), None);
        }
    }
}

#[test]
fn a_directive_is_obeyed_for_the_product_of_the_agent() {
    let web = web();
    for (options, obeyed) in [
        (
            &[("--user_agent_token", "FakeWeb/1.0 (+https://example.org)")][..],
            true,
        ),
        (&[("--user_agent", "fakeweb/2 (me@example.org)")], true),
        (
            &[
                ("--user_agent", "other/2"),
                ("--user_agent_token", "fakeweb"),
            ],
            true,
        ),
        (&[("--user_agent", "other/2 fakeweb/1")], false),
        (&[("--user_agent_token", "fakewebs")], false),
    ] {
        let url = web.url("/fault/robots-agent");
        let mut job = Job::of_urls(&web, [&url]);
        for (name, value) in options {
            job = job.option(name, *value);
        }
        job.succeed();
        let message = rows_by_url(&job.output())[&url]["error_message"].clone();
        let disallowed = "Use of image disallowed by X-Robots-Tag directive";
        assert_eq!(
            message.as_deref(),
            obeyed.then_some(disallowed),
            "{options:?}"
        );
    }
}

const CREDENTIALS: &str = r#"["Authorization: Bearer s3cret", "Cookie: mine=s3cret", "X-Api-Key: s3cret", "X-Plain: a, b", "Accept: image/webp"]"#;

#[test]
fn fields_are_sent_and_credentials_to_the_first_origin_alone() {
    let web = web();
    let port = web.ports().http;
    let options = [("--header", CREDENTIALS)];
    let here = format!("/via/{port}/a.ok.test/img/1.jpg");
    for (url, path, to_first) in [
        (
            web.url_at("a.ok.test", "/img/1.jpg?said=1"),
            "/img/1.jpg",
            true,
        ),
        (web.url_at("a.ok.test", &here), "/img/1.jpg", true),
        (
            web.url_at("a.ok.test", &format!("/via/{port}/b.ok.test/img/2.jpg")),
            "/img/2.jpg",
            false,
        ),
        (
            web.url_at(
                "a.ok.test",
                &format!("/via/{}/a.ok.test/img/3.jpg", web.ports().tls),
            ),
            "/img/3.jpg",
            false,
        ),
        (
            web.url_at("a.ok.test", &format!("/via/{port}/b.ok.test{here}")),
            "/img/1.jpg",
            false,
        ),
    ] {
        for said in said(&web, &url, path, &options) {
            let secrets = ["authorization", "cookie", "x-api-key"];
            let sent = secrets.map(|name| said.field(name).is_some());
            assert_eq!(sent, [to_first; 3], "{url}: {:?}", said.fields);
            assert_eq!(said.field("x-plain"), Some("a, b"), "{url}");
            assert_eq!(said.field("accept"), Some("image/webp"), "{url}");
        }
    }
}

#[test]
fn a_header_may_be_given_again_and_again() {
    let web = web();
    let list = web.url("/img/1.jpg?said=1");
    let job = Job::of_urls(&web, [list])
        .option("--header", "X-One: 1, 2")
        .option("--header=X-Two: 3", "--header=X-Three:4");
    job.succeed();
    let said = web.said("/img/1.jpg").expect("asked for");
    let found = ["x-one", "x-two", "x-three"].map(|name| said.field(name));
    assert_eq!(found, [Some("1, 2"), Some("3"), Some("4")]);
}

#[test]
fn no_value_of_a_field_is_told_or_written() {
    let web = web();
    let urls = [
        web.url("/img/1.jpg"),
        web.url("/fault/status-404"),
        "http://nx.test/".to_owned(),
    ];
    for (options, code) in [
        (&[("--log_json", "True"), ("--retries", "1")][..], 0),
        (&[("--log_json", "False")], 0),
        (&[("--image_size", "0")], 2),
        (&[("--user_agent", "x"), ("--contact", "a@b.example")], 2),
        (
            &[
                ("--output_format", "parquet"),
                ("--output_folder", "/dev/null/no"),
            ],
            1,
        ),
    ] {
        let mut job = Job::of_urls(&web, &urls)
            .env("RUST_LOG", "trace")
            .option("--header", CREDENTIALS);
        for (name, value) in options {
            job = job.option(name, *value);
        }
        let outcome = job.run();
        assert_eq!(outcome.code, Some(code), "{options:?}: {outcome}");
        assert!(!outcome.to_string().contains("s3cret"), "{outcome}");
        assert_without_secret(&job.output());
    }
}

/// Looks through every file of a dataset.
fn assert_without_secret(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            assert_without_secret(&path);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(6).any(|six| six == b"s3cret");
        assert!(!found, "{}", path.display());
    }
}

#[test]
fn a_referrer_is_sent_but_never_from_https_to_http() {
    let web = web();
    let Ports { http, tls, .. } = web.ports();
    let to_tls = format!("/via/{tls}/b.ok.test/img/2.jpg");
    let to_http = format!("/via/{http}/b.ok.test/img/2.jpg");
    let page = "https://page.example/gallery";
    let plain_page = "http://page.example/gallery";
    for (referer, url, expected) in [
        ("None", web.url_at("a.ok.test", &to_http), None),
        (
            "auto",
            web.url_at("a.ok.test", &to_http),
            Some(format!("http://a.ok.test:{http}/")),
        ),
        (
            "auto",
            web.url_at("a.ok.test", &to_tls),
            Some(format!("http://a.ok.test:{http}/")),
        ),
        (
            "auto",
            web.tls_url_at("a.ok.test", &to_tls),
            Some(format!("https://a.ok.test:{tls}/")),
        ),
        ("auto", web.tls_url_at("a.ok.test", &to_http), None),
        (
            page,
            web.url_at("a.ok.test", &to_tls),
            Some(page.to_owned()),
        ),
        (page, web.url_at("a.ok.test", &to_http), None),
        (
            plain_page,
            web.url_at("a.ok.test", &to_http),
            Some(plain_page.to_owned()),
        ),
    ] {
        for said in said(&web, &url, "/img/2.jpg", &[("--referer", referer)]) {
            assert_eq!(
                said.field("referer"),
                expected.as_deref(),
                "{referer} {url}"
            );
        }
    }
}

#[test]
fn a_url_of_64_kilobytes_is_asked_for_to_the_letter() {
    let web = web();
    for (url, path) in [
        (
            web.url_at("a.ok.test", "/img/1.jpg?said=1&q="),
            "/img/1.jpg",
        ),
        (
            web.tls_url_at("a.ok.test", "/img/2.jpg?said=1&q="),
            "/img/2.jpg",
        ),
    ] {
        let origin = url.find("/img").unwrap();
        let url = format!("{url}{}", "x".repeat(65_536 - url.len()));
        for said in said(&web, &url, path, &[]) {
            assert_eq!(said.target_bytes, 65_536 - origin, "{path}");
        }
        let job = Job::of_urls(&web, [url + "x"]);
        job.succeed();
        let row = &rows(&job.output())[0];
        assert_eq!(text(row, "error_message"), "invalid url");
    }
}
