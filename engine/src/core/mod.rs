//! Owns one core: a pinned reactor that feeds rows to fetches, bodies to the compute thread, and
//! samples to its open shards. Everything here runs on the reactor's thread; other threads reach it
//! through its mailbox.

mod adapt;
mod feed;
mod mail;
mod places;
mod rows;
mod shards;
mod shared;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::Sender;
use futures_channel::{mpsc, oneshot};
use futures_util::future::{Either, select};
use rustix::thread::Timespec;
use turbo2ds_writers::Layout;

use crate::dataset::sealed::ShardSlot;
use crate::dataset::sealed::{CommitDone, SealedShard};
use crate::dataset::shard::{Dirty, OpenShard};
use crate::dataset::store::StoreReplies;
use crate::error::{self, Error};
use crate::failure::Failure;
use crate::fetch::{Fetcher, Lookups, LookupsParts, Share};
use crate::limits;
use crate::list::plan::ShardPlan;
use crate::machine::sync::{Inbox, Outbox, Permit, Replies, Semaphore};
use crate::net::outage::Outage;
use crate::pixels::{self, Done, Job, Task};
use crate::watch::Post;
use crate::watch::{Event, Live};
use mail::Mail;
pub(crate) use mail::Message;
use places::Places;
pub(crate) use shared::Shared;

/// How long a reactor sleeps while its compute thread is busy: less than one photo takes.
const REST: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 2_000_000,
};

/// How often an abandoned run checks what is still in flight.
const WIND_UP_TICK: Duration = Duration::from_millis(20);

/// Events of shards, in order of arrival.
enum ShardEvent {
    Done(Done),
    Commit(CommitDone),
}

/// What a body holds until its image is written.
struct Held {
    _queue_permit: Permit,
    _share: Share,
}

/// One core's state.
pub(crate) struct Core {
    index: usize,
    shared: Arc<Shared>,
    layout: Arc<Layout>,
    live: Arc<Live>,
    fetcher: Fetcher,
    outage: Arc<Outage>,
    pool: Arc<pixels::Pool>,
    commits: Sender<SealedShard>,
    /// Asks the planner for one more plan, by this core's index.
    plan_requests: Sender<usize>,
    open: RefCell<HashMap<ShardSlot, OpenShard>>,
    held: RefCell<HashMap<(ShardSlot, usize), Held>>,
    /// Shards to do again after an error of this machine, with the tries so far.
    again: RefCell<Vec<(ShardPlan, u32)>>,
    /// Questions to the dataset's store.
    stored: Rc<StoreReplies>,
    failure_texts: RefCell<HashMap<Failure, Arc<str>>>,
    next_slot: Cell<ShardSlot>,
    places: Places,
    compute_permits: Semaphore,
    open_permits: Semaphore,
    dirty: Rc<Dirty>,
    post: Post,
    all_closed: RefCell<Option<oneshot::Sender<()>>>,
    /// The run is over: results are dropped.
    abandoned: Cell<bool>,
}

/// What a core is built from.
pub(crate) struct CoreParts {
    /// Position among the cores.
    pub index: usize,
    /// The run's shared state.
    pub shared: Arc<Shared>,
    /// The shards' layout.
    pub layout: Arc<Layout>,
    /// Live counters of this core.
    pub live: Arc<Live>,
    /// The compute threads.
    pub compute: Arc<pixels::Pool>,
    /// The commit thread.
    pub commits: Sender<SealedShard>,
    /// The planner.
    pub plan_requests: Sender<usize>,
    /// Where the core reports what it does.
    pub post: Post,
    /// Tells whether the network is down.
    pub outage: Arc<Outage>,
}

