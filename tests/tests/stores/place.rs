//! Owns what the checks share: jobs whose dataset is in a store, the same into a folder, and what came of them.
//! Looks into the store without the product.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use turbo2ds_tests::harness::read::{Sample, files_below, rows, samples, text};
use turbo2ds_tests::harness::{Job, Outcome, tool_in};
use turbo2ds_tests::list;
use turbo2ds_tests::stores::{Bucket, StoreServer};
use turbo2ds_tests::web::{Ports, Web};

/// Rows of the usual list, of which the 20th is not found.
pub const ROWS: u64 = 23;
/// Rows of a shard.
pub const PER_SHARD: u64 = 5;
/// Rows of the list whose answers take their time, and of its shards.
pub const SLOW_ROWS: usize = 24;
pub const SLOW_PER_SHARD: usize = 4;
pub const SLOW_SHARDS: usize = SLOW_ROWS / SLOW_PER_SHARD;

/// The record of a dataset, which tells when and how its runs were.
pub const RECORD: &str = ".turbo2ds.json";
/// Documents of versions, which only runs of a whole list make.
const VERSIONS: &str = ".turbo2ds/versions/";

/// Whether a name is of something that two equal datasets may have different.
pub fn is_history(name: &str) -> bool {
    name == RECORD || name.starts_with(VERSIONS)
}

const USUAL: &str = "list.csv";
const SLOW: &str = "slow.txt";
const FRESH: &str = "fresh.txt";

/// What a dataset holds: rows and samples by key.
pub type Content = (Vec<String>, BTreeMap<String, Sample>);

/// A server with a web.
pub struct Place<'a> {
    pub server: &'a StoreServer,
    pub bucket: Bucket<'a>,
    pub web: Web,
    /// Of equal jobs, whose record tells where their list is.
    lists: TempDir,
}

impl<'a> Place<'a> {
    pub fn new(server: &'a StoreServer) -> Self {
        let web = Web::start(Ports::default()).unwrap();
        let lists = tempfile::tempdir().unwrap();
        let rows = list::sample(&web.url(""), ROWS);
        list::write(&lists.path().join(USUAL), list::ListFormat::Csv, rows).unwrap();
        let slow = (0..SLOW_ROWS).map(|seed| web.url(&format!("/slow/20/{seed}.jpg?w=90&h=70\n")));
        std::fs::write(lists.path().join(SLOW), slow.collect::<String>()).unwrap();
        let fresh =
            (0..SLOW_ROWS).map(|seed| web.url(&format!("/fresh/20/{seed}.jpg?w=90&h=70\n")));
        std::fs::write(lists.path().join(FRESH), fresh.collect::<String>()).unwrap();
        Self {
            server,
            bucket: server.bucket(),
            web,
            lists,
        }
    }

    /// The usual list.
    pub fn list(&self) -> PathBuf {
        self.lists.path().join(USUAL)
    }

    /// The list of slow answers, each of which is another picture.
    pub fn fresh(&self) -> PathBuf {
        self.lists.path().join(FRESH)
    }

    /// A job over the usual list into a folder. One download at a time: equal jobs write equal bytes.
    pub fn local(&self, format: &str) -> Job {
        Job::new(&self.web, "unused", "")
            .over(self.list())
            .option("--output_format", format)
            .option("--caption_col", "caption")
            .option("--save_additional_columns", "[\"id\"]")
            .option("--number_sample_per_shard", PER_SHARD.to_string())
            .option("--image_size", "64")
            .option("--processes_count", "1")
            .option("--thread_count", "1")
    }

    /// The same into the store.
    pub fn job(&self, format: &str, prefix: &str) -> Job {
        self.stored(self.local(format), prefix)
    }

    /// A job over a list whose answers take their time, into a folder.
    pub fn slow_local(&self, format: &str) -> Job {
        Job::new(&self.web, "unused", "")
            .over(self.lists.path().join(SLOW))
            .option("--output_format", format)
            .option("--number_sample_per_shard", SLOW_PER_SHARD.to_string())
            .option("--image_size", "48")
            .option("--thread_count", "2")
    }

    /// The same into the store.
    pub fn slow(&self, format: &str, prefix: &str) -> Job {
        self.stored(self.slow_local(format), prefix)
    }

