//! Owns the dependencies between tasks: starting lookups, joining those under way, delivering results.
//! Never lets a task wait for itself, and never grants more queries than the waiting task has left.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Machine;
use super::settings::{
    ALIASES_MAX, CANDIDATES_MAX, DEPTH_MAX, NS_LOOKUPS_AT_ONCE, NS_LOOKUPS_MAX, NS_TIME,
    QUERIES_PER_NS_MAX,
};
use super::slab::Id;
use super::task::{Candidate, Done, Finding, LookUp, Task, Terms, Waiter};
use crate::answer::{Answer, DnsError};
use crate::recursive::kind::Kind;
use crate::recursive::message::reply::NEGATIVE_TTL_S;
use crate::recursive::record_cache::Known;
use crate::recursive::time::Time;

/// Most tasks searched for a cycle; a wait is refused if there are more.
const CIRCLE_SEARCH_MAX: usize = 64;
/// A timeout is cached only if the task had at least this long: one started near its waiter's deadline
/// says little about the name.
const FAIR_TIME: Duration = Duration::from_millis(1500);

impl Machine {
    /// Looks up the addresses of `name` for `waiter`: in the cache, by joining a task under way, or by
    /// a new task. Only a new task uses the budget.
    pub(super) fn look_up(
        &mut self,
        name: Arc<[u8]>,
        kind: Kind,
        terms: Terms,
        waiter: Waiter,
        now: Time,
    ) -> LookUp {
        if let Some(known) = self.cache.get(kind, &name, now) {
            self.done.push_back(Done {
                waiter,
                result: result_of(known),
                unspent: 0,
            });
            return LookUp::Known;
        }
        let key = (name, kind);
        if let Some(&id) = self.index.get(&key)
            && let Some(task) = self.tasks.get_mut(id)
        {
            task.waiters.push(waiter);
            task.deadline = task.deadline.max(terms.deadline);
            return LookUp::Joined(id);
        }
        let task = Task::new(key.0.clone(), kind, terms, waiter, now);
        let id = self.tasks.insert(task);
        self.index.insert(key, id);
        self.begin(id, now);
        LookUp::Started(id)
    }

