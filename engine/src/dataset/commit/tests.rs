//! Tests commits on a real folder and on a simulated disk: what they leave, what they refuse, and what is
//! taken back.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use turbo2ds_writers::{OutputFormat, Part, ShardStats};

use super::*;
use crate::dataset::disk::simulated::{Simulated, Syncs};
use crate::dataset::disk::{self, Disk, Files as _};
use crate::dataset::folder::sweep;
use crate::dataset::names::RECORD_NAME;
use crate::dataset::ownership::Standing;
use crate::dataset::sealed::{Broken, Committed, Placed, Written};
use crate::dataset::staging::Staging;
use crate::dataset::testing::{record, shape};

/// More steps than a commit takes.
const STEPS: u64 = 30;

type IsDone = Box<dyn Fn(u64) -> bool>;

/// A folder with a record, and the committer of one run into it.
/// A shard's files.
fn placed(shard: &mut SealedShard) -> &mut Vec<Placed> {
    match &mut shard.written {
        Written::Files(placed) => placed,
        Written::Objects(_) => panic!("the shard is in a folder"),
    }
}

struct Run {
    place: Staging,
    format: OutputFormat,
    committer: Committer<IsDone>,
}

impl Run {
    fn new(disk: Arc<dyn Disk>, folder: &Path, format: OutputFormat, shared: bool) -> Self {
        Self::again(disk, folder, format, shared, &[])
    }

    /// A run that finds our marks in the folder.
    fn again(
        disk: Arc<dyn Disk>,
        folder: &Path,
        format: OutputFormat,
        shared: bool,
        marked: &[u64],
    ) -> Self {
        let place = Staging::new(disk, folder.to_owned(), shared);
        let text = record(format).to_document().unwrap();
        place
            .disk()
            .write(&folder.join(RECORD_NAME), text.as_bytes())
            .unwrap();
        let mark = folder.join("00000_stats.json");
        let looked_at = place.clone();
        let is_done: IsDone = Box::new(move |_| looked_at.disk().exists(&mark));
        let marked: HashSet<u64> = marked.iter().copied().collect();
        Self {
            committer: Committer::new(
                place.clone(),
                record(format),
                shape(format),
                marked,
                is_done,
            ),
            place,
            format,
        }
    }

    fn real(folder: &tempfile::TempDir, format: OutputFormat) -> Self {
        Self::new(disk::real(), folder.path(), format, false)
    }

    /// Shard 0 with its files under the temporary names of one try. Each file holds `bytes`.
    fn seal(&self, attempt: u32, bytes: &[u8]) -> SealedShard {
        let place = self.place.for_attempt(attempt);
        let disk = place.disk();
        let shape = shape(self.format);
        let placed = shape.parts().into_iter().map(|part| {
            let name = shape.name(0, part);
            let temporary = place.temporary(&name);
            let folder = part == Part::Folder;
            if folder {
                disk.make_folder(&temporary).unwrap();
                for member in ["000000.jpg", "000000.json", "000003.jpg"] {
                    disk.write(&temporary.join(member), bytes).unwrap();
                }
            } else {
                disk.write(&temporary, bytes).unwrap();
            }
            Placed {
                temporary,
                target: place.folder().join(name),
                stream: false,
                folder,
            }
        });
        SealedShard {
            owner: 0,
            slot: 0,
            shard_id: 0,
            attempt,
            rows: 10,
            keys: None,
            written: Written::Files(placed.collect()),
            stream_bytes: 0,
            stats: ("00000_stats.json".to_owned(), mark()),
        }
    }

    fn commit(&mut self, bytes: &[u8]) -> Result<Committed, Broken> {
        let sealed = self.seal(0, bytes);
        self.committer.commit(&sealed)
    }
}

/// A whole mark with successes.
fn mark() -> Vec<u8> {
    let stats = ShardStats {
        count: 10,
        successes: 10,
        status_dict: [("success".to_owned(), 10)].into(),
        ..ShardStats::default()
    };
    stats.to_json()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != RECORD_NAME).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_stream_is_cut_to_its_true_length_and_its_mark_comes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::real(&folder, OutputFormat::Webdataset);
    let mut shard = run.seal(0, b"data\0\0\0\0");
    placed(&mut shard)[0].stream = true;
    shard.stream_bytes = 4;
    assert_eq!(run.committer.commit(&shard).unwrap(), Committed::Here);
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("00000.tar"), b"data");
    assert_eq!(read("00000_stats.json"), mark());
    let expected = set(&["00000.tar", "00000.parquet", "00000_stats.json"]);
    assert_eq!(names(folder.path()), expected, "nothing temporary is left");
}

