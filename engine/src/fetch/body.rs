//! Owns reading one body by its framing, within its cap and the core's byte budget, and removing its
//! content coding. Never reads a byte before its budget is granted, and never reserves budget just
//! because a server announces a length.

use super::budget::Share;
use super::exchange::Received;
use super::{Body, Deadline, Fetcher};
use crate::failure::Failure;
use crate::http::{ChunkedDecoder, ContentEncoding, Framing, decode_content};
use crate::net::Transport;

/// Read size if the length of the body is unknown.
const RECEIVE_BYTES: usize = 64 * 1024;

impl Fetcher {
    /// Reads the body after a head. Also returns whether the connection can be reused.
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

    /// Reads a body of known length.
    async fn read_length(
        &self,
        transport: &mut Transport,
        rest: Vec<u8>,
        length: usize,
        deadline: &Deadline,
    ) -> Result<Body, Failure> {
        let rest_bytes = rest.len().min(length);
        let mut growing = GrowingBody::new(self, length, deadline);
        growing.reserve(rest_bytes.max(1)).await;
        growing.bytes.extend_from_slice(&rest[..rest_bytes]);
        self.buffers.borrow_mut().give(rest);
        loop {
            let granted = growing.granted;
            if !transport.read_to(&mut growing.bytes, granted).await? {
                return Err(Failure::IncompleteBody);
            }
            if granted == length {
                break;
            }
            growing.reserve(1).await;
        }
        // Bytes beyond the announced length are dropped.
        growing.bytes.truncate(length);
        Ok(growing.into_body())
    }

    /// Reads a chunked body. Also returns whether the connection can be reused.
    async fn read_chunked(
        &self,
        transport: &mut Transport,
        mut input: Vec<u8>,
        cap: usize,
        deadline: &Deadline,
    ) -> Result<(Body, bool), Failure> {
        let mut growing = GrowingBody::new(self, cap + RECEIVE_BYTES, deadline);
        let mut decoder = ChunkedDecoder::new(cap);
        loop {
            growing.reserve(input.len()).await;
            let progress = decoder.feed(&input, &mut growing.bytes)?;
            if progress.done {
                let clean = progress.consumed == input.len() && decoder.reusable();
                self.buffers.borrow_mut().give(input);
                return Ok((growing.into_body(), clean));
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

    /// Reads a body that ends with the connection.
    async fn read_to_end(
        &self,
        transport: &mut Transport,
        rest: Vec<u8>,
        cap: usize,
        deadline: &Deadline,
    ) -> Result<Body, Failure> {
        let mut growing = GrowingBody::new(self, cap + RECEIVE_BYTES, deadline);
        growing.reserve(rest.len()).await;
        growing.bytes.extend_from_slice(&rest);
        self.buffers.borrow_mut().give(rest);
        loop {
            growing.reserve(RECEIVE_BYTES).await;
            if transport.read(&mut growing.bytes).await? == 0 {
                return Ok(growing.into_body());
            }
            if growing.bytes.len() > cap {
                return Err(Failure::ResponseTooLarge);
            }
        }
    }

    /// Removes the content coding. Runs here and not on a compute thread, since it is rare for images.
    async fn decode(
        &self,
        encoding: ContentEncoding,
        coded: Body,
        cap: usize,
        deadline: &Deadline,
    ) -> Result<Body, Failure> {
        let large = deadline.paused(self.large_bodies.acquire(1)).await;
        let Some(bytes) = decode_content(encoding, &coded.bytes, cap)? else {
            return Ok(coded);
        };
        self.buffers.borrow_mut().give(coded.bytes);
        let mut share = coded.share;
        // The decoded bytes are already in memory: only a few bodies may exceed the budget this way.
        share.settle(bytes.len());
        if self.budget.is_exceeded() {
            share.hold(large);
        }
        Ok(Body { bytes, share })
    }
}

/// A body that grows as its bytes arrive, together with its share of the budget.
struct GrowingBody<'a> {
    fetcher: &'a Fetcher,
    deadline: &'a Deadline,
    bytes: Vec<u8>,
    share: Share,
    /// Bytes granted by the budget, which the buffer has capacity for.
    granted: usize,
    /// Most bytes of the body.
    most: usize,
}

impl<'a> GrowingBody<'a> {
    fn new(fetcher: &'a Fetcher, most: usize, deadline: &'a Deadline) -> Self {
        Self {
            fetcher,
            deadline,
            bytes: Vec::new(),
            share: fetcher.budget.share(),
            granted: 0,
            most,
        }
    }

    /// Reserves at least `more` further bytes. Waits for the budget with the deadline paused.
    async fn reserve(&mut self, more: usize) {
        let wanted = (self.bytes.len() + more).min(self.most);
        if wanted <= self.granted {
            return;
        }
        let budget = &self.fetcher.budget;
        let step = match self.granted {
            0 => budget.first_step(),
            granted => budget.next_step(granted),
        };
        let granted = step.clamp(wanted, self.most.max(wanted));
        self.deadline.paused(self.share.grow(granted)).await;
        self.granted = granted;
        if granted > self.bytes.capacity() {
            let mut buffers = self.fetcher.buffers.borrow_mut();
            let mut larger = buffers.take(granted);
            larger.extend_from_slice(&self.bytes);
            buffers.give(std::mem::replace(&mut self.bytes, larger));
        }
    }

    /// The finished body, its share reduced to its true size.
    fn into_body(mut self) -> Body {
        self.share.settle(self.bytes.len());
        Body {
            bytes: self.bytes,
            share: self.share,
        }
    }
}
