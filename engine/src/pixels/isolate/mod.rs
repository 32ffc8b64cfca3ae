//! Owns decoding apart from the run: each compute thread has a long-lived process of its own that decodes,
//! resizes and encodes in a cage, so that what breaks or is broken into in C code is one row's
//! `decoder crashed`. Bodies go and images come back through memory that both map; a socket carries
//! a few words for each image. Never decides what an image becomes: the process runs the same codec.
//!
//! The run's side: [`apart`] has images decoded and tries again what was lost, [`worker`] is one process,
//! [`watch`] tells whether it is still at work. The process's side: [`serve`](mod@serve), [`confine`] and
//! [`calls`]. Both: [`memory`], [`message`] and [`restarting`].

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

/// The word that starts a decoding process instead of a run.
pub(crate) const WORD: &str = "decode-worker";

/// Names the program and the first arguments by which a decoding process is started, where this process
/// is not turbo2ds itself. The first call counts.
pub fn start_by(command: Vec<OsString>) {
    worker::start_by(command);
}

/// Where images are decoded.
pub enum Decoder {
    /// In this thread.
    Here(RestartingCodec),
    /// In a process of this thread's own.
    Apart(Box<Apart>),
}

impl Decoder {
    /// A decoder in this thread.
    pub fn here(settings: Settings) -> Self {
        Self::Here(RestartingCodec::new(settings))
    }

    /// A decoder in a process of its own, which is started, for bodies of up to `body_bytes_max` bytes. It
    /// is this thread's: the process ends with the thread that made it.
    ///
    /// # Errors
    /// The system's, where there can be no process, no memory or no confinement.
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
