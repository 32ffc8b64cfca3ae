//! Each request of a run fails in each way, in its turn: the run ends well, or it ends with an error and the same
//! command then goes on. Either way the dataset is the one of a run that nothing disturbed.
//!
//! Every test run takes a sample from a seed, TURBO2DS_STORES=all the whole of them.

use std::time::Duration;

use turbo2ds_tests::harness::seed::{Seeded, number_from_env};
use turbo2ds_tests::harness::{Job, Outcome};
use turbo2ds_tests::stores::fault_proxy::ACTIONS;
use turbo2ds_tests::stores::{Action, FaultProxy, Rule, StoreKind, StoreServer, all_are_wanted};

use super::place::{PER_SHARD, Place, Whole};

/// Faults of a usual test run over one server.
const SAMPLE: usize = 20;
const FORMAT: &str = "webdataset";
/// How long a run waits for a store that fails; a request that is never answered takes longer by itself.
const PATIENCE: &str = "5";
/// What a request that is not answered may take before its client gives it up, and then a run.
const STALL_MAX: Duration = Duration::from_secs(100);

/// A request's number in a run, its line there, and what happens to it.
#[derive(Clone)]
struct Fault {
    at: usize,
    line: String,
    action: Action,
}

struct Bench<'a> {
    place: Place<'a>,
    proxy: FaultProxy,
    whole: Whole,
}

impl<'a> Bench<'a> {
    fn new(server: &'a StoreServer) -> Self {
        let place = Place::new(server);
        let whole = Whole::of(&small(server.kind(), place.local(FORMAT)), FORMAT);
        let proxy = FaultProxy::before(server.endpoint_port()).unwrap();
        Self {
            place,
            proxy,
            whole,
        }
    }

    fn job(&self, prefix: &str) -> Job {
        let env = self.place.server.env_through(self.proxy.port());
        small(
            self.place.server.kind(),
            self.place.job(FORMAT, prefix).envs(env),
        )
        .option("--outage_wait", PATIENCE)
    }

    /// The requests of a run that nothing disturbs.
    fn requests(&self) -> Vec<String> {
        self.proxy.forget();
        self.job("faults/none").succeed();
        let seen = self.proxy.seen();
        self.place.check_same("faults/none", FORMAT, &self.whole);
        seen.into_iter().map(|seen| seen.line).collect()
    }

    /// Lets one request fail; what went wrong with that.
    fn fail(&self, number: usize, fault: &Fault) -> Result<(), String> {
        let prefix = format!("faults/{number}");
        let rule = Rule::new(fault.action).times(1);
        // Only the end of an upload is said to be well and is not.
        let rule = match fault.action {
            Action::OkError => rule.on(ends_upload),
            _ => rule.after(fault.at),
        };
        self.proxy.clear();
        self.proxy.forget();
        self.proxy.add(rule);
        let job = self.job(&prefix);
        let first = job.run();
        self.proxy.clear();
        let mut said = format!("first {first}");
        let mut last = first;
        // What the last requests of a run left behind goes with the next one.
        if last.code == Some(1) || last.stderr.contains("were left behind") {
            last = job.run();
            said.push_str(&format!("\nthen {last}"));
        }
        let judged = self.judge(&prefix, &last);
        // Some servers keep everything in memory.
        for name in self.place.bucket.list(&prefix).into_keys() {
            self.place.bucket.delete(&format!("{prefix}/{name}"));
        }
        judged.map_err(|why| format!("{why}\n{said}\n{}", self.log()))
    }

    fn judge(&self, prefix: &str, last: &Outcome) -> Result<(), String> {
        if last.code != Some(0) {
            return Err("it does not end well".to_owned());
        }
        let names = self.place.names(prefix);
        if names != self.whole.names {
            let odd: Vec<_> = names.symmetric_difference(&self.whole.names).collect();
            return Err(format!("other names: {odd:?}"));
        }
        if self.place.content(prefix, FORMAT) != self.whole.content {
            return Err("other rows or samples".to_owned());
        }
        match self.place.bucket.unfinished(prefix) {
            Some(left) if !left.is_empty() => Err(format!("unfinished uploads: {left:?}")),
            _ => Ok(()),
        }
    }

    fn log(&self) -> String {
        let seen = self.proxy.seen().into_iter().enumerate();
        let lines = seen.map(|(number, seen)| match seen.action {
            Some(action) => format!("{number} {} <- {action:?}\n", seen.line),
            None => format!("{number} {}\n", seen.line),
        });
        lines.collect()
    }
}

