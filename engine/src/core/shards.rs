//! Owns the core's open shards: it takes samples in, seals and commits shards, and retries one that failed
//! through this machine. One task does all of it in order of arrival, so a shard has one writer.

use std::rc::Rc;
use std::time::SystemTime;

use futures_channel::mpsc::UnboundedReceiver;
use futures_util::StreamExt;
use turbo2ds_writers::{SampleFacts, WriterError};

use super::{Core, ShardEvent};
use crate::dataset::sealed::Collected;
use crate::dataset::sealed::Committed;
use crate::dataset::sealed::ShardSlot;
use crate::dataset::shard::{OpenShard, pump};
use crate::error::{Error, Hinted};
use crate::failure::Failure;
use crate::limits::DIRTY_BYTES_MAX;
use crate::list::plan::ShardPlan;
use crate::machine::sync::Permit;
use crate::net::storage::StorageError;
use crate::pixels::{Done, DoneResult, Finished, Task};
use crate::watch::{Event, ShardReport};

impl Core {
    /// Opens the shard of a plan; `None` if that ended the run.
    pub(super) fn open_shard(
        &self,
        plan: ShardPlan,
        attempt: u32,
        place: Permit,
    ) -> Option<ShardSlot> {
        let slot = self.next_slot.get();
        self.next_slot.set(slot + 1);
        match OpenShard::open(
            plan,
            attempt,
            &self.layout,
            self.shared.store.draft(attempt, &self.stored),
            self.dirty.clone(),
            place,
        ) {
            Ok(shard) => {
                let empty = shard.plan.rows() == 0;
                self.open.borrow_mut().insert(slot, shard);
                if empty {
                    self.seal(slot);
                }
                Some(slot)
            }
            Err(error) => {
                self.fatal(layout_error(error));
                None
            }
        }
    }

    /// Handles the reports of the compute and commit threads until the mailbox closes.
    pub(super) async fn keep_shards(self: Rc<Self>, mut events: UnboundedReceiver<ShardEvent>) {
        while let Some(event) = events.next().await {
            match event {
                ShardEvent::Done(Done {
                    slot,
                    result: DoneResult::Image { row, image, body },
                }) => {
                    self.image_done(slot, row, image, body);
                    self.dirty.below(DIRTY_BYTES_MAX).await;
                }
                ShardEvent::Done(Done {
                    slot,
                    result: DoneResult::Sealed(collected),
                }) => {
                    self.sealed(slot, collected);
                }
                ShardEvent::Commit(done) => self.committed(done.slot, done.result),
            }
        }
    }

    fn image_done(
        self: &Rc<Self>,
        slot: ShardSlot,
        row: usize,
        image: Result<Finished, Failure>,
        body: Vec<u8>,
    ) {
        match image {
            _ if self.abandoned.get() => {}
            Ok(finished) => {
                let bytes = finished.new_bytes.as_deref().unwrap_or(&body);
                self.sample(slot, row, finished.facts, bytes);
            }
            Err(failure) => self.fail_row(slot, row, failure),
        }
        self.fetcher.buffers.borrow_mut().give(body);
        // Only now are its place in the queue and its share of the budget free.
        self.held.borrow_mut().remove(&(slot, row));
    }

    fn sample(self: &Rc<Self>, slot: ShardSlot, row: usize, facts: SampleFacts, bytes: &[u8]) {
        let taken = match self.open.borrow_mut().get_mut(&slot) {
            Some(shard) => shard.sample(row, facts, bytes),
            None => return,
        };
        self.live.succeeded();
        match taken {
            Ok(complete) => {
                self.pump(slot);
                if complete {
                    self.seal(slot);
                }
            }
            Err(error) => self.fatal(layout_error(error)),
        }
    }

    /// Starts a pump for a shard that has something to write, unless one is running.
    fn pump(self: &Rc<Self>, slot: ShardSlot) {
        let files = match self.open.borrow().get(&slot) {
            Some(shard) if shard.files.borrow_mut().claim_pump() => shard.files.clone(),
            _ => return,
        };
        let core = self.clone();
        monoio::spawn(async move {
            if let Err(broken) = pump(&files).await {
                core.break_shard(slot, broken);
            }
            drop(files);
            core.commit_when_written(slot);
        });
    }

    fn break_shard(&self, slot: ShardSlot, broken: (std::path::PathBuf, std::io::Error)) {
        let (path, error) = &broken;
        // The shard's other rows may take minutes, and could not be written.
        if is_final(error) {
            self.fatal(Error::output_io(path, same_as(error)));
        }
        if let Some(shard) = self.open.borrow_mut().get_mut(&slot) {
            shard.broken.get_or_insert(broken);
        }
    }

