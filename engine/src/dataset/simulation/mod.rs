//! Simulates a dataset from rows to durable shards, on a simulated disk that loses power at points chosen by a
//! seed: claiming the folder, laying out, writing, committing, resuming. It uses the run's own code in the run's
//! own order, without fetching and threads. Power fails up to three times before a run may finish; steps fail
//! with EIO; different rows fail in every run, so that the files of two runs can be told apart.
//!
//! Meanwhile, another user puts files into the same folder ([`others`]): harmless ones, some in shards'
//! folders, some under names that a shard is about to use. At the end, every one of them is intact, and a run
//! that finds one in its way is refused and changes nothing.
//!
//! TURBO2DS_SEEDS sets the number of seeds, TURBO2DS_SEED the first: a failing seed is reported and can be
//! reproduced.

mod others;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use fastrand::Rng;
use futures_util::future::{FutureExt, LocalBoxFuture};
use turbo2ds_writers::{Layout, OutputFormat, Part, SampleFacts, ShardStats, shard_name};

use crate::cli::options::{self, Invocation};
use crate::config::Assignment;
use crate::config::{Config, IncrementalMode};
use crate::dataset::commit::withdraw;
use crate::dataset::disk::simulated::Simulated;
use crate::dataset::disk::{Disk, Files as _};
use crate::dataset::layout::layout_of;
use crate::dataset::local::LocalStore;
use crate::dataset::names::{RECORD_NAME, Shape};
use crate::dataset::ownership::UserFiles;
use crate::dataset::sealed::Collected;
use crate::dataset::sealed::SealedShard;
use crate::dataset::shard::{Dirty, OpenShard, pump};
use crate::dataset::staging::Staging;
use crate::dataset::store::{Job, Publisher, Store, StoreReplies};
use crate::failure::Failure;
use crate::list::List;
use crate::list::plan::{Planner, ShardPlan};
use crate::machine::sync::Semaphore;
use others::Others;

/// Number of seeds in an ordinary test run.
const SEEDS: u64 = 10_000;
const ROWS: u64 = 11;
const ROWS_PER_SHARD: u64 = 3;
/// Number of distinct sets of failing rows.
const GENERATIONS: u64 = 3;
/// Maximum number of shards open at a time.
const OPEN_MAX: usize = 3;
const FOLDER: &str = "/data/out";

/// The files that a run in one format writes for each shard, by generation.
struct Reference {
    config: Config,
    plans: Vec<ShardPlan>,
    shards: Vec<HashMap<u64, Files>>,
}

/// Number of steps within which a fault occurs: about as many as a whole run takes.
const STEPS: u64 = 200;
/// Number of folder syncs within which a fault occurs, likewise.
const FOLDER_SYNCS: u64 = 20;

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    PowerLost,
    Failed(String),
    Mismatch,
    /// Another user's file was in the way before the run began.
    Refused,
}

/// A run of one core's storage, and the shards that it has seen committed.
struct Run<'a> {
    disk: &'a Simulated,
    store: LocalStore,
    reference: &'a Reference,
    config: &'a Config,
    generation: u64,
    random: Rng,
    layout: Arc<Layout>,
    dirty: Rc<Dirty>,
    /// A disk answers at once.
    replies: Rc<StoreReplies>,
    places: Semaphore,
    open: Vec<(u64, OpenShard)>,
    rows: HashMap<u64, VecDeque<usize>>,
    pumps: Vec<(u64, LocalBoxFuture<'static, Result<(), String>>)>,
    sealed: VecDeque<SealedShard>,
    committed: HashSet<u64>,
    publisher: Option<Box<dyn Publisher>>,
    /// The other user of the folder.
    others: Option<&'a mut Others>,
}

/// The image of a row; `None` if the row fails in this generation.
fn image(shard: u64, row: usize, generation: u64) -> Option<Vec<u8>> {
    let mut random = Rng::with_seed(shard << 16 | (row as u64) << 4 | generation);
    if random.u8(..4) == 0 {
        return None;
    }
    let bytes = random.usize(1..4000);
    Some(
        std::iter::repeat_with(|| random.u8(..))
            .take(bytes)
            .collect(),
    )
}

