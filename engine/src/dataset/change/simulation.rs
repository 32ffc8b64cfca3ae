//! Changes on a simulated disk that loses power at points chosen by a seed, up to three times before a change may
//! finish, whose steps fail with EIO, and into whose folder others put files. In the end the dataset is what it was, or
//! what the change makes of it, and whatever others put there is there.
//!
//! TURBO2DS_SEEDS sets the number of seeds, TURBO2DS_SEED the first.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;

use super::*;
use crate::dataset::disk::simulated::Simulated;
use crate::dataset::names::temporary_parts;

/// Number of seeds in an ordinary test run.
const SEEDS: u64 = 10_000;
/// Number of steps within which a fault occurs: about as many as a change takes.
const STEPS: u64 = 60;
const FOLDER: &str = "/data/out";
/// Losses of power, at most.
const LOSSES: u32 = 3;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// What there is, and what a change makes of it.
struct Reference {
    old: Files,
    new: Files,
}

impl Reference {
    fn new(random: &mut Rng) -> Self {
        let mut bytes = |most| -> Vec<u8> {
            let length = random.usize(1..most);
            std::iter::repeat_with(|| random.u8(..))
                .take(length)
                .collect()
        };
        let mut old = Files::new();
        for shard in 0..3 {
            for ending in [".tar", ".parquet", "_stats.json"] {
                old.insert(format!("{shard:05}{ending}").into(), bytes(3000));
            }
            old.insert(format!("{shard:05}/{shard:05}0000.jpg").into(), bytes(2000));
        }
        old.insert(".turbo2ds/versions/1.0.0.jsonl".into(), bytes(500));
        let mut new = old.clone();
        for name in ["00000.tar", "00000_stats.json", "00002.parquet"] {
            new.insert(name.into(), bytes(3000));
        }
        new.remove(Path::new("00001/000010000.jpg"));
        new.insert(".turbo2ds/versions/2.0.0.jsonl".into(), bytes(500));
        new.insert("00003.tar".into(), bytes(3000));
        Self { old, new }
    }

    /// Begins the change and makes it, as far as the disk lets it.
    fn change(&self, place: &Staging) -> Result<(), Error> {
        let out = |error: io::Error| Error::output_io(place.folder(), error);
        let mut draft = Draft::begin(place).map_err(out)?;
        let disk = place.disk();
        for (path, bytes) in &self.new {
            let name = path.to_str().expect("a text");
            let temporary = match self.old.get(path) {
                Some(old) if old == bytes => continue,
                Some(_) => draft.replace(name),
                None => draft.create(name),
            };
            for piece in bytes.chunks(1024) {
                disk.append(&temporary, piece).map_err(out)?;
            }
        }
        for path in self.old.keys().filter(|path| !self.new.contains_key(*path)) {
            draft.remove(path.to_str().expect("a text"));
        }
        draft.commit("2.0.0".to_owned())
    }
}

/// What is there, without what has a temporary name.
fn files(disk: &Simulated) -> Files {
    let mut files = disk.files(Path::new(FOLDER));
    files.retain(|path, _| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| temporary_name_of(name).is_none())
    });
    files
}

/// As a run does before everything else: finishes what was begun, and clears what was not.
fn open(place: &Staging) -> Result<Option<String>, Error> {
    let out = |error: io::Error| Error::output_io(place.folder(), error);
    let finished = finish(place)?;
    for (name, _) in place.disk().entries(place.folder()).map_err(out)? {
        if temporary_parts(&name).is_some() {
            let path = place.folder().join(&name);
            place.disk().remove(&path).map_err(out)?;
        }
    }
    Ok(finished)
}

fn simulate(seed: u64) {
    let mut random = Rng::with_seed(seed);
    let disk = Simulated::new(seed);
    let reference = Reference::new(&mut random);
    for (path, bytes) in &reference.old {
        for above in path.ancestors().skip(1) {
            let folder = Path::new(FOLDER).join(above);
            let parent = folder.parent().expect("a folder above");
            make_folders(&disk, parent).expect("a folder");
        }
        assert!(
            disk.put(&Path::new(FOLDER).join(path), bytes),
            "{}",
            path.display()
        );
    }
    let theirs: Files = [
        ("notes.txt", "mine"),
        ("00001/mine.jpg", "mine too"),
        (".turbo2ds/mine", "and this"),
    ]
    .map(|(path, bytes)| (path.into(), bytes.into()))
    .into();
    for (path, bytes) in &theirs {
        disk.put(&Path::new(FOLDER).join(path), bytes);
    }
    // What goes may come back from somebody else, once its name is free.
    let gone = Path::new("00001/000010000.jpg");
    let mut losses = random.u32(..=LOSSES);
    let mut is_begun = false;
    loop {
        let place = Staging::new(Arc::new(disk.clone()), FOLDER.into(), false);
        if losses > 0 {
            losses -= 1;
            match random.u8(..4) {
                0 => disk.fail_after(random.u64(..STEPS)),
                1 => disk.lose_power_at_sync(random.u64(..8)),
                _ => disk.lose_power_after(random.u64(..STEPS)),
            }
        } else {
            disk.be_well();
        }
        let result = open(&place).and_then(|finished| match finished {
            Some(_) => Ok(()),
            None if is_begun
                && files(&disk).contains_key(Path::new(".turbo2ds/versions/2.0.0.jsonl")) =>
            {
                Ok(())
            }
            None => {
                is_begun = true;
                reference.change(&place)
            }
        });
        if disk.is_lost() {
            disk.power_up();
        }
        if result.is_ok() {
            break;
        }
        // Whatever is there when the disk has failed: recovery makes one of the two of it.
        disk.be_well();
        if random.bool() {
            let place = Staging::new(Arc::new(disk.clone()), FOLDER.into(), false);
            open(&place).expect("a disk that is well");
            check(&disk, &reference, &theirs);
        }
    }
    disk.power_up();
    assert!(
        disk.put(&Path::new(FOLDER).join(gone), b"theirs"),
        "its name is free"
    );
    let place = Staging::new(Arc::new(disk.clone()), FOLDER.into(), false);
    // A plan whose removal was not durable may be there again: it moves nothing any more.
    open(&place).expect("a disk that is well");
    let mut found = files(&disk);
    assert_eq!(found.remove(gone), Some(b"theirs".to_vec()));
    let mut wanted = reference.new.clone();
    wanted.extend(theirs);
    assert!(
        found == wanted,
        "{:?} and {:?}",
        found.keys(),
        wanted.keys()
    );
}

/// The old version or the new one, with what others put there.
fn check(disk: &Simulated, reference: &Reference, theirs: &Files) {
    let mut found = files(disk);
    for (path, bytes) in theirs {
        assert_eq!(
            found.remove(path).as_ref(),
            Some(bytes),
            "{}",
            path.display()
        );
    }
    let is_one = found == reference.old || found == reference.new;
    assert!(is_one, "a mixture: {:?}", found.keys());
}

#[test]
fn a_change_is_made_whole_or_not_at_all() {
    let number = |name, usual| {
        let given = std::env::var(name).ok();
        given.map_or(usual, |text: String| text.parse().expect("a number"))
    };
    let first = number("TURBO2DS_SEED", 0);
    for seed in first..first + number("TURBO2DS_SEEDS", SEEDS) {
        let run = catch_unwind(AssertUnwindSafe(|| simulate(seed)));
        assert!(run.is_ok(), "seed {seed}");
    }
}
