//! End to end: local limits. Few descriptors, few ports, little memory are waited out and never a
//! row's failure; ten thousand downloads are in flight where the user asks for them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use turbo2ds_tests::harness::read::{rows_by_url, text};
use turbo2ds_tests::harness::{Job, namespace};
use turbo2ds_tests::web::{Ports, Web};

/// Rows of each kind.
const EACH: u32 = 250;

/// So many hosts that stall, each followed by one that does not, every one at an address of its own.
fn stalled_and_good(web: &Web) -> (Vec<String>, Vec<String>) {
    let address = |n: u32, second: u32| format!("127.{second}.{}.{}", n / 200 + 1, n % 200 + 1);
    let stalled = (0..EACH).map(|n| web.url_at(&address(n, 2), "/fault/stall-before-head"));
    let good = (0..EACH).map(|n| web.url_at(&address(n, 1), "/img/7.jpg"));
    (stalled.collect(), good.collect())
}

fn interleaved(one: &[String], other: &[String]) -> Vec<String> {
    let pairs = one.iter().zip(other);
    pairs
        .flat_map(|(one, other)| [one.clone(), other.clone()])
        .collect()
}

/// One file a shard: thousands of them are a test of the disk.
fn job_over<T: AsRef<str>>(web: &Web, urls: impl IntoIterator<Item = T>) -> Job {
    Job::of_urls(web, urls).option("--output_format", "webdataset")
}

/// Every good row is a success, every stalled one has timed out: nothing else is a row's failure.
fn check_rows(job: &Job, stalled: &[String], good: &[String]) {
    let rows = rows_by_url(&job.output());
    assert_eq!(rows.len(), stalled.len() + good.len());
    let of = |urls: &[String], column: &str, value: &str| {
        urls.iter()
            .filter(|url| rows[*url][column].as_deref() == Some(value))
            .count()
    };
    assert_eq!(of(good, "status", "success"), good.len(), "good rows");
    assert_eq!(
        of(stalled, "error_message", "timed out"),
        stalled.len(),
        "stalled rows"
    );
}

#[test]
fn with_128_descriptors_and_250_hosts_that_stall_the_250_good_ones_succeed() {
    let web = Web::start(Ports::default()).unwrap();
    let (stalled, good) = stalled_and_good(&web);
    // Shards enough for both cores to have one.
    let job = job_over(&web, interleaved(&stalled, &good))
        .option("--timeout", "2")
        .option("--number_sample_per_shard", "50")
        .through(["prlimit", "--nofile=128:128"]);
    let outcome = job.succeed();
    check_rows(&job, &stalled, &good);
    let seconds = outcome.took.as_secs_f64();
    eprintln!("{} of {EACH} good rows in {seconds:.1} s", good.len());
}

#[test]
fn more_downloads_than_there_are_descriptors_wait_and_none_fails() {
    let web = Web::start(Ports::default()).unwrap();
    let good: Vec<String> = (0..400_u32)
        .map(|n| {
            web.url_at(
                &format!("127.4.{}.{}", n / 200 + 1, n % 200 + 1),
                "/slow/200/7.jpg",
            )
        })
        .collect();
    for io in ["uring", "epoll"] {
        // More in flight than there could be descriptors.
        let job = job_over(&web, &good)
            .option("--thread_count", "400")
            .option("--io", io)
            .through(["prlimit", "--nofile=128:128"]);
        job.succeed();
        check_rows(&job, &[], &good);
    }
}

#[test]
fn a_machine_out_of_ports_waits_for_one_and_no_row_fails() {
    if !namespace::is_inside("a_machine_out_of_ports_waits_for_one_and_no_row_fails") {
        return;
    }
    namespace::own(&[]);
    let web = Web::start(Ports::default()).unwrap();
    let range = "/proc/sys/net/ipv4/ip_local_port_range";
    std::fs::write(range, "40000 40079").expect("a namespace's own ports can be set");
    // One server: each connection to it needs a port of its own, and there are eighty.
    let good: Vec<String> = (0..600)
        .map(|n| web.url_at("127.5.5.5", &format!("/slow/100/{n}.jpg")))
        .collect();
    let job = job_over(&web, &good);
    let outcome = job.succeed();
    check_rows(&job, &[], &good);
    assert!(
        outcome.stderr.contains("short of sockets"),
        "the range was no limit: {outcome}"
    );
}

