//! Owns reading an object before its reader asks for it: ranges in the order in which they are needed, small ones
//! first, several at a time, and no more bytes than it may hold. A server that sends no ranges is read as one
//! stream ([`super::read_ahead_stream`]). Never reads what lies between the ranges.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::task::JoinHandle;

use super::error::{Kind, StorageError};
use super::objects::Objects;
use super::read_ahead_stream::Stream;
use super::thread;

/// Length of an object whose server does not tell it.
pub(crate) const UNKNOWN_BYTES: u64 = u64::MAX;
/// Bytes of the first request: a survey often needs no more.
const STEP_MIN: u64 = 256 * 1024;
/// Most bytes of a request.
const STEP_MAX: u64 = 8 * 1024 * 1024;
/// Requests at a time in the beginning. It doubles with each answer that was needed.
const AHEAD_MIN: usize = 2;
/// Most requests at a time, of small ranges.
const AHEAD_MAX: usize = 16;
/// Most bytes that are asked for or held, of one object.
pub(crate) const HELD_BYTES_MAX: u64 = 4 * STEP_MAX;
/// An answer that takes longer makes the next request smaller: a store's client gives up after a while.
const SLOW: Duration = Duration::from_secs(4);

/// The bytes of an object, read ahead. Its requests end when it is dropped.
pub(crate) struct ReadAhead {
    source: Source,
    /// What is read, ascending.
    ranges: Vec<Range<u64>>,
    /// What is asked for next: a range, and a place in it.
    next: (usize, u64),
    blocks: VecDeque<Block>,
    step: u64,
    ahead: usize,
    /// Most bytes asked for or held.
    held_max: u64,
    /// Whether one stream may take the place of ranges.
    whole: bool,
    stream: Option<Stream>,
}

/// A version of an object.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) objects: Objects,
    pub(super) key: String,
    pub(super) version: String,
}

/// Bytes that were asked for.
struct Block {
    range: Range<u64>,
    bytes: Asked,
}

enum Asked {
    OnTheWay {
        answer: mpsc::Receiver<(Result<Bytes, StorageError>, Duration)>,
        request: JoinHandle<()>,
    },
    Here(Bytes),
}

impl ReadAhead {
    /// Reads `ranges` of an object, which ascend, and holds up to `held_max` bytes of them.
    pub(crate) fn ranges(
        objects: &Objects,
        key: &str,
        version: &str,
        ranges: Vec<Range<u64>>,
        held_max: u64,
    ) -> Self {
        let start = ranges.first().map_or(0, |range| range.start);
        Self {
            source: Source {
                objects: objects.clone(),
                key: key.to_owned(),
                version: version.to_owned(),
            },
            ranges,
            next: (0, start),
            blocks: VecDeque::new(),
            step: STEP_MIN.min(held_max),
            ahead: AHEAD_MIN,
            held_max,
            whole: false,
            stream: None,
        }
    }

    /// Reads an object of `bytes` bytes, or of [`UNKNOWN_BYTES`], from `from` to its end.
    pub(crate) fn whole(
        objects: &Objects,
        key: &str,
        version: &str,
        from: u64,
        bytes: u64,
    ) -> Self {
        let ranges = std::iter::once(from..bytes).collect();
        let mut this = Self::ranges(objects, key, version, ranges, HELD_BYTES_MAX);
        this.whole = true;
        this
    }

    /// Sends the first requests before anything is needed.
    pub(crate) fn start(&mut self) {
        self.fill();
    }

    /// Some bytes that begin at `at`; empty at the end. What lies before them is let go. Cheap if `at` grows.
    ///
    /// # Errors
    /// The store's; [`Kind::Conflict`] if the object has changed.
    pub(crate) fn bytes_at(&mut self, at: u64) -> Result<Bytes, StorageError> {
        if let Some(stream) = &mut self.stream {
            return stream.bytes_at(&self.source, at);
        }
        self.move_to(at);
        self.fill();
        match self.block(0) {
            Ok(Some((start, bytes))) => {
                let within = usize::try_from(at - start).unwrap_or(usize::MAX);
                Ok(bytes.slice(within.min(bytes.len())..))
            }
            Ok(None) => Ok(Bytes::new()),
            Err(error) if error.kind == Kind::Unsupported && self.whole => {
                self.blocks.clear();
                let mut stream = Stream::start(&self.source, at);
                let bytes = stream.bytes_at(&self.source, at);
                self.stream = Some(stream);
                bytes
            }
            Err(error) => Err(error),
        }
    }

