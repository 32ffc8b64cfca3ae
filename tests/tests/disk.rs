//! End to end: disks that fill up, fail, become read-only or vanish under a run. The run ends non-zero
//! within seconds, nothing torn counts as done, and the same command finishes once the disk is well.
//!
//! Each trouble comes at a moment from a seed, in several output formats and on both I/O backends.
//! TURBO2DS_DISK_RUNS sets how many runs there are in all, TURBO2DS_SEED their seed.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use turbo2ds_tests::harness::read::{rows, samples};
use turbo2ds_tests::harness::seed::{Seeded, number_from_env};
use turbo2ds_tests::harness::{Disk, Job, tool, watch};
use turbo2ds_tests::web::{Ports, Web};

/// Runs of an ordinary test run; the whole is 50.
const RUNS: u64 = 14;
const COUNT: usize = 60;
const PER_SHARD: usize = 6;
/// From the trouble to the end of the run.
const END_MAX: Duration = Duration::from_secs(10);
const FORMATS: [&str; 4] = ["webdataset", "files", "parquet", "tfrecord"];

/// What happens to the disk.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// ENOSPC of a tmpfs.
    Full,
    /// ENOSPC of a tmpfs without inodes left.
    NoInodes,
    /// EROFS of a tmpfs that is remounted.
    ReadOnly,
    /// EIO of every call that changes a file, from one moment on.
    IoError,
    /// EDQUOT, likewise.
    Quota,
    /// EFBIG under RLIMIT_FSIZE.
    FileSize,
    /// The folder is renamed away, as by a mount that goes, and comes back for the rerun.
    Vanished,
}

const TROUBLES: [Trouble; 7] = [
    Trouble::Full,
    Trouble::IoError,
    Trouble::ReadOnly,
    Trouble::Vanished,
    Trouble::Quota,
    Trouble::FileSize,
    Trouble::NoInodes,
];

fn job(web: &Web, format: &str) -> Job {
    let urls = (0..COUNT).map(|seed| web.url(&format!("/slow/90/{seed}.jpg?w=200&h=200")));
    Job::of_urls(web, urls)
        .option("--output_format", format)
        .option("--number_sample_per_shard", PER_SHARD.to_string())
        .option("--image_size", "128")
        .option("--thread_count", "4")
}

/// Everything a run writes is between these sizes on a tmpfs, bytes.
const FULL_AT: std::ops::Range<u64> = 40_000..300_000;

/// A run into trouble: the job as it is to be repeated, and how the run ended.
struct Met {
    job: Job,
    disk: Option<Disk>,
    code: Option<i32>,
    stderr: String,
    took: Duration,
}

impl Trouble {
    fn errno(self) -> i32 {
        match self {
            Self::Quota => libc::EDQUOT,
            _ => libc::EIO,
        }
    }

    /// `Err` says why this machine cannot have this trouble.
    fn meet(self, job: Job, random: &mut Seeded) -> Result<Met, String> {
        match self {
            Self::Full => {
                let bytes = FULL_AT.start + random.below(FULL_AT.end - FULL_AT.start);
                let disk = disk(&format!("size={bytes}"))?;
                let job = job.into_folder(disk.path().join("dataset"));
                Ok(met(job, Some(disk)))
            }
            Self::NoInodes => {
                let inodes = 4 + random.below(16);
                let disk = disk(&format!("size=64m,nr_inodes={inodes}"))?;
                let job = job.into_folder(disk.path().join("dataset"));
                Ok(met(job, Some(disk)))
            }
            Self::ReadOnly => read_only(job, random),
            Self::IoError | Self::Quota => {
                let calls = random.below(90).to_string();
                let errno = self.errno().to_string();
                let wrapper = [env!("CARGO_BIN_EXE_fail_calls"), &errno, &calls];
                Ok(met(job.through(wrapper), None))
            }
            Self::FileSize => {
                // Below the least metadata parquet, whatever the format.
                let bytes = 512 + random.below(3_000);
                let limit = format!("--fsize={bytes}");
                Ok(met(job.through(["prlimit", &limit]), None))
            }
            Self::Vanished => Ok(vanished(job, random)),
        }
    }
}

fn disk(options: &str) -> Result<Disk, String> {
    Disk::new(env!("CARGO_BIN_EXE_small_disk"), options)
}

fn met(job: Job, disk: Option<Disk>) -> Met {
    let outcome = job.run();
    Met {
        job: job.directly(),
        disk,
        code: outcome.code,
        stderr: outcome.stderr,
        took: outcome.took,
    }
}

/// Waits until the run has made its folder and a moment of the seed's more: what goes wrong goes wrong then.
fn wait_a_moment(folder: &Path, random: &mut Seeded) {
    let (parent, name) = (folder.parent().unwrap(), folder.file_name().unwrap());
    let limit = Duration::from_secs(60);
    assert!(
        watch::until_files(parent, |file| file == name, 1, limit),
        "the run makes its folder"
    );
    std::thread::sleep(Duration::from_millis(random.below(250)));
}

fn read_only(job: Job, random: &mut Seeded) -> Result<Met, String> {
    let mut disk = disk("size=64m")?;
    let job = job.into_folder(disk.path().join("dataset"));
    let running = job.start();
    wait_a_moment(&job.output(), random);
    // Refused while a file is open for writing.
    let end = Instant::now() + Duration::from_secs(5);
    while !disk.remount("ro") && Instant::now() < end {}
    let begun = Instant::now();
    let outcome = running.finish();
    Ok(Met {
        took: begun.elapsed(),
        job,
        disk: Some(disk),
        code: outcome.code,
        stderr: outcome.stderr,
    })
}

