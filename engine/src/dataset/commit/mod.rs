//! Owns the step from written to durable, and the way back: the only module that renames, and that removes
//! what a run made. Runs on its own thread, so that an fsync never holds a reactor.
//!
//! The argument. A shard's `_stats.json` is its mark of being done, so it must not exist, after any
//! crash, before everything it stands for does; and at every moment something must say whose the files
//! under last names are, because what nothing names is somebody else's and is never touched. In order:
//!
//! 1. Every file is written under a temporary name and fsynced (a folder of small files by syncfs), so
//!    that a rename cannot put a final name on missing bytes.
//! 2. The mark gets its temporary name, without content, and the folder is fsynced: now that name and those
//!    of all the shard's files are durable.
//! 3. The mark's content is written and fsynced. A whole mark under its temporary name is the **intent**:
//!    from here on the shard's files are ours under either name. It comes after (2), so that a temporary
//!    name that is gone proves a rename, and a file that somebody put under a last name is told from ours.
//! 4. All are renamed, none over anything: what stands there is not ours and ends the run.
//! 5. The folder is fsynced, so that the names are there before the mark.
//! 6. The intent is renamed to be the mark, and the folder fsynced.
//!
//! A crash before (6) leaves an intent: what it renamed goes back under its temporary names ([`undo`])
//! before the intent goes, and the temporary files last, each durably before the next. The shard is done
//! again.
//!
//! A shard that has a mark already, and is done again because its data had gone or its mark was broken,
//! loses the mark first: it becomes an intent again, which names the shard's files, and is taken back as
//! above. Where somebody else's files are in the shard's folder of loose files, that must not become
//! nobody's: the intent is followed by an **empty mark**, which is never done and names the shard's files
//! by their names. Under it the new files are moved in beside the others, and the whole mark replaces it.
//!
//! Where several workers share a folder, all but (1) is under the shard's claim: two that did the same
//! shard would else publish files of both. Who comes second finds the shard done and drops its own.
//!
//! A run that ends early takes back what its commits left half-way and removes its temporary files; the
//! [`Gate`] keeps that from a commit under way.
//!
//! Temporary names begin with a dot, so that no loader's glob sees them.

mod gate;
mod steps;
#[cfg(test)]
mod tests;
mod undo;

use std::io;
use std::thread::{self, JoinHandle};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::dataset::sealed::{CommitDone, SealedShard};
use crate::dataset::store::Publisher;
use crate::machine::sync::Outbox;
use crate::watch::Alarm;
use crate::watch::{Duty, Post};

pub(crate) use gate::Gate;
pub(crate) use steps::{Committer, write_durably};
pub(crate) use undo::{Data, clear, remove_dataset, withdraw};

/// Shards that may wait for the commit thread before reactors feel it.
const COMMITS_WAITING_MAX: usize = 1024;

/// Starts the commit thread; it ends when every sender is gone.
///
/// # Errors
/// What the kernel answered when the thread was made.
pub(crate) fn start<M>(
    mut publisher: Box<dyn Publisher>,
    outboxes: Vec<Outbox<M>>,
    gate: Gate,
    alarm: &Alarm,
    post: Post,
) -> io::Result<(Sender<SealedShard>, JoinHandle<()>)>
where
    M: From<CommitDone> + Send + 'static,
{
    let (sender, receiver): (Sender<SealedShard>, Receiver<_>) = bounded(COMMITS_WAITING_MAX);
    let guard = alarm.guard();
    let thread = thread::Builder::new()
        .name("commit".to_owned())
        .spawn(move || {
            let _guard = guard;
            for shard in receiver {
                post.begin(Duty::Commit, shard.shard_id, 0);
                let done = gate.through(|| publisher.publish(&shard));
                post.rest();
                let Some(result) = done else {
                    // The run is over: nobody waits for the answer.
                    continue;
                };
                outboxes[shard.owner].send(M::from(CommitDone {
                    slot: shard.slot,
                    result,
                }));
            }
        })?;
    Ok((sender, thread))
}