impl<'a> Run<'a> {
    fn new(disk: &'a Simulated, reference: &'a Reference, generation: u64, random: Rng) -> Self {
        Self {
            disk,
            store: LocalStore::new(
                Arc::new(disk.clone()),
                FOLDER.into(),
                false,
                &reference.config,
            ),
            reference,
            config: &reference.config,
            generation,
            random,
            layout: Arc::new(layout_of(&reference.config)),
            dirty: Rc::default(),
            replies: Rc::new(StoreReplies::new(|_| {})),
            places: Semaphore::new(OPEN_MAX),
            open: Vec::new(),
            rows: HashMap::new(),
            pumps: Vec::new(),
            sealed: VecDeque::new(),
            committed: HashSet::new(),
            publisher: None,
            others: None,
        }
    }

    /// Runs until the run ends. Returns the shards that it found done, if it got as far, and how it ended.
    fn go(&mut self) -> (Option<HashSet<u64>>, End) {
        let opened = self.store.open(&Job {
            config: self.config,
            assignment: Assignment::All,
            input: "the list",
            user_files: UserFiles {
                files: Vec::new(),
                shards_max: Some(self.reference.plans.len() as u64),
            },
        });
        let done = match opened {
            Ok(opened) => {
                self.publisher = opened.publishers.into_iter().next();
                opened.done
            }
            Err(crate::error::Error::ConfigMismatch { .. }) => {
                return (None, End::Mismatch);
            }
            Err(error) if error.message().contains("under names that its shards take") => {
                return (None, End::Refused);
            }
            Err(error) => return (None, self.ended(error.to_string())),
        };
        let plans = self.reference.plans.iter();
        let mut plans: VecDeque<_> = plans
            .filter(|plan| !done.contains(&plan.shard_id))
            .cloned()
            .collect();
        let end = loop {
            match self.step(&mut plans) {
                Ok(true) => {}
                Ok(false) => break End::Whole,
                Err(error) => break self.ended(error),
            }
        };
        if matches!(end, End::Failed(_)) {
            // As far as possible, as an aborted run does.
            self.store.sweep();
        }
        (Some(done), end)
    }

    fn ended(&self, error: String) -> End {
        if self.disk.is_lost() {
            End::PowerLost
        } else {
            End::Failed(error)
        }
    }

    /// Performs one of the possible next steps; returns false if there is none.
    fn step(&mut self, plans: &mut VecDeque<ShardPlan>) -> Result<bool, String> {
        let mut may: Vec<u8> = Vec::new();
        let is_full = self.open.len() >= OPEN_MAX;
        may.extend((!plans.is_empty() && !is_full).then_some(0));
        may.extend((!self.rows.is_empty()).then_some(1));
        may.extend((!self.pumps.is_empty()).then_some(2));
        may.extend((!self.sealed.is_empty()).then_some(3));
        if let Some(others) = &mut self.others {
            others.come(self.disk, &self.committed, &mut self.random);
        }
        let Some(next) = self.random.choice(may) else {
            return Ok(false);
        };
        match next {
            0 => {
                let plan = plans.pop_front().expect("looked at");
                self.open(plan);
                Ok(())
            }
            1 => self.end_a_row(),
            2 => self.poll_a_pump(),
            _ => self.commit(),
        }?;
        Ok(true)
    }

    fn open(&mut self, plan: ShardPlan) {
        let (id, rows) = (plan.shard_id, plan.rows());
        let place = self.places.try_acquire(1).expect("there is room");
        let shard = OpenShard::open(
            plan,
            0,
            &self.layout,
            self.store.draft(0, &self.replies),
            self.dirty.clone(),
            place,
        );
        self.open.push((id, shard.expect("a layout")));
        // The same order in every run, so that equal rows give equal bytes.
        self.rows.insert(id, (0..rows).rev().collect());
    }