    /// Up to `most` bytes that begin at `at`, fewer only at the end of a range. They can be read again.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn peek(&mut self, at: u64, most: usize) -> Result<Bytes, StorageError> {
        let first = self.bytes_at(at)?;
        if first.len() >= most {
            return Ok(first.slice(..most));
        }
        let mut joined = BytesMut::from(&first[..]);
        for index in 1.. {
            if self.blocks.len() <= index {
                self.ask();
            }
            match self.block(index)? {
                Some((start, bytes))
                    if start == at + joined.len() as u64 && joined.len() < most =>
                {
                    joined.extend_from_slice(&bytes[..bytes.len().min(most - joined.len())]);
                }
                _ => break,
            }
        }
        Ok(joined.freeze())
    }

    /// `length` bytes that begin at `at`, fewer only at the end of the object.
    ///
    /// # Errors
    /// The store's.
    pub(crate) fn take(&mut self, at: u64, length: usize) -> Result<Bytes, StorageError> {
        let first = self.bytes_at(at)?;
        if first.len() >= length {
            return Ok(first.slice(..length));
        }
        let mut joined = BytesMut::with_capacity(length);
        joined.extend_from_slice(&first);
        while joined.len() < length {
            let more = self.bytes_at(at + joined.len() as u64)?;
            if more.is_empty() {
                break;
            }
            joined.extend_from_slice(&more[..more.len().min(length - joined.len())]);
        }
        Ok(joined.freeze())
    }

    /// Lets go what lies before `at`, and begins anew if `at` is not what comes next.
    fn move_to(&mut self, at: u64) {
        while self
            .blocks
            .front()
            .is_some_and(|block| block.range.end <= at)
        {
            self.blocks.pop_front();
            self.ahead = (self.ahead * 2).min(AHEAD_MAX);
        }
        let is_next = match self.blocks.front() {
            Some(block) => block.range.contains(&at),
            None => match self.next_place() {
                Some(place) => place == at,
                None => self.ranges.last().is_none_or(|range| at >= range.end),
            },
        };
        if !is_next {
            self.blocks.clear();
            let range = self.ranges.iter().position(|range| range.end > at);
            self.next = (range.unwrap_or(self.ranges.len()), at);
        }
    }

    /// The first byte that was not asked for; `None` after the last.
    fn next_place(&mut self) -> Option<u64> {
        while self.next.1 >= self.ranges.get(self.next.0)?.end {
            let index = self.next.0 + 1;
            self.next = (
                index,
                self.ranges.get(index).map_or(u64::MAX, |range| range.start),
            );
        }
        Some(self.next.1)
    }

    fn fill(&mut self) {
        while self.blocks.len() < self.ahead {
            let held: u64 = self
                .blocks
                .iter()
                .map(|block| block.range.end - block.range.start)
                .sum();
            if held > 0 && held + self.step > self.held_max {
                return;
            }
            if !self.ask() {
                return;
            }
        }
    }

    /// Sends the next request; whether there is one.
    fn ask(&mut self) -> bool {
        let Some(start) = self.next_place() else {
            return false;
        };
        let end = self.ranges[self.next.0]
            .end
            .min(start.saturating_add(self.step));
        self.next.1 = end;
        let (sender, answer) = mpsc::sync_channel(1);
        let source = self.source.clone();
        let request = thread::handle().spawn(async move {
            let begun = Instant::now();
            let read = source
                .objects
                .read(&source.key, start..end, &source.version)
                .await;
            // Nobody waits any more if its reader is gone.
            let _ = sender.send((read, begun.elapsed()));
        });
        self.blocks.push_back(Block {
            range: start..end,
            bytes: Asked::OnTheWay { answer, request },
        });
        true
    }

    /// The bytes of a block and where they begin; `None` if there is no such block.
    fn block(&mut self, index: usize) -> Result<Option<(u64, Bytes)>, StorageError> {
        let Some(block) = self.blocks.get_mut(index) else {
            return Ok(None);
        };
        let start = block.range.start;
        let (bytes, took) = match &block.bytes {
            Asked::Here(bytes) => return Ok(Some((start, bytes.clone()))),
            Asked::OnTheWay { answer, .. } => match answer.recv() {
                Ok((Ok(bytes), took)) => (bytes, took),
                Ok((Err(error), _)) => return Err(error),
                Err(_) => return Err(self.source.error(Kind::Other)),
            },
        };
        let asked = block.range.end - start;
        let is_short = (bytes.len() as u64) < asked;
        block.bytes = Asked::Here(bytes.clone());
        if is_short {
            if self
                .ranges
                .last()
                .is_none_or(|range| range.end != UNKNOWN_BYTES)
            {
                return Err(self.source.error(Kind::Conflict));
            }
            self.ranges = std::iter::once(start..start + bytes.len() as u64).collect();
            self.blocks.truncate(index + 1);
            self.next = (1, u64::MAX);
        }
        let most = (self.held_max / 4).clamp(STEP_MIN, STEP_MAX);
        self.step = if took > SLOW {
            (self.step / 2).max(STEP_MIN)
        } else {
            (self.step * 2).min(most)
        };
        Ok(Some((start, bytes)))
    }
}

impl Source {
    pub(super) fn error(&self, kind: Kind) -> StorageError {
        self.objects.error(kind, "read", &self.key)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Asked::OnTheWay { request, .. } = &self.bytes {
            request.abort();
        }
    }
}

#[cfg(test)]
#[path = "read_ahead_tests.rs"]
mod tests;
