//! Owns the event loop of the thread "dns": it receives requests, waits for events, and carries out the
//! actions of the [`Machine`].
//! Never decides anything about names. Clock and seed come from the caller.
//!
//! It is a plain epoll loop over non-blocking sockets. A cold name is a handful of datagrams; the tasks,
//! timers and wake-ups of an async runtime would cost as much as the datagrams.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::fd::OwnedFd;
use tokio::sync::{mpsc, oneshot};

use super::fallback::{Fallback, REACH_TIME, SILENT_SERVERS_MIN};
use super::setup::{Clocks, Setup};
use super::source::Source;
use super::tcp::Connections;
use super::udp::{Datagram, Ports, Sent};
use crate::answer::{Answer, DnsError};
use crate::fixed::FixedNames;
use crate::recursive::machine::{Machine, Output};
use crate::recursive::time::Time;
use crate::service::{REQUESTS_WAITING_MAX, Request};
use crate::stats::Stats;
use crate::waker::Waker;

/// Most events taken from the kernel at a time.
pub(super) const EVENTS_MAX: usize = 256;
/// Longest sleep; it only bounds the effect of a bug.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// The hosts file.
const HOSTS: &str = "/etc/hosts";
/// TTL of an answer from the hosts file.
const HOSTS_TTL: Duration = Duration::from_secs(3600);
/// Longest sleep while datagrams wait for a full socket buffer.
const FULL_PAUSE: Duration = Duration::from_millis(2);

/// A request whose name the machine resolves.
struct Asked {
    request: Request,
    since: Time,
}

/// The state of the event loop.
pub(super) struct EventLoop {
    pub(super) machine: Machine,
    clocks: Clocks,
    start: Instant,
    epoll: Arc<OwnedFd>,
    waker: Arc<Waker>,
    ports: Ports,
    connections: Connections,
    /// The requests by token.
    waiting: HashMap<u64, Asked>,
    token: u64,
    /// The name servers to ask if the authoritative ones cannot answer.
    fallback: Fallback,
    /// When the first query was sent.
    first_query: Option<Time>,
    stats: Arc<Stats>,
    /// Datagrams whose socket buffer was full.
    unsent: Vec<Datagram>,
    cache_file: Option<PathBuf>,
    hosts: FixedNames,
    ipv6: bool,
}