fn vanished(job: Job, random: &mut Seeded) -> Met {
    let running = job.start();
    let (here, away) = (job.output(), job.output().with_extension("away"));
    wait_a_moment(&here, random);
    std::fs::rename(&here, &away).unwrap();
    let begun = Instant::now();
    let outcome = running.finish();
    let took = begun.elapsed();
    assert!(!here.exists(), "the run makes no second folder");
    std::fs::rename(&away, &here).unwrap();
    Met {
        took,
        job,
        disk: None,
        code: outcome.code,
        stderr: outcome.stderr,
    }
}

fn verified(folder: &Path) -> Value {
    let outcome = tool([
        "verify".into(),
        folder.as_os_str().to_owned(),
        "--json".into(),
    ]);
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome}"))
}

#[test]
fn no_trouble_of_the_disk_is_survived_in_silence_or_leaves_a_torn_shard() {
    let runs = number_from_env("TURBO2DS_DISK_RUNS", RUNS);
    let seed = number_from_env("TURBO2DS_SEED", 1);
    let web = Web::start(Ports::default()).unwrap();
    let mut slowest = Duration::ZERO;
    let mut skipped = Vec::new();
    for run in 0..runs {
        let mut random = Seeded::new(seed << 32 | run);
        let trouble = TROUBLES[run as usize % TROUBLES.len()];
        let format = FORMATS[random.below(4) as usize];
        let injected = matches!(trouble, Trouble::IoError | Trouble::Quota);
        // The supervisor sees no write that goes through a ring.
        let io = if injected || random.below(2) == 0 {
            "epoll"
        } else {
            "uring"
        };
        let name = format!("run {run} of seed {seed}: {trouble:?}, {format}, {io}");
        let job = job(&web, format).option("--io", io);
        let met = match trouble.meet(job, &mut random) {
            Ok(met) => met,
            Err(reason) => {
                skipped.push(format!("{name}: {reason}"));
                continue;
            }
        };
        check_end(&name, &met);
        slowest = slowest.max(met.took);
        check_rerun(&name, met, format);
    }
    for reason in &skipped {
        eprintln!("SKIPPED {reason}");
    }
    let done = runs - skipped.len() as u64;
    println!("{done} of {runs} runs met their trouble; the slowest took {slowest:?} to end");
}

/// The run said that it failed, soon, and what it calls done is whole.
fn check_end(name: &str, met: &Met) {
    let said = format!("{name}: code {:?}\n{}", met.code, met.stderr);
    assert!(matches!(met.code, Some(1 | 3)), "{said}");
    assert!(met.stderr.contains("output error"), "{said}");
    assert!(met.stderr.contains("hint:"), "{said}");
    assert!(met.took < END_MAX, "{:?}: {said}", met.took);
    let is_of_inodes = met.stderr.contains("no free inodes");
    assert_eq!(is_of_inodes, name.contains("NoInodes"), "{said}");
    if met.job.output().is_dir() {
        let report = verified(&met.job.output());
        assert_eq!(report["broken"], serde_json::json!([]), "{said}\n{report}");
    }
}

/// With the disk well again the same command finishes.
fn check_rerun(name: &str, mut met: Met, format: &str) {
    if let Some(disk) = &mut met.disk {
        assert!(disk.remount("rw"), "{name}");
        assert!(disk.remount("size=64m,nr_inodes=10000"), "{name}");
    }
    let outcome = met.job.run();
    assert_eq!(outcome.code, Some(0), "{name}: {outcome}");
    let folder = met.job.output();
    let report = verified(&folder);
    assert_eq!(report["whole"], true, "{name}: {report}");
    assert_eq!(report["temporaries"], 0, "{name}: {report}");
    assert_eq!(rows(&folder).len(), COUNT, "{name}");
    assert_eq!(samples(&folder, format).len(), COUNT, "{name}");
}

/// One shard, most of whose rows come after a minute: its end is not to be waited for.
fn long_job(web: &Web) -> Job {
    let urls = (0..200).map(|seed| {
        let pause = if seed < 150 { 0 } else { 60_000 };
        web.url(&format!("/slow/{pause}/{seed}.png?w=400&h=400"))
    });
    Job::of_urls(web, urls)
        .option("--output_format", "webdataset")
        .option("--encode_format", "png")
        .option("--encode_quality", "1")
        .option("--resize_mode", "no")
        .option("--timeout", "100")
}

#[test]
fn a_full_disk_ends_a_run_while_rows_of_the_shard_are_still_to_come() {
    let web = Web::start(Ports::default()).unwrap();
    let disk = match disk("size=1200k") {
        Ok(disk) => disk,
        Err(reason) => return eprintln!("SKIPPED: no small disk: {reason}"),
    };
    for io in ["uring", "epoll"] {
        let folder = disk.path().join(io);
        let outcome = long_job(&web).option("--io", io).into_folder(&folder).run();
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(outcome.stderr.contains("free some space"), "{outcome}");
        assert!(outcome.took < Duration::from_secs(30), "{outcome}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_folder_that_vanishes_ends_a_run_that_writes_nothing_at_the_time() {
    let web = Web::start(Ports::default()).unwrap();
    let job = long_job(&web);
    let running = job.start();
    assert!(web.wait_for_requests(150));
    std::fs::remove_dir_all(job.output()).unwrap();
    assert!(running.ends_within(Duration::from_secs(10)));
    let outcome = running.finish();
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert!(outcome.stderr.contains("vanished"), "{outcome}");
    assert!(!job.output().exists(), "nothing is made in its place");
}
