//! End to end: hosts that trickle. Whatever they hold back, the rows behind them are not held up, and
//! a run that was stopped for a while blames no host for it.

use std::time::Duration;

use rustix::process::Signal;
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::web::{Ports, Web};

/// Rows of hosts that trickle.
const SLOW: usize = 200;
/// Rows of others behind them.
const GOOD: usize = 1000;

/// A list that begins with rows of `slow` and goes on with good ones; shards are small, so that slow rows
/// hold every one of the first open.
fn job(web: &Web, slow: impl Fn(usize) -> String, io: &str) -> Job {
    let good = (0..GOOD).map(|n| web.url(&format!("/img/{n}.jpg?w=32&h=24")));
    Job::of_urls(web, (0..SLOW).map(slow).chain(good))
        .option("--output_format", "webdataset")
        .option("--number_sample_per_shard", "50")
        .option("--io", io)
}

/// All good rows are asked for while the slow ones hang, which they do for longer than the test.
fn check_passed(web: &Web, job: &Job, asked_of_slow: usize) {
    let before = web.requests();
    let running = job.start();
    let all = (GOOD + asked_of_slow) as u64;
    assert!(
        web.wait_for_requests(before + all),
        "{} of {all} requests came: slow rows hold the others up",
        web.requests() - before
    );
    running.kill();
}

fn check_kind(fault: &str, asked_of_slow: usize) {
    let web = Web::start(Ports::default()).unwrap();
    for io in ["uring", "epoll"] {
        let slow = |n: usize| {
            let host = format!("127.9.{}.{}", n / 200 + 1, n % 200 + 1);
            let path = format!("/fault/{fault}");
            match fault {
                "tls-drip" => web.tls_url_at("tls-drip.ok.test", "/img/7.jpg"),
                _ => web.url_at(&host, &path),
            }
        };
        let adapting = job(&web, slow, io).option("--timeout", "300");
        check_passed(&web, &adapting, asked_of_slow);
        // The same where the user says how many may be in flight: fewer than there are slow ones.
        let fixed = job(&web, slow, io).option("--timeout", "300");
        check_passed(&web, &fixed.option("--thread_count", "32"), asked_of_slow);
    }
}

#[test]
fn bodies_that_trickle_hold_nobody_up() {
    check_kind("trickle", SLOW);
}

#[test]
fn bodies_of_unknown_length_that_trickle_hold_nobody_up() {
    check_kind("trickle-until-close", SLOW);
}

#[test]
fn chunks_that_drip_hold_nobody_up() {
    check_kind("drip-in-chunks", SLOW);
}

#[test]
fn heads_that_drip_hold_nobody_up() {
    check_kind("drip", SLOW);
}

#[test]
fn redirects_that_drip_hold_nobody_up() {
    check_kind("redirect-drip", SLOW);
}

#[test]
fn handshakes_that_drip_hold_nobody_up() {
    check_kind("tls-drip", 0);
}

#[test]
fn slow_rows_end_by_their_deadline_and_the_others_are_whole() {
    let web = Web::start(Ports::default()).unwrap();
    let kinds = [
        "trickle",
        "trickle-until-close",
        "drip-in-chunks",
        "drip",
        "redirect-drip",
    ];
    let slow = |n: usize| web.url(&format!("/fault/{}", kinds[n % kinds.len()]));
    let job = job(&web, slow, "auto").option("--timeout", "3");
    job.succeed();
    let rows = read::rows(&job.output());
    let of = |message: Option<&str>| {
        let has = |row: &&read::Row| row["error_message"].as_deref() == message;
        rows.iter().filter(has).count()
    };
    assert_eq!((of(None), of(Some("timed out"))), (GOOD, SLOW));
}

#[test]
fn time_in_which_the_run_was_stopped_is_nobodys_fault() {
    let web = Web::start(Ports::default()).unwrap();
    for (nth, io) in ["uring", "epoll"].into_iter().enumerate() {
        let held = |n: usize| web.url_at(&format!("127.8.1.{}", n + 1), &format!("/held/{n}.jpg"));
        let job = Job::of_urls(&web, (0..40).map(held))
            .option("--io", io)
            .option("--thread_count", "20")
            .option("--timeout", "3");
        let running = job.start();
        assert!(web.wait_for_requests(40 * (nth as u64 + 1)));
        running.signal(Signal::STOP);
        // Longer than a row may take: what is tested is that this time does not count.
        assert!(!running.ends_within(Duration::from_secs(4)));
        running.signal(Signal::CONT);
        // A row whose time were over would end before its answer comes.
        assert!(!running.ends_within(Duration::from_millis(300)));
        web.release_held();
        let outcome = running.finish();
        assert_eq!(outcome.code, Some(0), "{outcome}");
        for row in read::rows(&job.output()) {
            assert_eq!(row["error_message"], None, "{row:?}");
        }
        web.hold_again();
    }
}
