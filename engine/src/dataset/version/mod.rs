//! Owns the versions of a dataset: what each consists of ([`manifest`]), how they are numbered ([`number`]), and
//! which there are ([`history`], [`log`]). A version is entered when a run of a whole list has ended and its shards are other
//! than those of the version before; its document is `.turbo2ds/versions/NUMBER.jsonl`. Never changes a shard.

mod history;
pub(crate) mod log;
mod manifest;
mod number;

pub(crate) use history::{
    VERSIONS, document_name, document_path, latest, next, next_with, numbers, read, torn,
};
pub(crate) use manifest::{Change, FileEntry, Manifest, ShardManifest};
pub use number::VersionNumber;
