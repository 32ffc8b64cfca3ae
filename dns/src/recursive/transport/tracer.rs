//! Owns looking names up one after the other with every step shown, on the caller's thread: what
//! `dig +trace` is for. Never falls back to other servers: it says whether any was heard.

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

/// A resolver that shows its steps.
pub struct Tracer {
    event_loop: EventLoop,
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
        let stats = Arc::<Stats>::default();
        let fallback = Fallback::none(stats.clone());
        let event_loop = EventLoop::open(setup, fallback, Arc::new(Waker::new()?), stats)?;
        Ok(Self {
            event_loop,
            is_backed,
        })
    }

    /// Looks `name` up; ends within the time that one name may take.
    ///
    /// # Errors
    /// The system's, where waiting for answers fails.
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

    /// Whether any server has given an answer of use so far.
    pub fn has_heard(&self) -> bool {
        self.event_loop.machine.has_heard()
    }
}
