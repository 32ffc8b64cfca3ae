//! Owns the start of a run, its watch and its end, in that order.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, unbounded};
use turbo2ds_dns::{FixedNames, Service};

use super::signals::Signals;
use super::{Host, planner};
use crate::config::Slice;
use crate::config::{Config, words};
use crate::core::{self, CoreParts, Message, Shared};
use crate::dataset::commit;
use crate::dataset::layout::layout_of;
use crate::dataset::ownership::UserFiles;
use crate::dataset::store::{Hold, Job, Publisher, Store};
use crate::dataset::store_of;
use crate::error::Error;
use crate::fetch::NamesParts;
use crate::http::Proxies;
use crate::limits;
use crate::list::List;
use crate::list::plan::Planner;
use crate::machine::Machine;
use crate::machine::runtime::Reactors;
use crate::machine::sync::{Inbox, Outbox, mailbox};
use crate::net::TlsContext;
use crate::net::outage::{Outage, OutageWatch};
use crate::net::resolver;
use crate::pixels::{self, ImageWork};
use crate::watch::{
    Alarm, Board, Event, Guard, Live, NamesWatch, Progress, RunReport, Snapshot, Watchdog,
};

/// Time between two looks at signals and counters.
const TICK: Duration = Duration::from_millis(200);
/// Names a core may ask ahead however many cores share the resolver.
const LOOK_AHEAD_NAMES_MIN: usize = 16;
/// Time between two looks at the dataset's folder.
const FOLDER_TICK: Duration = Duration::from_secs(1);
/// Said when the list breaks; the error itself is the run's last word.
const INPUT_BROKEN: &str =
    "the list cannot be read further: what was read is finished, then the run ends with the error";
/// Time that an aborted run gives the commit under way, some syncs, before it leaves its files to the next run.
const COMMIT_END_MAX: Duration = Duration::from_secs(5);
/// Time that it gives the files that reactors are making.
const MAKING_END_MAX: Duration = Duration::from_secs(1);

/// A run's threads, in the order in which they end.
struct Threads {
    cores: Vec<JoinHandle<()>>,
    compute: Vec<JoinHandle<()>>,
    pool: Arc<pixels::Pool>,
    planner: JoinHandle<()>,
    commit: JoinHandle<()>,
    names: Service,
    outage: Arc<Outage>,
    board: Arc<Board>,
    mailboxes: Vec<Outbox<Message>>,
}

/// Runs a configuration to its end.
///
/// # Errors
/// The run's own, `Interrupted` among them; a URL's failures are rows of the dataset.
pub fn run(mut config: Config, host: Host) -> Result<RunReport, Error> {
    let started = Instant::now();
    let machine = Machine::read(&config.machine, config.output.slice.is_part())?;
    let slice = config
        .output
        .slice
        .resolve(|name| std::env::var(name).ok())?;
    let mut signals = Signals::install(host.signals).map_err(|error| {
        Error::local_resource(
            crate::error::Message::because("no signal handler", error),
            "try again",
        )
    })?;
    let list = open_list(&mut config)?;
    let notes = list.notes().to_vec();
    let identity = list.identity().clone();
    let files = UserFiles::named(&config, &list)?;
    let planner = Planner::open(list)?;
    let (shared, events) = share(config, machine)?;
    let reactors = start_reactors(&shared)?;
    // Everything that can be refused has been looked at: only now is the folder touched.
    let opened = shared.store.open(&Job {
        config: &shared.config,
        slice,
        input: &identity.fingerprint,
        user_files: files,
    })?;
    let shards_before = opened.done.len() as u64;
    let planner = planner
        .starting_at(opened.first_shard_id)
        .ending_at(slice.last())
        .skipping(skipped(opened.done, slice, shared.store.clone()));
    // What is known of the list's rows says little of a part's.
    let rows = identity.rows.filter(|_| slice == Slice::All);
    let lives: Vec<Arc<Live>> = shared
        .machine
        .cores
        .iter()
        .map(|_| Arc::default())
        .collect();
    let threads = start_threads(&shared, reactors, &lives, planner, opened.publisher)?;
    let mut watch = Watch {
        shared: &shared,
        hold: opened.hold,
        folder_seen: started,
        lives: &lives,
        names: NamesWatch::new(threads.names.handle().stats(), shared.config.dns.resolver),
        outage: threads.outage.clone(),
        outage_watch: OutageWatch::new(),
        watchdog: Watchdog::new(
            threads.board.clone(),
            lives.len(),
            shared.config.fetch.timeout,
        ),
        progress: Progress::new(shared.config.show.log_json, host.observer, rows, started),
        report: RunReport {
            shards_before,
            ..RunReport::default()
        },
        broken: None,
        planned: None,
        cores_left: lives.len(),
    };
    for note in notes.iter().chain(&opened.notes) {
        watch.progress.note(note);
    }
    if let Err(error) = watch.until_the_end(&events, &signals) {
        if let Some(broken) = watch.broken.take() {
            watch.progress.note(broken.message());
        }
        threads.abandon(shared.store.clone());
        return Err(error);
    }
    threads.end();
    // What a shard's first try left, where this machine failed it.
    shared.store.sweep();
    let Watch {
        mut report,
        mut progress,
        broken,
        planned,
        ..
    } = watch;
    // A stop that came when every shard was under way has stopped nothing.
    let ended = report.shards + report.shards_elsewhere + report.shards_missing;
    report.interrupted &= planned != Some(ended);
    report.elapsed = started.elapsed();
    report.body_bytes = Snapshot::of(&lives).body_bytes;
    progress.end(&report);
    match broken {
        Some(error) => Err(error),
        None if report.interrupted => Err(Error::Interrupted),
        None => {
            signals.leave_unanswered();
            Ok(report)
        }
    }
}

