//! End to end: decoding in processes of their own gives the same dataset; what becomes of one that dies or
//! stops costs no image, and none can do anything but decode.

use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use turbo2ds_tests::harness::seed::Seeded;
use turbo2ds_tests::harness::{Job, OPEN_SHARDS_MAX, Running, read};
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

/// A file that the system has for a process.
fn of_system(process: Pid, name: &str) -> std::io::Result<Vec<u8>> {
    std::fs::read(format!("/proc/{}/{name}", process.as_raw_nonzero()))
}

/// Ticks of processor time that a process has taken; none once it has gone.
fn ticks(process: Pid) -> Option<u64> {
    let stat = String::from_utf8(of_system(process, "stat").ok()?).ok()?;
    let fields = stat.rsplit(')').next()?.split_whitespace();
    let used = fields.skip(11).take(2).map(str::parse::<u64>);
    used.sum::<Result<_, _>>().ok()
}

/// The confined processes of a run, and what they had taken when they were first seen, or last signalled.
#[derive(Default)]
struct Workers(BTreeMap<i32, u64>);

impl Workers {
    /// Those that have worked for so many ticks since then.
    fn that_worked(&mut self, running: &Running, least: u64) -> Vec<Pid> {
        let mut workers = running.children();
        workers.retain(|worker| {
            let Some(now) = ticks(*worker).filter(|_| has(&status(*worker), "Seccomp: 2")) else {
                return false;
            };
            let first = self.0.entry(worker.as_raw_nonzero().get()).or_insert(now);
            now - *first >= least
        });
        workers
    }

    fn signal(&mut self, worker: Pid, signal: Signal) {
        self.0.remove(&worker.as_raw_nonzero().get());
        kill_process(worker, signal).expect("a process of this user");
    }
}

fn statuses(job: &Job) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for row in read::rows(&job.output()) {
        let text = |name: &str| row[name].clone().unwrap_or_default();
        *counts
            .entry((text("status"), text("error_message")))
            .or_default() += 1;
    }
    counts
}

fn successes(count: usize) -> BTreeMap<(String, String), usize> {
    BTreeMap::from([(("success".to_owned(), String::new()), count)])
}

#[test]
fn signals_to_decoding_processes_cost_no_image() {
    const IMAGES: usize = 5000;
    const SIGNALS: usize = 100;
    // A process has done whatever image the one before it was lost over.
    const WORKED_TICKS: u64 = 3;
    let web = Web::start(Ports::default()).unwrap();
    let urls = (0..IMAGES).map(|seed| web.url(&format!("/img/{seed}.jpg?w=600&h=450")));
    let job = apart(Job::of_urls(&web, urls))
        .option("--number_sample_per_shard", "500")
        .option("--thread_count", "32")
        .option("--timeout", "120");
    let mut seeded = Seeded::new(2026);
    let (mut workers, mut sent) = (Workers::default(), Vec::new());
    let running = job.start();
    while !running.ends_within(Duration::from_millis(5)) {
        let worked = workers.that_worked(&running, WORKED_TICKS);
        if worked.is_empty() || sent.len() == SIGNALS || seeded.chance(50) {
            continue;
        }
        let signal = *seeded.pick(&[Signal::STOP, Signal::KILL, Signal::SEGV]);
        // The first SIGSEGV may have no effect: Rust's handler takes it for a fault that will come again.
        workers.signal(*seeded.pick(&worked), signal);
        sent.push(signal);
    }
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    assert_eq!(sent.len(), SIGNALS, "the run was too short: {sent:?}");
    assert_eq!(statuses(&job), successes(IMAGES), "{sent:?} {outcome}");
}

#[test]
fn an_image_whose_process_dies_at_every_try_fails_and_no_other_does() {
    let web = Web::start(Ports::default()).unwrap();
    let slow = web.url("/img/1.jpg?w=5000&h=4000");
    let others = (1..COUNT).map(|seed| web.url(&format!("/held/{seed}.jpg")));
    let job = apart(Job::of_urls(&web, std::iter::once(slow).chain(others)))
        .option("--processes_count", "1")
        .option("--timeout", "120");
    let running = job.start();
    let mut workers = Workers::default();
    let (mut killed, mut released) = (HashSet::new(), false);
    while !running.ends_within(Duration::from_millis(1)) {
        if killed.len() == 3 && !released {
            web.release_held();
            released = true;
        }
        // Only what is at the one image that has come.
        for worker in workers.that_worked(&running, 1) {
            if !released && killed.insert(worker) {
                workers.signal(worker, Signal::KILL);
            }
        }
    }
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(0), "{outcome}");
    let crashed = ("failed_to_resize".to_owned(), "decoder crashed".to_owned());
    let mut expected = successes(COUNT as usize - 1);
    expected.insert(crashed, 1);
    assert_eq!(statuses(&job), expected, "{outcome}");
}

#[test]
fn an_interrupt_takes_effect_where_all_decoding_processes_are_stopped() {
    let web = Web::start(Ports::default()).unwrap();
    // More shards than cores may have open: some are not begun at the interrupt.
    let count = 2 * OPEN_SHARDS_MAX;
    let urls = (0..count).map(|seed| web.url(&format!("/slow/100/{seed}.jpg")));
    let job = apart(Job::of_urls(&web, urls))
        .option("--number_sample_per_shard", "1")
        .option("--thread_count", "2");
    let running = job.start();
    running.wait_for_shards(1);
    for worker in running.children() {
        kill_process(worker, Signal::STOP).expect("a process of this user");
    }
    running.interrupt();
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(130), "{outcome}");
    let rows = read::rows(&job.output()).len();
    assert!((10..count).contains(&rows), "{rows} rows");
    assert_eq!(statuses(&job), successes(rows), "{outcome}");
}

#[test]
fn decoding_processes_are_confined_and_end_with_their_run() {
    let web = Web::start(Ports::default()).unwrap();
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/200/{seed}.jpg")));
    // Whoever starts the run has left it descriptors and a key.
    let job = apart(Job::of_urls(&web, urls))
        .option("--thread_count", "4")
        .env("AWS_SECRET_ACCESS_KEY", "hidden")
        .option("--storage_option", "secret=hidden-as-well")
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
            let command = of_system(worker, "cmdline").expect("everybody's to read");
            let command = String::from_utf8_lossy(&command);
            assert!(
                command.contains("settings") && !command.contains("hidden"),
                "{command}"
            );
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
