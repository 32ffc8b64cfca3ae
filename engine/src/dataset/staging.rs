//! Owns where a run writes: the dataset's folder, the names that files have until they are committed,
//! and the claim that lets one of several workers at a time publish a shard. Never renames.
//!
//! Several processes, on several machines, may do parts of one plan in one folder. Their temporary
//! names differ by a word of each run's own, so that two that do the same shard do not write into each
//! other's files. A shard that is done again has another word too: what its first try left is told from
//! the second's. Of these two one must publish the whole shard, and the other none of it: a claim is a
//! file that only one can make (O_EXCL, which holds on network file systems where locks do not). Its
//! holder lives for a few fsyncs; who finds the same claim for a minute takes it for a dead worker's.

use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::FutureExt;

use crate::dataset::disk::{Disk, Stamp};
use crate::dataset::names::{CLAIM, temporary_name};

/// Time for which a claim is waited for. Its holder needs a few fsyncs.
const CLAIM_WAIT_MAX: Duration = Duration::from_secs(60);
/// Time between two looks at what is being made.
const DOOR_TICK: Duration = Duration::from_millis(1);
/// Time between two looks at a claim.
const CLAIM_TICK: Duration = Duration::from_millis(50);

/// The ends of words that are no shard's tries.
const WITHDRAWAL: u16 = 0xfffe;
const EMPTYING: u16 = 0xffff;

/// A run's place in the dataset's folder.
#[derive(Clone)]
pub(crate) struct Place {
    disk: Arc<dyn Disk>,
    folder: Arc<Path>,
    /// The first 12 hex digits of its word.
    run: Arc<str>,
    /// The last 4.
    attempt: u16,
    shared: bool,
    door: Arc<Door>,
}

/// Whether this run still makes files, and how many are being made.
#[derive(Default)]
struct Door {
    closed: AtomicBool,
    inside: AtomicUsize,
}

/// A file of the run is being made; over with this value.
struct Making<'a>(&'a Door);

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Place {
    /// A place for one run; `shared` where others may write to the folder at the same time.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, shared: bool) -> Self {
        Self {
            disk,
            folder: folder.into(),
            run: format!("{:012x}", random() >> 16).into(),
            attempt: 0,
            shared,
            door: Arc::default(),
        }
    }

    /// Makes a file or a folder, or takes a step of it.
    ///
    /// # Errors
    /// `make`'s, and `Interrupted` once the place is closed.
    pub(crate) fn make<T>(&self, make: impl FnOnce() -> T) -> io::Result<T> {
        self.door.inside.fetch_add(1, Ordering::SeqCst);
        let _making = Making(&self.door);
        if self.door.closed.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(make())
    }

    /// The same for what takes many steps: none is taken once the place is closed.
    ///
    /// # Errors
    /// As for [`Place::make`].
    pub(crate) async fn make_slowly<T>(
        &self,
        mut making: impl Future<Output = io::Result<T>> + Unpin,
    ) -> io::Result<T> {
        poll_fn(|context| {
            let step = self.make(|| making.poll_unpin(context));
            step.unwrap_or_else(|error| Poll::Ready(Err(error)))
        })
        .await
    }

    /// Lets this run make nothing any more, for good. Waits for what is being made, but no longer than
    /// `limit`: its disk may never answer.
    pub(crate) fn close(&self, limit: Duration) {
        self.door.closed.store(true, Ordering::SeqCst);
        let end = Instant::now() + limit;
        while self.door.inside.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            thread::sleep(DOOR_TICK);
        }
    }

    /// The disk that it is on.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// The dataset's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether other runs may write to the folder.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// The same place with temporary names for a shard's next try.
    #[must_use]
    pub(crate) fn for_attempt(&self, attempt: u32) -> Self {
        Self {
            // More tries than these find the names of the first free again.
            attempt: (attempt % u32::from(WITHDRAWAL)) as u16,
            ..self.clone()
        }
    }

    /// The same place with the temporary names of a shard whose mark is taken away.
    #[must_use]
    pub(crate) fn for_withdrawal(&self) -> Self {
        Self {
            attempt: WITHDRAWAL,
            ..self.clone()
        }
    }

    /// The same place with the temporary name of a mark without content.
    #[must_use]
    pub(crate) fn for_emptying(&self) -> Self {
        Self {
            attempt: EMPTYING,
            ..self.clone()
        }
    }

    /// The name a file has until it is committed: hidden, in the same folder, this run's own.
    pub(crate) fn temporary(&self, name: &str) -> PathBuf {
        let word = format!("{}{:04x}", self.run, self.attempt);
        self.folder.join(temporary_name(name, &word))
    }

    /// Whether the word of a temporary name is this run's, of any of its tries.
    pub(crate) fn owns_word(&self, word: &str) -> bool {
        word.starts_with(&*self.run)
    }

    /// Waits until nobody else publishes `name`, and keeps others from it; none where the folder is
    /// this run's alone.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn claim(&self, name: &str) -> io::Result<Option<Claim>> {
        if !self.shared {
            return Ok(None);
        }
        let path = self.folder.join(temporary_name(name, CLAIM));
        Claim::take(self.disk.clone(), path, CLAIM_WAIT_MAX).map(Some)
    }
}