#[test]
fn a_commit_costs_three_syncs_of_the_folder_and_one_of_each_file() {
    let folder = Path::new("/out");
    for format in OutputFormat::ALL {
        // Loose files are synced together with the whole file system.
        let one_by_one = format.files().iter().filter(|file| !file.part.is_folder());
        let files = one_by_one.count() as u64 + 1;
        let disk = Simulated::new(1);
        disk.make_folder(folder).unwrap();
        let mut run = Run::new(Arc::new(disk.clone()), folder, format, false);
        assert_eq!(disk.syncs(), Syncs::default());
        run.commit(b"data").unwrap();
        // One sync before the intent, one for the names before the mark, and one for the mark.
        let folders = if format.files().is_empty() { 1 } else { 3 };
        assert_eq!(disk.syncs(), Syncs { files, folders }, "{format:?}");
    }
}

#[test]
fn a_commit_that_fails_leaves_no_mark_and_what_it_renamed_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::real(&folder, OutputFormat::Webdataset);
    let shard = run.seal(0, b"data");
    // The rename of the metadata fails: its target is in a folder that does not exist.
    let mut broken = run.seal(0, b"data");
    placed(&mut broken)[1].target = folder.path().join("gone/00000.parquet");
    assert!(run.committer.commit(&broken).is_err());
    let left = names(folder.path());
    assert!(left.contains("00000.tar") && !left.contains("00000_stats.json"));
    sweep(&run.place);
    assert_eq!(names(folder.path()), set(&[]), "after {left:?}");
    drop(shard);
}

#[test]
fn the_next_try_of_a_shard_takes_back_what_the_one_before_left() {
    for format in [
        OutputFormat::Webdataset,
        OutputFormat::Files,
        OutputFormat::Tfrecord,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::real(&folder, format);
        let mut first = run.seal(0, b"first");
        placed(&mut first)[1].target = folder.path().join("gone/00000.parquet");
        assert!(run.committer.commit(&first).is_err());
        let second = run.seal(1, b"second");
        assert_eq!(run.committer.commit(&second).unwrap(), Committed::Here);
        let data = fs::read(folder.path().join("00000.parquet")).unwrap();
        assert_eq!(data, b"second");
        let shape = shape(format);
        let data = folder.path().join(shape.name(0, shape.parts()[0]));
        let member = match format {
            OutputFormat::Files => data.join("000003.jpg"),
            _ => data,
        };
        assert_eq!(fs::read(member).unwrap(), b"second");
        sweep(&run.place);
        assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
    }
}

#[test]
fn what_is_in_the_way_stays_and_ends_the_commit() {
    for (format, name) in [
        (OutputFormat::Webdataset, "00000.tar"),
        (OutputFormat::Webdataset, "00000.parquet"),
        (OutputFormat::Webdataset, "00000_stats.json"),
        (OutputFormat::Parquet, "00000.parquet"),
        (OutputFormat::Files, "00000/mine.txt"),
        (OutputFormat::Files, "00000/000000.jpg"),
        (OutputFormat::Tfrecord, "00000.tfrecord"),
        (OutputFormat::Dummy, "00000_stats.json"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::real(&folder, format);
        let mine = folder.path().join(name);
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, "mine").unwrap();
        let (path, error) = run.commit(b"ours").expect_err("something is in the way");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{name}");
        assert!(path.starts_with(folder.path()), "{}", path.display());
        sweep(&run.place);
        assert_eq!(fs::read(&mine).unwrap(), b"mine", "{name}");
        let top = name.split('/').next().unwrap();
        assert_eq!(names(folder.path()), set(&[top]), "nothing of ours is left");
    }
}

