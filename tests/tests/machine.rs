//! End to end: the two I/O backends, and machines that deny io_uring.

use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::list;
use turbo2ds_tests::web::{Ports, Web};

const COUNT: u64 = 60;

fn job(web: &Web) -> Job {
    let urls = list::sample(&web.url(""), COUNT).map(|row| row.url);
    Job::of_urls(web, urls)
        .option("--output_format", "webdataset")
        .option("--number_sample_per_shard", "20")
}

/// Runs under a filter that denies io_uring in some way; all rows must be there by epoll.
fn check_denied(kind: &str) {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web).through([env!("CARGO_BIN_EXE_deny_uring"), kind]);
    let outcome = job.succeed();
    assert_eq!(read::rows(&job.output()).len() as u64, COUNT);
    assert_eq!(
        read::samples(&job.output(), "webdataset").len() as u64,
        COUNT - COUNT / 20
    );
    assert!(
        outcome.stderr.contains("epoll"),
        "the fallback is not told: {outcome}"
    );
}

#[test]
fn both_backends_give_the_same_samples() {
    let web = Web::start(Ports::default()).unwrap();
    let by = |io: &str| {
        let job = job(&web).option("--io", io);
        job.succeed();
        (
            read::samples(&job.output(), "webdataset"),
            read::rows(&job.output()),
        )
    };
    let (uring, epoll) = (by("uring"), by("epoll"));
    assert_eq!(uring.0.len() as u64, COUNT - COUNT / 20);
    assert!(uring == epoll, "the backends give different datasets");
}

#[test]
fn io_uring_refused_as_containers_do_falls_back_to_epoll() {
    check_denied("eperm");
}

#[test]
fn a_kernel_without_io_uring_falls_back_to_epoll() {
    check_denied("enosys");
}

#[test]
fn a_ring_that_cannot_be_entered_falls_back_to_epoll() {
    check_denied("enter");
}

#[test]
fn io_uring_asked_for_and_denied_is_an_error_of_the_run() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web)
        .option("--io", "uring")
        .through([env!("CARGO_BIN_EXE_deny_uring"), "eperm"]);
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("io_uring"), "{outcome}");
}

#[test]
fn one_core_and_many_give_the_same_samples() {
    let web = Web::start(Ports::default()).unwrap();
    let by = |cores: &str| {
        let job = job(&web).option("--processes_count", cores);
        job.succeed();
        read::samples(&job.output(), "webdataset")
    };
    assert!(by("1") == by("3"));
}
