//! Owns the compute threads, one per core, pinned to the same core as its reactor at a lower priority, and
//! their queues. An idle thread steals from the other queues; results go back to the reactor that owns the
//! shard. Never touches a socket or a file.

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

/// Niceness of a compute thread; its reactor has 0, so that packets go before pixels.
const COMPUTE_NICE: i32 = 10;

/// A task and the reactor that waits for its result.
pub struct Job {
    /// Index of the reactor that owns the shard.
    pub owner: usize,
    /// Slot of the shard among that reactor's open shards.
    pub slot: ShardSlot,
    /// Number of the shard in the dataset.
    pub shard_id: u64,
    /// The task.
    pub task: Task,
}

/// The tasks of a compute thread.
pub enum Task {
    /// Turn a body into an image.
    Image {
        /// Row within the shard.
        row: usize,
        /// The body as received.
        body: Vec<u8>,
        /// Boxes to blur in the image.
        boxes: Vec<BoundingBox>,
        /// The hash that the list gives for the body, if any.
        expected_hash: Option<String>,
    },
    /// Lay out a shard's last bytes and its metadata.
    Seal {
        /// The shard's writer, after all samples were written.
        writer: Box<ShardWriter>,
        /// One outcome per row.
        outcomes: Vec<RowOutcome>,
    },
}

impl Task {
    /// The duty to post while a thread performs this task, and the row; 0 for a seal.
    const fn duty(&self) -> (Duty, usize) {
        match self {
            Self::Image { row, .. } => (Duty::Image, *row),
            Self::Seal { .. } => (Duty::Seal, 0),
        }
    }
}

/// A result, as sent to the reactor.
pub struct Done {
    /// Slot of the shard among the reactor's open shards.
    pub slot: ShardSlot,
    /// The result of the task.
    pub result: DoneResult,
}

/// The result of a [`Task`].
pub enum DoneResult {
    /// A row's result.
    Image {
        /// Row within the shard.
        row: usize,
        /// The sample, or why there is none.
        image: Result<Finished, Failure>,
        /// The body's buffer, to be reused; it holds the image if `Finished::new_bytes` is `None`.
        body: Vec<u8>,
    },
    /// A shard's last bytes: the tail of the stream and the accompanying files.
    Sealed(Result<Collected, WriterError>),
}

/// A finished image.
pub struct Finished {
    /// Encoded bytes; `None` if the body's own bytes are kept.
    pub new_bytes: Option<Vec<u8>>,
    /// Facts about the image, for the metadata.
    pub facts: SampleFacts,
}

/// The queues of all compute threads, and which threads sleep.
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
        // A seal holds no permit: if the queue is full, the job goes to the next queue with room.
        for step in 0.. {
            match self.queues[(core + step) % self.queues.len()].push(job) {
                Ok(()) => break,
                Err(back) => job = back,
            }
        }
        self.wake_one(core);
    }

    /// Makes the threads exit once the queues are empty.
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

    /// Takes the next job for `core`: from its own queue first, then from the others.
    fn take(&self, core: usize) -> Option<Job> {
        let count = self.queues.len();
        (0..count).find_map(|step| self.queues[(core + step) % count].pop())
    }
}

/// Starts one thread per entry of `pins`; `outboxes[owner]` reaches the owning reactor.
///
/// # Errors
/// The kernel's error if a thread cannot be created.
pub fn start<M: From<Done> + Send + 'static>(
    pins: &[Pin],
    work: &Arc<ImageWork>,
    outboxes: &[Outbox<M>],
    alarm: &Alarm,
    board: &Board,
) -> std::io::Result<(Arc<Pool>, Vec<JoinHandle<()>>)> {
    let parkers: Vec<Parker> = pins.iter().map(|_| Parker::new()).collect();
    let pool = Arc::new(Pool {
        // Twice the permits: the other half is for seals and for jobs passed on by a full queue.
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
                // If niceness cannot be raised, only latency suffers.
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
        // A job pushed before the store woke nobody, so check the queues again.
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
