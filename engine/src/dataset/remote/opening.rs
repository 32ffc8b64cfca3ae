//! Owns the start of a run on a dataset in a store: who else is there, what is there and whose it is, what dead
//! runs left, and the record. Decides nothing that a folder on a file system would not decide the same way:
//! that is [`crate::dataset::opening`].

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::lease::{Lease, Other};
use super::removal::{ClearedStanding, OwnShard};
use super::snapshot::Snapshot;
use super::{Place, RECORD_CLAIM, Run};
use crate::config::{IncrementalMode, Location};
use crate::dataset::names::RECORD_NAME;
use crate::dataset::opening::note_of_overwrite;
use crate::dataset::ownership::Standing;
use crate::dataset::record::Record;
use crate::dataset::redact::Redactions;
use crate::dataset::store::Job;
use crate::dataset::version::{self, Change, VersionNumber};
use crate::error::Error;
use crate::net::storage::{Put, StorageError};

/// How often in a row the folder is looked at before a worker is refused while others run: each of them may
/// publish a shard while the folder is listed.
const LOOKS: usize = 3;

/// What a run finds.
pub(super) struct Found {
    /// First shard of the run's input.
    pub(super) first_shard_id: u64,
    /// Complete shards of any run.
    pub(super) done: HashSet<u64>,
    /// What may not be in the dataset.
    pub(super) redactions: Redactions,
    /// Notes for the user.
    pub(super) notes: Vec<String>,
}

/// Opens the dataset for a run.
///
/// # Errors
/// Those of [`crate::dataset::store::Store::open`].
pub(super) fn open(run: &Arc<Run>, job: &Job) -> Result<Found, Error> {
    let place = &run.place;
    job.user_files.check_folder(place.folder())?;
    let contact = place.clone();
    ask(run, move |_| {
        Box::pin(async move { contact.objects.first_contact(contact.root()).await })
    })?;
    check_list(run, job)?;
    // Everything that can be refused is refused before the first object is written.
    let snapshot = look(run, job, None)?;
    if run.shared
        && !ask(run, |run| {
            Box::pin(async move { run.keeps_conditions().await })
        })?
    {
        return Err(Error::output(
            format!(
                "{} does not keep the condition that an object is created once: several workers could \
                 publish the same shard",
                place.folder().display()
            ),
            "let one process write the whole dataset, or use a store that has If-None-Match",
        ));
    }
    join(run)?;
    let opened = take_over(run, job, snapshot);
    if opened.is_err() {
        // Nothing was begun: the run is forgotten at once.
        let _ = ask(run, |run| Box::pin(async move { run.sweep().await }));
    }
    opened
}

/// Refuses to overwrite a dataset whose folder holds the list: a list may be a shard's metadata.
fn check_list(run: &Run, job: &Job) -> Result<(), Error> {
    let Ok(Location::Remote(list)) = Location::of(&job.config.input.url_list) else {
        return Ok(());
    };
    let ours = run.place.objects.url();
    let same_store = (list.kind(), list.authority()) == (ours.kind(), ours.authority());
    let within = same_store && run.place.name_of(list.path()).is_some();
    if job.mode() != IncrementalMode::Overwrite || !within {
        return Ok(());
    }
    Err(Error::output(
        format!(
            "the list {list} is in {}, whose shards overwrite removes",
            run.place.folder().display()
        ),
        "choose another output_folder; nothing was written",
    ))
}

/// Enters the dataset as it is now among its versions, unless it is the latest one still.
///
/// # Errors
/// `Output`: the store's, and versions that cannot be read.
pub(super) fn enter_version(
    run: &Arc<Run>,
    change: Change,
) -> Result<Option<VersionNumber>, Error> {
    let snapshot = snapshot_of(run, None)?;
    let standing = snapshot.read_standing()?;
    let Some(manifest) = version::next(&standing, change)? else {
        return Ok(None);
    };
    let document = manifest
        .to_document()
        .map_err(|error| Error::output_io(run.place.folder(), error.into()))?;
    let number = manifest.number();
    if let Some(number) = number {
        let key = run.place.key(&version::document_path(number));
        ask(run, |run| {
            Box::pin(async move { run.put_same(&run.writing(), &key, document.into()).await })
        })?;
    }
    Ok(number)
}

/// Asks the store on its thread.
pub(super) fn ask<T: Send + 'static>(
    run: &Arc<Run>,
    work: impl FnOnce(Arc<Run>) -> BoxFuture<'static, Result<T, StorageError>>,
) -> Result<T, Error> {
    let asked = run.place.objects.wait(|_| work(run.clone()));
    asked.map_err(StorageError::of_output)
}

pub(super) fn snapshot_of(run: &Arc<Run>, before: Option<Snapshot>) -> Result<Snapshot, Error> {
    let place: Place = run.place.clone();
    ask(run, move |_| {
        Box::pin(async move { Snapshot::take(&place, before).await })
    })
}

