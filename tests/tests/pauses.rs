//! End to end: hosts that ask to be left alone for a while (Retry-After), and who waits for them.

use std::time::{Duration, Instant};

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::read::rows_by_url;
use turbo2ds_tests::web::{Ports, Web};

const LIMITED: Option<&str> = Some("host rate limited");

/// A host that asks for a pause at its first request, and what is asked of it meanwhile: with two downloads
/// in flight the second ends while the first waits, so that the others begin within the pause.
struct Paused {
    web: Web,
    first: String,
    others: [String; 3],
    behind_redirect: String,
}

impl Paused {
    fn new(seconds: u32) -> Self {
        let web = Web::start(Ports::default()).unwrap();
        let to = format!("/via/{}/paused.ok.test/img/4.jpg", web.ports().http);
        Self {
            first: web.url_at("paused.ok.test", &format!("/rest/{seconds}/1.jpg")),
            others: [
                web.url_at("free.ok.test", "/slow/300/2.jpg"),
                web.url_at("paused.ok.test", "/img/3.jpg?said=1"),
                web.url_at("free.ok.test", "/img/5.jpg"),
            ],
            behind_redirect: web.url_at("free.ok.test", &to),
            web,
        }
    }

    fn job(&self, io: &str) -> Job {
        let [slow, same, free] = &self.others;
        Job::of_urls(
            &self.web,
            [&self.first, slow, same, &self.behind_redirect, free],
        )
        .option("--processes_count", "1")
        .option("--thread_count", "2")
        .option("--io", io)
    }

    /// What the rows of the paused host say, and whether the free one's were fetched.
    fn messages(&self, job: &Job) -> [Option<String>; 3] {
        let rows = rows_by_url(&job.output());
        let [slow, same, free] = &self.others;
        for url in [slow, free] {
            assert_eq!(rows[url]["error_message"], None, "{url}");
        }
        [&self.first, same, &self.behind_redirect].map(|url| rows[url]["error_message"].clone())
    }
}

#[test]
fn a_host_that_asks_for_a_pause_gets_it_from_all_rows() {
    for io in ["uring", "epoll"] {
        let paused = Paused::new(2);
        let job = paused.job(io).option("--retries", "1");
        let begun = Instant::now();
        job.succeed();
        assert_eq!(paused.messages(&job), [None, None, None]);
        for path in ["/img/3.jpg", "/img/4.jpg"] {
            let said = paused.web.said(path).expect("asked for");
            let waited = said.at.duration_since(begun);
            assert!(waited >= Duration::from_secs(2), "{path} after {waited:?}");
            assert_eq!(paused.web.hits(path), 1);
        }
        assert_eq!(paused.web.hits("/rest/2/1.jpg"), 2);
    }
}

#[test]
fn a_pause_longer_than_the_deadline_is_not_waited_for() {
    for io in ["uring", "epoll"] {
        let paused = Paused::new(60);
        let job = paused
            .job(io)
            .option("--retries", "3")
            .option("--timeout", "20");
        let outcome = job.succeed();
        let messages = paused.messages(&job);
        assert_eq!(messages.each_ref().map(Option::as_deref), [LIMITED; 3]);
        assert!(outcome.took < Duration::from_secs(15), "{:?}", outcome.took);
        for (path, hits) in [("/rest/60/1.jpg", 1), ("/img/3.jpg", 0), ("/img/4.jpg", 0)] {
            assert_eq!(paused.web.hits(path), hits, "{path}");
        }
    }
}

#[test]
fn without_retries_nobody_waits() {
    let paused = Paused::new(60);
    let job = paused.job("auto");
    job.succeed();
    let unavailable = Some("HTTP Error 503: Service Unavailable");
    let messages = paused.messages(&job);
    assert_eq!(
        messages.each_ref().map(Option::as_deref),
        [unavailable, None, None]
    );
}

#[test]
fn rows_of_a_host_of_few_answers_do_not_use_up_their_attempts_against_each_other() {
    let web = Web::start(Ports::default()).unwrap();
    // All at once, every attempt of all rows together, four times ten of them would be answered.
    let urls: Vec<String> = (0..60)
        .map(|n| web.url_at("few.ok.test", &format!("/limited/10/{n}.jpg")))
        .collect();
    let job = Job::of_urls(&web, &urls)
        .option("--retries", "3")
        .option("--timeout", "30");
    job.succeed();
    let rows = rows_by_url(&job.output());
    let failed: Vec<_> = urls
        .iter()
        .filter_map(|url| rows[url]["error_message"].as_deref())
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(
        web.requests() < 180,
        "{} requests for 60 images",
        web.requests()
    );
}
