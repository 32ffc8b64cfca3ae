//! Owns decoding apart from the run: each compute thread has a long-lived process of its own that decodes,
//! resizes and encodes in a cage, so that what breaks or is broken into in C code is one
//! row's `decoder crashed`. Bodies go and images come back through memory that both map; a socket carries
//! a few words for each image. Never decides what an image becomes: the process runs the same codec.

mod calls;
mod confine;
#[cfg(test)]
mod inside_tests;
mod memory;
mod message;
mod renewed;
mod serve;

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use turbo2ds_codec::{BoundingBox, Processed, Settings};

use crate::failure::Failure;
use memory::Memory;
use message::{Reply, Request};
use renewed::Renewed;

pub use serve::{ServeOptions, serve};

/// The word that starts a decoding process instead of a run.
pub(crate) const WORD: &str = "decode-worker";
/// Variables that a decoding process has of the run's: where its libraries and the Python package's
/// interpreter are, without which it would not start. All others stay: among them are people's keys.
const VARIABLES: [&str; 2] = ["LD_LIBRARY_PATH", "PYTHONHOME"];
/// Processor time of one image: a hundred times what the largest that passes its limits takes.
const CPU_MAX: Duration = Duration::from_secs(60);
/// Time between two looks at a process that has not answered.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Tries to start the first one: what this machine denies, it denies again.
const FIRST_STARTS_MAX: u32 = 3;
/// Pause before another try to start a process.
const START_PAUSE: Duration = Duration::from_millis(200);
/// Tries to start a process before this machine is taken to be out of them.
const STARTS_MAX: u32 = 50;
/// What an encoded image may have beside its pixels, bytes.
const ENCODED_EXTRA: usize = 1 << 20;

static COMMAND: OnceLock<Vec<OsString>> = OnceLock::new();

/// Names the program and the first arguments by which a decoding process is started, where this process
/// is not turbo2ds itself. The first call counts.
pub fn start_by(command: Vec<OsString>) {
    let _ = COMMAND.set(command);
}

/// Where images are decoded.
pub enum Decoder {
    /// In this thread.
    Here(Renewed),
    /// In a process of this thread's own.
    Apart(Box<Apart>),
}

/// What decoding processes of a run have in common.
#[derive(Clone, Debug)]
pub struct Isolation {
    /// Where there can be none, the run ends instead of decoding in its own threads.
    pub required: bool,
    /// The run's options for images, as arguments.
    pub arguments: Vec<String>,
    /// Largest body, bytes.
    pub body_bytes_max: usize,
    /// Most pixels of one image.
    pub pixels_max: u64,
}

impl Decoder {
    /// A decoder in this thread.
    pub fn here(settings: Settings) -> Self {
        Self::Here(Renewed::new(settings))
    }

    /// A decoder in a process of its own, which is started.
    ///
    /// # Errors
    /// The system's, where there can be no process, no memory or no confinement.
    pub fn apart(isolation: Isolation) -> io::Result<Self> {
        let mut apart = Apart::new(isolation)?;
        let mut starts = 1;
        while let Err(error) = apart.start() {
            if starts == FIRST_STARTS_MAX {
                return Err(error);
            }
            starts += 1;
        }
        Ok(Self::Apart(Box::new(apart)))
    }

    /// One image's way through the codec. `room` is asked for the memory that decoding takes, and what
    /// it gives is held until that is given back; a process apart asks only for what is much.
    ///
    /// # Errors
    /// The image's failure.
    pub fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        room: impl Fn(u64) -> R,
    ) -> Result<Processed, Failure> {
        match self {
            Self::Here(codec) => match codec.process(body, boxes, room) {
                Some(result) => result.map_err(Failure::from),
                None => Err(Failure::DecoderCrashed),
            },
            Self::Apart(apart) => apart.process(body, boxes, room),
        }
    }
}

/// A thread's decoding process, and what both sides map.
pub struct Apart {
    isolation: Isolation,
    memory: Memory,
    worker: Option<Worker>,
}

