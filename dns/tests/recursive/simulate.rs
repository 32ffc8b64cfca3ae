//! Drives the machine with a clock of its own: no socket, no sleep, the same run from the same seed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use turbo2ds_dns::recursive::{Machine, Output, ServerLimits, Settings, TcpQuery, Time};
use turbo2ds_dns::{Answer, DnsError};

use crate::dnslab::{Authority, mixed};

pub const PORT: u16 = 53;

/// How long one name took and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    pub name: String,
    pub result: Result<Answer, DnsError>,
    pub took: Duration,
}

enum Arrival {
    Udp {
        socket: u16,
        from: SocketAddr,
        bytes: Vec<u8>,
    },
    Tcp {
        query: TcpQuery,
        bytes: Option<Vec<u8>>,
    },
}

/// A resolver, the authorities, and the network between them.
pub struct Simulation {
    pub machine: Machine,
    pub authority: Authority,
    pub now: Time,
    pub queries: u64,
    pub tcp_queries: u64,
    /// Of a thousand datagrams, each way, how many are lost.
    pub loss_per_mille: u64,
    /// Applied to each answer on its way, with the number of the query.
    pub tamper: Option<fn(u64, &mut Vec<u8>)>,
    /// Questions each server was sent over UDP.
    pub questions_at: HashMap<Ipv4Addr, u64>,
    seed: u64,
    drawn: u64,
    arrivals: BinaryHeap<Reverse<(Time, u64)>>,
    in_flight: HashMap<u64, Arrival>,
}

/// Settings for the lab, with a cache of 64 MB.
pub fn settings(authority: &Authority) -> Settings {
    Settings {
        port: PORT,
        roots: authority.roots(),
        private_servers: true,
        names_active_max: 500,
        cache_bytes_max: 64 << 20,
        server: ServerLimits {
            outstanding_max: 10_000,
            rate_per_s: 1e6,
            burst: 1e6,
        },
        ..Settings::default()
    }
}

impl Simulation {
    pub fn new(authority: Authority, settings: Settings, seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            machine: Machine::new(settings, bytes),
            authority,
            now: Time::default(),
            queries: 0,
            tcp_queries: 0,
            loss_per_mille: 0,
            tamper: None,
            seed,
            drawn: 0,
            questions_at: HashMap::new(),
            arrivals: BinaryHeap::new(),
            in_flight: HashMap::new(),
        }
    }

    /// Resolves all names, at most `at_once` at a time.
    pub fn resolve(
        &mut self,
        names: impl IntoIterator<Item = String>,
        at_once: usize,
    ) -> Vec<Resolved> {
        let mut names = names.into_iter();
        let mut open: HashMap<u64, (String, Time)> = HashMap::new();
        let mut resolved = Vec::new();
        let mut token = 0;
        loop {
            while open.len() < at_once
                && let Some(name) = names.next()
            {
                token += 1;
                self.machine.ask(&name, token, self.now);
                open.insert(token, (name, self.now));
            }
            self.act(&mut open, &mut resolved);
            if open.is_empty() {
                if names.size_hint().0 == 0 {
                    // An iterator that cannot tell is asked.
                    match names.next() {
                        None => return resolved,
                        Some(name) => {
                            token += 1;
                            self.machine.ask(&name, token, self.now);
                            open.insert(token, (name, self.now));
                        }
                    }
                }
                continue;
            }
            self.step();
        }
    }

    /// Resolves one name.
    pub fn one(&mut self, name: &str) -> Resolved {
        let mut all = self.resolve([name.to_owned()], 1);
        all.pop().expect("one name has one result")
    }

    /// Carries out what the machine wants.
    fn act(&mut self, open: &mut HashMap<u64, (String, Time)>, resolved: &mut Vec<Resolved>) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Udp { socket, to, bytes } => self.datagram(socket, to, &bytes),
                Output::Tcp { query, to, bytes } => self.stream(query, to, &bytes),
                Output::TcpClosed(_) => {}
                Output::Answer { token, result } => {
                    let (name, asked) = open.remove(&token).expect("each question has one answer");
                    let took = self.now.since(asked);
                    resolved.push(Resolved { name, result, took });
                }
            }
        }
    }

    /// Moves the clock to the next thing that happens, and lets it happen.
    fn step(&mut self) {
        let arrival = self.arrivals.peek().map(|Reverse((at, _))| *at);
        let wake = self.machine.next_wake();
        match (arrival, wake) {
            (Some(at), wake) if wake.is_none_or(|wake| at <= wake) => {
                self.now = at;
                let Some(Reverse((_, number))) = self.arrivals.pop() else {
                    return;
                };
                match self.in_flight.remove(&number) {
                    Some(Arrival::Udp {
                        socket,
                        from,
                        bytes,
                    }) => self.machine.receive(socket, from, &bytes, self.now),
                    Some(Arrival::Tcp { query, bytes }) => {
                        self.machine.tcp_answered(query, bytes.as_deref(), self.now);
                    }
                    None => {}
                }
            }
            (_, Some(wake)) => {
                self.now = self.now.max(wake);
                self.machine.tick(self.now);
            }
            (_, None) => panic!("questions are open and nothing is waited for"),
        }
    }

    fn draw(&mut self) -> u64 {
        self.drawn += 1;
        mixed(self.seed, self.drawn)
    }

    fn is_lost(&mut self) -> bool {
        self.draw() % 1000 < self.loss_per_mille
    }

    fn datagram(&mut self, socket: u16, to: SocketAddr, bytes: &[u8]) {
        self.queries += 1;
        let IpAddr::V4(server) = to.ip() else {
            return;
        };
        let asked = self.questions_at.entry(server).or_default();
        *asked += 1;
        let dropped = self.authority.drops(server, *asked);
        if self.is_lost() || dropped {
            return;
        }
        let Some(mut reply) = self.authority.answer(server, bytes, false) else {
            return;
        };
        if let Some(tamper) = self.tamper {
            tamper(self.draw(), &mut reply);
        }
        if !self.is_lost() {
            let from = to;
            let bytes = reply;
            let after = self.authority.round_trip(server);
            self.deliver(
                after,
                Arrival::Udp {
                    socket,
                    from,
                    bytes,
                },
            );
        }
    }

    /// Connecting and asking take two round trips, and a second more for a segment lost.
    fn stream(&mut self, query: TcpQuery, to: SocketAddr, bytes: &[u8]) {
        self.queries += 1;
        self.tcp_queries += 1;
        let IpAddr::V4(server) = to.ip() else {
            return;
        };
        let bytes = self.authority.answer(server, bytes, true);
        let mut after = self.authority.round_trip(server) * 2;
        if self.is_lost() {
            after += Duration::from_secs(1);
        }
        self.deliver(after, Arrival::Tcp { query, bytes });
    }

    fn deliver(&mut self, after: Duration, arrival: Arrival) {
        let number = self.draw();
        self.arrivals.push(Reverse((self.now + after, number)));
        self.in_flight.insert(number, arrival);
    }
}