/// Opens the list, and enters its format into what a resumed run must have.
///
/// # Errors
/// The list's.
pub(super) fn open_list(config: &mut Config) -> Result<List, Error> {
    let list = List::open(&config.input)?;
    let format = words::input_format(list.format(), list.compression());
    config.recorded.set("input_format", format.into());
    Ok(list)
}

fn share(config: Config, machine: Machine) -> Result<(Arc<Shared>, Receiver<Event>), Error> {
    let (tls, roots) = TlsContext::new(config.fetch.ignore_ssl_certificate).map_err(|error| {
        Error::local_resource(
            crate::error::Message::of(error),
            "this is a fault of turbo2ds",
        )
    })?;
    if roots == 0 && !config.fetch.ignore_ssl_certificate {
        tracing::warn!(
            "no root certificates were found, so every https URL will fail; install \
             ca-certificates or set SSL_CERT_FILE"
        );
    }
    // A value that is no text cannot name a proxy.
    let variables = std::env::vars_os()
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)));
    let proxies = Proxies::from_env(variables).map_err(|error| {
        Error::usage(
            crate::error::Message::of(error),
            "use an http:// proxy or unset the variable",
        )
    })?;
    let (events, receiver) = unbounded();
    let store = store_of(&config, config.output.slice.is_part());
    let shared = Shared::new(config, machine, store, tls, proxies, events);
    Ok((Arc::new(shared), receiver))
}

fn thread_error(error: std::io::Error) -> Error {
    Error::local_resource(
        crate::error::Message::because("a thread could not be started", error),
        "look at the limits on processes and memory",
    )
}