#[test]
fn a_file_that_comes_at_any_moment_of_a_commit_stays() {
    let folder = Path::new("/out");
    let mut met = 0;
    for name in ["00000.tar", "00000.parquet", "00000_stats.json"] {
        let mine = folder.join(name);
        for steps in 0..STEPS {
            let disk = Simulated::new(1);
            disk.make_folder(folder).unwrap();
            let format = OutputFormat::Webdataset;
            let mut run = Run::new(Arc::new(disk.clone()), folder, format, false);
            let shard = run.seal(0, b"ours");
            disk.put_after(steps, &mine, b"mine");
            let committed = run.committer.commit(&shard);
            disk.put_no_more();
            if disk.read(&mine).unwrap() != b"mine" {
                committed.expect("nothing was in the way");
                continue;
            }
            met += 1;
            let (path, error) = committed.expect_err("it is in the way");
            assert_eq!((&path, error.kind()), (&mine, io::ErrorKind::AlreadyExists));
            for _ in 0..2 {
                sweep(&run.place);
                let left: Vec<_> = disk.files(folder).into_keys().collect();
                assert_eq!(left, [Path::new(RECORD_NAME), Path::new(name)], "{steps}");
                assert_eq!(disk.read(&mine).unwrap(), b"mine", "{name} {steps}");
            }
        }
    }
    assert!(met > 20, "{met}");
}

/// What exists under a shard's names before a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Nothing,
    /// Its mark is whole, but one of its files is missing.
    Holed,
    /// All files exist, but the mark is damaged.
    Damaged,
    /// As `Damaged`, with a foreign file in the shard's folder.
    Shared,
}

impl Before {
    fn put(self, disk: &Simulated, format: OutputFormat) {
        if self == Self::Nothing {
            return;
        }
        let shape = shape(format);
        let folder = Path::new("/out");
        for part in shape.parts() {
            let path = folder.join(shape.name(0, part));
            if part == Part::Folder {
                disk.make_folder(&path).unwrap();
                disk.write(&path.join("000001.jpg"), b"old").unwrap();
            } else if self != Self::Holed {
                disk.write(&path, b"old").unwrap();
            }
        }
        let mark = if self == Self::Holed {
            mark()
        } else {
            b"{}".to_vec()
        };
        disk.write(&folder.join("00000_stats.json"), &mark).unwrap();
        if self == Self::Shared && format == OutputFormat::Files {
            assert!(disk.put(&folder.join("00000/mine.txt"), b"mine"));
        }
    }
}

#[test]
fn a_commit_that_fails_at_any_step_is_made_good_by_the_next_try() {
    let folder = Path::new("/out");
    for format in [OutputFormat::Webdataset, OutputFormat::Files] {
        for before in [
            Before::Nothing,
            Before::Holed,
            Before::Damaged,
            Before::Shared,
        ] {
            for steps in 0..2 * STEPS {
                let disk = Simulated::new(steps);
                disk.make_folder(folder).unwrap();
                before.put(&disk, format);
                let marked: &[u64] = if before == Before::Nothing { &[] } else { &[0] };
                let arc = Arc::new(disk.clone());
                let mut run = Run::again(arc, folder, format, false, marked);
                let shards = [run.seal(0, b"first"), run.seal(1, b"second")];
                disk.fail_after(steps);
                let failed = run.committer.commit(&shards[0]).is_err();
                disk.be_well();
                if failed {
                    let committed = run.committer.commit(&shards[1]);
                    committed
                        .unwrap_or_else(|error| panic!("{format:?} {before:?} {steps}: {error:?}"));
                }
                sweep(&run.place);
                let bytes: &[u8] = if failed { b"second" } else { b"first" };
                check_shard(&disk, format, before, bytes);
            }
        }
    }
}

/// Checks that shard 0 is whole with these bytes and is ours, and that all other files are foreign.
fn check_shard(disk: &Simulated, format: OutputFormat, before: Before, bytes: &[u8]) {
    let folder = Path::new("/out");
    let mut files = disk.files(folder);
    files.remove(Path::new(RECORD_NAME));
    assert_eq!(files.remove(Path::new("00000_stats.json")), Some(mark()));
    let mine = files.remove(Path::new("00000/mine.txt"));
    let shared = before == Before::Shared && format == OutputFormat::Files;
    assert_eq!(mine.as_deref(), shared.then_some(&b"mine"[..]));
    let count = if format == OutputFormat::Files { 4 } else { 2 };
    assert_eq!(files.len(), count, "{:?}", files.keys());
    assert!(files.values().all(|found| found == bytes), "{files:?}");
    let standing = Standing::look(disk, folder).unwrap();
    let shape = shape(format);
    for part in shape.parts().iter().chain(&[Part::Mark]) {
        assert!(standing.owns(&shape.name(0, *part)).unwrap(), "{part:?}");
    }
}

