//! Owns what is on disk: a dataset's folder, its files and their names, the record of the runs that made it, and
//! every step by which files are created, published, read back and removed. Never fetches and never decodes.
//!
//! [`store`] is the seam to where it is kept, [`local`] a folder on a file system and [`remote`] a store that is
//! reached over the network. [`opening`] decides what a run may do with what is there. In a folder, [`folder`] opens it for a run,
//! [`shard`] lays one shard out, [`draft`] writes it under temporary names ([`staging`]), [`sealed`] is what is
//! handed on, [`commit`] makes it durable. [`ownership`] tells which files are the dataset's own, by
//! their [`names`], the [`record`] and the marks. [`verify`] reads everything back.

pub(crate) mod change;
pub(crate) mod commit;
pub(crate) mod digest;
pub(crate) mod disk;
mod draft;
pub(crate) mod folder;
pub(crate) mod gate;
pub(crate) mod layout;
pub(crate) mod local;
pub(crate) mod names;
mod opening;
pub(crate) mod ownership;
pub(crate) mod record;
pub(crate) mod redact;
mod remote;
pub(crate) mod sealed;
pub(crate) mod shard;
#[cfg(test)]
mod simulation;
pub(crate) mod staging;
pub(crate) mod store;
#[cfg(test)]
pub(crate) mod testing;
pub mod verify;
pub(crate) mod version;

use std::sync::Arc;

use crate::config::{Config, Location};
use crate::error::Error;
use crate::net::storage;
pub use names::RECORD_NAME;
pub use redact::{ListKind, REASON_BYTES_MAX, RedactOptions};
pub use remote::{StoreReader, StoredFile};
pub use version::VersionNumber;
pub use version::log::VersionOptions;

/// The store of a run with this configuration. The dataset is the run's alone, unless `shared`.
///
/// # Errors
/// `Usage` if the store cannot be used as it is configured.
pub(crate) fn store_of(config: &Config, shared: bool) -> Result<Arc<dyn store::Store>, Error> {
    Ok(match &config.output.location {
        Location::Local(folder) => {
            let folder = folder.clone();
            Arc::new(local::LocalStore::new(disk::real(), folder, shared, config))
        }
        Location::Remote(url) => {
            let objects = storage::open(url, &config.storage)?;
            Arc::new(remote::RemoteStore::new(objects, shared, config))
        }
    })
}

/// A record's document of any version, in the version that is written now.
///
/// # Errors
/// What keeps it from being read, in words.
pub fn read_record(document: &[u8]) -> Result<String, String> {
    let record = record::Record::parse(document).map_err(|unread| unread.to_string())?;
    record.to_document().map_err(|error| error.to_string())
}
