//! The way of a dataset from rows to durable shards, on a simulated disk whose power goes at moments from
//! a seed: taking the folder over, laying out, writing, committing, going on afterwards. It is the run's
//! own code in the run's own order; only who fetches, and on which thread, is left out. Power goes up to
//! three times before a run may end; steps fail with EIO; every run has other rows failing, so that files
//! of two runs can be told apart.
//!
//! TURBO2DS_SEEDS sets how many seeds there are, TURBO2DS_SEED the first: a seed that fails is named, and
//! fails again.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use fastrand::Rng;
use futures_util::future::{FutureExt, LocalBoxFuture};
use turbo2ds_writers::{Layout, RowOutcome, ShardStats, shard_name};

use crate::commit::{self, SealedShard};
use crate::config::{Config, IncrementalMode};
use crate::disk::Disk;
use crate::disk::simulated::Simulated;
use crate::failure::Failure;
use crate::input::List;
use crate::options::{self, Invocation};
use crate::place::Place;
use crate::plan::{Planner, ShardPlan};
use crate::run::dataset::{RECORD_NAME, STATS_SUFFIX, make_folders, take_over};
use crate::run::layout_of;
use crate::shard::{Collected, Dirty, OpenShard, pump};
use crate::slice::Slice;
use crate::sync::Semaphore;

/// Seeds of an ordinary test run.
const SEEDS: u64 = 10_000;
const ROWS: u64 = 11;
const ROWS_PER_SHARD: u64 = 3;
/// Runs whose rows fail differently.
const GENERATIONS: u64 = 3;
/// Shards open at a time.
const OPEN_MAX: usize = 3;
const FOLDER: &str = "/data/out";
const FORMATS: [&str; 4] = ["webdataset", "files", "parquet", "tfrecord"];

/// What a run of one format writes, by generation: the files of each shard.
struct Reference {
    config: Config,
    plans: Vec<ShardPlan>,
    shards: Vec<HashMap<u64, Files>>,
}

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Whole,
    PowerLost,
    Failed(String),
    Mismatch,
}

/// A run of the storage of one core, and the shards it saw committed.
struct Run<'a> {
    disk: &'a Simulated,
    place: Place,
    reference: &'a Reference,
    config: &'a Config,
    generation: u64,
    random: Rng,
    layout: Arc<Layout>,
    dirty: Rc<Dirty>,
    places: Semaphore,
    open: Vec<(u64, OpenShard)>,
    rows: HashMap<u64, VecDeque<usize>>,
    pumps: Vec<(u64, LocalBoxFuture<'static, Result<(), String>>)>,
    sealed: VecDeque<SealedShard>,
    committed: HashSet<u64>,
}

