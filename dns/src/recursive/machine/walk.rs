//! Owns the descent of a task: entering a zone, asking one server after the other, waiting, giving up.
//! Never reads an answer: [`super::answers`] does.

use std::cmp::Reverse;
use std::time::Duration;

use rand::Rng;

use super::choose::Choice;
use super::exchange::{Exchange, TcpQuery, Way, below};
use super::settings::{CANDIDATES_MAX, PUT_OFF_MAX};
use super::slab::Id;
use super::step::StepOutcome;
use super::task::{Candidate, Finding};
use super::{Machine, Output, Timer};
use crate::answer::DnsError;
use crate::recursive::message::query::{self, Spelling};
use crate::recursive::message::reply::NEGATIVE_TTL_S;
use crate::recursive::record_cache::Delegation;
use crate::recursive::servers::FIRST_TIMEOUT;
use crate::recursive::time::Time;
use crate::recursive::wire_name;

/// Longest timeout of one try; it grows with each further try of a server.
const TRY_TIME_MAX: Duration = Duration::from_millis(1500);
/// Shortest delay of a task for our own limits, and the random time added.
const PUT_OFF_MIN: Duration = Duration::from_millis(5);
const PUT_OFF_SPREAD_US: u32 = 20_000;
/// How long after it was sent a query may still be answered, once no other server is left to ask.
const LATE_TIME: Duration = Duration::from_millis(1200);
/// Shortest timeout of a TCP query: it takes two round trips, and SYNs get lost.
const TCP_TIME: Duration = Duration::from_millis(1200);

impl Machine {
    /// Starts or restarts a task at the closest known zone.
    pub(super) fn begin(&mut self, id: Id, now: Time) {
        let Some(name) = self.tasks.get(id).map(|task| task.name.clone()) else {
            return;
        };
        match self.cache.closest(&name, now) {
            Some((zone, delegation)) => self.enter(id, zone.len(), delegation, true, now),
            None => {
                let roots = Delegation {
                    servers: self.settings.roots.clone(),
                    names: Vec::new(),
                };
                self.enter(id, wire_name::ROOT.len(), roots, false, now);
            }
        }
    }

    /// Moves a task to the zone that is the last `zone_len` bytes of its name.
    pub(super) fn enter(
        &mut self,
        id: Id,
        zone_len: usize,
        delegation: Delegation,
        cached: bool,
        now: Time,
    ) {
        self.close_exchanges(id);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.zone_len = zone_len;
        task.zone_cached = cached;
        task.step += 1;
        task.lookups = 0;
        task.lookups_made = 0;
        task.waits_for.clear();
        task.candidates.clear();
        for addr in delegation.servers {
            if self.settings.may_ask(addr) && task.candidates.len() < CANDIDATES_MAX {
                task.candidates.push(Candidate::new(addr));
            }
        }
        task.names = delegation.names;
        task.names.reverse();
        self.advance(id, now);
    }