impl EventLoop {
    /// Opens the sockets and loads the cache file, if there is one. `fallback` gets the names of private
    /// networks, and every name if no authoritative server is reachable.
    ///
    /// # Errors
    /// The system's, for the sockets. A cache file that cannot be used is logged and ignored.
    pub(super) fn open(
        setup: Setup,
        fallback: Fallback,
        waker: Arc<Waker>,
        stats: Arc<Stats>,
    ) -> io::Result<Self> {
        let epoll = Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?);
        epoll::add(
            &epoll,
            waker.fd(),
            Source::Waker.data(),
            epoll::EventFlags::IN,
        )?;
        let start = (setup.clocks.now)();
        let ports = Ports::open(&epoll, setup.settings.sockets.max(1), setup.settings.ipv6)?;
        let ipv6 = setup.settings.ipv6;
        let mut machine = Machine::new(setup.settings, setup.seed);
        if let Some(path) = setup.cache_file.as_deref().filter(|path| path.exists()) {
            let unix_s = (setup.clocks.unix_s)();
            match machine.load_cache(path, Time::default(), unix_s) {
                Ok(entries) => tracing::info!(entries, "the DNS cache was loaded"),
                Err(error) => tracing::warn!(%error, "the DNS cache's file is not used"),
            }
        }
        Ok(Self {
            machine,
            clocks: setup.clocks,
            start,
            connections: Connections::new(epoll.clone()),
            epoll,
            waker,
            ports,
            waiting: HashMap::new(),
            token: 0,
            fallback,
            first_query: None,
            stats,
            unsent: Vec::new(),
            cache_file: setup.cache_file,
            hosts: FixedNames::from_hosts(&fs::read_to_string(HOSTS).unwrap_or_default()),
            ipv6,
        })
    }

    /// The body of the thread. Ends when the sender of `stopped` or every handle is dropped; requests
    /// open then are dropped, and so answered.
    pub(super) fn run(
        mut self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            let now = self.now();
            let is_closed = self.take_requests(&mut requests, now);
            self.act(now);
            let is_stopped =
                !matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty));
            if is_stopped || (is_closed && self.waiting.is_empty()) {
                break;
            }
            if let Err(error) = self.take_events(&mut events, now) {
                tracing::error!(%error, "the resolver's event queue failed");
                break;
            }
        }
        // A request may arrive while the channel closes: only an empty, closed channel ends the loop,
        // so none is lost.
        requests.close();
        while requests.blocking_recv().is_some() {}
        self.save();
    }

    /// Runs due timers and carries out the resulting actions.
    pub(super) fn act(&mut self, now: Time) {
        self.machine.tick(now);
        self.carry_out(now);
        self.judge_silence(now);
    }

    /// Waits for events and processes them.
    pub(super) fn take_events(
        &mut self,
        events: &mut Vec<epoll::Event>,
        now: Time,
    ) -> io::Result<()> {
        self.wait(events, now)?;
        let now = self.now();
        for event in events.drain(..) {
            self.take_event(event, now);
        }
        self.take_tcp_results(now);
        Ok(())
    }

    pub(super) fn now(&self) -> Time {
        Time::at((self.clocks.now)().saturating_duration_since(self.start))
    }

    /// Receives all pending requests; returns whether every handle is gone.
    fn take_requests(
        &mut self,
        requests: &mut mpsc::UnboundedReceiver<Request>,
        now: Time,
    ) -> bool {
        self.waker.clear();
        loop {
            match requests.try_recv() {
                Ok(request) if self.waiting.len() < REQUESTS_WAITING_MAX => {
                    self.take_request(request, now);
                }
                // Dropped, and so answered.
                Ok(_) => {}
                Err(error) => return error == mpsc::error::TryRecvError::Disconnected,
            }
        }
    }

    pub(super) fn take_request(&mut self, request: Request, now: Time) {
        if let Some(addrs) = self.in_hosts(&request.name) {
            let ttl = HOSTS_TTL;
            return self.answer(request, Ok(Answer { addrs, ttl }), Duration::ZERO);
        }
        if self.fallback.takes(&request.name) {
            return self.fallback.pass(request);
        }
        self.token += 1;
        self.machine.ask(&request.name, self.token, now);
        let asked = Asked {
            request,
            since: now,
        };
        self.waiting.insert(self.token, asked);
    }

    fn answer(&self, request: Request, result: Result<Answer, DnsError>, took: Duration) {
        self.stats.answered(&result, took);
        request.waiting.answer(result);
    }

    /// Passes on the machine's answer. Before any server has sent a useful answer, a failure says
    /// nothing about the name. Neither does "not found" after a query: every root server then said so
    /// non-authoritatively, so a middlebox answers in their place.
    fn take_answer(&mut self, token: u64, result: Result<Answer, DnsError>, now: Time) {
        let took = self
            .waiting
            .get(&token)
            .map_or(Duration::ZERO, |asked| now.since(asked.since));
        let doubtful = match result {
            Ok(_) => false,
            // An invalid or cached name is answered without a query.
            Err(DnsError::NotFound) => !took.is_zero(),
            Err(DnsError::Failure | DnsError::TimedOut) => true,
        };
        if doubtful && !self.machine.has_heard() && self.fallback.may_take_all() {
            return self.fall_back();
        }
        if let Some(asked) = self.waiting.remove(&token) {
            self.answer(asked.request, result, took);
        }
    }

    /// Falls back if the first queries show that no authoritative server is reachable.
    fn judge_silence(&mut self, now: Time) {
        if self.fallback.may_take_all() && self.is_unheard(now) {
            self.fall_back();
        }
    }

    /// Whether [`REACH_TIME`] has passed since the first query without a useful answer.
    pub(super) fn is_unheard(&self, now: Time) -> bool {
        let judged = self.first_query.map(|first| first + REACH_TIME);
        judged.is_some_and(|at| now >= at)
            && !self.machine.has_heard()
            && self.machine.servers_known() >= SILENT_SERVERS_MIN
    }

    /// Passes all open and future requests to the machine's name servers.
    fn fall_back(&mut self) {
        self.fallback.take_all();
        for (_, asked) in std::mem::take(&mut self.waiting) {
            self.fallback.pass(asked.request);
        }
    }

    /// The addresses of `name` in the hosts file, IPv4 first.
    fn in_hosts(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        let all = self.hosts.get(name)?;
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = all.iter().partition(|addr| addr.is_ipv4());
        let usable: Vec<IpAddr> = if self.ipv6 { [v4, v6].concat() } else { v4 };
        (!usable.is_empty()).then(|| usable.into())
    }

    /// Carries out all actions of the machine.
    fn carry_out(&mut self, now: Time) {
        for datagram in std::mem::take(&mut self.unsent) {
            self.send(datagram, now);
        }
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Udp { socket, to, bytes } => {
                    self.first_query.get_or_insert(now);
                    self.stats.query(false);
                    self.send(Datagram { socket, to, bytes }, now);
                }
                Output::Tcp { query, to, bytes } => {
                    self.stats.query(true);
                    self.connections.open(query, to, &bytes);
                }
                Output::TcpClosed(query) => self.connections.close(query),
                Output::Answer { token, result } => self.take_answer(token, result, now),
            }
        }
    }

    fn send(&mut self, datagram: Datagram, now: Time) {
        match self.ports.send(&datagram, now) {
            Sent::Yes => {}
            Sent::Full => self.unsent.push(datagram),
            Sent::Unreachable => {
                let Datagram { socket, to, bytes } = datagram;
                self.machine.unreachable(socket, to, &bytes, now);
            }
        }
    }

    fn wait(&mut self, events: &mut Vec<epoll::Event>, now: Time) -> io::Result<()> {
        let until = self.machine.next_wake();
        let mut sleep = until.map_or(SLEEP_MAX, |at| at.since(now).min(SLEEP_MAX));
        if let Some(judged) = self.first_query.map(|first| first + REACH_TIME)
            && now < judged
        {
            sleep = sleep.min(judged.since(now));
        }
        if !self.unsent.is_empty() {
            sleep = sleep.min(FULL_PAUSE);
        }
        if self.connections.has_news() {
            sleep = Duration::ZERO;
        }
        let sleep = sleep.try_into().ok();
        let buffer = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, buffer, sleep.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_event(&mut self, event: epoll::Event, now: Time) {
        match Source::of(event.data) {
            // Requests are received at the top of the loop.
            Some(Source::Waker) => self.waker.drain(),
            None => {}
            Some(Source::Udp(port)) => {
                if let Some((from, bytes)) = self.ports.receive(port) {
                    self.machine.receive(port.socket, from, bytes, now);
                }
            }
            Some(Source::Tcp(number)) => self.connections.ready(number),
        }
    }

    /// Passes the results of TCP queries to the machine, including those that failed at once.
    fn take_tcp_results(&mut self, now: Time) {
        while let Some((query, message)) = self.connections.next_result() {
            self.machine.tcp_answered(query, message.as_deref(), now);
        }
    }

    fn save(&self) {
        let Some(path) = &self.cache_file else {
            return;
        };
        let unix_s = (self.clocks.unix_s)();
        if let Err(error) = self.machine.save_cache(path, self.now(), unix_s) {
            tracing::warn!(%error, "the DNS cache was not saved");
        }
    }
}