fn start_threads(
    shared: &Arc<Shared>,
    mut reactors: Reactors,
    lives: &[Arc<Live>],
    planner: Planner,
    publisher: Box<dyn Publisher>,
) -> Result<Threads, Error> {
    let watched = shared.clone();
    let alarm = Alarm::new(move |error| watched.send(Event::Fatal(error)));
    let board = Arc::new(Board::new(Instant::now()));
    let pins = &shared.machine.cores;
    let config = &shared.config;
    let boxes: Vec<(Outbox<Message>, Inbox<Message>)> = pins
        .iter()
        .map(|_| mailbox())
        .collect::<std::io::Result<_>>()
        .map_err(thread_error)?;
    let outboxes: Vec<_> = boxes.iter().map(|(outbox, _)| outbox.clone()).collect();
    let work = ImageWork::new(
        config.codec.clone(),
        config.isolation.clone(),
        config.extract_exif,
        config.fetch.hash,
    )
    .naming(config.output.true_extension);
    let work = Arc::new(work.within(shared.machine.decoding_bytes_max));
    let (pool, compute) =
        pixels::start(pins, &work, &outboxes, &alarm, &board).map_err(thread_error)?;
    let layout = Arc::new(layout_of(config));
    let (commits, commit) = commit::start(
        publisher,
        outboxes.clone(),
        shared.commits.clone(),
        &alarm,
        board.post("commit"),
    )
    .map_err(thread_error)?;
    let names = resolver::start(&config.dns, shared.machine.names_outstanding_max)?;
    let resolver = names.handle();
    let outage = Arc::new(Outage::new(
        config.fetch.outage_wait,
        resolver.stats(),
        move |name| resolver.request(name, Box::new(drop)),
    ));
    let names_parts = names_parts(config, &shared.machine, &names);
    let (plan_requests, requests) = unbounded();
    let planner = planner::start(
        shared.clone(),
        planner,
        requests,
        outboxes.clone(),
        alarm.guard(),
        board.post("planner"),
    )
    .map_err(thread_error)?;
    let mut cores = Vec::with_capacity(pins.len());
    for (index, (outbox, inbox)) in boxes.into_iter().enumerate() {
        let parts = CoreParts {
            index,
            shared: shared.clone(),
            layout: layout.clone(),
            live: lives[index].clone(),
            compute: pool.clone(),
            commits: commits.clone(),
            plan_requests: plan_requests.clone(),
            inbox,
            outbox,
            outage: outage.clone(),
            post: board.post(&format!("core-{index}")),
            names: names_parts.clone(),
        };
        cores.extend(start_core(&mut reactors, parts, alarm.guard()));
    }
    Ok(Threads {
        cores,
        compute,
        pool,
        planner,
        commit,
        names,
        outage,
        board,
        mailboxes: outboxes,
    })
}

/// Tells the planner which shards to leave out: done ones, other workers', and those that another worker has
/// done since.
fn skipped(
    done: HashSet<u64>,
    slice: Slice,
    store: Arc<dyn Store>,
) -> impl Fn(u64) -> bool + Send + 'static {
    move |shard_id| {
        !slice.contains(shard_id)
            || done.contains(&shard_id)
            || (slice != Slice::All && store.is_done(shard_id))
    }
}

/// A core's part of the name service: look-ahead shares among the cores what the resolver works on.
fn names_parts(config: &Config, machine: &Machine, names: &Service) -> NamesParts {
    let active = resolver::names_active_max(&config.dns, machine.names_outstanding_max);
    let share = active / machine.cores.len().max(1);
    NamesParts {
        fixed: Arc::new(FixedNames::new(config.dns.fixed.iter().cloned())),
        service: names.handle(),
        look_ahead_max: share.clamp(LOOK_AHEAD_NAMES_MIN, limits::LOOK_AHEAD_ROWS),
        ttl_max: config.dns.limits.ttl_max,
    }
}

/// The reactors of all cores, before anything is touched. Says what they run on where that is not
/// what a run wants.
fn start_reactors(shared: &Shared) -> Result<Reactors, Error> {
    let reactors = Reactors::start(shared.config.machine.io, &shared.machine.cores)?;
    let grant = reactors.grant();
    if let Some(lack) = &grant.lack {
        tracing::warn!("running on {grant}: {lack}");
    }
    tracing::info!(backend = %grant, "I/O backend");
    Ok(reactors)
}

fn start_core(reactors: &mut Reactors, parts: CoreParts, guard: Guard) -> Option<JoinHandle<()>> {
    let shared = parts.shared.clone();
    reactors.begin(move |mut reactor| {
        let _guard = guard;
        shared.send(Event::CoreEnded(reactor.block_on(core::run(parts))));
    })
}

impl Threads {
    /// Tells every core that the run is over and leaves the rest to a thread: in a process that lives
    /// on, sockets and threads must not.
    fn abandon(self, store: Arc<dyn Store>) {
        self.outage.give_up();
        for mailbox in &self.mailboxes {
            mailbox.send(Message::Abandon);
        }
        let end = move || {
            self.end();
            // What was being written when the run was given up.
            store.sweep();
        };
        // Without a thread the process has worse trouble; the next run clears up.
        let _ = thread::Builder::new().name("end".to_owned()).spawn(end);
    }

    /// Joins every thread. One that panicked has ended the run already: see [`Alarm`].
    fn end(self) {
        self.pool.close();
        let all = self
            .cores
            .into_iter()
            .chain(self.compute)
            .chain([self.planner, self.commit]);
        for thread in all {
            if thread.join().is_err() {
                tracing::error!("a thread panicked");
            }
        }
    }
}

