//! Owns the look at a dataset's folder: what it holds, and which of it is the dataset's own. Never changes
//! anything, and never takes a name as proof.
//!
//! Why an intent's files are those whose temporary names are gone: when an intent reads back whole, the
//! temporary names of all its files are durable (see [`crate::dataset::commit`]), and a rename is atomic. So
//! each of its files is either under its temporary name or, once renamed, under its final name. A file that
//! has the final name while the temporary one still exists came from elsewhere.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;

use turbo2ds_writers::{Part, ShardStats};

use super::members::{Keys, Members};
use crate::dataset::disk::{Files, Kind};
use crate::dataset::names::{
    CLAIM, Shape, kind_of, shard_file, shard_number, temporary_name, temporary_parts,
};
use crate::dataset::record::Record;
use crate::error::Error;

/// A whole mark under its temporary name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Intent {
    /// The shard.
    pub(crate) shard_id: u64,
    /// Its temporary name.
    pub(crate) name: String,
    /// The word in its temporary name, which the shard's other temporary names share.
    pub(crate) word: String,
    /// Whether the shard has samples, and so a folder if its samples are loose files.
    pub(crate) samples: bool,
}

impl Intent {
    /// The temporary name of a file of the same shard and try.
    pub(crate) fn temporary(&self, name: &str) -> String {
        temporary_name(name, &self.word)
    }
}

/// What is under the name of a mark.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    /// Nothing.
    None,
    /// A file without content: the shard is to be done again, and the mark names its files.
    Empty,
    /// A mark that reads back.
    Whole(ShardStats),
    /// A mark damaged by a bad disk: it does not read back, but it began as a mark.
    Damaged,
    /// Something else.
    Other,
}

/// The first bytes of every mark.
const MARK_START: &[u8] = b"{\n    \"count\": ";

impl Mark {
    /// What these bytes under the name of a mark are.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        if let Some(stats) = ShardStats::from_json(bytes) {
            return Self::Whole(stats);
        }
        let has_nothing = bytes
            .iter()
            .all(|byte| *byte == 0 || byte.is_ascii_whitespace());
        let text = bytes.trim_ascii();
        let is_cut = bytes.starts_with(MARK_START) || MARK_START.starts_with(bytes);
        if has_nothing || is_cut || matches!(text, b"{}" | b"null") || has_counts(bytes) {
            Self::Damaged
        } else {
            Self::Other
        }
    }
}

/// Whether this is an object with a mark's fields, whatever their values.
fn has_counts(bytes: &[u8]) -> bool {
    let json: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let fields = ["count", "successes", "status_dict"];
    fields.iter().all(|field| json.get(field).is_some())
}

/// Reads and classifies a mark.
///
/// # Errors
/// The file system's error.
pub(crate) fn mark_of(files: &dyn Files, path: &Path) -> io::Result<Mark> {
    match files.kind(path)? {
        None => return Ok(Mark::None),
        Some(Kind::File) => {}
        Some(_) => return Ok(Mark::Other),
    }
    match files.read(path) {
        Ok(bytes) => Ok(Mark::read(&bytes)),
        // Another worker's commit has renamed it in the meantime.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Mark::None),
        Err(error) => Err(error),
    }
}

/// What a folder holds, as of one look.
pub(crate) struct Standing<'a> {
    files: &'a dyn Files,
    folder: &'a Path,
    pub(crate) entries: BTreeMap<String, Kind>,
    pub(crate) record: Record,
    pub(crate) intents: Vec<Intent>,
    /// Shards that were looked up, and whether a mark of ours names their files.
    marked: RefCell<HashMap<u64, bool>>,
}

impl<'a> Standing<'a> {
    /// Reads the record, lists the folder and reads the intents. In this order, because the record exists
    /// before any file that it names.
    ///
    /// # Errors
    /// `Output`, for file system errors and for a record that is not ours.
    pub(crate) fn look(files: &'a dyn Files, folder: &'a Path) -> Result<Self, Error> {
        let record = Record::read(files, folder)?;
        Self::with_record(files, folder, record).map_err(|error| Error::output_io(folder, error))
    }

    /// Like [`Self::look`], with a record that is already known.
    ///
    /// # Errors
    /// The file system's error.
    pub(crate) fn with_record(
        files: &'a dyn Files,
        folder: &'a Path,
        record: Record,
    ) -> io::Result<Self> {
        let mut standing = Self {
            entries: files.entries(folder)?.into_iter().collect(),
            record,
            ..Self::empty(files, folder)
        };
        let read = |(name, kind): (&String, &Kind)| standing.read_intent(name, kind).transpose();
        let intents = standing.entries.iter().filter_map(read);
        standing.intents = intents.collect::<io::Result<_>>()?;
        Ok(standing)
    }