    fn shard(&mut self, id: u64) -> &mut OpenShard {
        let found = self.open.iter_mut().find(|(open, _)| *open == id);
        &mut found.expect("the shard is open").1
    }

    fn end_a_row(&mut self) -> Result<(), String> {
        let mut ids: Vec<u64> = self.rows.keys().copied().collect();
        ids.sort_unstable();
        let id = self.random.choice(ids).expect("a shard has rows");
        let rows = self.rows.get_mut(&id).expect("chosen of these");
        let row = rows.pop_front().expect("shards with rows are kept");
        if rows.is_empty() {
            self.rows.remove(&id);
        }
        let generation = self.generation;
        let shard = self.shard(id);
        let is_last = match image(id, row, generation) {
            Some(bytes) => {
                let facts = SampleFacts {
                    width: 1,
                    height: 1,
                    ..SampleFacts::default()
                };
                let taken = shard.sample(row, facts, &bytes);
                taken.map_err(|error| error.to_string())?
            }
            None => shard.fail(row, Failure::TimedOut, "timed out".into()),
        };
        self.pump(id);
        if is_last {
            let shard = self.shard(id);
            let (writer, outcomes) = shard.take_seal().expect("sealed once");
            let mut collected = Collected::default();
            let finished = writer.finish(&outcomes, &mut collected);
            shard
                .lay_out_end(finished.map(|()| collected))
                .map_err(|error| error.to_string())?;
            self.pump(id);
        }
        self.seal(id);
        Ok(())
    }

    fn pump(&mut self, id: u64) {
        let files = self.shard(id).files.clone();
        if files.borrow_mut().claim_pump() {
            let writes = async move {
                let written = pump(&files).await;
                written.map_err(|(path, error)| format!("{}: {error}", path.display()))
            };
            self.pumps.push((id, writes.boxed_local()));
        }
    }

    fn poll_a_pump(&mut self) -> Result<(), String> {
        let at = self.random.usize(..self.pumps.len());
        let mut context = Context::from_waker(Waker::noop());
        match self.pumps[at].1.poll_unpin(&mut context) {
            Poll::Pending => Ok(()),
            Poll::Ready(result) => {
                let (id, _) = self.pumps.swap_remove(at);
                result?;
                self.pump(id);
                self.seal(id);
                Ok(())
            }
        }
    }

    fn seal(&mut self, id: u64) {
        let digits = self.layout.shard_digits;
        let sealed = self.shard(id).take_sealed(0, id, digits);
        self.sealed.extend(sealed);
    }

    fn commit(&mut self) -> Result<(), String> {
        let sealed = self.sealed.pop_front().expect("looked at");
        let shard_id = sealed.shard_id;
        let publisher = self.publisher.as_mut().expect("the store was opened");
        publisher
            .publish(sealed)
            .map_err(|(path, error)| format!("{}: {error}", path.display()))?;
        self.committed.insert(shard_id);
        self.open.retain(|(id, _)| *id != shard_id);
        Ok(())
    }
}

/// The files of one shard among a folder's files; its mark is returned separately.
fn files_of(files: &Files, shard: u64) -> (Files, Option<Vec<u8>>) {
    let name = shard_name(shard, 5);
    let mark = PathBuf::from(format!("{name}{}", Part::Mark.ending()));
    let of_shard = |path: &&PathBuf| path.to_string_lossy().starts_with(&name) && **path != mark;
    let of_it = files.keys().filter(of_shard);
    let of_it = of_it
        .map(|path| (path.clone(), files[path].clone()))
        .collect();
    (of_it, files.get(&mark).cloned())
}

