//! Owns the state of each name server: round-trip time, quirks, timeouts in a row, open queries, and
//! its rate limit.
//! Never chooses between servers and never sends.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::recursive::time::Time;

/// Timeout of the first query to an unknown server.
pub(crate) const FIRST_TIMEOUT: Duration = Duration::from_millis(350);
const TIMEOUT_MIN: Duration = Duration::from_millis(150);
const TIMEOUT_MAX: Duration = Duration::from_millis(1500);
/// Assumed round-trip time of an unknown server when servers are compared.
const UNKNOWN_RTT: Duration = Duration::from_millis(60);
/// Timeouts in a row after which a server that never answered counts as dead.
const SILENT_MAX: u8 = 4;
/// The same for a server that has answered: with every second datagram lost, four in a row are common.
const SILENT_MAX_KNOWN: u8 = 9;
/// How long a dead server is asked only as a last resort; doubled while it stays silent.
const DEAD_TIME: Duration = Duration::from_secs(30);
const DEAD_DOUBLINGS_MAX: u32 = 4;
/// How long a quirk of a server is remembered.
const QUIRK_TIME: Duration = Duration::from_secs(900);
/// Most servers in the table; about 100 bytes each.
const SERVERS_MAX: usize = 65_536;

/// The index of a server in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServerId(u32);

#[derive(Debug)]
struct Server {
    addr: IpAddr,
    rtt: Option<Rtt>,
    /// Timeouts in a row.
    silent: u8,
    /// Of these, timeouts that EDNS cannot explain.
    silent_plainly: u8,
    dead_times: u8,
    dead_until: Time,
    /// Has answered a query with EDNS.
    edns_works: bool,
    no_edns_until: Time,
    no_mixed_case_until: Time,
    outstanding: u16,
    tokens: f32,
    tokens_at: Time,
    referenced: bool,
}

/// Smoothed round-trip time and its deviation (the estimator of RFC 6298).
#[derive(Clone, Copy, Debug)]
struct Rtt {
    smoothed: Duration,
    deviation: Duration,
}

/// Limits on the queries to one server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Open queries.
    pub outstanding_max: u16,
    /// Queries per second on average.
    pub rate_per_s: f32,
    /// Queries in a burst.
    pub burst: f32,
}

/// The known servers, at most [`SERVERS_MAX`].
#[derive(Debug)]
pub(crate) struct Servers {
    index: HashMap<IpAddr, u32>,
    table: Vec<Server>,
    hand: usize,
    limits: ServerLimits,
}

/// Whether a server may get a query now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Now,
    /// After this time: the server is at its limits.
    After(Duration),
}

/// How long to wait for a server that has as many open queries as it may.
const OUTSTANDING_PAUSE: Duration = Duration::from_millis(10);

impl Servers {
    pub(crate) fn new(limits: ServerLimits) -> Self {
        Self {
            index: HashMap::new(),
            table: Vec::new(),
            hand: 0,
            limits,
        }
    }

    /// The server at `addr`, added if unknown. Its id stays valid while it has an open query.
    pub(crate) fn id_of(&mut self, addr: IpAddr, now: Time) -> ServerId {
        if let Some(&at) = self.index.get(&addr) {
            self.table[at as usize].referenced = true;
            return ServerId(at);
        }
        let server = Server {
            addr,
            rtt: None,
            silent: 0,
            silent_plainly: 0,
            dead_times: 0,
            dead_until: Time::default(),
            edns_works: false,
            no_edns_until: Time::default(),
            no_mixed_case_until: Time::default(),
            outstanding: 0,
            tokens: self.limits.burst,
            tokens_at: now,
            referenced: true,
        };
        let at = match self.replaceable() {
            Some(at) => {
                self.index.remove(&self.table[at].addr);
                self.table[at] = server;
                at
            }
            None => {
                self.table.push(server);
                self.table.len() - 1
            }
        };
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        self.index.insert(addr, at);
        ServerId(at)
    }

    /// In a full table, the index of a server without open queries to replace (second chance). `None`
    /// if every server has one, which the bound on all queries rules out; the table then grows.
    fn replaceable(&mut self) -> Option<usize> {
        if self.table.len() < SERVERS_MAX {
            return None;
        }
        for _ in 0..2 * self.table.len() {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.table.len();
            let server = &mut self.table[at];
            if server.outstanding == 0 && !server.referenced {
                return Some(at);
            }
            server.referenced = false;
        }
        None
    }

    fn get(&mut self, id: ServerId) -> &mut Server {
        &mut self.table[id.0 as usize]
    }

