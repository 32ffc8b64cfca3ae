//! Owns the start of a run, its watch and its end, in that order.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Receiver, RecvTimeoutError, unbounded};
use turbo2ds_dns::recursive::{Clocks, Settings, Setup, random_seed, root_servers};
use turbo2ds_dns::{FixedNames, Forwarder, ForwarderError, Service, system_servers};
use turbo2ds_writers::Layout;

use super::dataset::{self, Dataset};
use super::live::{Live, Snapshot};
use super::progress::Progress;
use super::report::RunReport;
use super::signals::Signals;
use super::{Event, RUNNING, Shared, planner};
use crate::alarm::{Alarm, Guard};
use crate::compute::{self, ImageWork};
use crate::config::{Config, DnsConfig, Resolver};
use crate::core::{self, CoreParts, Message};
use crate::error::{EXIT_PARTIAL, EXIT_SUCCESS, Error};
use crate::http::Proxies;
use crate::limits;
use crate::machine::Machine;
use crate::net::TlsContext;
use crate::plan::Planner;
use crate::runtime::{self, Backend};
use crate::sync::{Inbox, Outbox, mailbox};
use crate::{commit, input};

/// Time between two looks at signals and counters.
const TICK: Duration = Duration::from_millis(200);

/// A run's threads, in the order in which they end.
struct Threads {
    cores: Vec<JoinHandle<()>>,
    compute: Vec<JoinHandle<()>>,
    pool: Arc<compute::Pool>,
    planner: JoinHandle<()>,
    commit: JoinHandle<()>,
    _names: Service,
}

/// Runs a configuration to its end.
///
/// # Errors
/// The run's own; a URL's failures are rows of the dataset.
pub fn run(config: Config) -> Result<ExitCode, Error> {
    let started = Instant::now();
    let (backend, reason) = runtime::choose(config.machine.io)?;
    if let Some(reason) = reason {
        tracing::warn!("running on {}: {reason}", backend.as_str());
    }
    tracing::info!(backend = backend.as_str(), "I/O backend");
    let machine = Machine::read(&config.machine)?;
    let identity = input::identify(&config.input)?;
    let signals = Signals::install().map_err(|error| {
        Error::local_resource(format!("no signal handler: {error}"), "try again")
    })?;
    let planner = Planner::open(&config.input)?;
    let (shared, events) = share(config, machine)?;
    // Everything that can be refused has been looked at: only now is the folder touched.
    let dataset = Dataset::open(&shared.config, &identity.fingerprint)?;
    let planner = planner.starting_at(dataset.first_shard_id);
    let lives: Vec<Arc<Live>> = shared
        .machine
        .cores
        .iter()
        .map(|_| Arc::default())
        .collect();
    let shards_before = dataset.done.len() as u64;
    let threads = start_threads(&shared, backend, &lives, planner, &dataset)
        .map_err(|error| start_error(&error))?;
    let mut watch = Watch {
        shared: &shared,
        lives: &lives,
        progress: Progress::new(shared.config.show.log_json, identity.rows, started),
        report: RunReport {
            shards_before,
            ..RunReport::default()
        },
        broken: None,
        planned: None,
        cores_left: lives.len(),
    };
    watch.until_the_end(&events, &signals)?;
    threads.end();
    let Watch {
        mut report,
        progress,
        broken,
        planned,
        ..
    } = watch;
    // A stop that came when every shard was under way has stopped nothing.
    report.interrupted &= planned != Some(report.shards + report.shards_missing);
    report.elapsed = started.elapsed();
    report.body_bytes = Snapshot::of(&lives).body_bytes;
    progress.end(&report);
    match broken {
        Some(error) => Err(error),
        None if report.interrupted => Err(Error::Interrupted),
        None if report.shards_missing > 0 => Ok(ExitCode::from(EXIT_PARTIAL)),
        None => Ok(ExitCode::from(EXIT_SUCCESS)),
    }
}