    /// Has a compute thread lay out the end of a shard whose rows have all ended.
    pub(super) fn seal(&self, slot: ShardSlot) {
        let taken = self
            .open
            .borrow_mut()
            .get_mut(&slot)
            .and_then(OpenShard::take_seal);
        if let Some((writer, outcomes)) = taken {
            let task = Task::Seal { writer, outcomes };
            self.compute(slot, task);
        }
    }

    fn sealed(self: &Rc<Self>, slot: ShardSlot, collected: Result<Collected, WriterError>) {
        match self.open.borrow_mut().get_mut(&slot) {
            Some(shard) => match shard.lay_out_end(collected) {
                Ok(()) => {}
                Err(error) => return self.fatal(layout_error(error)),
            },
            None => return,
        }
        self.pump(slot);
        self.commit_when_written(slot);
    }

    /// Hands a shard to the commit thread once its last byte is written.
    fn commit_when_written(&self, slot: ShardSlot) {
        let mut open = self.open.borrow_mut();
        let Some(shard) = open.get_mut(&slot) else {
            return;
        };
        let digits = self.layout.shard_digits;
        let Some(sealed) = shard.take_sealed(self.index, slot, digits) else {
            return;
        };
        if let Some((path, error)) = shard.broken.take() {
            drop(open);
            return self.shard_failed(slot, path, error);
        }
        // The commit thread lives as long as a core does.
        let _ = self.commits.send(sealed);
    }

    fn committed(
        &self,
        slot: ShardSlot,
        result: Result<Committed, (std::path::PathBuf, std::io::Error)>,
    ) {
        match result {
            Ok(Committed::Here) => {
                if let Some(shard) = self.close(slot) {
                    let stats = shard.stats(SystemTime::now());
                    let report = ShardReport {
                        shard_id: shard.plan.shard_id,
                        seconds: stats.end_time - stats.start_time,
                        end_time: stats.end_time,
                        tally: shard.tally,
                    };
                    self.shared.send(Event::ShardCommitted(report));
                }
            }
            Ok(Committed::Elsewhere) => {
                if let Some(shard) = self.close(slot) {
                    self.live.taken_back(&shard.tally);
                    self.shared.send(Event::ShardElsewhere);
                }
            }
            Err((path, error)) => self.shard_failed(slot, path, error),
        }
        self.notify_if_all_closed();
    }

    /// A shard that failed through this machine: it is tried again, given up, or ends the run.
    fn shard_failed(&self, slot: ShardSlot, path: std::path::PathBuf, error: std::io::Error) {
        let Some(shard) = self.close(slot) else {
            return;
        };
        if is_final(&error) {
            self.fatal(Error::output_io(&path, error));
        } else if shard.attempt >= self.shared.config.output.max_shard_retry {
            let error = Error::output_io(&path, error);
            self.shared.send(Event::ShardGivenUp {
                shard_id: shard.plan.shard_id,
                error,
            });
        } else {
            tracing::warn!(shard = shard.plan.shard_id, %error, "the shard is done again");
            self.live.taken_back(&shard.tally);
            self.again
                .borrow_mut()
                .push((shard.plan, shard.attempt + 1));
        }
        self.notify_if_all_closed();
    }

    fn close(&self, slot: ShardSlot) -> Option<OpenShard> {
        self.open.borrow_mut().remove(&slot)
    }

    fn notify_if_all_closed(&self) {
        if self.open.borrow().is_empty()
            && let Some(waiter) = self.all_closed.borrow_mut().take()
        {
            let _ = waiter.send(());
        }
    }

    /// Waits until no shard is open.
    pub(super) async fn wait_all_closed(&self) {
        if self.open.borrow().is_empty() {
            return;
        }
        let (sender, receiver) = futures_channel::oneshot::channel();
        *self.all_closed.borrow_mut() = Some(sender);
        let _ = receiver.await;
    }
}

/// Whether another try cannot help: every error but a shortage that may pass. A failing disk would otherwise
/// fail one shard after the other, and a long list would be downloaded for nothing.
fn is_final(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let of_store = Hinted::of(error).and_then(Hinted::error::<StorageError>);
    if let Some(of_store) = of_store {
        return !of_store.is_of_one_try();
    }
    let passing = [
        Errno::INTR,
        Errno::AGAIN,
        Errno::MFILE,
        Errno::NFILE,
        Errno::NOMEM,
        Errno::NOBUFS,
    ];
    Errno::from_io_error(error).is_none_or(|errno| !passing.contains(&errno))
}

/// A copy of an error: one ends the run, the other stays with the shard, which accepts no more samples.
fn same_as(error: &std::io::Error) -> std::io::Error {
    error.raw_os_error().map_or_else(
        || std::io::Error::new(error.kind(), error.to_string()),
        std::io::Error::from_raw_os_error,
    )
}

fn layout_error(error: WriterError) -> Error {
    Error::output(
        crate::error::Message::because("the rows cannot be laid out", error),
        "leave the column that it names out of --save_additional_columns",
    )
}
