//! Owns looking names up one after the other with every step shown, on the caller's thread: what
//! `dig +trace` is for. Never falls back to other servers: it says whether any was heard.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::{Edge, Setup};
use crate::recursive::machine::Step;
use crate::recursive::transport::waker::Waker;
use crate::service::{Request, Waiting};
use crate::{Answer, DnsError};

/// A resolver that shows its steps.
pub struct Tracer {
    edge: Edge,
    is_backed: bool,
}

/// One name's look-up.
#[derive(Clone, Debug)]
pub struct Traced {
    /// What was found.
    pub result: Result<Answer, DnsError>,
    /// Each question sent and what came of it; none where the cache or the hosts file knew.
    pub steps: Vec<Step>,
    /// How long it took.
    pub took: Duration,
}

impl Tracer {
    /// Opens the sockets and reads the cache's file, which is never written. With `is_backed` a look-up
    /// ends, timed out, where a run would turn to other servers: when no authority was heard in time.
    ///
    /// # Errors
    /// The system's, for the sockets.
    pub fn open(mut setup: Setup, is_backed: bool) -> io::Result<Self> {
        setup.settings.trace = true;
        let edge = Edge::open(setup, None, Arc::new(Waker::new()?), Arc::default())?;
        Ok(Self { edge, is_backed })
    }

    /// Looks `name` up; ends within the time that one name may take.
    ///
    /// # Errors
    /// The system's, where waiting for answers fails.
    pub fn look_up(&mut self, name: &str) -> io::Result<Traced> {
        let start = self.edge.now();
        let (sender, answer) = mpsc::channel();
        let request = Request {
            name: name.into(),
            waiting: Waiting::new(Box::new(move |result| drop(sender.send(result)))),
        };
        self.edge.take_request(request, start);
        let mut events = Vec::with_capacity(super::EVENTS_MAX);
        let result = loop {
            let now = self.edge.now();
            self.edge.act(now);
            if let Ok(result) = answer.try_recv() {
                break result;
            }
            if self.is_backed && self.edge.is_unheard(now) {
                break Err(DnsError::TimedOut);
            }
            self.edge.take_events(&mut events, now)?;
        };
        Ok(Traced {
            result,
            steps: self.edge.machine.take_steps(),
            took: self.edge.now().since(start),
        })
    }

    /// Whether any server has given an answer of use so far.
    pub fn has_heard(&self) -> bool {
        self.edge.machine.has_heard()
    }
}
