//! Owns the compute threads, one per core and pinned beside its reactor at a lower priority, and
//! the queues between them. A thread that runs dry takes from the others' queues; what it finished
//! goes back to the reactor that owns the shard. Never touches a socket or a file.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crossbeam::queue::ArrayQueue;
use crossbeam::sync::{Parker, Unparker};
use turbo2ds_codec::BoundingBox;
use turbo2ds_writers::{RowOutcome, SampleFacts, ShardWriter, WriterError};

use super::work::ImageWork;
use crate::dataset::sealed::{Collected, ShardSlot};
use crate::error::{Error, Message};
use crate::failure::Failure;
use crate::limits::COMPUTE_QUEUE_IMAGES;
use crate::machine::Pin;
use crate::machine::sync::Outbox;
use crate::pixels::isolate::Decoder;
use crate::watch::Alarm;
use crate::watch::{Board, Duty, Post};

/// Niceness of a compute thread against its reactor's 0: packets go before pixels.
const COMPUTE_NICE: i32 = 10;

/// One piece of work, with the reactor that waits for it.
pub struct Job {
    /// Index of the reactor that owns the shard.
    pub owner: usize,
    /// The shard among that reactor's open ones.
    pub slot: ShardSlot,
    /// The shard's number in the dataset.
    pub shard_id: u64,
    /// What is to be done.
    pub task: Task,
}

/// What a compute thread can do.
pub enum Task {
    /// A body becomes an image.
    Image {
        /// Row within the shard.
        row: usize,
        /// The body as it came.
        body: Vec<u8>,
        /// What is to be blurred in the image.
        boxes: Vec<BoundingBox>,
        /// The hash the list gives for it.
        expected_hash: Option<String>,
    },
    /// A shard's last bytes and its metadata are laid out.
    Seal {
        /// The shard's writer, its samples written.
        writer: Box<ShardWriter>,
        /// One outcome per row.
        outcomes: Vec<RowOutcome>,
    },
}

impl Task {
    /// What a thread that does it is at, and on which row.
    const fn duty(&self) -> (Duty, usize) {
        match self {
            Self::Image { row, .. } => (Duty::Image, *row),
            Self::Seal { .. } => (Duty::Seal, 0),
        }
    }
}

/// What comes back to the reactor.
pub struct Done {
    /// The shard among the reactor's open ones.
    pub slot: ShardSlot,
    /// What came of it.
    pub result: DoneResult,
}

/// What came of a [`Task`].
pub enum DoneResult {
    /// A row's end.
    Image {
        /// Row within the shard.
        row: usize,
        /// The sample, or why there is none.
        image: Result<Finished, Failure>,
        /// The body's buffer, for the pool; the image itself where `Finished::new_bytes` is none.
        body: Vec<u8>,
    },
    /// A shard's last bytes: the stream's tail and the files beside it.
    Sealed(Result<Collected, WriterError>),
}

/// A finished image.
pub struct Finished {
    /// Encoded bytes; none where the body's own bytes are kept.
    pub new_bytes: Option<Vec<u8>>,
    /// What is known of it.
    pub facts: SampleFacts,
}

/// The queues and the sleepers of all compute threads.
pub struct Pool {
    queues: Vec<ArrayQueue<Job>>,
    sleeping: Vec<AtomicBool>,
    unparkers: Vec<Unparker>,
    closed: AtomicBool,
}

impl Pool {
    /// Hands a job to `core`'s queue. The caller holds one of the queue's permits, so there is room.
    pub fn push(&self, core: usize, job: Job) {
        let mut job = job;
        // A seal has no permit: where the queue is full for a moment another core's takes it.
        for step in 0.. {
            match self.queues[(core + step) % self.queues.len()].push(job) {
                Ok(()) => break,
                Err(back) => job = back,
            }
        }
        self.wake_one(core);
    }

