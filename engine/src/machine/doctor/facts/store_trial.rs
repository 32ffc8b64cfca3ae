//! Owns the trial of a store: small objects and an upload in parts, written, read and removed as a run does it.
//! Everything is below `.turbo2ds/doctor-WORD/` in the dataset's folder. Where an object could not be removed, no
//! large one is written. Never judges what it finds.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::store::{Ask, Store};
use crate::config::StoreUrl;
use crate::net::storage::{Kind, Objects, PartUpload, Put, StorageError};

/// What a small object holds.
const SMALL: &[u8] = b"turbo2ds doctor";
/// Small requests whose times are taken.
const LOOKS: usize = 8;
/// Bytes of a part, as of a shard's.
const PART_BYTES: usize = 8 << 20;
/// Parts of the large object.
const PARTS: usize = 4;
/// Parts that are under way at a time, as of a shard.
const PARTS_UNDER_WAY: usize = 2;
/// Bytes of the large object.
pub(in crate::machine::doctor) const TRIAL_BYTES: u64 = (PARTS * PART_BYTES) as u64;

/// A trial that is under way.
pub(super) struct Trial {
    objects: Objects,
    /// The key of the trial's folder.
    folder: String,
    found: Store,
    /// The store is away: nothing more is tried.
    is_over: bool,
}

impl Trial {
    /// Tries the store.
    pub(super) async fn run(objects: Objects, url: StoreUrl) -> Store {
        let contact = objects.first_contact(url.path()).await;
        let word = RandomState::new().hash_one(std::process::id());
        let folder = url.join(&format!(".turbo2ds/doctor-{word:016x}"));
        let mut trial = Self {
            objects,
            folder: folder.path().to_owned(),
            found: Store::new(url, Ok(())),
            is_over: false,
        };
        match contact {
            // Whoever is denied the list is known, and may have other rights.
            Err(error) if error.kind == Kind::Denied => {
                trial.note(Ask::List, Err::<(), _>(error));
            }
            Err(error) => {
                trial.found.contact = Err(error);
                return trial.found;
            }
            Ok(()) => {
                let listed = trial.objects.list(&trial.folder).await;
                trial.note(Ask::List, listed);
            }
        }
        trial.all().await;
        trial.found
    }

    async fn all(&mut self) {
        let is_usable = self.small().await;
        self.unfinished().await;
        if !is_usable || self.is_over {
            return;
        }
        self.large(&content()).await;
        if self.is_over {
            return;
        }
        let folder = self.folder.clone();
        let key = |round| format!("{folder}/once-{round}");
        let conditions = self.objects.keeps_conditions(key).await;
        self.found.conditions = Some(conditions);
    }

    /// Takes note of how something ended that was asked, and returns its value.
    fn note<T>(&mut self, ask: Ask, ended: Result<T, StorageError>) -> Option<T> {
        let (value, ended) = match ended {
            Ok(value) => (Some(value), Ok(())),
            Err(error) => {
                self.is_over |= matches!(error.kind, Kind::Away | Kind::SlowDown);
                (None, Err(error))
            }
        };
        let known = self.found.asked.iter_mut().find(|(known, _)| *known == ask);
        match known {
            Some((_, known)) if known.is_ok() => *known = ended,
            Some(_) => {}
            None => self.found.asked.push((ask, ended)),
        }
        value
    }

    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.folder)
    }

    /// Writes, reads and removes a small object. Returns whether all of it succeeded.
    async fn small(&mut self) -> bool {
        let key = self.key("small");
        let before = SystemTime::now();
        let written = self.objects.put(&key, SMALL.to_vec(), Put::Replace).await;
        let after = SystemTime::now();
        if self.note(Ask::Write, written).is_none() {
            return false;
        }
        let read = self.objects.get(&key).await;
        let read = self.note(Ask::Read, read);
        match &read {
            Some(Some((content, found))) => {
                self.found.differs |= content != SMALL;
                self.found.clock_ahead_s = Some(ahead_s(before, after, found.modified));
                self.found.latency = self.latency(&key).await;
            }
            Some(None) => self.found.differs = true,
            None => {}
        }
        self.remove(&key).await && read.is_some()
    }

    /// Removes an object. Returns whether it is gone.
    async fn remove(&mut self, key: &str) -> bool {
        let removed = self.objects.delete(key).await;
        let is_removed = self.note(Ask::Remove, removed).is_some();
        if !is_removed {
            self.found.left.push(self.objects.shown(key));
        }
        is_removed
    }

    /// The median time of a small request.
    async fn latency(&self, key: &str) -> Option<Duration> {
        let mut times = Vec::with_capacity(LOOKS);
        for _ in 0..LOOKS {
            let begun = Instant::now();
            self.objects.head(key).await.ok()?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        times.get(LOOKS / 2).copied()
    }

    /// Begins an upload, looks for it among those that have not ended, and drops it.
    async fn unfinished(&mut self) {
        if self.is_over {
            return;
        }
        let key = self.key("dropped");
        let begun = self.objects.begin_upload(&key).await;
        let begun = self.note(Ask::Begin, begun);
        if let Some(upload) = &begun {
            let part = vec![Bytes::from_static(SMALL)];
            let sent = self.objects.put_part(upload, 0, part).await;
            self.note(Ask::Part, sent);
        }
        let listed = self.objects.unfinished_uploads(&self.folder).await;
        if let Some(Some(listed)) = self.note(Ask::Uploads, listed)
            && begun.is_some()
        {
            self.found.lists_uploads = Some(listed.iter().any(|upload| upload.key == key));
        }
        if let Some(upload) = begun {
            self.abort(upload).await;
        }
    }

    async fn abort(&mut self, upload: PartUpload) {
        let aborted = self.objects.abort_upload(&upload.key, &upload.id).await;
        if self.note(Ask::Abort, aborted).is_none() {
            let shown = self.objects.shown(&upload.key);
            self.found.left.push(format!("an upload to {shown}"));
        }
    }

    /// Uploads a large object in parts, reads it and removes it.
    async fn large(&mut self, content: &[Bytes]) {
        let key = self.key("large");
        let begun = Instant::now();
        let upload = self.objects.begin_upload(&key).await;
        let Some(upload) = self.note(Ask::Begin, upload) else {
            return;
        };
        let objects = self.objects.clone();
        let part = |index| objects.put_part(&upload, index, vec![content[index].clone()]);
        let sent = stream::iter(0..PARTS).map(part).buffered(PARTS_UNDER_WAY);
        let sent = sent.try_collect::<Vec<_>>().await;
        let Some(ids) = self.note(Ask::Part, sent) else {
            return self.abort(upload).await;
        };
        let completed = objects.complete_upload(&upload, &ids, TRIAL_BYTES).await;
        if self.note(Ask::Complete, completed).is_none() {
            self.abort(upload).await;
            // It may have been completed, and only its answer lost.
            self.remove(&key).await;
            return;
        }
        self.found.upload = Some(begun.elapsed());
        let begun = Instant::now();
        let read = |index| objects.read(&key, range(index), "");
        let read = stream::iter(0..PARTS).map(read).buffered(PARTS_UNDER_WAY);
        let read = read.try_collect::<Vec<_>>().await;
        if let Some(read) = self.note(Ask::Read, read) {
            self.found.download = Some(begun.elapsed());
            self.found.differs |= read != content;
        }
        self.remove(&key).await;
    }
}

