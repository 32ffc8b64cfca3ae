//! End to end: names, addresses, TLS, redirects, retries. The table of faults has a test of its own.

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::{rows, rows_by_url, text};
use turbo2ds_tests::web::faults;
use turbo2ds_tests::web::{Ports, Web};

fn web() -> Web {
    Web::start(Ports::default()).unwrap()
}

/// Runs over one URL per expectation and compares the rows' error messages (`None`: success).
fn expect(job: &Job, expectations: &[(String, Option<&str>)]) {
    job.succeed();
    let rows = rows_by_url(&job.output());
    assert_eq!(rows.len(), expectations.len());
    let mut wrong = Vec::new();
    for (url, message) in expectations {
        let found = rows[url]["error_message"].as_deref();
        if found != *message {
            wrong.push(format!("{url}: expected {message:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn urls<'a>(expectations: &'a [(String, Option<&str>)]) -> impl Iterator<Item = &'a str> {
    expectations.iter().map(|(url, _)| &**url)
}

#[test]
fn a_stalling_server_costs_no_more_than_the_timeout() {
    let web = web();
    let stalls = (0..50).map(|n| web.url_at(&format!("s{n}.ok.test"), "/fault/stall-before-head"));
    let job = Job::of_urls(&web, stalls).option("--timeout", "1");
    let outcome = job.succeed();
    assert!(
        rows(&job.output())
            .iter()
            .all(|row| text(row, "error_message") == "timed out")
    );
    assert!(
        outcome.took.as_secs() < 10,
        "50 stalls of a second took {:?}",
        outcome.took
    );
}

#[test]
fn urls_that_cannot_be_fetched_say_why() {
    let web = web();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let expectations = [
        ("not a url".to_owned(), Some("invalid url")),
        ("http://".to_owned(), Some("invalid url")),
        (
            "ftp://a.ok.test/a.jpg".to_owned(),
            Some("scheme not allowed"),
        ),
        (
            "file:///etc/hostname".to_owned(),
            Some("scheme not allowed"),
        ),
        (
            "data:image/png;base64,AAAA".to_owned(),
            Some("scheme not allowed"),
        ),
        (format!("http://{closed}/a.jpg"), Some("connection refused")),
        (web.url_at("A.OK.TEST", "/img/1.jpg"), None),
    ];
    expect(&Job::of_urls(&web, urls(&expectations)), &expectations);
}

#[test]
fn names_are_asked_from_the_given_servers() {
    let web = web();
    let expectations = [
        (web.url_at("a.ok.test", "/img/1.jpg"), None),
        (web.url_at("nx.test", "/img/1.jpg"), Some("dns not found")),
        (
            web.url_at("empty.test", "/img/1.jpg"),
            Some("dns not found"),
        ),
        (
            web.url_at("servfail.test", "/img/1.jpg"),
            Some("dns failure"),
        ),
        (
            web.url_at("refused.test", "/img/1.jpg"),
            Some("dns failure"),
        ),
        (
            web.url_at("silent.test", "/img/1.jpg"),
            Some("dns timed out"),
        ),
    ];
    // The default timeout: under a shorter one the silent server costs the URL all of its time.
    expect(&Job::of_urls(&web, urls(&expectations)), &expectations);
}

#[test]
fn a_fixed_answer_goes_before_any_server() {
    let web = web();
    let expectations = [(web.url_at("www.example.org", "/img/1.jpg"), None)];
    let job =
        Job::of_urls(&web, urls(&expectations)).option("--resolve", "www.example.org:127.0.0.1");
    expect(&job, &expectations);
}

#[test]
fn a_name_is_refused_where_its_address_is_outside_the_allowed_blocks() {
    let web = web();
    let expectations = [
        (
            web.url_at("ip-10-0-0-1.test", "/img/1.jpg"),
            Some("address not allowed"),
        ),
        (web.url_at("ip-127-0-0-9.test", "/img/1.jpg"), None),
    ];
    expect(&Job::of_urls(&web, urls(&expectations)), &expectations);
}

fn trusting(job: Job, web: &Web) -> Job {
    let authority = job.file("authority.pem", web.authority_pem());
    job.env("SSL_CERT_FILE", authority)
}

#[test]
fn https_is_fetched_where_the_authority_is_trusted() {
    let web = web();
    let expectations = [
        (web.tls_url_at("a.ok.test", "/img/1.jpg"), None),
        (web.tls_url_at("127.0.0.1", "/img/2.jpg"), None),
        (
            web.tls_url_at("a.b.ok.test", "/img/3.jpg"),
            Some("tls certificate error"),
        ),
        (
            format!("https://a.ok.test:{}/img/1.jpg", web.ports().http),
            Some("tls handshake error"),
        ),
    ];
    for io in ["uring", "epoll"] {
        let job = trusting(Job::of_urls(&web, urls(&expectations)), &web).option("--io", io);
        expect(&job, &expectations);
    }
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let web = web();
    let expectations = [(
        web.tls_url_at("a.ok.test", "/img/1.jpg"),
        Some("tls certificate error"),
    )];
    expect(&Job::of_urls(&web, urls(&expectations)), &expectations);
}

#[test]
fn any_certificate_passes_where_certificates_are_ignored() {
    let web = web();
    let expectations = [
        (web.tls_url_at("a.ok.test", "/img/1.jpg"), None),
        (web.tls_url_at("a.b.ok.test", "/img/2.jpg"), None),
    ];
    let job = Job::of_urls(&web, urls(&expectations)).option("--ignore_ssl_certificate", "True");
    expect(&job, &expectations);
}

#[test]
fn faults_under_tls_are_recorded_as_without() {
    let web = web();
    let names = [
        "truncated-body",
        "close-before-head",
        "chunked",
        "gzip",
        "status-404",
    ];
    let expectations: Vec<_> = names
        .iter()
        .map(|name| {
            let url = web.tls_url_at(&format!("{name}.ok.test"), &format!("/fault/{name}"));
            (url, faults::find(name).unwrap().expect.error_message())
        })
        .collect();
    let job = trusting(Job::of_urls(&web, urls(&expectations)), &web).option("--timeout", "2");
    expect(&job, &expectations);
}

#[test]
fn redirects_are_followed_across_hosts_and_counted() {
    let web = web();
    let expectations = [
        (web.url_at("a.ok.test", "/hop/0/1.jpg"), None),
        (web.url_at("b.ok.test", "/hop/3/1.jpg"), None),
        (
            web.url_at("c.ok.test", "/hop/4/1.jpg"),
            Some("too many redirects"),
        ),
    ];
    let job = Job::of_urls(&web, urls(&expectations)).option("--max_redirects", "3");
    expect(&job, &expectations);
}

#[test]
fn what_may_pass_is_tried_again_and_what_cannot_is_not() {
    let web = web();
    let expectations = [
        (web.url_at("a.ok.test", "/flaky/2/1.jpg"), None),
        (
            web.url_at("b.ok.test", "/flaky/9/2.jpg"),
            Some("HTTP Error 503: Service Unavailable"),
        ),
        (
            web.url_at("c.ok.test", "/fault/status-404"),
            Some("HTTP Error 404: Not Found"),
        ),
        (
            web.url_at("d.ok.test", "/fault/html-200"),
            Some("unsupported image format"),
        ),
    ];
    let job = Job::of_urls(&web, urls(&expectations)).option("--retries", "2");
    expect(&job, &expectations);
    assert_eq!(web.hits("/flaky/2/1.jpg"), 3);
    assert_eq!(web.hits("/flaky/9/2.jpg"), 3);
    assert_eq!(web.hits("/fault/status-404"), 1);
    assert_eq!(web.hits("/fault/html-200"), 1);
}

#[test]
fn without_retries_everything_is_asked_once() {
    let web = web();
    let expectations = [(
        web.url_at("a.ok.test", "/flaky/1/1.jpg"),
        Some("HTTP Error 503: Service Unavailable"),
    )];
    expect(&Job::of_urls(&web, urls(&expectations)), &expectations);
    assert_eq!(web.hits("/flaky/1/1.jpg"), 1);
}

#[test]
fn the_user_agent_is_honest_and_carries_the_token() {
    let web = web();
    let job = Job::of_urls(&web, [web.url("/img/1.jpg")]).option("--user_agent_token", "MyCrawler");
    job.succeed();
    let agent = web.user_agent();
    assert!(
        agent.contains("turbo2ds") && agent.contains("MyCrawler"),
        "{agent}"
    );
    assert!(!agent.contains("Mozilla"), "{agent}");
}

#[test]
fn directives_are_ignored_where_the_user_says_so() {
    let web = web();
    let expectations = [(web.url("/fault/robots-noindex"), None)];
    let job =
        Job::of_urls(&web, urls(&expectations)).option("--disallowed_header_directives", "[]");
    expect(&job, &expectations);
}

#[test]
fn a_body_over_the_users_limit_is_refused_and_one_under_it_is_not() {
    let web = web();
    let expectations = [
        (
            web.url("/img/1.bmp?w=100&h=100"),
            Some("response too large"),
        ),
        (web.url("/img/1.jpg?w=100&h=100"), None),
    ];
    let job = Job::of_urls(&web, urls(&expectations)).option("--max_body_bytes", "20000");
    expect(&job, &expectations);
}