#[test]
fn a_shard_done_again_loses_its_own_files_and_no_others() {
    for mark in ["", "{\n    \"count\"", "{}"] {
        let folder = tempfile::tempdir().unwrap();
        let shard = folder.path().join("00000");
        fs::create_dir(&shard).unwrap();
        let old = ["000000.jpg", "000001.jpg", "000001.json"];
        let mine = ["mine.txt", "000001.png", "000010.jpg"];
        for name in old.iter().chain(&mine) {
            fs::write(shard.join(name), "old").unwrap();
        }
        fs::write(folder.path().join("00000.parquet"), "old").unwrap();
        fs::write(folder.path().join("00000_stats.json"), mark).unwrap();
        let format = OutputFormat::Files;
        let mut run = Run::again(disk::real(), folder.path(), format, false, &[0]);
        assert_eq!(run.commit(b"new").unwrap(), Committed::Here, "{mark:?}");
        let new = ["000000.jpg", "000000.json", "000003.jpg"];
        assert_eq!(names(&shard), set(&[&new[..], &mine[..]].concat()));
        for name in mine {
            assert_eq!(fs::read(shard.join(name)).unwrap(), b"old", "{name}");
        }
        for name in new {
            assert_eq!(fs::read(shard.join(name)).unwrap(), b"new", "{name}");
        }
        assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
    }
}

#[test]
fn a_mark_that_somebody_put_there_since_the_start_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let format = OutputFormat::Webdataset;
    let mut run = Run::again(disk::real(), folder.path(), format, false, &[0]);
    let mine = folder.path().join("00000_stats.json");
    fs::write(&mine, "mine").unwrap();
    let (path, error) = run.commit(b"new").expect_err("it is in the way");
    assert_eq!(
        (path, error.kind()),
        (mine.clone(), io::ErrorKind::AlreadyExists)
    );
    assert_eq!(fs::read(mine).unwrap(), b"mine");
}

#[test]
fn of_two_workers_with_one_shard_the_second_drops_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let worker = || Run::new(disk::real(), folder.path(), OutputFormat::Webdataset, true);
    let [mut first, mut second] = [worker(), worker()];
    assert_eq!(first.commit(b"first").unwrap(), Committed::Here);
    assert_eq!(second.commit(b"second").unwrap(), Committed::Elsewhere);
    let data = fs::read(folder.path().join("00000.tar")).unwrap();
    assert_eq!(data, b"first");
    assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
}

#[test]
fn a_worker_takes_back_what_one_that_died_in_its_commit_left() {
    for format in [OutputFormat::Webdataset, OutputFormat::Files] {
        let folder = tempfile::tempdir().unwrap();
        let worker = || Run::new(disk::real(), folder.path(), format, true);
        let mut dead = worker();
        let mut shard = dead.seal(0, b"dead");
        placed(&mut shard)[1].target = folder.path().join("gone/00000.parquet");
        assert!(dead.committer.commit(&shard).is_err());
        let mut other = worker();
        assert_eq!(other.commit(b"alive").unwrap(), Committed::Here);
        let data = fs::read(folder.path().join("00000.parquet")).unwrap();
        assert_eq!(data, b"alive");
        assert_eq!(names(folder.path()).len(), 3, "{:?}", names(folder.path()));
    }
}

#[test]
fn a_mark_withdrawn_names_its_shards_files_until_they_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::real(&folder, OutputFormat::Files);
    run.commit(b"ours").unwrap();
    fs::write(folder.path().join("00000/mine.txt"), "mine").unwrap();
    fs::write(folder.path().join("00000.tar"), "mine").unwrap();
    let place = Staging::new(disk::real(), folder.path().to_owned(), false);
    withdraw(&place, &[(0, shape(OutputFormat::Files))]).unwrap();
    let kept = Standing::look(place.disk(), place.folder()).unwrap();
    assert_eq!(kept.intents.len(), 1);
    assert!(kept.owns("00000.parquet").unwrap() && !kept.owns("00000.tar").unwrap());
    // With `Data::Kept` the intent stays as long as it names something.
    let claimed = clear(&place, &kept, |_, _| true, Data::Kept).unwrap();
    assert!(claimed.is_empty());
    assert!(folder.path().join("00000.parquet").exists());
    let claimed = clear(&place, &kept, |_, _| true, Data::TakenBack).unwrap();
    assert_eq!(claimed, [0], "the folder holds somebody's file");
    let left = set(&["00000", "00000.tar", "00000_stats.json"]);
    assert_eq!(names(folder.path()), left);
    assert_eq!(names(&folder.path().join("00000")), set(&["mine.txt"]));
    assert_eq!(
        fs::read(folder.path().join("00000_stats.json")).unwrap(),
        b""
    );
}
