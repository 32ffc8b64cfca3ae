//! The resolver's edge: owns the sockets, the queue of requests and the waiting, on the thread "dns".
//! Never decides anything about names: it carries out what the [`Machine`] wants. Clock and seed are
//! the caller's.
//!
//! A bare epoll loop over non-blocking sockets. A cold name is a handful of datagrams; a runtime's
//! tasks, timers and wake-ups around each would cost as much as the datagrams.

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

/// Events taken of the kernel at once.
pub(super) const EVENTS_MAX: usize = 256;
/// Longest sleep; only bounds how late a mistake would show.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// The names this machine knows by itself.
const HOSTS: &str = "/etc/hosts";
/// How long an answer of that file is good for.
const HOSTS_TTL: Duration = Duration::from_secs(3600);
/// Sleep while datagrams wait for room in a socket's buffer.
const FULL_PAUSE: Duration = Duration::from_millis(2);

/// A request that is being worked on.
struct Asked {
    request: Request,
    since: Time,
}

/// The running resolver.
pub(super) struct EventLoop {
    pub(super) machine: Machine,
    clocks: Clocks,
    start: Instant,
    epoll: Arc<OwnedFd>,
    waker: Arc<Waker>,
    ports: Ports,
    connections: Connections,
    /// Who waits for the answer to each token.
    waiting: HashMap<u64, Asked>,
    token: u64,
    /// Who is asked where the authorities cannot help.
    fallback: Fallback,
    /// When the first question left.
    first_query: Option<Time>,
    stats: Arc<Stats>,
    /// Datagrams that found their socket's buffer full.
    unsent: Vec<Datagram>,
    cache_file: Option<PathBuf>,
    hosts: FixedNames,
    ipv6: bool,
}

impl EventLoop {
    /// Opens the sockets and reads the cache's file, if there is one. `fallback` is asked for names of
    /// private networks, and for every name where no authority can be reached.
    ///
    /// # Errors
    /// The system's, for the sockets; a file that cannot be used is noted and passed over.
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

    /// The life of the thread: ends when `stopped`'s other end is gone, or every handle. Who waits
    /// then is answered by being dropped.
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
        // A request may be on its way in while the channel closes: only an empty, closed channel
        // ends this, so none is left fallback.
        requests.close();
        while requests.blocking_recv().is_some() {}
        self.save();
    }

    /// Does what is due at `now`.
    pub(super) fn act(&mut self, now: Time) {
        self.machine.tick(now);
        self.carry_out(now);
        self.judge_silence(now);
    }

    /// Sleeps until there is something to do, and takes in what has arrived.
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

    /// Takes in what was asked since; returns whether nobody can ask any more.
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

    /// The machine's answer to a question. Where nobody was heard yet, a failure says nothing of the
    /// name; nor does an absence that was asked for, since every root server said so without authority:
    /// something on the way answers in their place.
    fn take_answer(&mut self, token: u64, result: Result<Answer, DnsError>, now: Time) {
        let took = self
            .waiting
            .get(&token)
            .map_or(Duration::ZERO, |asked| now.since(asked.since));
        let doubtful = match result {
            Ok(_) => false,
            // A name that cannot exist, or is known from before, is answered without being asked for.
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

    /// Looks whether any authority can be reached, by what became of the first questions.
    fn judge_silence(&mut self, now: Time) {
        if self.fallback.may_take_all() && self.is_unheard(now) {
            self.fall_back();
        }
    }

    /// Whether the first questions have had their time and no server gave an answer of use.
    pub(super) fn is_unheard(&self, now: Time) -> bool {
        let judged = self.first_query.map(|first| first + REACH_TIME);
        judged.is_some_and(|at| now >= at)
            && !self.machine.has_heard()
            && self.machine.servers_known() >= SILENT_SERVERS_MIN
    }

    /// Hands everything asked, now and from now on, to the machine's name servers.
    fn fall_back(&mut self) {
        self.fallback.take_all();
        for (_, asked) in std::mem::take(&mut self.waiting) {
            self.fallback.pass(asked.request);
        }
    }

    /// What the hosts file says, IPv4 first.
    fn in_hosts(&self, name: &str) -> Option<Arc<[IpAddr]>> {
        let all = self.hosts.get(name)?;
        let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) = all.iter().partition(|addr| addr.is_ipv4());
        let usable: Vec<IpAddr> = if self.ipv6 { [v4, v6].concat() } else { v4 };
        (!usable.is_empty()).then(|| usable.into())
    }

    /// Does all that the machine wants done.
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
            // The requests are taken at the top of the loop.
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

    /// Hands on what came of TCP queries, by an event or by failing at once.
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
