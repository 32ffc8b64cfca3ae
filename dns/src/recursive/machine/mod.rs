//! Owns resolution as a state machine: which server gets which query, and what an answer leads to.
//! Never touches a socket or a clock: the caller passes in what arrived and `now`, carries out what
//! [`Machine::poll`] returns, and calls [`Machine::tick`] at [`Machine::next_wake`]. The same seed, calls
//! and times give the same outputs.
//!
//! A *question* comes from the caller and is answered by one *task* per record type. A task descends
//! from the closest known zone to its name, and may wait for other tasks (the address of a name server,
//! the target of an alias). There is one task per name and type. Each query sent is an *exchange*, open
//! until its task moves on: an answer after the timeout still counts.

mod answers;
mod choose;
mod exchange;
mod question;
mod settings;
mod slab;
mod step;
mod task;
mod trace;
mod waits;
mod walk;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;

pub use exchange::TcpQuery;
pub use settings::Settings;
pub use step::{Step, StepOutcome};

use crate::answer::{Answer, DnsError};
use crate::recursive::message::read::Message;
use crate::recursive::record_cache::{self, CacheFileError, RecordCache};
use crate::recursive::servers::Servers;
use crate::recursive::time::Time;
use exchange::Exchanges;
use slab::{Id, Slab};
use task::{Done, Question, Task, TaskIndex};

/// An action for the caller.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram from a UDP socket.
    Udp {
        /// Index of the socket, below [`Settings::sockets`].
        socket: u16,
        /// The server.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Query over a TCP connection, and call [`Machine::tcp_answered`] with the result.
    Tcp {
        /// To be passed back with the result.
        query: TcpQuery,
        /// The server.
        to: SocketAddr,
        /// The message, without the length prefix.
        bytes: Vec<u8>,
    },
    /// Abandon a TCP query.
    TcpClosed(TcpQuery),
    /// A question is answered.
    Answer {
        /// The token given to [`Machine::ask`].
        token: u64,
        /// What was found.
        result: Result<Answer, DnsError>,
    },
}

/// Timeouts of IPv6 servers without any answer after which IPv6 is given up, if IPv4 servers answer.
const IPV6_SILENT_MAX: u32 = 16;

/// Whether the IPv6 route works: on many machines it leads nowhere.
#[derive(Clone, Copy, Debug, Default)]
struct Ipv6Route {
    silent: u32,
    heard: bool,
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Task(Id),
    Question(Id),
}

/// The state of the resolver; see the module.
pub struct Machine {
    settings: Settings,
    rng: StdRng,
    cache: RecordCache,
    servers: Servers,
    exchanges: Exchanges,
    tasks: Slab<Task>,
    index: TaskIndex,
    questions: Slab<Question>,
    /// Questions beyond [`Settings::names_active_max`], oldest first: name and token.
    queue: VecDeque<(Arc<[u8]>, u64)>,
    /// Timers, the next on top; a timer whose task was rescheduled is ignored.
    timers: BinaryHeap<Reverse<(Time, Timer)>>,
    done: VecDeque<Done>,
    out: VecDeque<Output>,
    /// Buffer for the question an answer is compared with.
    scratch: Vec<u8>,
    /// Whether any server has sent a useful answer.
    heard: bool,
    /// Whether the IPv6 route works.
    ipv6: Ipv6Route,
    /// The steps taken, with [`Settings::trace`].
    steps: Vec<Step>,
}

impl Machine {
    /// A machine with an empty cache. Message ids, sockets and letter case are drawn from `seed`, which
    /// must be unpredictable outside tests.
    pub fn new(mut settings: Settings, seed: [u8; 32]) -> Self {
        settings.sockets = settings.sockets.max(1);
        // Message ids are drawn until one is free, so most must be.
        let ids_max = usize::from(settings.sockets) * 16_384;
        settings.queries_outstanding_max = settings.queries_outstanding_max.clamp(1, ids_max);
        Self {
            cache: RecordCache::new(settings.cache_bytes_max, settings.ttl),
            servers: Servers::new(settings.server),
            exchanges: Exchanges::default(),
            tasks: Slab::new(),
            index: HashMap::default(),
            questions: Slab::new(),
            queue: VecDeque::new(),
            timers: BinaryHeap::new(),
            done: VecDeque::new(),
            out: VecDeque::new(),
            scratch: Vec::new(),
            heard: false,
            ipv6: Ipv6Route::default(),
            steps: Vec::new(),
            rng: StdRng::from_seed(seed),
            settings,
        }
    }