    /// Ends the threads once their queues are empty.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.unparkers.iter().for_each(Unparker::unpark);
    }

    fn wake_one(&self, core: usize) {
        let count = self.sleeping.len();
        let sleeper = (0..count)
            .map(|step| (core + step) % count)
            .find(|&at| self.sleeping[at].swap(false, Ordering::SeqCst));
        if let Some(at) = sleeper {
            self.unparkers[at].unpark();
        }
    }

    /// The next job for `core`: its own first, then the others'.
    fn take(&self, core: usize) -> Option<Job> {
        let count = self.queues.len();
        (0..count).find_map(|step| self.queues[(core + step) % count].pop())
    }
}

/// Starts one thread per entry of `pins`; `outboxes[owner]` reaches the owning reactor.
///
/// # Errors
/// What the kernel answered when a thread was made.
pub fn start<M: From<Done> + Send + 'static>(
    pins: &[Pin],
    work: &Arc<ImageWork>,
    outboxes: &[Outbox<M>],
    alarm: &Alarm,
    board: &Board,
) -> std::io::Result<(Arc<Pool>, Vec<JoinHandle<()>>)> {
    let parkers: Vec<Parker> = pins.iter().map(|_| Parker::new()).collect();
    let pool = Arc::new(Pool {
        // Twice the permits: the other half is for seals and for what a full neighbour passed on.
        queues: pins
            .iter()
            .map(|_| ArrayQueue::new(2 * COMPUTE_QUEUE_IMAGES))
            .collect(),
        sleeping: pins.iter().map(|_| AtomicBool::new(false)).collect(),
        unparkers: parkers
            .iter()
            .map(|parker| parker.unparker().clone())
            .collect(),
        closed: AtomicBool::new(false),
    });
    let threads = pins
        .iter()
        .zip(parkers)
        .enumerate()
        .map(|(core, (&pin, parker))| {
            let (pool, work, outboxes) = (pool.clone(), work.clone(), outboxes.to_vec());
            let (guard, alarm) = (alarm.guard(), alarm.clone());
            let name = format!("compute-{core}");
            let post = board.post(&name);
            thread::Builder::new().name(name).spawn(move || {
                let _guard = guard;
                pin.hold();
                // Without the right to be nicer nothing is lost but latency.
                let _ = rustix::process::nice(COMPUTE_NICE);
                match work.decoder() {
                    Ok(decoder) => run(core, &pool, &parker, &work, decoder, &outboxes, &post),
                    Err(error) => alarm.ring(Error::local_resource(
                        Message::because("a decoding process could not be started", error),
                        "--decode_isolation none decodes in the run's own threads",
                    )),
                }
            })
        })
        .collect::<std::io::Result<Vec<_>>>()?;
    Ok((pool, threads))
}

fn run<M: From<Done>>(
    core: usize,
    pool: &Pool,
    parker: &Parker,
    work: &ImageWork,
    mut decoder: Decoder,
    outboxes: &[Outbox<M>],
    post: &Post,
) {
    loop {
        if let Some(job) = pool.take(core) {
            let owner = job.owner;
            let (duty, row) = job.task.duty();
            post.begin(duty, job.shard_id, row as u64);
            let done = Done {
                slot: job.slot,
                result: perform(job.task, work, &mut decoder),
            };
            outboxes[owner].send(M::from(done));
            post.rest();
            continue;
        }
        pool.sleeping[core].store(true, Ordering::SeqCst);
        // What was pushed before the store found nobody asleep: look once more.
        if pool.queues.iter().any(|queue| !queue.is_empty()) {
            pool.sleeping[core].store(false, Ordering::SeqCst);
            continue;
        }
        if pool.closed.load(Ordering::SeqCst) {
            return;
        }
        parker.park();
        pool.sleeping[core].store(false, Ordering::SeqCst);
    }
}

fn perform(task: Task, work: &ImageWork, decoder: &mut Decoder) -> DoneResult {
    match task {
        Task::Image {
            row,
            body,
            boxes,
            expected_hash,
        } => {
            let image = work.process(decoder, &body, &boxes, expected_hash.as_deref());
            DoneResult::Image { row, image, body }
        }
        Task::Seal { writer, outcomes } => {
            let mut collected = Collected::default();
            let result = writer.finish(&outcomes, &mut collected);
            DoneResult::Sealed(result.map(|()| collected))
        }
    }
}