fn share(config: Config, machine: Machine) -> Result<(Arc<Shared>, Receiver<Event>), Error> {
    let (tls, roots) = TlsContext::new(config.fetch.ignore_ssl_certificate)
        .map_err(|error| Error::local_resource(error.to_string(), "this is a fault of turbo2ds"))?;
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
            error.to_string(),
            "use an http:// proxy or unset the variable",
        )
    })?;
    let (events, receiver) = unbounded();
    let shared = Shared {
        fetch: Arc::new(config.fetch.clone()),
        tls,
        proxies: Arc::new(proxies),
        events,
        stop: AtomicU8::new(RUNNING),
        machine,
        config,
    };
    Ok((Arc::new(shared), receiver))
}

fn layout_of(config: &Config) -> Layout {
    Layout {
        format: config.output.format,
        image_ext: config.codec.encode_format.as_str(),
        save_caption: config.input.caption_col.is_some(),
        exif_column: config.extract_exif,
        hash_column: config.fetch.hash.map(crate::config::HashKind::as_str),
        shard_digits: config.output.shard_digits,
        rows_per_shard: config.input.rows_per_shard,
    }
}

/// What can go wrong while threads start.
enum StartError {
    Thread(std::io::Error),
    Names(ForwarderError),
}

impl From<ForwarderError> for StartError {
    fn from(error: ForwarderError) -> Self {
        Self::Names(error)
    }
}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::Thread(error)
    }
}

fn start_error(error: &StartError) -> Error {
    match error {
        StartError::Thread(error) => Error::local_resource(
            format!("a thread could not be started: {error}"),
            "look at the limits on processes and memory",
        ),
        StartError::Names(error) => Error::local_resource(
            format!("name resolution cannot start: {error}"),
            error.hint(),
        ),
    }
}

fn start_threads(
    shared: &Arc<Shared>,
    backend: Backend,
    lives: &[Arc<Live>],
    planner: Planner,
    dataset: &Dataset,
) -> Result<Threads, StartError> {
    let watched = shared.clone();
    let alarm = Alarm::new(move |error| watched.send(Event::Fatal(error)));
    let pins = &shared.machine.cores;
    let config = &shared.config;
    let boxes: Vec<(Outbox<Message>, Inbox<Message>)> = pins
        .iter()
        .map(|_| mailbox())
        .collect::<std::io::Result<_>>()?;
    let outboxes: Vec<_> = boxes.iter().map(|(outbox, _)| outbox.clone()).collect();
    let work = Arc::new(ImageWork::new(
        config.codec.clone(),
        config.extract_exif,
        config.fetch.hash,
    ));
    let (pool, compute) = compute::start(pins, &work, &outboxes, &alarm)?;
    let (commits, commit) = commit::start(shared.folder().to_owned(), outboxes.clone(), &alarm)?;
    let names = start_names(config, shared.machine.names_outstanding_max)?;
    let fixed_names = Arc::new(FixedNames::new(config.dns.fixed.iter().cloned()));
    let (plan_requests, requests) = unbounded();
    let planner = planner::start(
        shared.clone(),
        planner,
        dataset.done.clone(),
        requests,
        outboxes.clone(),
        alarm.guard(),
    )?;
    let layout = Arc::new(layout_of(config));
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
            names: names.handle(),
            fixed_names: fixed_names.clone(),
        };
        cores.push(start_core(backend, pins[index], parts, alarm.guard())?);
    }
    Ok(Threads {
        cores,
        compute,
        pool,
        planner,
        commit,
        _names: names,
    })
}

