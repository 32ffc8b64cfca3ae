//! Owns the decoding process's side: it confines itself, then processes one image after the other until the run
//! closes the socket. Never opens anything: it has only the socket and the shared memory.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};
use turbo2ds_codec::{BoundingBox, CodecError, Settings};

use super::confine;
use super::memory::{Memory, Size};
use super::message::{BOX_BYTES, HEAD_BYTES, Reply, Request};
use super::restarting::RestartingCodec;

/// Smallest amount of memory for which the run is asked, bytes: less is not worth a message.
const ROOM_ASKED_MIN: u64 = 16 << 20;

/// The options with which a run starts a decoding process. Both are the same binary, so no unknown field is
/// accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeOptions {
    /// The codec's settings.
    settings: Settings,
    /// The sizes of the shared memory.
    memory: Size,
}

/// Private memory per pixel, bytes: more than twice the measured need of the most expensive kind of image
/// (docs/design/isolation.md).
const DATA_OF_A_PIXEL: u64 = 64;
/// Private memory besides pixels and bodies, bytes: the program and, in the Python package, its interpreter.
const DATA_BESIDE: u64 = 1 << 30;

impl ServeOptions {
    pub(super) fn new(settings: Settings, memory: Size) -> Self {
        Self { settings, memory }
    }

    /// Serializes to the argument that follows [`super::WORD`].
    ///
    /// # Errors
    /// None in practice: these types always serialize.
    pub(super) fn to_argument(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// Parses the argument that follows [`super::WORD`].
    ///
    /// # Errors
    /// If the text is not what [`Self::to_argument`] writes; missing and unknown fields are errors too.
    pub(crate) fn from_argument(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Limit on private memory, bytes; no image within the limits needs as much.
    fn data_max(&self) -> u64 {
        let pixels = self.settings.limits.pixels_max;
        pixels
            .saturating_mul(DATA_OF_A_PIXEL)
            .saturating_add(2 * self.memory.bytes())
            .saturating_add(DATA_BESIDE)
    }
}

/// Decodes for a run: standard input is the socket to it, standard output the shared memory.
///
/// # Errors
/// If this process cannot be confined or a message of the run is malformed.
pub fn serve(options: &ServeOptions) -> io::Result<()> {
    // Before anything is opened: no value owns an inherited descriptor.
    confine::close_from(3)?;
    let memory = Memory::open(io::stdout().as_fd(), options.memory)?;
    refuse_threads()?;
    // A panic fails one image and the run reports it; the default hook would open files.
    std::panic::set_hook(Box::new(|_| {}));
    let codec = RestartingCodec::new(options.settings.clone());
    confine::confine(options.data_max())?;
    Server {
        socket: Socket,
        memory,
        codec,
    }
    .run()
}

/// Fails if this process has other threads, as a Python interpreter may: the filter applies to them too, and
/// their calls would kill the process.
fn refuse_threads() -> io::Result<()> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(io::Error::other("this process has other threads"));
    }
    Ok(())
}

/// Standard input, used as an unbuffered socket. Owns no descriptor.
#[derive(Clone, Copy)]
struct Socket;

impl Read for Socket {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(io::stdin(), bytes)?)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(io::stdin(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Server {
    socket: Socket,
    memory: Memory,
    codec: RestartingCodec,
}

impl Server {
    fn run(&mut self) -> io::Result<()> {
        // Confined and ready.
        self.socket.write_all(&[1])?;
        let mut head = [0; HEAD_BYTES];
        loop {
            match self.socket.read_exact(&mut head) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            }
            let (body_bytes, boxes) = Request::head(head);
            let boxes = self.read_boxes(boxes)?;
            let reply = self.process(body_bytes, &boxes)?;
            self.socket.write_all(&reply.to_bytes()?)?;
        }
    }

    fn read_boxes(&mut self, count: usize) -> io::Result<Vec<BoundingBox>> {
        let mut boxes = Vec::new();
        let mut bytes = [0; BOX_BYTES];
        for _ in 0..count {
            self.socket.read_exact(&mut bytes)?;
            boxes.push(Request::read_box(bytes).ok_or(io::ErrorKind::InvalidData)?);
        }
        Ok(boxes)
    }

    fn process(&mut self, body_bytes: usize, boxes: &[BoundingBox]) -> io::Result<Reply> {
        let body = self.memory.body(body_bytes);
        let body = body.ok_or(io::ErrorKind::InvalidData)?;
        let (codec, mut socket) = (&mut self.codec, self.socket);
        // A missing answer means that the run has ended; the next read sees that.
        let reserve = |bytes| {
            if bytes >= ROOM_ASKED_MIN {
                let asked = Reply::Memory(bytes).to_bytes();
                let asked = asked.and_then(|asked| socket.write_all(&asked));
                let _ = asked.and_then(|()| socket.read_exact(&mut [0]));
            }
        };
        let Some(result) = codec.process(body, boxes, reserve) else {
            return Ok(Reply::Panicked);
        };
        let (reply, bytes) = Reply::of(result);
        Ok(match bytes {
            Some(bytes) if !self.memory.put_encoded(&bytes) => {
                Reply::Refused(CodecError::DimensionsTooLarge)
            }
            _ => reply,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> ServeOptions {
        let settings = Settings {
            image_size: 384,
            ..Settings::default()
        };
        let memory = Memory::new(10_000, 1 << 20).expect("memory");
        ServeOptions::new(settings, memory.size())
    }

    #[test]
    fn a_process_reads_what_its_run_tells() {
        let told = options().to_argument().expect("an argument");
        let read = ServeOptions::from_argument(&told).expect("options");
        // Without `..`: every field must be transmitted.
        let ServeOptions { settings, memory } = options();
        assert_eq!(read.settings, settings);
        assert_eq!(read.memory, memory);
    }

    #[test]
    fn what_no_run_tells_is_refused() {
        let told = options().to_argument().expect("an argument");
        let more = told.replacen('{', "{\"threads\":2,", 1);
        for text in [
            "",
            "{}",
            "--image_size=3",
            &told[1..],
            &more,
            &format!("{told} x"),
        ] {
            assert!(ServeOptions::from_argument(text).is_err(), "{text}");
        }
    }
}