/// The samples of a row: bytes where it succeeds in this generation.
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
            place: Place::new(Arc::new(disk.clone()), FOLDER.into(), false),
            reference,
            config: &reference.config,
            generation,
            random,
            layout: Arc::new(layout_of(&reference.config)),
            dirty: Rc::default(),
            places: Semaphore::new(OPEN_MAX),
            open: Vec::new(),
            rows: HashMap::new(),
            pumps: Vec::new(),
            sealed: VecDeque::new(),
            committed: HashSet::new(),
        }
    }

    /// Runs to an end; what it found done comes first, where it came so far.
    fn go(&mut self) -> (Option<HashSet<u64>>, End) {
        let folder = Path::new(FOLDER);
        let taken = make_folders(self.disk, folder)
            .map_err(|error| crate::error::Error::output_io(folder, &error))
            .and_then(|()| take_over(&self.place, self.config, Slice::All, "the list"));
        let done = match taken {
            Ok(found) => found.done,
            Err(crate::error::Error::ConfigMismatch { .. }) => {
                return (None, End::Mismatch);
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
            // As an aborted run does, as far as it can.
            let _ = crate::run::dataset::remove_temporaries(self.disk, folder);
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

    /// One thing of those that may come next; false where nothing is left.
    fn step(&mut self, plans: &mut VecDeque<ShardPlan>) -> Result<bool, String> {
        let mut may: Vec<u8> = Vec::new();
        let is_full = self.open.len() >= OPEN_MAX;
        may.extend((!plans.is_empty() && !is_full).then_some(0));
        may.extend((!self.rows.is_empty()).then_some(1));
        may.extend((!self.pumps.is_empty()).then_some(2));
        may.extend((!self.sealed.is_empty()).then_some(3));
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
            self.place.clone(),
            self.dirty.clone(),
            place,
        );
        self.open.push((id, shard.expect("a layout")));
        // The same order in every run, so that the same rows give the same bytes.
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
                let outcome = RowOutcome {
                    status: "success",
                    width: Some(1),
                    ..RowOutcome::default()
                };
                let taken = shard.sample(row, outcome, &bytes);
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
        commit::commit(&self.place, |_| false, &sealed)
            .map_err(|(path, error)| format!("{}: {error}", path.display()))?;
        self.committed.insert(sealed.shard_id);
        self.open.retain(|(id, _)| *id != sealed.shard_id);
        Ok(())
    }
}

/// The files of one shard in a folder's; its mark apart.
fn files_of(files: &Files, shard: u64) -> (Files, Option<Vec<u8>>) {
    let name = shard_name(shard, 5);
    let mark = PathBuf::from(format!("{name}{STATS_SUFFIX}"));
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

    /// The generation whose run wrote this shard whole.
    ///
    /// # Panics
    /// Where its files are of none, or its mark says something else.
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

/// One seed's world, to the end of a whole run.
fn live(reference: &Reference, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let disk = Simulated::new(random.u64(..));
    let mut durable: HashSet<u64> = HashSet::new();
    let trouble = random.u8(..=3);
    for attempt in 0..=trouble {
        let generation = random.u64(..GENERATIONS);
        let mut run = Run::new(&disk, reference, generation, random.fork());
        if attempt < trouble {
            // A whole run takes some hundred steps; the trouble comes anywhere in it, or not at all.
            let at = random.u64(..160);
            match random.u8(..4) {
                0 => disk.fail_after(at),
                1 => disk.lose_power_after(at),
                _ => disk.lose_power_at_sync(random.u64(..14)),
            }
        }
        let (done, end) = run.go();
        let committed = std::mem::take(&mut run.committed);
        drop(run);
        if let Some(done) = done {
            assert!(
                durable.is_subset(&done),
                "{durable:?} were durable, {done:?} are done"
            );
            durable.extend(done);
        }
        durable.extend(committed);
        assert_ne!(end, End::Mismatch);
        assert!(attempt < trouble || end == End::Whole, "{end:?}");
        disk.be_well();
        if end == End::PowerLost || random.u8(..4) == 0 {
            disk.power_up();
        }
        for shard in &durable {
            reference.check(&disk.files(Path::new(FOLDER)), *shard);
        }
        if attempt < trouble && random.u8(..3) == 0 {
            lose_a_file(&disk, &mut durable, &mut random);
        }
    }
    let files = disk.files(Path::new(FOLDER));
    assert_eq!(durable.len(), reference.plans.len());
    let of_shards: usize = durable
        .iter()
        .map(|id| files_of(&files, *id).0.len() + 1)
        .sum();
    let record = usize::from(files.contains_key(Path::new(RECORD_NAME)));
    assert_eq!(files.len(), of_shards + record, "{:?}", files.keys());
}

/// Removes a file of a durable shard, as people do: its mark and its other files stay, and it is done again.
fn lose_a_file(disk: &Simulated, durable: &mut HashSet<u64>, random: &mut Rng) {
    let mut ids: Vec<u64> = durable.iter().copied().collect();
    ids.sort_unstable();
    let Some(id) = random.choice(ids) else {
        return;
    };
    let folder = Path::new(FOLDER);
    let (files, _) = files_of(&disk.files(folder), id);
    // A folder of loose files goes whole.
    let names: BTreeSet<_> = files
        .keys()
        .filter_map(|path| path.components().next())
        .collect();
    let name = random.choice(names).expect("a shard has files");
    disk.remove(&folder.join(name)).expect("the power is on");
    disk.sync_folder(folder).expect("the power is on");
    durable.remove(&id);
}

fn from_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn no_loss_of_power_loses_a_durable_shard_or_passes_a_torn_one() {
    let folder = tempfile::tempdir().unwrap();
    let first = from_env("TURBO2DS_SEED", 0);
    for (at, format) in FORMATS.iter().enumerate() {
        let reference = Reference::new(folder.path(), format);
        for seed in first..first + from_env("TURBO2DS_SEEDS", SEEDS) {
            if seed % FORMATS.len() as u64 != at as u64 {
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
    let old = Reference::new(folder.path(), "webdataset");
    let mut config = old.config.clone();
    config.fingerprint.push(("image_size".into(), "512".into()));
    for seed in 0..SEEDS / 10 {
        let mut random = Rng::with_seed(seed);
        let disk = Simulated::new(seed);
        let mut run = Run::new(&disk, &old, 0, random.fork());
        assert_eq!(run.go().1, End::Whole);
        let mut overwriting = config.clone();
        overwriting.output.mode = IncrementalMode::Overwrite;
        let mut run = Run::new(&disk, &old, 1, random.fork());
        run.config = &overwriting;
        disk.lose_power_after(random.u64(..40));
        let (_, end) = run.go();
        disk.power_up();
        // The new options, without saying that the old dataset may go.
        let mut run = Run::new(&disk, &old, 1, random.fork());
        run.config = &config;
        let (done, again) = run.go();
        let files = disk.files(Path::new(FOLDER));
        match again {
            End::Whole => {
                for shard in 0..old.plans.len() as u64 {
                    let (found, _) = files_of(&files, shard);
                    assert!(
                        found == old.shards[1][&shard],
                        "seed {seed}: shard {shard} after {end:?}"
                    );
                }
            }
            End::Mismatch => assert!(done.is_none()),
            other => panic!("seed {seed}: {other:?}"),
        }
    }
}
