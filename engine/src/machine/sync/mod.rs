//! Owns the semaphore among the tasks of one reactor, and the mailbox through which other threads reach
//! a reactor. Never blocks a thread.

mod mailbox;
mod semaphore;

pub(crate) use mailbox::{Inbox, Outbox, mailbox};
pub(crate) use semaphore::{Permit, Semaphore};