impl Reference {
    fn new(folder: &Path, format: &str) -> Self {
        let list = folder.join("list.csv");
        let lines = (0..ROWS).map(|row| format!("http://h/{row}.jpg,caption {row}\n"));
        std::fs::write(&list, format!("url,caption\n{}", lines.collect::<String>())).unwrap();
        let per_shard = ROWS_PER_SHARD.to_string();
        let arguments = [
            list.to_str().expect("a temporary path is text"),
            "--output_folder",
            FOLDER,
            "--output_format",
            format,
            "--caption_col",
            "caption",
            "--number_sample_per_shard",
            &per_shard,
        ];
        let Ok(Invocation::Run(config)) = options::parse(arguments.map(Into::into).into_iter())
        else {
            panic!("the options are a run's");
        };
        let list = List::open(&config.input).expect("a list");
        let mut planner = Planner::open(list).expect("a list");
        let plans = std::iter::from_fn(|| planner.next()).map(|plan| plan.expect("a shard"));
        let mut reference = Self {
            plans: plans.collect(),
            config: *config,
            shards: Vec::new(),
        };
        for generation in 0..GENERATIONS {
            let disk = Simulated::new(generation);
            let mut run = Run::new(&disk, &reference, generation, Rng::with_seed(generation));
            assert_eq!(run.go().1, End::Whole);
            let files = disk.files(Path::new(FOLDER));
            let ids = reference.plans.iter().map(|plan| plan.shard_id);
            let shards = ids.map(|id| (id, files_of(&files, id).0)).collect();
            reference.shards.push(shards);
        }
        reference
    }

    /// Checks that the run of one generation wrote the whole shard.
    ///
    /// # Panics
    /// If its files match no generation, or its mark contradicts them.
    fn check(&self, files: &Files, shard: u64) {
        let (found, mark) = files_of(files, shard);
        let generation = (0..GENERATIONS)
            .find(|generation| self.shards[*generation as usize][&shard] == found)
            .unwrap_or_else(|| panic!("shard {shard} is done, and no run's: {:?}", found.keys()));
        let stats = ShardStats::from_json(&mark.expect("a done shard has a mark"));
        let rows = self.plans[shard as usize].rows();
        let images = (0..rows).filter(|row| image(shard, *row, generation).is_some());
        assert_eq!(
            stats.expect("a whole mark").successes,
            images.count() as u64
        );
    }
}

/// Simulates one seed, until a run finishes.
fn live(reference: &Reference, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let disk = Simulated::new(random.u64(..));
    let mut others = Others::new(&reference.config, reference.plans.len() as u64);
    let mut durable: HashSet<u64> = HashSet::new();
    // Shards whose mark is intact, but of which a user removed a file.
    let mut spoiled: HashSet<u64> = HashSet::new();
    let trouble = random.u8(..=3);
    for attempt in 0..=trouble {
        let is_last = attempt == trouble;
        others.make_way(&disk, is_last || random.bool());
        let in_the_way = others.are_in_the_way();
        let before = disk.files(Path::new(FOLDER));
        others.may_be_in_the_way = !is_last && random.u8(..3) == 0;
        let generation = random.u64(..GENERATIONS);
        let mut run = Run::new(&disk, reference, generation, random.fork());
        if !is_last && !in_the_way {
            bring_trouble(&disk, &mut random);
        }
        run.others = Some(&mut others);
        let (done, end) = run.go();
        let committed = std::mem::take(&mut run.committed);
        drop(run);
        others.is_over(&disk);
        assert_eq!(end == End::Refused, in_the_way, "{end:?}");
        if end == End::Refused {
            assert_eq!(before, disk.files(Path::new(FOLDER)), "nothing was changed");
        }
        if let Some(done) = done {
            assert!(
                durable.is_subset(&done),
                "{durable:?} were durable, {done:?} are done"
            );
            durable.extend(done);
        }
        durable.extend(committed);
        assert_ne!(end, End::Mismatch);
        assert!(!is_last || end == End::Whole, "{end:?}");
        let is_lost = disk.is_lost();
        disk.be_well();
        if is_lost || random.u8(..4) == 0 {
            disk.power_up();
        }
        let ours = others.check(&disk);
        spoiled.retain(|shard| !durable.contains(shard));
        for shard in 0..reference.plans.len() as u64 {
            let (_, mark) = files_of(&ours, shard);
            let is_whole = mark.is_some_and(|mark| ShardStats::from_json(&mark).is_some());
            assert!(is_whole || !durable.contains(&shard));
            // A mark never exists before the files that it vouches for.
            if is_whole && !spoiled.contains(&shard) {
                reference.check(&ours, shard);
            }
        }
        if !is_last {
            if random.u8(..8) == 0 {
                others.come_between(&disk, &mut random);
            }
            match random.u8(..6) {
                0 | 1 => spoiled.extend(lose_a_file(
                    &disk,
                    &reference.config,
                    &ours,
                    &mut durable,
                    &mut random,
                )),
                2 => damage_a_mark(&disk, &mut durable, &mut random),
                3 => withdraw_a_mark(&disk, &reference.config, &mut durable, &mut random),
                _ => {}
            }
        }
    }
    let ours = others.check(&disk);
    assert_eq!(durable.len(), reference.plans.len());
    let of_shards: usize = durable
        .iter()
        .map(|id| files_of(&ours, *id).0.len() + 1)
        .sum();
    let record = usize::from(ours.contains_key(Path::new(RECORD_NAME)));
    assert_eq!(ours.len(), of_shards + record, "{:?}", ours.keys());
}

