//! Owns processing answers: matching them to an exchange, learning about their server, and moving the
//! task on. Never chooses the next server, and never caches an answer that was not classified.

use std::net::SocketAddr;

use hickory_proto::op::ResponseCode;

use super::Machine;
use super::exchange::{Exchange, TcpQuery, Way};
use super::slab::Id;
use super::step::StepOutcome;
use super::task::Finding;
use crate::recursive::message::query;
use crate::recursive::message::read::{Message, QuestionMatch};
use crate::recursive::message::reply::{self, Asked, Referral, Verdict};
use crate::recursive::record_cache::Delegation;
use crate::recursive::time::Time;

impl Machine {
    /// Processes a datagram. It counts only if id, socket, source and question match an open exchange,
    /// including the case of the question.
    pub(super) fn take_datagram(
        &mut self,
        socket: u16,
        from: SocketAddr,
        message: &Message<'_>,
        now: Time,
    ) {
        if !message.is_response() || !message.is_query_opcode() {
            return;
        }
        let port = self.settings.port;
        let Some((at, exchange)) = self.exchanges.matching(socket, from, port, message.id()) else {
            return;
        };
        match self.compare_question(&exchange, message) {
            QuestionMatch::Exact => {}
            QuestionMatch::CaseDiffers => return self.case_differs(&exchange, now),
            // A server that could not parse the question may leave it out. The only effect of such a
            // message is that another server is asked.
            QuestionMatch::Absent if is_error(message) => {}
            QuestionMatch::Absent | QuestionMatch::Other => return,
        }
        self.close_exchange(at);
        self.servers
            .answered(exchange.server, now.since(exchange.sent));
        if exchange.addr.is_ipv6() {
            self.learn_ipv6(true);
        }
        if message.truncated() {
            self.note(&exchange, StepOutcome::Truncated, now);
            return self.ask_over_tcp(&exchange, now);
        }
        self.take_answer(&exchange, message, now);
    }

    /// Processes an answer over TCP. Its source is certain, so a question in another case means that
    /// the server changes case.
    pub(super) fn take_tcp(&mut self, query: TcpQuery, message: Option<&Message<'_>>, now: Time) {
        let Some(exchange) = self.exchanges.get(query.0).copied() else {
            return;
        };
        if exchange.way != Way::Tcp {
            return;
        }
        let question = message.map(|message| self.compare_question(&exchange, message));
        self.close_exchange(query.0);
        let usable = message.filter(|message| {
            message.is_response() && message.id() == exchange.id && !message.truncated()
        });
        match (usable, question) {
            (Some(message), Some(QuestionMatch::Exact)) => {
                self.take_answer(&exchange, message, now);
            }
            (Some(message), Some(QuestionMatch::CaseDiffers)) => {
                self.servers.no_mixed_case(exchange.server, now);
                self.take_answer(&exchange, message, now);
            }
            _ => {
                self.note(&exchange, StepOutcome::TcpFailed, now);
                self.tcp_failed(&exchange, now);
            }
        }
    }

    pub(super) fn take_unreachable(&mut self, socket: u16, to: SocketAddr, id: u16, now: Time) {
        let port = self.settings.port;
        if let Some((at, exchange)) = self.exchanges.matching(socket, to, port, id) {
            self.close_exchange(at);
            self.note(&exchange, StepOutcome::Unreachable, now);
            self.candidate_failed(&exchange, now);
        }
    }

    fn compare_question(&mut self, exchange: &Exchange, message: &Message<'_>) -> QuestionMatch {
        let Some(task) = self.tasks.get(exchange.task) else {
            return QuestionMatch::Other;
        };
        self.scratch.clear();
        query::question_into(&mut self.scratch, &task.name, task.kind, exchange.case_seed);
        message.question_is(&self.scratch)
    }

    /// The question differs in case only: the answer is forged, or the server changes case. A query over
    /// TCP decides; the exchange stays open in case the genuine answer is on its way.
    fn case_differs(&mut self, exchange: &Exchange, now: Time) {
        let Some(task) = self.tasks.get_mut(exchange.task) else {
            return;
        };
        let Some(candidate) = task.candidate(exchange.addr) else {
            return;
        };
        if !candidate.case_suspect {
            candidate.case_suspect = true;
            self.ask_over_tcp(exchange, now);
        }
    }

    fn ask_over_tcp(&mut self, exchange: &Exchange, now: Time) {
        let Some(task) = self.tasks.get_mut(exchange.task) else {
            return;
        };
        let Some(at) = task
            .candidates
            .iter()
            .position(|one| one.addr == exchange.addr && !one.tcp)
        else {
            return;
        };
        if task.budget == 0 {
            return self.give_up(exchange.task, now);
        }
        task.candidates[at].tcp = true;
        self.send(exchange.task, at, true, now);
    }