struct Worker {
    child: Child,
    socket: UnixStream,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail where it has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Apart {
    fn new(isolation: Isolation) -> io::Result<Self> {
        let pixels = usize::try_from(isolation.pixels_max).unwrap_or(usize::MAX >> 4);
        let encoded = pixels.saturating_mul(4).saturating_add(ENCODED_EXTRA);
        let memory = Memory::new(isolation.body_bytes_max, encoded)?;
        Ok(Self {
            isolation,
            memory,
            worker: None,
        })
    }

    /// Starts a process and waits until it is confined.
    fn start(&mut self) -> io::Result<()> {
        let (socket, theirs) = UnixStream::pair()?;
        let own;
        let command = match COMMAND.get() {
            Some(command) => command,
            None => {
                own = vec![std::env::current_exe()?.into_os_string()];
                &own
            }
        };
        let kept = VARIABLES.map(|name| (name, std::env::var_os(name)));
        let mut process = Command::new(&command[0]);
        process
            .args(&command[1..])
            .arg(WORD)
            .arg(format!("--memory={}", self.memory.size()))
            .args(&self.isolation.arguments)
            .env_clear()
            .envs(
                kept.into_iter()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(self.memory.descriptor()?))
            // A terminal's Ctrl-C is for the run alone.
            .process_group(0);
        let child = process.spawn()?;
        // Its copies of their end of the socket go with it, so that its death is this one's end.
        drop(process);
        socket.set_read_timeout(Some(LOOK_EVERY))?;
        let mut worker = Worker { child, socket };
        let mut ready = [0; 1];
        worker.read(&mut ready)?;
        self.worker = Some(worker);
        Ok(())
    }

    fn process<R>(
        &mut self,
        body: &[u8],
        boxes: &[BoundingBox],
        room: impl Fn(u64) -> R,
    ) -> Result<Processed, Failure> {
        if !self.memory.put_body(body) {
            return Err(Failure::ResponseTooLarge);
        }
        loop {
            let worker = self.running();
            let request = Request {
                body_bytes: body.len(),
                boxes,
            };
            match worker.socket.write_all(&request.to_bytes()) {
                // It ended while it had nothing to do: that is no image's fault.
                Err(_) => self.worker = None,
                Ok(()) => break,
            }
        }
        let answered = match &mut self.worker {
            Some(worker) => worker.answer(room),
            None => Err(ErrorKind::UnexpectedEof.into()),
        };
        self.memory.forget_large(body.len());
        match answered {
            Ok(reply) => {
                let result = reply
                    .and_then(|reply| reply.into_result(|bytes| self.memory.take_encoded(bytes)));
                // What cannot be read comes from a process that is no longer ours.
                result.unwrap_or_else(|| self.crashed())
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                self.worker = None;
                Err(Failure::ImageTooComplex)
            }
            Err(_) => self.crashed(),
        }
    }

    fn crashed(&mut self) -> Result<Processed, Failure> {
        if let Some(mut worker) = self.worker.take() {
            let ended = worker.child.try_wait();
            tracing::warn!(?ended, "a decoding process died of an image");
        }
        Err(Failure::DecoderCrashed)
    }

    /// The process, started anew where there is none. A machine that is out of processes is waited for;
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

impl Worker {
    /// The reply to a request; none where it makes no sense. Room is taken where the process asks for it.
    fn answer<R>(&mut self, room: impl Fn(u64) -> R) -> io::Result<Option<Reply>> {
        let mut held = None;
        loop {
            let mut bytes = [0; Reply::BYTES];
            self.read(&mut bytes)?;
            let reply = Reply::from_bytes(&bytes);
            match reply.as_ref().and_then(Reply::room) {
                // It asks once for each image.
                Some(bytes) if held.is_none() => held = Some(room(bytes)),
                Some(_) => return Ok(None),
                None => return Ok(reply),
            }
            self.socket.write_all(&[1])?;
        }
    }

    /// Reads all of `bytes`, however long the process takes within its processor time.
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        let mut got = 0;
        let mut used_at_first = None;
        while got < bytes.len() {
            match self.socket.read(&mut bytes[got..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => got += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let used = cpu_time(self.child.id())?;
                    if used.saturating_sub(*used_at_first.get_or_insert(used)) > CPU_MAX {
                        return Err(ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Processor time that a process has taken.
fn cpu_time(process: u32) -> io::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field is a name in brackets, which may hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let mut ticks = fields.split_whitespace().skip(11);
    let mut next = || ticks.next()?.parse::<u64>().ok();
    let (user, system) = (next().unwrap_or(0), next().unwrap_or(0));
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_millis((user + system) * 1000 / per_second))
}