    /// A job that writes to the store.
    pub fn stored(&self, job: Job, prefix: &str) -> Job {
        job.into_folder(self.server.url(prefix))
            .envs(self.server.env())
    }

    /// Names below a prefix, without those of the record and the versions.
    pub fn names(&self, prefix: &str) -> BTreeSet<String> {
        let names = self.bucket.list(prefix).into_keys();
        names.filter(|name| !is_history(name)).collect()
    }

    /// What is below a prefix, by name.
    pub fn objects(&self, prefix: &str) -> BTreeMap<String, Vec<u8>> {
        let names = self.bucket.list(prefix).into_keys();
        names
            .map(|name| {
                let content = self.bucket.get(&format!("{prefix}/{name}"));
                (name, content.unwrap())
            })
            .collect()
    }

    /// What a dataset in the store holds.
    pub fn content(&self, prefix: &str, format: &str) -> Content {
        let folder = tempfile::tempdir().unwrap();
        self.bucket.copy_to(prefix, folder.path());
        content(folder.path(), format)
    }

    /// The dataset holds what the one in the folder does, under the same names, and `verify` calls it whole.
    pub fn check_same(&self, prefix: &str, format: &str, whole: &Whole) {
        assert_eq!(self.names(prefix), whole.names, "other names");
        assert!(
            self.content(prefix, format) == whole.content,
            "other rows or samples"
        );
        self.check_nothing_left(prefix);
        let report = self.verified(prefix);
        assert_eq!(report["whole"], true, "{report}");
    }

    /// No upload is unfinished.
    pub fn check_nothing_left(&self, prefix: &str) {
        let left = self.bucket.unfinished(prefix).unwrap_or_default();
        assert!(left.is_empty(), "unfinished uploads: {left:?}");
    }

    /// What `verify --json` says of a dataset.
    pub fn verified(&self, prefix: &str) -> Value {
        let outcome = self.verify(prefix, &["--json"]);
        let report = serde_json::from_str::<Value>(&outcome.stdout)
            .unwrap_or_else(|error| panic!("{error}: {outcome}"));
        assert_eq!(report["exit_code"].as_i64(), outcome.code.map(i64::from));
        report
    }

    /// Runs `verify`.
    pub fn verify(&self, prefix: &str, switches: &[&str]) -> Outcome {
        let url = self.server.url(prefix);
        let arguments = ["verify", &url].into_iter().chain(switches.iter().copied());
        tool_in(self.server.env(), arguments)
    }

    /// The run is refused with this exit code, one line of an error that has these words and one hint, and no row
    /// is asked for.
    pub fn check_refused(&self, job: &Job, code: i32, words: &[&str]) -> Outcome {
        let asked = self.web.requests();
        let outcome = job.run();
        assert_eq!(outcome.code, Some(code), "{outcome}");
        let lines: Vec<&str> = outcome
            .stderr
            .lines()
            .filter(|line| !line.is_empty())
            .collect();
        let hints = lines
            .iter()
            .filter(|line| line.starts_with("hint:"))
            .count();
        assert_eq!(
            (lines.len(), hints),
            (2, 1),
            "an error and a hint: {outcome}"
        );
        for word in words {
            assert!(
                outcome.stderr.contains(word),
                "`{word}` is not said: {outcome}"
            );
        }
        assert_eq!(self.web.requests(), asked, "rows were asked for: {outcome}");
        outcome
    }
}

/// What a run that nothing disturbed leaves in a folder.
pub struct Whole {
    pub names: BTreeSet<String>,
    pub content: Content,
}

impl Whole {
    /// Runs the job, which writes to a folder.
    pub fn of(job: &Job, format: &str) -> Self {
        job.succeed();
        let folder = job.output();
        let names = files_below(&folder).into_keys();
        Self {
            names: names.filter(|name| !is_history(name)).collect(),
            content: content(&folder, format),
        }
    }
}

/// Rows and samples of a dataset in a folder, whatever the order in which they came.
pub fn content(folder: &Path, format: &str) -> Content {
    let rows = rows(folder);
    let samples = samples(folder, format);
    let with_image = rows.iter().filter(|row| text(row, "status") == "success");
    assert_eq!(with_image.count(), samples.len(), "samples and their rows");
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    (rows, samples)
}

/// A folder that holds what is below a prefix.
pub fn downloaded(place: &Place<'_>, prefix: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    place.bucket.copy_to(prefix, folder.path());
    folder
}
