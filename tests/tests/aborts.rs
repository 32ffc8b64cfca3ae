//! End to end: runs that end before their time, by signals and by trouble. What they leave behind, and
//! what they say last.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::Signal;
use turbo2ds_tests::harness::job::{Outcome, RUN_MAX};
use turbo2ds_tests::harness::{Job, read, watch};
use turbo2ds_tests::web::{Ports, Web};

const COUNT: usize = 400;
const FORMATS: [&str; 3] = ["files", "parquet", "webdataset"];

fn job(web: &Web, format: &str) -> Job {
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/30/{seed}.jpg?w=160&h=120")));
    Job::of_urls(web, urls)
        .option("--output_format", format)
        .option("--number_sample_per_shard", "10")
        .option("--image_size", "64")
        .option("--thread_count", "8")
}

fn is_temporary(name: &str) -> bool {
    name.ends_with(".part")
}

fn check_nothing_is_left(what: &str, job: &Job, outcome: &Outcome) {
    let left: Vec<_> = watch::names(&job.output())
        .filter(|name| is_temporary(name))
        .collect();
    assert!(left.is_empty(), "{what}: {left:?}: {outcome}");
}

/// The error and its hint are the end of what is said, and the error is said once.
fn check_last_words(what: &str, outcome: &Outcome) {
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let [.., error, hint] = lines[..] else {
        panic!("{what}: {outcome}");
    };
    assert!(hint.starts_with("hint: "), "{what}: {outcome}");
    assert_eq!(
        outcome.stderr.matches("hint: ").count(),
        1,
        "{what}: {outcome}"
    );
    let text = error.split_once(": ").map_or(error, |(_, text)| text);
    assert_eq!(outcome.stderr.matches(text).count(), 1, "{what}: {outcome}");
}

#[test]
fn a_run_that_is_stopped_at_once_leaves_no_temporary_file() {
    let web = Web::start(Ports::default()).unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        for (format, io) in FORMATS.into_iter().zip(["uring", "epoll", "auto"]) {
            let what = format!("{signal:?} {format}");
            let job = job(&web, format).option("--io", io);
            let running = job.start();
            assert!(
                watch::until_files(&job.output(), is_temporary, 1, RUN_MAX),
                "{what}"
            );
            running.signal(signal);
            running.wait_until_said("stopping: ");
            running.signal(signal);
            let outcome = running.finish();
            assert_eq!(outcome.code, Some(130), "{what}: {outcome}");
            check_nothing_is_left(&what, &job, &outcome);
            check_last_words(&what, &outcome);
        }
    }
}

#[test]
fn a_terminal_that_goes_stops_the_run_as_a_signal_does() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "files");
    let running = job.start();
    assert!(watch::until_files(&job.output(), is_temporary, 1, RUN_MAX));
    running.signal(Signal::HUP);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(130), "{outcome}");
    check_nothing_is_left("SIGHUP", &job, &outcome);
    assert!(
        read::rows(&job.output()).len().is_multiple_of(10),
        "{outcome}"
    );
}

#[test]
fn a_terminal_that_goes_is_nothing_to_a_run_under_nohup() {
    let web = Web::start(Ports::default()).unwrap();
    let job = job(&web, "files").through(["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]);
    let running = job.start();
    assert!(watch::until_files(&job.output(), is_temporary, 1, RUN_MAX));
    running.signal(Signal::HUP);
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(read::rows(&job.output()).len(), COUNT);
}

#[test]
fn the_error_and_its_hint_are_the_last_words_of_a_run_that_breaks() {
    let web = Web::start(Ports::default()).unwrap();
    // The folder goes while rows are at work in both cores' decoding processes.
    for format in FORMATS {
        let gone = job(&web, format);
        let running = gone.start();
        running.wait_for_shards(1);
        std::fs::rename(gone.output(), gone.output().with_extension("gone")).expect("it is there");
        let outcome = running.finish();
        assert_eq!(outcome.code, Some(1), "{outcome}");
        check_last_words(format, &outcome);
    }
}

#[test]
fn a_list_that_breaks_is_finished_as_far_as_it_goes_and_its_error_is_said_once() {
    let web = Web::start(Ports::default()).unwrap();
    let lines: String = (0..COUNT)
        .map(|seed| web.url(&format!("/img/{seed}.jpg?w=160&h=120\n")))
        .collect();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(lines.as_bytes()).expect("memory");
    let mut packed = packed.finish().expect("memory");
    // Neither its checksum nor its last rows are there.
    packed.truncate(packed.len() - 100);
    let job = Job::new(&web, "list.txt.gz", packed).option("--number_sample_per_shard", "10");
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    check_last_words("a broken list", &outcome);
    check_nothing_is_left("a broken list", &job, &outcome);
}
