//! Owns the run's side of one decoding process: its start, its messages, its end. Never waits for it without a
//! bound, and never trusts it.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use turbo2ds_codec::Settings;

use super::WORD;
use super::memory::Memory;
use super::message::Reply;
use super::serve::ServeOptions;
use super::watch::{LOOK_EVERY, Look, Verdict, Watch};

/// Environment variables that a decoding process inherits: the paths of its libraries and of the Python
/// package's interpreter, without which it would not start. No others are passed, since they may hold
/// credentials.
const VARIABLES: [&str; 2] = ["LD_LIBRARY_PATH", "PYTHONHOME"];
/// Pause between two checks whether a process has ended.
const END_PAUSE: Duration = Duration::from_millis(1);
/// Number of checks for the end of a process that is dead or about to be. If the kernel holds it for longer, it
/// no longer runs any of its own code and is left alone.
const END_LOOKS: u32 = 2000;

static COMMAND: OnceLock<Vec<OsString>> = OnceLock::new();

/// See [`super::start_by`].
pub(super) fn start_by(command: Vec<OsString>) {
    let _ = COMMAND.set(command);
}

/// How a process was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It exited or closed its socket.
    Died,
    /// It will not reply.
    Stuck,
    /// It used more CPU time than one image may.
    OverTime,
}

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct End(ExitStatus);

impl End {
    /// Whether it was killed by SIGKILL, which no image can cause.
    pub(super) fn was_killed(self) -> bool {
        self.0.signal() == Some(libc::SIGKILL)
    }
}

/// A confined process; killed on drop.
pub(super) struct Worker {
    child: Child,
    socket: UnixStream,
    watch: Watch,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Fails if the process has already been reaped.
        let _ = self.child.kill();
        self.until_ended();
    }
}

impl Worker {
    /// Starts a process and waits until it is confined.
    pub(super) fn start(memory: &Memory, settings: &Settings) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        let own;
        let command = match COMMAND.get() {
            Some(command) => command,
            None => {
                own = vec![std::env::current_exe()?.into_os_string()];
                &own
            }
        };
        let told = ServeOptions::new(settings.clone(), memory.size()).to_argument()?;
        let kept = VARIABLES.map(|name| (name, std::env::var_os(name)));
        let mut process = Command::new(&command[0]);
        process
            .args(&command[1..])
            .arg(WORD)
            .arg(told)
            .env_clear()
            .envs(
                kept.into_iter()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(memory.descriptor()?))
            // Ctrl-C on a terminal should reach only the run.
            .process_group(0);
        let child = process.spawn()?;
        // Drops the copy of the child's socket end, so that this end sees EOF when the child dies.
        drop(process);
        let mut worker = Self {
            child,
            socket,
            watch: Watch::default(),
        };
        worker.socket.set_read_timeout(Some(LOOK_EVERY))?;
        worker.socket.set_write_timeout(Some(LOOK_EVERY))?;
        let ready = worker.read(&mut [0; 1]);
        ready.map_err(|lost| match lost {
            Lost::Died => io::Error::other("it ended before it was confined"),
            Lost::Stuck | Lost::OverTime => io::Error::from(ErrorKind::TimedOut),
        })?;
        Ok(worker)
    }

    /// Sends a request.
    pub(super) fn send(&mut self, request: &[u8]) -> Result<(), Lost> {
        self.watch = Watch::default();
        self.write(request)
    }

    /// Waits for the reply to a request; `None` if it is malformed. If the process asks for memory, `reserve`
    /// is called, unless a reservation is `held` already. The reservation is held until the reply.
    pub(super) fn answer<R>(
        &mut self,
        mut held: Option<R>,
        reserve: &impl Fn(u64) -> R,
    ) -> Result<Option<Reply>, Lost> {
        let mut has_asked = false;
        loop {
            let reply = self.reply()?;
            let Some(asked) = reply.as_ref().and_then(Reply::memory_asked) else {
                return Ok(reply);
            };
            // A process asks at most once per image.
            if has_asked {
                return Ok(None);
            }
            has_asked = true;
            held.get_or_insert_with(|| reserve(asked));
            self.write(&[1])?;
        }
    }

    /// Reads the next reply; `None` if it is malformed, after which nothing more may be read.
    fn reply(&mut self) -> Result<Option<Reply>, Lost> {
        let mut head = [0; Reply::HEAD_BYTES];
        self.read(&mut head)?;
        let Some(length) = Reply::length(head) else {
            return Ok(None);
        };
        let mut bytes = vec![0; length];
        self.read(&mut bytes)?;
        Ok(Reply::from_bytes(&bytes))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Lost> {
        self.all_of(bytes.len(), |socket, at| socket.read(&mut bytes[at..]))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        self.all_of(bytes.len(), |socket, at| socket.write(&bytes[at..]))
    }

    /// Calls `part` until all bytes have been transferred, for as long as the watch allows.
    fn all_of(
        &mut self,
        length: usize,
        mut part: impl FnMut(&mut UnixStream, usize) -> io::Result<usize>,
    ) -> Result<(), Lost> {
        let mut moved = 0;
        while moved < length {
            match part(&mut self.socket, moved) {
                Ok(0) => return Err(Lost::Died),
                Ok(count) => moved += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    match self.watch.judge(Look::at(self.child.id()).ok()) {
                        Verdict::AtWork => {}
                        Verdict::OverTime => return Err(Lost::OverTime),
                        Verdict::Stuck => return Err(Lost::Stuck),
                    }
                }
                Err(_) => return Err(Lost::Died),
            }
        }
        Ok(())
    }

    /// How a lost process ended; `None` if it did not end by itself.
    pub(super) fn ended(mut self, lost: Lost) -> Option<End> {
        if lost == Lost::Died {
            self.until_ended().map(End)
        } else {
            None
        }
    }

    fn until_ended(&mut self) -> Option<ExitStatus> {
        for _ in 0..END_LOOKS {
            match self.child.try_wait() {
                Ok(None) => thread::sleep(END_PAUSE),
                Ok(ended) => return ended,
                Err(_) => return None,
            }
        }
        None
    }
}
