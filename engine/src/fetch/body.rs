//! Owns reading one body by its framing, under its cap and the core's byte budget, and undoing its
//! content coding. No byte is read before its budget is granted.

use super::exchange::Received;
use super::{Body, Deadline, Fetcher};
use crate::failure::Failure;
use crate::http::{ChunkedDecoder, ContentEncoding, Framing, decode_content};
use crate::limits::UNKNOWN_BODY_BYTES;
use crate::net::Transport;
use crate::sync::Permit;

/// Receive size where the body's length is not known.
const RECEIVE_BYTES: usize = 64 * 1024;

impl Fetcher {
    /// The body behind a head, and whether the connection may serve again.
    pub(super) async fn read_body(
        &self,
        transport: &mut Transport,
        received: Received,
        deadline: &Deadline,
    ) -> Result<(Body, bool), Failure> {
        let Received { head, rest } = received;
        let cap = self.config.body_bytes_max;
        let (mut body, reusable) = match head.framing {
            Framing::Empty | Framing::Length(0) => return Err(Failure::EmptyBody),
            Framing::Length(length) => {
                let length = usize::try_from(length)
                    .ok()
                    .filter(|&length| length <= cap)
                    .ok_or(Failure::ResponseTooLarge)?;
                let reusable = head.keep_alive && rest.len() <= length;
                (
                    self.read_length(transport, rest, length, deadline).await?,
                    reusable,
                )
            }
            Framing::Chunked => {
                let (body, clean) = self.read_chunked(transport, rest, cap, deadline).await?;
                (body, clean && head.keep_alive)
            }
            Framing::Eof => (
                self.read_to_end(transport, rest, cap, deadline).await?,
                false,
            ),
        };
        if head
            .whole_length
            .is_some_and(|whole| whole != body.bytes.len() as u64)
        {
            return Err(Failure::IncompleteBody);
        }
        if !head.encoding.is_identity() {
            body = self.decode(head.encoding, body, cap, deadline).await?;
        }
        if body.bytes.is_empty() {
            Err(Failure::EmptyBody)
        } else {
            Ok((body, reusable))
        }
    }

    /// Waits for `bytes` of the budget, off the URL's clock.
    async fn reserve(&self, bytes: usize, deadline: &Deadline) -> Permit {
        deadline.paused(self.budget.acquire(bytes)).await
    }

    /// A body of known length, received straight into its final buffer.
    async fn read_length(
        &self,
        transport: &mut Transport,
        rest: Vec<u8>,
        length: usize,
        deadline: &Deadline,
    ) -> Result<Body, Failure> {
        let budget = self.reserve(length, deadline).await;
        let mut bytes = self.buffers.borrow_mut().take(length);
        bytes.extend_from_slice(&rest[..rest.len().min(length)]);
        self.buffers.borrow_mut().give(rest);
        if !transport.read_to(&mut bytes, length).await? {
            return Err(Failure::IncompleteBody);
        }
        // A server that sends more than it said is cut off at what it said.
        bytes.truncate(length);
        Ok(Body { bytes, budget })
    }

    /// A chunked body; true where nothing came behind its end.
    async fn read_chunked(
        &self,
        transport: &mut Transport,
        mut input: Vec<u8>,
        cap: usize,
        deadline: &Deadline,
    ) -> Result<(Body, bool), Failure> {
        let mut growing = Growing::new(self, deadline).await;
        let mut decoder = ChunkedDecoder::new(cap);
        loop {
            growing.make_room(self, input.len(), cap, deadline).await;
            let progress = decoder.feed(&input, &mut growing.bytes)?;
            if progress.done {
                let clean = progress.consumed == input.len() && decoder.reusable();
                self.buffers.borrow_mut().give(input);
                return Ok((growing.into_body(self, deadline).await, clean));
            }
            input.drain(..progress.consumed);
            if input.capacity() - input.len() < RECEIVE_BYTES / 2 {
                input.reserve(RECEIVE_BYTES);
            }
            if transport.read(&mut input).await? == 0 {
                return Err(Failure::IncompleteBody);
            }
        }
    }

    /// A body that ends with the connection.
    async fn read_to_end(
        &self,
        transport: &mut Transport,
        rest: Vec<u8>,
        cap: usize,
        deadline: &Deadline,
    ) -> Result<Body, Failure> {
        let mut growing = Growing::new(self, deadline).await;
        growing.make_room(self, rest.len(), cap, deadline).await;
        growing.bytes.extend_from_slice(&rest);
        self.buffers.borrow_mut().give(rest);
        loop {
            growing.make_room(self, RECEIVE_BYTES, cap, deadline).await;
            if transport.read(&mut growing.bytes).await? == 0 {
                return Ok(growing.into_body(self, deadline).await);
            }
            if growing.bytes.len() > cap {
                return Err(Failure::ResponseTooLarge);
            }
        }
    }

    /// Undoes the content coding. Rare for images, so it runs here and not on a compute thread.
    async fn decode(
        &self,
        encoding: ContentEncoding,
        coded: Body,
        cap: usize,
        deadline: &Deadline,
    ) -> Result<Body, Failure> {
        let _large = deadline.paused(self.large_bodies.acquire(1)).await;
        let Some(bytes) = decode_content(encoding, &coded.bytes, cap)? else {
            return Ok(coded);
        };
        self.buffers.borrow_mut().give(coded.bytes);
        drop(coded.budget);
        let budget = self.reserve(bytes.len(), deadline).await;
        Ok(Body { bytes, budget })
    }
}

/// A body of unknown length: a small reservation at first, and past it one of the core's few places
/// for large bodies. No holder ever waits for another holder's bytes, so nothing can lock up.
struct Growing {
    bytes: Vec<u8>,
    budget: Permit,
    large: Option<Permit>,
}

impl Growing {
    async fn new(fetcher: &Fetcher, deadline: &Deadline) -> Self {
        let budget = fetcher.reserve(UNKNOWN_BODY_BYTES, deadline).await;
        let bytes = fetcher.buffers.borrow_mut().take(RECEIVE_BYTES);
        Self {
            bytes,
            budget,
            large: None,
        }
    }

    /// Room for `more` bytes, with the place for a large body where that is needed.
    async fn make_room(&mut self, fetcher: &Fetcher, more: usize, cap: usize, deadline: &Deadline) {
        let wanted = (self.bytes.len() + more).min(cap + RECEIVE_BYTES);
        if wanted > UNKNOWN_BODY_BYTES && self.large.is_none() {
            self.large = Some(deadline.paused(fetcher.large_bodies.acquire(1)).await);
        }
        if wanted > self.bytes.capacity() {
            let grown = wanted.next_power_of_two();
            let mut larger = fetcher.buffers.borrow_mut().take(grown);
            larger.extend_from_slice(&self.bytes);
            fetcher
                .buffers
                .borrow_mut()
                .give(std::mem::replace(&mut self.bytes, larger));
        }
    }

    /// The body, its budget set to its true size.
    async fn into_body(self, fetcher: &Fetcher, deadline: &Deadline) -> Body {
        drop(self.budget);
        let budget = fetcher.reserve(self.bytes.len(), deadline).await;
        Body {
            bytes: self.bytes,
            budget,
        }
    }
}