    /// Records what a task waits for, and deducts the granted queries from its budget.
    fn note_wait(&mut self, id: Id, look_up: LookUp, granted: u16) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        match look_up {
            LookUp::Known => {}
            LookUp::Joined(other) => task.waits_for.push(other),
            LookUp::Started(other) => {
                task.waits_for.push(other);
                task.budget = task.budget.saturating_sub(granted);
            }
        }
    }

    /// Ends a task: caches its outcome and queues it for all waiters.
    pub(super) fn finish(&mut self, id: Id, finding: Finding, now: Time) {
        self.close_exchanges(id);
        let Some(task) = self.tasks.remove(id) else {
            return;
        };
        let key = (task.name, task.kind);
        self.index.remove(&key);
        let (name, kind) = key;
        let result = match finding {
            Finding::Addrs { addrs, ttl_s } => {
                self.cache.put_addrs(kind, &name, &addrs, ttl_s, now);
                Ok(answer(addrs, ttl_s))
            }
            Finding::NotFound { ttl_s } => {
                self.cache.put_not_found(kind, &name, ttl_s, now);
                Err(DnsError::NotFound)
            }
            Finding::Failed(error) => {
                let fair = task.refused || now.since(task.started) >= FAIR_TIME;
                if fair || self.cache.has_stale(kind, &name, now) {
                    self.cache.put_failure(kind, &name, error, now);
                }
                // A stale answer is served instead of a failure.
                self.cache
                    .get(kind, &name, now)
                    .map_or(Err(error), result_of)
            }
        };
        let mut unspent = task.budget;
        for waiter in task.waiters {
            self.done.push_back(Done {
                waiter,
                result: result.clone(),
                unspent: std::mem::take(&mut unspent),
            });
        }
    }

    /// Delivers a result to its waiter, if that still exists.
    pub(super) fn deliver(&mut self, done: Done, now: Time) {
        match done.waiter {
            Waiter::Question(id) => self.question_result(id, done.result, now),
            Waiter::Server { task, step } => {
                self.return_budget(task, done.unspent);
                self.server_found(task, step, done.result, now);
            }
            Waiter::Alias { task, ttl_s } => {
                self.return_budget(task, done.unspent);
                let finding = match done.result {
                    Ok(answer) => Finding::Addrs {
                        addrs: answer.addrs.to_vec(),
                        ttl_s: ttl_s.min(Time::at(answer.ttl).secs()),
                    },
                    Err(DnsError::NotFound) => Finding::NotFound {
                        ttl_s: ttl_s.min(NEGATIVE_TTL_S),
                    },
                    Err(error) => Finding::Failed(error),
                };
                self.finish(task, finding, now);
            }
        }
    }

    fn return_budget(&mut self, id: Id, unspent: u16) {
        if let Some(task) = self.tasks.get_mut(id) {
            task.budget = task.budget.saturating_add(unspent);
        }
    }

    /// Takes the result of the lookup of a name server.
    fn server_found(&mut self, id: Id, step: u32, result: Result<Answer, DnsError>, now: Time) {
        let Some(task) = self.tasks.get_mut(id).filter(|task| task.step == step) else {
            return;
        };
        task.lookups = task.lookups.saturating_sub(1);
        let found = result.map(|answer| answer.addrs);
        for &addr in found.iter().flat_map(|addrs| addrs.iter()) {
            if self.settings.may_ask(addr)
                && task.candidates.len() < CANDIDATES_MAX
                && task.candidate(addr).is_none()
            {
                task.candidates.push(Candidate::new(addr));
            }
        }
        if !task.in_time {
            self.advance(id, now);
        }
    }

    /// Looks up the next name server that is known by name only; returns `false` if none may be looked
    /// up now.
    pub(super) fn look_up_server(&mut self, id: Id, now: Time) -> bool {
        loop {
            let Some(task) = self.tasks.get_mut(id) else {
                return false;
            };
            let grant = (task.budget / 2).min(QUERIES_PER_NS_MAX);
            if task.lookups >= NS_LOOKUPS_AT_ONCE
                || task.lookups_made >= NS_LOOKUPS_MAX
                || task.depth >= DEPTH_MAX
                || grant == 0
            {
                return false;
            }
            let Some(name) = task.names.pop() else {
                return false;
            };
            let (step, depth) = (task.step, task.depth + 1);
            let terms = Terms {
                depth,
                aliases: 0,
                budget: grant,
                deadline: task.deadline.min(now + NS_TIME),
            };
            let name: Arc<[u8]> = name.into();
            if self.waits_for_itself(id, &name, Kind::A) {
                continue;
            }
            if let Some(task) = self.tasks.get_mut(id) {
                task.lookups += 1;
                task.lookups_made += 1;
            }
            let waiter = Waiter::Server { task: id, step };
            let look_up = self.look_up(name, Kind::A, terms, waiter, now);
            self.note_wait(id, look_up, grant);
            return true;
        }
    }

    /// Waits for the addresses of `target`, of which the task's name is an alias.
    pub(super) fn follow_alias(&mut self, id: Id, target: &[u8], ttl_s: u32, now: Time) {
        self.close_exchanges(id);
        let target: Arc<[u8]> = target.into();
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let terms = Terms {
            depth: task.depth,
            aliases: task.aliases + 1,
            budget: task.budget,
            deadline: task.deadline,
        };
        let kind = task.kind;
        if terms.aliases > ALIASES_MAX || self.waits_for_itself(id, &target, kind) {
            return self.finish(id, Finding::Failed(DnsError::Failure), now);
        }
        if let Some(task) = self.tasks.get_mut(id) {
            task.at_alias = true;
            task.step += 1;
        }
        self.alarm_at(id, terms.deadline, now);
        let waiter = Waiter::Alias { task: id, ttl_s };
        let look_up = self.look_up(target, kind, terms, waiter, now);
        self.note_wait(id, look_up, terms.budget);
    }

    /// Whether `id` would wait for itself by waiting for `name`, that is, whether the task for `name`
    /// waits for `id`, directly or indirectly. The search follows `waits_for` and not the waiters, of
    /// which there may be very many.
    fn waits_for_itself(&self, id: Id, name: &Arc<[u8]>, kind: Kind) -> bool {
        let Some(&target) = self.index.get(&(name.clone(), kind)) else {
            return false;
        };
        let mut below = vec![target];
        let mut at = 0;
        while let Some(&one) = below.get(at) {
            if one == id || below.len() > CIRCLE_SEARCH_MAX {
                return true;
            }
            at += 1;
            let next = self.tasks.get(one).map_or(&[][..], |task| &task.waits_for);
            for task in next {
                if self.tasks.get(*task).is_some() && !below.contains(task) {
                    below.push(*task);
                }
            }
        }
        false
    }
}

fn result_of(known: Known) -> Result<Answer, DnsError> {
    match known {
        Known::Addrs { addrs, ttl_s } => Ok(answer(addrs, ttl_s)),
        Known::Error { error, .. } => Err(error),
    }
}

fn answer(addrs: Vec<IpAddr>, ttl_s: u32) -> Answer {
    Answer {
        addrs: addrs.into(),
        ttl: Duration::from_secs(u64::from(ttl_s)),
    }
}
