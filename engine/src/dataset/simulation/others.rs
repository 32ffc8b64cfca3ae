//! Another user of the same folder: puts files into it during runs, and checks that every one is intact.
//! Removes one only if it prevents runs from beginning.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use turbo2ds_writers::{OutputFormat, Part};

use super::{FOLDER, Files};
use crate::config::Config;
use crate::dataset::disk::simulated::Simulated;
use crate::dataset::disk::{Files as _, Kind};
use crate::dataset::names::Shape;
use crate::dataset::ownership::{Keys, Members};

/// Average number of a run's steps per file.
const STEPS_PER_FILE: u8 = 15;
/// Number of steps within which a file appears in a shard's way.
const STEPS_AHEAD: u64 = 30;
/// Names that no run uses here, in any format.
const HARMLESS: [&str; 11] = [
    "notes.txt",
    "00000.txt",
    ".backup.part",
    ".00001.tar.part",
    ".00001.zip.0123456789abcdef.part",
    "_tmp/1.feather",
    "mine/00000.tar",
    "1.tar",
    "000001.parquet",
    "00099.tar",
    "00099_stats.json",
];
/// Names in a shard's folder that none of its samples uses.
const INSIDE: [&str; 4] = ["mine.txt", "000000.jpg.bak", "000019.jpg", "00001.jpg"];

/// The other user's files, by path in the folder.
pub(super) struct Others {
    shape: Shape,
    shards: u64,
    files: Files,
    /// Files that a run's shard would have to replace, with the shard's number.
    in_the_way: BTreeMap<PathBuf, u64>,
    pub(super) may_be_in_the_way: bool,
    pub(super) may_come_into_shards: bool,
    /// A file that is scheduled to appear during the run: its path, the shard, its bytes.
    to_come: Option<(PathBuf, u64, Vec<u8>)>,
    count: u32,
}

impl Others {
    pub(super) fn new(config: &Config, shards: u64) -> Self {
        Self {
            shape: Shape::of(config),
            shards,
            files: Files::new(),
            in_the_way: BTreeMap::new(),
            may_be_in_the_way: false,
            may_come_into_shards: true,
            to_come: None,
            count: 0,
        }
    }

    /// Occasionally puts a file into the folder; `committed` shards are durable.
    pub(super) fn come(&mut self, disk: &Simulated, committed: &HashSet<u64>, random: &mut Rng) {
        if disk.is_lost() || random.u8(..STEPS_PER_FILE) != 0 {
            return;
        }
        let id = random.u64(..self.shards);
        let way = random.u8(..4);
        if way == 0 && self.may_be_in_the_way {
            self.get_in_the_way(disk, id, random);
        } else if way == 1 && self.may_come_into_shards && committed.contains(&id) {
            self.come_into_a_shard(disk, id, random);
        } else if way == 2 {
            // A name that another format would use.
            let own = self.shape.parts();
            let mut others = Part::ALL
                .into_iter()
                .filter(|part| *part != Part::Mark && !part.is_folder() && !own.contains(part));
            let part = others.next().expect("formats differ");
            self.put(disk, self.shape.name(id, part).into());
        } else {
            self.come_harmlessly(disk, random);
        }
    }

    /// Puts a file where it is in no shard's way.
    pub(super) fn come_harmlessly(&mut self, disk: &Simulated, random: &mut Rng) {
        let name = random.choice(HARMLESS).expect("there are some");
        self.put(disk, name.into());
    }

    /// Within the run's next few steps, puts a file where a shard that is not done would go.
    fn get_in_the_way(&mut self, disk: &Simulated, id: u64, random: &mut Rng) {
        let Some(path) = self.in_the_way_of(disk, id, random) else {
            return;
        };
        if self.to_come.is_none() {
            self.count += 1;
            let bytes = format!("mine {}", self.count).into_bytes();
            disk.put_after(
                random.u64(..STEPS_AHEAD),
                &Path::new(FOLDER).join(&path),
                &bytes,
            );
            self.to_come = Some((path, id, bytes));
        }
    }