/// Two shards of several parts each: the images are stored without compression.
fn small(kind: StoreKind, job: Job) -> Job {
    // SeaweedFS takes no smaller part, as S3 does not.
    let (side, part_bytes) = match kind {
        StoreKind::SeaweedFs | StoreKind::CephRgw | StoreKind::Moto => (900, 5 << 20),
        _ => (512, 1 << 20),
    };
    job.option("--max_rows", (2 * PER_SHARD).to_string())
        .option("--image_size", side.to_string())
        .option("--encode_format", "png")
        .option("--encode_quality", "0")
        .option("--storage_option", format!("part_bytes={part_bytes}"))
}

fn ends_upload(line: &str) -> bool {
    line.starts_with("POST") && line.to_ascii_lowercase().contains("uploadid=")
}

/// Every fault of a run of these requests.
fn matrix(requests: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for action in ACTIONS {
        for (at, line) in requests.iter().enumerate() {
            let is_possible = match action {
                Action::OkError => ends_upload(line),
                _ => true,
            };
            if is_possible {
                let line = line.clone();
                faults.push(Fault { at, line, action });
            }
        }
    }
    faults
}

fn meet(kind: StoreKind) {
    let Some(server) = StoreServer::start(kind) else {
        return;
    };
    let bench = Bench::new(&server);
    let requests = bench.requests();
    println!("{}: {} requests", kind.name(), requests.len());
    let mut faults = matrix(&requests);
    let mut random = Seeded::new(number_from_env("TURBO2DS_SEED", 1));
    random.shuffle(&mut faults);
    let is_stall = |fault: &Fault| fault.action == Action::Stall;
    let stalls = faults.iter().filter(|fault| is_stall(fault)).cloned();
    if all_are_wanted() {
        // A minute each.
        let stalls: Vec<_> = stalls.take(6).collect();
        faults.retain(|fault| !is_stall(fault));
        faults.extend(stalls);
    } else {
        faults.retain(|fault| !is_stall(fault));
        faults.truncate(SAMPLE);
    }
    let mut failed = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        if let Err(why) = bench.fail(number, fault) {
            let Fault { at, line, action } = fault;
            failed.push(format!("{action:?} at {at}, {line}: {why}"));
        }
    }
    println!("{}: {} faults", kind.name(), faults.len());
    assert!(
        failed.is_empty(),
        "{}: {} of {} faults\n{}",
        kind.name(),
        failed.len(),
        faults.len(),
        failed.join("\n----\n")
    );
}

#[test]
fn each_request_to_seaweedfs_may_fail_in_each_way() {
    meet(StoreKind::SeaweedFs);
}

#[test]
fn each_request_to_the_double_may_fail_in_each_way() {
    meet(StoreKind::GcsDouble);
}

#[test]
fn each_request_to_azurite_may_fail_in_each_way() {
    meet(StoreKind::Azurite);
}

/// A request that is never answered ends a run no more than one that is refused.
#[test]
fn a_request_without_an_answer_is_given_up() {
    let Some(server) = StoreServer::start(StoreKind::GcsDouble) else {
        return;
    };
    let bench = Bench::new(&server);
    let requests = bench.requests();
    let at = requests
        .iter()
        .position(|line| ends_upload(line))
        .expect("an upload ends");
    let fault = Fault {
        at,
        line: requests[at].clone(),
        action: Action::Stall,
    };
    let begun = std::time::Instant::now();
    bench.fail(0, &fault).unwrap();
    assert!(begun.elapsed() < STALL_MAX * 2, "{:?}", begun.elapsed());
}

/// Nobody knows the identity of an upload whose beginning was not answered: its run finds it by a list.
#[test]
fn an_upload_that_began_without_an_answer_is_aborted() {
    let Some(server) = StoreServer::start(StoreKind::SeaweedFs) else {
        return;
    };
    let bench = Bench::new(&server);
    let begins = |line: &str| line.starts_with("POST") && line.ends_with("?uploads=");
    let actions = [Action::DropAfter, Action::SlowDownAfter, Action::Cut];
    for (number, action) in actions.into_iter().enumerate() {
        bench.proxy.clear();
        bench.proxy.add(Rule::new(action).on(begins).times(1));
        let prefix = format!("lost/{number}");
        bench.job(&prefix).succeed();
        let met = bench.proxy.seen();
        assert!(met.iter().any(|seen| seen.action == Some(action)));
        bench.place.check_same(&prefix, FORMAT, &bench.whole);
    }
}