/// Schedules a fault at some point of a run, or none.
fn bring_trouble(disk: &Simulated, random: &mut Rng) {
    let at = random.u64(..STEPS);
    match random.u8(..4) {
        0 => disk.fail_after(at),
        1 => disk.lose_power_after(at),
        _ => disk.lose_power_at_sync(random.u64(..FOLDER_SYNCS)),
    }
}

fn one_of(durable: &HashSet<u64>, random: &mut Rng) -> Option<u64> {
    let mut ids: Vec<u64> = durable.iter().copied().collect();
    ids.sort_unstable();
    random.choice(ids)
}

/// Corrupts the mark of a durable shard, as disks do; the shard is then done again.
fn damage_a_mark(disk: &Simulated, durable: &mut HashSet<u64>, random: &mut Rng) {
    let Some(id) = one_of(durable, random) else {
        return;
    };
    let mark = mark_path(id);
    let bytes = disk.read(&mark).expect("the power is on");
    let bytes = &bytes[..random.usize(..bytes.len() / 2)];
    disk.write(&mark, bytes).expect("the power is on");
    disk.sync(&mark, None).expect("the power is on");
    durable.remove(&id);
}

/// Withdraws a durable shard's mark, as `verify --repair` does, so that the shard is done again.
fn withdraw_a_mark(
    disk: &Simulated,
    config: &Config,
    durable: &mut HashSet<u64>,
    random: &mut Rng,
) {
    let Some(id) = one_of(durable, random) else {
        return;
    };
    let place = Staging::new(Arc::new(disk.clone()), FOLDER.into(), false);
    withdraw(&place, &[(id, Shape::of(config))]).expect("the power is on");
    durable.remove(&id);
}

fn mark_path(id: u64) -> PathBuf {
    let name = Part::Mark.file_name(id, 5);
    Path::new(FOLDER).join(name)
}

/// Removes a file of a durable shard, as users do: its mark and its other files stay, and it is done again.
fn lose_a_file(
    disk: &Simulated,
    config: &Config,
    ours: &Files,
    durable: &mut HashSet<u64>,
    random: &mut Rng,
) -> Option<u64> {
    let id = one_of(durable, random)?;
    let folder = Path::new(FOLDER);
    let (files, _) = files_of(ours, id);
    // A folder of loose files is removed whole, except for another user's files.
    let names: BTreeSet<_> = files
        .keys()
        .filter_map(|path| path.components().next())
        .collect();
    let name = random.choice(names).expect("a shard has files");
    let path = folder.join(name);
    for (inner, _) in disk.entries(&path).unwrap_or_default() {
        if files.contains_key(&Path::new(&name).join(&inner)) {
            disk.remove(&path.join(inner)).expect("the power is on");
        }
    }
    let is_shared = disk.entries(&path).is_ok_and(|left| !left.is_empty());
    if is_shared {
        // As long as its folder exists, the shard counts as done: `verify` finds what is missing.
        withdraw_only(disk, config, id);
    } else {
        disk.remove(&path).expect("the power is on");
    }
    disk.sync_folder(folder).expect("the power is on");
    durable.remove(&id);
    Some(id)
}

