//! Owns the decoding process's own side: confined first, then one image after the other until the run
//! closes the socket. Never opens anything: all it has is the socket and the shared memory.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use serde::{Deserialize, Serialize};
use turbo2ds_codec::{BoundingBox, CodecError, Settings};

use super::confine;
use super::memory::{Memory, Size};
use super::message::{BOX_BYTES, HEAD_BYTES, Reply, Request};
use super::restarting::RestartingCodec;

/// Memory for which the run is asked: less is not worth the words.
const ROOM_ASKED_MIN: u64 = 16 << 20;

/// What a run tells a decoding process that it starts. Both are the same program: what either says, the
/// other knows whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeOptions {
    /// What happens to images.
    settings: Settings,
    /// The shared memory's rooms.
    memory: Size,
}

/// Private memory that a pixel may take, bytes: more than twice what the most costly kind of image was
/// measured to take (docs/design/isolation.md).
const DATA_OF_A_PIXEL: u64 = 64;
/// Private memory beside pixels and bodies: the program, and, in the Python package, its interpreter.
const DATA_BESIDE: u64 = 1 << 30;

impl ServeOptions {
    pub(super) fn new(settings: Settings, memory: Size) -> Self {
        Self { settings, memory }
    }

    /// As the argument that follows [`super::WORD`].
    ///
    /// # Errors
    /// None that these types have.
    pub(super) fn to_argument(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// From the argument that follows [`super::WORD`].
    ///
    /// # Errors
    /// Where it is not what [`Self::to_argument`] writes: a field more or less is an error as well.
    pub(crate) fn from_argument(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// Private memory that no image takes which passes the limits, bytes.
    fn data_max(&self) -> u64 {
        let pixels = self.settings.limits.pixels_max;
        pixels
            .saturating_mul(DATA_OF_A_PIXEL)
            .saturating_add(2 * self.memory.bytes())
            .saturating_add(DATA_BESIDE)
    }
}

/// Decodes for the run at the other end of standard input, in the memory that is standard output.
///
/// # Errors
/// The system's, if this process cannot be confined or the run's message is malformed.
pub fn serve(options: &ServeOptions) -> io::Result<()> {
    // Before anything is laid out: what was inherited is nobody's here.
    confine::close_from(3)?;
    let memory = Memory::open(io::stdout().as_fd(), options.memory)?;
    refuse_threads()?;
    // A panic is one image's end and is told by the run; the default hook would open files for it.
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

/// Refuses a process with other threads, as a Python interpreter's may be: the filter binds them too, and
/// would kill them at what they do.
fn refuse_threads() -> io::Result<()> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count);
    if threads > 1 {
        return Err(io::Error::other("this process has other threads"));
    }
    Ok(())
}

/// Standard input, as the socket that it is: without a buffer, and without a descriptor of its own.
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
        // Ready, and confined.
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
        // An answer that does not come is the run's end, which the next read meets.
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
        // Without `..`: what a process is started with is told whole.
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
