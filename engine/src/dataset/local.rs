//! Owns a dataset on a file system, the machine's own or a simulated one, as a [`Store`]. Decides nothing by
//! itself: [`super::folder`] takes the folder over, [`super::draft`] writes, [`super::commit`] publishes.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::commit::Committer;
use super::disk::{self, Disk};
use super::draft::LocalDraft;
use super::folder::{self, Dataset};
use super::names::Shape;
use super::opening;
use super::sealed::{Broken, Committed, SealedShard};
use super::staging::Staging;
use super::store::{Draft, Job, Opened, Publisher, Store, StoreReplies};
use super::version::{Change, VersionNumber};
use crate::config::{Config, OutputConfig};
use crate::error::Error;

/// A folder with a dataset.
#[derive(Clone)]
pub(crate) struct LocalStore {
    place: Staging,
    output: OutputConfig,
}

impl LocalStore {
    /// The folder of a run with this configuration, which is this run's alone unless `shared`.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, shared: bool, config: &Config) -> Self {
        Self {
            place: Staging::new(disk, folder, shared),
            output: config.output.clone(),
        }
    }
}

/// A draft in a folder that no run has opened.
pub(crate) fn draft_in(folder: &Path) -> Box<dyn Draft> {
    let place = Staging::new(disk::real(), folder.to_owned(), false);
    Box::new(LocalDraft::new(place))
}

impl Store for LocalStore {
    fn open(&self, job: &Job) -> Result<Opened, Error> {
        let Dataset { found, hold } = Dataset::open(&self.place, job)?;
        let store = self.clone();
        let committer = Committer::new(
            self.place.clone(),
            found.record,
            Shape::of(job.config),
            found.marked,
            move |shard_id| store.is_done(shard_id),
        );
        Ok(Opened {
            first_shard_id: found.first_shard_id,
            done: found.done,
            redactions: found.redactions,
            notes: found.notes,
            publishers: vec![Box::new(committer)],
            hold,
        })
    }

    fn draft(&self, attempt: u32, _: &Rc<StoreReplies>) -> Box<dyn Draft> {
        Box::new(LocalDraft::new(self.place.for_attempt(attempt)))
    }

    fn is_done(&self, shard_id: u64) -> bool {
        opening::is_done(
            self.place.disk(),
            self.place.folder(),
            &self.output,
            shard_id,
        )
    }

    fn enter_version(&self) -> Result<Option<VersionNumber>, Error> {
        folder::enter_version(&self.place, Change::Run)
    }

    fn is_away(&self) -> bool {
        // A disk that does not answer blocks its caller.
        false
    }

    fn close(&self, limit: Duration) {
        self.place.close(limit);
    }

    fn sweep(&self) {
        folder::sweep(&self.place);
    }
}

impl<D: Fn(u64) -> bool + Send> Publisher for Committer<D> {
    fn publish(&mut self, shard: SealedShard) -> Result<Committed, Broken> {
        self.commit(&shard)
    }
}
