//! Owns writing one shard anew without the samples that are to go, as part of a change. Never makes the change.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use ring::digest::{SHA256, digest};
use turbo2ds_writers::{
    FileDigest, OutputFormat, Part, RewriteError, ShardFile, ShardStats, Stage, Status, Tombstone,
    parquet_without, tar_without, tfrecord_without,
};

use super::file::NewFile;
use super::rows::Hit;
use crate::config::HashKind;
use crate::dataset::change::Draft;
use crate::dataset::digest::hex_digest;
use crate::dataset::disk::{Disk, Kind};
use crate::dataset::names::Shape;
use crate::dataset::ownership::Standing;
use crate::dataset::shard::folder_digest;
use crate::dataset::version::{FileEntry, ShardManifest};

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
            manifest: self.manifest(stats, name, &mark),
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
                parquet_without(self.disk.random(&path)?, &self.rows(), image, &mut new)?;
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
        let mut names = self.disk.entries(&path)?;
        names.retain(|(name, kind)| *kind == Kind::File && members.has(name, *kind));
        names.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (mut bytes, mut stays, mut gone) = (0, Vec::new(), HashSet::new());
        for (name, _) in names {
            let key = name.split_once('.').map_or(&*name, |(key, _)| key);
            if let Some(key) = keys.get(key) {
                gone.insert(*key);
                draft.remove(&format!("{folder}/{name}"));
                continue;
            }
            let content = self.disk.read(&path.join(&name))?;
            bytes += content.len() as u64;
            stays.push((name, digest(&SHA256, &content)));
        }
        if gone.len() < keys.len() {
            return Err(RewriteError::Missing(keys.len() - gone.len()));
        }
        let lines = stays
            .iter()
            .map(|(name, sum)| (name.as_str(), sum.as_ref()));
        Ok(Some(folder_digest(bytes, lines)))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        let folder: &Path = self.standing.folder();
        folder.join(name)
    }

    /// Keys of the samples that go.
    fn keys(&self) -> HashSet<&str> {
        let samples = self.hits.iter().filter(|hit| hit.status == Status::Success);
        samples.filter_map(|hit| hit.key.as_deref()).collect()
    }

    fn rows(&self) -> HashMap<u64, Tombstone> {
        let rows = self
            .hits
            .iter()
            .map(|hit| (hit.row, self.tombstone.clone()));
        rows.collect()
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

    fn manifest(&self, stats: ShardStats, mark_name: String, mark: &[u8]) -> ShardManifest {
        let mark = FileEntry {
            files: None,
            bytes: mark.len() as u64,
            sha256: Some(hex_digest(HashKind::Sha256, mark)),
        };
        let files = stats
            .files
            .into_iter()
            .map(|(name, digest)| (name, digest.into()));
        ShardManifest {
            shard: self.shard_id,
            rows: stats.count,
            samples: stats.successes,
            files: files.chain([(mark_name, mark)]).collect(),
        }
    }
}

/// Whether shards of a format have rows that can be taken out.
pub(super) fn has_rows(format: OutputFormat) -> bool {
    format.metadata().is_some()
}
