//! Owns decoding in separate processes: each compute thread has its own long-lived, sandboxed process that
//! decodes, resizes and encodes, so that a crash or an exploit in C code costs one row, as `decoder crashed`.
//! Bodies and images travel through shared memory; a socket carries a few short messages per image. Never
//! decides what an image becomes: the process runs the same codec.
//!
//! The run's side: [`apart`] has images decoded and retries lost ones, [`worker`] is one process, [`watch`]
//! judges whether it still makes progress. The process's side: [`serve`](mod@serve), [`confine`] and [`calls`].
//! Both: [`memory`], [`message`] and [`restarting`].

mod apart;
mod calls;
mod confine;
#[cfg(test)]
mod inside_tests;
mod memory;
mod message;
mod restarting;
mod serve;
mod watch;
mod worker;

use std::ffi::OsString;
use std::io;

use turbo2ds_codec::{BoundingBox, Processed, Settings};

use crate::failure::Failure;
use restarting::RestartingCodec;

pub use apart::Apart;
pub use serve::{ServeOptions, serve};

/// The command-line argument that starts a decoding process instead of a run.
pub(crate) const WORD: &str = "decode-worker";

/// Sets the program and the leading arguments that start a decoding process, if this process is not turbo2ds
/// itself. Only the first call has an effect.
pub fn start_by(command: Vec<OsString>) {
    worker::start_by(command);
}

/// A decoder, in this thread or in a separate process.
pub enum Decoder {
    /// Decodes in this thread.
    Here(RestartingCodec),
    /// Decodes in a process that belongs to this thread.
    Apart(Box<Apart>),
}

impl Decoder {
    /// Creates a decoder in this thread.
    pub fn here(settings: Settings) -> Self {
        Self::Here(RestartingCodec::new(settings))
    }

    /// Starts a decoder in a separate process, for bodies of up to `body_bytes_max` bytes. The process ends
    /// when the calling thread does.
    ///
    /// # Errors
    /// The system's error if there is no process, memory or confinement to be had.
    pub fn apart(settings: Settings, body_bytes_max: usize) -> io::Result<Self> {
        let apart = Apart::started(settings, body_bytes_max)?;
        Ok(Self::Apart(Box::new(apart)))
    }

    /// Processes one image. `reserve` is asked for the memory that decoding takes, and its result is held until
    /// that is released. A separate process asks only for large amounts, and for all of it ([`u64::MAX`]) if an
    /// image is to be decoded alone.
    ///
    /// # Errors
    /// The image's failure.
    pub fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        reserve: impl Fn(u64) -> R,
    ) -> Result<Processed, Failure> {
        match self {
            Self::Here(codec) => match codec.process(body, boxes, reserve) {
                Some(result) => result.map_err(Failure::from),
                None => Err(Failure::DecoderCrashed),
            },
            Self::Apart(apart) => apart.process(body, boxes, reserve),
        }
    }
}