    /// A folder that does not exist yet.
    pub(crate) fn empty(files: &'a dyn Files, folder: &'a Path) -> Self {
        Self {
            files,
            folder,
            entries: BTreeMap::new(),
            record: Record::default(),
            intents: Vec::new(),
            marked: RefCell::default(),
        }
    }

    /// What the folder is read through.
    pub(crate) fn files(&self) -> &'a dyn Files {
        self.files
    }

    /// The dataset's folder.
    pub(crate) fn folder(&self) -> &'a Path {
        self.folder
    }

    fn read_intent(&self, name: &str, kind: &Kind) -> io::Result<Option<Intent>> {
        let Some((mark, word)) = temporary_parts(name).filter(|(_, word)| *word != CLAIM) else {
            return Ok(None);
        };
        let Some((stem, Part::Mark)) = shard_file(mark) else {
            return Ok(None);
        };
        let Some(shard_id) = shard_number(stem).filter(|_| *kind == Kind::File) else {
            return Ok(None);
        };
        let ours = self.shape_of(shard_id);
        if ours.is_none_or(|shape| shape.part_of(mark).is_none()) {
            return Ok(None);
        }
        let Mark::Whole(stats) = mark_of(self.files, &self.folder.join(name))? else {
            return Ok(None);
        };
        Ok(Some(Intent {
            shard_id,
            name: name.to_owned(),
            word: word.to_owned(),
            samples: stats.successes > 0,
        }))
    }

    /// The numbers of all shards that have a mark, whoever owns it and whatever its content.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.entries.keys().filter_map(|name| {
            let (stem, part) = shard_file(name)?;
            (part == Part::Mark).then(|| shard_number(stem)).flatten()
        })
    }

    /// How the files of a shard are named, if the shard belongs to one of our runs.
    pub(crate) fn shape_of(&self, shard_id: u64) -> Option<Shape> {
        self.record.shape_of(shard_id)
    }

    /// The files that an intent's commit gave their final names.
    pub(crate) fn placed(&self, intent: &Intent, shape: Shape) -> Vec<(Part, String)> {
        let files = shape.format.files().iter();
        let made = files.filter(|file| file.is_made(intent.samples));
        made.map(|file| (file.part, shape.name(intent.shard_id, file.part)))
            .filter(|(part, name)| {
                let stands = self.entries.get(name) == Some(&kind_of(*part));
                stands && !self.entries.contains_key(&intent.temporary(name))
            })
            .collect()
    }

    /// Whether a mark of ours names this shard's files.
    ///
    /// # Errors
    /// The file system's error.
    pub(crate) fn is_marked(&self, shard_id: u64) -> io::Result<bool> {
        if let Some(known) = self.marked.borrow().get(&shard_id) {
            return Ok(*known);
        }
        let marked = match self.shape_of(shard_id) {
            Some(shape) => self.has_our_mark(shard_id, shape)?,
            None => false,
        };
        self.marked.borrow_mut().insert(shard_id, marked);
        Ok(marked)
    }

    fn has_our_mark(&self, shard_id: u64, shape: Shape) -> io::Result<bool> {
        let name = shape.name(shard_id, Part::Mark);
        if self.entries.get(&name) != Some(&Kind::File) {
            return Ok(false);
        }
        let mark = mark_of(self.files, &self.folder.join(&name))?;
        if mark != Mark::Damaged {
            return Ok(matches!(mark, Mark::Empty | Mark::Whole(_)));
        }
        // A commit renames files only if there is no mark or an empty one. So if an intent has renamed files, this
        // mark came later.
        let intents = self.intents.iter();
        let mut of_shard = intents.filter(|intent| intent.shard_id == shard_id);
        Ok(of_shard.all(|intent| self.placed(intent, shape).is_empty()))
    }

    /// Whether the file of this name in the folder is the dataset's own.
    ///
    /// # Errors
    /// The file system's error.
    pub(crate) fn owns(&self, name: &str) -> io::Result<bool> {
        let Some((stem, _)) = shard_file(name) else {
            return Ok(false);
        };
        let number = shard_number(stem);
        let shape = number.and_then(|id| Some((id, self.shape_of(id)?)));
        let Some((shard_id, shape)) = shape else {
            return Ok(false);
        };
        let Some((_, part)) = shape.part_of(name) else {
            return Ok(false);
        };
        if self.entries.get(name) != Some(&kind_of(part)) {
            return Ok(false);
        }
        if self.is_marked(shard_id)? {
            return Ok(true);
        }
        let intents = self.intents.iter();
        let mut of_shard = intents.filter(|intent| intent.shard_id == shard_id);
        Ok(of_shard.any(|intent| {
            let placed = self.placed(intent, shape);
            placed.iter().any(|(_, placed)| placed == name)
        }))
    }

    /// The loose files of a shard of ours. If the list gives the keys, the names come from the metadata, even
    /// if the metadata does not have its final name yet.
    ///
    /// # Errors
    /// The file system's error.
    pub(crate) fn members(&self, shard_id: u64, shape: Shape) -> io::Result<Members> {
        let rows = shape.rows_per_shard as u64;
        let keys = if shape.given_keys {
            let metadata = shape.format.metadata();
            let name = metadata.map(|file| shape.name(shard_id, file.part));
            let told = name
                .map(|name| self.told_keys(&name, shard_id))
                .transpose()?;
            told.flatten().unwrap_or(Keys::Given(HashSet::new()))
        } else {
            Keys::Numbered
        };
        Ok(Members::new(shape, shard_id, rows, keys))
    }

    fn told_keys(&self, metadata: &str, shard_id: u64) -> io::Result<Option<Keys>> {
        let intents = self.intents.iter();
        let of_shard = intents.filter(|intent| intent.shard_id == shard_id);
        for intent in of_shard {
            let temporary = intent.temporary(metadata);
            if self.entries.contains_key(&temporary) {
                return Ok(Keys::told_by(self.files, &self.folder.join(temporary)));
            }
        }
        if !self.owns(metadata)? {
            return Ok(None);
        }
        Ok(Keys::told_by(self.files, &self.folder.join(metadata)))
    }

    /// What a shard's folder holds in addition to its own loose files, by name and kind.
    ///
    /// # Errors
    /// The file system's error.
    pub(crate) fn others_in_folder(
        &self,
        shard_id: u64,
        shape: Shape,
    ) -> io::Result<Vec<(String, Kind)>> {
        let folder = self.folder.join(shape.name(shard_id, Part::Folder));
        let members = self.members(shard_id, shape)?;
        let mut others = self.files.entries(&folder)?;
        others.retain(|(name, kind)| !members.has(name, *kind));
        Ok(others)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use turbo2ds_writers::OutputFormat;

    use super::*;
    use crate::dataset::disk;
    use crate::dataset::names::RECORD_NAME;
    use crate::dataset::testing::record;

    const WORD: &str = "0123456789abcdef";

    struct Folder(tempfile::TempDir);

    impl Folder {
        /// A folder of one run's shards, from number 0.
        fn of(format: OutputFormat) -> Self {
            let folder = Self(tempfile::tempdir().expect("a folder"));
            folder.put(
                RECORD_NAME,
                &record(format).to_document().expect("plain data"),
            );
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn put(&self, name: &str, text: &str) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }

        fn temporary(&self, name: &str, text: &str) {
            self.put(&temporary_name(name, WORD), text);
        }

        /// Those of these names that are the dataset's own.
        fn owned<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
            let disk = disk::real();
            let standing = Standing::look(&*disk, self.0.path()).expect("a look");
            let owns = |name: &&&str| standing.owns(name).expect("an answer");
            names.iter().filter(owns).copied().collect()
        }
    }

    /// What a commit writes under the mark's temporary name. Every later version must read it.
    const INTENT: &str = "{\n    \"count\": 2,\n    \"successes\": 1,\n    \"failed_to_download\": 1,\n    \"failed_to_resize\": 0,\n    \"duration\": 1.5,\n    \"start_time\": 1700000000.5,\n    \"end_time\": 1700000002.0,\n    \"status_dict\": {\n        \"success\": 1,\n        \"timed out\": 1\n    }\n}";
    const SHARD: [&str; 3] = ["00003.tar", "00003.parquet", "00003_stats.json"];

    #[test]
    fn the_intent_on_the_disk_reads_back() {
        let folder = Folder::of(OutputFormat::Files);
        folder.put(".00003_stats.json.0123456789abcdef.part", INTENT);
        let disk = disk::real();
        let standing = Standing::look(&*disk, folder.0.path()).expect("a look");
        let expected = Intent {
            shard_id: 3,
            name: ".00003_stats.json.0123456789abcdef.part".to_owned(),
            word: WORD.to_owned(),
            samples: true,
        };
        assert_eq!(standing.intents, [expected]);
        let stats = ShardStats::from_json(INTENT.as_bytes()).expect("a whole mark");
        assert_eq!(stats.to_json(), INTENT.as_bytes());
    }

    #[test]
    fn a_name_alone_proves_nothing() {
        let folder = Folder::of(OutputFormat::Webdataset);
        folder.put("00003.tar", "mine");
        folder.put("00003.parquet", "mine");
        assert!(folder.owned(&SHARD).is_empty());
        folder.put("00003_stats.json", INTENT);
        assert_eq!(folder.owned(&SHARD), SHARD);
        assert!(
            folder
                .owned(&["00003.tfrecord", "3.tar", "notes.txt"])
                .is_empty()
        );
    }

    #[test]
    fn an_intent_names_what_it_has_renamed_and_nothing_else() {
        let folder = Folder::of(OutputFormat::Webdataset);
        folder.temporary("00003_stats.json", INTENT);
        folder.temporary("00003.parquet", "ours");
        folder.put("00003.tar", "ours");
        folder.put(
            "00003.parquet",
            "mine: it came while the temporary one was there",
        );
        assert_eq!(folder.owned(&SHARD), ["00003.tar"]);
        folder.temporary("00003.tar", "ours");
        assert!(folder.owned(&SHARD).is_empty());
    }

    #[test]
    fn a_torn_mark_is_no_intent() {
        for text in ["", "{", &INTENT[..INTENT.len() - 1], "mine"] {
            let folder = Folder::of(OutputFormat::Webdataset);
            folder.put("00003.tar", "mine");
            folder.temporary("00003_stats.json", text);
            assert!(folder.owned(&SHARD).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_damaged_mark_names_its_shard_and_what_is_none_does_not() {
        let half = &INTENT[..INTENT.len() / 2];
        let lying = INTENT.replace("\"count\": 2", "\"count\": 3");
        for text in [
            "", "{", "{}", "null", "\0\0\0\0", "\n", half, &lying, INTENT,
        ] {
            let folder = Folder::of(OutputFormat::Webdataset);
            folder.put("00003_stats.json", text);
            folder.put("00003.tar", "ours");
            folder.put("00003.parquet", "ours");
            assert_eq!(folder.owned(&SHARD), SHARD, "{text:?}");
        }
        for text in ["my notes", "[]", "{\"count\": 1}", "1", "{\"mine\"", "PAR1"] {
            let folder = Folder::of(OutputFormat::Webdataset);
            folder.put("00003_stats.json", text);
            folder.put("00003.tar", "mine");
            folder.put("00003.parquet", "mine");
            assert!(folder.owned(&SHARD).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn a_mark_that_came_while_a_commit_was_under_way_is_somebodys() {
        let folder = Folder::of(OutputFormat::Webdataset);
        folder.temporary("00003_stats.json", INTENT);
        folder.put("00003.tar", "ours");
        for text in ["mine", "{}"] {
            folder.put("00003_stats.json", text);
            assert_eq!(folder.owned(&SHARD), ["00003.tar"], "{text}");
        }
    }

    #[test]
    fn links_and_what_is_of_another_kind_are_nobodys_shard() {
        let folder = Folder::of(OutputFormat::Files);
        folder.put("00003_stats.json", INTENT);
        folder.put("elsewhere/000030.jpg", "mine");
        std::os::unix::fs::symlink(folder.path("elsewhere"), folder.path("00003")).expect("a link");
        fs::create_dir(folder.path("00003.parquet")).expect("a folder");
        assert_eq!(
            folder.owned(&["00003", "00003.parquet", "00003_stats.json"]),
            ["00003_stats.json"]
        );
    }

    #[test]
    fn what_stood_there_before_the_first_run_is_not_ours() {
        let folder = Folder::of(OutputFormat::Webdataset);
        for name in SHARD {
            folder.put(name, INTENT);
        }
        let disk = disk::real();
        let mut record = Record::read(&*disk, folder.0.path()).expect("a record");
        record.set_found(&[3].into());
        folder.put(RECORD_NAME, &record.to_document().expect("plain data"));
        assert!(folder.owned(&SHARD).is_empty());
        fs::remove_file(folder.path(RECORD_NAME)).expect("the record goes");
        assert!(folder.owned(&SHARD).is_empty(), "and without a record");
    }

    #[test]
    fn a_folders_own_files_are_told_from_others() {
        let folder = Folder::of(OutputFormat::Files);
        folder.put("00003_stats.json", INTENT);
        for name in [
            "000030.jpg",
            "000030.json",
            "000030.png",
            "000040.jpg",
            "mine.txt",
        ] {
            folder.put(&format!("00003/{name}"), "");
        }
        fs::create_dir(folder.path("00003/000031.jpg")).expect("a folder");
        let disk = disk::real();
        let standing = Standing::look(&*disk, folder.0.path()).expect("a look");
        let shape = standing.shape_of(3).expect("a run's");
        let mut others = standing.others_in_folder(3, shape).expect("a list");
        others.sort_by(|one, other| one.0.cmp(&other.0));
        let names: Vec<&str> = others.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            ["000030.png", "000031.jpg", "000040.jpg", "mine.txt"]
        );
    }
}
