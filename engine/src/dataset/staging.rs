//! Owns where a run writes until it commits: the dataset's folder, the temporary names of files, and the
//! claim that lets one of several workers at a time publish a shard. Never renames.
//!
//! Several processes, on several machines, may do parts of one plan in one folder. Their temporary names
//! contain a word unique to each run, so that two that do the same shard do not write into each other's
//! files. A shard that is done again has another word, which distinguishes the files of its tries. Of two
//! workers with one shard, one publishes all of it and the other nothing: a claim is a file that only one
//! process can create (O_EXCL, which also holds on network file systems, where locks may not). Its holder
//! needs it for a few fsyncs; a claim that stays the same for a minute is a dead worker's.

use std::future::poll_fn;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::FutureExt;

use crate::dataset::disk::{Disk, Stamp};
use crate::dataset::gate::Gate;
use crate::dataset::names::{CLAIM, temporary_name};

/// How long to wait for a claim. Its holder needs a few fsyncs.
const CLAIM_WAIT_MAX: Duration = Duration::from_secs(60);
/// How often a claim is checked.
const CLAIM_TICK: Duration = Duration::from_millis(50);

/// Attempt numbers that no try of a shard has.
const WITHDRAWAL: u16 = 0xfffe;
const EMPTYING: u16 = 0xffff;

/// Where a run writes in the dataset's folder.
#[derive(Clone)]
pub(crate) struct Staging {
    disk: Arc<dyn Disk>,
    folder: Arc<Path>,
    /// The first 12 hex digits of the run's word.
    run: Arc<str>,
    /// Its last 4.
    attempt: u16,
    shared: bool,
    /// Admits the creation of files.
    creation: Gate,
}

impl Staging {
    /// Staging for one run; `shared` if others may write to the folder at the same time.
    pub(crate) fn new(disk: Arc<dyn Disk>, folder: PathBuf, shared: bool) -> Self {
        Self {
            disk,
            folder: folder.into(),
            run: random_word().into(),
            attempt: 0,
            shared,
            creation: Gate::default(),
        }
    }

    /// Creates a file or a folder.
    ///
    /// # Errors
    /// `Interrupted` once staging is closed.
    pub(crate) fn create<T>(&self, create: impl FnOnce() -> T) -> io::Result<T> {
        let created = self.creation.through(create);
        created.ok_or_else(|| io::ErrorKind::Interrupted.into())
    }

    /// Creates a file in several steps, none of which begins once staging is closed.
    ///
    /// # Errors
    /// The future's, and those of [`Staging::create`].
    pub(crate) async fn create_async<T>(
        &self,
        mut creating: impl Future<Output = io::Result<T>> + Unpin,
    ) -> io::Result<T> {
        poll_fn(|context| {
            let step = self.create(|| creating.poll_unpin(context));
            step.unwrap_or_else(|error| Poll::Ready(Err(error)))
        })
        .await
    }

    /// Lets this run create nothing any more. Waits for what is being created, but at most for `limit`: the
    /// disk may never answer.
    pub(crate) fn close(&self, limit: Duration) {
        // Whether nothing is left makes no difference here: the next run removes it.
        let _ = self.creation.close(limit);
    }

    /// The disk.
    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.disk
    }

    /// The dataset's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Staging of the same run in another folder.
    #[must_use]
    pub(crate) fn within(&self, folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            ..self.clone()
        }
    }

    /// Whether other runs may write to the folder.
    pub(crate) fn is_shared(&self) -> bool {
        self.shared
    }

    /// Staging with temporary names for a later try of a shard.
    #[must_use]
    pub(crate) fn for_attempt(&self, attempt: u32) -> Self {
        Self {
            // More tries than these find the names of the first free again.
            attempt: (attempt % u32::from(WITHDRAWAL)) as u16,
            ..self.clone()
        }
    }

    /// Staging with temporary names for a shard whose mark is withdrawn.
    #[must_use]
    pub(crate) fn for_withdrawal(&self) -> Self {
        Self {
            attempt: WITHDRAWAL,
            ..self.clone()
        }
    }

    /// Staging with the temporary name of a mark without content.
    #[must_use]
    pub(crate) fn for_emptying(&self) -> Self {
        Self {
            attempt: EMPTYING,
            ..self.clone()
        }
    }

    /// The name a file has until it is committed: hidden, in the same folder, this run's own.
    pub(crate) fn temporary(&self, name: &str) -> PathBuf {
        self.folder.join(temporary_name(name, &self.word()))
    }

    /// The word in temporary names.
    pub(crate) fn word(&self) -> String {
        format!("{}{:04x}", self.run, self.attempt)
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

/// A run's word of 12 hex digits.
pub(super) fn random_word() -> String {
    format!("{:012x}", random() >> 16)
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
        let [one, other] = [(); 2].map(|()| Staging::new(disk::real(), "out".into(), true));
        let temporary = one.temporary("00000.tar");
        assert_ne!(temporary, other.temporary("00000.tar"));
        let name = temporary.file_name().expect("a name").to_string_lossy();
        let (_, word) = temporary_parts(&name).expect("a temporary name");
        assert!(one.owns_word(word));
        assert!(!other.owns_word(word));
    }

    #[test]
    fn each_try_has_names_of_its_own_that_are_the_runs() {
        let place = Staging::new(disk::real(), "out".into(), false);
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
        let place = Staging::new(disk::real(), "no-such-folder".into(), false);
        assert!(
            place
                .claim("00000_stats.json")
                .expect("nothing to do")
                .is_none()
        );
    }
}
