//! Owns a look at a dataset's folder in a store: its names, its marks and its claims, read at once so that
//! decisions about thousands of shards take a few rounds of requests. Never writes.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use turbo2ds_writers::Part;

use super::place::{Place, claim_parts};
use crate::dataset::disk::{Files, Kind, RandomAccess};
use crate::dataset::names::{OWN_FOLDER, RECORD_NAME, shard_file, shard_number};
use crate::dataset::ownership::{Intent, Standing};
use crate::dataset::record::Record;
use crate::error::Error;
use crate::net::storage::{Found, StorageError};

/// Marks that are read at a time.
const READS: usize = 48;

/// What a folder holds, as of one look.
pub(super) struct Snapshot {
    place: Place,
    entries: BTreeMap<String, Kind>,
    /// Contents of the marks and the record, with their versions.
    contents: HashMap<String, (Bytes, String)>,
    /// Claims: what they claim, and their generation.
    pub(super) claims: Vec<(String, u64)>,
}

impl Snapshot {
    /// Looks. What `before` has read and has not changed is not read again.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn take(place: &Place, before: Option<Self>) -> Result<Self, StorageError> {
        let objects = &place.objects;
        // Claims before and after the rest: one that came or went in between is seen by one of them.
        let early = objects.list(&place.claims()).await?.objects;
        let listed = objects.list(place.root()).await?;
        let late = objects.list(&place.claims()).await?.objects;
        let mut entries = BTreeMap::new();
        let mut wanted = Vec::new();
        let mut known = before.map(|before| before.contents).unwrap_or_default();
        let mut contents = HashMap::new();
        for object in &listed.objects {
            let Some(name) = place.name_of(&object.key) else {
                continue;
            };
            entries.insert(name.to_owned(), Kind::File);
            let is_mark = matches!(shard_file(name), Some((_, Part::Mark)));
            if !is_mark && name != RECORD_NAME {
                continue;
            }
            match known.remove(name) {
                Some(read) if is_same(&read.1, &object.found) => {
                    contents.insert(name.to_owned(), read);
                }
                _ => wanted.push(name.to_owned()),
            }
        }
        for folder in &listed.folders {
            let name = place.name_of(folder).filter(|name| *name != OWN_FOLDER);
            entries.extend(name.map(|name| (name.to_owned(), Kind::Folder)));
        }
        let reads = stream::iter(wanted).map(|name| async move {
            let read = objects.get(&place.key(&name)).await?;
            Ok::<_, StorageError>(read.map(|(bytes, found)| (name, (bytes, found.version))))
        });
        let read: Vec<_> = reads.buffer_unordered(READS).try_collect().await?;
        contents.extend(read.into_iter().flatten());
        let claims = early
            .iter()
            .chain(&late)
            .filter_map(|entry| claim_parts(&entry.key));
        let mut claims: Vec<_> = claims
            .map(|(name, generation)| (name.to_owned(), generation))
            .collect();
        claims.sort();
        claims.dedup();
        Ok(Self {
            place: place.clone(),
            entries,
            contents,
            claims,
        })
    }

    /// A look at nothing yet: for who reads files whose names are known.
    pub(super) fn unlooked(place: &Place) -> Self {
        Self {
            place: place.clone(),
            entries: BTreeMap::new(),
            contents: HashMap::new(),
            claims: Vec::new(),
        }
    }

    /// What the look means, with a record that is already known.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn standing(&self, record: Record) -> io::Result<Standing<'_>> {
        let mut standing = Standing::with_record(self, self.place.folder(), record)?;
        standing.intents = self.intents().collect();
        Ok(standing)
    }

    /// What the look means.
    ///
    /// # Errors
    /// `Output` for a record that is not ours, and the store's errors.
    pub(super) fn read_standing(&self) -> Result<Standing<'_>, Error> {
        let record = Record::read(self, self.place.folder())?;
        let folder = self.place.folder();
        self.standing(record)
            .map_err(|error| Error::output_io(folder, error))
    }

    /// A claim says whose a shard's files are, as an intent does in a folder of a file system.
    fn intents(&self) -> impl Iterator<Item = Intent> {
        self.claims.iter().filter_map(|(name, generation)| {
            Some(Intent {
                shard_id: shard_number(name)?,
                name: self.place.claim(name, *generation),
                word: generation.to_string(),
                samples: true,
            })
        })
    }

    /// The names of the files and folders, without the runs' own.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// What a mark or the record says.
    pub(super) fn content(&self, name: &str) -> Option<&Bytes> {
        self.contents.get(name).map(|(content, _)| content)
    }

    /// The numbers of the shards that are claimed.
    pub(super) fn claimed(&self) -> impl Iterator<Item = u64> {
        self.claims
            .iter()
            .filter_map(|(name, _)| shard_number(name))
    }
}

fn is_same(version: &str, found: &Found) -> bool {
    !version.is_empty() && version == found.version
}

impl Files for Snapshot {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let Some(name) = self.name(path) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        if let Some((bytes, _)) = self.contents.get(name) {
            return Ok(bytes.to_vec());
        }
        let key = self.place.key(name);
        let read = self
            .place
            .objects
            .wait(|objects| async move { objects.get(&key).await })?;
        let (bytes, _) = read.ok_or(io::ErrorKind::NotFound)?;
        Ok(bytes.to_vec())
    }

    fn stream(&self, path: &Path) -> io::Result<Box<dyn Read + Send>> {
        let name = self.name(path).ok_or(io::ErrorKind::NotFound)?;
        self.place.stream(name)
    }

    fn read_small(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        // One request.
        self.read(path)
    }

    fn random(&self, path: &Path) -> io::Result<RandomAccess> {
        let name = self.name(path).ok_or(io::ErrorKind::NotFound)?;
        self.place.random(name)
    }

    fn exists(&self, path: &Path) -> bool {
        matches!(self.kind(path), Ok(Some(_)))
    }

    fn kind(&self, path: &Path) -> io::Result<Option<Kind>> {
        Ok(self
            .name(path)
            .and_then(|name| self.entries.get(name))
            .copied())
    }

    fn entries(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let name = self.name(folder).ok_or(io::ErrorKind::NotFound)?;
        if name.is_empty() {
            return Ok(self.entries.clone().into_iter().collect());
        }
        let key = self.place.key(name);
        let inner = format!("{name}/");
        let listed = self
            .place
            .objects
            .wait(|objects| async move { objects.list(&key).await })?;
        let files = listed.objects.iter().map(|entry| (&entry.key, Kind::File));
        let folders = listed.folders.iter().map(|key| (key, Kind::Folder));
        let named = files.chain(folders).filter_map(|(key, kind)| {
            let name = self.place.name_of(key)?.strip_prefix(&inner)?;
            Some((name.to_owned(), kind))
        });
        Ok(named.collect())
    }
}

impl Snapshot {
    /// The name in the folder that a path stands for.
    fn name<'p>(&self, path: &'p Path) -> Option<&'p str> {
        path.strip_prefix(self.place.folder()).ok()?.to_str()
    }
}