fn start_names(config: &Config, outstanding_max: usize) -> Result<Service, StartError> {
    let ipv6 = has_ipv6();
    let settings = match config.dns.resolver {
        Resolver::Recursive => Settings {
            roots: root_servers(ipv6),
            ..Settings::default()
        },
        Resolver::System => {
            let servers = match &config.dns.servers[..] {
                [] => system_servers()?,
                listed => listed.to_vec(),
            };
            match forwarding(&servers, ipv6) {
                Some(settings) => settings,
                None => {
                    let forwarder = Forwarder::to_servers(&servers, ipv6)?;
                    return Ok(Service::spawn(forwarder, outstanding_max)?);
                }
            }
        }
    };
    let setup = resolver_setup(
        &config.dns,
        Settings {
            ipv6,
            names_active_max: outstanding_max,
            cache_bytes_max: limits::DNS_CACHE_BYTES,
            ..settings
        },
    )?;
    Ok(Service::spawn_recursive(setup)?)
}

/// The built-in resolver in front of `servers`, where it can ask all of them: they share a port, and
/// IPv6's only where there is a route.
fn forwarding(servers: &[SocketAddr], ipv6: bool) -> Option<Settings> {
    let port = servers.first()?.port();
    let usable = |server: &SocketAddr| server.port() == port && (server.is_ipv4() || ipv6);
    let addresses = servers.iter().map(SocketAddr::ip).collect();
    let all = servers.iter().all(usable);
    all.then(|| Settings::forwarding(addresses, port))
}

fn resolver_setup(dns: &DnsConfig, settings: Settings) -> std::io::Result<Setup> {
    Ok(Setup {
        settings,
        seed: random_seed()?,
        clocks: Clocks {
            now: Instant::now,
            unix_s: || {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                since.map_or(0, |since| since.as_secs())
            },
        },
        cache_file: dns.cache_file.as_ref().map(Into::into),
    })
}

/// Whether this machine has a route to IPv6 addresses: a datagram socket can be connected to one.
/// Nothing is sent.
fn has_ipv6() -> bool {
    // A root server's address; any global one would do.
    const SOMEWHERE: (Ipv6Addr, u16) = (Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf), 53);
    UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0))
        .is_ok_and(|socket| socket.connect(SOMEWHERE).is_ok())
}

fn start_core(
    backend: Backend,
    pin: core_affinity::CoreId,
    parts: CoreParts,
    guard: Guard,
) -> std::io::Result<JoinHandle<()>> {
    let shared = parts.shared.clone();
    thread::Builder::new()
        .name(format!("core-{}", parts.index))
        .spawn(move || {
            let _guard = guard;
            core_affinity::set_for_current(pin);
            let result = runtime::block_on(backend, core::run(parts)).unwrap_or_else(|error| {
                Err(Error::local_resource(
                    format!("a reactor could not be started: {error}"),
                    "use --io epoll, or raise the limits on locked memory and descriptors",
                ))
            });
            shared.send(Event::CoreEnded(result));
        })
}

impl Threads {
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
    lives: &'a [Arc<Live>],
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
            self.progress
                .tick(&Snapshot::of(self.lives), Instant::now());
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::ShardCommitted(shard) => {
                self.progress.shard(&shard);
                self.report.shards += 1;
                self.report.tally.add(&shard.tally);
            }
            Event::ShardGivenUp { shard_id, error } => {
                self.progress
                    .note(&format!("shard {shard_id} is missing: {error}"));
                self.report.shards_missing += 1;
            }
            Event::InputBroken(error) => {
                self.progress
                    .note(&format!("{error}; what was read is finished"));
                self.broken = Some(error);
            }
            Event::ListEnded { lossy, planned } => {
                self.report.lossy = lossy;
                self.planned = planned;
            }
            Event::CoreEnded(Ok(())) => self.cores_left -= 1,
            Event::CoreEnded(Err(error)) | Event::Fatal(error) => return Err(self.abort(error)),
        }
        Ok(())
    }

    fn look_at_signals(&mut self, signals: &Signals) -> Result<(), Error> {
        match signals.count() {
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

    /// Leaves at once: reactors are not waited for, the folder is left resumable.
    fn abort(&self, error: Error) -> Error {
        self.shared.drain();
        dataset::sweep(self.shared.folder());
        error
    }
}
