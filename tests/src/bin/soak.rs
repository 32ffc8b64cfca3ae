//! A long run: `soak [ROWS]` fetches a million rows (or so many) of refusals, small pictures and pages
//! that are not there, at hundreds of thousands of hosts, and watches what the process holds on to.
//! Fails where descriptors or memory grow. Never in a test run by itself: `make soak`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use turbo2ds_tests::harness::{Job, Running, watch};
use turbo2ds_tests::web::{Ports, Web};

const ROWS: u64 = 1_000_000;
const ROWS_PER_SHARD: u64 = 5000;
/// Downloads in flight per core: fixed, so that what is open at any time should be the same.
const IN_FLIGHT: &str = "128";
/// What a busy moment may hold more than a quiet one.
const DESCRIPTORS_MORE_MAX: usize = 64;
const MEMORY_MORE_MAX: u64 = 48 << 20;
/// Longest run; a slow machine does some thousand rows a second.
const RUN_MAX: Duration = Duration::from_secs(3600);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The process at one moment.
#[derive(Clone, Copy, Debug)]
struct Look {
    rows: u64,
    descriptors: usize,
    memory: u64,
}

fn main() -> ExitCode {
    let rows = match std::env::args().nth(1).map(|text| text.parse()) {
        None => ROWS,
        Some(Ok(rows)) => rows,
        Some(Err(_)) => {
            eprintln!("usage: soak [ROWS]");
            return ExitCode::from(2);
        }
    };
    match soak(rows) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn soak(rows: u64) -> Result<(), String> {
    let web = Web::start(Ports::default()).map_err(|error| error.to_string())?;
    let job = Job::new(&web, "list.txt", "")
        .option("--output_format", "webdataset")
        .option("--number_sample_per_shard", ROWS_PER_SHARD.to_string())
        .option("--thread_count", IN_FLIGHT);
    let list = job.file("rows.txt", "");
    write_list(&list, &web, rows).map_err(|error| error.to_string())?;
    let job = job.over(list);
    let begun = Instant::now();
    let running = job.start();
    let mut looks = Vec::new();
    while !running.ends_within(LOOK_EVERY) {
        looks.extend(look(&running, &job));
        if begun.elapsed() > RUN_MAX {
            return Err(format!("{rows} rows take longer than {RUN_MAX:?}"));
        }
    }
    let outcome = running.finish();
    if outcome.code != Some(0) {
        return Err(outcome.to_string());
    }
    println!("{rows} rows in {:.0} s", begun.elapsed().as_secs_f64());
    judge(&looks, rows)
}

fn write_list(path: &std::path::Path, web: &Web, rows: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for n in 0..rows {
        let address = format!(
            "127.{}.{}.{}",
            n % 200 + 16,
            n / 200 % 250 + 1,
            n / 50_000 % 250 + 1
        );
        match n % 4 {
            0 => writeln!(file, "http://{address}:1/refused.jpg")?,
            1 => writeln!(file, "{}", web.url_at(&address, "/img/7.jpg?w=24&h=24"))?,
            2 => writeln!(file, "{}", web.url_at(&address, "/missing/7.jpg"))?,
            _ => writeln!(
                file,
                "{}",
                web.url_at(&format!("h{n}.ok.test"), "/img/7.png?w=9&h=9")
            )?,
        }
    }
    file.flush()
}

/// `None` in the moment of its end.
fn look(running: &Running, job: &Job) -> Option<Look> {
    let folder = job.output();
    let done = watch::names(&folder).filter(|name| name.ends_with("_stats.json"));
    Some(Look {
        rows: done.count() as u64 * ROWS_PER_SHARD,
        descriptors: running.descriptors()?,
        memory: running.memory_now()?,
    })
}

/// Prints the process at a tenth, at half and at the end, and compares the end with half.
fn judge(looks: &[Look], rows: u64) -> Result<(), String> {
    let last = looks
        .last()
        .ok_or("the run was too short to be looked at")?;
    let at = |share: u64| {
        *looks
            .iter()
            .find(|look| look.rows * 100 >= rows * share)
            .unwrap_or(last)
    };
    for share in [10, 50, 100] {
        let Look {
            rows,
            descriptors,
            memory,
        } = at(share.min(95));
        println!(
            "{rows} rows done: {descriptors} descriptors, {} MB of memory",
            memory >> 20
        );
    }
    let most = |from: u64, to: u64| {
        let part = looks
            .iter()
            .filter(|look| (rows * from..rows * to).contains(&(look.rows * 100)));
        part.fold((0, 0), |most, look| {
            (most.0.max(look.descriptors), most.1.max(look.memory))
        })
    };
    let (first, second) = (most(10, 50), most(50, 101));
    println!(
        "at most {} descriptors and {} MB from a tenth to half, {} and {} MB from there on",
        first.0,
        first.1 >> 20,
        second.0,
        second.1 >> 20
    );
    if second.0 > first.0 + DESCRIPTORS_MORE_MAX {
        return Err("descriptors grow".to_owned());
    }
    if second.1 > first.1 + MEMORY_MORE_MAX {
        return Err("memory grows".to_owned());
    }
    Ok(())
}
