//! Owns the cache file. Delegations come first, then addresses, so that a smaller cache loads what saves
//! most. Never saves a failure, and never loads a file whose checksum does not match.
//!
//! Layout, little endian: magic and version (8 bytes); Unix time of saving in s (8); per entry the end
//! of its TTL relative to that in s (4, signed), packed length (2), packed bytes; CRC-32C of all before
//! (4). The file is written in place: a crash leaves a file that fails its checksum, which costs a cold
//! start. A file that does not begin with the magic is not ours and is never overwritten.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::cache::{RecordCache, STALE_MAX_S};
use super::entry::{self, Tag};
use crate::answer::DnsError;
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;

/// The last two bytes are the version of the layout.
const MAGIC: [u8; 8] = *b"t2dDNS\x00\x01";
/// Length of the prefix common to all versions.
const MAGIC_BYTES: usize = 6;
const HEAD_BYTES: usize = 16;
const ENTRY_HEAD_BYTES: usize = 6;
const SUM_BYTES: usize = 4;

/// Why a cache file was not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheFileError {
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable(#[from] io::Error),
    /// It is larger than a cache of this size writes.
    #[error("is larger than the cache")]
    TooLarge,
    /// It is truncated, modified, of another version, or not a cache file.
    #[error("is broken or of another version")]
    Broken,
    /// It holds other data, which must not be overwritten.
    #[error("is not a cache of names")]
    NotACache,
}

/// Checks that a cache may be saved at `path`: there is nothing, an empty file, or a cache file, intact
/// or not.
///
/// # Errors
/// `NotACache` for anything else, `Unreadable` with the system's error.
pub fn check_cache_file(path: &Path) -> Result<(), CacheFileError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(CacheFileError::NotACache),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut start = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAGIC_BYTES as u64).read_to_end(&mut start)?;
    if start.is_empty() || start == MAGIC[..MAGIC_BYTES] {
        Ok(())
    } else {
        Err(CacheFileError::NotACache)
    }
}

/// Writes the cache to `path`; `now` is `unix_s` on the wall clock.
///
/// # Errors
/// The system's.
pub(crate) fn save(cache: &RecordCache, path: &Path, now: Time, unix_s: u64) -> io::Result<()> {
    // Another program may have created it since the start.
    check_cache_file(path).map_err(io::Error::other)?;
    let mut out = Summed {
        inner: BufWriter::new(fs::File::create(path)?),
        sum: 0,
    };
    out.put(&MAGIC)?;
    out.put(&unix_s.to_le_bytes())?;
    for delegations in [true, false] {
        for (data, good_until_s) in cache.store.entries() {
            if (data.first() == Some(&Tag::Delegation.byte())) == delegations && is_saved(data) {
                let left = i64::from(good_until_s) - i64::from(entry::secs(now));
                let left = i32::try_from(left).unwrap_or(i32::MAX);
                out.put(&left.to_le_bytes())?;
                out.put(&u16::try_from(data.len()).unwrap_or_default().to_le_bytes())?;
                out.put(data)?;
            }
        }
    }
    let sum = out.sum.to_le_bytes();
    out.put(&sum)?;
    out.inner.flush()
}

/// Whether an entry is saved: everything but failures.
fn is_saved(data: &[u8]) -> bool {
    is_failure(data).is_some_and(|failed| !failed)
}

/// Loads the entries of a file, as far as the bound allows, and returns how many.
///
/// # Errors
/// The file cannot be used; nothing of it was loaded.
pub(crate) fn load(
    cache: &mut RecordCache,
    path: &Path,
    now: Time,
    unix_s: u64,
) -> Result<usize, CacheFileError> {
    let len = fs::metadata(path)?.len();
    // An entry takes more bytes in memory than in the file.
    if len > cache.store.bytes_max() as u64 + (HEAD_BYTES + SUM_BYTES) as u64 {
        return Err(CacheFileError::TooLarge);
    }
    let bytes = fs::read(path)?;
    let (body, sum) = bytes
        .split_last_chunk::<SUM_BYTES>()
        .ok_or(CacheFileError::Broken)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(CacheFileError::Broken);
    }
    let rest = body.strip_prefix(&MAGIC).ok_or(CacheFileError::Broken)?;
    let (saved, mut rest) = rest
        .split_first_chunk::<8>()
        .ok_or(CacheFileError::Broken)?;
    // A wall clock that was set back does not make entries younger.
    let age_s = unix_s.saturating_sub(u64::from_le_bytes(*saved));
    let mut loaded = 0;
    while let Some((head, after)) = rest.split_first_chunk::<ENTRY_HEAD_BYTES>() {
        let [a, b, c, d, low, high] = *head;
        let left_s = i64::from(i32::from_le_bytes([a, b, c, d]));
        let data_bytes = usize::from(u16::from_le_bytes([low, high]));
        let Some((data, after)) = after.split_at_checked(data_bytes) else {
            break;
        };
        rest = after;
        loaded += usize::from(load_entry(cache, data, left_s, age_s, now));
    }
    Ok(loaded)
}

/// Loads one entry that had `left_s` seconds of its TTL left `age_s` seconds ago; returns whether it did.
fn load_entry(cache: &mut RecordCache, data: &[u8], left_s: i64, age_s: u64, now: Time) -> bool {
    let age_s = i64::try_from(age_s).unwrap_or(i64::MAX);
    let left_s = left_s.saturating_sub(age_s);
    let usable = left_s > -i64::from(STALE_MAX_S) && is_failure(data).is_some();
    let until = i64::from(entry::secs(now)).saturating_add(left_s);
    match u32::try_from(until) {
        Ok(until_s) if usable && cache.store.has_room(data) => {
            cache.store.put(data.into(), until_s);
            true
        }
        _ => false,
    }
}

/// Whether a packed entry is a failure; `None` if it is malformed.
fn is_failure(data: &[u8]) -> Option<bool> {
    let (tag, _, payload) = entry::split(data)?;
    let kind = match tag {
        Tag::Delegation => return entry::read_delegation(payload).map(|_| false),
        Tag::A => Kind::A,
        Tag::Aaaa => Kind::Aaaa,
    };
    let outcome = entry::read_outcome(kind, payload)?;
    Some(matches!(
        outcome,
        entry::Outcome::Error(DnsError::Failure | DnsError::TimedOut)
    ))
}

/// A writer that computes the checksum of what it writes.
struct Summed<W> {
    inner: W,
    sum: u32,
}

impl<W: Write> Summed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        self.inner.write_all(bytes)
    }
}
