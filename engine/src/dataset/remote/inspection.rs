//! Owns a look at a dataset in a store for one who verifies it: what is there, what interrupted runs left, and, for a
//! repair, the marks that are taken away. Never reads a shard: [`crate::dataset::verify`] does.

use std::path::PathBuf;
use std::sync::Arc;

use turbo2ds_writers::{Part, shard_name};

use super::claim::Taken;
use super::opening::{ask, enter_version, join, note_claims, snapshot_of};
use super::place::Place;
use super::removal::ClearedStanding;
use super::snapshot::Snapshot;
use super::{RECORD_CLAIM, Run};
use crate::dataset::disk::Files;
use crate::dataset::names::{Shape, shard_file};
use crate::dataset::ownership::Standing;
use crate::dataset::version::{Change, VersionNumber};
use crate::error::Error;
use crate::net::storage::{Kind, Objects};

/// What is read of a dataset's own files, and the folder that their paths begin with.
///
/// # Errors
/// `Output`: the store's.
pub(in crate::dataset) fn read_only(
    objects: Objects,
) -> Result<(impl Files + use<>, PathBuf), Error> {
    let run = Arc::new(Run::new(Place::new(objects), false, None));
    contact(&run)?;
    let folder = run.place.folder().to_owned();
    Ok((Snapshot::unlooked(&run.place), folder))
}

fn contact(run: &Arc<Run>) -> Result<(), Error> {
    let place = run.place.clone();
    ask(run, |_| {
        Box::pin(async move { place.objects.first_contact(place.root()).await })
    })
}

/// A dataset as it was found.
pub(in crate::dataset) struct Inspection {
    run: Arc<Run>,
    snapshot: Snapshot,
    uploads: u64,
}

impl Inspection {
    /// Looks at the dataset where `objects` was opened. A repair needs it alone.
    ///
    /// # Errors
    /// `Output` for the store's errors, and if a repair is refused because a run is at work.
    pub(in crate::dataset) fn open(objects: Objects, repairs: bool) -> Result<Self, Error> {
        let run = Arc::new(Run::new(Place::new(objects), false, None));
        contact(&run)?;
        if repairs {
            join(&run)?;
        }
        let uploads = ask(&run, |run| {
            Box::pin(async move {
                let found = run
                    .place
                    .objects
                    .unfinished_uploads(run.place.root())
                    .await?;
                let names = found.into_iter().flatten();
                let ours = names.filter(|upload| {
                    let name = run.place.name_of(&upload.key);
                    name.is_some_and(|name| shard_file(name).is_some())
                });
                Ok(ours.count() as u64)
            })
        })?;
        let snapshot = snapshot_of(&run, None)?;
        note_claims(&run, &snapshot);
        Ok(Self {
            run,
            snapshot,
            uploads,
        })
    }

    /// What is there.
    ///
    /// # Errors
    /// `Output` for a record that is not ours, and the store's errors.
    pub(in crate::dataset) fn standing(&self) -> Result<Standing<'_>, Error> {
        self.snapshot.read_standing()
    }

    /// Enters the dataset as it is now among its versions, unless it is the latest one still.
    ///
    /// # Errors
    /// `Output`: the store's, and versions that cannot be read.
    pub(in crate::dataset) fn enter_version(
        &self,
        change: Change,
    ) -> Result<Option<VersionNumber>, Error> {
        enter_version(&self.run, change)
    }

    /// Uploads and claims that interrupted runs left.
    pub(in crate::dataset) fn left_over(&self) -> u64 {
        let claims = self.snapshot.claims.iter();
        self.uploads + claims.filter(|(name, _)| name != RECORD_CLAIM).count() as u64
    }

    /// Removes what interrupted runs left.
    ///
    /// # Errors
    /// `Output`: the store's.
    pub(in crate::dataset) fn clear(&self, standing: &Standing) -> Result<(), Error> {
        let folder = self.run.place.folder();
        let cleared = ClearedStanding::of(&self.snapshot, standing);
        let cleared = cleared.map_err(|error| Error::output_io(folder, error))?;
        ask(&self.run, |run| {
            Box::pin(async move { run.clear(&cleared).await })
        })
    }

    /// Takes a shard's mark away. A claim stays in its place: its files remain the dataset's own, and the next run
    /// does the shard again.
    ///
    /// # Errors
    /// `Output`: the store's.
    pub(in crate::dataset) fn withdraw(&self, shard_id: u64, shape: Shape) -> Result<(), Error> {
        ask(&self.run, |run| {
            Box::pin(async move {
                let name = shard_name(shard_id, shape.shard_digits);
                let Taken::Held(_) = run.claim(&name).await? else {
                    return Err(run.cannot(Kind::Conflict, "repair", &name));
                };
                run.remove_all([shape.name(shard_id, Part::Mark)]).await
            })
        })
    }

    /// Ends a repair.
    ///
    /// # Errors
    /// `Output`: the store's.
    pub(in crate::dataset) fn end(&self) -> Result<(), Error> {
        ask(&self.run, |run| {
            Box::pin(async move { run.lease()?.end().await })
        })
    }
}
