//! Owns a thread's decoding process over the whole run: it is replaced where it ended, and an image whose
//! process was lost is tried again in another. Never looks at what an image is.

use std::io;
use std::thread;
use std::time::Duration;

use turbo2ds_codec::{BoundingBox, Processed, Settings};

use super::memory::Memory;
use super::message::{Reply, Request};
use super::worker::{End, Lost, Worker};
use crate::failure::Failure;

/// Tries of one image. A process may die of its image, but as well of a signal from outside: the kernel's
/// where memory runs out (decoding processes ask to go first), an administrator's, a batch system's. Which
/// it was cannot be told from here. Where signals come at random the second try of some image in a long run
/// meets one too; the third does not. An image that kills costs three starts of a process.
const TRIES_MAX: u32 = 3;
/// Tries to start the first process: what this machine denies, it denies again.
const FIRST_STARTS_MAX: u32 = 3;
/// Pause before another try to start a process.
const START_PAUSE: Duration = Duration::from_millis(200);
/// Tries to start a process before this machine is taken to be out of them.
const STARTS_MAX: u32 = 50;
/// What an encoded image may have beside its pixels, bytes.
const ENCODED_EXTRA: usize = 1 << 20;

/// A thread's decoding process, and what both sides map.
pub struct Apart {
    settings: Settings,
    memory: Memory,
    worker: Option<Worker>,
}

impl Apart {
    /// With a process that is started and confined.
    pub(super) fn started(settings: Settings, body_bytes_max: usize) -> io::Result<Self> {
        let pixels = usize::try_from(settings.limits.pixels_max).unwrap_or(usize::MAX >> 4);
        let encoded = pixels.saturating_mul(4).saturating_add(ENCODED_EXTRA);
        let mut apart = Self {
            memory: Memory::new(body_bytes_max, encoded)?,
            settings,
            worker: None,
        };
        let mut starts = 1;
        while let Err(error) = apart.start() {
            if starts == FIRST_STARTS_MAX {
                return Err(error);
            }
            starts += 1;
        }
        Ok(apart)
    }

    fn start(&mut self) -> io::Result<()> {
        self.worker = Some(Worker::start(&self.memory, &self.settings)?);
        Ok(())
    }

    /// As [`super::Decoder::process`].
    pub(super) fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        reserve: impl Fn(u64) -> R,
    ) -> Result<Processed, Failure> {
        let mut alone = false;
        for tries in 1..=TRIES_MAX {
            // Again for each try: a lost process could have written to it.
            if !self.memory.put_body(body) {
                return Err(Failure::ResponseTooLarge);
            }
            // What is killed may have been killed for want of memory: nobody else is to take any.
            let held = alone.then(|| reserve(u64::MAX));
            let answered = self.ask(body.len(), boxes, held, &reserve);
            self.memory.forget_large(body.len());
            match answered {
                Ok(reply) => {
                    let result = reply.and_then(|reply| {
                        reply.into_result(|bytes| self.memory.take_encoded(bytes))
                    });
                    // A malformed reply means a compromised worker.
                    return result.unwrap_or_else(|| {
                        self.worker = None;
                        Err(Failure::DecoderCrashed)
                    });
                }
                Err(Lost::OverTime) => {
                    self.worker = None;
                    return Err(Failure::ImageTooComplex);
                }
                Err(lost) => {
                    let ended = self.worker.take().and_then(|worker| worker.ended(lost));
                    alone |= ended.is_some_and(End::was_killed);
                    if tries == TRIES_MAX {
                        tracing::warn!(?lost, ?ended, "decoding processes died of an image");
                    } else {
                        tracing::info!(?lost, ?ended, "a decoding process was lost over an image");
                    }
                }
            }
        }
        Err(Failure::DecoderCrashed)
    }

    /// One try; the reply is none where it makes no sense.
    fn ask<R>(
        &mut self,
        body_bytes: usize,
        boxes: &[BoundingBox],
        held: Option<R>,
        reserve: &impl Fn(u64) -> R,
    ) -> Result<Option<Reply>, Lost> {
        let request = Request { body_bytes, boxes }.to_bytes();
        loop {
            let worker = self.running();
            match worker.send(&request) {
                // It ended while it had nothing to do: that is no image's fault.
                Err(Lost::Died) => self.worker = None,
                Err(lost) => return Err(lost),
                Ok(()) => return worker.answer(held, reserve),
            }
        }
    }

    /// The process; started if there is none. A machine that is out of processes is waited for;
    /// one that stays so ends the run, because no row may be failed for it.
    fn running(&mut self) -> &mut Worker {
        for _ in 0..STARTS_MAX {
            if self.worker.is_some() {
                break;
            }
            if let Err(error) = self.start() {
                tracing::warn!(%error, "a decoding process could not be started; trying again");
                thread::sleep(START_PAUSE);
            }
        }
        self.worker
            .as_mut()
            .expect("a machine that can start processes (see the warnings above)")
    }
}
