//! Owns the order of a run: check everything that can be refused, touch the folder, start the threads, watch
//! the run, end it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use crossbeam::channel::{Receiver, unbounded};

use super::Host;
use super::signals::{SignalUse, Signals};
use super::threads::Threads;
use super::watching::Watch;
use crate::config::{Assignment, Config, choices};
use crate::core::Shared;
use crate::dataset::ownership::UserFiles;
use crate::dataset::store::{Job, Opened, Store};
use crate::dataset::store_of;
use crate::error::{Error, Message};
use crate::http::Proxies;
use crate::list::List;
use crate::list::plan::Planner;
use crate::machine::Machine;
use crate::machine::runtime::Reactors;
use crate::net::TlsContext;
use crate::net::stored_names::StoredNames;
use crate::watch::{Event, Live, Progress, RunReport};

/// Runs a configuration to its end.
///
/// # Errors
/// The errors that stop a run, including `Interrupted`; failures of URLs are rows of the dataset.
pub fn run(config: Config, host: Host) -> Result<RunReport, Error> {
    let started = Instant::now();
    let Begun {
        mut signals,
        shared,
        events,
        reactors,
        planner,
        opened,
        assignment,
        rows,
        notes,
        names,
    } = begin(config, host.signals)?;
    let lives: Vec<Arc<Live>> = shared
        .machine
        .cores
        .iter()
        .map(|_| Arc::default())
        .collect();
    let Opened {
        publishers,
        hold,
        done,
        notes: found,
        redactions,
        ..
    } = opened;
    shared.keep_out(redactions);
    let shards_before = done.len() as u64;
    let planner = planner.skipping(skipped(done, assignment, shared.store.clone()));
    let threads = Threads::start(&shared, reactors, &lives, planner, publishers, names)?;
    let progress = Progress::new(shared.config.show.log_json, host.observer, rows, started);
    let mut watch = Watch::new(
        &shared,
        hold,
        shards_before,
        &lives,
        &threads,
        progress,
        started,
    );
    for note in notes.iter().chain(&found) {
        watch.note(note);
    }
    if let Err(error) = watch.until_the_end(&events, &signals) {
        watch.break_off();
        threads.abandon(shared.store.clone());
        return Err(error);
    }
    threads.end();
    // Removes what a failed first attempt at a shard has left, if this machine was at fault.
    shared.store.sweep();
    if assignment == Assignment::All {
        watch.enter_version();
    }
    let report = watch.end(started)?;
    signals.leave_unanswered();
    Ok(report)
}

/// A run that has passed every check.
struct Begun {
    signals: Signals,
    shared: Arc<Shared>,
    events: Receiver<Event>,
    reactors: Reactors,
    planner: Planner,
    opened: Opened,
    assignment: Assignment,
    /// Rows of the list, if known and if this run does all of them.
    rows: Option<u64>,
    /// Notes on the list for the user.
    notes: Vec<String>,
    /// The cache of names, if it is kept in a store.
    names: Option<StoredNames>,
}

/// Checks everything that can be refused, and only then touches the folder.
fn begin(mut config: Config, signals: SignalUse) -> Result<Begun, Error> {
    let machine = Machine::read(&config.machine, config.output.assignment.is_part())?;
    let assignment = config
        .output
        .assignment
        .resolve(|name| std::env::var(name).ok())?;
    let signals = Signals::install(signals).map_err(|error| {
        Error::local_resource(Message::because("no signal handler", error), "try again")
    })?;
    let list = open_list(&mut config)?;
    let notes = list.notes().to_vec();
    let identity = list.identity().clone();
    let names = StoredNames::fetch(&mut config)?;
    let files = UserFiles::named(&config, &list)?;
    let planner = Planner::open(list)?;
    let (shared, events) = share(config, machine)?;
    let reactors = start_reactors(&shared)?;
    let opened = shared.store.open(&Job {
        config: &shared.config,
        assignment,
        input: &identity.fingerprint,
        user_files: files,
    })?;
    let planner = planner
        .starting_at(opened.first_shard_id)
        .ending_at(assignment.last());
    Ok(Begun {
        signals,
        shared,
        events,
        reactors,
        planner,
        opened,
        assignment,
        // The number of rows in the list says little about a part of it.
        rows: identity.rows.filter(|_| assignment == Assignment::All),
        notes,
        names,
    })
}

/// Opens the list, and records its format among the settings that a resumed run must match.
///
/// # Errors
/// The list's error.
pub(super) fn open_list(config: &mut Config) -> Result<List, Error> {
    let list = List::open(&config.input)?;
    let format = choices::input_format(list.format(), list.compression());
    config.recorded.set("input_format", format.into());
    Ok(list)
}

fn share(config: Config, machine: Machine) -> Result<(Arc<Shared>, Receiver<Event>), Error> {
    let (tls, roots) = TlsContext::new(config.fetch.ignore_ssl_certificate).map_err(|error| {
        Error::local_resource(Message::of(error), "this is a fault of turbo2ds")
    })?;
    if roots == 0 && !config.fetch.ignore_ssl_certificate {
        tracing::warn!(
            "no root certificates were found, so every https URL will fail; install \
             ca-certificates or set SSL_CERT_FILE"
        );
    }
    // A value that is not UTF-8 cannot name a proxy.
    let variables = std::env::vars_os()
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
    let proxies = Proxies::from_env(variables).map_err(|error| {
        Error::usage(
            Message::of(error),
            "use an http:// proxy or unset the variable",
        )
    })?;
    let (events, receiver) = unbounded();
    let store = store_of(&config, config.output.assignment.is_part())?;
    let shared = Shared::new(config, machine, store, tls, proxies, events);
    Ok((Arc::new(shared), receiver))
}

/// Tells the planner which shards to skip: those that are done, those of other workers, and those that another
/// worker has done in the meantime.
fn skipped(
    done: HashSet<u64>,
    assignment: Assignment,
    store: Arc<dyn Store>,
) -> impl Fn(u64) -> bool + Send + 'static {
    move |shard_id| {
        !assignment.contains(shard_id)
            || done.contains(&shard_id)
            || (assignment != Assignment::All && store.is_done(shard_id))
    }
}

/// Starts the reactors of all cores, before anything is touched. Logs the I/O backend if it is not the
/// preferred one.
fn start_reactors(shared: &Shared) -> Result<Reactors, Error> {
    let reactors = Reactors::start(shared.config.machine.io, &shared.machine.cores)?;
    let grant = reactors.grant();
    if let Some(lack) = &grant.lack {
        tracing::warn!("running on {grant}: {lack}");
    }
    tracing::info!(backend = %grant, "I/O backend");
    Ok(reactors)
}
