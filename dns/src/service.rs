//! Owns the thread "dns": receives the requests of all cores, resolves each name once for all requests
//! that wait for it, and bounds how many names are resolved at a time.
//! Never caches an answer (each core has its [`crate::Cache`]) and never judges one.
//!
//! That every request is answered is a property of the type: a [`Waiting`] that is dropped answers
//! `Failure`, so closing, shedding and even a panic of the thread need no list of requests.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use crate::answer::{Answer, DnsError, Resolve};
use crate::name::folded;
use crate::stats::Stats;
use crate::waker::Waker;

/// Most requests that may wait at a time; more are answered `Failure` at once. The cores bound their
/// URLs in flight far below this, so it only keeps a bug from exhausting memory.
pub(crate) const REQUESTS_WAITING_MAX: usize = 1 << 18;

/// Called with the result of one request.
pub type Reply = Box<dyn FnOnce(Result<Answer, DnsError>) + Send>;

/// The running dns thread. Dropping it stops the thread: every open request is answered
/// [`DnsError::Failure`], then the thread is joined.
#[derive(Debug)]
pub struct Service {
    handle: Handle,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Sends requests to the service; cheap to clone, and may outlive it.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::UnboundedSender<Request>,
    /// Set if the thread does not wait on the channel itself.
    waker: Option<Arc<Waker>>,
    stats: Arc<Stats>,
}

/// One request for a name.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) name: Arc<str>,
    pub(crate) waiting: Waiting,
}

impl Service {
    /// Starts the thread, which resolves at most `queries_outstanding_max` names (at least one) at a
    /// time with `resolver`; further names wait, first in, first out. `now` is the monotonic clock, for
    /// the latencies in [`Stats`].
    ///
    /// # Errors
    /// The system's, if the thread or its event queue cannot be created.
    pub fn spawn(
        resolver: impl Resolve,
        queries_outstanding_max: usize,
        now: fn() -> Instant,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (requests, received) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let outstanding_max = queries_outstanding_max.max(1);
        let stats = Arc::new(Stats::default());
        let watch = Watch {
            now,
            stats: stats.clone(),
        };
        let thread = thread::Builder::new().name("dns".into()).spawn(move || {
            runtime.block_on(serve(&resolver, received, stopped, outstanding_max, watch));
        })?;
        Ok(Self::new(Handle::new(requests, None, stats), stop, thread))
    }

    /// The service of a running `thread`, which serves the requests of `handle` and ends when `stop`
    /// is dropped.
    pub(crate) fn new(handle: Handle, stop: oneshot::Sender<()>, thread: JoinHandle<()>) -> Self {
        Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// A handle to send requests with.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.handle.wake();
        if let Some(thread) = self.thread.take() {
            // The last owner may be a reply, which runs on the dns thread itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("the dns thread panicked");
            }
        }
    }
}

