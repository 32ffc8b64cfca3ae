//! Owns resolving names one after the other on the caller's thread and recording every step, like
//! `dig +trace`. Never falls back to other servers: it reports whether any server answered.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use super::event_loop::{EVENTS_MAX, EventLoop};
use super::fallback::Fallback;
use super::setup::Setup;
use crate::answer::{Answer, DnsError};
use crate::recursive::machine::Step;
use crate::service::{Request, Waiting};
use crate::stats::Stats;
use crate::waker::Waker;

/// A resolver that records its steps.
pub struct Tracer {
    event_loop: EventLoop,
    is_backed: bool,
}

/// The lookup of one name.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The result.
    pub result: Result<Answer, DnsError>,
    /// Each query and its outcome; none if the cache or the hosts file had the answer.
    pub steps: Vec<Step>,
    /// How long it took.
    pub took: Duration,
}

impl Tracer {
    /// Opens the sockets and loads the cache file, which it never writes. With `is_backed`, a lookup ends
    /// as timed out when a run would fall back to other servers.
    ///
    /// # Errors
    /// The system's, for the sockets.
    pub fn open(mut setup: Setup, is_backed: bool) -> io::Result<Self> {
        setup.settings.trace = true;
        let stats = Arc::<Stats>::default();
        let fallback = Fallback::none(stats.clone());
        let event_loop = EventLoop::open(setup, fallback, Arc::new(Waker::new()?), stats)?;
        Ok(Self {
            event_loop,
            is_backed,
        })
    }

    /// Looks `name` up, within the time limit of one question.
    ///
    /// # Errors
    /// The system's, if waiting for answers fails.
    pub fn look_up(&mut self, name: &str) -> io::Result<Traced> {
        let start = self.event_loop.now();
        let (sender, answer) = mpsc::channel();
        let request = Request {
            name: name.into(),
            waiting: Waiting::new(Box::new(move |result| drop(sender.send(result)))),
        };
        self.event_loop.take_request(request, start);
        let mut events = Vec::with_capacity(EVENTS_MAX);
        let result = loop {
            let now = self.event_loop.now();
            self.event_loop.act(now);
            if let Ok(result) = answer.try_recv() {
                break result;
            }
            if self.is_backed && self.event_loop.is_unheard(now) {
                break Err(DnsError::TimedOut);
            }
            self.event_loop.take_events(&mut events, now)?;
        };
        Ok(Traced {
            result,
            steps: self.event_loop.machine.take_steps(),
            took: self.event_loop.now().since(start),
        })
    }

    /// Whether any server has sent a useful answer so far.
    pub fn has_heard(&self) -> bool {
        self.event_loop.machine.has_heard()
    }
}
