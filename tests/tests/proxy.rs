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

/// A name in a private network, one that leads there too, and one of the web.
const FIXED: &str = r#"["within.example:10.1.2.3","both.example:93.184.215.14","both.example:10.1.2.3",
    "outside.example:93.184.215.14"]"#;

#[test]
fn a_proxy_is_asked_for_nothing_that_leads_to_an_address_which_is_not_allowed() {
    let web = Web::start(Ports::default()).unwrap();
    let proxy = Proxy::start().unwrap();
    let port = web.ports().http;
    let forbidden = [
        "http://169.254.169.254/latest/meta-data/",
        "https://127.0.0.1/1.jpg",
        "http://2130706433/1.jpg",
        "http://[::ffff:10.0.0.1]/1.jpg",
        "http://within.example/1.jpg",
        "http://both.example/1.jpg",
    ];
    let redirect = format!("http://outside.example:{port}/to/{}", hex("10.0.0.1"));
    let urls = forbidden.iter().copied().chain([redirect.as_str()]);
    for io in ["uring", "epoll"] {
        let before = proxy.heads().len();
        let job = Job::strict("list.txt", urls.clone().collect::<Vec<_>>().join("\n"))
            .option("--io", io)
            .option("--resolve", FIXED)
            .option("--number_sample_per_shard", "100")
            .env("all_proxy", proxy.url("user:secret"));
        job.succeed();
        let rows = rows(&job.output());
        assert_eq!(rows.len(), forbidden.len() + 1);
        for row in &rows {
            assert_eq!(text(row, "error_message"), "address not allowed", "{row:?}");
        }
        // The first hop of the redirect alone.
        assert_eq!(proxy.heads().len(), before + 1, "{:?}", proxy.heads());
    }
}

#[test]
fn a_proxy_that_resolves_decides_on_names_but_not_on_addresses() {
    let web = Web::start(Ports::default()).unwrap();
    let proxy = Proxy::start().unwrap();
    let named = web.url_at("within.example", "/img/1.jpg");
    let job = Job::strict("list.txt", format!("{named}\n{}\n", web.url("/img/1.jpg")))
        .option("--resolve", "within.example:10.1.2.3")
        .option("--proxy_resolves", "True")
        .env("http_proxy", proxy.url("user:secret"));
    job.succeed();
    assert_eq!(statuses(&job), ["success", "failed_to_download"]);
    assert_eq!(proxy.heads().len(), 1);
}

#[test]
fn names_that_are_not_found_here_are_told_of_once_beside_a_proxy() {
    let web = Web::start(Ports::default()).unwrap();
    let proxy = Proxy::start().unwrap();
    let urls =
        (0..4).map(|n| web.url_at(&format!("n{n}.known-to-the-proxy.invalid"), "/img/1.jpg"));
    let job = Job::of_urls(&web, urls)
        .option("--processes_count", "1")
        .env("http_proxy", proxy.url("user:secret"));
    let outcome = job.succeed();
    let told = outcome.stderr.matches("--proxy_resolves").count();
    assert_eq!(told, 1, "{outcome}");
    assert_eq!(statuses(&job), ["success"; 4]);
}

/// A host as the path of a redirect takes it.
fn hex(host: &str) -> String {
    host.bytes().map(|byte| format!("{byte:02x}")).collect()
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
