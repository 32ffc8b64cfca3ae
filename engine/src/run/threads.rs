//! Owns a run's threads: starting each with what it needs, and ending them.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crossbeam::channel::unbounded;
use turbo2ds_dns::{FixedNames, Handle, Service};

use super::planner;
use crate::config::Config;
use crate::core::{self, CoreParts, Message, Shared};
use crate::dataset::commit;
use crate::dataset::layout::layout_of;
use crate::dataset::store::{Publisher, Store};
use crate::error::{self, Error};
use crate::fetch::LookupsParts;
use crate::limits;
use crate::list::plan::Planner;
use crate::machine::Machine;
use crate::machine::runtime::Reactors;
use crate::machine::sync::{Inbox, Outbox, mailbox};
use crate::net::outage::Outage;
use crate::net::resolver;
use crate::net::stored_names::StoredNames;
use crate::pixels::{self, ImageWork};
use crate::watch::{Alarm, Board, Event, Guard, Live};

/// Minimum number of names that a core may look up ahead, however many cores share the resolver.
const LOOK_AHEAD_NAMES_MIN: usize = 16;

type Mailbox = (Outbox<Message>, Inbox<Message>);

/// A run's threads, in the order in which they end.
pub(super) struct Threads {
    cores: Vec<JoinHandle<()>>,
    compute: Vec<JoinHandle<()>>,
    pool: Arc<pixels::Pool>,
    planner: JoinHandle<()>,
    commit: Vec<JoinHandle<()>>,
    pub(super) names: Service,
    stored_names: Option<StoredNames>,
    pub(super) outage: Arc<Outage>,
    pub(super) board: Arc<Board>,
    mailboxes: Vec<Outbox<Message>>,
}

impl Threads {
    /// Starts the compute threads, the commit thread, the resolver, the planner and the cores, in this order:
    /// each hands work to those before it.
    ///
    /// # Errors
    /// `LocalResource` if the machine has no more threads, sockets or mailboxes.
    pub(super) fn start(
        shared: &Arc<Shared>,
        mut reactors: Reactors,
        lives: &[Arc<Live>],
        planner: Planner,
        publishers: Vec<Box<dyn Publisher>>,
        stored_names: Option<StoredNames>,
    ) -> Result<Self, Error> {
        let watched = shared.clone();
        let alarm = Alarm::new(move |error| watched.send(Event::Fatal(error)));
        let board = Arc::new(Board::new(Instant::now()));
        let (pins, config) = (&shared.machine.cores, &shared.config);
        let boxes = pins.iter().map(|_| mailbox());
        let boxes: Vec<Mailbox> = boxes
            .collect::<std::io::Result<_>>()
            .map_err(thread_error)?;
        let mailboxes: Vec<_> = boxes.iter().map(|(outbox, _)| outbox.clone()).collect();
        let (pool, compute) = pixels::start(pins, &image_work(shared), &mailboxes, &alarm, &board)
            .map_err(thread_error)?;
        let (commits, commit) =
            commit::start(publishers, &mailboxes, &shared.commits, &alarm, &board)
                .map_err(thread_error)?;
        let names = resolver::start(&config.dns, shared.machine.names_outstanding_max)?;
        let outage = Arc::new(outage(config, names.handle()));
        let names_parts = names_parts(config, &shared.machine, &names);
        let layout = Arc::new(layout_of(config));
        let (plan_requests, requests) = unbounded();
        let planner = planner::start(
            shared.clone(),
            planner,
            requests,
            mailboxes.clone(),
            alarm.guard(),
            board.post("planner"),
        )
        .map_err(thread_error)?;
        let parts = |index: usize| CoreParts {
            index,
            shared: shared.clone(),
            layout: layout.clone(),
            live: lives[index].clone(),
            compute: pool.clone(),
            commits: commits.clone(),
            plan_requests: plan_requests.clone(),
            outage: outage.clone(),
            post: board.post(&format!("core-{index}")),
        };
        let mut cores = Vec::with_capacity(pins.len());
        for (index, ends) in boxes.into_iter().enumerate() {
            let (names, guard) = (names_parts.clone(), alarm.guard());
            cores.extend(start_core(&mut reactors, parts(index), names, ends, guard));
        }
        Ok(Self {
            cores,
            compute,
            pool,
            planner,
            commit,
            names,
            stored_names,
            outage,
            board,
            mailboxes,
        })
    }

    /// Tells every core that the run is over and leaves the rest to a thread: if the process lives on, the
    /// run's sockets and threads must not.
    pub(super) fn abandon(self, store: Arc<dyn Store>) {
        self.outage.give_up();
        for mailbox in &self.mailboxes {
            mailbox.send(Message::Abandon);
        }
        let end = move || {
            self.end();
            // Removes what was being written when the run was abandoned.
            store.sweep();
        };
        // If no thread can be created, the process has worse problems; the next run cleans up.
        let _ = thread::Builder::new().name("end".to_owned()).spawn(end);
    }

    /// Joins every thread. A panicked thread has already ended the run: see [`Alarm`].
    pub(super) fn end(self) {
        self.pool.close();
        let all = self
            .cores
            .into_iter()
            .chain(self.compute)
            .chain([self.planner])
            .chain(self.commit);
        for thread in all {
            if thread.join().is_err() {
                tracing::error!("a thread panicked");
            }
        }
        // The resolver saves its cache as it ends.
        drop(self.names);
        if let Some(stored) = self.stored_names {
            stored.give_back();
        }
    }
}

fn thread_error(error: std::io::Error) -> Error {
    Error::local_resource(
        error::Message::because("a thread could not be started", error),
        "look at the limits on processes and memory",
    )
}

/// The processing that the run applies to every image.
fn image_work(shared: &Shared) -> Arc<ImageWork> {
    let config = &shared.config;
    let work = ImageWork::new(
        config.codec.clone(),
        config.isolation.clone(),
        config.extract_exif,
        config.fetch.hash,
    )
    .naming(config.output.true_extension)
    .without(shared.redactions().clone());
    Arc::new(work.within(shared.machine.decoding_bytes_max))
}

/// Creates the outage detector, which looks up its own names through the run's resolver.
fn outage(config: &Config, resolver: Handle) -> Outage {
    let stats = resolver.stats();
    Outage::new(config.fetch.outage_wait, stats, move |name| {
        resolver.request(name, Box::new(drop));
    })
}

/// A core's part of the name service: the cores share the resolver's capacity for look-ahead.
fn names_parts(config: &Config, machine: &Machine, names: &Service) -> LookupsParts {
    let active = resolver::names_active_max(&config.dns, machine.names_outstanding_max);
    let share = active / machine.cores.len().max(1);
    LookupsParts {
        fixed: Arc::new(FixedNames::new(config.dns.fixed.iter().cloned())),
        service: names.handle(),
        look_ahead_max: share.clamp(LOOK_AHEAD_NAMES_MIN, limits::LOOK_AHEAD_ROWS),
        ttl_max: config.dns.limits.ttl_max,
    }
}

fn start_core(
    reactors: &mut Reactors,
    parts: CoreParts,
    names: LookupsParts,
    mailbox: Mailbox,
    guard: Guard,
) -> Option<JoinHandle<()>> {
    let shared = parts.shared.clone();
    reactors.begin(move |mut reactor| {
        let _guard = guard;
        let core = core::run(parts, names, mailbox);
        shared.send(Event::CoreEnded(reactor.block_on(core)));
    })
}
