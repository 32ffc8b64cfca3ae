//! Owns the step from written to durable, and the way back. The only module that renames, and the only one
//! that removes what a run made. Runs on its own thread, so that an fsync never blocks a reactor.
//!
//! The argument. A shard's `_stats.json` is its completion mark, so after any crash it must not exist
//! before everything it stands for exists. And at every moment something must say who owns the files under
//! final names, because a file that nothing names is foreign and is never touched. In order:
//!
//! 1. Every file is written under a temporary name and fsynced (a folder of small files with syncfs), so
//!    that a rename cannot give a final name to missing bytes.
//! 2. The mark is created under its temporary name, without content, and the folder is fsynced. Now that
//!    name and the names of all the shard's files are durable.
//! 3. The mark's content is written and fsynced. A whole mark under its temporary name is the **intent**:
//!    from here on the shard's files are ours under either name. This step follows (2), so that a missing
//!    temporary name proves a rename, and a foreign file under a final name can be told from ours.
//! 4. All files are renamed, never over an existing name: whatever has that name is not ours and ends the
//!    run.
//! 5. The folder is fsynced, so that the names are durable before the mark.
//! 6. The intent is renamed to the mark, and the folder is fsynced.
//!
//! A crash before (6) leaves an intent. Recovery ([`undo`]) first gives the files it renamed their temporary
//! names back, then removes the intent, and last removes the temporary files. Each step is durable before
//! the next. The shard is then done again.
//!
//! If a shard already has a mark and is done again, because its data is gone or its mark is broken, it first
//! loses the mark. The mark becomes an intent again, which names the shard's files, and is taken back as
//! above. If the shard's folder of loose files also holds foreign files, the folder must not become unowned:
//! an **empty mark** follows the intent. An empty mark never means done, and names the shard's files by
//! their names. While it exists, the new files are moved in next to the foreign ones; then the whole mark
//! replaces it.
//!
//! If several workers share a folder, all steps but (1) run under the shard's claim. Otherwise two workers
//! that did the same shard would publish files of both. The second worker finds the shard done and drops
//! its own files.
//!
//! A run that ends early takes back what its commits left half-done and removes its temporary files. The
//! [`Gate`] keeps that cleanup away from a commit in progress.
//!
//! Temporary names begin with a dot, so that no loader's glob matches them.

mod steps;
#[cfg(test)]
mod tests;
mod undo;

use std::io;
use std::thread::{self, JoinHandle};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::dataset::gate::Gate;
use crate::dataset::sealed::{CommitDone, SealedShard};
use crate::dataset::store::Publisher;
use crate::machine::sync::Outbox;
use crate::watch::Alarm;
use crate::watch::{Board, Duty};

pub(crate) use steps::{Committer, write_durably};
pub(crate) use undo::{Data, clear, remove_dataset, withdraw};

/// Maximum number of shards that wait for the commit thread. Beyond it, sending a shard blocks its reactor.
const COMMITS_WAITING_MAX: usize = 1024;

/// Starts a commit thread for each publisher. They end when every sender is dropped.
///
/// # Errors
/// The kernel's error if it cannot create a thread.
pub(crate) fn start<M>(
    publishers: Vec<Box<dyn Publisher>>,
    outboxes: &[Outbox<M>],
    gate: &Gate,
    alarm: &Alarm,
    board: &Board,
) -> io::Result<(Sender<SealedShard>, Vec<JoinHandle<()>>)>
where
    M: From<CommitDone> + Send + 'static,
{
    let (sender, receiver): (Sender<SealedShard>, Receiver<_>) = bounded(COMMITS_WAITING_MAX);
    let mut threads = Vec::with_capacity(publishers.len());
    for (number, mut publisher) in publishers.into_iter().enumerate() {
        // The first has the name that the only one has.
        let name = match number {
            0 => "commit".to_owned(),
            _ => format!("commit-{number}"),
        };
        let (receiver, outboxes, gate) = (receiver.clone(), outboxes.to_vec(), gate.clone());
        let (guard, post) = (alarm.guard(), board.post(&name));
        threads.push(thread::Builder::new().name(name).spawn(move || {
            let _guard = guard;
            for shard in receiver {
                post.begin(Duty::Commit, shard.shard_id, 0);
                let (owner, slot) = (shard.owner, shard.slot);
                let done = gate.through(|| publisher.publish(shard));
                post.rest();
                let Some(result) = done else {
                    // The run is over: nothing waits for the answer.
                    continue;
                };
                outboxes[owner].send(M::from(CommitDone { slot, result }));
            }
        })?);
    }
    Ok((sender, threads))
}
