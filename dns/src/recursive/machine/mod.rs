//! Owns the whole of resolution as a state machine: what is asked, of whom, what an answer leads to.
//! Never touches a socket or a clock: the caller hands in what arrived and `now`, sends what
//! [`Machine::poll`] gives, and calls [`Machine::tick`] when [`Machine::next_wake`] has come. The same
//! seed, calls and times give the same outputs.
//!
//! A *question* is a caller's; it is answered by one *task* per record type. A task walks from the
//! closest known zone down to its name; it may wait for other tasks (a name server's address, the
//! target of an alias). Tasks for the same name and type are one. Each datagram out is an *exchange*,
//! open until its task moves on: an answer later than its timeout still counts.

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

/// What the caller has to do.
#[derive(Debug)]
pub enum Output {
    /// Send a datagram from the UDP socket of that number.
    Udp {
        /// Which of [`Settings::sockets`].
        socket: u16,
        /// The server.
        to: SocketAddr,
        /// The datagram.
        bytes: Vec<u8>,
    },
    /// Ask over a TCP connection, and call [`Machine::tcp_answered`] with what comes of it.
    Tcp {
        /// To be handed back.
        query: TcpQuery,
        /// The server.
        to: SocketAddr,
        /// The message, without its length in front.
        bytes: Vec<u8>,
    },
    /// The TCP query is no longer waited for.
    TcpClosed(TcpQuery),
    /// The question with that token has its answer.
    Answer {
        /// The token given to [`Machine::ask`].
        token: u64,
        /// What was found.
        result: Result<Answer, DnsError>,
    },
}

/// Questions to IPv6 servers without any answer before the route is taken for dead, while IPv4's answer.
const IPV6_SILENT_MAX: u32 = 16;

/// What is known of the route to IPv6: many machines have one that leads nowhere.
#[derive(Clone, Copy, Debug, Default)]
struct Ipv6Route {
    silent: u32,
    heard: bool,
}

/// What a moment on the clock is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Task(Id),
    Question(Id),
}

/// The resolver's state; see the module.
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
    /// Alarms, the next on top; one whose task has another alarm by now is passed over.
    timers: BinaryHeap<Reverse<(Time, Timer)>>,
    done: VecDeque<Done>,
    out: VecDeque<Output>,
    /// The question an answer is compared with, written anew for each.
    scratch: Vec<u8>,
    /// Some server gave an answer of use.
    heard: bool,
    /// Whether the route to IPv6 leads anywhere.
    ipv6: Ipv6Route,
    /// What was done, where [`Settings::trace`] asks for it.
    steps: Vec<Step>,
}

impl Machine {
    /// A machine that knows nothing but its settings. Ids, sockets and spellings come from `seed`,
    /// which must be unpredictable outside tests.
    pub fn new(mut settings: Settings, seed: [u8; 32]) -> Self {
        settings.sockets = settings.sockets.max(1);
        // Ids are drawn until a free one is found: most must be free.
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

    /// Takes a question in: the addresses of `name`, in any spelling. Exactly one
    /// [`Output::Answer`] with `token` follows, within seconds of the question's start.
    pub fn ask(&mut self, name: &str, token: u64, now: Time) {
        self.take_question(name, token);
        self.settle(now);
    }

    /// Takes a datagram in that arrived on the socket of that number.
    pub fn receive(&mut self, socket: u16, from: SocketAddr, bytes: &[u8], now: Time) {
        if let Some(message) = Message::read(bytes) {
            self.take_datagram(socket, from, &message, now);
            self.settle(now);
        }
    }

    /// Takes in what came of a TCP query: the message, or `None` where there is none to be had.
    pub fn tcp_answered(&mut self, query: TcpQuery, bytes: Option<&[u8]>, now: Time) {
        self.take_tcp(query, bytes.and_then(Message::read).as_ref(), now);
        self.settle(now);
    }

    /// The datagram to `to` could not be sent for want of a route: another server is tried at once.
    pub fn unreachable(&mut self, socket: u16, to: SocketAddr, bytes: &[u8], now: Time) {
        if let Some(message) = Message::read(bytes) {
            self.take_unreachable(socket, to, message.id(), now);
            self.settle(now);
        }
    }

    /// Does what is due at `now`.
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

    /// When [`Machine::tick`] is to be called next.
    pub fn next_wake(&self) -> Option<Time> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Questions taken in and not answered yet.
    pub fn open(&self) -> usize {
        self.questions.len() + self.queue.len()
    }

    /// Whether any server has given an answer of use: an address, an absence, a referral. Where none
    /// ever does, the way to the authorities is closed.
    pub fn has_heard(&self) -> bool {
        self.heard
    }

    /// Servers that something is remembered of: those asked, while they are few.
    pub fn servers_known(&self) -> usize {
        self.servers.len()
    }

    /// The steps since the last call, in their order; none without [`Settings::trace`].
    pub fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Bytes the cache is charged with, at most [`Settings::cache_bytes_max`].
    pub fn cache_bytes(&self) -> usize {
        self.cache.bytes()
    }

    /// Things the cache holds: answers, absences, failures and zones.
    pub fn cache_len(&self) -> usize {
        self.cache.len()
    }

    /// Writes the cache to a file; `unix_s` is `now` on the wall clock.
    ///
    /// # Errors
    /// The system's.
    pub fn save_cache(&self, path: &Path, now: Time, unix_s: u64) -> io::Result<()> {
        record_cache::save(&self.cache, path, now, unix_s)
    }

    /// Takes in a file that [`Machine::save_cache`] wrote; returns how many entries.
    ///
    /// # Errors
    /// The file cannot be used, and nothing of it was.
    pub fn load_cache(
        &mut self,
        path: &Path,
        now: Time,
        unix_s: u64,
    ) -> Result<usize, CacheFileError> {
        record_cache::load(&mut self.cache, path, now, unix_s)
    }

    /// An IPv6 server answered, or did not in its time. Where none ever does, IPv6 is left alone.
    fn learn_ipv6(&mut self, answered: bool) {
        self.ipv6.heard |= answered;
        self.ipv6.silent += u32::from(!answered);
        if self.heard && !self.ipv6.heard && self.ipv6.silent >= IPV6_SILENT_MAX {
            self.settings.ipv6 = false;
        }
    }

    /// Hands results on to who waits for them, until nothing moves, then lets the next questions in.
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
