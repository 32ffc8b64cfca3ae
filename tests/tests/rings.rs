//! End to end: ordinary users, whose rings count as locked memory, on many cores. What a run says that
//! it runs on is what `doctor` said before, under every limit.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::harness::{Job, read};
use turbo2ds_tests::web::{Ports, Web};

const AS_USER: &str = env!("CARGO_BIN_EXE_as_user");
const CORES: &str = "64";
const COUNT: u64 = 40;

/// A user of this test's own: what is counted is counted for all processes of a user.
fn user() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = 100_000 + std::process::id() * 16 + NEXT.fetch_add(1, Ordering::Relaxed);
    number.to_string()
}

/// The way to run a command as a user with this limit, bytes.
fn limited(user: &str, limit: &str) -> [String; 3] {
    [AS_USER, user, limit].map(ToOwned::to_owned)
}

fn job(web: &Web, cores: &str) -> Job {
    // None that is missing: every row must be a success.
    let urls = (0..COUNT).map(|number| web.url(&format!("/img/{number}.jpg?w=160&h=120")));
    let job = Job::of_urls(web, urls)
        .option("--processes_count", cores)
        .option("--number_sample_per_shard", "10");
    let folder = job.output().parent().expect("a folder").to_owned();
    set_permissions(folder, Permissions::from_mode(0o777)).expect("it is ours");
    job
}

/// What doctor finds for the user: of a check, what it found.
fn doctor(wrapper: &[String], cores: &str, server: &str) -> impl Fn(&str) -> String + use<> {
    let output = Command::new(&wrapper[0])
        .args(&wrapper[1..])
        .arg(binary())
        .args(["doctor", "--json", "--processes_count", cores])
        .args(["--dns_servers", server, "--dns_name", "a.ok.test"])
        .stdin(Stdio::null())
        .output()
        .expect("the binary starts");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    move |check| {
        let findings = report["findings"].as_array().expect("a list");
        let finding = findings.iter().find(|finding| finding["check"] == check);
        finding.expect("a finding")["found"]
            .as_str()
            .expect("text")
            .to_owned()
    }
}

/// The cores with rings, of 64, in what is said of them.
fn rings(said: &str) -> u32 {
    match said.split_once(" of 64 cores") {
        Some((before, _)) => {
            let number = before.rsplit(' ').next().expect("a number");
            number.parse().expect("a number")
        }
        None if said.contains("io_uring") => 64,
        None => 0,
    }
}

/// Runs under the limit (bytes): gives how many cores have rings, and the entries of each.
fn check(cores: &str, limit: &str) -> (bool, String) {
    let web = Web::start(Ports::default()).unwrap();
    let wrapper = limited(&user(), limit);
    let found = doctor(&wrapper, cores, &web.dns_server());
    let io = found("io_uring");
    let granted = io
        .split_once("a run has ")
        .expect("what a run has")
        .1
        .to_owned();
    let counted = found("locked memory").contains("this kernel counts");
    let job = job(&web, cores).through(wrapper);
    let outcome = job.succeed();
    let rows = read::rows(&job.output());
    assert_eq!(rows.len() as u64, COUNT);
    assert!(
        rows.iter()
            .all(|row| row["status"].as_deref() == Some("success")),
        "{outcome}"
    );
    let said = outcome.stderr.matches("running on ").count();
    let whole = granted == "io_uring (single issuer, deferred task work)";
    assert_eq!(said, usize::from(!whole), "{granted}: {outcome}");
    if !whole {
        let told = format!("running on {granted}: ");
        assert!(outcome.stderr.contains(&told), "{told}: {outcome}");
    }
    (counted, granted)
}

#[test]
fn no_locked_memory_at_all_is_epoll_on_every_core() {
    let (counted, granted) = check(CORES, "0");
    assert_eq!(rings(&granted), if counted { 0 } else { 64 }, "{granted}");
}

#[test]
fn locked_memory_for_a_few_rings_is_those_rings_and_epoll_on_the_others() {
    for limit in [64_u32 << 10, 512 << 10] {
        let (counted, granted) = check(CORES, &limit.to_string());
        let rings = rings(&granted);
        if counted {
            // The smallest ring has 28 KB on the kernels that count pages, and 36 on older ones.
            assert!(
                rings >= limit / 65_536 && rings <= limit / 28_000,
                "{granted}"
            );
        } else {
            assert_eq!(rings, 64, "{granted}");
        }
    }
}

#[test]
fn the_usual_limit_is_smaller_rings_on_every_core() {
    let (counted, granted) = check(CORES, &(8_u32 << 20).to_string());
    let smaller = granted.contains(" with rings of ");
    assert!(smaller == counted && rings(&granted) == 64, "{granted}");
}

#[test]
fn the_limit_that_is_said_to_be_enough_is_enough() {
    let (_, granted) = check("16", &(16_u32 * 512 * 1024).to_string());
    assert_eq!(granted, "io_uring (single issuer, deferred task work)");
}

#[test]
fn io_uring_asked_for_and_not_to_be_had_by_all_is_refused_before_anything_is_touched() {
    let web = Web::start(Ports::default()).unwrap();
    let wrapper = limited(&user(), "65536");
    if !doctor(&wrapper, CORES, &web.dns_server())("locked memory").contains("this kernel counts") {
        return;
    }
    let job = job(&web, CORES).option("--io", "uring").through(wrapper);
    let outcome = job.run();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(
        outcome.stderr.contains("2 of 64 cores can have it"),
        "{outcome}"
    );
    assert!(
        outcome.stderr.contains("hint: ") && outcome.stderr.contains("LimitMEMLOCK=33554432"),
        "{outcome}"
    );
    assert!(!job.output().exists(), "the folder is there");
}
