//! End to end: decoding in processes of their own gives the same dataset; one that dies fails one image.

use std::io::ErrorKind;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::list;
use turbo2ds_tests::web::{Ports, Web};

const COUNT: u64 = 120;

fn apart(job: Job) -> Job {
    job.option("--decode_isolation", "process")
}

/// What the system says of a process; nothing where it has gone.
fn status(process: Pid) -> String {
    let path = format!("/proc/{}/status", process.as_raw_nonzero());
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Whether a line of [`status`] is this one, its words one space apart.
fn has(status: &str, line: &str) -> bool {
    let mut lines = status.lines();
    lines.any(|found| found.split_whitespace().eq(line.split(' ')))
}

/// A file that the system has for a process.
fn of_system(process: Pid, name: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(format!("/proc/{}/{name}", process.as_raw_nonzero()))
}

#[test]
fn the_samples_are_those_of_decoding_in_the_run() {
    let web = Web::start(Ports::default()).unwrap();
    let by = |isolation: &str| {
        let urls = list::sample(&web.url(""), COUNT).map(|row| row.url);
        let job = Job::of_urls(&web, urls)
            .option("--output_format", "webdataset")
            .option("--number_sample_per_shard", "20")
            .option("--resize_mode", "keep_ratio")
            .option("--image_size", "120")
            .option("--max_aspect_ratio", "2.9")
            .option("--decode_isolation", isolation);
        job.succeed();
        let samples = read::samples(&job.output(), "webdataset");
        (samples, read::rows(&job.output()))
    };
    let (here, apart) = (by("none"), by("process"));
    assert!(here.0.len() as u64 > COUNT / 2);
    assert!(here == apart, "the two give different datasets");
}

#[test]
fn a_process_that_dies_fails_one_image_and_another_takes_its_place() {
    let web = Web::start(Ports::default()).unwrap();
    // Large images, so that a process is at one when it is killed.
    let urls = (0..COUNT).map(|seed| web.url(&format!("/img/{seed}.jpg?w=1500&h=1100")));
    let job = apart(Job::of_urls(&web, urls))
        .option("--number_sample_per_shard", "20")
        .option("--processes_count", "1")
        .option("--timeout", "120");
    let running = job.start();
    assert!(web.wait_for_requests(4));
    let mut killed = 0;
    while !running.ends_within(Duration::from_millis(40)) {
        // Only what is at work: on a busy machine none would come so far.
        let mut workers = running.children();
        workers.retain(|worker| has(&status(*worker), "Seccomp: 2"));
        for worker in workers {
            killed += usize::from(kill_process(worker, Signal::KILL).is_ok());
        }
    }
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let rows = read::rows(&job.output());
    assert_eq!(rows.len() as u64, COUNT);
    let failed: Vec<_> = rows
        .iter()
        .filter(|row| row["status"].as_deref() != Some("success"))
        .collect();
    for row in &failed {
        assert_eq!(row["error_message"].as_deref(), Some("decoder crashed"));
        assert_eq!(row["status"].as_deref(), Some("failed_to_resize"));
    }
    assert!(killed >= 3, "{killed} processes were killed: {outcome}");
    assert!(
        !failed.is_empty(),
        "{killed} were killed and no image failed"
    );
    assert!(failed.len() <= killed, "{} failed", failed.len());
}

#[test]
fn decoding_processes_are_confined_and_end_with_their_run() {
    let web = Web::start(Ports::default()).unwrap();
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/200/{seed}.jpg")));
    // Whoever starts the run has left it descriptors and a key.
    let job = apart(Job::of_urls(&web, urls))
        .option("--thread_count", "4")
        .env("AWS_SECRET_ACCESS_KEY", "hidden")
        .through(["sh", "-c", "exec \"$@\" 7</etc/passwd 9>&2", "sh"]);
    let running = job.start();
    assert!(web.wait_for_requests(20));
    let workers = running.children();
    assert_eq!(workers.len(), 2, "one for each core");
    for worker in &workers {
        let status = status(*worker);
        assert!(has(&status, "Seccomp: 2"), "{status}");
        assert!(has(&status, "NoNewPrivs: 1"), "{status}");
        check_limits(*worker);
        check_what_it_holds(*worker);
    }
    running.kill();
    for worker in workers {
        // Gone, or a child that nobody waits for yet: in any case it does not run.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", worker.as_raw_nonzero()));
        let ended = || turbo2ds_tests::harness::watch::until_gone(worker, Duration::from_secs(20));
        assert!(stat.is_err() || ended(), "{worker:?} outlives its run");
    }
}

fn check_limits(worker: Pid) {
    let limits = of_system(worker, "limits").expect("limits are everybody's to read");
    let limits = String::from_utf8(limits).expect("limits are text");
    let most = |name: &str| {
        let mut lines = limits.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
        (words[0].to_owned(), words[1].to_owned())
    };
    let none = || ("0".to_owned(), "0".to_owned());
    for name in ["core file size", "file size", "open files", "processes"] {
        assert_eq!(most(&format!("Max {name}")), none(), "{limits}");
    }
    let (soft, hard) = most("Max data size");
    assert!(soft == hard && soft.parse::<u64>().is_ok(), "{limits}");
    let first = of_system(worker, "oom_score_adj").expect("everybody's to read");
    assert_eq!(first, b"1000\n");
}

/// A decoding process has the socket and the run's way to its libraries. Who is not root is not told.
fn check_what_it_holds(worker: Pid) {
    let folder = format!("/proc/{}/fd", worker.as_raw_nonzero());
    let open = std::fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name()))
            .collect::<Result<Vec<_>, _>>()
    });
    match (open, of_system(worker, "environ")) {
        (Ok(open), Ok(environment)) => {
            assert_eq!(open, ["0"]);
            let variables = environment.split(|byte| *byte == 0);
            for variable in variables.filter(|variable| !variable.is_empty()) {
                let variable = String::from_utf8_lossy(variable);
                assert!(variable.starts_with("LD_LIBRARY_PATH="), "{variable}");
            }
        }
        (Err(open), Err(environment)) => {
            assert_eq!(open.kind(), ErrorKind::PermissionDenied);
            assert_eq!(environment.kind(), ErrorKind::PermissionDenied);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_processes_cannot_be_confined_images_are_decoded_in_the_run() {
    let web = Web::start(Ports::default()).unwrap();
    let urls: Vec<String> = (0..20)
        .map(|seed| web.url(&format!("/img/{seed}.jpg")))
        .collect();
    // Too little address space to map what two processes share.
    let limited = |isolation: &str| {
        Job::of_urls(&web, &urls)
            .option("--decode_isolation", isolation)
            .through(["prlimit", "--as=1073741824"])
    };
    let job = limited("auto");
    let outcome = job.succeed();
    assert!(
        outcome.stderr.contains("no decoding processes"),
        "{outcome}"
    );
    assert_eq!(read::rows(&job.output()).len(), 20);
    let outcome = limited("process").run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(
        outcome.stderr.contains("--decode_isolation none"),
        "{outcome}"
    );
}

#[test]
fn a_decoding_process_that_no_run_started_says_so() {
    let outcome = turbo2ds_tests::harness::tool(["decode-worker"]);
    assert_eq!(outcome.code, Some(2), "{outcome}");
    assert!(outcome.stderr.contains("--decode_isolation"), "{outcome}");
}