#[test]
fn a_gigabyte_of_address_space_is_enough_for_bodies_of_more() {
    let web = Web::start(Ports::default()).unwrap();
    // 200 bodies of 12 MB, ten times the budget that a gigabyte leaves.
    let good: Vec<String> = (0..200)
        .map(|n| web.url_at("127.0.0.1", &format!("/img/7.bmp?w=2000&h=2000&n={n}")))
        .collect();
    let job = job_over(&web, &good)
        .option("--timeout", "60")
        .through(["prlimit", "--as=1073741824"]);
    let mut peak = 0;
    let outcome = job
        .start()
        .finish_watched(Duration::from_secs(120), |running| {
            peak = peak.max(running.memory_now().unwrap_or(0));
        });
    assert_eq!(outcome.code, Some(0), "{outcome}");
    check_rows(&job, &[], &good);
    eprintln!(
        "{} bodies of 12 MB in {} MB of memory",
        good.len(),
        peak >> 20
    );
}

/// A control group below this process's own with a limit of memory, of either version.
struct Group(PathBuf);

impl Group {
    /// `None` where this machine lets nobody make one.
    fn of_memory(bytes: u64) -> Option<Self> {
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        // hierarchy-ID:controllers:path (cgroups(7)).
        own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (mount, limit) = match parts.next()? {
                "" => ("/sys/fs/cgroup", "memory.max"),
                "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                _ => return None,
            };
            let parent = Path::new(mount).join(parts.next()?.trim_start_matches('/'));
            Self::made(&parent, limit, bytes)
        })
    }

    fn made(parent: &Path, limit: &str, bytes: u64) -> Option<Self> {
        let folder = parent.join(format!("turbo2ds-{}", std::process::id()));
        std::fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        // The kernel makes the files of a true group; a folder of another kind has none.
        let limit = std::fs::OpenOptions::new()
            .write(true)
            .open(group.0.join(limit));
        limit.ok()?.write_all(bytes.to_string().as_bytes()).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_control_groups_memory_is_kept_to() {
    const LIMIT: u64 = 400 << 20;
    let Some(group) = Group::of_memory(LIMIT) else {
        eprintln!("SKIPPED: no control group of memory can be made on this machine");
        return;
    };
    let web = Web::start(Ports::default()).unwrap();
    let good: Vec<String> = (0..80)
        .map(|n| web.url_at("127.0.0.1", &format!("/img/7.bmp?w=2000&h=2000&n={n}")))
        .collect();
    let enter = format!(
        "echo $$ > {}/cgroup.procs && exec \"$@\"",
        group.0.display()
    );
    let job = job_over(&web, &good)
        .option("--timeout", "60")
        .through(["sh", "-c", &enter, "sh"]);
    // Past the limit it would be killed.
    job.succeed();
    check_rows(&job, &[], &good);
    eprintln!(
        "{} bodies of 12 MB in a group of {} MB",
        good.len(),
        LIMIT >> 20
    );
}

#[test]
fn ten_thousand_downloads_are_in_flight_at_once_where_the_user_asks_for_them() {
    const IN_FLIGHT: usize = 10_000;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < 16_000) {
        eprintln!(
            "SKIPPED: {:?} descriptors are too few for {IN_FLIGHT} connections",
            limit.maximum
        );
        return;
    }
    let all = rustix::process::Rlimit {
        current: limit.maximum,
        ..limit
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, all)
        .expect("a limit can be raised to what is allowed");
    let web = Web::start(Ports::default()).unwrap();
    // Nobody is answered before all have asked.
    let urls: Vec<String> = (0..IN_FLIGHT)
        .map(|n| {
            let host = format!("127.{}.{}.{}", 10 + n % 2, n / 200 + 1, n % 200 + 1);
            web.url_at(&host, &format!("/together/{IN_FLIGHT}/7.jpg"))
        })
        .collect();
    let job = job_over(&web, &urls)
        .option("--processes_count", "1")
        .option("--thread_count", IN_FLIGHT.to_string())
        .option("--timeout", "60");
    let outcome = job.succeed();
    let rows = rows_by_url(&job.output());
    let good = rows
        .values()
        .filter(|row| text(row, "status") == "success")
        .count();
    eprintln!(
        "{good} of {IN_FLIGHT} in {:.1} s, {} open at once",
        outcome.took.as_secs_f64(),
        web.connections_peak()
    );
    assert_eq!((good, rows.len()), (IN_FLIGHT, IN_FLIGHT));
    assert!(web.connections_peak() >= IN_FLIGHT as u64);
}
