//! Owns what other threads tell a core, and to which of its tasks each message goes. Never waits.

use std::rc::Rc;
use std::time::Instant;

use futures_channel::{mpsc, oneshot};

use super::{Core, ShardEvent};
use crate::dataset::sealed::CommitDone;
use crate::fetch::{Lookups, NameAnswer};
use crate::list::plan::ShardPlan;
use crate::machine::sync::Reply;
use crate::net::storage::StorageError;
use crate::pixels::Done;

/// What other threads tell a reactor.
pub(crate) enum Message {
    /// From a compute thread.
    Done(Done),
    /// From the name service.
    Name(NameAnswer),
    /// From the commit thread.
    Commit(CommitDone),
    /// From the store's thread.
    Stored(Reply<Result<(), StorageError>>),
    /// From the planner; none is the end of the list.
    Plan(Option<Box<ShardPlan>>),
    /// From the main thread: the run is over before its end.
    Abandon,
    /// From itself, at its end.
    End,
}

impl From<Done> for Message {
    fn from(done: Done) -> Self {
        Self::Done(done)
    }
}

impl From<NameAnswer> for Message {
    fn from(answer: NameAnswer) -> Self {
        Self::Name(answer)
    }
}

impl From<CommitDone> for Message {
    fn from(done: CommitDone) -> Self {
        Self::Commit(done)
    }
}

/// A core's mailbox from the inside.
pub(super) struct Mail {
    pub(super) core: Rc<Core>,
    pub(super) names: Rc<Lookups>,
    /// To the keeper of the shards.
    pub(super) shard_events: mpsc::UnboundedSender<ShardEvent>,
    /// To the feed.
    pub(super) plans: mpsc::UnboundedSender<Option<Box<ShardPlan>>>,
    /// To the core itself, once.
    pub(super) abandon: Option<oneshot::Sender<()>>,
}

impl Mail {
    /// Hands a message on; false after the last one.
    pub(super) fn take(&mut self, message: Message) -> bool {
        // Where there is much to do timers are late: the core runs all the same.
        self.core.fetcher.stalls.tick(Instant::now());
        match message {
            Message::Name(answer) => self.names.answered(answer),
            Message::Done(done) => self.tell_keeper(ShardEvent::Done(done)),
            Message::Commit(done) => self.tell_keeper(ShardEvent::Commit(done)),
            Message::Stored(reply) => self.core.stored.take(reply),
            Message::Plan(plan) => drop(self.plans.unbounded_send(plan)),
            Message::Abandon => {
                self.core.abandoned.set(true);
                self.abandon.take().map(|abandon| abandon.send(()));
            }
            Message::End => return false,
        }
        true
    }

    /// The queues are open as long as the core runs; after it nothing is owed.
    fn tell_keeper(&self, event: ShardEvent) {
        drop(self.shard_events.unbounded_send(event));
    }
}
