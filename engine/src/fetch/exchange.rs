//! Owns one request and its response: sending, reading the head and the body, and whether the
//! connection can be reused. Never follows a redirect itself.

use std::time::Instant;

use super::dial::Dialled;
use super::{AttemptFailure, Body, Deadline, Fetcher};
use crate::failure::Failure;
use crate::http::{
    self, Head, HeadParse, HeadScanner, RedirectChain, RequestForm, Scheme, StatusAction, classify,
    write_request,
};
use crate::limits;
use crate::net::Transport;

/// Size of the first read: nearly every head fits, with the start of the body.
const HEAD_RECEIVE_BYTES: usize = 8 * 1024;

/// How an exchange ended.
pub(super) enum Outcome {
    /// The body.
    Body(Body),
    /// The head of a redirect.
    Redirect(Head),
}

/// A head, and the bytes that were read after it.
pub(super) struct Received {
    pub(super) head: Head,
    pub(super) rest: Vec<u8>,
}

impl Fetcher {
    /// Performs the chain's next request. A pooled connection that the server has closed is replaced
    /// once by a fresh one, which does not count as a retry.
    pub(super) async fn exchange(
        &self,
        chain: &RedirectChain<'_>,
        deadline: &Deadline,
    ) -> Result<Outcome, AttemptFailure> {
        let target = chain.target();
        let key = Self::pool_key(target);
        let mut fresh = false;
        loop {
            let Dialled {
                mut transport,
                reused,
            } = self.dial(target, &key, fresh, deadline).await?;
            match self.request(&mut transport, chain).await {
                Ok(received) => {
                    self.outage.host_answered(None);
                    let (outcome, reusable) =
                        self.receive(&mut transport, received, deadline).await?;
                    if reusable {
                        self.pool.borrow_mut().put(key, transport, Instant::now());
                    }
                    return Ok(outcome);
                }
                Err(Failure::ConnectionClosed | Failure::ConnectionReset) if reused => fresh = true,
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    /// Sends the request and reads heads up to the final one.
    async fn request(
        &self,
        transport: &mut Transport,
        chain: &RedirectChain<'_>,
    ) -> Result<Received, Failure> {
        let target = chain.target();
        let mut buffer = self.buffers.borrow_mut().take(HEAD_RECEIVE_BYTES);
        let proxy = self
            .proxies
            .for_target(target)
            .filter(|_| target.scheme == Scheme::Http);
        let form = if proxy.is_some() {
            RequestForm::Absolute
        } else {
            RequestForm::Origin
        };
        let authorization = proxy.and_then(|proxy| proxy.authorization.as_deref());
        write_request(
            &mut buffer,
            chain.hop(),
            form,
            &self.config.sender,
            authorization,
        );
        let mut buffer = transport.write_all(buffer).await?;
        buffer.clear();
        for _ in 0..=limits::INTERIM_ANSWERS_MAX {
            let (head, consumed) = read_head(transport, &mut buffer).await?;
            buffer.drain(..consumed);
            if classify(head.status) != StatusAction::Interim {
                return Ok(Received { head, rest: buffer });
            }
        }
        Err(Failure::MalformedResponse)
    }

    /// Acts on the final head, and reads the body if it is usable.
    async fn receive(
        &self,
        transport: &mut Transport,
        received: Received,
        deadline: &Deadline,
    ) -> Result<(Outcome, bool), AttemptFailure> {
        let head = &received.head;
        match classify(head.status) {
            StatusAction::Redirect => Ok((Outcome::Redirect(received.head), false)),
            StatusAction::Failed(failure) => Err(AttemptFailure {
                failure,
                retry_after: head.retry_after,
                paused: None,
            }),
            // `request` skips interim heads.
            StatusAction::Interim => Err(Failure::MalformedResponse.into()),
            StatusAction::Part if !head.may_be_whole() => Err(Failure::IncompleteBody.into()),
            StatusAction::Body | StatusAction::Part => {
                let tokens = &self.config.robots_tokens;
                if http::disallowed(&head.robots, tokens, &self.config.disallowed_directives) {
                    return Err(Failure::RobotsDisallowed.into());
                }
                let (body, reusable) = self.read_body(transport, received, deadline).await?;
                Ok((Outcome::Body(body), reusable))
            }
        }
    }
}

/// Reads until a head is complete; returns it with its length in `buffer`.
async fn read_head(
    transport: &mut Transport,
    buffer: &mut Vec<u8>,
) -> Result<(Head, usize), Failure> {
    let mut scanner = HeadScanner::default();
    loop {
        if let HeadParse::Complete { head, consumed } = scanner.scan(buffer)? {
            return Ok((head, consumed));
        }
        if buffer.len() == buffer.capacity() {
            buffer.reserve(buffer.len().max(HEAD_RECEIVE_BYTES));
        }
        if transport.read(buffer).await? == 0 {
            return Err(Failure::ConnectionClosed);
        }
    }
}
