//! Owns one run: the resolver, the queries it has sent, and what the script's bytes make of the world
//! around it. Never believes: it asserts that the resolver does not either.
//!
//! Addresses tell where they come from ([`world`]): a record that its sender may not speak for, one of
//! another class, and all that a forger sends hold an address that nobody else gives. If one is ever
//! asked or answered, something was believed that must not be. A script that damages bytes at random
//! may turn one name into another; there only ends, bounds and panics are looked at.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use turbo2ds_dns::DnsError;
use turbo2ds_dns::recursive::{Machine, Output, ServerLimits, Settings, TcpQuery, Time};

use super::message::{self, Sender};
use super::world::{self, Entitled, HOSTS, NAMES};

const PORT: u16 = 53;
const SOCKETS: u16 = 4;
const HEADER_BYTES: usize = 12;
const STEPS_MAX: usize = 200;
const QUESTIONS_MAX: u64 = 24;
/// The queries one question may cost for each of its two record types, one beyond the bound included.
const QUERIES_PER_QUESTION_MAX: u64 = 2 * 41;
/// A question's time, what waits for the resolver's own limits may add, and that again for a question
/// that had to wait for its turn.
const QUESTION_TIME_MAX: Duration = Duration::from_secs(2 * (5 + 15));

#[derive(Clone, Copy)]
enum Way {
    Udp { socket: u16 },
    Tcp { query: TcpQuery },
}

/// A query that was sent.
struct Pending {
    way: Way,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Pending {
    fn id(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// Name, type and class as they were sent.
    fn question(&self) -> &[u8] {
        let mut at = HEADER_BYTES;
        while self.bytes[at] != 0 {
            at += 1 + usize::from(self.bytes[at]);
        }
        &self.bytes[HEADER_BYTES..at + 5]
    }

    /// The name asked for, in lower case.
    fn name(&self) -> String {
        let mut labels = Vec::new();
        let mut rest = self.question();
        while let Some((&len @ 1.., after)) = rest.split_first() {
            let (label, below) = after.split_at(usize::from(len));
            labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
            rest = below;
        }
        labels.join(".")
    }
}

pub struct Run {
    machine: Machine,
    now: Time,
    entitled: Entitled,
    pending: Vec<Pending>,
    asked: u64,
    last_asked: Time,
    answered: u64,
    queries: u64,
    cache_bytes_max: usize,
    /// Whether bytes are damaged at random.
    wild: bool,
    /// Whether any message arrived that may be believed.
    told: bool,
}

impl Run {
    pub fn new(script: &mut Unstructured<'_>) -> Result<Self> {
        let cache_bytes_max = if script.arbitrary()? { 1 << 20 } else { 4096 };
        let settings = Settings {
            ipv6: script.arbitrary()?,
            port: PORT,
            roots: vec![world::ROOT_SERVER.into()],
            private_servers: true,
            sockets: SOCKETS,
            names_active_max: 16,
            queries_outstanding_max: 64,
            server: ServerLimits {
                outstanding_max: 8,
                rate_per_s: 500.0,
                burst: 50.0,
            },
            cache_bytes_max,
            // A short time makes short work of silence.
            name_time: Duration::from_millis(script.int_in_range(400..=4500_u16)?.into()),
            ..Settings::default()
        };
        Ok(Self {
            machine: Machine::new(settings, [script.arbitrary()?; 32]),
            now: Time::default(),
            entitled: Entitled::new(),
            pending: Vec::new(),
            asked: 0,
            last_asked: Time::default(),
            answered: 0,
            queries: 0,
            cache_bytes_max,
            wild: script.ratio(1, 4)?,
            told: false,
        })
    }

    /// Plays the script to its end, lets the resolver end too, and asks for everything once more with
    /// nobody there to answer: then what was kept speaks.
    pub fn play(mut self, script: &mut Unstructured<'_>) {
        for _ in 0..STEPS_MAX {
            // A script that ends within a step has ended.
            if script.is_empty() || self.step(script).is_err() {
                break;
            }
            self.look();
        }
        self.run_out();
        HOSTS.for_each(|host| self.ask(host));
        self.run_out();
    }

    fn step(&mut self, script: &mut Unstructured<'_>) -> Result<()> {
        match script.int_in_range(0..=9_u8)? {
            0 | 1 if self.asked < QUESTIONS_MAX => {
                let host = script.int_in_range(HOSTS.start..=HOSTS.end - 1)?;
                self.ask(host);
            }
            2 => {
                let ms: u16 = script.arbitrary()?;
                self.now = self.now + Duration::from_millis((ms % 2000).into());
                self.machine.tick(self.now);
            }
            3 => {
                if let Some(wake) = self.machine.next_wake() {
                    self.now = self.now.max(wake);
                    self.machine.tick(self.now);
                }
            }
            4 => self.forge(script)?,
            5 => self.lose(script)?,
            _ => self.answer(script)?,
        }
        Ok(())
    }

    fn ask(&mut self, host: usize) {
        self.asked += 1;
        self.last_asked = self.now;
        self.machine.ask(NAMES[host], self.asked, self.now);
        self.look();
    }

    /// The server that was asked answers what it likes.
    fn answer(&mut self, script: &mut Unstructured<'_>) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let at = script.choose_index(self.pending.len())?;
        let again = script.ratio(1, 8)?;
        let asked = self.pending.swap_remove(at);
        let sender = Sender::Server(asked.to.ip(), &mut self.entitled);
        let question = (&*asked.name(), Some(asked.question()));
        let mut bytes = message::answer(script, asked.id(), question, sender)?;
        if self.wild {
            damage(script, &mut bytes)?;
        }
        self.told = true;
        match asked.way {
            Way::Udp { socket } => self.machine.receive(socket, asked.to, &bytes, self.now),
            Way::Tcp { query } => self.machine.tcp_answered(query, Some(&bytes), self.now),
        }
        if again {
            self.pending.push(asked);
        }
        Ok(())
    }

    /// A query fails on the way.
    fn lose(&mut self, script: &mut Unstructured<'_>) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let at = script.choose_index(self.pending.len())?;
        let asked = self.pending.swap_remove(at);
        match asked.way {
            Way::Udp { socket } => {
                self.machine
                    .unreachable(socket, asked.to, &asked.bytes, self.now);
            }
            Way::Tcp { query } => self.machine.tcp_answered(query, None, self.now),
        }
        Ok(())
    }

    /// Somebody sends an answer that is wrong in one of the things that make it one.
    fn forge(&mut self, script: &mut Unstructured<'_>) -> Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let asked = &self.pending[script.choose_index(self.pending.len())?];
        let mut id = asked.id();
        let mut from = asked.to;
        let mut question = Some(asked.question().to_vec());
        let mut shift = 0;
        match script.int_in_range(0..=5_u8)? {
            0 => id ^= script.int_in_range(1..=u16::MAX)?,
            1 => from.set_port(script.int_in_range(54..=u16::MAX)?),
            2 => from.set_ip(IpAddr::from([127, 1, 0, script.int_in_range(2..=255)?])),
            3 => question = other_question(script, asked)?,
            4 => question = None,
            _ => shift = script.int_in_range(1..=SOCKETS - 1)?,
        }
        let name = asked.name();
        let bytes = message::answer(script, id, (&name, question.as_deref()), Sender::Forger)?;
        match asked.way {
            Way::Udp { socket } => {
                let socket = (socket + shift) % SOCKETS;
                if !self.is_awaited(socket, from, id, question.as_deref()) {
                    self.machine.receive(socket, from, &bytes, self.now);
                }
            }
            // Of a connection only id and question can be wrong.
            Way::Tcp { query } if id != asked.id() => {
                self.machine.tcp_answered(query, Some(&bytes), self.now);
            }
            Way::Tcp { .. } => {}
        }
        Ok(())
    }

    /// Whether the forger has hit another query by chance.
    fn is_awaited(&self, at: u16, from: SocketAddr, id: u16, question: Option<&[u8]>) -> bool {
        self.pending.iter().any(|one| {
            matches!(one.way, Way::Udp { socket } if socket == at)
                && one.to == from
                && one.id() == id
                && question == Some(one.question())
        })
    }

    /// Takes what the resolver wants done and holds it against what it may do.
    fn look(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Udp { socket, to, bytes } => self.sent(Way::Udp { socket }, to, bytes),
                Output::Tcp { query, to, bytes } => self.sent(Way::Tcp { query }, to, bytes),
                Output::TcpClosed(closed) => self
                    .pending
                    .retain(|one| !matches!(one.way, Way::Tcp { query } if query == closed)),
                Output::Answer { result, .. } => {
                    self.answered += 1;
                    match result {
                        Ok(answer) if !self.wild => {
                            assert!(self.told, "an answer, and only forgers spoke");
                            assert!(!answer.addrs.iter().copied().any(world::is_evil));
                        }
                        Err(DnsError::NotFound) => assert!(self.told, "only forgers denied it"),
                        _ => {}
                    }
                }
            }
        }
        assert!(self.machine.cache_bytes() <= self.cache_bytes_max);
    }