/// Runs a core to the end of the list, as the reactor's main future. `outbox` writes to the core's own
/// mailbox.
///
/// # Errors
/// `LocalResource` if the mailbox breaks.
pub(crate) async fn run(
    parts: CoreParts,
    names: LookupsParts,
    (outbox, inbox): (Outbox<Message>, Inbox<Message>),
) -> Result<(), Error> {
    let (shard_events, shard_queue) = mpsc::unbounded();
    let (plans, plan_queue) = mpsc::unbounded();
    let (abandon, abandoned) = oneshot::channel();
    let names = Rc::new(Lookups::new(names, parts.outage.clone(), outbox.clone()));
    let answers = outbox.clone();
    let stored = Replies::new(move |reply| answers.send(Message::Stored(reply)));
    let core = Rc::new(Core::new(parts, names.clone(), Rc::new(stored)));
    let mut mail = Mail {
        core: core.clone(),
        names,
        shard_events,
        plans,
        abandon: Some(abandon),
    };
    let resting = core.clone();
    let mail = inbox.run(move |message| mail.take(message), move || resting.rest());
    let mail = monoio::spawn(mail);
    let keeper = monoio::spawn(core.clone().keep_shards(shard_queue));
    {
        let feeding = std::pin::pin!(core.clone().feed(plan_queue));
        let adapting = std::pin::pin!(core.adapt());
        // The sender lives as long as the mailbox, which outlives this.
        let working = select(feeding, abandoned);
        match select(working, adapting).await {
            Either::Left(_) => {}
            Either::Right((never, _)) => match never {},
        }
    }
    core.wind_up().await;
    core.post.rest();
    core.live.set_over();
    outbox.send(Message::End);
    let mailed = mail.await;
    keeper.await;
    mailed.map_err(|error| {
        Error::local_resource(
            error::Message::because("a core's mailbox broke", error),
            "this is a fault of turbo2ds",
        )
    })
}

impl Core {
    fn new(parts: CoreParts, names: Rc<Lookups>, stored: Rc<StoreReplies>) -> Self {
        let CoreParts {
            index,
            shared,
            layout,
            live,
            compute,
            commits,
            plan_requests,
            outage,
            post,
        } = parts;
        let machine = &shared.machine;
        Self {
            fetcher: shared.fetcher(index, names, outage.clone()),
            outage,
            index,
            layout,
            live,
            pool: compute,
            commits,
            plan_requests,
            open: RefCell::default(),
            held: RefCell::default(),
            again: RefCell::default(),
            stored,
            failure_texts: RefCell::default(),
            next_slot: Cell::new(0),
            places: Places::new(machine.in_flight_start, machine.aside_max),
            compute_permits: Semaphore::new(limits::COMPUTE_QUEUE_IMAGES),
            open_permits: Semaphore::new(shared.open_shards_max()),
            dirty: Rc::default(),
            all_closed: RefCell::new(None),
            post,
            abandoned: Cell::new(false),
            shared,
        }
    }

    /// Lets events gather while the compute thread is busy: each wake-up of the reactor preempts that thread
    /// and costs more than the work it brings.
    fn rest(&self) {
        if self.compute_permits.used() >= limits::COMPUTE_QUEUE_IMAGES / 4 {
            let _ = rustix::thread::nanosleep(&REST);
        }
    }

    /// Waits until nothing is in flight, if the run was abandoned: operations must not outlive their ring. A
    /// fetch ends by its deadline.
    async fn wind_up(&self) {
        while self.abandoned.get() && self.places.in_flight() > 0 {
            monoio::time::sleep(WIND_UP_TICK).await;
            // Deadlines use a clock that these ticks advance.
            self.fetcher.stalls.tick(Instant::now());
        }
        if self.abandoned.get() {
            self.dirty.below(0).await;
        }
    }

    /// Ends the run with an error of this machine.
    fn fatal(&self, error: Error) {
        self.shared.send(Event::Fatal(error));
    }

    /// Hands work on a shard to the compute threads.
    fn compute(&self, slot: ShardSlot, task: Task) {
        let owner = self.index;
        let open = self.open.borrow();
        let shard_id = open.get(&slot).map_or(0, |shard| shard.plan.shard_id);
        let job = Job {
            owner,
            slot,
            shard_id,
            task,
        };
        drop(open);
        self.pool.push(owner, job);
    }

    /// The text of a failure, allocated once per core.
    fn failure_text(&self, failure: Failure) -> Arc<str> {
        let mut texts = self.failure_texts.borrow_mut();
        texts
            .entry(failure)
            .or_insert_with(|| failure.to_string().into())
            .clone()
    }
}
