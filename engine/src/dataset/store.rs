//! Owns the seam between a run and where its dataset is kept: what a store must be able to do, in terms that
//! one without renames, syncs and locks can keep as well. Never says how: [`super::local`] does for a file
//! system.
//!
//! A run opens the store once ([`Store::open`]). Each try of a shard is a [`Draft`]: a stream that grows and
//! small files beside it, none of which is part of the dataset. A shard whose draft is whole is published by
//! the [`Publisher`], all of it or nothing, by one worker at a time. What is not published by the end is
//! removed ([`Store::sweep`]).

use std::collections::HashSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::disk::Block;
use super::ownership::UserFiles;
use super::redact::Redactions;
use super::sealed::{Broken, Committed, SealedShard, Written};
use super::version::VersionNumber;
use crate::config::{Assignment, Config};
use crate::error::Error;
use crate::machine::sync::Replies;
use crate::net::storage::StorageError;

/// A place where a dataset is kept.
pub(crate) trait Store: Send + Sync {
    /// Opens the dataset for a run: refuses what would change anything that is not the dataset's own, clears
    /// away what dead runs left, and enters the run in the record.
    ///
    /// # Errors
    /// `Output` for the store's errors and where the run would change what is not its own, `ConfigMismatch`
    /// where the dataset is of other options or another input.
    fn open(&self, job: &Job) -> Result<Opened, Error>;

    /// A try of a shard, the first of which is 0; nothing is created before something is written. For a
    /// reactor's thread, whose questions to other threads are `replies`.
    fn draft(&self, attempt: u32, replies: &Rc<StoreReplies>) -> Box<dyn Draft>;

    /// Whether a shard stands whole now, whoever made it.
    fn is_done(&self, shard_id: u64) -> bool;

    /// Enters the dataset as it is now among its versions, unless it is the latest one still. For a run that has the
    /// dataset alone and has published every shard.
    ///
    /// # Errors
    /// `Output`: the store's, and versions that cannot be read.
    fn enter_version(&self) -> Result<Option<VersionNumber>, Error>;

    /// Whether the store does not answer: what is written waits for it.
    fn is_away(&self) -> bool;

    /// Lets this run create nothing any more, for good. Waits for what is being created, but no longer than
    /// `limit`: the store may never answer.
    fn close(&self, limit: Duration);

    /// Removes what this run began and did not publish, as far as it can; what it cannot is left to the next
    /// run, and logged.
    fn sweep(&self);
}

/// What one try of a shard has written, as far as it came.
pub(crate) trait Draft {
    /// Writes the next block of the stream, which will have the name `name`. All but the last are full; the
    /// last one is padded, and the padding is cut off when the shard is published.
    fn append<'a>(
        &'a mut self,
        name: &'a str,
        block: Block,
    ) -> LocalBoxFuture<'a, Result<(), Broken>>;

    /// Writes a whole small file, which will have this path: a name, or a folder and a name.
    fn put<'a>(
        &'a mut self,
        path: &'a str,
        bytes: Vec<u8>,
    ) -> LocalBoxFuture<'a, Result<(), Broken>>;

    /// Everything that was written.
    fn take_written(&mut self) -> Written;
}

/// A reactor's questions to a store, and the answers.
pub(crate) type StoreReplies = Replies<Result<(), StorageError>>;

/// Publishes a run's shards. For one thread, which may wait.
pub(crate) trait Publisher: Send {
    /// Makes a sealed shard durable and part of the dataset, under the claim that lets one of several workers
    /// at a time publish it.
    ///
    /// # Errors
    /// The store's, with where it happened; `AlreadyExists` where something that is not ours has one of the
    /// shard's names.
    fn publish(&mut self, shard: SealedShard) -> Result<Committed, Broken>;
}

/// Keeps the dataset for a run until it is dropped: a run of a whole list has it alone, workers share it.
pub(crate) trait Hold: Send + Sync {
    /// Whether the dataset that was opened is still there and can be written to.
    ///
    /// # Errors
    /// `Output`.
    fn check(&self) -> Result<(), Error>;
}

/// A run, as far as it decides what becomes of a dataset.
pub(crate) struct Job<'a> {
    /// Its configuration.
    pub(crate) config: &'a Config,
    /// The part of its shards that this process does.
    pub(crate) assignment: Assignment,
    /// Digest of the input.
    pub(crate) input: &'a str,
    /// Files that the user named.
    pub(crate) user_files: UserFiles,
}

/// A dataset that is open for a run.
pub(crate) struct Opened {
    /// First shard of the run's input.
    pub(crate) first_shard_id: u64,
    /// Shards that are done, of any run.
    pub(crate) done: HashSet<u64>,
    /// What may not be in the dataset.
    pub(crate) redactions: Redactions,
    /// What a person should know.
    pub(crate) notes: Vec<String>,
    /// Publish the run's shards, each on a thread of its own.
    pub(crate) publishers: Vec<Box<dyn Publisher>>,
    /// Keeps others away.
    pub(crate) hold: Box<dyn Hold>,
}