fn withdraw_only(disk: &Simulated, config: &Config, id: u64) {
    let mut one = HashSet::from([id]);
    withdraw_a_mark(disk, config, &mut one, &mut Rng::with_seed(id));
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn no_loss_of_power_loses_a_durable_shard_or_passes_a_torn_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = from_env("TURBO2DS_SEED", 0);
    let has_files = |format: &OutputFormat| !format.files().is_empty();
    let formats: Vec<_> = OutputFormat::ALL.into_iter().filter(has_files).collect();
    for (at, format) in formats.iter().map(|format| format.as_str()).enumerate() {
        let reference = Reference::new(folder.path(), format);
        for seed in first..first + from_env("TURBO2DS_SEEDS", SEEDS) {
            if seed % formats.len() as u64 != at as u64 {
                continue;
            }
            let lived = catch_unwind(AssertUnwindSafe(|| live(&reference, seed)));
            assert!(
                lived.is_ok(),
                "TURBO2DS_SEED={seed} TURBO2DS_SEEDS=1 ({format})"
            );
        }
    }
}

#[test]
fn an_overwrite_that_is_cut_off_never_leaves_old_shards_to_another_command() {
    let folder = tempfile::tempdir().unwrap();
    for (at, format) in ["webdataset", "files"].iter().enumerate() {
        let old = Reference::new(folder.path(), format);
        for seed in 0..SEEDS / 10 {
            if seed % 2 == at as u64 {
                cut_an_overwrite_off(&old, seed);
            }
        }
    }
}

fn cut_an_overwrite_off(old: &Reference, seed: u64) {
    let mut config = old.config.clone();
    config.recorded.set("image_size", 512.into());
    let mut random = Rng::with_seed(seed);
    let disk = Simulated::new(seed);
    let mut others = Others::new(&config, old.plans.len() as u64);
    // An overwrite is refused if a folder that it would remove holds another user's files.
    others.may_come_into_shards = false;
    let mut run = Run::new(&disk, old, 0, random.fork());
    assert_eq!(run.go().1, End::Whole);
    let mut overwriting = config.clone();
    overwriting.output.mode = IncrementalMode::Overwrite;
    for _ in 0..3 {
        others.come_harmlessly(&disk, &mut random);
    }
    let mut run = Run::new(&disk, old, 1, random.fork());
    run.config = &overwriting;
    run.others = Some(&mut others);
    disk.lose_power_after(random.u64(..STEPS / 2));
    let (_, end) = run.go();
    disk.power_up();
    others.check(&disk);
    // The new options, without permission to remove the old dataset.
    let mut run = Run::new(&disk, old, 1, random.fork());
    run.config = &config;
    run.others = Some(&mut others);
    let (done, again) = run.go();
    let ours = others.check(&disk);
    match again {
        End::Whole => {
            for shard in 0..old.plans.len() as u64 {
                let (found, _) = files_of(&ours, shard);
                assert!(
                    found == old.shards[1][&shard],
                    "seed {seed}: shard {shard} after {end:?}"
                );
            }
        }
        End::Mismatch => assert!(done.is_none()),
        other => panic!("seed {seed}: {other:?}"),
    }
    // With overwrite again, the run finishes, and only the new dataset and the other user's files are left.
    let mut run = Run::new(&disk, old, 2, random.fork());
    run.config = &overwriting;
    assert_eq!(run.go().1, End::Whole, "seed {seed}");
    let ours = others.check(&disk);
    let files = old.shards[2].values().map(|files| files.len() + 1);
    assert_eq!(
        ours.len(),
        files.sum::<usize>() + 1,
        "seed {seed}: {:?}",
        ours.keys()
    );
}
