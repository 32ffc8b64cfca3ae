//! Owns the comparison of a dataset's files with what a version's document says of them, byte by byte. Never
//! looks into a file.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use turbo2ds_writers::{FileDigest, Part};

use super::fault::{Fault, Found};
use crate::dataset::disk::Files;
use crate::dataset::names::{Shape, shard_file};
use crate::dataset::ownership::Members;
use crate::dataset::record::Record;
use crate::dataset::shard::{digest_of_file, digest_of_folder};
use crate::dataset::version::{FileEntry, Manifest, ShardManifest};

/// A dataset that is compared with a version.
pub(super) struct Compared<'a> {
    files: &'a dyn Files,
    folder: &'a Path,
    record: &'a Record,
    version: &'a str,
    /// The version's shards by name.
    shards: BTreeMap<String, &'a ShardManifest>,
}

impl<'a> Compared<'a> {
    pub(super) fn new(
        (files, folder): (&'a dyn Files, &'a Path),
        record: &'a Record,
        manifest: &'a Manifest,
    ) -> Self {
        let shards = manifest.shards.iter().filter_map(|shard| {
            let mut stems = shard.files.keys().filter_map(|name| shard_file(name));
            stems.next().map(|(stem, _)| (stem.to_owned(), shard))
        });
        Self {
            files,
            folder,
            record,
            version: &manifest.head.version,
            shards: shards.collect(),
        }
    }

    /// The first file of a shard that is not what the version says. A shard that the version does not have has none.
    pub(super) fn shard(&self, name: &str) -> Option<Found> {
        let shard = self.shards.get(name)?;
        shard.files.iter().find_map(|(name, entry)| {
            let fault = self.file(shard.shard, name, entry).err()?;
            Some(Found {
                file: name.clone(),
                fault,
            })
        })
    }

    /// The version's shards of which nothing is there.
    pub(super) fn missing<'n>(
        mut self,
        there: impl Iterator<Item = &'n String>,
    ) -> Vec<(String, Found)> {
        for name in there {
            self.shards.remove(name);
        }
        let missing = self.shards.into_iter().filter_map(|(name, shard)| {
            let file = shard.files.keys().next()?.clone();
            let fault = Fault::Missing;
            Some((name, Found { file, fault }))
        });
        missing.collect()
    }

    fn file(&self, shard_id: u64, name: &str, entry: &FileEntry) -> Result<(), Fault> {
        let path = self.folder.join(name);
        if self.files.kind(&path)?.is_none() {
            return Err(Fault::Missing);
        }
        let is_folder = matches!(shard_file(name), Some((_, Part::Folder)));
        let there: FileEntry = match self.record.shape_of(shard_id).filter(|_| is_folder) {
            Some(shape) => self.folder(shard_id, shape, &path)?,
            None if is_folder => return Ok(()),
            None => digest_of_file(self.files, &path)?,
        }
        .into();
        let is_same = there.bytes == entry.bytes
            && there.files == entry.files
            && entry.sha256.is_none() | (there.sha256 == entry.sha256);
        if is_same {
            Ok(())
        } else {
            Err(Fault::Version(self.version.to_owned()))
        }
    }

    /// The shard's own files in its folder.
    fn folder(&self, shard_id: u64, shape: Shape, path: &Path) -> io::Result<FileDigest> {
        let members = Members::of_whole(self.files, self.folder, shape, shard_id);
        let mut names = self.files.entries(path)?;
        names.retain(|(name, kind)| members.has(name, *kind));
        let names = names.into_iter().map(|(name, _)| name);
        digest_of_folder(self.files, path, names)
    }
}
