//! Somebody else at the same folder: puts files into it while runs go on, and finds every one again. Takes
//! one away only where it keeps runs from beginning.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use turbo2ds_writers::{OutputFormat, Part};

use super::{FOLDER, Files};
use crate::config::Config;
use crate::dataset::disk::simulated::Simulated;
use crate::dataset::disk::{Disk, Kind};
use crate::dataset::names::Shape;
use crate::dataset::ownership::{Keys, Members};

/// Steps of a run for one file.
const STEPS_PER_FILE: u8 = 15;
/// Steps within which one is in the way.
const STEPS_AHEAD: u64 = 30;
/// What no run of any format takes here.
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
/// Names in the folder of a shard that no sample of it has.
const INSIDE: [&str; 4] = ["mine.txt", "000000.jpg.bak", "000019.jpg", "00001.jpg"];

/// Files by their path in the folder.
pub(super) struct Others {
    shape: Shape,
    shards: u64,
    files: Files,
    /// Those that a run's shard would have to replace.
    in_the_way: BTreeMap<PathBuf, u64>,
    pub(super) may_be_in_the_way: bool,
    pub(super) may_come_into_shards: bool,
    /// One that comes while a run goes on: its path, the shard, its bytes.
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

    /// Puts a file into the folder now and then; `committed` shards are durable.
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
            // A file that another format would take.
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

    /// Puts a file where it is in nobody's way.
    pub(super) fn come_harmlessly(&mut self, disk: &Simulated, random: &mut Rng) {
        let name = random.choice(HARMLESS).expect("there are some");
        self.put(disk, name.into());
    }

    /// Puts a file where a shard that is not done would go, within the run's next few steps.
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

    /// The run is over: what was to come has come, or does not.
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

    /// Puts a file where a shard would go while no run is at the folder.
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

    /// Takes away what keeps runs from beginning, or forgets what does not: a shard without a success has no
    /// folder, so that one of its name is in nobody's way, and what came into a folder that a commit had just
    /// given its name is there beside the shard's files, or beside the empty mark that names them.
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

    /// The files of the folder that are the runs'.
    ///
    /// # Panics
    /// Where somebody's file is gone or has other bytes.
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
