//! End to end: 20,000 small lists from seeds, of every format, encoding, compression, quoting, type, size and
//! name, through the binary. Each is refused before the first request, with a hint, or its rows are the
//! rows of the dataset; no file of the user's changes, and nothing is said that a terminal would obey.
//!
//! TURBO2DS_LISTS sets how many lists there are, TURBO2DS_SEED the first one's seed: with the seed that a
//! failure names and TURBO2DS_LISTS=1 it comes again, and TURBO2DS_KEEP keeps its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use turbo2ds_tests::certs::Certificates;
use turbo2ds_tests::harness::job::binary;
use turbo2ds_tests::harness::seed::number_from_env;
use turbo2ds_tests::harness::watch;
use turbo2ds_tests::lists::judge::{Ended, Fault, judge};
use turbo2ds_tests::lists::{Made, make};

/// Lists of an ordinary test run.
const LISTS: u64 = 20_000;
/// What no run over such a list exceeds, even on a busy machine.
const RUN_MAX: Duration = Duration::from_secs(60);
/// Failures that are shown whole.
const SHOWN: usize = 5;
/// Letters shown of what was wrong.
const DETAIL_CHARS_MAX: usize = 1500;

/// Where lists are tried: in memory, where the machine has room for files there.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::Builder::new()
        .prefix("turbo2ds-lists")
        .tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir())
        .expect("a temporary folder can be made")
}

/// Writes a drawn list down.
fn write(made: &Made, folder: &Path) {
    for file in &made.files {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder");
        fs::write(path, &file.bytes).expect("a file can be written");
    }
}

/// Runs the binary over it, on one core and with as little beside the list as a run can have.
fn run(made: &Made, folder: &Path, roots: &Path) -> Ended {
    let mut child = Command::new(binary())
        .arg(folder.join(&made.list))
        .arg("--output_folder")
        .arg(folder.join(made.output))
        .args(&made.options)
        .args([
            "--processes_count",
            "1",
            "--decode_isolation",
            "none",
            "--io",
            "epoll",
        ])
        .args(["--dns", "system", "--dns_max_queries", "1"])
        .env("SSL_CERT_FILE", roots)
        .env("SSL_CERT_DIR", "/nonexistent")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // What it says fits a pipe, so that it need not be read meanwhile.
    if !watch::until_exit(&child, RUN_MAX) {
        child.kill().expect("a child can be killed");
    }
    let output = child.wait_with_output().expect("a child can be waited for");
    Ended {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: output.stderr,
    }
}

/// One list that came out wrong.
struct Failed {
    seed: u64,
    kinds: Vec<&'static str>,
    faults: Vec<Fault>,
}

/// What came of all.
#[derive(Default)]
struct Tally {
    failed: Vec<Failed>,
    /// Lists by what is particular about them.
    kinds: BTreeMap<&'static str, u64>,
    refused: u64,
}

fn try_one(seed: u64, scratch: &Path, roots: &Path, tally: &Mutex<Tally>) {
    let made = make(seed);
    let folder = scratch.join(seed.to_string());
    write(&made, &folder);
    let ended = run(&made, &folder, roots);
    let faults = judge(&made, &folder, &ended);
    if std::env::var_os("TURBO2DS_KEEP").is_some() {
        let kept = PathBuf::from(format!("{}-{seed}", scratch.display()));
        fs::rename(&folder, &kept).expect("a folder can be renamed");
        eprintln!(
            "{}\n{:?} {:?}\n{:?}\n{faults:#?}",
            kept.display(),
            made.list,
            made.options,
            made.truth
        );
    } else {
        fs::remove_dir_all(&folder).expect("a folder can be removed");
    }
    let mut tally = tally.lock().expect("no thread panics with it");
    tally.refused += u64::from(matches!(ended.code, Some(1 | 2)));
    for kind in &made.kinds {
        *tally.kinds.entry(kind).or_default() += 1;
    }
    if !faults.is_empty() {
        tally.failed.push(Failed {
            seed,
            kinds: made.kinds,
            faults,
        });
    }
}

/// Faults by what went wrong, each with the kinds of lists it is met in, and the first few whole.
fn report(tally: &Tally) -> String {
    let mut by_fault: BTreeMap<&str, Vec<&Failed>> = BTreeMap::new();
    for failed in &tally.failed {
        for fault in &failed.faults {
            let lists = by_fault.entry(fault.what).or_default();
            if lists.last().is_none_or(|last| last.seed != failed.seed) {
                lists.push(failed);
            }
        }
    }
    let mut text = String::new();
    for (what, failed) in &by_fault {
        text += &format!("\n{} lists: {what}\n", failed.len());
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for kind in failed.iter().flat_map(|failed| &failed.kinds) {
            *kinds.entry(kind).or_default() += 1;
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        let share = |&(kind, count): &(&str, u64)| count * 1000 / tally.kinds[kind];
        kinds.sort_by_key(|kind| std::cmp::Reverse((share(kind), kind.1)));
        for (kind, count) in kinds.iter().take(8) {
            text += &format!("  {count} of {} with: {kind}\n", tally.kinds[kind]);
        }
        let seeds: Vec<String> = failed.iter().take(8).map(|f| f.seed.to_string()).collect();
        text += &format!("  seeds {}\n", seeds.join(", "));
    }
    for failed in tally.failed.iter().take(SHOWN) {
        text += &format!(
            "\nTURBO2DS_SEED={} TURBO2DS_LISTS=1: {:?}\n",
            failed.seed, failed.kinds
        );
        for fault in &failed.faults {
            let detail: String = fault.detail.chars().take(DETAIL_CHARS_MAX).collect();
            text += &format!("  {}: {detail}\n", fault.what);
        }
    }
    text
}

#[test]
fn rows_in_are_rows_out_or_the_list_is_refused_before_the_first_request() {
    let first = number_from_env("TURBO2DS_SEED", 1);
    let lists = number_from_env("TURBO2DS_LISTS", LISTS);
    let scratch = scratch();
    let roots = scratch.path().join("roots.pem");
    let certificates = Certificates::generate().expect("certificates can be made");
    fs::write(&roots, certificates.authority_pem).expect("a file can be written");
    let (next, tally) = (AtomicU64::new(first), Mutex::new(Tally::default()));
    // A run waits more than it works.
    let threads = thread::available_parallelism().map_or(1, usize::from) * 2;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(lists) {
                        break;
                    }
                    try_one(seed, scratch.path(), &roots, &tally);
                }
            });
        }
    });
    let mut tally = tally.into_inner().expect("no thread panicked");
    tally.failed.sort_by_key(|failed| failed.seed);
    eprintln!(
        "{lists} lists from TURBO2DS_SEED={first}, {} refused",
        tally.refused
    );
    assert!(
        tally.failed.is_empty(),
        "{} of {lists} lists from TURBO2DS_SEED={first} came out wrong\n{}",
        tally.failed.len(),
        report(&tally)
    );
}