    fn tcp_failed(&mut self, exchange: &Exchange, now: Time) {
        let Some(task) = self.tasks.get_mut(exchange.task) else {
            return;
        };
        if let Some(candidate) = task.candidate(exchange.addr)
            && candidate.case_suspect
            && !candidate.lower_case
        {
            candidate.lower_case = true;
            candidate.tcp = false;
            return self.advance_if_idle(exchange.task, now);
        }
        self.candidate_failed(exchange, now);
    }

    /// Processes an answer that matched an exchange.
    fn take_answer(&mut self, exchange: &Exchange, message: &Message<'_>, now: Time) {
        let Some(task) = self.tasks.get_mut(exchange.task) else {
            return;
        };
        let verdict = reply::classify(
            message,
            Asked {
                name: &task.name,
                zone: task.zone(),
                kind: task.kind,
                ipv6: self.settings.ipv6,
                recursive: self.settings.forward,
            },
        );
        self.heard |= verdict.is_of_use();
        self.note_verdict(exchange, &verdict, now);
        self.learn_edns(exchange, &verdict, now);
        let id = exchange.task;
        match verdict {
            Verdict::Addrs { addrs, ttl_s } => {
                self.finish(id, Finding::Addrs { addrs, ttl_s }, now);
            }
            Verdict::Alias { target, ttl_s } => self.follow_alias(id, &target, ttl_s, now),
            Verdict::NotFound { ttl_s } => self.finish(id, Finding::NotFound { ttl_s }, now),
            Verdict::Referral(referral) => self.descend(id, referral, now),
            Verdict::Unsupported if exchange.edns => self.ask_without_edns(exchange, now),
            Verdict::WeakNotFound => {
                if let Some(task) = self.tasks.get_mut(id) {
                    task.weak_not_found = true;
                }
                self.candidate_failed(exchange, now);
            }
            Verdict::Lame | Verdict::Unsupported | Verdict::Refused | Verdict::Malformed => {
                self.candidate_failed(exchange, now);
            }
        }
    }

    /// Learns from an answer whether its server supports EDNS.
    fn learn_edns(&mut self, exchange: &Exchange, verdict: &Verdict, now: Time) {
        if *verdict == Verdict::Unsupported {
            return;
        }
        if exchange.edns {
            return self.servers.edns_works(exchange.server);
        }
        let candidate = self
            .tasks
            .get_mut(exchange.task)
            .and_then(|task| task.candidate(exchange.addr));
        // It answers without EDNS, after an error or a timeout with it.
        if candidate.is_some_and(|one| one.no_edns || one.tries > 1) {
            self.servers.no_edns(exchange.server, now);
        }
    }

    fn ask_without_edns(&mut self, exchange: &Exchange, now: Time) {
        let Some(task) = self.tasks.get_mut(exchange.task) else {
            return;
        };
        let Some(at) = task
            .candidates
            .iter()
            .position(|one| one.addr == exchange.addr)
        else {
            return;
        };
        if task.candidates[at].no_edns || task.budget == 0 {
            return self.candidate_failed(exchange, now);
        }
        task.candidates[at].no_edns = true;
        self.send(exchange.task, at, exchange.way == Way::Tcp, now);
    }

    /// Descends to the zone of a referral, and caches its servers.
    fn descend(&mut self, id: Id, referral: Referral, now: Time) {
        let delegation = Delegation {
            servers: referral
                .servers
                .into_iter()
                .filter(|&addr| self.settings.may_ask(addr))
                .collect(),
            names: referral.names,
        };
        self.cache
            .put_delegation(&referral.zone, &delegation, referral.ttl_s, now);
        self.enter(id, referral.zone.len(), delegation, false, now);
    }

    /// Marks the server as useless for this zone, and asks the next unless a query is under way.
    fn candidate_failed(&mut self, exchange: &Exchange, now: Time) {
        let Some(task) = self.tasks.get_mut(exchange.task) else {
            return;
        };
        task.refused = true;
        if let Some(candidate) = task.candidate(exchange.addr) {
            candidate.failed = true;
        }
        self.advance_if_idle(exchange.task, now);
    }

    fn advance_if_idle(&mut self, id: Id, now: Time) {
        if self.tasks.get(id).is_some_and(|task| !task.in_time) {
            self.advance(id, now);
        }
    }

    /// Closes one exchange.
    fn close_exchange(&mut self, at: Id) {
        let Some(exchange) = self.exchanges.close(at) else {
            return;
        };
        self.servers.closed(exchange.server);
        if let Some(task) = self.tasks.get_mut(exchange.task) {
            if task.exchanges.last() == Some(&at) {
                task.in_time = false;
            }
            task.exchanges.retain(|one| *one != at);
        }
    }
}

fn is_error(message: &Message<'_>) -> bool {
    !matches!(
        message.code(),
        ResponseCode::NoError | ResponseCode::NXDomain
    )
}
