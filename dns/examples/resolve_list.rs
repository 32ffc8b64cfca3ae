//! Resolves a list of names from given root servers, and says what that cost.
//!
//!     resolve_list LIST --roots ADDR,ADDR [--port N] [--at_once N] [--passes N] [--cache_mb N] [--every N]
//!
//! LIST has lines of NAME CLASS RIGHT, as `lab names` writes them; RIGHT is an address, `not_found` or
//! `failure`. It is read as it is needed, so memory is the resolver's. A line of JSON for each pass
//! over it, and with `--every` for each so many names: CPU time is that of the resolver's thread.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use turbo2ds_dns::recursive::{Clocks, ServerLimits, Settings, Setup, random_seed};
use turbo2ds_dns::{Answer, DnsError, Handle, Service};

type Failure = Box<dyn std::error::Error>;

struct Options {
    list: String,
    every: u64,
    passes: u32,
    at_once: usize,
    settings: Settings,
}

fn options() -> Result<Options, Failure> {
    let mut list = None;
    let (mut every, mut passes, mut at_once) = (u64::MAX, 1, 400);
    let mut settings = Settings {
        private_servers: true,
        // A lab has few servers, and nobody to be considerate of.
        server: ServerLimits {
            outstanding_max: 10_000,
            rate_per_s: 1e6,
            burst: 1e6,
        },
        ..Settings::default()
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--roots" => {
                let roots: Result<_, _> = value()?.split(',').map(str::parse).collect();
                settings.roots = roots?;
            }
            "--port" => settings.port = value()?.parse()?,
            "--at_once" => at_once = value()?.parse()?,
            "--passes" => passes = value()?.parse()?,
            "--cache_mb" => settings.cache_bytes_max = value()?.parse::<usize>()? << 20,
            "--every" => every = value()?.parse()?,
            _ => list = Some(arg),
        }
    }
    settings.names_active_max = at_once;
    Ok(Options {
        list: list.ok_or("a list is needed; see the head of this program's source")?,
        every,
        passes,
        at_once,
        settings,
    })
}

fn main() -> Result<(), Failure> {
    let options = options()?;
    let service = Service::spawn_recursive(Setup {
        settings: options.settings.clone(),
        seed: random_seed()?,
        clocks: Clocks {
            now: Instant::now,
            unix_s: || 0,
        },
        cache_file: None,
    })?;
    for pass in 1..=options.passes {
        run_pass(&service.handle(), &options, pass)?;
    }
    Ok(())
}

/// A name, what it is in the list, and when it was asked.
struct Asked {
    class: String,
    right: String,
    since: Instant,
}

type Outcome = (Asked, Result<Answer, DnsError>);

/// Of one class.
#[derive(Default)]
struct Count {
    of: u64,
    right: u64,
    slowest: Duration,
}

/// What was used up to a moment.
struct Usage {
    at: Instant,
    resolver: Duration,
    process: Duration,
}

impl Usage {
    fn now() -> io::Result<Self> {
        Ok(Self {
            at: Instant::now(),
            resolver: cpu_of("dns")?,
            process: cpu_of("")?,
        })
    }
}

/// Asks for all names, a bounded number at a time, as cores do.
fn run_pass(handle: &Handle, options: &Options, pass: u32) -> Result<(), Failure> {
    let (sender, outcomes) = channel();
    let mut counts = BTreeMap::new();
    let (begin, mut part) = (Usage::now()?, Usage::now()?);
    let (mut open, mut asked) = (0, 0);
    for line in BufReader::new(File::open(&options.list)?).lines() {
        while open >= options.at_once {
            open -= take(&outcomes, &mut counts)?;
        }
        ask(handle, &line?, &sender)?;
        open += 1;
        asked += 1;
        if asked % options.every == 0 {
            println!(
                "{}",
                report(pass, asked, options.every, &part, &BTreeMap::new())?
            );
            part = Usage::now()?;
        }
    }
    while open > 0 {
        open -= take(&outcomes, &mut counts)?;
    }
    println!("{}", report(pass, asked, asked, &begin, &counts)?);
    Ok(())
}