    /// Asks for the addresses of `name`, in any spelling. Exactly one [`Output::Answer`] with `token`
    /// follows, within seconds of the question's start.
    pub fn ask(&mut self, name: &str, token: u64, now: Time) {
        self.take_question(name, token);
        self.settle(now);
    }

    /// Processes a datagram that arrived on the given socket.
    pub fn receive(&mut self, socket: u16, from: SocketAddr, bytes: &[u8], now: Time) {
        if let Some(message) = Message::read(bytes) {
            self.take_datagram(socket, from, &message, now);
            self.settle(now);
        }
    }

    /// Processes the result of a TCP query: a message, or `None` if the connection failed.
    pub fn tcp_answered(&mut self, query: TcpQuery, bytes: Option<&[u8]>, now: Time) {
        self.take_tcp(query, bytes.and_then(Message::read).as_ref(), now);
        self.settle(now);
    }

    /// Reports that a datagram to `to` could not be sent for lack of a route: another server is tried at
    /// once.
    pub fn unreachable(&mut self, socket: u16, to: SocketAddr, bytes: &[u8], now: Time) {
        if let Some(message) = Message::read(bytes) {
            self.take_unreachable(socket, to, message.id(), now);
            self.settle(now);
        }
    }

    /// Runs the timers that are due at `now`.
    pub fn tick(&mut self, now: Time) {
        while let Some(&Reverse((at, timer))) = self.timers.peek() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Task(id) => self.task_alarm(id, at, now),
                Timer::Question(id) => self.question_alarm(id),
            }
            self.settle(now);
        }
    }

    /// When to call [`Machine::tick`] next.
    pub fn next_wake(&self) -> Option<Time> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// The next action; `None` if there is none left.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Number of unanswered questions.
    pub fn open(&self) -> usize {
        self.questions.len() + self.queue.len()
    }

    /// Whether any server has sent a useful answer: an address, "not found" or a referral. If none ever
    /// does, the authoritative servers are unreachable.
    pub fn has_heard(&self) -> bool {
        self.heard
    }

    /// Number of servers in the table: those asked, while they are few.
    pub fn servers_known(&self) -> usize {
        self.servers.len()
    }

    /// Takes the steps since the last call, in order; none without [`Settings::trace`].
    pub fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Accounted memory of the cache in bytes, at most [`Settings::cache_bytes_max`].
    pub fn cache_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Number of cache entries: answers, failures and delegations.
    pub fn cache_len(&self) -> usize {
        self.cache.len()
    }

    /// Saves the cache to a file; `unix_s` is `now` on the wall clock.
    ///
    /// # Errors
    /// The system's.
    pub fn save_cache(&self, path: &Path, now: Time, unix_s: u64) -> io::Result<()> {
        record_cache::save(&self.cache, path, now, unix_s)
    }

    /// Loads a file that [`Machine::save_cache`] wrote, and returns the number of entries.
    ///
    /// # Errors
    /// The file cannot be used; nothing of it was loaded.
    pub fn load_cache(
        &mut self,
        path: &Path,
        now: Time,
        unix_s: u64,
    ) -> Result<usize, CacheFileError> {
        record_cache::load(&mut self.cache, path, now, unix_s)
    }

    /// Records that an IPv6 server answered or timed out. If none ever answers, IPv6 is given up.
    fn learn_ipv6(&mut self, answered: bool) {
        self.ipv6.heard |= answered;
        self.ipv6.silent += u32::from(!answered);
        if self.heard && !self.ipv6.heard && self.ipv6.silent >= IPV6_SILENT_MAX {
            self.settings.ipv6 = false;
        }
    }

    /// Delivers results to their waiters until none is left, then starts queued questions.
    fn settle(&mut self, now: Time) {
        loop {
            while let Some(done) = self.done.pop_front() {
                self.deliver(done, now);
            }
            if !self.next_from_queue(now) {
                break;
            }
        }
    }
}