/// Looks at the folder and refuses the run if it would change what is not its own.
fn look(run: &Arc<Run>, job: &Job, mut before: Option<Snapshot>) -> Result<Snapshot, Error> {
    let looks = if run.shared { LOOKS } else { 1 };
    let mut looked = 0;
    loop {
        let snapshot = snapshot_of(run, before)?;
        looked += 1;
        let checked = snapshot
            .read_standing()
            .and_then(|standing| job.check(&standing).map(drop));
        match checked {
            Ok(()) => return Ok(snapshot),
            Err(error) if looked == looks => return Err(error),
            Err(_) => before = Some(snapshot),
        }
    }
}

/// Makes the run known, and refuses it if another one has the dataset.
pub(super) fn join(run: &Arc<Run>) -> Result<(), Error> {
    let (place, word, alone) = (run.place.clone(), run.word.clone(), !run.shared);
    let (lease, others) = ask(run, move |_| {
        Box::pin(async move {
            let lease = Lease::begin(place, word, alone).await?;
            let others = lease.others().await?;
            for dead in others.iter().filter(|other| !other.is_live) {
                lease.forget(&dead.word).await?;
            }
            Ok((lease, others))
        })
    })?;
    // A run is opened once.
    let _ = run.lease.set(lease);
    let excludes = |other: &&Other| other.is_live && (other.alone || !run.shared);
    let Some(other) = others.iter().find(excludes) else {
        return Ok(());
    };
    let refused = Error::output(
        format!(
            "another run is writing to {}; it was heard of {} s ago",
            run.place.folder().display(),
            other.age.as_secs()
        ),
        "wait for it, or choose another output_folder; a run that was killed on another machine counts as \
         living for three minutes",
    );
    let _ = ask(run, |run| Box::pin(async move { run.sweep().await }));
    Err(refused)
}

fn take_over(run: &Arc<Run>, job: &Job, before: Snapshot) -> Result<Found, Error> {
    let folder = run.place.folder();
    let out = |error: io::Error| Error::output_io(folder, error);
    // One worker at a time reads the record and adds to it.
    let claim = ask(run, |run| {
        Box::pin(async move { run.claim_in_turn(RECORD_CLAIM).await })
    })?;
    let mut snapshot = look(run, job, Some(before))?;
    note_claims(run, &snapshot);
    let mut notes = Vec::new();
    if !run.shared {
        let cleared = {
            let standing = snapshot.read_standing()?;
            ClearedStanding::of(&snapshot, &standing).map_err(out)?
        };
        ask(run, |run| {
            Box::pin(async move { run.clear(&cleared).await })
        })?;
        snapshot = snapshot_of(run, Some(snapshot))?;
    }
    let mut record = snapshot.read_standing()?.record;
    if job.mode() == IncrementalMode::Overwrite {
        let (note, shards) = {
            let standing = snapshot.read_standing()?;
            (
                note_of_overwrite(&standing).map_err(out)?,
                owned(&snapshot, &standing).map_err(out)?,
            )
        };
        notes.extend(note);
        ask(run, |run| {
            Box::pin(async move { run.remove_dataset(shards).await })
        })?;
        record = Record::default();
        snapshot = snapshot_of(run, None)?;
    }
    let standing = snapshot.standing(record.clone()).map_err(out)?;
    let done = job.done(&standing);
    let first_shard_id = job.place_of(&standing)?;
    let numbers: BTreeSet<u64> = standing.numbers().collect();
    job.warn_of_unrecorded(&record, &numbers, folder);
    if job.enter_in(&mut record, first_shard_id, &numbers) {
        let text = record.to_document().map_err(|error| out(error.into()))?;
        let key = run.place.key(RECORD_NAME);
        ask(run, move |run| {
            Box::pin(async move {
                run.place
                    .objects
                    .put(&key, text.into_bytes(), Put::Replace)
                    .await
            })
        })?;
    }
    let standing = snapshot.standing(record).map_err(out)?;
    run.state().marked = job.marked(&standing, &numbers, &done).map_err(out)?;
    ask(run, |run| Box::pin(async move { run.release(claim).await }))?;
    let redactions = Redactions::read(&snapshot, folder)?;
    Ok(Found {
        first_shard_id,
        done,
        redactions,
        notes,
    })
}

/// Takes note of the claims that stand.
pub(super) fn note_claims(run: &Run, snapshot: &Snapshot) {
    for (name, generation) in &snapshot.claims {
        if name != RECORD_CLAIM {
            run.found_claim(name, *generation);
        }
    }
}

/// Shards that are the dataset's own: those with a mark of ours, and those that a dead run claimed.
fn owned(snapshot: &Snapshot, standing: &Standing) -> io::Result<Vec<OwnShard>> {
    let numbers: BTreeSet<u64> = standing.numbers().chain(snapshot.claimed()).collect();
    let claimed: HashSet<u64> = snapshot.claimed().collect();
    let mut shards = Vec::new();
    for shard_id in numbers {
        if claimed.contains(&shard_id) || standing.is_marked(shard_id)? {
            shards.extend(OwnShard::of(standing, shard_id)?);
        }
    }
    Ok(shards)
}
