//! Owns one request and its answer: send, head, what the head decides, body, and whether the
//! connection may serve again. Never follows a redirect itself.

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

/// First receive: nearly every head, and the start of the body with it.
const HEAD_RECEIVE_BYTES: usize = 8 * 1024;

/// What an exchange ended in.
pub(super) enum Outcome {
    /// The body.
    Body(Body),
    /// A redirect, by its head.
    Redirect(Head),
}

/// A head and what came behind it in the same receives.
pub(super) struct Received {
    pub(super) head: Head,
    pub(super) rest: Vec<u8>,
}

impl Fetcher {
    /// The chain's next request. A reused connection that the server had closed meanwhile is
    /// replaced once by a fresh one; that is no retry of the request's failure.
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

    /// Sends the request and reads heads until the final one.
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

    /// What the head decides, and the body where it has a usable one.
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
            // `request` passes interim heads over.
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

/// Reads until a head is whole; gives it with its length in `buffer`.
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