    /// The expected time to an answer, to compare servers by, and whether the server counts as dead.
    pub(crate) fn standing(&self, addr: IpAddr, now: Time) -> (Duration, bool) {
        let Some(server) = self.known(addr) else {
            return (UNKNOWN_RTT, false);
        };
        let rtt = server.rtt.map_or(UNKNOWN_RTT, |rtt| rtt.smoothed);
        let cost = rtt * u32::from(1 + server.silent.min(SILENT_MAX));
        if server.dead_until > now {
            (cost + TIMEOUT_MAX, true)
        } else {
            (cost, false)
        }
    }

    /// Number of servers in the table.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    fn known(&self, addr: IpAddr) -> Option<&Server> {
        let at = *self.index.get(&addr)?;
        self.table.get(at as usize)
    }

    /// The timeout of the first query to a server.
    pub(crate) fn timeout(&mut self, id: ServerId) -> Duration {
        match self.get(id).rtt {
            None => FIRST_TIMEOUT,
            Some(rtt) => (rtt.smoothed + rtt.deviation * 4).clamp(TIMEOUT_MIN, TIMEOUT_MAX),
        }
    }

    /// Whether to query with EDNS, and whether in mixed case.
    pub(crate) fn spelling(&mut self, id: ServerId, now: Time) -> (bool, bool) {
        let server = self.get(id);
        // Some servers silently drop queries with EDNS: after a timeout, a server that never answered
        // one is asked without.
        let drops_edns = !server.edns_works && server.silent > 0;
        let edns = now >= server.no_edns_until && !drops_edns;
        (edns, now >= server.no_mixed_case_until)
    }

    /// Whether the limits allow one more query; [`Servers::asked`] then counts it.
    pub(crate) fn admission(&mut self, addr: IpAddr, now: Time) -> Admission {
        let id = self.id_of(addr, now);
        let limits = self.limits;
        let server = self.get(id);
        let earned = now.since(server.tokens_at).as_secs_f32() * limits.rate_per_s;
        server.tokens = (server.tokens + earned).min(limits.burst);
        server.tokens_at = now;
        if server.outstanding >= limits.outstanding_max {
            return Admission::After(OUTSTANDING_PAUSE);
        }
        if server.tokens < 1.0 {
            let wait = (1.0 - server.tokens) / limits.rate_per_s.max(0.001);
            return Admission::After(Duration::from_secs_f32(wait.clamp(0.001, 5.0)));
        }
        Admission::Now
    }

    /// A query is sent to the server.
    pub(crate) fn asked(&mut self, id: ServerId) {
        let server = self.get(id);
        server.outstanding = server.outstanding.saturating_add(1);
        server.tokens -= 1.0;
    }

    /// A query to the server is closed.
    pub(crate) fn closed(&mut self, id: ServerId) {
        let server = self.get(id);
        server.outstanding = server.outstanding.saturating_sub(1);
    }

    /// The server answered, usefully or not, after `rtt`.
    pub(crate) fn answered(&mut self, id: ServerId, rtt: Duration) {
        let server = self.get(id);
        server.silent = 0;
        server.silent_plainly = 0;
        server.dead_times = 0;
        server.dead_until = Time::default();
        server.rtt = Some(match server.rtt {
            None => Rtt {
                smoothed: rtt,
                deviation: rtt / 2,
            },
            Some(old) => Rtt {
                smoothed: (old.smoothed * 7 + rtt) / 8,
                deviation: (old.deviation * 3 + old.smoothed.abs_diff(rtt)) / 4,
            },
        });
    }

    /// A query to the server, with or without EDNS, timed out.
    pub(crate) fn silent(&mut self, id: ServerId, edns: bool, now: Time) {
        let server = self.get(id);
        server.silent = server.silent.saturating_add(1);
        if edns && !server.edns_works {
            return;
        }
        server.silent_plainly = server.silent_plainly.saturating_add(1);
        let silent_max = match server.rtt {
            None => SILENT_MAX,
            Some(_) => SILENT_MAX_KNOWN,
        };
        if server.silent_plainly >= silent_max && server.dead_until <= now {
            let doublings = u32::from(server.dead_times).min(DEAD_DOUBLINGS_MAX);
            server.dead_until = now + DEAD_TIME * (1 << doublings);
            server.dead_times = server.dead_times.saturating_add(1);
        }
    }

    /// The server understood a query with EDNS.
    pub(crate) fn edns_works(&mut self, id: ServerId) {
        self.get(id).edns_works = true;
    }

    /// The server answers without EDNS but not with it.
    pub(crate) fn no_edns(&mut self, id: ServerId, now: Time) {
        self.get(id).no_edns_until = now + QUIRK_TIME;
    }

    /// The server does not preserve the case of the question.
    pub(crate) fn no_mixed_case(&mut self, id: ServerId, now: Time) {
        self.get(id).no_mixed_case_until = now + QUIRK_TIME;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ServerLimits = ServerLimits {
        outstanding_max: 3,
        rate_per_s: 10.0,
        burst: 5.0,
    };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn server(servers: &mut Servers) -> (IpAddr, ServerId) {
        let addr = IpAddr::from([192, 0, 2, 1]);
        (addr, servers.id_of(addr, Time::default()))
    }

    #[test]
    fn the_timeout_follows_the_round_trip_within_bounds() {
        let mut servers = Servers::new(LIMITS);
        let (_, id) = server(&mut servers);
        assert_eq!(servers.timeout(id), FIRST_TIMEOUT);
        for _ in 0..20 {
            servers.answered(id, ms(10));
        }
        assert_eq!(servers.timeout(id), TIMEOUT_MIN);
        for _ in 0..40 {
            servers.answered(id, ms(900));
        }
        assert!(servers.timeout(id) >= ms(850) && servers.timeout(id) <= TIMEOUT_MAX);
    }

    #[test]
    fn silence_makes_a_server_dead_and_one_answer_brings_it_back() {
        let mut servers = Servers::new(LIMITS);
        let (addr, id) = server(&mut servers);
        let now = Time::at(ms(1000));
        for _ in 0..SILENT_MAX {
            assert!(!servers.standing(addr, now).1);
            servers.silent(id, false, now);
        }
        let (cost, dead) = servers.standing(addr, now);
        assert!(dead && cost > TIMEOUT_MAX);
        assert!(!servers.standing(addr, now + DEAD_TIME).1);
        servers.answered(id, ms(5));
        assert!(!servers.standing(addr, now).1);
    }

    #[test]
    fn a_server_that_has_answered_may_be_silent_for_longer() {
        let mut servers = Servers::new(LIMITS);
        let (addr, id) = server(&mut servers);
        let now = Time::default();
        servers.answered(id, ms(5));
        for _ in 0..SILENT_MAX_KNOWN {
            assert!(!servers.standing(addr, now).1);
            servers.silent(id, false, now);
        }
        assert!(servers.standing(addr, now).1);
    }

    #[test]
    fn edns_is_left_out_after_silence_unless_it_worked_before() {
        let mut servers = Servers::new(LIMITS);
        let (addr, id) = server(&mut servers);
        let now = Time::default();
        assert_eq!(servers.spelling(id, now), (true, true));
        for _ in 0..2 * SILENT_MAX {
            servers.silent(id, true, now);
        }
        assert!(!servers.standing(addr, now).1, "EDNS may be the reason");
        assert_eq!(servers.spelling(id, now), (false, true));
        servers.edns_works(id);
        assert_eq!(servers.spelling(id, now), (true, true));
        servers.no_edns(id, now);
        servers.no_mixed_case(id, now);
        assert_eq!(servers.spelling(id, now), (false, false));
        assert_eq!(servers.spelling(id, now + QUIRK_TIME), (true, true));
    }

    #[test]
    fn a_server_gets_no_more_than_its_limits() {
        let mut servers = Servers::new(LIMITS);
        let (addr, id) = server(&mut servers);
        let start = Time::default();
        for _ in 0..3 {
            assert_eq!(servers.admission(addr, start), Admission::Now);
            servers.asked(id);
        }
        assert_eq!(
            servers.admission(addr, start),
            Admission::After(OUTSTANDING_PAUSE)
        );
        for _ in 0..3 {
            servers.closed(id);
        }
        for _ in 0..2 {
            assert_eq!(servers.admission(addr, start), Admission::Now);
            servers.asked(id);
            servers.closed(id);
        }
        let Admission::After(wait) = servers.admission(addr, start) else {
            panic!("six at once")
        };
        assert!(wait > ms(50) && wait < ms(101), "{wait:?}");
        assert_eq!(servers.admission(addr, start + ms(101)), Admission::Now);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_who_holds_a_question() {
        let mut servers = Servers::new(LIMITS);
        let (addr, id) = server(&mut servers);
        servers.asked(id);
        for n in 0..100_000_u32 {
            servers.id_of(
                IpAddr::from((0x0a00_0000 + n).to_be_bytes()),
                Time::default(),
            );
        }
        assert_eq!(servers.table.len(), SERVERS_MAX);
        assert_eq!(servers.index.len(), SERVERS_MAX);
        assert_eq!(servers.id_of(addr, Time::default()), id);
    }
}
