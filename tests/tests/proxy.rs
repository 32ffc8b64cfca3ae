//! End to end: proxies that the environment names.

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::{rows, text};
use turbo2ds_tests::proxy::Proxy;
use turbo2ds_tests::web::{Ports, Web};

fn statuses(job: &Job) -> Vec<String> {
    rows(&job.output())
        .iter()
        .map(|row| text(row, "status").to_owned())
        .collect()
}

#[test]
fn a_plain_url_goes_through_the_proxy_which_alone_knows_the_name() {
    let web = Web::start(Ports::default()).unwrap();
    let proxy = Proxy::start().unwrap();
    let url = web.url_at("known-to-the-proxy.invalid", "/img/1.jpg?w=64&h=64");
    for io in ["uring", "epoll"] {
        let job = Job::of_urls(&web, [&url])
            .option("--io", io)
            .env("http_proxy", proxy.url("user:secret"));
        job.succeed();
        assert_eq!(statuses(&job), ["success"]);
    }
    let heads = proxy.heads();
    assert_eq!(heads.len(), 2);
    assert!(heads[0].starts_with(&format!("GET {url} HTTP/1.1\r\n")));
    assert!(heads[0].contains("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
}

#[test]
fn a_tls_url_goes_through_a_tunnel_and_is_still_verified() {
    let web = Web::start(Ports::default()).unwrap();
    let proxy = Proxy::start().unwrap();
    let trusted = web.tls_url_at("a.ok.test", "/img/1.jpg");
    let misnamed = web.tls_url_at("known-to-the-proxy.invalid", "/img/1.jpg");
    let job = Job::of_urls(&web, [&trusted, &misnamed]);
    let authority = job.file("authority.pem", web.authority_pem());
    let job = job
        .env("SSL_CERT_FILE", authority)
        .env("https_proxy", proxy.url("user:secret"));
    job.succeed();
    assert_eq!(statuses(&job), ["success", "failed_to_download"]);
    let rows = rows(&job.output());
    assert_eq!(text(&rows[1], "error_message"), "tls certificate error");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 2);
    assert!(heads.iter().all(|head| head.starts_with("CONNECT ")));
    assert!(heads.iter().all(|head| !head.contains("/img/")));
}

#[test]
fn what_no_proxy_names_is_asked_directly() {
    let web = Web::start(Ports::default()).unwrap();
    let proxy = Proxy::start().unwrap();
    let job = Job::of_urls(&web, [web.url_at("a.ok.test", "/img/1.jpg")])
        .env("all_proxy", proxy.url("user:secret"))
        .env("no_proxy", ".ok.test");
    job.succeed();
    assert_eq!(statuses(&job), ["success"]);
    assert!(proxy.heads().is_empty());
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_before_anything_is_touched() {
    let web = Web::start(Ports::default()).unwrap();
    let job = Job::of_urls(&web, [web.url("/img/1.jpg")]).env("http_proxy", "socks5://127.0.0.1:1");
    let outcome = job.run();
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("hint:"), "{outcome}");
    assert!(!job.output().exists());
}