impl Handle {
    /// Sends to the thread at the other end of `requests`; `waker` wakes it if it does not wait on the
    /// channel.
    pub(crate) fn new(
        requests: mpsc::UnboundedSender<Request>,
        waker: Option<Arc<Waker>>,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            requests,
            waker,
            stats,
        }
    }

    /// Requests the addresses of `name`, which is in any spelling but not an IP literal. Never blocks.
    ///
    /// `reply` runs exactly once, on the dns thread, and must not block. If the service has closed, it
    /// runs on this thread, before this returns, with [`DnsError::Failure`].
    pub fn request(&self, name: Arc<str>, reply: Reply) {
        self.pass(Request {
            name,
            waiting: Waiting::new(reply),
        });
    }

    /// The service's counters; readable after it has closed.
    pub fn stats(&self) -> Arc<Stats> {
        self.stats.clone()
    }

    /// Sends a request. One that cannot be sent comes back and is dropped, and so answered.
    pub(crate) fn pass(&self, request: Request) {
        let _ = self.requests.send(request);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

/// A reply yet to be made; answers `Failure` if dropped.
pub(crate) struct Waiting(Option<Reply>);

impl Waiting {
    pub(crate) fn new(reply: Reply) -> Self {
        Self(Some(reply))
    }

    pub(crate) fn answer(mut self, result: Result<Answer, DnsError>) {
        if let Some(reply) = self.0.take() {
            reply(result);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(Err(DnsError::Failure));
        }
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting")
    }
}

/// The open requests by name, and the names yet to be resolved.
#[derive(Default)]
struct Requests {
    /// Every name being resolved or queued, with the requests that wait for it.
    waiting: HashMap<Arc<str>, Vec<Waiting>>,
    /// Names not being resolved yet, oldest first.
    queue: VecDeque<Arc<str>>,
    /// Sum of the lengths in `waiting`.
    waiting_len: usize,
}

impl Requests {
    /// Adds a request; beyond [`REQUESTS_WAITING_MAX`] it is dropped, and so answered.
    fn add(&mut self, request: Request) {
        if self.waiting_len >= REQUESTS_WAITING_MAX {
            return;
        }
        self.waiting_len += 1;
        let folded = folded(&request.name);
        if let Some(waiting) = self.waiting.get_mut(folded.as_ref()) {
            waiting.push(request.waiting);
            return;
        }
        let name = if *folded == *request.name {
            request.name
        } else {
            folded.into()
        };
        self.queue.push_back(name.clone());
        self.waiting.insert(name, vec![request.waiting]);
    }

    /// Answers all requests for `name`.
    fn answer(&mut self, name: &str, result: &Result<Answer, DnsError>) {
        let waiting = self.waiting.remove(name).unwrap_or_default();
        self.waiting_len -= waiting.len();
        for one in waiting {
            one.answer(result.clone());
        }
    }
}

/// The clock and counters of the thread.
struct Watch {
    now: fn() -> Instant,
    stats: Arc<Stats>,
}

/// The body of the thread. Ends when the service is dropped; requests open then are dropped, and so
/// answered.
async fn serve<R: Resolve>(
    resolver: &R,
    mut requests: mpsc::UnboundedReceiver<Request>,
    mut stopped: oneshot::Receiver<()>,
    outstanding_max: usize,
    watch: Watch,
) {
    let now = watch.now;
    let mut open = Requests::default();
    let mut asked = FuturesUnordered::new();
    loop {
        while asked.len() < outstanding_max
            && let Some(name) = open.queue.pop_front()
        {
            let since = now();
            asked.push(async move {
                let result = resolver.resolve(&name).await;
                (name, result, now() - since)
            });
        }
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some((name, result, took)) = asked.next() => {
                watch.stats.answered(&result, took);
                open.answer(&name, &result);
            }
            Some(request) = requests.recv() => open.add(request),
            else => break,
        }
    }
    // A request may arrive while the channel closes: only an empty, closed channel ends the loop, so
    // none is lost.
    requests.close();
    while requests.recv().await.is_some() {}
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    /// Answers 127.0.0.1 for every name, once the test has opened the gate for it.
    struct Gated {
        gate: Arc<Semaphore>,
        asked: Sender<String>,
    }

    impl Resolve for Gated {
        async fn resolve(&self, name: &str) -> Result<Answer, DnsError> {
            self.asked.send(name.to_owned()).unwrap();
            self.gate.acquire().await.unwrap().forget();
            let addrs = Arc::new([IpAddr::from([127, 0, 0, 1])]);
            Ok(Answer {
                addrs,
                ttl: Duration::from_secs(60),
            })
        }
    }

    struct Fixture {
        gate: Arc<Semaphore>,
        asked: Receiver<String>,
        service: Service,
        replies: Receiver<Result<Answer, DnsError>>,
        replier: Sender<Result<Answer, DnsError>>,
    }

    impl Fixture {
        fn new(outstanding_max: usize) -> Self {
            let gate = Arc::new(Semaphore::new(0));
            let (asking, asked) = channel();
            let resolver = Gated {
                gate: gate.clone(),
                asked: asking,
            };
            let service = Service::spawn(resolver, outstanding_max, Instant::now).unwrap();
            let (replier, replies) = channel();
            Self {
                gate,
                asked,
                service,
                replies,
                replier,
            }
        }

        fn request(&self, name: &str) {
            let replier = self.replier.clone();
            self.service.handle().request(
                name.into(),
                Box::new(move |result| {
                    assert_eq!(thread::current().name(), Some("dns"));
                    replier.send(result).unwrap();
                }),
            );
        }
    }

    #[test]
    fn a_name_in_flight_is_asked_once_for_all_who_wait() {
        let fixture = Fixture::new(8);
        for n in 0..100 {
            fixture.request(if n % 2 == 0 { "a.test" } else { "A.Test." });
        }
        fixture.request("b.test");
        // "b.test" came last, so all of "a.test" has been taken in when it is asked.
        assert_eq!(fixture.asked.recv().unwrap(), "a.test");
        assert_eq!(fixture.asked.recv().unwrap(), "b.test");
        fixture.gate.add_permits(2);
        for _ in 0..101 {
            assert!(fixture.replies.recv().unwrap().is_ok());
        }
        assert!(fixture.asked.try_recv().is_err());
    }

    #[test]
    fn a_name_answered_before_is_asked_again() {
        let fixture = Fixture::new(8);
        fixture.gate.add_permits(2);
        for _ in 0..2 {
            fixture.request("a.test");
            assert!(fixture.replies.recv().unwrap().is_ok());
        }
        assert_eq!(
            fixture.asked.iter().take(2).collect::<Vec<_>>(),
            ["a.test", "a.test"]
        );
    }

    #[test]
    fn names_over_the_bound_wait_first_in_first_out() {
        let fixture = Fixture::new(2);
        for name in ["a.test", "b.test", "c.test", "d.test"] {
            fixture.request(name);
        }
        assert_eq!(fixture.asked.recv().unwrap(), "a.test");
        assert_eq!(fixture.asked.recv().unwrap(), "b.test");
        for next in ["c.test", "d.test"] {
            assert!(fixture.asked.try_recv().is_err(), "asked over the bound");
            fixture.gate.add_permits(1);
            assert!(fixture.replies.recv().unwrap().is_ok());
            assert_eq!(fixture.asked.recv().unwrap(), next);
        }
    }

    #[test]
    fn closing_answers_what_is_asked_and_what_is_queued() {
        let fixture = Fixture::new(1);
        for name in ["a.test", "a.test", "b.test", "c.test"] {
            fixture.request(name);
        }
        fixture.asked.recv().unwrap();
        drop(fixture.service);
        drop(fixture.replier);
        let replies = fixture.replies.iter().collect::<Vec<_>>();
        assert_eq!(replies, vec![Err(DnsError::Failure); 4]);
    }

    #[test]
    fn a_handle_that_outlives_the_service_is_answered_at_once() {
        let fixture = Fixture::new(1);
        let handle = fixture.service.handle();
        drop(fixture.service);
        let reply = Arc::new(Mutex::new(None));
        let slot = reply.clone();
        handle.request(
            "a.test".into(),
            Box::new(move |result| *slot.lock().unwrap() = Some(result)),
        );
        assert_eq!(*reply.lock().unwrap(), Some(Err(DnsError::Failure)));
    }

    #[test]
    fn requests_over_the_bound_are_answered_and_not_kept() {
        let mut requests = Requests::default();
        let (sender, receiver) = channel();
        let waiting = |sender: &Sender<_>| {
            let sender = sender.clone();
            Waiting(Some(Box::new(move |result| drop(sender.send(result)))))
        };
        for _ in 0..REQUESTS_WAITING_MAX {
            requests.add(Request {
                name: "a.test".into(),
                waiting: waiting(&sender),
            });
        }
        assert!(receiver.try_recv().is_err());
        requests.add(Request {
            name: "a.test".into(),
            waiting: waiting(&sender),
        });
        assert_eq!(receiver.try_recv(), Ok(Err(DnsError::Failure)));
        assert_eq!(requests.waiting_len, REQUESTS_WAITING_MAX);
    }

    #[test]
    fn a_panic_on_the_thread_leaves_nobody_waiting() {
        struct Panics;
        impl Resolve for Panics {
            async fn resolve(&self, _name: &str) -> Result<Answer, DnsError> {
                panic!("a resolver that dies");
            }
        }
        let service = Service::spawn(Panics, 1, Instant::now).unwrap();
        let (sender, receiver) = channel();
        service.handle().request(
            "a.test".into(),
            Box::new(move |result| drop(sender.send(result))),
        );
        assert_eq!(receiver.recv(), Ok(Err(DnsError::Failure)));
    }
}