    /// Takes the next action for a task without a query within its timeout: asks a server, looks one up,
    /// waits, or gives up.
    pub(super) fn advance(&mut self, id: Id, now: Time) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let deadline = task.deadline;
        if now >= deadline {
            return self.give_up(id, now);
        }
        if task.at_alias {
            return self.alarm_at(id, deadline, now);
        }
        match self.choose(id, now) {
            Choice::Ask(at) => self.ask_candidate(id, at, now),
            Choice::Later(wait) => self.put_off(id, wait, now),
            Choice::Nobody if self.look_up_server(id, now) => {
                self.alarm_at(id, deadline.min(now + FIRST_TIMEOUT), now);
            }
            Choice::Nobody => match self.waits_until(id) {
                Some(until) if until > now => self.alarm_at(id, deadline.min(until), now),
                _ => self.zone_failed(id, now),
            },
        }
    }

    fn ask_candidate(&mut self, id: Id, at: usize, now: Time) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        if task.budget == 0 {
            return self.give_up(id, now);
        }
        // A server that timed out once may do so again: meanwhile another one is looked up.
        let again = task.candidates.get(at).is_some_and(|one| one.tries > 0);
        if again && task.lookups == 0 {
            self.look_up_server(id, now);
        }
        self.send(id, at, false, now);
    }

    /// Delays a task because of our own limits, and extends its deadline accordingly, up to a bound. The
    /// delay has random jitter, since many tasks may wait for the same server.
    fn put_off(&mut self, id: Id, wait: Duration, now: Time) {
        let spread = below(&mut self.rng, PUT_OFF_SPREAD_US);
        let wait = wait.max(PUT_OFF_MIN) + Duration::from_micros(u64::from(spread));
        if let Some(task) = self.tasks.get_mut(id) {
            if task.put_off < PUT_OFF_MAX {
                task.put_off += wait;
                task.deadline = task.deadline + wait;
            }
            let until = task.deadline.min(now + wait);
            self.alarm_at(id, until, now);
        }
    }

    /// Until when something may still arrive: a server's address, an answer over TCP, or a late answer
    /// over UDP.
    fn waits_until(&self, id: Id) -> Option<Time> {
        let task = self.tasks.get(id)?;
        let ends = task.exchanges.iter().filter_map(|&one| {
            let exchange = self.exchanges.get(one)?;
            Some(match exchange.way {
                Way::Tcp => task.deadline,
                Way::Udp { .. } => exchange.sent + LATE_TIME,
            })
        });
        let lookups = (task.lookups > 0).then_some(task.deadline);
        ends.chain(lookups).max()
    }

    /// Handles a zone without servers left to ask. If its delegation came from the cache, it may be stale:
    /// it is removed, and the task restarted once.
    fn zone_failed(&mut self, id: Id, now: Time) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        if task.zone_cached && !task.restarted && !task.weak_not_found {
            task.restarted = true;
            let zone: Box<[u8]> = task.zone().into();
            self.cache.forget_delegation(&zone);
            return self.begin(id, now);
        }
        self.give_up(id, now);
    }

    pub(super) fn give_up(&mut self, id: Id, now: Time) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let finding = if task.weak_not_found {
            Finding::NotFound {
                ttl_s: NEGATIVE_TTL_S,
            }
        } else if task.refused {
            Finding::Failed(DnsError::Failure)
        } else {
            Finding::Failed(DnsError::TimedOut)
        };
        self.finish(id, finding, now);
    }

    /// Sends the query to one candidate and sets the timer for its timeout.
    pub(super) fn send(&mut self, id: Id, at: usize, tcp: bool, now: Time) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let Some(candidate) = task.candidates.get_mut(at) else {
            return;
        };
        candidate.tries = candidate.tries.saturating_add(1);
        task.budget = task.budget.saturating_sub(1);
        let addr = candidate.addr;
        let server = self.servers.id_of(addr, now);
        let (edns, mixed) = self.servers.spelling(server, now);
        let spelling = Spelling {
            recursion: self.settings.forward,
            edns: edns && !candidate.no_edns,
            case_seed: if mixed && !candidate.lower_case {
                self.rng.next_u64().max(1)
            } else {
                0
            },
        };
        let (socket, message_id) = self.exchanges.draw(&mut self.rng, self.settings.sockets);
        let bytes = query::encode(message_id, &task.name, task.kind, spelling);
        let exchange = self.exchanges.open(Exchange {
            task: id,
            server,
            addr,
            id: message_id,
            way: if tcp { Way::Tcp } else { Way::Udp { socket } },
            sent: now,
            case_seed: spelling.case_seed,
            edns: spelling.edns,
            late: false,
        });
        self.servers.asked(server);
        task.exchanges.push(exchange);
        task.in_time = true;
        let to = (addr, self.settings.port).into();
        let time = try_time(self.servers.timeout(server), candidate.tries);
        let (output, time) = if tcp {
            let query = TcpQuery(exchange);
            (Output::Tcp { query, to, bytes }, time.max(TCP_TIME))
        } else {
            (Output::Udp { socket, to, bytes }, time)
        };
        let alarm = task.deadline.min(now + time);
        self.out.push_back(output);
        self.alarm_at(id, alarm, now);
    }

    /// Sets when the task is due next, replacing any earlier time; always later than `now`.
    pub(super) fn alarm_at(&mut self, id: Id, at: Time, now: Time) {
        let at = at.max(now + Duration::from_micros(1));
        if let Some(task) = self.tasks.get_mut(id)
            && task.alarm != at
        {
            task.alarm = at;
            self.timers.push(Reverse((at, Timer::Task(id))));
        }
    }

    /// Runs the timer set for `at`: the latest query has timed out, if there is one.
    pub(super) fn task_alarm(&mut self, id: Id, at: Time, now: Time) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.alarm == at) else {
            return;
        };
        if std::mem::take(&mut task.in_time)
            && let Some(&latest) = task.exchanges.last()
            && let Some(exchange) = self.exchanges.get_mut(latest)
            && !exchange.late
        {
            exchange.late = true;
            let exchange = *exchange;
            // The deadline may have cut the timeout short.
            if now.since(exchange.sent) >= Duration::from_millis(100) {
                self.servers.silent(exchange.server, exchange.edns, now);
            }
            self.note(&exchange, StepOutcome::Silent, now);
            if exchange.addr.is_ipv6() {
                self.learn_ipv6(false);
            }
        }
        self.advance(id, now);
    }

    /// Closes all exchanges of the task's step.
    pub(super) fn close_exchanges(&mut self, id: Id) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.in_time = false;
        for one in std::mem::take(&mut task.exchanges) {
            if let Some(exchange) = self.exchanges.close(one) {
                self.servers.closed(exchange.server);
                if exchange.way == Way::Tcp {
                    self.out.push_back(Output::TcpClosed(TcpQuery(one)));
                }
            }
        }
    }
}

/// The timeout of the `tries`-th try of a server; `first` is that of the first.
fn try_time(first: Duration, tries: u8) -> Duration {
    let grown = (1..tries.min(8)).fold(first, |time, _| time * 7 / 5);
    grown.min(TRY_TIME_MAX)
}
