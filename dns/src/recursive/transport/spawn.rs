//! Owns starting the dns thread with the recursive resolver on it, alone or with other name servers to
//! fall back to. Never starts the fallback's thread before a name needs it.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot};

use super::event_loop::EventLoop;
use super::fallback::Fallback;
use super::setup::Setup;
use crate::service::{Handle, Service};
use crate::stats::Stats;
use crate::waker::Waker;

impl Service {
    /// Starts the thread with an iterative resolver on it, which itself bounds how many names it
    /// works on.
    ///
    /// # Errors
    /// The system's, if the thread or its sockets cannot be created.
    pub fn spawn_recursive(setup: Setup) -> io::Result<Self> {
        start(setup, None, Arc::default())
    }

    /// Like [`Service::spawn_recursive`], with the machine's own name servers as a fallback, asked
    /// as `fallback` says ([`Settings::forwarding`](crate::recursive::Settings::forwarding)). They get the
    /// names that only a private network knows (of one label, under `local`, `internal` and the like),
    /// and every name if no authority answers within the first second and a half.
    ///
    /// # Errors
    /// The system's, if the thread or its sockets cannot be created.
    pub fn spawn_backed(setup: Setup, fallback: Setup) -> io::Result<Self> {
        start(setup, Some(fallback), Arc::default())
    }
}

fn start(setup: Setup, fallback: Option<Setup>, stats: Arc<Stats>) -> io::Result<Service> {
    let waker = Arc::new(Waker::new()?);
    let fallback = match fallback {
        None => Fallback::none(stats.clone()),
        Some(setup) => {
            let shared = stats.clone();
            Fallback::new(move || start(setup, None, shared), stats.clone())
        }
    };
    let event_loop = EventLoop::open(setup, fallback, waker.clone(), stats.clone())?;
    let (requests, received) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let thread = thread::Builder::new()
        .name("dns".into())
        .spawn(move || event_loop.run(received, stopped))?;
    let handle = Handle::new(requests, Some(waker), stats);
    Ok(Service::new(handle, stop, thread))
}
