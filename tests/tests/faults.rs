//! End to end: the whole table of named faults, on each I/O backend. What every row must say,
//! how long it may take, what all of them together may take of memory.

use std::collections::BTreeSet;
use std::time::Duration;

use turbo2ds_tests::harness::Job;
use turbo2ds_tests::harness::job::RUN_MAX;
use turbo2ds_tests::harness::read::{rows, stats, text};
use turbo2ds_tests::web::faults::{self, Fault, NAME_TIMEOUT_S, TIMEOUT_S};
use turbo2ds_tests::web::{Ports, Web};

/// Faults there must be at least.
const FAULTS_MIN: usize = 250;
/// Different texts that all of them may give.
const TEXTS_MAX: usize = 40;
/// What one URL may take beyond its deadline.
const OVERTIME_MAX: Duration = Duration::from_secs(1);
/// What the whole suite may take of memory beyond what one good URL takes, bytes.
const MEMORY_MAX: u64 = 300 << 20;

/// Faults that are fetched in one run, under one deadline.
struct Run {
    faults: Vec<&'static Fault>,
    timeout: Duration,
    job: Job,
    peak_memory: u64,
}

impl Run {
    /// Fetches each fault's URL, one a shard: its statistics then tell of each how long it took.
    fn over(web: &Web, faults: Vec<&'static Fault>, timeout_s: u64, io: &str) -> Self {
        let urls = faults.iter().map(|fault| fault.url(web));
        let job = job(web, urls, io).option("--timeout", timeout_s.to_string());
        let peak_memory = peak_of(&job);
        Self {
            faults,
            timeout: Duration::from_secs(timeout_s),
            job,
            peak_memory,
        }
    }

    /// What is wrong with the rows: a line per fault that was recorded otherwise.
    fn wrong(&self) -> Vec<String> {
        let rows = rows(&self.job.output());
        assert_eq!(rows.len(), self.faults.len());
        let mut wrong = Vec::new();
        for (fault, row) in self.faults.iter().zip(&rows) {
            let found = (text(row, "status"), row["error_message"].as_deref());
            let expected = (fault.expect.status(), fault.expect.error_message());
            if found != expected {
                let (name, does) = (fault.name, fault.does);
                wrong.push(format!(
                    "{name} ({does}): expected {expected:?}, found {found:?}"
                ));
            }
        }
        wrong
    }

    /// The fault that took longest beyond the deadline, and by how many seconds.
    fn slowest(&self) -> (&'static str, f64) {
        let stats = stats(&self.job.output());
        assert_eq!(stats.len(), self.faults.len());
        let took = stats
            .iter()
            .map(|stats| stats["duration"].as_f64().expect("a number"));
        let over = took.map(|seconds| seconds - self.timeout.as_secs_f64());
        let names = self.faults.iter().map(|fault| fault.name);
        let longest = names
            .zip(over)
            .max_by(|one, other| one.1.total_cmp(&other.1));
        longest.expect("there are faults")
    }
}

fn job(web: &Web, urls: impl Iterator<Item = String>, io: &str) -> Job {
    let lines: String = urls
        .map(|url| serde_json::json!({"url": url}).to_string() + "\n")
        .collect();
    let mut job = Job::new(web, "list.jsonl", lines)
        .option("--number_sample_per_shard", "1")
        .option("--output_format", "webdataset")
        .option("--io", io)
        // So many hosts that fail at once look like a network that is down.
        .option("--outage_wait", "0");
    for pair in faults::OPTIONS.chunks_exact(2) {
        job = job.option(pair[0], pair[1]);
    }
    let authority = job.file("authority.pem", web.authority_pem());
    job.env("SSL_CERT_FILE", authority)
}

/// Runs to the end, which must be a success; the largest memory on the way, bytes.
fn peak_of(job: &Job) -> u64 {
    let mut peak = 0;
    let outcome = job.start().finish_watched(RUN_MAX, |running| {
        peak = peak.max(running.memory_now().unwrap_or(0));
    });
    assert_eq!(outcome.code, Some(0), "{outcome}");
    peak
}

fn check_table(io: &str) {
    let web = Web::start(Ports::default()).unwrap();
    let idle = peak_of(&job(&web, std::iter::once(web.url("/slow/500/7.jpg")), io));
    let (images, rest): (Vec<&Fault>, Vec<&Fault>) =
        faults::all().partition(|fault| fault.is_of_image());
    let (names, rest): (Vec<&Fault>, Vec<&Fault>) =
        rest.into_iter().partition(|fault| fault.is_of_name());
    let runs = [
        Run::over(&web, rest, TIMEOUT_S, io),
        Run::over(&web, images, TIMEOUT_S, io),
        Run::over(&web, names, NAME_TIMEOUT_S, io),
    ];
    let wrong: Vec<String> = runs.iter().flat_map(Run::wrong).collect();
    let count: usize = runs.iter().map(|run| run.faults.len()).sum();
    let texts: BTreeSet<&str> = faults::all()
        .filter_map(|fault| fault.expect.error_message())
        .collect();
    let peak = runs
        .iter()
        .map(|run| run.peak_memory)
        .max()
        .unwrap_or_default();
    let memory = peak.saturating_sub(idle);
    eprintln!(
        "{count} faults over {io}: {} texts, {} MB of memory over the {} MB of one good URL",
        texts.len(),
        memory >> 20,
        idle >> 20
    );
    for run in &runs {
        let (slowest, over) = run.slowest();
        eprintln!(
            "of {}: the longest, {slowest}, ended {over:.2} s after its deadline",
            run.faults.len()
        );
        assert!(over <= OVERTIME_MAX.as_secs_f64(), "{slowest}: {over} s");
    }
    assert!(
        wrong.is_empty(),
        "{} recorded otherwise:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(count >= FAULTS_MIN);
    assert!(texts.len() <= TEXTS_MAX, "{texts:?}");
    assert!(memory <= MEMORY_MAX);
}

/// One after the other: what the two would take from each other is time.
#[test]
fn every_fault_is_recorded_as_the_table_says_on_both_backends() {
    check_table("uring");
    check_table("epoll");
}
