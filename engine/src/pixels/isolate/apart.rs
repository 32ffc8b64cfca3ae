//! Owns a thread's decoding process over the whole run: it is replaced when it ends, and an image whose process
//! was lost is retried in a new one. Never looks at image contents.

use std::io;
use std::thread;
use std::time::Duration;

use turbo2ds_codec::{BoundingBox, Processed, Settings};

use super::memory::Memory;
use super::message::{Reply, Request};
use super::worker::{End, Lost, Worker};
use crate::failure::Failure;

/// Maximum number of attempts per image. A process may die because of its image, or of a signal from outside:
/// from the kernel when memory runs out (decoding processes volunteer to be killed first), an administrator or
/// a batch system. The run cannot tell which. If signals come at random, the second attempt of some image in a
/// long run is hit as well; the third is not. An image that kills its process costs three process starts.
const TRIES_MAX: u32 = 3;
/// Attempts to start the first process: if the machine forbids it, more attempts do not help.
const FIRST_STARTS_MAX: u32 = 3;
/// Pause before the next attempt to start a process.
const START_PAUSE: Duration = Duration::from_millis(200);
/// Attempts to start a process before the run gives up.
const STARTS_MAX: u32 = 50;
/// Room for an encoded image beyond 4 bytes per pixel, bytes.
const ENCODED_EXTRA: usize = 1 << 20;

/// A thread's decoding process, and the memory that both sides map.
pub struct Apart {
    settings: Settings,
    memory: Memory,
    worker: Option<Worker>,
}

impl Apart {
    /// Starts a process and waits until it is confined.
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

    /// See [`super::Decoder::process`].
    pub(super) fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        reserve: impl Fn(u64) -> R,
    ) -> Result<Processed, Failure> {
        let mut alone = false;
        for tries in 1..=TRIES_MAX {
            // Copied again for each attempt: a lost process could have overwritten it.
            if !self.memory.put_body(body) {
                return Err(Failure::ResponseTooLarge);
            }
            // A killed process may have run out of memory: retry while no other thread decodes.
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

    /// Makes one attempt; the reply is `None` if it is malformed.
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
                // It ended while idle: the image is not to blame.
                Err(Lost::Died) => self.worker = None,
                Err(lost) => return Err(lost),
                Ok(()) => return worker.answer(held, reserve),
            }
        }
    }

    /// The process; started if there is none. Retries while the machine cannot start processes.
    ///
    /// # Panics
    /// After [`STARTS_MAX`] attempts: this ends the run, because no row may fail for it.
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