    fn in_the_way_of(&self, disk: &Simulated, id: u64, random: &mut Rng) -> Option<PathBuf> {
        let there = |part| {
            let kind = disk.kind(&Path::new(FOLDER).join(self.shape.name(id, part)));
            kind.is_ok_and(|kind| kind.is_some())
        };
        let mut parts = self.shape.parts();
        parts.push(Part::Mark);
        let part = random.choice(parts).filter(|part| !there(*part))?;
        let path = PathBuf::from(self.shape.name(id, part));
        let is_free = !there(Part::Mark);
        is_free.then(|| match part {
            Part::Folder => path.join("mine.txt"),
            _ => path,
        })
    }

    /// Called after a run: the scheduled file has appeared, or is cancelled.
    pub(super) fn is_over(&mut self, disk: &Simulated) {
        disk.put_no_more();
        if let Some((path, id, bytes)) = self.to_come.take() {
            let files = disk.files(Path::new(FOLDER));
            if files.get(&path) == Some(&bytes) {
                self.files.insert(path.clone(), bytes);
                self.in_the_way.insert(path, id);
            }
        }
    }

    /// Between runs, puts a file where a shard would go.
    pub(super) fn come_between(&mut self, disk: &Simulated, random: &mut Rng) {
        let id = random.u64(..self.shards);
        if disk.exists(Path::new(FOLDER))
            && let Some(path) = self.in_the_way_of(disk, id, random)
            && self.put(disk, path.clone())
        {
            self.in_the_way.insert(path, id);
        }
    }

    fn come_into_a_shard(&mut self, disk: &Simulated, id: u64, random: &mut Rng) {
        let folder = self.shape.name(id, Part::Folder);
        let is_there = disk.kind(&Path::new(FOLDER).join(&folder));
        if self.shape.format == OutputFormat::Files
            && is_there.is_ok_and(|k| k == Some(Kind::Folder))
        {
            let name = random.choice(INSIDE).expect("there are some");
            let members = Members::new(self.shape, id, u64::MAX, Keys::Numbered);
            if !members.has_name(name) {
                self.put(disk, Path::new(&folder).join(name));
            }
        }
    }

    fn put(&mut self, disk: &Simulated, path: PathBuf) -> bool {
        self.count += 1;
        let bytes = format!("mine {}", self.count).into_bytes();
        let put = disk.put(&Path::new(FOLDER).join(&path), &bytes);
        if put {
            self.files.insert(path, bytes);
        }
        put
    }

    /// Forgets the files that do not prevent runs from beginning, and removes the others if `take_away` is set.
    /// A shard without a successful row has no folder, so one with its name is not in the way. A file that
    /// appeared in a folder that a commit had just renamed is next to the shard's files, or next to the empty
    /// mark that names them.
    pub(super) fn make_way(&mut self, disk: &Simulated, take_away: bool) {
        let folder = Path::new(FOLDER);
        let shape = self.shape;
        self.in_the_way.retain(|path, id| {
            let mark = folder.join(shape.name(*id, Part::Mark));
            let is_named = disk.read(&mark).is_ok_and(|bytes| {
                bytes.is_empty() || turbo2ds_writers::ShardStats::from_json(&bytes).is_some()
            });
            let above = path.parent().filter(|above| *above != Path::new(""));
            let is_beside = above.is_some_and(|above| {
                let entries = disk.entries(&folder.join(above)).unwrap_or_default();
                entries.len() > 1
            });
            !is_named && !is_beside
        });
        if take_away {
            for path in std::mem::take(&mut self.in_the_way).into_keys() {
                disk.take_away(&folder.join(&path));
                if let Some(above) = path.parent().filter(|above| *above != Path::new("")) {
                    disk.take_away(&folder.join(above));
                }
                self.files.remove(&path);
            }
        }
    }

    pub(super) fn are_in_the_way(&self) -> bool {
        !self.in_the_way.is_empty()
    }

    /// The files in the folder that belong to the runs.
    ///
    /// # Panics
    /// If a file of the other user is missing or has changed.
    pub(super) fn check(&self, disk: &Simulated) -> Files {
        let mut files = disk.files(Path::new(FOLDER));
        for (path, bytes) in &self.files {
            let found = files.remove(path);
            assert_eq!(
                found.as_ref(),
                Some(bytes),
                "{} of somebody",
                path.display()
            );
        }
        files
    }
}
