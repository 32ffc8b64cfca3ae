//! Owns writing one shard anew without the samples that are to go, as part of a change. Never makes the change.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;

use turbo2ds_writers::{
    FileDigest, Part, RewriteError, ShardFile, ShardStats, Stage, Status, Tombstone,
    parquet_without, tar_without, tfrecord_without,
};

use super::file::NewFile;
use super::rows::Hit;
use crate::dataset::change::Draft;
use crate::dataset::disk::Disk;
use crate::dataset::names::Shape;
use crate::dataset::ownership::Standing;
use crate::dataset::shard::digest_of_folder;
use crate::dataset::version::ShardManifest;

/// A shard that is written anew.
pub(super) struct Rewriting<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) standing: &'a Standing<'a>,
    pub(super) shape: Shape,
    pub(super) shard_id: u64,
    pub(super) stats: ShardStats,
    pub(super) hits: &'a [Hit],
    pub(super) tombstone: &'a Tombstone,
}

/// What was written of a shard.
pub(super) struct Rewritten {
    pub(super) manifest: ShardManifest,
    /// Bytes of its new files.
    pub(super) bytes: u64,
}

impl Rewriting<'_> {
    /// Writes the shard's new files into the draft of a change.
    ///
    /// # Errors
    /// Why the shard cannot be read, or written anew.
    pub(super) fn write(self, draft: &mut Draft) -> Result<Rewritten, RewriteError> {
        let mut files = BTreeMap::new();
        for file in self.shape.format.files() {
            let name = self.shape.name(self.shard_id, file.part);
            if let Some(digest) = self.write_file(*file, &name, draft)? {
                files.insert(name, digest);
            }
        }
        let written: u64 = files
            .values()
            .filter(|digest| digest.files.is_none())
            .map(|digest| digest.bytes)
            .sum();
        let stats = self.stats_after(files);
        let mark = stats.to_json();
        let name = self.shape.name(self.shard_id, Part::Mark);
        let path = draft.replace(&name);
        self.disk.write(&path, &mark)?;
        let bytes = written + mark.len() as u64;
        Ok(Rewritten {
            manifest: ShardManifest::of_mark(self.shard_id, &name, &mark, stats),
            bytes,
        })
    }

    /// Writes one of the shard's files anew; `None` if it stays as it is.
    fn write_file(
        &self,
        file: ShardFile,
        name: &str,
        draft: &mut Draft,
    ) -> Result<Option<FileDigest>, RewriteError> {
        let path = self.path(name);
        let keys = self.keys();
        // A shard whose rows all failed has samples of none of them.
        if !file.is_metadata && keys.is_empty() {
            return Ok(None);
        }
        if file.part.is_folder() {
            return self.take_loose(name, &keys, draft);
        }
        let mut new = NewFile::create(self.disk, draft.replace(name))?;
        match (file.part, file.is_metadata) {
            (Part::Tar, _) => tar_without(self.disk.stream(&path)?, &keys, &mut new)?,
            (Part::Tfrecord, _) => {
                tfrecord_without(
                    io::BufReader::new(self.disk.stream(&path)?),
                    &keys,
                    &mut new,
                )?;
            }
            (_, true) => {
                let image = file.is_stream.then_some(self.shape.image_ext);
                let rows: HashSet<u64> = self.hits.iter().map(|hit| hit.row).collect();
                let table = self.disk.random(&path)?;
                parquet_without(table, &rows, self.tombstone, image, &mut new)?;
            }
            _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        }
        Ok(Some(new.finish()?))
    }

    /// Has the loose files of samples go.
    fn take_loose(
        &self,
        folder: &str,
        keys: &HashSet<&str>,
        draft: &mut Draft,
    ) -> Result<Option<FileDigest>, RewriteError> {
        let path = self.path(folder);
        let members = self.standing.members(self.shard_id, self.shape)?;
        let (mut stays, mut gone) = (Vec::new(), HashSet::new());
        for (name, kind) in self.disk.entries(&path)? {
            if !members.has(&name, kind) {
                continue;
            }
            let key = name.split_once('.').map_or(&*name, |(key, _)| key);
            if let Some(key) = keys.get(key) {
                gone.insert(*key);
                draft.remove(&format!("{folder}/{name}"));
            } else {
                stays.push(name);
            }
        }
        if gone.len() < keys.len() {
            return Err(RewriteError::Missing(keys.len() - gone.len()));
        }
        Ok(Some(digest_of_folder(self.disk, &path, stays)?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.standing.folder().join(name)
    }

    /// Keys of the samples that go.
    fn keys(&self) -> HashSet<&str> {
        let samples = self.hits.iter().filter(|hit| hit.status == Status::Success);
        samples.filter_map(|hit| hit.key.as_deref()).collect()
    }

    /// The shard's statistics, when its files are these; those that are not among them stay.
    fn stats_after(&self, files: BTreeMap<String, FileDigest>) -> ShardStats {
        let mut stats = self.stats.clone();
        for hit in self.hits {
            let count = match hit.status {
                Status::Success => &mut stats.successes,
                Status::Failed(Stage::Download) => &mut stats.failed_to_download,
                Status::Failed(Stage::Resize) => &mut stats.failed_to_resize,
            };
            *count = count.saturating_sub(1);
            stats.failed_to_download += 1;
            if let Some(count) = stats.status_dict.get_mut(&hit.end) {
                *count = count.saturating_sub(1);
            }
            let text = self.tombstone.text.clone();
            *stats.status_dict.entry(text).or_default() += 1;
        }
        stats.status_dict.retain(|_, count| *count > 0);
        // A mark of an older version names no files, and goes on so: what it does not name it may not deny.
        if !stats.files.is_empty() {
            stats.files.extend(files);
            let has_samples = stats.successes > 0;
            let formats = self.shape.format.files().iter();
            for file in formats.filter(|file| !file.is_made(has_samples)) {
                stats
                    .files
                    .remove(&self.shape.name(self.shard_id, file.part));
            }
        }
        stats
    }
}