    fn sent(&mut self, way: Way, to: SocketAddr, bytes: Vec<u8>) {
        self.queries += 1;
        let pending = Pending { way, to, bytes };
        if !self.wild {
            assert!(!world::is_evil(to.ip()), "a liar's server is asked");
            let name = pending.name();
            assert!(
                self.entitled.speaks_for(to.ip(), &name),
                "{to} is asked for {name}"
            );
        }
        self.pending.push(pending);
    }

    /// Time passes and nobody answers until every question has its answer.
    fn run_out(&mut self) {
        while self.machine.open() > 0 {
            let wake = self
                .machine
                .next_wake()
                .expect("a question is open, nothing is waited for");
            self.now = self.now.max(wake);
            self.machine.tick(self.now);
            self.look();
            let took = self.now.since(self.last_asked);
            assert!(took <= QUESTION_TIME_MAX, "a question has taken {took:?}");
        }
        assert_eq!(self.answered, self.asked);
        assert!(self.queries <= self.asked * QUERIES_PER_QUESTION_MAX);
    }
}

/// Another name's question, another type's, or the same in other letters.
fn other_question(script: &mut Unstructured<'_>, asked: &Pending) -> Result<Option<Vec<u8>>> {
    let mut question = asked.question().to_vec();
    let kind_at = question.len() - 3;
    match script.int_in_range(0..=2_u8)? {
        0 => {
            let other = NAMES[script.choose_index(NAMES.len())?];
            let other = if other == asked.name() {
                "another.test"
            } else {
                other
            };
            question = [&message::wire(other), &question[kind_at - 1..]].concat();
        }
        1 => question[kind_at] ^= 1 << script.int_in_range(0..=7_u8)?,
        _ => {
            let letter = question.iter().position(u8::is_ascii_alphabetic);
            question[letter.unwrap_or_default()] ^= 0x20;
        }
    }
    Ok(Some(question))
}

/// Other bytes behind the id, or fewer.
fn damage(script: &mut Unstructured<'_>, bytes: &mut Vec<u8>) -> Result<()> {
    for _ in 0..script.int_in_range(0..=4_u8)? {
        let at = script.int_in_range(2..=bytes.len() - 1)?;
        bytes[at] = script.arbitrary()?;
    }
    if script.ratio(1, 8)? {
        let len = script.int_in_range(0..=bytes.len())?;
        bytes.truncate(len);
    }
    Ok(())
}