/// The main thread's view of a run.
struct Watch<'a> {
    shared: &'a Shared,
    hold: Box<dyn Hold>,
    /// When the folder was last looked at.
    folder_seen: Instant,
    lives: &'a [Arc<Live>],
    names: NamesWatch,
    outage: Arc<Outage>,
    outage_watch: OutageWatch,
    watchdog: Watchdog,
    progress: Progress,
    report: RunReport,
    broken: Option<Error>,
    /// Shards of the whole list, once it is read to its end.
    planned: Option<u64>,
    cores_left: usize,
}

impl Watch<'_> {
    /// Handles events until every core has ended.
    fn until_the_end(&mut self, events: &Receiver<Event>, signals: &Signals) -> Result<(), Error> {
        while self.cores_left > 0 {
            match events.recv_timeout(TICK) {
                Ok(event) => self.handle(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_signals(signals)?;
            self.look_at_folder()?;
            self.look_at_network()?;
            self.tell_of_names(false);
            for note in self.watchdog.look(self.lives, Instant::now()) {
                self.progress.note(&note);
            }
            let mut snapshot = Snapshot::of(self.lives);
            snapshot.names = self.names.snapshot();
            self.progress.tick(&snapshot, Instant::now());
        }
        self.tell_of_names(true);
        self.report.names = self.names.snapshot();
        Ok(())
    }

    fn tell_of_names(&mut self, at_end: bool) {
        for note in self.names.notes(at_end) {
            self.progress.note(&note);
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::ShardCommitted(shard) => {
                self.progress.shard(&shard);
                self.report.shards += 1;
                self.report.tally.add(&shard.tally);
            }
            Event::ShardElsewhere => self.report.shards_elsewhere += 1,
            Event::ShardGivenUp { shard_id, error } => {
                let (message, hint) = (error.message(), error.hint());
                self.progress
                    .note(&format!("shard {shard_id} is missing: {message} ({hint})"));
                self.report.shards_missing += 1;
            }
            Event::InputBroken(error) => {
                self.progress.note(INPUT_BROKEN);
                self.broken = Some(error);
            }
            Event::ListEnded { losses, planned } => {
                self.report.losses = losses;
                self.planned = planned;
            }
            Event::CoreEnded(Ok(())) => self.cores_left -= 1,
            Event::CoreEnded(Err(error)) | Event::Fatal(error) => return Err(self.abort(error)),
        }
        Ok(())
    }

    fn look_at_signals(&mut self, signals: &Signals) -> Result<(), Error> {
        match signals.count() + usize::from(self.progress.broken_off()) {
            0 => Ok(()),
            1 if self.report.interrupted => Ok(()),
            1 => {
                self.report.interrupted = true;
                self.shared.drain();
                self.progress.note(
                    "stopping: open shards are finished, no new one is begun; once more stops at once",
                );
                Ok(())
            }
            _ => Err(self.abort(Error::Interrupted)),
        }
    }

    /// A shard may write nothing for minutes, so that a folder that has gone is not met by itself.
    fn look_at_folder(&mut self) -> Result<(), Error> {
        if self.folder_seen.elapsed() < FOLDER_TICK {
            return Ok(());
        }
        self.folder_seen = Instant::now();
        self.hold.check().map_err(|error| self.abort(error))
    }

    /// Rows that wait for the network hold their shards open: a run that is to stop leaves them.
    fn look_at_network(&mut self) -> Result<(), Error> {
        if self.report.interrupted && self.outage.is_down() {
            return Err(self.abort(Error::Interrupted));
        }
        match self.outage_watch.look(&self.outage, Instant::now()) {
            Ok(None) => {}
            Ok(Some(note)) => self.progress.note(&note),
            Err(error) => return Err(self.abort(error)),
        }
        Ok(())
    }

    /// Leaves at once: reactors are not waited for, the folder is left resumable.
    fn abort(&self, error: Error) -> Error {
        self.shared.drain();
        let is_still = self.shared.commits.close(COMMIT_END_MAX);
        self.shared.store.close(MAKING_END_MAX);
        if is_still {
            self.shared.store.sweep();
        }
        error
    }
}
