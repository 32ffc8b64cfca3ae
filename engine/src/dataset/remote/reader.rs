//! Owns a dataset in a store as those see it who read it beside its runs: which names are there, what the marks and
//! the record say, and the bytes of any file. Never writes, and joins no run.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::place::Place;
use super::snapshot::Snapshot;
use crate::config::{Config, Location};
use crate::dataset::disk::RandomAccess;
use crate::error::Error;
use crate::net::storage::{self, Objects, StorageError};

/// A dataset in a store, for those who read it. Cheap to clone.
#[derive(Clone)]
pub struct StoreReader(Arc<Inner>);

struct Inner {
    place: Place,
    /// The last look.
    seen: Mutex<Option<Snapshot>>,
}

impl StoreReader {
    /// Opens the store of a configuration's output, and asks it once.
    ///
    /// # Errors
    /// `Usage` if the output is no store, or cannot be used as it is configured; `Output` for the store's errors.
    pub fn open(config: &Config) -> Result<Self, Error> {
        let Location::Remote(url) = &config.output.location else {
            return Err(Error::usage(
                "a path is no URL of a store",
                "give a URL such as s3://bucket/folder, gs://, az://, abfs://, hdfs://",
            ));
        };
        Self::of(storage::open(url, &config.storage)?)
    }

    fn of(objects: Objects) -> Result<Self, Error> {
        let place = Place::new(objects);
        let root = place.root().to_owned();
        let contact = place
            .objects
            .wait(|objects| async move { objects.first_contact(&root).await });
        contact.map_err(StorageError::of_output)?;
        Ok(Self(Arc::new(Inner {
            place,
            seen: Mutex::default(),
        })))
    }

    /// Looks, and gives the names of the files and folders that are there. Marks that have not changed since
    /// the look before are not read again.
    ///
    /// # Errors
    /// `Output`: the store's.
    pub fn look(&self) -> Result<Vec<String>, Error> {
        let (place, before) = (self.0.place.clone(), self.seen().take());
        let look = async move { Snapshot::take(&place, before).await };
        let snapshot = self.0.place.objects.wait(|_| look);
        let snapshot = snapshot.map_err(StorageError::of_output)?;
        let names = snapshot.names().map(str::to_owned).collect();
        *self.seen() = Some(snapshot);
        Ok(names)
    }

    /// The content of a mark, or of the record, as of the last look; `None` for what was not there.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let seen = self.seen();
        let content = seen.as_ref()?.content(name)?;
        Some(content.to_vec())
    }

    /// Opens a file.
    ///
    /// # Errors
    /// `Output`: the store's, and if nothing has the name.
    pub fn file(&self, name: &str) -> Result<StoredFile, Error> {
        let opened = self.0.place.random(name);
        Ok(StoredFile {
            bytes: opened.map_err(|error| self.failed(name, error))?,
            reader: self.clone(),
            name: name.into(),
        })
    }

    fn failed(&self, name: &str, error: io::Error) -> Error {
        Error::output_io(&self.0.place.shown(name), error)
    }

    fn seen(&self) -> MutexGuard<'_, Option<Snapshot>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of a dataset in a store. Cheap to clone.
#[derive(Clone)]
pub struct StoredFile {
    bytes: RandomAccess,
    reader: StoreReader,
    name: Arc<str>,
}

impl StoredFile {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        self.bytes.length()
    }

    /// `length` bytes that begin at `at`.
    ///
    /// # Errors
    /// `Output`: the store's, and if there are fewer.
    pub fn read_at(&self, at: u64, length: usize) -> Result<Vec<u8>, Error> {
        let read = self.bytes.read_at(at, length);
        let read = read.map_err(|error| self.reader.failed(&self.name, error))?;
        Ok(read.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::names::RECORD_NAME;
    use crate::dataset::remote::testing::place;
    use crate::net::storage::Put;

    fn put(place: &Place, name: &str, content: &str) {
        let (key, content) = (place.key(name), content.as_bytes().to_vec());
        let put = place
            .objects
            .wait(|objects| async move { objects.put(&key, content, Put::Replace).await });
        put.expect("memory");
    }

    #[test]
    fn a_reader_follows_what_is_there() {
        let place = place("memory://reader/out");
        let reader = StoreReader::of(place.objects.clone()).expect("memory");
        assert_eq!(reader.look().expect("memory"), Vec::<String>::new());
        assert_eq!(reader.content("00000_stats.json"), None);
        for (name, content) in [
            ("00000.tar", "samples"),
            ("00000_stats.json", "{}"),
            ("00001/000010000.jpg", "image"),
            (RECORD_NAME, "record"),
            (".turbo2ds/runs/word.json", "note"),
        ] {
            put(&place, name, content);
        }
        let names = reader.look().expect("memory");
        assert_eq!(
            names,
            [RECORD_NAME, "00000.tar", "00000_stats.json", "00001"]
        );
        assert_eq!(
            reader.content("00000_stats.json").as_deref(),
            Some(&b"{}"[..])
        );
        assert_eq!(reader.content(RECORD_NAME).as_deref(), Some(&b"record"[..]));
        assert_eq!(reader.content("00000.tar"), None, "no sample is read");
        put(&place, "00000_stats.json", "[]");
        reader.look().expect("memory");
        assert_eq!(
            reader.content("00000_stats.json").as_deref(),
            Some(&b"[]"[..])
        );
        let file = reader.file("00000.tar").expect("memory");
        assert_eq!(file.length(), 7);
        assert_eq!(file.read_at(4, 3).expect("bytes"), b"les");
        for error in [
            file.read_at(4, 4).expect_err("too many"),
            reader.file("00001.tar").err().expect("nothing"),
        ] {
            let said = error.message().to_string();
            assert!(said.contains("memory://reader/out/0000"), "{said}");
        }
    }
}
