//! Owns what tasks of one reactor use to wait for each other, and the one door through which other
//! threads reach a reactor. Never blocks a thread.

mod mailbox;
mod semaphore;

pub(crate) use mailbox::{Inbox, Outbox, mailbox};
pub(crate) use semaphore::{Permit, Semaphore};