/// The bytes of a part.
const fn range(index: usize) -> std::ops::Range<u64> {
    let start = (index * PART_BYTES) as u64;
    start..start + PART_BYTES as u64
}

/// The large object's parts: no two of their blocks are equal, so that nothing on the way makes them smaller.
fn content() -> Vec<Bytes> {
    let hasher = RandomState::new();
    let part = |index: usize| {
        let words = (0..PART_BYTES / 8).flat_map(|at| hasher.hash_one((index, at)).to_le_bytes());
        words.collect::<Vec<u8>>().into()
    };
    (0..PARTS).map(part).collect()
}

/// Seconds that a clock is ahead which said `told` at a time between two of this machine's. Stores tell whole seconds.
fn ahead_s(before: SystemTime, after: SystemTime, told: SystemTime) -> i64 {
    let seconds = |from: SystemTime, to: SystemTime| {
        to.duration_since(from).map_or(0, |apart| {
            i64::try_from(apart.as_secs()).unwrap_or(i64::MAX)
        })
    };
    match seconds(after, told) {
        0 => -seconds(told + Duration::from_secs(1), before),
        ahead => ahead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Location, StorageConfig};
    use crate::net::storage;

    fn open(url: &str) -> (Objects, StoreUrl) {
        let Ok(Location::Remote(url)) = Location::of(url) else {
            panic!("{url} is a store");
        };
        let objects = storage::open(&url, &StorageConfig::default()).expect("memory");
        (objects, url)
    }

    fn tried(url: &str) -> Store {
        let (objects, url) = open(url);
        objects.wait(|objects| Trial::run(objects, url))
    }

    #[test]
    fn memory_has_every_right_and_nothing_is_left_in_it() {
        let (objects, _) = open("memory://doctor");
        let put = |objects: Objects| async move {
            objects.put("doctor/theirs", "theirs", Put::Create).await
        };
        objects.wait(put).expect("room");
        let store = tried("memory://doctor");
        assert!(store.contact.is_ok(), "{store:?}");
        assert_eq!(store.asked.len(), Ask::ALL.len(), "{store:?}");
        for (ask, ended) in &store.asked {
            assert!(ended.is_ok(), "{ask:?}: {ended:?}");
        }
        assert!(store.latency.is_some() && store.upload.is_some() && store.download.is_some());
        assert!(!store.differs);
        assert!(matches!(store.conditions, Some(Ok(true))), "{store:?}");
        assert_eq!(store.clock_ahead_s, Some(0));
        assert!(store.left.is_empty());
        let left = objects.wait(|objects| async move { objects.list_all("doctor").await });
        let left: Vec<_> = left
            .expect("a list")
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        assert_eq!(left, ["doctor/theirs"]);
    }

    #[test]
    fn what_ended_badly_once_stays_so() {
        let (objects, url) = open("memory://doctor-notes");
        let mut trial = Trial {
            objects: objects.clone(),
            folder: "doctor-notes".to_owned(),
            found: Store::new(url, Ok(())),
            is_over: false,
        };
        assert_eq!(trial.note(Ask::Read, Ok(1)), Some(1));
        let denied = || objects.error(Kind::Denied, "read", "x");
        assert_eq!(trial.note(Ask::Read, Err::<(), _>(denied())), None);
        trial.note(Ask::Read, Ok(()));
        assert!(matches!(&trial.found.asked[..], [(Ask::Read, Err(_))]));
        assert!(!trial.is_over);
        let away = objects.error(Kind::Away, "write", "x");
        trial.note(Ask::Write, Err::<(), _>(away));
        assert!(trial.is_over);
    }

    #[test]
    fn a_clock_is_ahead_or_behind_only_beyond_what_a_request_can_tell() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        for (told_ms, ahead) in [
            (100_000, 0),
            (99_000, 0),
            (102_999, 0),
            (162_500, 60),
            (39_400, -60),
        ] {
            assert_eq!(
                ahead_s(at(100_400), at(102_000), at(told_ms)),
                ahead,
                "{told_ms}"
            );
        }
    }
}