fn ask(handle: &Handle, line: &str, sender: &Sender<Outcome>) -> Result<(), Failure> {
    let [name, class, right] = line.split(' ').collect::<Vec<_>>()[..] else {
        return Err(format!("{line}: no such line").into());
    };
    let asked = Asked {
        class: class.into(),
        right: right.into(),
        since: Instant::now(),
    };
    let sender = sender.clone();
    handle.request(
        Arc::from(name),
        Box::new(move |result| drop(sender.send((asked, result)))),
    );
    Ok(())
}

/// Counts one outcome; gives that one.
fn take(outcomes: &Receiver<Outcome>, counts: &mut BTreeMap<String, Count>) -> io::Result<usize> {
    let (asked, result) = outcomes.recv().map_err(io::Error::other)?;
    let count = counts.entry(asked.class).or_default();
    let is_right = match result {
        Ok(answer) => {
            let right: Option<IpAddr> = asked.right.parse().ok();
            right.is_some() && answer.addrs.first().copied() == right
        }
        Err(DnsError::NotFound) => asked.right == "not_found",
        Err(DnsError::Failure | DnsError::TimedOut) => asked.right == "failure",
    };
    count.of += 1;
    count.right += u64::from(is_right);
    count.slowest = count.slowest.max(asked.since.elapsed());
    Ok(1)
}

/// A line of JSON on `names` names, `asked` of the pass so far, since `from`.
fn report(
    pass: u32,
    asked: u64,
    names: u64,
    from: &Usage,
    counts: &BTreeMap<String, Count>,
) -> Result<String, Failure> {
    let now = Usage::now()?;
    let wall_s = (now.at - from.at).as_secs_f64();
    let each = |cpu: Duration| cpu.as_secs_f64() * 1e6 / names as f64;
    let mut line = format!(
        "{{\"pass\": {pass}, \"asked\": {asked}, \"names\": {names}, \"wall_s\": {wall_s:.3}, \
         \"names_per_s\": {:.0}, \"cpu_us_per_name\": {:.2}, \"process_cpu_us_per_name\": {:.2}, \
         \"rss_mb\": {:.1}, \"peak_rss_mb\": {:.1}",
        names as f64 / wall_s,
        each(now.resolver - from.resolver),
        each(now.process - from.process),
        status_mb("VmRSS:")?,
        status_mb("VmHWM:")?,
    );
    if !counts.is_empty() {
        let classes: Vec<String> = (counts.iter())
            .map(|(class, count)| {
                let slowest_s = count.slowest.as_secs_f64();
                format!(
                    "\"{class}\": {{\"of\": {}, \"right\": {}, \"slowest_s\": {slowest_s:.3}}}",
                    count.of, count.right
                )
            })
            .collect();
        write!(line, ", \"classes\": {{{}}}", classes.join(", "))?;
    }
    line.push('}');
    Ok(line)
}

/// CPU time of the threads of that name; with an empty one, of all.
fn cpu_of(name: &str) -> io::Result<Duration> {
    let mut total = 0;
    for task in fs::read_dir(Path::new("/proc/self/task"))? {
        let task = task?.path();
        let comm = fs::read_to_string(task.join("comm")).unwrap_or_default();
        if name.is_empty() || comm.trim() == name {
            let times = fs::read_to_string(task.join("schedstat")).unwrap_or_default();
            let ran = times.split(' ').next().unwrap_or_default();
            total += ran.parse::<u64>().unwrap_or_default();
        }
    }
    Ok(Duration::from_nanos(total))
}

/// A line of this process's status that is given in kilobytes.
fn status_mb(field: &str) -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.unwrap_or("0").parse::<f64>()? / 1024.0)
}
