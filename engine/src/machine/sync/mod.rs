//! Owns the semaphore among the tasks of one reactor, the mailbox through which other threads reach a
//! reactor, and their answers to its tasks. Never blocks a thread.

mod mailbox;
mod replies;
mod semaphore;

pub(crate) use mailbox::{Inbox, Outbox, mailbox};
pub(crate) use replies::{Replies, Reply, Ticket, Waiting};
pub(crate) use semaphore::{Permit, Semaphore};