/// Differs between any two runs, of any machine.
fn random() -> u64 {
    // Its keys are the system's randomness; a forked process has its parent's.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    hasher.write_u128(now.map_or(0, |since| since.as_nanos()));
    hasher.finish()
}

/// The right to publish one name; it goes with this value.
pub(crate) struct Claim {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl Claim {
    fn take(disk: Arc<dyn Disk>, path: PathBuf, wait_max: Duration) -> io::Result<Self> {
        let mut seen: Option<(Stamp, Instant)> = None;
        loop {
            match disk.create_new(&path) {
                Ok(()) => return Ok(Self { disk, path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            // Gone between the two calls: it is to be had.
            let Some(stamp) = disk.stamp(&path)? else {
                continue;
            };
            match seen {
                Some((same, since)) if same == stamp => {
                    if since.elapsed() >= wait_max && disk.stamp(&path)? == Some(stamp) {
                        tracing::warn!(claim = %path.display(), "a claim was left behind; it is taken over");
                        disk.remove(&path)?;
                        continue;
                    }
                }
                _ => seen = Some((stamp, Instant::now())),
            }
            thread::sleep(CLAIM_TICK);
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What stays behind is taken over after a while.
        let _ = self.disk.remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::dataset::disk;
    use crate::dataset::names::temporary_parts;

    fn path(folder: &tempfile::TempDir) -> PathBuf {
        folder.path().join(".00000_stats.json.claim.part")
    }

    #[test]
    fn two_runs_have_temporary_names_of_their_own() {
        let [one, other] = [(); 2].map(|()| Place::new(disk::real(), "out".into(), true));
        let temporary = one.temporary("00000.tar");
        assert_ne!(temporary, other.temporary("00000.tar"));
        let name = temporary.file_name().expect("a name").to_string_lossy();
        let (_, word) = temporary_parts(&name).expect("a temporary name");
        assert!(one.owns_word(word));
        assert!(!other.owns_word(word));
    }

    #[test]
    fn each_try_has_names_of_its_own_that_are_the_runs() {
        let place = Place::new(disk::real(), "out".into(), false);
        let all = [
            place.for_attempt(0),
            place.for_attempt(1),
            place.for_attempt(2),
            place.for_withdrawal(),
            place.for_emptying(),
        ];
        let names = all.map(|place| place.temporary("00000.tar"));
        for (at, path) in names.iter().enumerate() {
            let name = path.file_name().expect("a name").to_string_lossy();
            let word = temporary_parts(&name).map(|(_, word)| word);
            assert!(word.is_some_and(|word| place.owns_word(word)), "{name}");
            assert!(!names[..at].contains(path), "{name}");
        }
    }

    #[test]
    fn one_claim_is_held_at_a_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let inside = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5 {
                        let claim = Claim::take(disk::real(), path(&folder), CLAIM_WAIT_MAX)
                            .expect("a claim");
                        assert!(!inside.swap(true, Ordering::SeqCst), "two are inside");
                        thread::yield_now();
                        inside.store(false, Ordering::SeqCst);
                        drop(claim);
                    }
                });
            }
        });
        assert!(!path(&folder).exists());
    }

    #[test]
    fn a_dead_workers_claim_is_taken_over_and_a_living_ones_is_not() {
        let folder = tempfile::tempdir().expect("a folder");
        std::mem::forget(
            Claim::take(disk::real(), path(&folder), CLAIM_WAIT_MAX).expect("a claim"),
        );
        let begun = Instant::now();
        let wait = Duration::from_millis(200);
        let claim = Claim::take(disk::real(), path(&folder), wait).expect("the dead one's");
        assert!(begun.elapsed() >= wait);
        drop(claim);
        assert!(!path(&folder).exists());
    }

    #[test]
    fn a_folder_of_ones_own_needs_no_claim() {
        let place = Place::new(disk::real(), "no-such-folder".into(), false);
        assert!(
            place
                .claim("00000_stats.json")
                .expect("nothing to do")
                .is_none()
        );
    }
}
