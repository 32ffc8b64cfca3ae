//! Owns the caller's questions: one name, both address families, one answer. Never resolves: tasks do.

use std::sync::Arc;

use super::settings::{AAAA_GRACE, QUERIES_PER_NAME_MAX, STALE_AFTER};
use super::slab::Id;
use super::task::{Question, Terms, Waiter};
use super::{Machine, Output, Timer};
use crate::answer::{Answer, DnsError, merged};
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;
use crate::recursive::wire_name;

impl Machine {
    pub(super) fn take_question(&mut self, text: &str, token: u64) {
        match wire_name::from_text(text) {
            None => self.answer(token, Err(DnsError::NotFound)),
            Some(wire) => {
                self.queue.push_back((wire.into(), token));
            }
        }
    }

    /// Starts the longest-waiting question, if another may be active.
    pub(super) fn next_from_queue(&mut self, now: Time) -> bool {
        if self.questions.len() >= self.settings.names_active_max.max(1) {
            return false;
        }
        let Some((name, token)) = self.queue.pop_front() else {
            return false;
        };
        let question = Question {
            token,
            name: name.clone(),
            v4: None,
        };
        let id = self.questions.insert(question);
        self.look_up_family(name, Kind::A, id, now);
        true
    }

    fn look_up_family(&mut self, name: Arc<[u8]>, kind: Kind, question: Id, now: Time) {
        let time = if self.cache.has_stale(kind, &name, now) {
            STALE_AFTER
        } else {
            self.settings.name_time
        };
        let terms = Terms {
            depth: 0,
            aliases: 0,
            budget: QUERIES_PER_NAME_MAX,
            deadline: now + time,
        };
        self.look_up(name, kind, terms, Waiter::Question(question), now);
    }

    /// Takes the result for one family. AAAA is looked up after A, from the zone that is known by then,
    /// and only if the servers answer.
    pub(super) fn question_result(&mut self, id: Id, result: Result<Answer, DnsError>, now: Time) {
        let Some(question) = self.questions.get_mut(id) else {
            return;
        };
        if let Some(v4) = question.v4.take() {
            return self.close_question(id, merged(v4, result));
        }
        let silent = matches!(result, Err(DnsError::Failure | DnsError::TimedOut));
        if !self.settings.ipv6 || silent {
            return self.close_question(id, result);
        }
        if result.is_ok() {
            self.timers
                .push(std::cmp::Reverse((now + AAAA_GRACE, Timer::Question(id))));
        }
        question.v4 = Some(result);
        let name = question.name.clone();
        self.look_up_family(name, Kind::Aaaa, id, now);
    }

    /// Answers without the IPv6 addresses, which took too long.
    pub(super) fn question_alarm(&mut self, id: Id) {
        if let Some(question) = self.questions.get_mut(id)
            && let Some(v4) = question.v4.take()
        {
            self.close_question(id, v4);
        }
    }

    fn close_question(&mut self, id: Id, result: Result<Answer, DnsError>) {
        if let Some(question) = self.questions.remove(id) {
            self.answer(question.token, result);
        }
    }

    fn answer(&mut self, token: u64, result: Result<Answer, DnsError>) {
        self.out.push_back(Output::Answer { token, result });
    }
}
